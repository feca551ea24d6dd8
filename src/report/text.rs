//! Text for people: tables, numbers with units, the first lines of every answer.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style as TableStyle};

use crate::load::elf::consts::*;
use crate::plan::{Flavor, OutputKind, Profile};
use crate::program::Program;

/// A number with thousands separated.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size with a binary unit.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `1 section`, `2 sections`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// The line below a table of which rows were left out.
pub fn more(out: &mut String, hidden: usize, what: &str) {
    if hidden > 0 {
        out.push_str(&format!("  ... and {} more {what} (-n 0 shows all)\n", count(hidden as u64)));
    }
}

/// Part of a whole in per cent.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "0.0 %".into() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}

/// A table without lines; `right` names the columns that are aligned to the right. Lines end in a
/// line feed and have no blanks at their ends.
pub fn table(rows: Vec<Vec<String>>, right: &[usize]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut builder = Builder::with_capacity(rows.len(), 0);
    for row in rows {
        builder.push_record(row);
    }
    let mut table = builder.build();
    table.with(TableStyle::empty()).with(Padding::new(2, 0, 0, 0));
    for &column in right {
        table.modify(Columns::one(column), Alignment::right());
    }
    let mut out = String::new();
    for line in table.to_string().lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The linker's own name.
pub fn linker(profile: Profile) -> String {
    let name = match profile.flavor {
        Flavor::Bfd => "GNU ld",
        Flavor::Gold => "GNU gold",
        Flavor::Lld => "lld",
        Flavor::Mold => "mold",
    };
    format!("{name} {}", version(profile))
}

/// The flavour as `--linker` spells it.
pub fn flavor(profile: Profile) -> &'static str {
    match profile.flavor {
        Flavor::Bfd => "bfd",
        Flavor::Gold => "gold",
        Flavor::Lld => "lld",
        Flavor::Mold => "mold",
    }
}

/// The version without a last part of 0.
pub fn version(profile: Profile) -> String {
    let v = profile.version;
    if v.2 == 0 { format!("{}.{}", v.0, v.1) } else { format!("{}.{}.{}", v.0, v.1, v.2) }
}

/// The machine of a link, in words.
pub fn machine(program: &Program<'_>) -> String {
    match program.target {
        Some(target) => machine_words(target.machine, target.is_64, target.big_endian),
        None => machine_words_unknown(),
    }
}

/// A machine, its class and byte order, in words.
pub fn machine_words(machine: u16, is_64: bool, big_endian: bool) -> String {
    let class = if is_64 { "64-bit" } else { "32-bit" };
    format!("{}, {class}{}", machine_name(machine), if big_endian { ", big-endian" } else { "" })
}

/// The same where no object tells.
pub fn machine_words_unknown() -> String {
    "no objects".into()
}

/// A machine's name.
pub fn machine_name(machine: u16) -> String {
    match machine {
        EM_386 => "i386".into(),
        EM_MIPS => "mips".into(),
        EM_PPC => "powerpc".into(),
        EM_PPC64 => "powerpc64".into(),
        EM_S390 => "s390".into(),
        EM_ARM => "arm".into(),
        EM_SPARCV9 => "sparcv9".into(),
        EM_X86_64 => "x86-64".into(),
        EM_AARCH64 => "aarch64".into(),
        EM_RISCV => "riscv".into(),
        EM_LOONGARCH => "loongarch".into(),
        other => format!("machine {other}"),
    }
}

/// The kind of output.
pub fn output_kind(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::Executable => "executable",
        OutputKind::Pie => "pie",
        OutputKind::Shared => "shared",
        OutputKind::Relocatable => "relocatable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [size(0), size(1023), size(1024), size(1_572_864)],
            ["0 B", "1023 B", "1.0 KiB", "1.5 MiB"]
        );
        assert_eq!(percent(1, 0), "0.0 %");
    }

    #[test]
    fn tables() {
        let rows = vec![vec!["1".into(), "a".into()], vec!["22".into(), "bb".into()]];
        assert_eq!(table(rows, &[0]), "   1  a\n  22  bb\n");
    }
}
