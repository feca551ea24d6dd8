//! From gold's symbol table to the common [`Resolution`].

use super::Resolver;
use super::table::{ABSOLUTE, COMMON, DYNAMIC, Entry, IN_DYNAMIC, UNDEFINED, WEAK};
use crate::ids::{Id, NameId};
use crate::resolve::{DefKind, Definition, Resolution, WinningCommon};

/// Fills in the finished tables.
pub(super) fn finish(resolver: Resolver<'_, '_>) -> Resolution {
    let wraps = resolver.wraps();
    let Resolver { program, table, mut resolution, libraries, odd, expressions, .. } = resolver;
    for number in 0..program.names.len() {
        let name = NameId::from_usize(number);
        if let Some(at) = table.lookup(name) {
            let entry = &table.entries[at as usize];
            resolution.definitions[name] = definition(entry);
            resolution.visibility[name] = entry.visibility;
            if entry.is(IN_DYNAMIC) {
                resolution.dynamic_reference.insert(number);
            }
        }
    }
    for (file, symbol, at) in odd {
        let entry = &table.entries[table.follow(at) as usize];
        let own = definition(entry);
        let Some(literal) = program.files[file].global_name(symbol) else { continue };
        let named = resolution.definitions[literal];
        if named.kind == DefKind::Unknown {
            resolution.definitions[literal] = own;
            resolution.visibility[literal] = entry.visibility;
        } else if named != own {
            resolution.exceptions.push((file, symbol, own));
        }
    }
    let mut seen = vec![false; table.entries.len()];
    for &at in &table.commons {
        let at = table.follow(at);
        let entry = &table.entries[at as usize];
        if entry.is(COMMON) && !entry.is(DYNAMIC) && !std::mem::replace(&mut seen[at as usize], true) {
            resolution.commons.push(WinningCommon {
                name: entry.name,
                file: entry.file,
                symbol: entry.symbol,
                size: entry.size,
            });
        }
    }
    for file in libraries {
        if !table.as_needed.contains(file.idx()) || table.needed.contains(file.idx()) {
            resolution.needed_libraries.insert(file.idx());
        }
    }
    resolution.wraps = wraps;
    resolution.script_references = expressions.referenced().collect();
    resolution.early_roots = table.early_roots;
    resolution.diagnostics.extend(table.diagnostics);
    resolution
}

fn definition(entry: &Entry) -> Definition {
    let weak = entry.is(WEAK);
    let kind = if entry.is(UNDEFINED) {
        if weak { DefKind::UndefinedWeak } else { DefKind::Undefined }
    } else if entry.is(DYNAMIC) {
        DefKind::Shared
    } else if entry.is(COMMON) {
        DefKind::Common
    } else {
        debug_assert!(entry.section != 0 || entry.is(ABSOLUTE));
        if weak { DefKind::Weak } else { DefKind::Strong }
    };
    Definition { kind, file: entry.file, symbol: entry.symbol }
}
