//! The LLVM bit stream: fixed and variable-width numbers, blocks, abbreviations, records.
//!
//! In: bytes after the magic. Out: one [`Event`] after the other; the caller says which blocks are
//! entered. Always true: work and memory are bounded by the bytes read (a record never has more
//! operands than bits left, nesting and abbreviations are limited). Source: LTO input formats,
//! section 2.

use std::collections::BTreeMap;
use std::rc::Rc;

/// Nesting of blocks: LLVM writes five levels at most.
const DEPTH_LIMIT: usize = 16;
/// Abbreviations of one block: LLVM writes some twenty.
const ABBREVIATION_LIMIT: usize = 4096;
/// Operands of one abbreviation.
const OPERAND_LIMIT: usize = 256;

/// Elements of one array: a module's assembly text, letter by letter, is the longest.
const ARRAY_LIMIT: usize = 1 << 24;

/// Why a bit stream cannot be read.
pub(super) type Fault = &'static str;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operand {
    Literal(u64),
    Fixed(u32),
    Vbr(u32),
    Char6,
    Array,
    Blob,
}

type Abbreviation = Rc<[Operand]>;

#[derive(Default)]
struct Scope {
    block: u32,
    width: u32,
    shared: Rc<Vec<Abbreviation>>,
    own: Vec<Abbreviation>,
    /// Where the block ends, in bits.
    end: usize,
}

/// What comes next in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A block of that id begins and was entered; [`Stream::skip`] leaves it.
    Enter(u32),
    /// The block that was entered last ended.
    End,
    /// A record of that code; operands in [`Stream::operands`], blob in [`Stream::blob`].
    Record(u32),
    /// The stream ended between blocks.
    Finished,
}

/// A reader of one stream.
pub(super) struct Stream<'d> {
    data: &'d [u8],
    at: usize,
    scopes: Vec<Scope>,
    info: BTreeMap<u32, Rc<Vec<Abbreviation>>>,
    /// The block that BLOCKINFO records speak of.
    described: Option<u32>,
    /// Operands of the last record.
    pub(super) operands: Vec<u64>,
    /// Blob of the last record.
    pub(super) blob: &'d [u8],
}

impl<'d> Stream<'d> {
    /// A stream over `data`, whose first four bytes are the magic.
    pub(super) fn new(data: &'d [u8]) -> Self {
        Stream {
            data,
            at: 32,
            scopes: Vec::new(),
            info: BTreeMap::new(),
            described: None,
            operands: Vec::new(),
            blob: &[],
        }
    }

    fn bits(&self) -> usize {
        self.data.len().saturating_mul(8)
    }

    fn left(&self) -> usize {
        self.bits().saturating_sub(self.at)
    }

    fn fixed(&mut self, width: u32) -> Result<u64, Fault> {
        if width > 64 {
            return Err("a number wider than 64 bits");
        }
        if (width as usize) > self.left() {
            return Err("the bit stream ends within a number");
        }
        let (mut value, mut have) = (0u64, 0u32);
        while have < width {
            let byte = self.data.get(self.at / 8).copied().ok_or("the bit stream ends within a number")?;
            let shift = (self.at % 8) as u32;
            let take = (8 - shift).min(width - have);
            let part = (u64::from(byte) >> shift) & ((1u64 << take) - 1);
            value |= part << have;
            have += take;
            self.at += take as usize;
        }
        Ok(value)
    }

    fn vbr(&mut self, width: u32) -> Result<u64, Fault> {
        if !(2..=32).contains(&width) {
            return Err("a variable-width number with an impossible width");
        }
        let (mut value, mut shift) = (0u64, 0u32);
        loop {
            let group = self.fixed(width)?;
            let digits = group & ((1u64 << (width - 1)) - 1);
            if shift >= 64 {
                if digits != 0 {
                    return Err("a number longer than 64 bits");
                }
            } else {
                if shift > 0 && digits.leading_zeros() < shift {
                    return Err("a number longer than 64 bits");
                }
                value |= digits << shift;
            }
            if group >> (width - 1) == 0 {
                return Ok(value);
            }
            shift = shift.saturating_add(width - 1);
            if shift > 128 {
                return Err("a number longer than 64 bits");
            }
        }
    }

    fn align(&mut self) {
        self.at = self.at.div_ceil(32).saturating_mul(32);
    }

    /// Leaves the block entered last, whatever it holds.
    pub(super) fn skip(&mut self) {
        if let Some(scope) = self.scopes.pop() {
            self.at = scope.end;
        }
    }

    /// BLOCKINFO does not outlive a top-level module: the next one brings its own.
    pub(super) fn forget_block_info(&mut self) {
        self.info.clear();
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Result<Event, Fault> {
        loop {
            let width = self.scopes.last().map_or(2, |s| s.width);
            if self.scopes.is_empty() && self.left() < 32 {
                return Ok(Event::Finished);
            }
            match self.fixed(width)? {
                0 => {
                    self.align();
                    return if self.scopes.pop().is_some() {
                        Ok(Event::End)
                    } else {
                        // Zero padding behind the last block.
                        Ok(Event::Finished)
                    };
                }
                1 => {
                    if let Some(event) = self.enter()? {
                        return Ok(event);
                    }
                }
                2 => self.define()?,
                3 => {
                    let code = self.vbr(6)?;
                    let count = usize::try_from(self.vbr(6)?).map_err(|_| "a record without end")?;
                    if count > self.left() / 6 {
                        return Err("a record longer than the file");
                    }
                    self.operands.clear();
                    self.blob = &[];
                    for _ in 0..count {
                        let value = self.vbr(6)?;
                        self.operands.push(value);
                    }
                    if let Some(event) = self.record(code) {
                        return Ok(event);
                    }
                }
                id => {
                    let code = self.abbreviated(id)?;
                    if let Some(event) = self.record(code) {
                        return Ok(event);
                    }
                }
            }
        }
    }

    /// Records of BLOCKINFO are used up here.
    fn record(&mut self, code: u64) -> Option<Event> {
        if self.scopes.last().is_some_and(|s| s.block == 0) {
            if code == 1 {
                self.described = self.operands.first().and_then(|&id| u32::try_from(id).ok());
            }
            return None;
        }
        Some(Event::Record(u32::try_from(code).unwrap_or(u32::MAX)))
    }

    /// Enters a block; BLOCKINFO is read here to its end.
    fn enter(&mut self) -> Result<Option<Event>, Fault> {
        let block = u32::try_from(self.vbr(8)?).map_err(|_| "a block id beyond 32 bits")?;
        let width = self.vbr(4)? as u32;
        self.align();
        let words = self.fixed(32)? as usize;
        if !(2..=32).contains(&width) {
            return Err("a block with an impossible abbreviation width");
        }
        let end = words.checked_mul(32).and_then(|bits| self.at.checked_add(bits));
        let limit = self.scopes.last().map_or(self.bits(), |s| s.end);
        let end = end.filter(|&end| end <= limit).ok_or("a block reaches past the end")?;
        if self.scopes.len() >= DEPTH_LIMIT {
            return Err("blocks are nested too deeply");
        }
        let shared = self.info.get(&block).cloned().unwrap_or_default();
        self.described = None;
        self.scopes.push(Scope { block, width, shared, own: Vec::new(), end });
        if block == 0 {
            loop {
                match self.next()? {
                    Event::End => break,
                    Event::Enter(_) => self.skip(),
                    Event::Record(_) => {}
                    Event::Finished => return Err("BLOCKINFO has no end"),
                }
            }
            return Ok(None);
        }
        Ok(Some(Event::Enter(block)))
    }

    fn define(&mut self) -> Result<(), Fault> {
        let count = self.vbr(5)? as usize;
        if count == 0 || count > OPERAND_LIMIT {
            return Err("an abbreviation with an impossible number of operands");
        }
        let mut operands = Vec::with_capacity(count);
        while operands.len() < count {
            if self.fixed(1)? == 1 {
                operands.push(Operand::Literal(self.vbr(8)?));
                continue;
            }
            let operand = match self.fixed(3)? {
                encoding @ (1 | 2) => {
                    let width = u32::try_from(self.vbr(5)?).unwrap_or(u32::MAX);
                    match (encoding, width) {
                        (_, 0) => Operand::Literal(0),
                        (1, 1..=64) => Operand::Fixed(width),
                        (2, 2..=32) => Operand::Vbr(width),
                        _ => return Err("an abbreviation with an impossible width"),
                    }
                }
                3 => Operand::Array,
                4 => Operand::Char6,
                5 => Operand::Blob,
                _ => return Err("an abbreviation with an unknown encoding"),
            };
            operands.push(operand);
        }
        let last = operands.len() - 1;
        for (at, operand) in operands.iter().enumerate() {
            let fits = match operand {
                Operand::Array => at + 1 == last,
                Operand::Blob => at == last,
                _ => true,
            };
            let element = at > 0 && operands.get(at - 1) == Some(&Operand::Array);
            if !fits || (element && *operand == Operand::Blob) {
                return Err("an abbreviation with an array or blob in the wrong place");
            }
        }
        let abbreviation: Abbreviation = operands.into();
        let Some(scope) = self.scopes.last_mut() else {
            return Err("an abbreviation outside all blocks");
        };
        if scope.block == 0 {
            let block = self.described.ok_or("BLOCKINFO describes no block")?;
            let list = Rc::make_mut(self.info.entry(block).or_default());
            if list.len() >= ABBREVIATION_LIMIT {
                return Err("too many abbreviations");
            }
            list.push(abbreviation);
        } else {
            if scope.own.len() >= ABBREVIATION_LIMIT {
                return Err("too many abbreviations");
            }
            scope.own.push(abbreviation);
        }
        Ok(())
    }

    fn abbreviated(&mut self, id: u64) -> Result<u64, Fault> {
        let scope = self.scopes.last().ok_or("a record outside all blocks")?;
        let number = usize::try_from(id - 4).unwrap_or(usize::MAX);
        let abbreviation = match scope.shared.get(number) {
            Some(found) => found.clone(),
            None => {
                let own = number.checked_sub(scope.shared.len()).and_then(|at| scope.own.get(at));
                own.ok_or("a record with an abbreviation that is not defined")?.clone()
            }
        };
        self.operands.clear();
        self.blob = &[];
        let mut code = None;
        let mut operands = abbreviation.iter();
        while let Some(&operand) = operands.next() {
            match operand {
                Operand::Array => {
                    let count = self.vbr(6)?;
                    let element = operands.next().copied().ok_or("an array without element")?;
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    if count > self.left().min(ARRAY_LIMIT) || matches!(element, Operand::Literal(_)) {
                        return Err("an array longer than the file");
                    }
                    for _ in 0..count {
                        let value = self.scalar(element)?;
                        self.operands.push(value);
                    }
                }
                Operand::Blob => {
                    let length = usize::try_from(self.vbr(6)?).map_err(|_| "a blob longer than the file")?;
                    self.align();
                    let start = self.at / 8;
                    let end = start.checked_add(length).ok_or("a blob longer than the file")?;
                    self.blob = self.data.get(start..end).ok_or("a blob longer than the file")?;
                    self.at = end.saturating_mul(8);
                    self.align();
                }
                _ => {
                    let value = self.scalar(operand)?;
                    match code {
                        None => code = Some(value),
                        Some(_) => self.operands.push(value),
                    }
                }
            }
        }
        match code {
            Some(code) => Ok(code),
            // The code itself came from an array.
            None if !self.operands.is_empty() => Ok(self.operands.remove(0)),
            None => Err("a record without code"),
        }
    }

    fn scalar(&mut self, operand: Operand) -> Result<u64, Fault> {
        match operand {
            Operand::Literal(value) => Ok(value),
            Operand::Fixed(width) => self.fixed(width),
            Operand::Vbr(width) => self.vbr(width),
            Operand::Char6 => {
                const LETTERS: &[u8; 64] =
                    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
                let index = self.fixed(6)? as usize;
                Ok(u64::from(LETTERS.get(index).copied().unwrap_or(b'_')))
            }
            Operand::Array | Operand::Blob => Err("an array of arrays"),
        }
    }
}
