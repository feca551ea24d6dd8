//! What each rule is about, in words for people and for SARIF's `rules`.

use crate::query::finding::Level;

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// `LSW001`.
    pub id: &'static str,
    /// The usual level.
    pub level: Level,
    /// One line.
    pub short: &'static str,
    /// What it means.
    pub full: &'static str,
    /// What to do.
    pub help: &'static str,
}

/// All rules, by id (cli.md 3).
pub const RULES: [Rule; 14] = [
    Rule {
        id: "LSW001",
        level: Level::Error,
        short: "A table that live code walks loses entries",
        full: "Live code refers to the bounds of a table, but no relocation points at its entries and no KEEP holds them: --gc-sections drops the entries and the walk finds a shorter table, without any message.",
        help: "Put KEEP( ) around the statement that collects the table, in the script or in the header macro it comes from.",
    },
    Rule {
        id: "LSW002",
        level: Level::Note,
        short: "A KEEP pattern matches no input section",
        full: "A KEEP in the linker script names sections that no input has: misspelled, obsolete, or for another configuration.",
        help: "Remove the pattern or correct the name.",
    },
    Rule {
        id: "LSW003",
        level: Level::Error,
        short: "The archive member of an exported symbol is not linked",
        full: "A symbol is exported to modules, but the archive member that defines it is linked on demand and nothing in the kernel asks for it: the export does not exist in the image.",
        help: "Build the member with obj-y instead of lib-y, or link the archive with --whole-archive.",
    },
    Rule {
        id: "LSW004",
        level: Level::Error,
        short: "A link or a module needs a symbol that it will not get",
        full: "An undefined symbol remains; the cause tells whether it is not built, not exported, not linked, collected, or misspelled.",
        help: "Follow the remedy that belongs to the cause.",
    },
    Rule {
        id: "LSW005",
        level: Level::Warning,
        short: "Section counts come near a limit",
        full: "From 65,280 section headers on ELF uses extended numbering, which the kernel's module loader does not know and dynamic symbols cannot use; GNU ld stops with \"too many sections\".",
        help: "Merge sections with a statement such as *(.text.*) in the linker script, or compile without a section per function.",
    },
    Rule {
        id: "LSW006",
        level: Level::Note,
        short: "Code lives only through a kept table's entries",
        full: "A KEEP holds a table whose entries refer to code that nothing else needs, so that code stays in the image.",
        help: "Let the entries die with their code (SHF_LINK_ORDER, section groups), or accept the bytes.",
    },
    Rule {
        id: "LSW007",
        level: Level::Warning,
        short: "A live section that no statement of the script places",
        full: "The linker places orphan sections by heuristics: next to sections of the same kind, each name in an output section of its own.",
        help: "Name the section in the linker script.",
    },
    Rule {
        id: "LSW008",
        level: Level::Warning,
        short: "An earlier wildcard takes what a later statement names",
        full: "The first statement that matches a section places it. A wildcard further up takes sections that a more specific statement further down was written for.",
        help: "Move the specific statement up, or exclude its sections from the wildcard.",
    },
    Rule {
        id: "LSW009",
        level: Level::Warning,
        short: "An input whose references cannot be read",
        full: "Bitcode, slim LTO objects, foreign or damaged objects, and relocation encodings that the linker misreads: such inputs are counted and kept, never read as \"no references\". Answers about them are partial.",
        help: "Give an ordinary object of the target's machine with a relocation encoding that the linker reads.",
    },
    Rule {
        id: "LSW010",
        level: Level::Error,
        short: "A budget of linksweep.toml is exceeded",
        full: "The predicted output is bigger, or has more sections, than the budget allows.",
        help: "Find what grew (gc --by=symbol, diff), or raise the budget.",
    },
    Rule {
        id: "LSW011",
        level: Level::Error,
        short: "An archive without a usable symbol index",
        full: "GNU ld and gold take members on demand through the archive's index alone. Without an index, or with a stale one, members are not found.",
        help: "Run ranlib on the archive.",
    },
    Rule {
        id: "LSW012",
        level: Level::Note,
        short: "Linkers disagree about a section",
        full: "The modelled linkers keep and drop different sections of this object; a change of linker changes the program.",
        help: "gc --compare names every section and the rule that decides.",
    },
    Rule {
        id: "LSW013",
        level: Level::Warning,
        short: "One section name with conflicting types or flags",
        full: "Sections of one name differ in type or in flags that matter: linkers merge, split or refuse them, each in its own way.",
        help: "Give the sections the same attributes where they are defined, or different names.",
    },
    Rule {
        id: "LSW014",
        level: Level::Warning,
        short: "A bounded table is misaligned, or no multiple of its entry",
        full: "Code that walks the table from bound to bound reads between entries.",
        help: "Align the table and its inputs to the entry, and give every input whole entries.",
    },
];

/// The rule of an id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.id == id)
}
