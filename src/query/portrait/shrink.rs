//! Bytes that go although their section stays: FDEs and mergeable pieces, for any state of the link.
//!
//! In: an analysis. Out: tables of records and of who refers to which piece; from these and from what lives the bytes that
//! go, as [`crate::query::dead::pieces`] finds them in the link.

use fixedbitset::FixedBitSet;
use hashbrown::HashSet;

use super::rows::Rows;
use super::tables::*;
use super::{Portrait, details};
use crate::query::fate::{self, Fate};
use crate::query::pieces;
use crate::query::{Analysis, fate::unwind_records};

/// The tables.
#[derive(Default)]
pub(super) struct Shrinking {
    pub(super) unwind: Unwind<'static>,
    pub(super) merged: Merged<'static>,
    pub(super) merged_pieces: MergedPieces<'static>,
    pub(super) piece_uses: PieceUses<'static>,
    pub(super) root_pieces: RootPieces<'static>,
}

/// Makes them.
pub(super) fn of(analysis: &Analysis<'_>, rows: &Rows<'_, '_>) -> Shrinking {
    let mut out = Shrinking::default();
    let records = unwind_records(analysis);
    out.unwind = Unwind {
        section: records.iter().map(|r| rows.section(r.0)).collect::<Vec<_>>().into(),
        target: records.iter().map(|r| r.1.map_or(NONE, |s| rows.section(s))).collect::<Vec<_>>().into(),
        bytes: records.iter().map(|r| r.2).collect::<Vec<_>>().into(),
    };
    out.merged.first = vec![0u32].into();
    if !fate::collects(&analysis.program) {
        return out;
    }
    let found = pieces::references(analysis);
    out.merged = Merged {
        section: found.sections.iter().map(|&s| rows.section(s)).collect::<Vec<_>>().into(),
        first: found.starts.iter().map(|&s| s as u32).collect::<Vec<_>>().into(),
    };
    out.merged_pieces = MergedPieces { bytes: found.sizes.into() };
    out.piece_uses = PieceUses {
        from: found.from.iter().map(|r| rows.section(r.0)).collect::<Vec<_>>().into(),
        piece: found.from.iter().map(|r| r.1 as u32).collect::<Vec<_>>().into(),
    };
    let root_rows = details::root_rows(analysis, rows);
    let of_roots: Vec<(u32, u32)> = found
        .roots
        .iter()
        .filter_map(|&(root, piece)| Some((*root_rows.get(root)?, piece as u32)))
        .filter(|(root, _)| *root != NONE)
        .collect();
    out.root_pieces = RootPieces {
        root: of_roots.iter().map(|r| r.0).collect::<Vec<_>>().into(),
        piece: of_roots.iter().map(|r| r.1).collect::<Vec<_>>().into(),
    };
    out
}

impl Portrait<'_> {
    /// Bytes that go although their section stays, by section, if these nodes live, these roots (by row) are left, all of the
    /// sections of `whole` is kept and these edges are gone.
    pub fn shrunk(
        &self,
        fates: &[Fate],
        live: &FixedBitSet,
        roots: &dyn Fn(u32) -> bool,
        whole: &[u32],
        cuts: &HashSet<(u32, u32)>,
    ) -> Vec<(u32, u64)> {
        let mut out: Vec<(u32, u64)> = Vec::new();
        let add = |out: &mut Vec<(u32, u64)>, section: u32, bytes: u64| match out.last_mut() {
            Some(last) if last.0 == section => last.1 = last.1.saturating_add(bytes),
            _ => out.push((section, bytes)),
        };
        let fate = |section: u32| fates.get(section as usize).copied().unwrap_or(Fate::NotACandidate);
        let u = &self.unwind;
        for ((&section, &target), &bytes) in u.section.iter().zip(u.target.iter()).zip(u.bytes.iter()) {
            if fate(section) == Fate::Kept && target != NONE && !fate(target).stays() {
                add(&mut out, section, bytes);
            }
        }
        let mut used = FixedBitSet::with_capacity(self.merged_pieces.bytes.count());
        let section_of = |piece: u32| {
            let after = self.merged.first.partition_point(|&f| f <= piece);
            after.checked_sub(1).map_or(NONE, |at| self.merged.section.at(at))
        };
        for (&from, &piece) in self.piece_uses.from.iter().zip(self.piece_uses.piece.iter()) {
            let counts = cuts.is_empty() || !cuts.contains(&(from, section_of(piece)));
            if live.contains(from as usize) && counts && (piece as usize) < used.len() {
                used.insert(piece as usize);
            }
        }
        for (&root, &piece) in self.root_pieces.root.iter().zip(self.root_pieces.piece.iter()) {
            if roots(root) && (piece as usize) < used.len() {
                used.insert(piece as usize);
            }
        }
        for (at, &section) in self.merged.section.iter().enumerate() {
            let (from, to) = (self.merged.first.at(at) as usize, self.merged.first.at(at + 1) as usize);
            let all = whole.contains(&section);
            let dead =
                (from..to).filter(|&p| !all && !used.contains(p)).map(|p| self.merged_pieces.bytes.at(p));
            let bytes = dead.fold(0, u64::saturating_add);
            if bytes > 0 {
                out.push((section, bytes));
            }
        }
        out
    }
}
