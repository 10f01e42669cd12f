//! Cache marks within the vendor's limits. PCACHE-1, wire-formats 2.8

use super::piece::{Message, Piece};
use crate::exchange::{CacheMark, Losses};

/// The most marks a request may have; automatic caching takes one of them.
const MOST_MARKS: usize = 4;

/// Brings all marks within the limits: known lifetimes, no more than four (the oldest of the
/// messages go first, then those of the tools and the system prompt), and lifetimes that never
/// grow along the prompt. `automatic` is the mark of the whole request, which stands last.
pub(super) fn settle(
    tools: &mut [Piece],
    system: &mut [Piece],
    messages: &mut [Message],
    automatic: &mut Option<CacheMark>,
    losses: &mut Losses,
) {
    let mut marks: Vec<(bool, &mut Option<CacheMark>)> = tools
        .iter_mut()
        .chain(system.iter_mut())
        .map(|piece| (false, &mut piece.mark))
        .chain(
            messages
                .iter_mut()
                .flat_map(|message| message.pieces.iter_mut())
                .map(|piece| (true, &mut piece.mark)),
        )
        .filter(|(_, mark)| mark.is_some())
        .collect();

    let most = MOST_MARKS - usize::from(automatic.is_some());
    let mut excess = marks.len().saturating_sub(most);
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
    let last = automatic.as_mut();
    let in_order = marks.into_iter().filter_map(|(_, mark)| mark.as_mut());
    let mut all: Vec<&mut CacheMark> = in_order.chain(last).collect();
    for mark in all.iter_mut().rev() {
        if mark.ttl.as_deref().is_some_and(|ttl| ttl != "5m" && ttl != "1h") {
            mark.ttl = None;
            losses.record("cache_control.ttl", "only 5m and 1h are known");
        }
        if mark.ttl.as_deref() == Some("1h") {
            hour_follows = true;
        } else if hour_follows {
            mark.ttl = Some("1h".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(ttl: Option<&str>) -> Piece {
        let mut piece = Piece::text("x");
        piece.mark = Some(CacheMark { ttl: ttl.map(str::to_owned) });
        piece
    }

    fn message(pieces: Vec<Piece>) -> Message {
        Message { role: "user", pieces, extras: Vec::new() }
    }

    #[test]
    fn at_most_four_marks_remain_and_the_oldest_of_the_messages_go_first() {
        let mut tools = [marked(None)];
        let mut system = [marked(None)];
        let mut messages =
            [message(vec![marked(None), marked(None)]), message(vec![marked(None), marked(None)])];
        let mut losses = Losses::default();
        settle(&mut tools, &mut system, &mut messages, &mut None, &mut losses);
        assert!(tools[0].mark.is_some() && system[0].mark.is_some());
        assert!(messages[0].pieces.iter().all(|piece| piece.mark.is_none()));
        assert!(messages[1].pieces.iter().all(|piece| piece.mark.is_some()));
        assert_eq!(losses.0.len(), 1);
    }

    #[test]
    fn automatic_caching_takes_one_of_the_four() {
        let mut messages = [message(vec![marked(None), marked(None), marked(None), marked(None)])];
        let mut automatic = Some(CacheMark { ttl: None });
        settle(&mut [], &mut [], &mut messages, &mut automatic, &mut Losses::default());
        let left = messages[0].pieces.iter().filter(|piece| piece.mark.is_some()).count();
        assert_eq!(left, 3);
    }

    #[test]
    fn an_earlier_lifetime_is_raised_to_a_later_one() {
        let mut tools = [marked(Some("5m"))];
        let mut system = [marked(Some("24h"))];
        let mut messages = [message(vec![marked(Some("1h")), marked(Some("5m"))])];
        settle(&mut tools, &mut system, &mut messages, &mut None, &mut Losses::default());
        let ttl = |piece: &Piece| piece.mark.clone().unwrap().ttl;
        assert_eq!(ttl(&tools[0]).as_deref(), Some("1h"));
        assert_eq!(ttl(&system[0]).as_deref(), Some("1h"));
        assert_eq!(ttl(&messages[0].pieces[1]).as_deref(), Some("5m"));
    }
}
