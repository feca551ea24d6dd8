//! Values of options that have no effect on our answers but that a linker checks all the same.
//!
//! In: an option's name and value. Out: nothing, or why the linker stops. Source: ld `parse_args`;
//! gold `General_options`; lld `readConfigs` and its helpers; mold `parse_nonpositional_args`.

use super::Flavor;
use super::checks::{bad, number, one_of};
use crate::error::Result;

fn is_hex(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"0x").or_else(|| value.strip_prefix(b"0X")).unwrap_or(value);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Refuses a wrong value.
pub(super) fn ignored(flavor: Flavor, name: &str, value: Option<&[u8]>) -> Result<()> {
    let Some(value) = value else { return Ok(()) };
    let gnu = matches!(flavor, Flavor::Bfd | Flavor::Gold);
    let must = |good: bool, why: &str| if good { Ok(()) } else { Err(bad(&format!("--{name}"), value, why)) };
    match name.trim_end_matches('=') {
        "hash-style" => one_of("--hash-style", value, &["sysv", "gnu", "both"]),
        "assert" if gnu => {
            one_of("-assert", value, &["definitions", "nodefinitions", "nosymbolic", "pure-text"])
        }
        "sort-section" => match flavor {
            Flavor::Bfd => one_of("--sort-section", value, &["name", "alignment"]),
            Flavor::Gold => one_of("--sort-section", value, &["none", "name"]),
            Flavor::Lld => one_of("--sort-section", value, &["none", "name", "alignment"]),
            Flavor::Mold => Ok(()),
        },
        "sort-common" if flavor == Flavor::Bfd => {
            one_of("--sort-common", value, &["ascending", "descending"])
        }
        "target2" if flavor != Flavor::Bfd => one_of("--target2", value, &["rel", "abs", "got-rel"]),
        "compress-debug-sections" => {
            let words: &[&str] = &["none", "zlib", "zlib-gnu", "zlib-gabi", "zstd"];
            one_of("--compress-debug-sections", &value.to_ascii_lowercase(), words)
        }
        "section-start" => {
            let good = value.iter().position(|&b| b == b'=').is_some_and(|at| at > 0 && at + 1 < value.len());
            must(good, "not SECTION=ADDRESS")
        }
        "Tbss" | "Tdata" | "Ttext" if !gnu => must(is_hex(value), "not a hexadecimal number"),
        "filler" if flavor == Flavor::Mold => must(is_hex(value), "not a hexadecimal number"),
        "build-id" if !gnu => {
            let kinds: &[&[u8]] = match flavor {
                Flavor::Mold => &[b"none", b"uuid", b"md5", b"sha1", b"sha256"],
                _ => &[b"none", b"uuid", b"md5", b"sha1", b"fast", b"tree"],
            };
            let hex = value.strip_prefix(b"0x").or_else(|| value.strip_prefix(b"0X"));
            must(kinds.contains(&value) || hex.is_some_and(is_hex), "not a kind of build-id")
        }
        "color-diagnostics" if flavor == Flavor::Lld => {
            one_of("--color-diagnostics", value, &["auto", "always", "never"])
        }
        "error-limit" | "image-base" if flavor == Flavor::Lld => {
            must(number(value).is_some(), "not a number")
        }
        "image-base" | "physical-image-base" | "spare-dynamic-tags" | "thread-count" => {
            must(flavor != Flavor::Mold || number(value).is_some(), "not a number")
        }
        "threads" if !gnu => must(number(value).is_some_and(|n| n > 0), "not a positive number"),
        "pack-dyn-relocs" if flavor == Flavor::Lld => {
            one_of("--pack-dyn-relocs", value, &["none", "android", "relr", "android+relr"])
        }
        _ => Ok(()),
    }
}
