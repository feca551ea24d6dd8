//! Options that decide which sections a linker adds, read from the words of its command line.
//!
//! In: a plan. Out: answers about single options, the last word of a kind winning.

use crate::plan::{Flavor, LinkPlan, Version};

/// The text behind `-NAME=` or `--NAME=` (or the next word), the last one.
fn value<'p>(plan: &'p LinkPlan, name: &str) -> Option<&'p [u8]> {
    let mut found = None;
    let words = &plan.words;
    for (at, word) in words.iter().enumerate() {
        let Some(rest) = option(word.as_encoded_bytes()).and_then(|w| w.strip_prefix(name.as_bytes())) else {
            continue;
        };
        match rest.split_first() {
            None => found = words.get(at + 1).map(|w| w.as_encoded_bytes()),
            Some((b'=', text)) => found = Some(text),
            Some(_) => {}
        }
    }
    found
}

/// The last of some bare options, as its place in `names`.
fn last(plan: &LinkPlan, names: &[&str]) -> Option<usize> {
    let mut found = None;
    for word in &plan.words {
        let Some(word) = option(word.as_encoded_bytes()) else { continue };
        if let Some(at) = names.iter().position(|name| word == name.as_bytes()) {
            found = Some(at);
        }
    }
    found
}

/// A word without its dashes.
fn option(word: &[u8]) -> Option<&[u8]> {
    word.strip_prefix(b"--").or_else(|| word.strip_prefix(b"-"))
}

/// Whether `-z KEYWORD` is in force (`-z noKEYWORD` ends it).
pub(super) fn z(plan: &LinkPlan, keyword: &str) -> bool {
    let mut on = false;
    for (at, word) in plan.words.iter().enumerate() {
        let text = match word.as_encoded_bytes().strip_prefix(b"-z") {
            Some(b"") => plan.words.get(at + 1).map_or(&b""[..], |w| w.as_encoded_bytes()),
            Some(joined) => joined,
            None => continue,
        };
        if text == keyword.as_bytes() {
            on = true;
        } else if text.strip_prefix(b"no").is_some_and(|t| t == keyword.as_bytes()) {
            on = false;
        }
    }
    on
}

/// Number of hash tables that `--hash-style` asks for; these linkers as installed make both.
pub(super) fn hash_styles(plan: &LinkPlan) -> (bool, bool) {
    match value(plan, "hash-style") {
        Some(b"sysv") => (true, false),
        Some(b"gnu") => (false, true),
        _ => (true, true),
    }
}

/// `--build-id`.
pub(super) fn build_id(plan: &LinkPlan) -> bool {
    let bare = last(plan, &["build-id", "no-build-id"]);
    match plan.words.iter().rev().find_map(|w| option(w.as_encoded_bytes())?.strip_prefix(b"build-id=")) {
        Some(b"none") => false,
        Some(_) => bare != Some(1),
        None => bare == Some(0),
    }
}

/// Bytes of the build id; `None` if there is none. Linkers' default is SHA-1, of lld up to 14 a hash of
/// 8 bytes.
pub(super) fn build_id_bytes(plan: &LinkPlan) -> Option<u64> {
    if !build_id(plan) {
        return None;
    }
    let short = plan.profile.flavor == Flavor::Lld && plan.profile.version < Version(15, 0, 0);
    let style =
        plan.words.iter().rev().find_map(|w| option(w.as_encoded_bytes())?.strip_prefix(b"build-id="));
    Some(match style {
        None if short => 8,
        Some(b"fast") => 8,
        Some(b"md5" | b"uuid") => 16,
        Some(b"sha256") => 32,
        Some(hex) if hex.starts_with(b"0x") || hex.starts_with(b"0X") => {
            hex.iter().skip(2).filter(|b| b.is_ascii_hexdigit()).count() as u64 / 2
        }
        _ => 20,
    })
}

/// The dynamic linker's path.
pub(super) fn dynamic_linker_name(plan: &LinkPlan) -> Option<&[u8]> {
    value(plan, "dynamic-linker").or_else(|| value(plan, "I"))
}

/// `--eh-frame-hdr`, or the linker's default.
pub(super) fn eh_frame_hdr(plan: &LinkPlan, default: bool) -> bool {
    last(plan, &["eh-frame-hdr", "no-eh-frame-hdr"]).map_or(default, |at| at == 0)
}

/// `--no-dynamic-linker`.
pub(super) fn no_dynamic_linker(plan: &LinkPlan) -> bool {
    last(plan, &["no-dynamic-linker"]).is_some()
}

/// A dynamic linker is named.
pub(super) fn dynamic_linker(plan: &LinkPlan) -> bool {
    !no_dynamic_linker(plan) && (value(plan, "dynamic-linker").is_some() || value(plan, "I").is_some())
}

/// `--pack-dyn-relocs=relr` or `-z pack-relative-relocs`.
pub(super) fn relr(plan: &LinkPlan) -> bool {
    z(plan, "pack-relative-relocs")
        || value(plan, "pack-dyn-relocs").is_some_and(|v| v == b"relr" || v == b"android+relr")
}
