//! Undefined symbols of modules, as modpost sees them: each needed name must be exported by the image or
//! by another module, in a namespace that is imported, under a licence that fits.
//!
//! In: modules, exports, facts. Out: rows; a module whose needs are all met has none.

use bstr::BString;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::cause::Cause;
use super::evidence::{self, Evidence};
use super::modpost::Wording;
use super::{Needer, Row, helpers, link};
use crate::ids::FileId;
use crate::query::Analysis;
use crate::query::finding::Level;
use crate::query::kernel::exports::{ExportRow, Exporter, Exports, State};
use crate::query::kernel::facts::{KernelFacts, KernelVersion};
use crate::query::kernel::module::{Module, Needed, Unread};
use crate::query::kernel::symvers;

/// Everything that a module's needs are held against.
pub(super) struct Context<'a, 'd> {
    pub(super) analysis: &'a Analysis<'d>,
    pub(super) exports: &'a Exports<'d>,
    pub(super) modules: &'a [Module<'d>],
    pub(super) facts: &'a KernelFacts,
}

/// Rows of the modules at these positions.
pub(super) fn rows(context: &Context<'_, '_>, wanted: &[usize]) -> Vec<Row> {
    let symvers = context.facts.symvers.as_deref().map(symvers::parse);
    let lines = symvers.iter().flat_map(|s| &s.lines);
    let listed: HashMap<&[u8], &[u8], FixedState> = lines.map(|l| (l.name, l.module)).collect();
    let versioned = context
        .facts
        .is_on("CONFIG_MODVERSIONS")
        .unwrap_or_else(|| context.exports.rows.iter().any(|r| r.crc.is_some_and(|crc| crc != 0)));
    // First what nothing offers, so that symbol tables are searched once.
    let mut missing: Vec<&[u8]> = Vec::new();
    for module in wanted.iter().filter_map(|&at| context.modules.get(at)) {
        for needed in &module.needs {
            let name = plain(needed.name);
            if context.exports.find(name).is_none_or(|r| r.state != State::Linked) {
                missing.push(name);
            }
        }
    }
    missing.sort_unstable();
    missing.dedup();
    let evidence = evidence::collect(&context.analysis.program, context.modules, &missing);
    let opaque =
        if missing.is_empty() { Vec::new() } else { evidence::opaque_inputs(&context.analysis.program) };
    let judge = Judge { context, listed: &listed, evidence: &evidence, opaque: &opaque, versioned };
    let mut out = Vec::new();
    for &at in wanted {
        if let Some(module) = context.modules.get(at) {
            judge.module(at, module, &mut out);
        }
    }
    out
}

/// A name as modpost compares it: no leading dot, no number behind a dot (KL 7.1).
fn plain(name: &[u8]) -> &[u8] {
    let name = name.strip_prefix(b".").filter(|n| !n.is_empty()).unwrap_or(name);
    let Some(dot) = name.iter().rposition(|&b| b == b'.').filter(|&at| at > 0) else { return name };
    match name.get(dot + 1..) {
        Some(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            name.get(..dot).unwrap_or(name)
        }
        _ => name,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

struct Judge<'a, 'd> {
    context: &'a Context<'a, 'd>,
    listed: &'a HashMap<&'a [u8], &'a [u8], FixedState>,
    evidence: &'a HashMap<&'a [u8], Evidence, FixedState>,
    opaque: &'a [(FileId, String)],
    versioned: bool,
}

impl Judge<'_, '_> {
    fn wording(&self, module: &Module<'_>) -> Wording {
        Wording::of(self.context.facts.version.or_else(|| module.vermagic.and_then(KernelVersion::parse)))
    }

    fn module(&self, at: usize, module: &Module<'_>, out: &mut Vec<Row>) {
        let path = text(&module.name);
        let wording = self.wording(module);
        let row = |name: &[u8], level, cause, message| Row {
            name: BString::from(name),
            needer: Needer::Module(at),
            level,
            cause,
            message,
            referrers: Vec::new(),
            referrer_count: 0,
            near: None,
            place: None,
        };
        // modpost is silent about what it cannot read, and so misses its licence (KL 7.1).
        if let Some(unread) = &module.unread {
            let cause = opaque_part(module, unread);
            out.push(row(b"", Level::Error, cause, wording.no_licence(&path)));
            return;
        }
        if module.licences.is_empty() {
            let cause = match module.bad_parts.first() {
                Some((part, unread)) => {
                    Cause::Opaque { file: text(part), what: unread.message(), defines: true }
                }
                None => Cause::NoLicence,
            };
            out.push(row(b"", Level::Error, cause, wording.no_licence(&path)));
        }
        for needed in &module.needs {
            let name = plain(needed.name);
            let shown = text(name);
            match self.offer(module, name) {
                Offer::Good => {}
                Offer::NoCrc(file) => {
                    let message = wording.no_crc(&shown);
                    out.push(row(name, Level::Warning, Cause::NoCrc(file), message));
                }
                Offer::Refused(cause) => {
                    let message = match &cause {
                        Cause::Namespace(namespace) => wording.namespace(&path, &shown, namespace),
                        Cause::Restricted(list) => {
                            wording.namespace(&path, &shown, &format!("module:{list}"))
                        }
                        Cause::GplOnly(_) => wording.gpl_only(&path, &shown),
                        _ => wording.undefined(&path, &shown),
                    };
                    out.push(row(name, Level::Error, cause, message));
                }
                Offer::None => {
                    let (level, cause) = self.cause(at, module, name, needed);
                    out.push(row(name, level, cause, wording.undefined(&path, &shown)));
                }
            }
        }
    }

    /// What a module gets for a name.
    fn offer(&self, module: &Module<'_>, name: &[u8]) -> Offer {
        let Some(row) = self.context.exports.find(name).filter(|r| r.state == State::Linked) else {
            return Offer::None;
        };
        if let Some(list) = row.namespace.strip_prefix(b"module:") {
            if !is_listed(list, &module.base_name()) {
                return Offer::Refused(Cause::Restricted(text(list)));
            }
        } else if !row.namespace.is_empty() && !module.imports.contains(&row.namespace) {
            return Offer::Refused(Cause::Namespace(text(row.namespace)));
        }
        if row.licence.is_gpl_only() && module.is_gpl() == Some(false) {
            let licences: Vec<String> = module.licences.iter().map(|l| text(l)).collect();
            return Offer::Refused(Cause::GplOnly(licences.join(", ")));
        }
        if let Some(why) = self.unlisted(module, row) {
            return Offer::Refused(Cause::StaleSymvers(why));
        }
        match row.exporter {
            Exporter::File(file) if self.versioned && row.crc.unwrap_or(0) == 0 => Offer::NoCrc(file),
            _ => Offer::Good,
        }
    }

    /// A module from outside the tree is held against `Module.symvers` alone.
    fn unlisted(&self, module: &Module<'_>, row: &ExportRow<'_>) -> Option<String> {
        let facts = self.context.facts;
        let inside = facts.module_order.is_empty()
            || facts.module_order.iter().any(|m| m.as_slice() == module.name.as_slice());
        if inside || self.listed.is_empty() || self.listed.contains_key(row.name) {
            return None;
        }
        let why = facts.stale_symvers.clone();
        Some(why.unwrap_or_else(|| "the image exports the name, the file does not list it".into()))
    }

    fn cause(&self, at: usize, module: &Module<'_>, name: &[u8], needed: &Needed<'_>) -> (Level, Cause) {
        if needed.weak {
            return (Level::Note, Cause::Weak);
        }
        (Level::Error, self.missing(at, module, name))
    }

    fn missing(&self, at: usize, module: &Module<'_>, name: &[u8]) -> Cause {
        let context = self.context;
        let resolution = &context.analysis.resolution;
        if let Some(row) = context.exports.find(name)
            && let Exporter::File(file) = row.exporter
        {
            return match row.state {
                State::Trimmed => Cause::Trimmed(file),
                State::Collected | State::Discarded => Cause::ExportCollected(file),
                _ => Cause::ExportNotLinked(file),
            };
        }
        if let Some(section) = link::bounded(name)
            && !module.sections.contains(&section.as_bytes())
        {
            return Cause::StartStop(section);
        }
        if let Some(trimmed) = context.exports.trimmed.iter().find(|t| t.name == name) {
            return Cause::Trimmed(trimmed.file);
        }
        if let Some(&exporter) = self.listed.get(name) {
            if exporter == b"vmlinux" {
                let why = context.facts.stale_symvers.clone();
                let why = why.unwrap_or_else(|| "it lists the name, the image does not export it".into());
                return Cause::StaleSymvers(why);
            }
            if !context.modules.iter().any(|m| m.name == exporter) {
                return Cause::ExporterMissing(format!("{}.ko", text(exporter)));
            }
        }
        let empty = Evidence::default();
        let known = self.evidence.get(name).unwrap_or(&empty);
        let linked = known.globals.iter().copied().find(|&f| resolution.is_in_link(f));
        if let Some(file) = linked.or(known.globals.first().copied()) {
            return Cause::NotExported(file);
        }
        if let Some(&other) = known.module_globals.iter().find(|&&m| m != at) {
            return Cause::NotExportedByModule(other);
        }
        if helpers::is_arch_helper(name) {
            return Cause::ArchHelper;
        }
        if let Some(&file) = known.locals.first() {
            return Cause::LocalOnly(file);
        }
        if let Some(&other) = known.module_locals.iter().find(|&&m| m != at) {
            return Cause::LocalInModule(other);
        }
        if let Some((part, unread)) = module.bad_parts.first() {
            return Cause::Opaque { file: text(part), what: unread.message(), defines: false };
        }
        let other = context.modules.iter().find_map(|m| Some((m, m.unread.as_ref()?)));
        if let Some((other, unread)) = other {
            return Cause::Opaque { file: text(&other.path), what: unread.message(), defines: false };
        }
        if let Some((file, what)) = self.opaque.first() {
            let file = context.analysis.program.label(*file);
            return Cause::Opaque { file, what: what.clone(), defines: false };
        }
        Cause::Unknown
    }
}

/// What a module gets.
enum Offer {
    Good,
    /// An export without checksum.
    NoCrc(FileId),
    /// An export that this module may not use.
    Refused(Cause),
    /// No export in the link.
    None,
}

/// The part that could not be read, or the module itself.
fn opaque_part(module: &Module<'_>, unread: &Unread) -> Cause {
    let (file, unread) = match module.bad_parts.first() {
        Some((part, own)) => (text(part), own),
        None => (text(&module.path), unread),
    };
    Cause::Opaque { file, what: unread.message(), defines: true }
}

/// Whether a module is on the list of an export: names separated by commas, `*` at an end stands for
/// anything (KL 1.2).
fn is_listed(list: &[u8], module: &[u8]) -> bool {
    let normal = |name: &[u8]| -> Vec<u8> {
        name.trim_ascii().iter().map(|&b| if b == b'-' { b'_' } else { b }).collect()
    };
    list.split(|&b| b == b',').any(|entry| {
        let entry = normal(entry);
        match entry.strip_suffix(b"*") {
            Some(front) => module.starts_with(front),
            None => entry == module,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_modpost_compares_them() {
        assert_eq!(plain(b".printk"), b"printk");
        assert_eq!(plain(b"table.123"), b"table");
        assert_eq!(plain(b"table.isra.0"), b"table.isra");
        assert_eq!(plain(b"a.b"), b"a.b");
    }

    #[test]
    fn lists_of_modules() {
        assert!(is_listed(b"kvm,kvm-intel", b"kvm_intel"));
        assert!(is_listed(b"foo*", b"foobar") && is_listed(b"a, b", b"b"));
        assert!(!is_listed(b"foo", b"foobar") && !is_listed(b"fo*o", b"foo"));
    }
}
