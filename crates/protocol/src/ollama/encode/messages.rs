//! Turns → messages: each a text, with images and calls beside it. Bugs 1, 3, 29

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::exchange::{
    Block, BlockKind, Fault, Losses, MediaSource, ReasoningContent, ReasoningFormat, Request, Role,
    Turn,
};
use crate::json::RawJson;
use crate::json::envelope::write_string;
use crate::json::write::{array, into_text, key, string};
use crate::target::Target;
use crate::tool_input::write_input;

/// What a model that cannot continue an assistant message is told instead.
const CONTINUE: &str = "Continue your last message exactly where it stopped. Repeat nothing.";

/// Writes all turns, and instructions after those at the beginning.
pub(super) fn write(
    request: &Request,
    target: &Target<'_>,
    instructions: &[&str],
    losses: &mut Losses,
) -> Result<String, Fault> {
    let mut writer = Writer { target, losses, messages: Vec::new(), called: HashMap::new() };
    let leading = request.leading_instructions();
    for (at, turn) in request.turns.iter().enumerate() {
        if at == leading {
            writer.instruct(instructions);
        }
        writer.turn(at, turn)?;
    }
    if leading == request.turns.len() {
        writer.instruct(instructions);
    }
    let continues = request.turns.last().is_some_and(|turn| turn.role == Role::Assistant);
    if continues && !target.abilities.prefill && !writer.messages.is_empty() {
        let why = "the model is asked in words to continue the last message";
        writer.losses.record("messages", why);
        writer.push(&Message { role: "user", text: CONTINUE.to_owned(), ..Message::default() });
    }
    if writer.messages.is_empty() {
        return Err(Fault::invalid(format!(
            "{}: at least one message must have content that is not empty",
            request.place()
        )));
    }
    let mut out = Vec::new();
    array(&mut out, &writer.messages, |out, message| out.extend_from_slice(message.as_bytes()));
    Ok(into_text(out))
}

/// One message.
#[derive(Debug, Default)]
struct Message {
    role: &'static str,
    text: String,
    thinking: String,
    /// Base64.
    images: Vec<String>,
    /// JSON text.
    calls: Vec<String>,
    /// The tool's name and the id of its call.
    answers: Option<(Option<String>, String)>,
}

struct Writer<'w> {
    target: &'w Target<'w>,
    losses: &'w mut Losses,
    messages: Vec<String>,
    /// The names of the tools that were called, by the ids of the calls: results name the tool.
    called: HashMap<String, String>,
}

impl Writer<'_> {
    fn instruct(&mut self, instructions: &[&str]) {
        if !instructions.is_empty() {
            let (role, text) = (self.system_role(), instructions.join("\n"));
            self.push(&Message { role, text, ..Message::default() });
        }
    }

    fn system_role(&self) -> &'static str {
        if self.target.abilities.system_prompt { "system" } else { "user" }
    }

    fn turn(&mut self, at: usize, turn: &Turn) -> Result<(), Fault> {
        self.lose_members(&turn.extras.members, &|| format!("messages[{at}]"));
        let role = match turn.role {
            Role::System | Role::Developer => self.system_role(),
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        let mut message = Message { role, ..Message::default() };
        let mut name = turn.name.as_deref().filter(|name| !name.is_empty());
        for (part, block) in turn.blocks.iter().enumerate() {
            let path = || block.place(at, part);
            self.lose_members(&block.extras.members, &path);
            if let BlockKind::ToolResult { call_id, name, content, is_error } = &block.kind {
                self.result(call_id, name.as_deref(), content, *is_error, &path)?;
                continue;
            }
            let before = message.text.len();
            self.block(block, &mut message, &path)?;
            // CHAT-7
            if message.text.len() > before
                && let Some(name) = name.take()
            {
                message.text.insert_str(before, &format!("{name}: "));
            }
        }
        if name.is_some() && turn.role != Role::Tool {
            self.losses.record(format!("messages[{at}].name"), "there is no text to put it before");
        }
        let empty =
            message.text.trim().is_empty() && message.images.is_empty() && message.calls.is_empty();
        if !empty {
            self.push(&message);
        }
        Ok(())
    }

    fn block(
        &mut self,
        block: &Block,
        message: &mut Message,
        path: &dyn Fn() -> String,
    ) -> Result<(), Fault> {
        let from_model = message.role == "assistant";
        match &block.kind {
            BlockKind::Text { text, .. } | BlockKind::Refusal { text } => {
                // Parts of a prompt are lines; pieces of an answer are one text.
                if !from_model && !message.text.is_empty() && !text.is_empty() {
                    message.text.push('\n');
                }
                message.text.push_str(text);
            }
            BlockKind::Audio { transcript: Some(text), .. } if from_model => {
                message.text.push_str(text);
            }
            BlockKind::ToolCall { id, name, arguments } => {
                self.called.insert(id.clone(), name.clone());
                message.calls.push(self.call(id, name, arguments, path));
            }
            BlockKind::Reasoning(reasoning) => {
                // Text goes back as it came; what another vendor signed is not this model's.
                let own = !matches!(
                    reasoning.format,
                    ReasoningFormat::Anthropic
                        | ReasoningFormat::Gemini
                        | ReasoningFormat::OpenaiResponses
                );
                match &reasoning.content {
                    ReasoningContent::Text { text, signature: None } if own && from_model => {
                        message.thinking.push_str(text);
                    }
                    _ => self.losses.record(path(), "another vendor's reasoning is not replayed"),
                }
            }
            BlockKind::Image { .. }
            | BlockKind::File { .. }
            | BlockKind::Video { .. }
            | BlockKind::Audio { .. }
                if from_model =>
            {
                self.losses.record(path(), "an assistant message cannot carry media here");
            }
            BlockKind::Image { source, detail } => {
                if detail.as_deref().is_some_and(|detail| detail != "auto") {
                    self.losses.record(format!("{}.detail", path()), "images have one resolution");
                }
                message.images.push(image(source, path)?);
            }
            BlockKind::File { source: MediaSource::Base64 { media_type, data }, .. }
                if media_type.starts_with("image/") =>
            {
                message.images.push(data.clone());
            }
            BlockKind::File { source, filename } => {
                let text = file(source, path)?;
                if !message.text.is_empty() {
                    message.text.push('\n');
                }
                if let Some(name) = filename {
                    message.text.push_str(&format!("{name}:\n"));
                }
                message.text.push_str(&text);
            }
            BlockKind::Audio { .. } | BlockKind::Video { .. } => {
                return Err(Fault::invalid(format!(
                    "{}: this model takes texts and images only",
                    path()
                )));
            }
            BlockKind::ToolResult { .. } | BlockKind::Opaque { .. } => {
                self.losses.record(path(), "the block belongs to another protocol");
            }
        }
        Ok(())
    }

    fn call(&mut self, id: &str, name: &str, arguments: &str, path: &dyn Fn() -> String) -> String {
        let mut out = vec![b'{'];
        if self.tells_ids() {
            string(&mut out, "id", id);
        }
        key(&mut out, "function");
        out.push(b'{');
        string(&mut out, "name", name);
        key(&mut out, "arguments");
        if !write_input(&mut out, arguments) {
            self.losses.record(path(), "arguments that are no JSON object were wrapped in one");
        }
        out.extend_from_slice(b"}}");
        into_text(out)
    }

    /// Older versions know no ids, and pass over them.
    const fn tells_ids(&self) -> bool {
        !self.target.quirks.no_function_call_ids
    }

    fn result(
        &mut self,
        call_id: &str,
        name: Option<&str>,
        content: &[Block],
        is_error: bool,
        path: &dyn Fn() -> String,
    ) -> Result<(), Fault> {
        let mut message = Message { role: "tool", ..Message::default() };
        for (at, block) in content.iter().enumerate() {
            let path = || block.place_or(|| format!("{}.content[{at}]", path()));
            self.block(block, &mut message, &path)?;
        }
        if is_error {
            self.losses.record(path(), "this protocol does not tell failed results apart");
        }
        let name = self.called.get(call_id).cloned().or_else(|| name.map(str::to_owned));
        message.answers = Some((name, call_id.to_owned()));
        self.push(&message);
        Ok(())
    }

    fn push(&mut self, message: &Message) {
        let mut out = vec![b'{'];
        string(&mut out, "role", message.role);
        string(&mut out, "content", &message.text);
        if !message.thinking.is_empty() {
            string(&mut out, "thinking", &message.thinking);
        }
        if !message.images.is_empty() {
            key(&mut out, "images");
            array(&mut out, &message.images, |out, data| write_string(out, data));
        }
        if !message.calls.is_empty() {
            key(&mut out, "tool_calls");
            array(&mut out, &message.calls, |out, call| out.extend_from_slice(call.as_bytes()));
        }
        if let Some((name, id)) = &message.answers {
            if let Some(name) = name {
                string(&mut out, "tool_name", name);
            }
            if self.tells_ids() {
                string(&mut out, "tool_call_id", id);
            }
        }
        out.push(b'}');
        self.messages.push(into_text(out));
    }

    fn lose_members(&mut self, members: &[(String, RawJson)], path: &dyn Fn() -> String) {
        for (member, _) in members {
            let path = format!("{}.{member}", path());
            self.losses.record(path, "the provider's protocol has no such member");
        }
    }
}

/// An image's bytes: URLs are never fetched. MMIN-1
fn image(source: &MediaSource, path: &dyn Fn() -> String) -> Result<String, Fault> {
    match source {
        MediaSource::Base64 { data, .. } => Ok(data.clone()),
        MediaSource::Url(_) => Err(Fault::invalid(format!(
            "{}: this provider does not fetch URLs; send the bytes as a base64 data URL",
            path()
        ))),
        MediaSource::Text { .. } | MediaSource::FileId(_) => Err(Fault::invalid(format!(
            "{}: the file is stored at another provider; send its bytes as a base64 data URL",
            path()
        ))),
    }
}

/// A file of text, which is read to the model.
fn file(source: &MediaSource, path: &dyn Fn() -> String) -> Result<String, Fault> {
    let refused = || {
        Fault::invalid(format!(
            "{}: this model takes files of text only, sent as base64 data URLs",
            path()
        ))
    };
    match source {
        MediaSource::Text { text, .. } => Ok(text.clone()),
        MediaSource::Base64 { media_type, data } => {
            let kind = media_type.split(';').next().unwrap_or_default().trim();
            if !(kind.starts_with("text/") || kind == "application/json") {
                return Err(refused());
            }
            let bytes = STANDARD.decode(data).map_err(|_| refused())?;
            String::from_utf8(bytes).map_err(|_| refused())
        }
        MediaSource::Url(_) | MediaSource::FileId(_) => Err(refused()),
    }
}
