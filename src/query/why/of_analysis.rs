//! An analysis as `why` sees it.
//!
//! In: an [`Analysis`]. Out: its [`View`]: every fact is looked up in the program, the graph or the objects.

use std::borrow::Cow;

use fixedbitset::FixedBitSet;

use super::chain::Hop;
use super::member;
use super::referrers::Reverse;
use super::subject::{self, State, What};
use super::table::description_span;
use super::view::{Beyond, Demand, FileFacts, NamedBy, StatementFacts, SymbolFacts, View};
use super::{Extracted, LeftBehind, ScriptPlace, Subject, WhyRequest, death, uses};
use crate::graph::{ExtraNode, Root};
use crate::ids::{ArchiveId, FileId, Id, NameId, NodeId, SectionId};
use crate::load::elf::Place;
use crate::load::elf::consts::{EM_MIPS, SHT_GROUP, STT_SECTION};
use crate::mark::Staged;
use crate::plan::{DemandKind, Flavor, OutputKind};
use crate::program::{Content, InputFile, Opaque};
use crate::query::Analysis;
use crate::query::kernel::roots::{self, Initcall};

/// Why a file's contents cannot be known, in words.
pub(crate) fn opaque(f: &InputFile<'_>) -> Option<&'static str> {
    if f.is_stand_in() {
        return f.intermediate.as_ref().map(|i| i.format.word());
    }
    match &f.content {
        Content::Opaque(Opaque::Bitcode) => Some("LLVM bitcode"),
        Content::Opaque(Opaque::SlimLto) => Some("a GCC object with intermediate code only"),
        Content::Opaque(Opaque::ForeignMachine) => Some("an object for another machine"),
        Content::Opaque(Opaque::NotAnObject) => Some("not an ELF object"),
        Content::Opaque(Opaque::Damaged(_) | Opaque::DamagedLibrary(_)) => Some("damaged"),
        Content::Opaque(Opaque::Missing(_)) => Some("missing"),
        _ => None,
    }
}

/// Which option named a root of the kind `undefined-option`.
pub(crate) fn named_by(analysis: &Analysis<'_>, root: &Root) -> NamedBy {
    let plan = analysis.program.plan;
    let bytes = root.name.map(|n| analysis.program.name(n)).unwrap_or_default();
    if plan.demands.iter().any(|(n, kind)| *kind == DemandKind::Undefined && n == bytes) {
        NamedBy::Option
    } else if plan.fini.as_ref().map_or(&b"_fini"[..], |f| f.as_slice()) == bytes {
        NamedBy::Fini
    } else {
        NamedBy::Init
    }
}

/// Who wants a name from the beginning.
pub(crate) fn demand(analysis: &Analysis<'_>, symbol: Option<NameId>) -> Option<Demand> {
    let plan = analysis.program.plan;
    let bytes = symbol.map(|n| analysis.program.name(n)).unwrap_or_default();
    if let Some((_, kind)) = plan.demands.iter().find(|(name, _)| name == bytes) {
        return Some(match kind {
            DemandKind::Undefined => Demand::Undefined,
            DemandKind::Require => Demand::Require,
            DemandKind::Glob => Demand::Glob,
        });
    }
    let start: &[u8] = match analysis.program.target {
        Some(t) if t.machine == EM_MIPS => b"__start",
        _ => b"_start",
    };
    (plan.entry.as_ref().map_or(start, |e| e.as_slice()) == bytes).then_some(Demand::Entry)
}

impl View for Analysis<'_> {
    fn flavor(&self) -> Flavor {
        self.program.plan.profile.flavor
    }

    fn output_kind(&self) -> OutputKind {
        self.program.plan.output_kind
    }

    fn machine(&self) -> u16 {
        self.program.target.map_or(0, |t| t.machine)
    }

    fn collects(&self) -> bool {
        super::collects(self)
    }

    fn node_count(&self) -> usize {
        self.graph.node_count()
    }

    fn section(&self, node: NodeId) -> Option<SectionId> {
        self.graph.section(node)
    }

    fn beyond(&self, node: NodeId) -> Option<Beyond<'_>> {
        Some(match *self.graph.extra_node(node)? {
            ExtraNode::CommonsOf { file, size, small } => Beyond::CommonsOf { file, size, small },
            ExtraNode::Common { name, file, size } => {
                Beyond::Common { name: self.program.name(name), file, size }
            }
            ExtraNode::StartStop { section } => Beyond::StartStop { section },
            ExtraNode::Routines { stem } => Beyond::Routines { stem: stem.as_bytes() },
            ExtraNode::ScriptSymbol { name } => Beyond::ScriptSymbol { name: self.program.name(name) },
        })
    }

    fn is_live(&self, node: NodeId) -> bool {
        self.liveness.is_live(node)
    }

    fn each_target(&self, node: NodeId, found: &mut dyn FnMut(NodeId)) {
        self.graph.for_each_edge(&self.program, node, |target, _| found(target));
    }

    fn sources(&self, node: NodeId) -> Vec<NodeId> {
        let mut wanted = FixedBitSet::with_capacity(self.graph.node_count());
        wanted.insert(node.index());
        Reverse::new(self, &wanted, true).of(node).collect()
    }

    fn hop(&self, from: NodeId, to: NodeId) -> Hop {
        uses::hop(self, from, to)
    }

    fn staged(&self) -> Cow<'_, [Staged]> {
        Cow::Borrowed(&self.liveness.staged)
    }

    fn root_nodes(&self) -> Vec<NodeId> {
        self.roots.roots.iter().map(|r| r.node).collect()
    }

    fn roots_of(&self, node: NodeId) -> Vec<Root> {
        self.roots.roots.iter().filter(|r| r.node == node).copied().collect()
    }

    fn section_name(&self, section: SectionId) -> &[u8] {
        self.program.section_name(section)
    }

    fn section_size(&self, section: SectionId) -> u64 {
        self.program.section_size(section)
    }

    fn section_file(&self, section: SectionId) -> FileId {
        self.program.locate(section).0
    }

    fn group_of_header(&self, section: SectionId) -> Option<(&[u8], Option<NodeId>)> {
        let (file, index) = self.program.locate(section);
        let f = &self.program.files[file];
        let object = f.object()?;
        let group = object.groups.iter().find(|g| g.section == index)?;
        let mut live = None;
        if object.sections.get(index as usize).is_some_and(|r| r.kind == SHT_GROUP) {
            let mut nodes = object.members(group).iter().map(|&m| NodeId(f.section_id(m).0));
            live = nodes.find(|n| self.liveness.is_live(*n));
        }
        Some((object.signature(group), live))
    }

    fn group_of_member(&self, section: SectionId) -> Option<(u64, &[u8])> {
        let (file, index) = self.program.locate(section);
        let f = &self.program.files[file];
        let object = f.object()?;
        let group = object.group_of(index)?;
        Some((u64::from(f.section_id(group.section).0), object.signature(group)))
    }

    fn file(&self, file: FileId) -> Option<FileFacts<'_>> {
        let f = self.program.files.get(file)?;
        Some(FileFacts {
            path: f.path,
            archive: f.archive.is_some(),
            member: f.member,
            joined: f.joined,
            nested: f.nested,
            in_lib: f.in_lib,
            bytes: f.bytes,
            opaque: opaque(f),
        })
    }

    fn archive_path(&self, archive: ArchiveId) -> &[u8] {
        self.program.archives[archive].path
    }

    fn name(&self, name: NameId) -> &[u8] {
        self.program.name(name)
    }

    fn symbol(&self, file: FileId, symbol: u32) -> SymbolFacts<'_> {
        let mut facts = SymbolFacts { text: b"", is_section: false, sectional: false };
        let Some(f) = self.program.files.get(file) else { return facts };
        if let Some(library) = f.shared() {
            facts.text = library.symbols.get(symbol as usize).map_or(b"", |s| s.name);
            return facts;
        }
        let Some((object, s)) = f.object().and_then(|o| Some((o, o.symbol(symbol)?))) else { return facts };
        facts.sectional = s.kind == STT_SECTION;
        match s.place {
            Place::Section(index) if facts.sectional || s.name == 0 => {
                facts.is_section = true;
                facts.text = object.section_name(index);
            }
            _ => facts.text = object.symbol_name(s.name),
        }
        facts
    }

    fn named_by(&self, root: &Root) -> NamedBy {
        named_by(self, root)
    }

    fn library_of(&self, root: &Root) -> Option<FileId> {
        let name = root.name?;
        let mentions = |f: &FileId| {
            let file = &self.program.files[*f];
            file.shared().is_some() && file.names.contains(&name)
        };
        self.program.file_ids().find(mentions)
    }

    fn keep_statement(&self, keep: (u32, u32)) -> Option<StatementFacts<'_>> {
        let file = self.program.scripts.get(keep.0 as usize)?;
        let Some(span) = description_span(&file.script, keep.1) else {
            return Some(StatementFacts { path: file.shown.to_string(), at: None });
        };
        let at = file.script.location(span);
        let path = at.file.display().to_string();
        Some(StatementFacts { path, at: Some((at.line, at.column, file.script.text(span))) })
    }

    fn statement(&self, place: &ScriptPlace) -> Option<StatementFacts<'_>> {
        let file = self.program.scripts.get(place.script as usize)?;
        let at = file.script.location(place.span);
        let path = at.file.display().to_string();
        Some(StatementFacts { path, at: Some((at.line, at.column, file.script.text(place.span))) })
    }

    fn initcalls(&self, section: SectionId) -> Vec<Initcall<'_>> {
        roots::initcalls(&self.program, section)
    }

    fn script_entry(&self) -> Option<&[u8]> {
        roots::script_entry(self)
    }

    fn demand(&self, step: &Extracted) -> Option<Demand> {
        demand(self, step.symbol)
    }

    fn is_defsym(&self, name: NameId) -> bool {
        let bytes = self.program.name(name);
        self.program.plan.defsyms.iter().any(|d| d.name == bytes)
    }

    fn find(&self, request: &WhyRequest) -> Vec<What> {
        subject::find(self, request)
    }

    fn state(&self, what: &What) -> State {
        subject::state(self, what)
    }

    fn section_state(&self, section: SectionId) -> State {
        subject::section_state(self, section)
    }

    fn is_content(&self, section: SectionId) -> bool {
        subject::is_content(&self.program, section)
    }

    fn is_loaded(&self, section: SectionId) -> bool {
        subject::is_loaded(&self.program, section)
    }

    fn sections_of(&self, file: FileId) -> Vec<SectionId> {
        self.program.sections_of(file).collect()
    }

    fn is_in_link(&self, file: FileId) -> bool {
        self.resolution.is_in_link(file)
    }

    fn extraction(&self, file: FileId) -> Vec<Extracted> {
        member::extraction(self, file)
    }

    fn left_behind(&self, file: FileId) -> Option<LeftBehind> {
        Some(member::left_behind(self, file))
    }

    fn outside_definition(&self, name: NameId) -> Option<FileId> {
        subject::outside_definition(self, name)
    }

    fn explain_deaths(&self, subjects: &mut [Subject]) {
        death::explain(self, subjects);
    }
}
