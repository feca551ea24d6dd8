//! The awkward shapes: what could cost more than its share.

use std::fmt::Write as _;

use super::model::{Kind, Link, Part, To, Unit};
use super::plain::PER_OBJECT;

fn started(to: impl IntoIterator<Item = String>) -> Link {
    let mut link = Link::new();
    let mut start = Part::code("_start");
    start.to.extend(to.into_iter().map(To::Name));
    link.object("start.o", &Unit::of(vec![start]));
    link
}

/// One section with that many relocations to a thousand others.
pub fn wide(relocations: usize) -> Link {
    let mut link = started((0..relocations).map(|at| format!("w{}", at % 1_000)));
    link.spread("wide", (0..1_000).map(|at| Part::code(format!("w{at}"))), PER_OBJECT, false);
    link
}

/// Member `i` refers to `next(i)`.
fn members_to(count: usize, first: usize, next: impl Fn(usize) -> Option<usize>) -> Link {
    let mut link = started([format!("m{first}")]);
    let unit = |at: usize| {
        let part = Part::code(format!("m{at}"));
        Unit::of(vec![match next(at) {
            Some(next) => part.naming(format!("m{next}")),
            None => part,
        }])
    };
    let units: Vec<Unit> = (0..count).map(unit).collect();
    link.archive("libchain.a", units.iter());
    link
}

/// Each member refers to the one behind it.
pub fn member_chain(members: usize) -> Link {
    members_to(members, 0, |at| (at + 1 < members).then_some(at + 1))
}

/// Each member refers to the one before it.
pub fn member_chain_back(members: usize) -> Link {
    members_to(members, members - 1, |at| at.checked_sub(1))
}

/// Members without references, every fourth demanded.
pub fn members(members: usize) -> Link {
    let mut link = started((0..members).step_by(4).map(|at| format!("m{at}")));
    let units: Vec<Unit> = (0..members).map(|at| Unit::of(vec![Part::code(format!("m{at}"))])).collect();
    link.archive("libmany.a", units.iter());
    link
}

/// Sections `.text.f0`, `.text.f1` and so on, and a script that keeps by those patterns.
fn kept(sections: usize, patterns: impl Iterator<Item = String>) -> Link {
    let mut link = started([]);
    link.spread("kept", (0..sections).map(|at| Part::code(format!("f{at}.f{at}"))), PER_OBJECT, false);
    let mut script = String::from("ENTRY(_start)\nSECTIONS\n{\n  .text : {\n");
    for pattern in patterns {
        let _ = writeln!(script, "    KEEP(*({pattern}))");
    }
    script += "    *(.text .text.*)\n  }\n}\n";
    link.script(script);
    link
}

/// KEEP of whole names.
pub fn keep_exact(sections: usize) -> Link {
    kept(sections, (0..sections / 10).map(|at| format!(".text.f{at}.f{at}", at = at * 10 + 3)))
}

/// KEEP of prefixes; most overlap with shorter ones.
pub fn keep_prefix(sections: usize) -> Link {
    kept(sections, (0..sections / 10).map(|at| format!(".text.f{}*", at * 10 + 3)))
}

/// KEEP of suffixes.
pub fn keep_suffix(sections: usize) -> Link {
    kept(sections, (0..sections / 10).map(|at| format!("*.f{}", at * 10 + 3)))
}

fn general(at: usize) -> String {
    match at % 3 {
        0 => format!(".text.f?{at}*.f[0-9]{at}"),
        1 => format!(".text.f*{at}?.f*{at}[1-9]"),
        _ => format!("*.f{at}?.*{at}[5-7]"),
    }
}

/// KEEP of a hundred general patterns.
pub fn keep_glob(sections: usize) -> Link {
    kept(sections, (0..100).map(general))
}

/// KEEP of many general patterns on ten thousand names.
pub fn globs(patterns: usize) -> Link {
    kept(10_000, (0..patterns).map(general))
}

/// Groups that stand in eight objects each; one section of code and one of data per group.
pub fn groups(groups: usize) -> Link {
    let mut link = started((0..groups).step_by(3).map(|at| format!("g{at}")));
    for copy in 0..8 {
        let parts = (0..groups).flat_map(|at| {
            let own = |part: Part| part.grouped(format!("g{at}"));
            [own(Part::code(format!("g{at}"))), own(Part::bare(format!(".data.g{at}"), Kind::Data))]
        });
        link.spread(&format!("groups{copy}-"), parts, PER_OBJECT, false);
    }
    link
}

/// One group with all sections, in two objects.
pub fn huge_group(sections: usize) -> Link {
    let mut link = started(["h0".into()]);
    let parts = |_| Unit::of((0..sections).map(|at| Part::code(format!("h{at}")).grouped("h0")).collect());
    for copy in 0..2 {
        link.object(&format!("huge{copy}.o"), &parts(copy));
    }
    link
}

/// Archives of ten members in one group; each archive needs the one before it.
pub fn group_nest(archives: usize) -> Link {
    let mut link = started([format!("n{}_0", archives - 1)]);
    link.word("--start-group");
    for archive in 0..archives {
        let units: Vec<Unit> = (0..10)
            .map(|at| {
                let part = Part::code(format!("n{archive}_{at}"));
                Unit::of(vec![if at == 0 && archive > 0 {
                    part.naming(format!("n{}_0", archive - 1))
                } else {
                    part
                }])
            })
            .collect();
        link.archive(&format!("libnest{archive:06}.a"), units.iter());
    }
    link.word("--end-group");
    link
}

/// Groups in a row, of two archives each.
pub fn group_many(groups: usize) -> Link {
    let mut link = started((0..groups).map(|at| format!("a{at}")));
    for at in 0..groups {
        link.word("--start-group");
        let first = [Unit::of(vec![Part::code(format!("a{at}")).naming(format!("b{at}"))])];
        link.archive(&format!("liba{at:06}.a"), first.iter());
        link.archive(&format!("libb{at:06}.a"), [Unit::of(vec![Part::code(format!("b{at}"))])].iter());
        link.word("--end-group");
    }
    link
}

/// Options `-u`, half of which name members.
pub fn demands(options: usize) -> Link {
    let mut link = started([]);
    for at in 0..options {
        link.words.extend(["-u".into(), format!("d{at}")]);
    }
    let units: Vec<Unit> =
        (0..options / 2).map(|at| Unit::of(vec![Part::code(format!("d{}", at * 2))])).collect();
    link.archive("libdemands.a", units.iter());
    link
}

/// Options `--defsym`; each names the one before, the first a function.
pub fn defsyms(options: usize) -> Link {
    let mut link = started((0..options).step_by(2).map(|at| format!("e{at}")));
    link.object("function.o", &Unit::of(vec![Part::code("function"), Part::code("other")]));
    for at in 0..options {
        let value = if at == 0 { "function".to_string() } else { format!("e{}", at - 1) };
        link.word(format!("--defsym=e{at}={value}"));
    }
    link
}

/// Options `--wrap`; callers of the names and definitions of both sides.
pub fn wraps(options: usize) -> Link {
    let mut link = started((0..options).map(|at| format!("x{at}")));
    let parts = (0..options).flat_map(|at| {
        [Part::code(format!("x{at}")), Part::code(format!("__wrap_x{at}")).naming(format!("__real_x{at}"))]
    });
    link.spread("wraps", parts, PER_OBJECT, false);
    for at in 0..options {
        link.word(format!("--wrap=x{at}"));
    }
    link
}

/// Sections named like C identifiers, half of them referred to by their bounds.
pub fn bounds(names: usize) -> Link {
    let wanted = (0..names).step_by(2).flat_map(|at| [format!("__start_set{at}"), format!("__stop_set{at}")]);
    let mut link = started(wanted);
    link.words.extend(["-z".into(), "nostart-stop-gc".into()]);
    link.spread("bounds", (0..names).map(|at| Part::bare(format!("set{at}"), Kind::Data)), PER_OBJECT, false);
    link
}

/// A shared library whose version script has whole names, prefixes and suffixes.
pub fn versions(symbols: usize) -> Link {
    let mut link = started([]);
    link.word("-shared");
    link.spread("versions", (0..symbols).map(|at| Part::code(format!("v{at}_v{at}"))), PER_OBJECT, false);
    let mut text = String::from("V1 {\n  global:\n");
    for at in 0..symbols / 10 {
        let at = at * 10 + 3;
        let _ = match at / 10 % 3 {
            0 => writeln!(text, "    v{at}_v{at};"),
            1 => writeln!(text, "    v{at}_*;"),
            _ => writeln!(text, "    *_v{at};"),
        };
    }
    text += "  local: *;\n};\n";
    link.files.push(("version.map".into(), text.into_bytes()));
    link.word("--version-script=version.map");
    link
}

/// Sections of one name with symbols of their own, a fifth of them live.
pub fn same_name(sections: usize) -> Link {
    let mut link = started((0..sections).step_by(5).map(|at| format!("y{at}")));
    let part = |at: usize| Part { name: ".text.same".into(), ..Part::code(format!("y{at}")) };
    link.spread("same", (0..sections).map(part), PER_OBJECT, false);
    link
}

/// Objects on the command line.
pub fn objects(objects: usize) -> Link {
    let mut link = started((0..objects).step_by(2).map(|at| format!("o{at}")));
    link.spread("one", (0..objects).map(|at| Part::code(format!("o{at}"))), 1, false);
    link
}

/// One object: functions with unwind entries, half of them live.
pub fn unwind(functions: usize) -> Link {
    let mut link = started((0..functions).step_by(2).map(|at| format!("u{at}")));
    let parts = (0..functions).map(|at| Part::code(format!("u{at}"))).collect();
    link.object("unwind.o", &Unit { parts, unwind: true });
    link
}
