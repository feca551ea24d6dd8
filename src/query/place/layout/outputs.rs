//! One output section while addresses are given out: its start, its pieces, its load address.
//!
//! In: an [`Out`] and where the location counter stands. Out: an [`OutputLayout`], and the counter
//! behind it. Sources: ld `lang_size_sections_1`, `size_input_section`; lld `assignOffsets`.

use bstr::BStr;

use super::build::{Item, Out};
use super::eval::{At, Known};
use super::walk::{State, Walker};
use super::{Made, OutputLayout, Piece, PieceOf};
use crate::load::elf::consts::*;
use crate::script::Constraint;
use crate::script::expr::align;

impl<'a> Walker<'a, '_> {
    /// The region of an output section (ld `lang_get_regions`, `lang_memory_default`).
    pub(super) fn regions_of(&self, out: &Out<'_>) -> (Option<usize>, Option<usize>) {
        let named = |name: Option<&BStr>| name.and_then(|n| self.world.region(n));
        let load = named(out.load_region);
        let has_address = out.section.is_some_and(|s| s.address.is_some());
        let mut region = named(out.region);
        if region.is_none() && !has_address {
            region = load;
        }
        if region.is_none() && !has_address && out.flags & SHF_ALLOC != 0 {
            region = self.world.regions.iter().position(|r| r.takes(out.flags, out.nobits));
        }
        (region, load)
    }

    pub(super) fn output(&mut self, out: &Out<'a>, state: &mut State) -> Option<OutputLayout> {
        if out.section.is_some_and(|s| s.constraint == Some(Constraint::Special)) && !out.exists() {
            return None;
        }
        if out.skipped {
            return None;
        }
        let (region, load_region) = self.regions_of(out);
        if out.dropped.sections > 0 {
            self.count_dropped(out, region, load_region);
        }
        let before = state.dot;
        let at = At { dot: state.dot, inside: None };
        let alloc = out.flags & SHF_ALLOC != 0;
        let header = out.section.and_then(|s| s.address.as_ref());
        let given = header.and_then(|e| self.world.address(e, at));
        if let Some(address) = given {
            state.dot = address;
        }
        if !out.exists() {
            return None;
        }
        let mut start = if given.is_some() || self.lld { state.dot } else { state.current };
        if let (None, Some(r)) = (given, region.and_then(|r| self.world.regions.get(r))) {
            start = r.current;
        }
        if let Some((base, _)) = state.overlay.filter(|_| out.in_overlay) {
            start = base;
        }
        if !alloc && given.is_none() && out.has_inputs() {
            start = 0;
        }
        let own = out.section.and_then(|s| s.align.as_ref()).and_then(|e| self.world.address(e, at));
        let subalign = out.section.and_then(|s| s.subalign.as_ref()).and_then(|e| self.world.address(e, at));
        let mut section_align = if subalign.is_some() { subalign.unwrap_or(1) } else { out.align };
        if self.lld && subalign.is_none() {
            section_align = out.align;
        }
        section_align = section_align.max(own.unwrap_or(1));
        // An explicit address is not aligned, save to ALIGN (ld).
        let aligned = match given {
            None => align(start, section_align),
            Some(_) => align(start, own.unwrap_or(1)),
        };
        let mut dot = aligned;
        let pieces = self.pieces(out, subalign, &mut dot, aligned);
        let size = dot.wrapping_sub(aligned);
        let keeps_place =
            size > 0 || out.has_own() || (self.lld && (out.has_inputs() || out.defines_symbols()));
        if !keeps_place {
            // ld leaves it out; its symbols still move the location counter.
            if !out.defines_symbols() {
                if given.is_none() {
                    state.dot = before;
                }
                self.remember(out, aligned, aligned, 0, section_align);
                return None;
            }
            state.dot = aligned;
            if alloc || region.is_some() {
                self.advance(out, state, region, load_region, aligned, 0);
            }
            self.remember(out, aligned, aligned, 0, section_align);
            return None;
        }
        let load = self.load_address(
            out,
            state,
            region,
            load_region,
            aligned,
            aligned.wrapping_sub(start),
            size,
            section_align,
        );
        self.remember(out, aligned, load, size, section_align);
        let thread_zero = out.flags & SHF_TLS != 0 && out.nobits;
        let grows = if thread_zero { 0 } else { size };
        if alloc {
            state.dot = aligned.wrapping_add(grows);
            self.advance(out, state, region, load_region, load, grows);
        } else if !self.lld && given.is_some() {
            state.dot = aligned.wrapping_add(grows);
        } else {
            state.dot = before;
        }
        if let Some((_, largest)) = state.overlay.as_mut().filter(|_| out.in_overlay) {
            *largest = (*largest).max(size);
        }
        // Behind what the linker makes itself, only it knows addresses.
        let known = self.scripted && alloc && !state.unsure;
        // An alignment behind merged sections whose size is not known.
        let moved = state.merged && pieces.iter().any(|p| p.of == PieceOf::Dot);
        let made = out.made.or(moved.then_some(Made::Merged));
        state.merged |= alloc && made == Some(Made::Merged);
        state.unsure |= alloc && out.made.is_some();
        Some(OutputLayout {
            name: out.name.clone(),
            statement: out.statement,
            address: known.then_some(aligned),
            load_address: known.then_some(load),
            size,
            align: section_align,
            flags: out.flags,
            nobits: out.nobits,
            region: region.and_then(|r| u32::try_from(r).ok()),
            load_region: load_region.and_then(|r| u32::try_from(r).ok()),
            pieces,
            made,
            dropped: out.dropped,
        })
    }

    fn count_dropped(&mut self, out: &Out<'_>, region: Option<usize>, load: Option<usize>) {
        let both = [region, load.filter(|l| Some(*l) != region && !out.nobits)];
        for number in both.into_iter().flatten() {
            if let Some(region) = self.world.regions.get_mut(number) {
                region.dropped = region.dropped.saturating_add(out.dropped.bytes);
                region.dropped_sections += out.dropped.sections;
            }
        }
    }

    fn remember(&mut self, out: &Out<'_>, address: u64, load: u64, size: u64, align: u64) {
        self.world.outputs.insert(out.name.clone(), Known { address, load, size, align });
    }

    /// What lies in the section, up to its end in `dot`.
    fn pieces(&mut self, out: &Out<'a>, subalign: Option<u64>, dot: &mut u64, start: u64) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for item in &out.items {
            match item {
                Item::Inputs(list) => {
                    for input in list {
                        let at = align(*dot, subalign.unwrap_or(input.align));
                        if at != *dot {
                            let offset = dot.wrapping_sub(start);
                            pieces.push(Piece { of: PieceOf::Padding, offset, size: at.wrapping_sub(*dot) });
                        }
                        let offset = at.wrapping_sub(start);
                        if let PieceOf::Section(section) = input.of
                            && self.wanted.contains(&section)
                        {
                            self.places.insert(section, (start, offset));
                        }
                        pieces.push(Piece { of: input.of, offset, size: input.size });
                        *dot = at.wrapping_add(input.size);
                    }
                }
                Item::Data(size) => {
                    let offset = dot.wrapping_sub(start);
                    pieces.push(Piece { of: PieceOf::Data, offset, size: u64::from(*size) });
                    *dot = dot.wrapping_add(u64::from(*size));
                }
                Item::Assign(a) => {
                    let was = *dot;
                    self.assign(a, dot, Some(start));
                    if *dot < was {
                        self.notes.push(format!("{}: the location counter moves backwards", out.name));
                        *dot = was;
                    } else if *dot > was {
                        let offset = was.wrapping_sub(start);
                        pieces.push(Piece { of: PieceOf::Dot, offset, size: dot.wrapping_sub(was) });
                    }
                }
            }
        }
        pieces
    }

    #[allow(clippy::too_many_arguments)]
    fn load_address(
        &mut self,
        out: &Out<'_>,
        state: &mut State,
        region: Option<usize>,
        load_region: Option<usize>,
        address: u64,
        moved: u64,
        size: u64,
        section_align: u64,
    ) -> u64 {
        let at = At { dot: address, inside: None };
        let given = out.section.and_then(|s| s.load_address.as_ref()).and_then(|e| self.world.address(e, at));
        if let Some(load) = given {
            state.last = Some((address, load));
            return load;
        }
        if let Some(current) = load_region.and_then(|r| self.world.regions.get(r)).map(|r| r.current) {
            let load = match load_region == region {
                true => align(current, section_align),
                // lld: what aligning moves counts in both regions.
                false if self.lld => align(current.wrapping_add(moved), section_align),
                false => {
                    let own = out.section.and_then(|s| s.align.as_ref());
                    align(current, own.and_then(|e| self.world.address(e, at)).unwrap_or(1))
                }
            };
            return load;
        }
        let offset = match state.last {
            Some((last, load)) if address >= last || size == 0 => load.wrapping_sub(last),
            _ => 0,
        };
        if out.flags & SHF_ALLOC != 0 && region.is_none() {
            state.last = Some((address, address.wrapping_add(offset)));
            return address.wrapping_add(offset);
        }
        address
    }

    #[allow(clippy::too_many_arguments)]
    fn advance(
        &mut self,
        out: &Out<'_>,
        state: &mut State,
        region: Option<usize>,
        load_region: Option<usize>,
        load: u64,
        grows: u64,
    ) {
        let end = state.dot;
        if region.is_none() {
            state.current = end;
        }
        if let Some(region) = region.and_then(|r| self.world.regions.get_mut(r)) {
            region.current = end;
        }
        if load_region != region
            && (!out.nobits || self.lld)
            && let Some(region) = load_region.and_then(|r| self.world.regions.get_mut(r))
        {
            region.current = load.wrapping_add(grows);
        }
    }
}
