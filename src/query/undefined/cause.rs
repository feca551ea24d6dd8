//! Causes of undefined symbols: what was found, in words, with the remedy.
//!
//! In: a [`Cause`] and the tables it speaks of. Out: text. One variant per row of KL 7.3, and the rows
//! that only a link has.

use crate::ids::{ArchiveId, FileId};
use crate::load::sources::SourceHint;
use crate::program::Program;
use crate::query::kernel::module::Module;

/// Why a link did not take a member that defines the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberReason {
    /// The archive has no symbol index, and this linker needs one.
    NoIndex,
    /// The index does not list the name.
    StaleIndex,
    /// The archive stands before everything that asks for the name.
    Order,
    /// Something else (exclusion, another rule of the linker).
    Other,
}

/// Why a symbol is undefined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Nothing that was read defines it, and the sources tell where it would come from.
    NotBuilt(Box<SourceHint>),
    /// Nothing that was read defines it.
    Unknown,
    /// Defined and not exported: where.
    NotExported(FileId),
    /// Defined in a module that does not export it.
    NotExportedByModule(usize),
    /// Only a local symbol of that name exists: where.
    LocalOnly(FileId),
    /// Only a local symbol of a module.
    LocalInModule(usize),
    /// Exported by an archive member that is not in the link.
    ExportNotLinked(FileId),
    /// Exported, and the export's table entry was removed or discarded.
    ExportCollected(FileId),
    /// Exported by a module that is not built or not listed: its path.
    ExporterMissing(String),
    /// The export was trimmed: the file that has its record or marker.
    Trimmed(FileId),
    /// Exported into a namespace that the module does not import.
    Namespace(String),
    /// Exported to a list of modules that the module is not on.
    Restricted(String),
    /// Exported to modules under the GPL only; the module's licences.
    GplOnly(String),
    /// An input that cannot be read may define it: its label, what it is, whether it is known to.
    Opaque {
        /// The input or the module's part.
        file: String,
        /// What it is.
        what: String,
        /// The input's own symbol table has the name.
        defines: bool,
    },
    /// `Module.symvers` does not fit the objects: why.
    StaleSymvers(String),
    /// A routine of the compiler's support library.
    ArchHelper,
    /// A bound of a section that the output does not have.
    StartStop(String),
    /// Exported without a version checksum.
    NoCrc(FileId),
    /// Code of the image needs what only a module defines.
    BuiltinNeedsModule(usize),
    /// Weak: no error, the address is zero.
    Weak,
    /// An archive member defines it and the link does not take that member.
    MemberNotTaken {
        /// The member.
        member: FileId,
        /// Why not.
        reason: MemberReason,
        /// For [`MemberReason::Order`]: the last file that asks.
        after: Option<FileId>,
    },
    /// Only this member refers to it, which is in the link through `--whole-archive` alone.
    DraggedIn {
        /// The member that nothing needs.
        member: FileId,
        /// Its archive.
        archive: ArchiveId,
    },
    /// A module without licence whose parts are readable.
    NoLicence,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn module_path(modules: &[Module<'_>], at: usize) -> String {
    modules.get(at).map_or(String::new(), |m| text(&m.path))
}

impl Cause {
    /// The word for it in machine formats.
    pub fn word(&self) -> &'static str {
        match self {
            Cause::NotBuilt(_) => "not-built",
            Cause::Unknown => "not-defined",
            Cause::NotExported(_) | Cause::NotExportedByModule(_) => "not-exported",
            Cause::LocalOnly(_) | Cause::LocalInModule(_) => "local",
            Cause::ExportNotLinked(_) => "export-not-linked",
            Cause::ExportCollected(_) => "export-collected",
            Cause::ExporterMissing(_) => "exporter-missing",
            Cause::Trimmed(_) => "trimmed",
            Cause::Namespace(_) => "namespace",
            Cause::Restricted(_) => "restricted",
            Cause::GplOnly(_) => "gpl-only",
            Cause::Opaque { .. } => "opaque-input",
            Cause::StaleSymvers(_) => "stale-symvers",
            Cause::ArchHelper => "arch-helper",
            Cause::StartStop(_) => "start-stop",
            Cause::NoCrc(_) => "no-crc",
            Cause::BuiltinNeedsModule(_) => "built-in-needs-module",
            Cause::Weak => "weak",
            Cause::MemberNotTaken { .. } => "member-not-taken",
            Cause::DraggedIn { .. } => "dragged-in",
            Cause::NoLicence => "no-licence",
        }
    }

    /// What was found, as the end of a sentence.
    pub fn explain(&self, program: &Program<'_>, modules: &[Module<'_>], name: &[u8]) -> String {
        let name = text(name);
        match self {
            Cause::NotBuilt(hint) => {
                let at = format!("{}:{}", hint.file, hint.line);
                let kind =
                    if hint.is_static { "a static or inline definition stands" } else { "it is defined" };
                match &hint.makefile {
                    Some(line) if !line.off.is_empty() => {
                        let verb = if line.off.len() == 1 { "is" } else { "are" };
                        let off = line.off.join(" and ");
                        format!("{kind} in {at}, which is not built: {off} {verb} off")
                    }
                    _ if hint.is_static => format!("{kind} in {at}, and no object has it"),
                    _ => format!("{kind} in {at}, which is not built"),
                }
            }
            Cause::Unknown if modules.is_empty() => {
                "nothing that was read defines it: an input is missing, or the name is wrong".into()
            }
            Cause::Unknown => "nothing that was read defines it: not built, or the name is wrong".into(),
            Cause::NotExported(file) => {
                format!("defined in {}, and no object exports it", program.label(*file))
            }
            Cause::NotExportedByModule(at) => {
                format!("defined in {}, which does not export it", module_path(modules, *at))
            }
            Cause::LocalOnly(file) => {
                format!("only a local (static) symbol of that name exists, in {}", program.label(*file))
            }
            Cause::LocalInModule(at) => {
                let path = module_path(modules, *at);
                format!("only a local (static) symbol of that name exists, in {path}")
            }
            Cause::ExportNotLinked(file) => {
                format!("exported by {}, which is not in the link", program.label(*file))
            }
            Cause::ExportCollected(file) => {
                format!("exported by {}, whose table entry does not reach the output", program.label(*file))
            }
            Cause::ExporterMissing(module) => {
                format!("exported by {module}, which is not built or not in modules.order")
            }
            Cause::Trimmed(file) => {
                format!("exported by {}, and trimmed as unused", program.label(*file))
            }
            Cause::Namespace(namespace) => format!("exported into namespace {namespace}, not imported"),
            Cause::Restricted(list) => format!("exported to these modules only: {list}"),
            Cause::GplOnly(licences) if licences.is_empty() => {
                "exported to modules under the GPL only, and this one names no licence".into()
            }
            Cause::GplOnly(licences) => {
                format!("exported to modules under the GPL only, and the licence is {licences}")
            }
            Cause::Opaque { file, what, defines: true } => format!("{file} defines it, but {what}"),
            Cause::Opaque { file, what, defines: false } => {
                format!("nothing readable defines it, and {file} may: {what}")
            }
            Cause::StaleSymvers(why) => format!("Module.symvers does not fit: {why}"),
            Cause::ArchHelper => "a routine of the compiler's support library, which this tree lacks".into(),
            Cause::StartStop(section) => {
                format!("a bound of section {section}, and there is no such section to bound")
            }
            Cause::NoCrc(file) => format!("exported by {} without a version checksum", program.label(*file)),
            Cause::BuiltinNeedsModule(at) => {
                format!("only {} defines it, which is a module", module_path(modules, *at))
            }
            Cause::Weak => "a weak reference: no error, the address is zero".into(),
            Cause::MemberNotTaken { member, reason, after } => {
                let member = program.label(*member);
                match (reason, after) {
                    (MemberReason::NoIndex, _) => {
                        format!("{member} defines it, and the archive has no symbol index")
                    }
                    (MemberReason::StaleIndex, _) => {
                        format!("{member} defines it, and the archive's symbol index does not list it")
                    }
                    (MemberReason::Order, Some(after)) => {
                        format!(
                            "{member} defines it, and stands before {}, which asks",
                            program.label(*after)
                        )
                    }
                    _ => format!("{member} defines it, and the link does not take that member"),
                }
            }
            Cause::DraggedIn { member, .. } => format!(
                "only {} refers to it, which nothing needs and --whole-archive takes; nothing defines {name}",
                program.label(*member)
            ),
            Cause::NoLicence => "no readable part has MODULE_LICENSE".into(),
        }
    }

    /// What to do; empty if there is nothing to do.
    pub fn remedy(&self, program: &Program<'_>, modules: &[Module<'_>], name: &[u8]) -> String {
        let name = text(name);
        match self {
            Cause::NotBuilt(hint) => match &hint.makefile {
                Some(line) if !line.off.is_empty() => format!(
                    "enable {} ({}:{}: {}), or depend on it",
                    line.off.join(" and "),
                    line.file,
                    line.line,
                    line.text
                ),
                Some(line) => format!("see {}:{}: {}", line.file, line.line, line.text),
                None => String::new(),
            },
            Cause::Unknown => String::new(),
            Cause::NotExported(_) | Cause::NotExportedByModule(_) => {
                format!("add EXPORT_SYMBOL_GPL({name}) behind its definition")
            }
            Cause::LocalOnly(_) | Cause::LocalInModule(_) => {
                format!("a static symbol cannot be exported: make {name} global and export it")
            }
            Cause::ExportNotLinked(file) => match program.files[*file].archive {
                Some(_) => format!(
                    "build {} with obj-y instead of lib-y, or link {} with --whole-archive",
                    text(program.files[*file].member),
                    text(program.files[*file].path)
                ),
                None => "link the object outside --start-lib".into(),
            },
            Cause::ExportCollected(_) => "KEEP the export tables in the linker script".into(),
            Cause::ExporterMissing(module) => {
                format!(
                    "build {module} too, name its Module.symvers in KBUILD_EXTRA_SYMBOLS, or depend on it"
                )
            }
            Cause::Trimmed(_) => {
                format!(
                    "name {name} in the file of CONFIG_UNUSED_KSYMS_WHITELIST, or turn CONFIG_TRIM_UNUSED_KSYMS off"
                )
            }
            Cause::Namespace(namespace) => format!("add MODULE_IMPORT_NS(\"{namespace}\") to the module"),
            Cause::Restricted(_) => "use another interface: this one is not for other modules".into(),
            Cause::GplOnly(_) => "use an export without _GPL, or a GPL compatible licence".into(),
            Cause::Opaque { .. } => {
                "link the intermediate code first (vmlinux.o), or build the object without LTO".into()
            }
            Cause::StaleSymvers(_) => "rebuild vmlinux and the modules (make vmlinux modules)".into(),
            Cause::ArchHelper => {
                "use the kernel's own helpers (div_u64 and the like), or add the routine to lib-y".into()
            }
            Cause::StartStop(section) => {
                format!("give the module a section {section}, or define the bounds in its linker script")
            }
            Cause::NoCrc(_) => format!("declare {name} in asm/asm-prototypes.h"),
            Cause::BuiltinNeedsModule(at) => format!(
                "build {} in, or guard the call with IS_REACHABLE",
                modules.get(*at).map_or(String::new(), |m| text(&m.base_name()))
            ),
            Cause::Weak => String::new(),
            Cause::MemberNotTaken { member, reason, .. } => {
                let archive = text(program.files[*member].path);
                match reason {
                    MemberReason::NoIndex => {
                        format!("link {archive} with --whole-archive, or run ranlib on it")
                    }
                    MemberReason::StaleIndex => format!("run ranlib on {archive}"),
                    MemberReason::Order => format!(
                        "link {archive} with --whole-archive, put it behind who asks, or both between \
                         --start-group and --end-group"
                    ),
                    MemberReason::Other => {
                        format!("link {archive} with --whole-archive, or demand it with -u")
                    }
                }
            }
            Cause::DraggedIn { archive, .. } => {
                format!("leave {} on demand, or define {name}", text(program.archives[*archive].path))
            }
            Cause::NoLicence => "add MODULE_LICENSE".into(),
        }
    }

    /// The archive member whose way into the link is what is to be changed.
    pub(super) fn member(&self) -> Option<FileId> {
        match self {
            Cause::ExportNotLinked(member)
            | Cause::MemberNotTaken { member, .. }
            | Cause::DraggedIn { member, .. } => Some(*member),
            _ => None,
        }
    }

    /// The place to fix, where the cause itself names it: file and line.
    pub fn location(&self) -> Option<(String, u32)> {
        let Cause::NotBuilt(hint) = self else { return None };
        let line = hint.makefile.as_ref()?;
        Some((line.file.clone(), line.line))
    }
}
