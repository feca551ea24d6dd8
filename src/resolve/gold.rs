//! Resolution and extraction as gold does it (GS 3).

use super::Resolution;
use crate::program::Program;

/// Resolves the whole link.
pub(super) fn resolve(program: &Program<'_>) -> Resolution {
    Resolution::new(program)
}
