//! The common shapes: chain, star, layers, and a link that looks like a kernel's.

use std::fmt::Write as _;

use super::Numbers;
use super::model::{Kind, Link, Part, To, Unit};

/// Sections of an object in shapes that do not say otherwise.
pub const PER_OBJECT: usize = 5_000;

fn start(to: impl IntoIterator<Item = String>) -> Part {
    let mut part = Part::code("_start");
    part.to.extend(to.into_iter().map(To::Name));
    part
}

/// Each section refers to the next by a global symbol; the last tenth refers to nothing and is dead.
pub fn chain(sections: usize) -> Link {
    let mut link = Link::new();
    link.object("start.o", &Unit::of(vec![start(["c0".into()])]));
    let live = sections - sections / 10;
    let part = |at: usize| {
        let part = Part::code(format!("c{at}"));
        if at + 1 < live { part.naming(format!("c{}", at + 1)) } else { part }
    };
    link.spread("chain", (0..sections).map(part), PER_OBJECT, false);
    link
}

/// One section refers to nine of ten others.
pub fn star(sections: usize) -> Link {
    let mut link = Link::new();
    let live = (0..sections).filter(|at| at % 10 != 0).map(|at| format!("s{at}"));
    link.object("start.o", &Unit::of(vec![start(live)]));
    link.spread("star", (0..sections).map(|at| Part::code(format!("s{at}"))), PER_OBJECT, false);
    link
}

/// Ten layers; each section refers to five of the layer below, two of them in its own object. Every eighth is in
/// a COMDAT group that another object has too; half of the objects are archive members; all have unwind tables.
pub fn layers(sections: usize) -> Link {
    const LAYERS: usize = 10;
    let mut link = Link::new();
    let width = (sections / LAYERS).max(1);
    let mut numbers = Numbers::new(1);
    let name = |layer: usize, at: usize| format!("_ZN5layer{layer}8function{at}Ev");
    link.object("start.o", &Unit::of(vec![start((0..width.div_ceil(20)).map(|at| name(0, at * 20)))]));
    let (mut plain, mut members) = (0, Vec::new());
    let per = PER_OBJECT / LAYERS;
    for first in (0..width).step_by(per) {
        // An object has a stripe of every layer.
        let stripe = per.min(width - first);
        let mut parts = Vec::new();
        for layer in 0..LAYERS {
            for at in first..first + stripe {
                let mut part = Part::code(name(layer, at));
                if layer + 1 < LAYERS {
                    for _ in 0..3 {
                        part.to.push(To::Name(name(layer + 1, numbers.below(width))));
                    }
                    for _ in 0..2 {
                        // Only names lead into a group: its sections may be those of another object.
                        let other = numbers.below(stripe);
                        part.to.push(if (first + other) % 8 == 7 {
                            To::Name(name(layer + 1, first + other))
                        } else {
                            To::Part((layer + 1) * stripe + other)
                        });
                    }
                }
                if at % 8 == 7 {
                    // The second copy stands in the next object.
                    part = part.grouped(name(layer, at));
                }
                parts.push(part);
            }
        }
        if first >= per {
            let copies = (0..LAYERS).flat_map(|layer| {
                let before = (first - per..first).filter(|at| at % 8 == 7);
                before.map(move |at| Part::code(name(layer, at)).grouped(name(layer, at)))
            });
            parts.extend(copies);
        }
        let unit = Unit { parts, unwind: true };
        if (first / per).is_multiple_of(2) {
            link.object(&format!("layers{plain:05}.o"), &unit);
            plain += 1;
        } else {
            members.push(unit);
        }
    }
    link.archive("liblayers.a", members.iter());
    link
}

/// Functions in `built-in` archives under `--whole-archive`: calls, a table entry for every fourth function, an
/// export for every fifth, initialisation code; the script keeps the tables by KEEP.
pub fn kernel(functions: usize) -> Link {
    let mut link = Link::new();
    link.script(kernel_script());
    link.word("--whole-archive");
    let mut numbers = Numbers::new(2);
    let mut units = Vec::new();
    const PER: usize = 40;
    for first in (0..functions).step_by(PER) {
        let mut parts = Vec::new();
        for at in first..(first + PER).min(functions) {
            let code = parts.len();
            let mut part = Part::code(format!("kernel_function_{at}"));
            for _ in 0..2 {
                part = part.naming(format!("kernel_function_{}", numbers.below(functions)));
            }
            parts.push(part);
            match at % 20 {
                0 => parts.push(Part::bare(".initcall6.init", Kind::Data).part(code)),
                1 | 5 | 9 | 13 => parts.push(Part::bare("__ex_table", Kind::ReadOnly).part(code)),
                2 | 6 | 10 | 14 => {
                    let name = format!("___ksymtab+kernel_function_{at}");
                    parts.push(Part::bare(name, Kind::ReadOnly).part(code));
                }
                3 => parts.push(Part::bare(".init.text", Kind::Text).part(code)),
                4 => parts.push(Part::bare(format!(".data.object_{at}"), Kind::Data).part(code)),
                7 => parts.push(Part::bare(format!(".rodata.table_{at}"), Kind::ReadOnly).part(code)),
                8 => parts.push(Part::bare("__bug_table", Kind::Data).part(code)),
                11 => parts.push(Part::bare("__jump_table", Kind::Data).part(code)),
                _ => {}
            }
        }
        units.push(Unit::of(parts));
    }
    for (number, units) in units.chunks(64).enumerate() {
        link.archive(&format!("built-in{number:03}.a"), units.iter());
    }
    link.word("--no-whole-archive");
    let mut entry = start((0..10.min(functions)).map(|at| format!("kernel_function_{at}")));
    entry = entry.naming("__start___ex_table").naming("__initcall_start");
    link.object("head.o", &Unit::of(vec![entry]));
    link
}

fn kernel_script() -> String {
    let mut out = String::from("ENTRY(_start)\nSECTIONS\n{\n");
    out += "  .text : { KEEP(*(.head.text)) *(.text.hot .text.hot.*) *(.text .text.[0-9a-zA-Z_]*) *(.text.unlikely) }\n";
    for name in ["__ex_table", "__bug_table", "__jump_table"] {
        let _ = writeln!(out, "  {name} : {{ __start_{name} = .; KEEP(*({name})) __stop_{name} = .; }}");
    }
    out += "  __ksymtab : { __start___ksymtab = .; KEEP(*(SORT(___ksymtab+*))) __stop___ksymtab = .; }\n";
    out += "  .rodata : { *(.rodata .rodata.*) }\n  .data : { *(.data .data.[0-9a-zA-Z_]*) *(.data.*) }\n";
    out += "  .init.text : { *(.init.text) *(.text.startup) }\n  .initcall : { __initcall_start = .;\n";
    for level in 0..8 {
        let _ = writeln!(
            out,
            "    __initcall{level}_start = .; KEEP(*(.initcall{level}.init)) KEEP(*(.initcall{level}s.init))"
        );
    }
    out + "    __initcall_end = .; }\n  .bss : { *(.bss .bss.*) *(COMMON) }\n  /DISCARD/ : { *(.discard .discard.*) *(.exit.text) }\n}\n"
}
