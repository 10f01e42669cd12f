//! What goes to scripts and comes back.

use ledger::{Limit, Micros, NanoUsd, PerWindow, Spend, Spent, Window};
use redis::Value;

use super::link::Unavailable;

/// An amount comes in two parts, of which the higher counts so many nano-dollars.
const BASE: i128 = 100_000_000_000_000;

/// A moment, in the range in which scripts can compare it: until the year 2255.
pub(super) fn exact(moment: Micros) -> Micros {
    const MOST: Micros = 1 << 53;
    moment.clamp(-MOST, MOST)
}

/// Reads an answer from the front.
pub(super) struct Reader(std::vec::IntoIter<Value>);

impl Reader {
    pub fn of(value: Value) -> Result<Self, Unavailable> {
        match value {
            Value::Array(values) => Ok(Self(values.into_iter())),
            other => Err(unreadable(&other)),
        }
    }

    pub fn next(&mut self) -> Option<Value> {
        self.0.next()
    }

    pub fn number(&mut self) -> Result<i64, Unavailable> {
        match self.next() {
            Some(Value::Int(number)) => Ok(number),
            other => Err(unreadable(&other)),
        }
    }

    pub fn bytes(&mut self) -> Result<Vec<u8>, Unavailable> {
        match self.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            other => Err(unreadable(&other)),
        }
    }

    pub fn text(&mut self) -> Result<String, Unavailable> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes).map_err(|error| Unavailable::Failed(error.to_string()))
    }

    pub fn part(&mut self) -> Result<Self, Unavailable> {
        Self::of(self.next().unwrap_or_default())
    }

    pub fn amount(&mut self) -> Result<i128, Unavailable> {
        let (high, low) = (self.number()?, self.number()?);
        Ok(i128::from(high) * BASE + i128::from(low))
    }

    pub fn spend(&mut self) -> Result<Spend, Unavailable> {
        Ok(Spend { credits: saturated(self.amount()?), byok: saturated(self.amount()?) })
    }

    /// An id of 16 bytes.
    pub fn id(&mut self) -> Result<u128, Unavailable> {
        let bytes = self.bytes()?;
        let bytes = <[u8; 16]>::try_from(bytes.as_slice());
        Ok(u128::from_be_bytes(bytes.map_err(|error| Unavailable::Failed(error.to_string()))?))
    }
}

/// An answer that no script gives: somebody else writes there, or another version.
fn unreadable(value: &impl std::fmt::Debug) -> Unavailable {
    Unavailable::Failed(format!("an answer of another form: {value:?}"))
}

/// Brings a sum into the range of 64 bits.
pub(super) fn saturated(nano: i128) -> NanoUsd {
    NanoUsd(i64::try_from(nano).unwrap_or(if nano < 0 { i64::MIN } else { i64::MAX }))
}

/// The figures of a spender.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    used: [(i128, i128); 4],
    held: (i128, i128),
}

impl Figures {
    pub fn read(mut answer: Reader) -> Result<Self, Unavailable> {
        // The day they are of.
        answer.number()?;
        let mut pair = || Ok((answer.amount()?, answer.amount()?));
        let used = [pair()?, pair()?, pair()?, pair()?];
        Ok(Self { used, held: pair()? })
    }

    pub fn spent(&self) -> Spent {
        let per_window = |part: fn(&(i128, i128)) -> i128| {
            let [daily, weekly, monthly, lifetime] =
                self.used.each_ref().map(|pair| saturated(part(pair)));
            PerWindow { daily, weekly, monthly, lifetime }
        };
        Spent { credits: per_window(|pair| pair.0), byok: per_window(|pair| pair.1) }
    }

    pub fn held(&self) -> Spend {
        Spend { credits: saturated(self.held.0), byok: saturated(self.held.1) }
    }

    /// What of a limit is not used, and what of that is not held.
    pub fn left(&self, limit: &Limit) -> (NanoUsd, NanoUsd) {
        let counted = |pair: (i128, i128)| match limit.counts_byok() {
            true => pair.0 + pair.1,
            false => pair.0,
        };
        let unused = i128::from(limit.amount.0) - counted(self.used[place(limit.span())]);
        (saturated(unused), saturated(unused - counted(self.held)))
    }
}

/// The place of a window in the figures.
pub(super) const fn place(window: Window) -> usize {
    match window {
        Window::Daily => 0,
        Window::Weekly => 1,
        Window::Monthly => 2,
        Window::Lifetime => 3,
    }
}
