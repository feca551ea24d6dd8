//! Linker scripts, version scripts and dynamic lists: text in, syntax trees with byte spans out.
