//! First pass: which sections and symbols have rows, and the strings of all of them.
//!
//! In: an analysis. Out: [`Rows`]: rows by file, the program's sections as row numbers, strings interned. Files
//! are read in parallel; the result depends on the input alone.

use rayon::prelude::*;

use super::tables::{NONE, symbol_info};
use crate::graph::Class;
use crate::ids::{FileId, Id, NameId, NodeId, SectionId};
use crate::load::elf::consts::*;
use crate::load::elf::{Object, Place, is_relocation_type};
use crate::program::{InputFile, NameList, Names};
use crate::query::Analysis;
use crate::query::why::{first_definitions, is_content};
use crate::resolve::DefKind;

/// Names hashed at a time.
const CHUNK: usize = 1 << 14;

/// Where a symbol's string is.
#[derive(Clone, Copy)]
pub(super) enum Text {
    /// A global name.
    Global(NameId),
    /// A position in the file's own texts.
    Own(u32),
}

/// A symbol that has a row.
pub(super) struct SymbolRow {
    pub(super) section: u32,
    pub(super) index: u32,
    pub(super) text: Text,
    pub(super) value: u64,
    pub(super) size: u64,
    pub(super) info: u8,
}

/// The rows of one file.
#[derive(Default)]
pub(super) struct FileRows<'d> {
    /// Section indexes in order; their names are the first texts.
    pub(super) sections: Vec<u32>,
    /// By section, then by index.
    pub(super) symbols: Vec<SymbolRow>,
    /// Sections without a row: index, size, whether it is an input of its own; the position of the name.
    pub(super) outside: Vec<(u32, u64, bool, u32)>,
    /// Local symbols that lie in no row: positions of their names.
    pub(super) outside_locals: Vec<u32>,
    texts: Vec<&'d [u8]>,
}

/// Strings that belong to no file.
#[derive(Default)]
pub(super) struct Texts {
    texts: Vec<Vec<u8>>,
}

impl Texts {
    /// Notes a string; [`Rows::text`] tells its id.
    pub(super) fn add(&mut self, text: &[u8]) -> u32 {
        self.texts.push(text.to_vec());
        (self.texts.len() - 1) as u32
    }

    /// The same for one that may not be.
    pub(super) fn some(&mut self, text: Option<&[u8]>) -> u32 {
        text.map_or(NONE, |text| self.add(text))
    }
}

/// All rows.
pub(super) struct Rows<'n, 'd> {
    /// By file.
    pub(super) files: Vec<FileRows<'d>>,
    /// Number of a file's first section; one more than there are files.
    pub(super) first: Vec<u32>,
    /// Row by section id of the program.
    row_of: Vec<u32>,
    /// The interned strings.
    pub(super) names: Names<'n>,
    /// String by global name.
    global: Vec<u32>,
    own: Vec<Vec<NameId>>,
    misc: Vec<NameId>,
    /// Names that only files outside the link define, and the first of these.
    pub(super) left: Vec<(NameId, FileId)>,
    sections_of_program: usize,
}

impl<'n, 'd: 'n> Rows<'n, 'd> {
    /// Makes the rows; `texts` are interned with them.
    pub(super) fn new(analysis: &Analysis<'d>, texts: &'n Texts) -> Self {
        let program = &analysis.program;
        let ids: Vec<FileId> = program.file_ids().collect();
        let files: Vec<FileRows<'d>> =
            ids.par_iter().with_max_len(64).map(|&file| file_rows(analysis, file)).collect();
        let mut first = Vec::with_capacity(files.len() + 1);
        let mut row_of = vec![NONE; program.section_count as usize];
        let mut next = 0u32;
        for (file, rows) in program.files.iter().zip(&files) {
            first.push(next);
            for &index in &rows.sections {
                if let Some(slot) = row_of.get_mut((file.section_base + index) as usize) {
                    *slot = next;
                }
                next += 1;
            }
        }
        first.push(next);

        let known = |n: &NameId| analysis.resolution.definitions[*n].kind != DefKind::Unknown;
        let all = (0..program.names.len()).map(NameId::from_usize);
        let (mut globals, unknown): (Vec<NameId>, Vec<NameId>) = all.partition(known);
        let definers = first_definitions(analysis, &unknown);
        let defined = unknown.iter().zip(definers).filter_map(|(name, (file, _))| Some((*name, file?)));
        let left: Vec<(NameId, FileId)> = defined.collect();
        globals.extend(left.iter().map(|(name, _)| *name));
        let mut lists: Vec<NameList<'n>> = globals
            .par_chunks(CHUNK)
            .map(|part| NameList::new(part.iter().map(|n| program.name(*n))))
            .collect();
        let chunks = lists.len();
        lists.push(NameList::new(texts.texts.iter().map(Vec::as_slice)));
        let own: Vec<NameList<'n>> =
            files.par_iter().with_max_len(64).map(|f| NameList::new(f.texts.iter().copied())).collect();
        lists.extend(own);
        let (names, mut ids) = Names::build(&lists);
        let mut own = ids.split_off(chunks);
        let misc = if own.is_empty() { Vec::new() } else { own.remove(0) };
        let mut global = vec![NONE; program.names.len()];
        for (name, id) in globals.iter().zip(ids.iter().flatten()) {
            global[name.idx()] = id.0;
        }
        let sections_of_program = analysis.graph.section_count();
        Rows { files, first, row_of, names, global, own, misc, left, sections_of_program }
    }

    /// Number of section rows.
    pub(super) fn sections(&self) -> u32 {
        self.first.last().copied().unwrap_or(0)
    }

    /// The row of a section, or [`NONE`].
    pub(super) fn section(&self, section: SectionId) -> u32 {
        self.row_of.get(section.idx()).copied().unwrap_or(NONE)
    }

    /// The number of a node, or [`NONE`].
    pub(super) fn node(&self, node: NodeId) -> u32 {
        match node.index().checked_sub(self.sections_of_program) {
            Some(extra) => self.sections() + extra as u32,
            None => self.section(SectionId(node.0)),
        }
    }

    /// The string of a noted text.
    pub(super) fn text(&self, slot: u32) -> u32 {
        self.misc.get(slot as usize).map_or(NONE, |id| id.0)
    }

    /// The string of a global name of the link, or [`NONE`].
    pub(super) fn global(&self, name: NameId) -> u32 {
        self.global.get(name.idx()).copied().unwrap_or(NONE)
    }

    /// The string of some bytes, or [`NONE`].
    pub(super) fn find(&self, text: &[u8]) -> u32 {
        self.names.find(text).map_or(NONE, |id| id.0)
    }

    /// The string at a position of a file's texts.
    pub(super) fn own(&self, file: usize, position: u32) -> u32 {
        self.own.get(file).and_then(|f| f.get(position as usize)).map_or(NONE, |id| id.0)
    }

    /// The string of a symbol row.
    pub(super) fn symbol_text(&self, file: usize, text: Text) -> u32 {
        match text {
            Text::Global(name) => self.global(name),
            Text::Own(position) => self.own(file, position),
        }
    }

    /// What a symbol of an object is called in messages, and whether it is a section symbol.
    pub(super) fn shown(
        &self,
        file: usize,
        f: &InputFile<'_>,
        object: &Object<'_>,
        symbol: u32,
    ) -> (u32, bool) {
        let Some(s) = object.symbol(symbol) else { return (NONE, false) };
        let sectional = s.kind == STT_SECTION;
        let rows = self.files.get(file);
        let text = match s.place {
            Place::Section(index) if sectional || s.name == 0 => {
                let position = rows.and_then(|r| r.sections.binary_search(&index).ok());
                match position {
                    Some(position) => self.own(file, position as u32),
                    None => self.find(object.section_name(index)),
                }
            }
            Place::Section(index) if symbol < object.first_global => {
                let key = |s: &SymbolRow| (s.section, s.index);
                let row = rows.and_then(|r| {
                    let at = r.symbols.binary_search_by_key(&(index, symbol), key).ok()?;
                    r.symbols.get(at)
                });
                match row {
                    Some(row) => self.symbol_text(file, row.text),
                    None => self.find(object.symbol_name(s.name)),
                }
            }
            _ => {
                let known = f.global_name(symbol).filter(|_| !f.has_versions).map(|n| self.global(n));
                match known {
                    Some(id) if id != NONE => id,
                    _ => self.find(object.symbol_name(s.name)),
                }
            }
        };
        (text, sectional)
    }
}

/// Whether a section has a row, if its file is in the link.
pub fn has_row(analysis: &Analysis<'_>, section: SectionId) -> bool {
    let class = analysis.graph.class.get(section).copied().unwrap_or_default();
    if !matches!(class, Class::Absent | Class::Structural) {
        return true;
    }
    let (file, index) = analysis.program.locate(section);
    match index {
        // gold: what refers to no symbol refers to section 0.
        0 => !analysis.graph.extra.of(NodeId(section.0)).is_empty(),
        // A file given for its symbols has no sections in the output, but is walked by the linker.
        _ => analysis.program.files[file].mode.just_symbols,
    }
}

fn is_relocations(f: &InputFile<'_>, index: u32) -> bool {
    let row = f.object().and_then(|o| o.sections.get(index as usize));
    row.is_some_and(|r| is_relocation_type(r.kind))
}

fn file_rows<'d>(analysis: &Analysis<'d>, file: FileId) -> FileRows<'d> {
    let mut rows = FileRows::default();
    let program = &analysis.program;
    let f = &program.files[file];
    let in_link = analysis.resolution.is_in_link(file);
    let mut outside = Vec::new();
    for (index, section) in (0u32..).zip(program.sections_of(file)) {
        if in_link && has_row(analysis, section) {
            rows.sections.push(index);
            rows.texts.push(program.section_name(section));
        } else if index > 0 && !is_relocations(f, index) {
            outside.push((index, section));
        }
    }
    for (index, section) in outside {
        let position = rows.texts.len() as u32;
        rows.texts.push(program.section_name(section));
        let content = is_content(program, section);
        rows.outside.push((index, program.section_size(section), content, position));
    }
    let Some(object) = f.object() else { return rows };
    if !in_link {
        for index in 1..object.first_global {
            let Some(s) = object.symbol(index) else { continue };
            let named = s.name != 0 && !matches!(s.kind, STT_SECTION | STT_FILE);
            if named && matches!(s.place, Place::Section(_)) {
                rows.outside_locals.push(rows.texts.len() as u32);
                rows.texts.push(object.symbol_name(s.name));
            }
        }
        return rows;
    }
    for index in 1..object.symbol_count() {
        let Some(s) = object.symbol(index) else { continue };
        let name = f.global_name(index);
        let definition = name.map(|n| analysis.resolution.definitions[n]);
        let known = definition.is_some_and(|d| d.kind != DefKind::Unknown) && !f.has_versions;
        if name.is_some() && !known {
            // Written otherwise than what it means (versions, `--wrap`).
            rows.texts.push(object.symbol_name(s.name));
        }
        let Place::Section(section) = s.place else { continue };
        let id = f.section_id(section);
        if s.name == 0 || matches!(s.kind, STT_SECTION | STT_FILE) {
            continue;
        }
        if !has_row(analysis, id) {
            if name.is_none() {
                rows.outside_locals.push(rows.texts.len() as u32);
                rows.texts.push(object.symbol_name(s.name));
            }
            continue;
        }
        let wins = definition.is_some_and(|d| d.is_regular() && d.file == file && d.symbol == index);
        let gone = || analysis.resolution.is_lost(id) && !analysis.liveness.is_live(NodeId(id.0));
        if name.is_some() && !wins && gone() {
            continue;
        }
        let text = match name.filter(|_| known) {
            Some(name) => Text::Global(name),
            None => {
                rows.texts.push(object.symbol_name(s.name));
                Text::Own((rows.texts.len() - 1) as u32)
            }
        };
        let mut info = s.kind & symbol_info::TYPE;
        if name.is_none() {
            info |= symbol_info::LOCAL;
        }
        if s.bind == STB_WEAK {
            info |= symbol_info::WEAK;
        }
        if wins && known {
            info |= symbol_info::WINS;
        }
        rows.symbols.push(SymbolRow { section, index, text, value: s.value, size: s.size, info });
    }
    rows.symbols.sort_by_key(|s| (s.section, s.index));
    rows
}
