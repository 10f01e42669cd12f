//! Cache marks as cache points, within the service's limits. PCACHE-1, Bug 27, wire-formats 5.2

use super::piece::{Message, Piece, PieceKind};
use crate::bedrock::family::Family;
use crate::exchange::{CacheMark, Losses};

/// The most cache points of a request.
const MOST: usize = 4;

/// Brings all marks within the limits: none for models that fail on them, none behind reasoning,
/// known lifetimes, no more than four (the oldest of the messages go first), and lifetimes that
/// never grow along the prompt. `automatic` asks for the whole prompt to be cached, for which the
/// protocol has no word: it becomes a mark at the end.
pub(super) fn settle(
    family: Family,
    tools: &mut [Piece],
    system: &mut [Piece],
    messages: &mut [Message],
    automatic: Option<&CacheMark>,
    losses: &mut Losses,
) {
    let claude = family == Family::Anthropic;
    let last = messages.last_mut().and_then(|message| message.pieces.last_mut());
    if let (Some(mark), Some(piece)) = (automatic, last) {
        piece.mark.get_or_insert_with(|| mark.clone());
    }
    let mut refused = 0_usize;
    for piece in tools.iter_mut() {
        // Nova caches the system prompt and messages only.
        if !claude && piece.mark.take().is_some() {
            refused += 1;
        }
    }
    let in_messages = messages.iter_mut().flat_map(|message| message.pieces.iter_mut());
    for piece in system.iter_mut().chain(in_messages) {
        let stands = family.caches()
            && piece.kind != PieceKind::Reasoning
            && (claude || piece.kind != PieceKind::Document);
        if !stands && piece.mark.take().is_some() {
            refused += 1;
        }
    }
    if refused > 0 {
        losses.record("cache_control", "the model cannot cache the prompt there");
    }
    let in_messages = messages.iter_mut().flat_map(|message| message.pieces.iter_mut());
    let mut marks: Vec<(bool, &mut Option<CacheMark>)> = tools
        .iter_mut()
        .chain(system.iter_mut())
        .map(|piece| (false, &mut piece.mark))
        .chain(in_messages.map(|piece| (true, &mut piece.mark)))
        .filter(|(_, mark)| mark.is_some())
        .collect();
    let mut excess = marks.len().saturating_sub(MOST);
    if excess > 0 {
        losses.record("cache_control", "more than four cache marks: the oldest are dropped");
    }
    for of_messages in [true, false] {
        for (in_message, mark) in &mut marks {
            if excess > 0 && *in_message == of_messages {
                **mark = None;
                excess -= 1;
            }
        }
    }
    let mut hour_follows = false;
    for mark in marks.into_iter().rev().filter_map(|(_, mark)| mark.as_mut()) {
        let known = claude && matches!(mark.ttl.as_deref(), Some("5m" | "1h"));
        if !known && mark.ttl.take().is_some() {
            losses.record("cache_control.ttl", "the model has no such lifetime");
        }
        if mark.ttl.as_deref() == Some("1h") {
            hour_follows = true;
        } else if hour_follows {
            mark.ttl = Some("1h".to_owned());
        }
    }
}
