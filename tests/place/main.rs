//! Where sections go, how large output sections become and what memory regions hold, beside the
//! installed linkers: their built-in scripts, their maps, `size -A`, `--print-memory-usage`.
//!
//! A linker that is not installed is left out unless `LINKSWEEP_REQUIRE_LINKERS` names linkers: then
//! the GNU ones must be there.

#![allow(clippy::expect_used, clippy::unwrap_used, unreachable_pub)]

mod builtin;
mod scripts;
mod sizes;
