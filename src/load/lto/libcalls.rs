//! Names of functions that code generation may call: lld takes bitcode members that define one,
//! whether or not anything names it.
//!
//! In: lld's version and a target triple. Out: names in the order in which lld asks for them. The
//! lists beside this file were recorded from the linkers themselves: a link of one bitcode member
//! per candidate name, whose `--why-extract` (lld 14: `-t`) shows what was asked for. One name a
//! line, then the letters of the targets that have it; no letters: all. Source: LTO input formats,
//! 5.1; lld `handleLibcall`.

use crate::plan::Version;

const LLD_14: &str = include_str!("libcalls/14.txt");
const LLD_19: &str = include_str!("libcalls/19.txt");
const LLD_22: &str = include_str!("libcalls/22.txt");

/// The names, in lld's order.
pub fn names(version: Version, triple: &[u8]) -> impl Iterator<Item = &'static str> + use<> {
    let list = if version < Version(15, 0, 0) {
        LLD_14
    } else if version < Version(20, 0, 0) {
        LLD_19
    } else {
        LLD_22
    };
    let target = letter(triple);
    list.lines().filter_map(move |line| match line.split_once(' ') {
        None => Some(line),
        Some((name, targets)) => targets.contains(target).then_some(name),
    })
}

/// The letter of a target in the lists: those that were recorded, others by what is nearest.
fn letter(triple: &[u8]) -> char {
    let starts = |arch: &[u8]| triple.starts_with(arch);
    let gnu = triple.windows(3).any(|w| w == b"gnu");
    match () {
        () if starts(b"x86_64") && gnu => 'g',
        () if starts(b"x86_64") => 'm',
        () if starts(b"aarch64") || starts(b"arm64") => 'a',
        () if starts(b"arm") || starts(b"thumb") => 't',
        () if starts(b"powerpc") || starts(b"ppc") => 'p',
        () if starts(b"mips") => 's',
        () if starts(b"i3") || starts(b"i4") || starts(b"i5") || starts(b"i6") => 'i',
        () => 'r',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_whole() {
        let count = |version, triple: &[u8]| names(version, triple).count();
        let gnu = b"x86_64-unknown-linux-gnu";
        assert_eq!(count(Version(14, 0, 6), gnu), 416);
        assert_eq!(count(Version(19, 1, 7), gnu), 500);
        assert!(names(Version(22, 1, 2), gnu).any(|n| n == "memcpy"));
    }
}
