//! The JSON Schema of every kind of JSON answer (`schema KIND`).

/// Kinds and their schemas.
pub const SCHEMAS: &[(&str, &str)] = &[
    ("gc", include_str!("schemas/gc.json")),
    ("check", include_str!("schemas/check.json")),
    ("compare", include_str!("schemas/compare.json")),
    ("diff", include_str!("schemas/diff.json")),
    ("exports", include_str!("schemas/exports.json")),
    ("extract", include_str!("schemas/extract.json")),
    ("keep", include_str!("schemas/keep.json")),
    ("retained", include_str!("schemas/retained.json")),
    ("kill", include_str!("schemas/kill.json")),
    ("sections", include_str!("schemas/sections.json")),
    ("undefined", include_str!("schemas/undefined.json")),
    ("what-if", include_str!("schemas/what-if.json")),
    ("verify", include_str!("schemas/verify.json")),
    ("doctor", include_str!("schemas/doctor.json")),
];

/// The schema of a kind.
pub fn schema(kind: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|(name, _)| *name == kind).map(|(_, text)| *text)
}
