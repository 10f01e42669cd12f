//! Results of tools where providers want them: directly behind the calls they answer. Callers may put
//! what else was said in between. Bug 1

use std::collections::HashMap;

use crate::exchange::{BlockKind, Request, Role, Turn};

/// The request with each result behind the calls that it belongs to; `None` if that is so already.
pub(crate) fn repaired(request: &Request) -> Option<Request> {
    let order = order(&request.turns)?;
    let mut request = request.clone();
    let mut turns: Vec<Option<Turn>> = request.turns.into_iter().map(Some).collect();
    request.turns = order.into_iter().filter_map(|at| turns[at].take()).collect();
    Some(request)
}

/// The turns in their order; `None` if it is the one they have.
fn order(turns: &[Turn]) -> Option<Vec<usize>> {
    // Calls of turns that follow each other are made at once: their results come behind the last.
    let mut last_of_run = vec![0; turns.len()];
    for at in (0..turns.len()).rev() {
        let goes_on = turns.get(at + 1).is_some_and(|next| next.role == Role::Assistant);
        last_of_run[at] = if goes_on { last_of_run[at + 1] } else { at };
    }
    let mut called: HashMap<&str, usize> = HashMap::new();
    let mut results: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut moved = vec![false; turns.len()];
    for (at, turn) in turns.iter().enumerate() {
        if turn.role == Role::Assistant {
            called.extend(turn.blocks.iter().filter_map(|block| match &block.kind {
                BlockKind::ToolCall { id, .. } => Some((id.as_str(), last_of_run[at])),
                _ => None,
            }));
        } else if let Some(behind) = answered(turn).and_then(|id| called.get(id)) {
            results.entry(*behind).or_default().push(at);
            moved[at] = true;
        }
    }
    let mut order = Vec::with_capacity(turns.len());
    for (at, is_moved) in moved.into_iter().enumerate() {
        if !is_moved {
            order.push(at);
        }
        order.extend(results.remove(&at).into_iter().flatten());
    }
    (!order.is_sorted()).then_some(order)
}

/// The call that a turn answers, if it does nothing else.
fn answered(turn: &Turn) -> Option<&str> {
    let mut ids = turn.blocks.iter().map(|block| match &block.kind {
        BlockKind::ToolResult { call_id, .. } => Some(call_id.as_str()),
        _ => None,
    });
    let first = ids.next()??;
    ids.all(|id| id.is_some()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Block;

    /// `u` is said by the user, `m` by the model, `=a` answers the call `a`, any other letter is a turn
    /// that makes the call of that name.
    fn conversation(turns: &str) -> Request {
        let turns = turns.split(' ').map(|turn| {
            let text = || Block::text(turn);
            match (turn.strip_prefix('='), turn) {
                (Some(id), _) => Turn::new(
                    Role::Tool,
                    vec![Block::new(BlockKind::ToolResult {
                        call_id: id.to_owned(),
                        name: None,
                        content: vec![text()],
                        is_error: false,
                    })],
                ),
                (None, "u") => Turn::new(Role::User, vec![text()]),
                (None, "m") => Turn::new(Role::Assistant, vec![text()]),
                (None, ids) => Turn::new(
                    Role::Assistant,
                    ids.chars()
                        .map(|id| {
                            Block::new(BlockKind::ToolCall {
                                id: id.to_string(),
                                name: "f".to_owned(),
                                arguments: "{}".to_owned(),
                            })
                        })
                        .collect(),
                ),
            }
        });
        Request { turns: turns.collect(), ..Request::default() }
    }

    #[test]
    fn results_stand_behind_their_calls() {
        for (given, expected) in [
            ("u ab u =a =b u", "u ab =a =b u u"),
            ("u ab =a u =b", "u ab =a =b u"),
            ("u a u b =b =a", "u a =a u b =b"),
            ("u a b u =a =b", "u a b =a =b u"),
            ("u a m u =a", "u a m =a u"),
            ("u a =a a u =a", "u a =a a =a u"),
        ] {
            assert_eq!(repaired(&conversation(given)), Some(conversation(expected)), "{given}");
        }
    }

    #[test]
    fn what_is_right_or_belongs_to_no_call_stays() {
        for given in [
            "u m u",
            "u ab =a =b m",
            "u ab =b =a u",
            "u a b =a =b",
            "u =z a =a",
            "u a u",
            "u a u =z",
        ] {
            assert_eq!(repaired(&conversation(given)), None, "{given}");
        }
    }
}
