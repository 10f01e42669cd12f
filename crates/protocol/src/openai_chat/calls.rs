//! Which tool call a piece of a stream belongs to. Hosts leave out the index or the id, repeat
//! them, or give every call the index 0. Bug 2

use crate::exchange::{ErrorType, Fault, FinishReason};
use crate::json::half::Half;

/// The most tool calls accepted in one answer.
pub(super) const MAX_CALLS: usize = 1_024;

/// The tool calls of one answer so far, in order: a call's ordinal is its place.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) slots: Vec<Slot>,
    /// The call that each of the provider's indexes means; `None` for one that was given to two.
    indexes: Vec<(u64, Option<usize>)>,
    /// An index means another call than it did: what was learned of indexes holds no longer.
    pub(super) moved: bool,
}

/// One tool call.
#[derive(Debug, Default)]
pub(super) struct Slot {
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
    /// Half a character at the end of the arguments so far.
    pub(super) half: Half,
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
        // Each of them is looked through for each piece.
        if self.indexes.len() > 2 * MAX_CALLS {
            return Err(too_many());
        }
        let found = match (index, id) {
            (Some(index), Some(id)) => self.of_both(index, id, named),
            (Some(index), None) => match self.meaning(index) {
                Some(None) => {
                    return Err(Fault::new(
                        ErrorType::ProviderUnavailable,
                        "Provider gave one index to two tool calls",
                    ));
                }
                meant => meant.flatten(),
            },
            (None, Some(id)) => self.of_id(id),
            // A name begins a call, unless the last one still waits for its name.
            (None, None) => self
                .slots
                .len()
                .checked_sub(1)
                .filter(|at| !named || self.slots[*at].name.is_empty()),
        };
        let at = match found {
            Some(at) => at,
            None if self.slots.len() >= MAX_CALLS => return Err(too_many()),
            None => {
                self.slots.push(Slot::default());
                let at = self.slots.len() - 1;
                if let Some(index) = index {
                    self.mean(index, Some(at));
                }
                at
            }
        };
        if let Some(id) = id
            && self.slots[at].given.is_empty()
        {
            self.slots[at].given = id.to_owned();
        }
        Ok(at)
    }

    /// The call of a piece that tells an index and an id. Where they disagree the id counts: indexes
    /// are what hosts confuse.
    fn of_both(&mut self, index: u64, id: &str, named: bool) -> Option<usize> {
        let meant = self.meaning(index);
        if let (Some(meant), false, None) = (meant, named, self.of_id(id)) {
            // Some make up an id for every piece.
            return meant;
        }
        if let Some(Some(at)) = meant {
            let given = &self.slots[at].given;
            if given.is_empty() || given == id {
                return Some(at);
            }
        }
        if named && meant.is_none() {
            // A call of its own: some make all ids of the tool's name.
            return None;
        }
        let known = self.of_id(id)?;
        self.mean(index, meant.is_none().then_some(known));
        Some(known)
    }

    fn of_id(&self, id: &str) -> Option<usize> {
        self.slots.iter().rposition(|slot| slot.given == id)
    }

    fn meaning(&self, index: u64) -> Option<Option<usize>> {
        self.indexes.iter().find(|(known, _)| *known == index).map(|(_, at)| *at)
    }

    fn mean(&mut self, index: u64, at: Option<usize>) {
        match self.indexes.iter_mut().find(|(known, _)| *known == index) {
            Some((_, meant)) => {
                self.moved |= *meant != at;
                *meant = at;
            }
            None => self.indexes.push((index, at)),
        }
    }

    /// Whether an answer that ended like this has a call that never got its name: there is no
    /// telling what was to be called. One that was cut off may have come no further.
    pub(super) fn lack_a_name(&self, reason: FinishReason) -> bool {
        let named = self.slots.iter().any(|slot| !slot.name.is_empty());
        // An id alone beside calls is nothing.
        let is_told = |slot: &Slot| {
            slot.arguments || !slot.waiting.is_empty() || (!named && !slot.given.is_empty())
        };
        match reason {
            FinishReason::Stop | FinishReason::ToolCalls => {
                let nameless = |slot: &Slot| slot.name.is_empty() && is_told(slot);
                let nothing = reason == FinishReason::ToolCalls && !self.slots.is_empty() && !named;
                nothing || self.slots.iter().any(nameless)
            }
            FinishReason::Length | FinishReason::ContentFilter | FinishReason::Error => false,
        }
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

fn too_many() -> Fault {
    Fault::new(ErrorType::ProviderUnavailable, "Provider returned too many tool calls")
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

    /// Bug 2
    #[test]
    fn a_known_id_counts_more_than_a_new_index() {
        let mut calls = Calls::default();
        assert_eq!(calls.resolve(Some(0), Some("a"), true).unwrap(), 0);
        assert_eq!(calls.resolve(Some(1), Some("a"), false).unwrap(), 0, "the same call elsewhere");
        assert_eq!(calls.resolve(Some(1), None, false).unwrap(), 0);
        assert_eq!(calls.resolve(Some(0), None, false).unwrap(), 0);
        assert!(!calls.moved);
        assert_eq!(calls.resolve(Some(2), Some("b"), true).unwrap(), 1);
        assert_eq!(calls.resolve(Some(3), Some("b"), true).unwrap(), 2, "an id that is no id");
        assert_eq!(calls.resolve(Some(2), Some("a"), false).unwrap(), 0, "another call's index");
        assert!(calls.moved);
        assert_eq!(calls.resolve(Some(2), Some("b"), false).unwrap(), 2);
        let fault = calls.resolve(Some(2), None, false).unwrap_err();
        assert_eq!(fault.error_type, ErrorType::ProviderUnavailable);
        assert_eq!(calls.resolve(Some(2), Some("c"), true).unwrap(), 3);
        assert_eq!(calls.resolve(Some(2), None, false).unwrap(), 3);
    }

    /// Bug 2
    #[test]
    fn an_id_that_is_made_up_for_a_piece_is_none() {
        let mut calls = Calls::default();
        assert_eq!(calls.resolve(Some(0), Some("a"), true).unwrap(), 0);
        assert_eq!(calls.resolve(Some(0), Some("b"), false).unwrap(), 0);
        assert_eq!(calls.resolve(Some(0), Some("c"), false).unwrap(), 0);
        assert_eq!(calls.given(0), Some("a"));
        calls.slots[0].name.push('f');
        assert_eq!(calls.resolve(Some(1), Some("d"), false).unwrap(), 1);
        assert!(!calls.lack_a_name(FinishReason::ToolCalls), "an id alone is nothing");
        calls.slots[1].arguments = true;
        assert!(calls.lack_a_name(FinishReason::ToolCalls));
    }

    #[test]
    fn calls_are_bounded() {
        let mut calls = Calls::default();
        calls.resolve(Some(0), Some("a"), true).unwrap();
        let mut pieces = (1..).map(|index| calls.resolve(Some(index), Some("a"), false));
        assert!(pieces.by_ref().take(5 * MAX_CALLS).any(|found| found.is_err()));
        let mut calls = Calls::default();
        for index in 0..MAX_CALLS as u64 {
            calls.resolve(Some(index), None, false).unwrap();
        }
        assert!(calls.resolve(Some(u64::MAX), None, false).is_err());
    }
}
