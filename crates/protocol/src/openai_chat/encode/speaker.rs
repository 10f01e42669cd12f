//! Who speaks, told in the text: only OpenAI's models take a `name` beside it. CHAT-7

use crate::exchange::{Block, BlockKind, Request, Role, Turn};
use crate::target::Target;

/// The request with names in its texts; `None` if there are none, or the model takes them.
pub(super) fn in_words(request: &Request, target: &Target<'_>) -> Option<Request> {
    let speaks = |turn: &Turn| turn.name.is_some() && turn.role != Role::Tool;
    if target.abilities.speaker_names || !request.turns.iter().any(speaks) {
        return None;
    }
    let mut request = request.clone();
    let last = request.turns.len().saturating_sub(1);
    for (at, turn) in request.turns.iter_mut().enumerate().filter(|(_, turn)| speaks(turn)) {
        let Some(name) = turn.name.take().filter(|name| !name.is_empty()) else { continue };
        // Here the model goes on.
        if at == last && turn.role == Role::Assistant {
            continue;
        }
        let before = format!("{name}: ");
        let text = turn.blocks.iter_mut().find_map(|block| match &mut block.kind {
            BlockKind::Text { text, .. } => Some(text),
            _ => None,
        });
        match text {
            Some(text) => text.insert_str(0, &before),
            // What the model called needs no speaker.
            None if turn.role == Role::Assistant => {}
            None => turn.blocks.insert(0, Block::text(before)),
        }
    }
    Some(request)
}
