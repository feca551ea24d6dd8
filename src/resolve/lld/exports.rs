//! Which definitions lld puts into the dynamic symbol table (GS 4.5): `--exclude-libs`,
//! `--export-dynamic-symbol`, dynamic lists, version scripts.
//!
//! In: the resolved rows. Out: their [`flag`] bits. Sources: lld `excludeLibs`,
//! `SymbolTable::scanVersionScript`, `handleDynamicList`.

use super::glob_matches;
use super::parse::Reader;
use super::symbols::{Kind, flag};
use crate::program::Content;

/// Sets the bits.
pub(super) fn assign_versions(reader: &mut Reader<'_, '_>) {
    if !reader.is_relocatable() {
        dynamic_list(reader);
    }
    exclude_libs(reader);
}

fn dynamic_list(reader: &mut Reader<'_, '_>) {
    let program = reader.program;
    for pattern in &program.plan.export_dynamic_symbols {
        let pattern = pattern.as_slice();
        if pattern.iter().any(|b| b"?*[".contains(b)) {
            for name in program.names.ids() {
                let row = reader.symbols.row(name);
                if matches!(row.kind, Kind::Placeholder | Kind::Undefined | Kind::Shared) {
                    continue;
                }
                let text = program.name(reader.suffixed.get(&name.0).copied().unwrap_or(name));
                if glob_matches(pattern, text) {
                    reader.symbols.row_mut(name).flags |= flag::DYNAMIC_LIST;
                }
            }
        } else if let Some(name) = reader.find(pattern) {
            reader.symbols.row_mut(name).flags |= flag::DYNAMIC_LIST;
        }
    }
}

/// `--exclude-libs`: definitions of the named archives become local.
fn exclude_libs(reader: &mut Reader<'_, '_>) {
    let program = reader.program;
    let libs: Vec<&[u8]> =
        program.plan.exclude_libs.iter().flat_map(|words| words.split(|&b| b == b',' || b == b':')).collect();
    if libs.is_empty() {
        return;
    }
    let all = libs.contains(&&b"ALL"[..]);
    for file in reader.objects.clone() {
        let f = &program.files[file];
        if f.archive.is_none() {
            continue;
        }
        let base = f.path.rsplit(|&b| b == b'/').next().unwrap_or(f.path);
        if !all && !libs.contains(&base) {
            continue;
        }
        let Content::Object(_) = &f.content else { continue };
        for &name in &f.names {
            let name = reader.canonical(name);
            let row = reader.symbols.row_mut(name);
            if row.kind != Kind::Undefined && row.file == file.0 {
                row.flags |= flag::LOCAL;
            }
        }
    }
}
