//! Renderers: a file per format and question; they arrange what a query found and compute nothing.

pub mod reloc_names;
pub mod why_json;
pub mod why_text;
pub mod why_words;
