//! Options that matter for places and addresses alone, read from the words of the linker line.
//!
//! In: the plan's words (response files not expanded). Out: answers to single questions; the last
//! word of a kind wins.

use crate::load::elf::consts::*;
use crate::plan::{Flavor, LinkPlan};
use crate::program::Program;

/// The text behind every `-z` of the line, in order.
fn z_words(plan: &LinkPlan) -> impl Iterator<Item = &[u8]> {
    let words = &plan.words;
    words.iter().enumerate().filter_map(|(at, word)| {
        let word = word.as_encoded_bytes();
        match word.strip_prefix(b"-z") {
            Some(b"") => words.get(at + 1).map(|next| next.as_encoded_bytes()),
            Some(joined) => Some(joined),
            None => None,
        }
    })
}

/// Whether `-z KEYWORD` is given.
pub(super) fn has_z(plan: &LinkPlan, keyword: &[u8]) -> bool {
    z_words(plan).any(|word| word == keyword)
}

/// The last of `-z separate-code` and `-z noseparate-code`.
pub(super) fn separate_code(plan: &LinkPlan) -> Option<bool> {
    z_words(plan).fold(None, |last, word| match word {
        b"separate-code" => Some(true),
        b"noseparate-code" => Some(false),
        _ => last,
    })
}

/// CONSTANT(MAXPAGESIZE) and CONSTANT(COMMONPAGESIZE): given by `-z`, else the target's.
pub(super) fn page_sizes(program: &Program<'_>) -> (u64, u64) {
    let machine = program.target.map_or(0, |t| t.machine);
    let bfd = program.plan.profile.flavor == Flavor::Bfd;
    let (max, common) = match machine {
        EM_X86_64 | EM_386 => (0x1000, 0x1000),
        EM_AARCH64 => (0x1_0000, 0x1000),
        EM_ARM => (0x1_0000, 0x1000),
        EM_PPC64 | EM_PPC => (0x1_0000, if bfd { 0x1_0000 } else { 0x1000 }),
        EM_MIPS => (0x1_0000, 0x1000),
        _ => (0x1000, 0x1000),
    };
    let value = |keyword: &[u8], default| {
        z_words(program.plan).filter_map(|w| number(w.strip_prefix(keyword)?)).last().unwrap_or(default)
    };
    let max = value(b"max-page-size=", max);
    (max, value(b"common-page-size=", common).min(max))
}

fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
