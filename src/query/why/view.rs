//! What `why` asks of a link: the same questions of an analysis and of a saved link.
//!
//! In: ids. Out: plain facts about them. Chains, subjects and words are written once over [`View`]; what is
//! different about an analysis stands in `of_analysis.rs`, what is different about a portrait in `saved/`.

use super::{
    Extracted, Hop, LeftBehind, Pattern, ScriptPlace, State, Subject, WhyAnswer, WhyRequest, subject::What,
};
use crate::graph::Root;
use crate::ids::{ArchiveId, FileId, NameId, NodeId, SectionId};
use crate::mark::Staged;
use crate::plan::{Flavor, OutputKind};
use crate::query::kernel::roots::Initcall;

/// A node that is not an input section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond<'v> {
    /// All commons of a file.
    CommonsOf {
        /// The owner.
        file: FileId,
        /// Bytes.
        size: u64,
        /// Small ones.
        small: bool,
    },
    /// One common.
    Common {
        /// Its name.
        name: &'v [u8],
        /// The owner.
        file: FileId,
        /// Bytes.
        size: u64,
    },
    /// Everything of one name.
    StartStop {
        /// The name.
        section: &'v [u8],
    },
    /// The linker's own routines.
    Routines {
        /// What their names begin with.
        stem: &'v [u8],
    },
    /// A script symbol.
    ScriptSymbol {
        /// Its name.
        name: &'v [u8],
    },
}

/// A file by its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileFacts<'v> {
    /// The file's, or its archive's path.
    pub path: &'v [u8],
    /// It is a member.
    pub archive: bool,
    /// The member's name as stored.
    pub member: &'v [u8],
    /// Thin member: folder and name joined.
    pub joined: Option<&'v [u8]>,
    /// Member of an archive in an archive.
    pub nested: Option<&'v [u8]>,
    /// Between `--start-lib` and `--end-lib`.
    pub in_lib: bool,
    /// Size in bytes.
    pub bytes: u64,
    /// Why its contents are not known.
    pub opaque: Option<&'v str>,
}

impl FileFacts<'_> {
    /// `path` or `archive(member)`.
    pub fn label(&self) -> String {
        let path = String::from_utf8_lossy(self.path);
        if self.archive {
            format!("{path}({})", String::from_utf8_lossy(self.member))
        } else {
            path.into_owned()
        }
    }

    /// Whether a pattern names it: its label, path, member name, thin path, or the last part of these if
    /// the pattern has no slash.
    pub(super) fn is_named(&self, pattern: &Pattern, kind: super::Kind) -> bool {
        let last = |path: &'_ [u8]| -> usize { path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1) };
        let tail =
            |path: &[u8]| pattern.matches(path) || pattern.matches(path.get(last(path)..).unwrap_or(path));
        if !self.archive {
            let lazy = self.in_lib || kind != super::Kind::Member;
            return lazy && tail(self.path);
        }
        if tail(self.member) || self.joined.is_some_and(tail) || self.nested.is_some_and(tail) {
            return true;
        }
        let whole = |path: &[u8]| pattern.matches(&[path, b"(", self.member, b")"].concat());
        let short = self.path.get(last(self.path)..).unwrap_or(self.path);
        whole(self.path)
            || whole(short)
            || (kind != super::Kind::Any && (pattern.matches(self.path) || pattern.matches(short)))
    }
}

/// The symbol that a relocation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymbolFacts<'v> {
    /// Its name, or that of the section it stands for.
    pub text: &'v [u8],
    /// The name is a section's.
    pub is_section: bool,
    /// It is a section symbol, so that the addend tells the place.
    pub sectional: bool,
}

/// A statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFacts<'v> {
    /// The script's path.
    pub path: String,
    /// Line and column from 1, and the text; `None` if only the script is known.
    pub at: Option<(u32, u32, &'v [u8])>,
}

/// Who wants a name from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// `-u`.
    Undefined,
    /// `--require-defined`.
    Require,
    /// `--undefined-glob`.
    Glob,
    /// It is the entry.
    Entry,
}

/// Why a root of the kind `undefined-option` is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// `-u`.
    Option,
    /// `-fini`, or its default.
    Fini,
    /// `-init`, or its default.
    Init,
}

/// A link as `why` sees it.
pub trait View: Sync {
    /// Whose rules.
    fn flavor(&self) -> Flavor;
    /// What is made.
    fn output_kind(&self) -> OutputKind;
    /// `e_machine`.
    fn machine(&self) -> u16;
    /// Garbage is collected.
    fn collects(&self) -> bool;

    /// Number of nodes.
    fn node_count(&self) -> usize;
    /// The section that a node is.
    fn section(&self, node: NodeId) -> Option<SectionId>;
    /// What another node is.
    fn beyond(&self, node: NodeId) -> Option<Beyond<'_>>;
    /// Whether a node is live.
    fn is_live(&self, node: NodeId) -> bool;
    /// Every target of a node, in any order; some perhaps more than once.
    fn each_target(&self, node: NodeId, found: &mut dyn FnMut(NodeId));
    /// Nodes with an edge to this one, in order.
    fn sources(&self, node: NodeId) -> Vec<NodeId>;
    /// The step between two neighbours of a chain.
    fn hop(&self, from: NodeId, to: NodeId) -> Hop;
    /// What rules marked after the closure, in order.
    fn staged(&self) -> std::borrow::Cow<'_, [Staged]>;
    /// Nodes of all roots.
    fn root_nodes(&self) -> Vec<NodeId>;
    /// The roots that a node is, in the linker's order.
    fn roots_of(&self, node: NodeId) -> Vec<Root>;

    /// A section's name.
    fn section_name(&self, section: SectionId) -> &[u8];
    /// A section's size in bytes.
    fn section_size(&self, section: SectionId) -> u64;
    /// A section's file.
    fn section_file(&self, section: SectionId) -> FileId;
    /// Signature and first live member of the group that this section stands for.
    fn group_of_header(&self, section: SectionId) -> Option<(&[u8], Option<NodeId>)>;
    /// A number and the signature of the group that this section is a member of.
    fn group_of_member(&self, section: SectionId) -> Option<(u64, &[u8])>;
    /// A file; `None` for the linker itself.
    fn file(&self, file: FileId) -> Option<FileFacts<'_>>;
    /// An archive's path.
    fn archive_path(&self, archive: ArchiveId) -> &[u8];
    /// A global name.
    fn name(&self, name: NameId) -> &[u8];
    /// A symbol of a file.
    fn symbol(&self, file: FileId, symbol: u32) -> SymbolFacts<'_>;

    /// Why a root of the kind `undefined-option` is one.
    fn named_by(&self, root: &Root) -> NamedBy;
    /// The first shared library of the link that mentions the name of a root.
    fn library_of(&self, root: &Root) -> Option<FileId>;
    /// A KEEP statement by script and description.
    fn keep_statement(&self, keep: (u32, u32)) -> Option<StatementFacts<'_>>;
    /// A statement by its place.
    fn statement(&self, place: &ScriptPlace) -> Option<StatementFacts<'_>>;
    /// The entries of an initcall table.
    fn initcalls(&self, section: SectionId) -> Vec<Initcall<'_>>;
    /// The entry that the script defines.
    fn script_entry(&self) -> Option<&[u8]>;
    /// Who wanted the name for which a member was taken.
    fn demand(&self, step: &Extracted) -> Option<Demand>;
    /// `--defsym` assigns the name.
    fn is_defsym(&self, name: NameId) -> bool;

    /// All things that a request names.
    fn find(&self, request: &WhyRequest) -> Vec<What>;
    /// What becomes of one.
    fn state(&self, what: &What) -> State;
    /// What becomes of a section.
    fn section_state(&self, section: SectionId) -> State;
    /// A section is an input of its own rather than a table about others.
    fn is_content(&self, section: SectionId) -> bool;
    /// A section takes room in memory, and not because of what it describes.
    fn is_loaded(&self, section: SectionId) -> bool;
    /// The sections of a file.
    fn sections_of(&self, file: FileId) -> Vec<SectionId>;
    /// Whether a file is in the link.
    fn is_in_link(&self, file: FileId) -> bool;
    /// Why a member is in the link, back to the command line.
    fn extraction(&self, file: FileId) -> Vec<Extracted>;
    /// What the symbols of a member that stayed behind lacked, where that is known.
    fn left_behind(&self, file: FileId) -> Option<LeftBehind>;
    /// The first file outside the link that defines a name.
    fn outside_definition(&self, name: NameId) -> Option<FileId>;
    /// Fills in why each subject does not live.
    fn explain_deaths(&self, subjects: &mut [Subject]);
}

/// Answers a question.
pub fn answer(view: &dyn View, request: &WhyRequest) -> WhyAnswer {
    super::answer::answer(view, request)
}
