//! Which tool call a piece of a stream belongs to. Hosts leave out the index or the id, repeat
//! them, or give every call the index 0. Bug 2

use crate::exchange::{ErrorType, Fault};

/// The most tool calls accepted in one answer.
pub(super) const MAX_CALLS: usize = 1_024;

/// The tool calls of one answer so far, in order: a call's ordinal is its place.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) slots: Vec<Slot>,
}

/// One tool call.
#[derive(Debug, Default)]
pub(super) struct Slot {
    upstream: Option<u64>,
    /// The provider's id; empty until it gives one.
    given: String,
    /// Whether the caller has been told of the call.
    pub(super) started: bool,
    /// The name so far, as the provider gave it.
    pub(super) name: String,
    /// Whether any arguments came.
    pub(super) arguments: bool,
    /// Arguments that came before the name.
    pub(super) waiting: String,
}

impl Calls {
    /// The ordinal of the call a piece belongs to; a new one if it belongs to none so far.
    pub(super) fn resolve(
        &mut self,
        index: Option<u64>,
        id: Option<&str>,
        named: bool,
    ) -> Result<usize, Fault> {
        let id = id.filter(|id| !id.is_empty());
        let found = match (index, id) {
            (Some(index), id) => {
                self.slots.iter().rposition(|slot| slot.upstream == Some(index)).filter(|at| {
                    let given = &self.slots[*at].given;
                    id.is_none_or(|id| given.is_empty() || given == id)
                })
            }
            (None, Some(id)) => self.slots.iter().rposition(|slot| slot.given == id),
            // A name begins a call, unless the last one still waits for its name.
            (None, None) => self
                .slots
                .len()
                .checked_sub(1)
                .filter(|at| !named || self.slots[*at].name.is_empty()),
        };
        let at = match found {
            Some(at) => at,
            None if self.slots.len() >= MAX_CALLS => {
                return Err(Fault::new(
                    ErrorType::ProviderUnavailable,
                    "Provider returned too many tool calls",
                ));
            }
            None => {
                self.slots.push(Slot { upstream: index, ..Slot::default() });
                self.slots.len() - 1
            }
        };
        if let Some(id) = id
            && self.slots[at].given.is_empty()
        {
            self.slots[at].given = id.to_owned();
        }
        Ok(at)
    }

    /// The id the provider gave to a call, if it did.
    pub(super) fn given(&self, at: usize) -> Option<&str> {
        self.slots.get(at).map(|slot| slot.given.as_str()).filter(|id| !id.is_empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The ordinals of the calls that were begun and got no arguments. Bug 3
    pub(super) fn without_arguments(&self) -> impl Iterator<Item = usize> {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.started && !slot.arguments)
            .map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bug 2
    #[test]
    fn pieces_find_their_call_however_they_are_marked() {
        let mut calls = Calls::default();
        assert_eq!(calls.resolve(Some(3), Some("a"), true).unwrap(), 0);
        assert_eq!(calls.resolve(Some(3), None, false).unwrap(), 0);
        assert_eq!(calls.resolve(Some(3), Some("a"), false).unwrap(), 0, "a repeated id");
        assert_eq!(calls.resolve(Some(5), Some("b"), true).unwrap(), 1);
        assert_eq!(calls.resolve(Some(5), Some("c"), true).unwrap(), 2, "the same index again");
        assert_eq!(calls.resolve(Some(5), None, false).unwrap(), 2);
        assert_eq!(calls.resolve(None, Some("b"), false).unwrap(), 1);
        assert_eq!(calls.resolve(None, None, false).unwrap(), 2);
        calls.slots[2].name.push('f');
        assert_eq!(calls.resolve(None, None, true).unwrap(), 3, "a second nameless start");
    }

    #[test]
    fn calls_are_bounded() {
        let mut calls = Calls::default();
        for index in 0..MAX_CALLS as u64 {
            calls.resolve(Some(index), None, false).unwrap();
        }
        assert!(calls.resolve(Some(u64::MAX), None, false).is_err());
    }
}
