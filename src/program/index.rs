//! The symbol indexes of archives as name ids. An index lists what the members define, member by member
//! in the order of their symbol tables; so each entry is looked for where the one before was found,
//! and only a name that is not there is interned for itself.
//!
//! In: an archive as opened, its parsed members. Out: per entry where its name id will stand.

use super::{Content, NameList};
use crate::ids::{FileId, Id, NameId};
use crate::load::OpenedArchive;

/// How many symbols of a member are looked at for one entry.
const REACH: u32 = 64;

/// One archive's index, its names not yet numbered.
pub(super) struct Listed<'d> {
    /// Per entry: position among the member's global symbols.
    positions: Vec<Option<u32>>,
    /// The names of all other entries, in order.
    pub(super) others: NameList<'d>,
}

impl<'d> Listed<'d> {
    /// Walks the index of `opened`, whose first member is file `first` of `contents`.
    pub(super) fn new(
        opened: &OpenedArchive,
        bytes: &'d [u8],
        first: FileId,
        contents: &[Content<'d>],
    ) -> Self {
        let entries = opened.index.iter().flat_map(|index| &index.entries);
        let mut positions = Vec::with_capacity(opened.index.as_ref().map_or(0, |index| index.entries.len()));
        let mut others: Vec<&[u8]> = Vec::new();
        let (mut last, mut next) = (None, 0u32);
        for (name, member) in entries {
            let name = bytes.get(name.clone()).unwrap_or_default();
            if *member != last {
                (last, next) = (*member, 0);
            }
            let content = member.and_then(|member| contents.get(first.index() + member as usize));
            let found = match content {
                Some(Content::Object(object)) => {
                    let from = object.first_global.saturating_add(next);
                    let to = from.saturating_add(REACH).min(object.symbol_count());
                    (from..to)
                        .find(|&symbol| object.symbol_is_named(symbol, name))
                        .map(|symbol| symbol - object.first_global)
                }
                _ => None,
            };
            match found {
                Some(position) => next = position + 1,
                None => others.push(name),
            }
            positions.push(found);
        }
        Listed { positions, others: NameList::new(others.into_iter()) }
    }

    /// The entries with ids: those of the members' names, and of the others as interned.
    pub(super) fn finish(
        self,
        opened: &OpenedArchive,
        first: FileId,
        names: impl Fn(FileId, u32) -> Option<NameId>,
        others: Vec<NameId>,
    ) -> Option<Vec<(NameId, Option<FileId>)>> {
        let index = opened.index.as_ref()?;
        let mut others = others.into_iter();
        let numbered = index.entries.iter().zip(self.positions).filter_map(|((_, member), position)| {
            let member = member.map(|member| FileId(first.0 + member));
            let name = match (member, position) {
                (Some(member), Some(position)) => names(member, position),
                _ => others.next(),
            };
            Some((name?, member))
        });
        Some(numbered.collect())
    }
}
