//! Documents that are given in blocks, and what a caller's own search found. Other protocols have no
//! place for them and get them as text, headed by where it comes from.

use super::blocks::Blocks;
use super::read::Path;
use crate::Dialect;
use crate::exchange::{Block, BlockKind, Extras, Request};
use crate::json::{Object, RawJson};

/// A request with its passages as text; `None` where it has none.
pub(crate) fn passages_in_text(request: &Request) -> Option<Request> {
    if !request.turns.iter().flat_map(|turn| &turn.blocks).any(holds_passage) {
        return None;
    }
    let mut told = request.clone();
    for turn in &mut told.turns {
        replace(&mut turn.blocks);
    }
    Some(told)
}

fn holds_passage(block: &Block) -> bool {
    match &block.kind {
        BlockKind::ToolResult { content, .. } => content.iter().any(holds_passage),
        BlockKind::Opaque { origin: Dialect::Anthropic, raw } => {
            let kind = Object::of(raw.as_raw()).ok().and_then(|it| it.peek_str("type"));
            matches!(kind.as_deref(), Some("document" | "search_result"))
        }
        _ => false,
    }
}

fn replace(blocks: &mut Vec<Block>) {
    for mut block in std::mem::take(blocks) {
        if let BlockKind::ToolResult { content, .. } = &mut block.kind {
            replace(content);
        }
        let told = match &block.kind {
            BlockKind::Opaque { origin: Dialect::Anthropic, raw } => in_text(raw),
            _ => None,
        };
        match told {
            Some(mut told) => {
                told.iter_mut().for_each(|it| it.origin = block.origin);
                if let (Some(last), Some(mark)) = (told.last_mut(), block.cache) {
                    last.cache = Some(mark);
                }
                blocks.append(&mut told);
            }
            None => blocks.push(block),
        }
    }
}

/// A passage as text, with the images that stand in it; `None` for anything else, which is refused
/// by its name.
fn in_text(raw: &RawJson) -> Option<Vec<Block>> {
    let mut passage = Object::of(raw.as_raw()).ok()?;
    let (heads, content) = match passage.peek_str("type")?.as_ref() {
        "document" => {
            let source = Object::of(passage.take_raw("source")?).ok()?;
            if source.peek_str("type")? != "content" {
                return None;
            }
            (["title", "context"], source.peek("content")?)
        }
        "search_result" => (["title", "source"], passage.take_raw("content")?),
        _ => return None,
    };
    let mut told: Vec<Block> = Vec::new();
    for name in heads {
        let head = passage.peek_str(name).filter(|head| !head.is_empty());
        passage.take_raw(name);
        if let Some(head) = head {
            add(&mut told, Block::text(head));
        }
    }
    for block in Blocks::default().content(content, false, &Path::Root).ok()? {
        match &block.kind {
            BlockKind::Text { .. } | BlockKind::Image { .. } => add(&mut told, block),
            _ => return None,
        }
    }
    passage.take_raw("type");
    // What cannot be said of it, such as that it may be cited, is a loss like that of any block.
    told.last_mut()?.extras = Extras::of(Dialect::Anthropic, passage.into_members());
    Some(told)
}

/// Adds a block; texts become one, a line each.
fn add(told: &mut Vec<Block>, block: Block) {
    if let Some(last) = told.last_mut()
        && let BlockKind::Text { text: before, .. } = &mut last.kind
        && let BlockKind::Text { text, .. } = &block.kind
    {
        before.push('\n');
        before.push_str(text);
        last.cache = block.cache.or(last.cache.take());
        return;
    }
    told.push(block);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Dialect;
    use crate::codec::encode_request;
    use crate::surface::{Addressed, Surface};
    use crate::target::{Abilities, Quirks, Target};

    fn sent(dialect: Dialect, content: &Value) -> Result<Value, String> {
        let body = json!({"max_tokens": 9, "messages": [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
            {"role": "user", "content": content},
        ]});
        let read = Surface::Messages.decode(body.to_string().as_bytes(), &Addressed::default());
        let (quirks, abilities) = (Quirks::default(), Abilities::default());
        let target = Target::new("m", &quirks, &abilities);
        encode_request(dialect, &read.unwrap(), &target, &[])
            .map(|encoded| serde_json::from_slice(&encoded.body).unwrap())
            .map_err(|fault| fault.message)
    }

    fn document(content: &Value) -> Value {
        json!({"type": "document", "title": "T", "context": "C", "citations": {"enabled": true},
            "source": {"type": "content", "content": content}})
    }

    fn found() -> Value {
        json!({"type": "search_result", "title": "T", "source": "https://e.example",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})
    }

    #[test]
    fn passages_are_text_to_other_protocols_and_themselves_to_their_own() {
        let image =
            json!({"type": "image", "source": {"type": "url", "url": "https://e.example/a.png"}});
        let content = json!([
            document(&json!("a")),
            document(&json!([{"type": "text", "text": "a"}, image, {"type": "text", "text": "b"}])),
            found(),
        ]);
        let chat = sent(Dialect::OpenaiChat, &content).unwrap();
        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(
            chat["messages"][1]["content"],
            json!([
                text("T\nC\na"),
                text("T\nC\na"),
                {"type": "image_url", "image_url": {"url": "https://e.example/a.png"}},
                text("b"),
                text("T\nhttps://e.example\na\nb"),
            ])
        );
        for dialect in Dialect::ALL {
            let own = dialect == Dialect::Anthropic;
            let sent = sent(dialect, &json!([document(&json!("a")), found()])).unwrap().to_string();
            assert_eq!(sent.contains("search_result"), own, "{dialect:?} {sent}");
            assert!(sent.contains("https://e.example"), "{dialect:?} {sent}");
        }
    }

    #[test]
    fn passages_in_a_result_of_a_tool_are_text_too() {
        let content = json!([{"type": "tool_result", "tool_use_id": "t", "content": [found()]}]);
        let chat = sent(Dialect::OpenaiChat, &content).unwrap();
        assert_eq!(chat["messages"][1]["content"], "T\nhttps://e.example\na\nb");
        for dialect in Dialect::ALL {
            assert!(sent(dialect, &content).is_ok(), "{dialect:?}");
        }
    }

    #[test]
    fn a_passage_that_cannot_be_read_is_named() {
        for block in [
            json!({"type": "search_result", "title": "T"}),
            json!({"type": "document", "source": {"type": "content", "content": [{"type": "hologram"}]}}),
            json!({"type": "document", "source": {"type": "satellite"}}),
        ] {
            let refused = sent(Dialect::OpenaiChat, &json!([block])).unwrap_err();
            let kind = block["type"].as_str().unwrap();
            assert!(refused.contains(&format!("`{kind}`")), "{refused}");
        }
    }

    /// A model that reads no files can be asked.
    #[test]
    fn passages_ask_for_no_model_that_reads_files() {
        let facts = |content: &Value| {
            let body = json!({"max_tokens": 9, "messages": [{"role": "user", "content": content}]});
            Surface::Messages.read(body.to_string().as_bytes(), &Addressed::default()).unwrap().0
        };
        let read = facts(&json!([document(&json!("a".repeat(4_000))), found()]));
        assert!(!read.file_input && !read.unknown_parts && !read.image_input);
        assert!(read.estimated_prompt_tokens > 1_000);
        let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}});
        assert!(facts(&json!([document(&json!([image]))])).image_input);
    }
}
