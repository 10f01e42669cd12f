//! A whole answer is the fold of its events, and can be told again as events.

use super::event::{Event, ReasoningDelta};
use super::extras::Extras;
use super::response::{Choice, Response};
use super::turn::{Block, BlockKind, MediaSource, ReasoningBlock, ReasoningContent, Role, Turn};
use crate::json::envelope::write_member;
use crate::json::{Object, RawJson};

/// Folds events into a whole answer. Faults and opaque events are left to the caller.
pub fn fold(events: impl IntoIterator<Item = Event>) -> Response {
    let mut response = Response::default();
    let mut open = Vec::new();
    for event in events {
        take(&mut response, &mut open, event);
    }
    for (choice, open) in response.choices.iter_mut().zip(open) {
        choice.logprobs = joined(open.logprobs);
    }
    response.choices.sort_by_key(|choice| choice.index);
    response
}

/// Where the pieces of a choice go: reasoning ordinal or tool ordinal → block position.
#[derive(Default)]
struct Open {
    choice: u32,
    reasoning: Vec<(u32, usize)>,
    tools: Vec<(u32, usize)>,
    audio: Option<usize>,
    logprobs: Vec<RawJson>,
}

/// The lists that log probabilities consist of.
const LOGPROB_LISTS: [&str; 2] = ["content", "refusal"];

fn slot<'r>(
    response: &'r mut Response,
    open: &'r mut Vec<Open>,
    index: u32,
) -> (&'r mut Choice, &'r mut Open) {
    let at = match open.iter().position(|entry| entry.choice == index) {
        Some(at) => at,
        None => {
            open.push(Open { choice: index, ..Open::default() });
            response.choices.push(Choice {
                index,
                turn: Turn::new(Role::Assistant, Vec::new()),
                finish: None,
                native_finish: None,
                logprobs: None,
                extras: Extras::default(),
            });
            open.len() - 1
        }
    };
    (&mut response.choices[at], &mut open[at])
}

fn fill<T>(target: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *target = value;
    }
}

fn take(response: &mut Response, open: &mut Vec<Open>, event: Event) {
    match event {
        Event::Start { id, model, created, service_tier, system_fingerprint } => {
            fill(&mut response.id, id);
            fill(&mut response.model, model);
            fill(&mut response.created, created);
            fill(&mut response.service_tier, service_tier);
            fill(&mut response.system_fingerprint, system_fingerprint);
        }
        Event::Text { choice, text } => {
            let (choice, _) = slot(response, open, choice);
            match choice.turn.blocks.last_mut() {
                Some(Block { kind: BlockKind::Text { text: so_far, .. }, .. }) => {
                    so_far.push_str(&text);
                }
                _ => choice.turn.blocks.push(Block::text(text)),
            }
        }
        Event::Annotation { choice, raw } => {
            let (choice, _) = slot(response, open, choice);
            match choice.turn.blocks.iter_mut().rev().find_map(|block| match &mut block.kind {
                BlockKind::Text { annotations, .. } => Some(annotations),
                _ => None,
            }) {
                Some(annotations) => annotations.push(raw),
                None => choice.turn.blocks.push(Block::new(BlockKind::Text {
                    text: String::new(),
                    annotations: vec![raw],
                })),
            }
        }
        Event::Refusal { choice, text } => {
            let (choice, _) = slot(response, open, choice);
            match choice.turn.blocks.last_mut() {
                Some(Block { kind: BlockKind::Refusal { text: so_far }, .. }) => {
                    so_far.push_str(&text);
                }
                _ => choice.turn.blocks.push(Block::new(BlockKind::Refusal { text })),
            }
        }
        Event::Reasoning { choice, index, id, format, delta } => {
            let (choice, open) = slot(response, open, choice);
            let known = open.reasoning.iter().find(|(seen, _)| *seen == index).map(|(_, at)| *at);
            let at = known.unwrap_or_else(|| {
                let content = match &delta {
                    ReasoningDelta::Text(_) | ReasoningDelta::Signature(_) => {
                        ReasoningContent::Text { text: String::new(), signature: None }
                    }
                    ReasoningDelta::Summary(_) => {
                        ReasoningContent::Summary { summary: String::new() }
                    }
                    ReasoningDelta::Encrypted(_) => {
                        ReasoningContent::Encrypted { data: String::new() }
                    }
                };
                choice.turn.blocks.push(Block::new(BlockKind::Reasoning(ReasoningBlock {
                    content,
                    id: None,
                    format: format.clone(),
                })));
                let at = choice.turn.blocks.len() - 1;
                open.reasoning.push((index, at));
                at
            });
            if let BlockKind::Reasoning(block) = &mut choice.turn.blocks[at].kind {
                fill(&mut block.id, id);
                block.format = format;
                match (&mut block.content, delta) {
                    (ReasoningContent::Text { text, .. }, ReasoningDelta::Text(piece)) => {
                        text.push_str(&piece);
                    }
                    (
                        ReasoningContent::Text { signature, .. },
                        ReasoningDelta::Signature(whole),
                    ) => {
                        *signature = Some(whole);
                    }
                    (ReasoningContent::Summary { summary }, ReasoningDelta::Summary(piece)) => {
                        summary.push_str(&piece);
                    }
                    (ReasoningContent::Encrypted { data }, ReasoningDelta::Encrypted(whole)) => {
                        data.push_str(&whole);
                    }
                    // A block does not change its kind; a provider that says so is not believed.
                    _ => {}
                }
            }
        }
        Event::ToolCallStart { choice, index, id, name } => {
            let (choice, open) = slot(response, open, choice);
            choice.turn.blocks.push(Block::new(BlockKind::ToolCall {
                id,
                name,
                arguments: String::new(),
            }));
            open.tools.push((index, choice.turn.blocks.len() - 1));
        }
        Event::ToolCallArguments { choice, index, arguments } => {
            let (choice, open) = slot(response, open, choice);
            if let Some((_, at)) = open.tools.iter().rev().find(|(seen, _)| *seen == index)
                && let BlockKind::ToolCall { arguments: so_far, .. } =
                    &mut choice.turn.blocks[*at].kind
            {
                so_far.push_str(&arguments);
            }
        }
        Event::Image { choice, source } => {
            let (choice, _) = slot(response, open, choice);
            choice.turn.blocks.push(Block::new(BlockKind::Image { source, detail: None }));
        }
        Event::Audio { choice, data, transcript, .. } => {
            let (choice, open) = slot(response, open, choice);
            let at = *open.audio.get_or_insert_with(|| {
                choice.turn.blocks.push(Block::new(BlockKind::Audio {
                    source: MediaSource::Base64 {
                        media_type: "audio/pcm".to_owned(),
                        data: String::new(),
                    },
                    format: "pcm16".to_owned(),
                    transcript: None,
                }));
                choice.turn.blocks.len() - 1
            });
            if let BlockKind::Audio { source, transcript: told, .. } =
                &mut choice.turn.blocks[at].kind
            {
                if let (MediaSource::Base64 { data: so_far, .. }, Some(piece)) = (source, data) {
                    so_far.push_str(&piece);
                }
                if let Some(piece) = transcript {
                    told.get_or_insert_default().push_str(&piece);
                }
            }
        }
        Event::Logprobs { choice, raw } => {
            let (_, open) = slot(response, open, choice);
            open.logprobs.push(raw);
        }
        Event::Finish { choice, reason, native } => {
            let (choice, _) = slot(response, open, choice);
            choice.finish = Some(reason);
            fill(&mut choice.native_finish, native);
        }
        Event::Usage(usage) => response.usage = Some(usage),
        Event::Fault(_) | Event::Ping | Event::Opaque { .. } => {}
    }
}

/// The log probabilities of all pieces: their lists one after the other. What has another form
/// stays as the last piece told it.
fn joined(mut pieces: Vec<RawJson>) -> Option<RawJson> {
    if pieces.len() < 2 {
        return pieces.pop();
    }
    let mut lists: [Option<Vec<RawJson>>; 2] = [None, None];
    for piece in &pieces {
        let Ok(object) = Object::of(piece.as_raw()) else { continue };
        for (list, name) in lists.iter_mut().zip(LOGPROB_LISTS) {
            let told: Option<Vec<RawJson>> =
                object.peek(name).and_then(|raw| serde_json::from_str(raw.get()).ok());
            if let Some(told) = told {
                list.get_or_insert_default().extend(told);
            }
        }
    }
    if lists.iter().all(Option::is_none) {
        return pieces.pop();
    }
    let mut out = vec![b'{'];
    for (list, name) in lists.iter().zip(LOGPROB_LISTS) {
        write_member(&mut out, name, RawJson::of(list).ok()?.get());
    }
    out.push(b'}');
    RawJson::parse(String::from_utf8(out).ok()?).ok()
}

/// Tells a whole answer as events, in the order a provider would send them.
pub fn unfold(response: &Response) -> Vec<Event> {
    let mut events = vec![Event::Start {
        id: response.id.clone(),
        model: response.model.clone(),
        created: response.created,
        service_tier: response.service_tier.clone(),
        system_fingerprint: response.system_fingerprint.clone(),
    }];
    for choice in &response.choices {
        unfold_choice(choice, &mut events);
    }
    if let Some(usage) = response.usage {
        events.push(Event::Usage(usage));
    }
    events
}

fn unfold_choice(from: &Choice, events: &mut Vec<Event>) {
    let choice = from.index;
    let mut reasoning = 0;
    let mut tools = 0;
    for block in &from.turn.blocks {
        match &block.kind {
            BlockKind::Text { text, annotations } => {
                events.push(Event::Text { choice, text: text.clone() });
                events.extend(
                    annotations.iter().map(|raw| Event::Annotation { choice, raw: raw.clone() }),
                );
            }
            BlockKind::Refusal { text } => {
                events.push(Event::Refusal { choice, text: text.clone() });
            }
            BlockKind::Reasoning(block) => {
                let mut push = |delta| {
                    events.push(Event::Reasoning {
                        choice,
                        index: reasoning,
                        id: block.id.clone(),
                        format: block.format.clone(),
                        delta,
                    });
                };
                match &block.content {
                    ReasoningContent::Text { text, signature } => {
                        push(ReasoningDelta::Text(text.clone()));
                        if let Some(signature) = signature {
                            push(ReasoningDelta::Signature(signature.clone()));
                        }
                    }
                    ReasoningContent::Summary { summary } => {
                        push(ReasoningDelta::Summary(summary.clone()));
                    }
                    ReasoningContent::Encrypted { data } => {
                        push(ReasoningDelta::Encrypted(data.clone()));
                    }
                }
                reasoning += 1;
            }
            BlockKind::ToolCall { id, name, arguments } => {
                events.push(Event::ToolCallStart {
                    choice,
                    index: tools,
                    id: id.clone(),
                    name: name.clone(),
                });
                events.push(Event::ToolCallArguments {
                    choice,
                    index: tools,
                    arguments: arguments.clone(),
                });
                tools += 1;
            }
            BlockKind::Image { source, .. } => {
                events.push(Event::Image { choice, source: source.clone() });
            }
            BlockKind::Audio { source, transcript, .. } => events.push(Event::Audio {
                choice,
                id: None,
                data: match source {
                    MediaSource::Base64 { data, .. } => Some(data.clone()),
                    _ => None,
                },
                transcript: transcript.clone(),
                expires_at: None,
            }),
            BlockKind::Opaque { origin, raw } => {
                events.push(Event::Opaque { origin: *origin, raw: raw.clone() });
            }
            BlockKind::Video { .. } | BlockKind::File { .. } | BlockKind::ToolResult { .. } => {}
        }
    }
    if let Some(raw) = &from.logprobs {
        events.push(Event::Logprobs { choice, raw: raw.clone() });
    }
    if let Some(reason) = from.finish {
        events.push(Event::Finish { choice, reason, native: from.native_finish.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_probabilities_of_all_pieces_are_kept() {
        let piece = |json: &str| Event::Logprobs {
            choice: 0,
            raw: RawJson::parse(json.to_owned()).unwrap(),
        };
        let response = fold([
            piece(r#"{"content":[{"token":"a"}],"refusal":null}"#),
            piece(r#"{"content":null}"#),
            piece(r#"{"content":[{"token":"b"},{"token":"c"}]}"#),
        ]);
        assert_eq!(
            response.choices[0].logprobs.as_ref().unwrap().get(),
            r#"{"content":[{"token":"a"},{"token":"b"},{"token":"c"}],"refusal":null}"#
        );
    }
}
