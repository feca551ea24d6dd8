//! Synthetic links, the same bytes on every run and every machine.
//!
//! In: a shape and a size. Out: a [`Link`]: the words behind the linker's name, and every input by name with its
//! bytes. [`model`] says what an object holds, [`encode`] makes bytes of it, [`plain`] and [`corners`] hold the
//! shapes: common ones for the phases, awkward ones for growth.
#![allow(dead_code, unreachable_pub, clippy::expect_used)]

pub mod corners;
pub mod encode;
pub mod model;
pub mod plain;

pub use model::Link;

/// The shapes whose phases are measured.
pub const PHASE_SHAPES: [&str; 4] = ["chain", "star", "layers", "kernel"];

/// What makes a shape of some size.
type Make = fn(usize) -> Link;

/// Every shape: its name, what its size counts, and what makes it.
pub const SHAPES: [(&str, &str, Make); 25] = [
    ("chain", "sections, each referring to the next", plain::chain),
    ("star", "sections, one referring to all", plain::star),
    ("layers", "sections with five relocations each, groups, unwind tables", plain::layers),
    ("kernel", "functions of a kernel with its tables, a script and a thin tree", plain::kernel),
    ("wide", "relocations of one section", corners::wide),
    ("member-chain", "archive members, each pulling the next", corners::member_chain),
    ("member-chain-back", "archive members, each pulling the one before it", corners::member_chain_back),
    ("members", "archive members, every fourth demanded", corners::members),
    ("keep-exact", "section names; a tenth as many KEEP patterns: whole names", corners::keep_exact),
    ("keep-prefix", "the same, patterns such as `.text.f12*`", corners::keep_prefix),
    ("keep-suffix", "the same, patterns such as `*.f12`", corners::keep_suffix),
    ("keep-glob", "section names; 100 KEEP patterns with `?`, `[` and `*` inside", corners::keep_glob),
    ("globs", "KEEP patterns with `?`, `[` and `*` inside on 10,000 section names", corners::globs),
    ("groups", "COMDAT groups, each in eight objects", corners::groups),
    ("huge-group", "sections of one COMDAT group", corners::huge_group),
    ("group-nest", "archives inside one --start-group, pulling backwards", corners::group_nest),
    ("group-many", "--start-group pairs in a row", corners::group_many),
    ("demands", "options -u", corners::demands),
    ("defsyms", "options --defsym, each naming the one before", corners::defsyms),
    ("wraps", "options --wrap", corners::wraps),
    ("bounds", "section names that __start_ and __stop_ refer to", corners::bounds),
    ("versions", "symbols; a tenth as many version script patterns", corners::versions),
    ("same-name", "sections of one name", corners::same_name),
    ("objects", "objects of one section each", corners::objects),
    ("unwind", "functions whose unwind entries stand in one .eh_frame", corners::unwind),
];

/// The link of that shape and size.
pub fn link(shape: &str, size: usize) -> Option<Link> {
    SHAPES.iter().find(|(name, ..)| *name == shape).map(|(.., make)| make(size))
}

/// Numbers that look random and are the same everywhere.
pub struct Numbers(u64);

impl Numbers {
    /// The series of that seed.
    pub fn new(seed: u64) -> Self {
        Numbers(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}
