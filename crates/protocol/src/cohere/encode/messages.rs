//! Turns → messages, and the documents that stand beside them. Bugs 1, 3, 14

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::exchange::{Block, BlockKind, Fault, Losses, MediaSource, Request, Role, Turn};
use crate::json::RawJson;
use crate::json::write::{array, into_text, key, string};
use crate::openai_chat::wire::PlainNames;
use crate::target::Target;

/// What a model that cannot continue an assistant message is told instead.
const CONTINUE: &str = "Continue your last message exactly where it stopped. Repeat nothing.";

/// What stands in a user's message that is nothing but files.
const BESIDE: &str = "(See the attached documents.)";

/// What stands in a result that has no text.
const NOTHING: &str = "(no content)";

/// The conversation as the service wants it.
pub(super) struct Prompt {
    /// The value of `messages`.
    pub(super) messages: String,
    /// Entries of `documents`.
    pub(super) documents: Vec<String>,
}

/// Writes all turns, and an instruction after those at the beginning.
pub(super) fn write(
    request: &Request,
    target: &Target<'_>,
    names: &PlainNames,
    instruction: Option<&str>,
    losses: &mut Losses,
) -> Result<Prompt, Fault> {
    let mut writer = Writer {
        target,
        names,
        losses,
        messages: Vec::new(),
        documents: Vec::new(),
        shown: Vec::new(),
    };
    let leading = request.leading_instructions();
    let mut instruction = instruction;
    for (at, turn) in request.turns.iter().enumerate() {
        if at >= leading {
            writer.instruct(instruction.take());
        }
        writer.turn(at, turn)?;
    }
    writer.instruct(instruction);
    writer.show();
    let continues = request.turns.last().is_some_and(|turn| turn.role == Role::Assistant);
    if continues && !target.abilities.prefill && !writer.messages.is_empty() {
        let why = "the model is asked in words to continue the last message";
        writer.losses.record("messages", why);
        writer.plain("user", &[part_text(CONTINUE)]);
    }
    if writer.messages.is_empty() {
        return Err(Fault::invalid(format!(
            "{}: at least one message must have content that is not empty",
            request.place()
        )));
    }
    let mut out = Vec::new();
    array(&mut out, &writer.messages, |out, message| out.extend_from_slice(message.as_bytes()));
    Ok(Prompt { messages: into_text(out), documents: writer.documents })
}

/// A part of a message's content.
enum Part {
    Text(String),
    /// JSON text.
    Image(String),
}

fn part_text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

struct Writer<'w> {
    target: &'w Target<'w>,
    names: &'w PlainNames,
    losses: &'w mut Losses,
    messages: Vec<String>,
    documents: Vec<String>,
    /// Images of results, which a user shows after all results of a turn.
    shown: Vec<Part>,
}

impl Writer<'_> {
    fn instruct(&mut self, instruction: Option<&str>) {
        if let Some(text) = instruction {
            let role = self.system_role();
            self.plain(role, &[part_text(text)]);
        }
    }

    fn system_role(&self) -> &'static str {
        if self.target.abilities.system_prompt { "system" } else { "user" }
    }

    fn show(&mut self) {
        let shown = std::mem::take(&mut self.shown);
        self.plain("user", &shown);
    }

    fn turn(&mut self, at: usize, turn: &Turn) -> Result<(), Fault> {
        self.lose_members(&turn.extras.members, &|| format!("messages[{at}]"));
        let mut rest: Vec<(usize, &Block)> = Vec::new();
        let mut results = false;
        for (part, block) in turn.blocks.iter().enumerate() {
            let path = || block.place(at, part);
            self.lose_members(&block.extras.members, &path);
            match &block.kind {
                BlockKind::ToolResult { call_id, content, is_error, .. } => {
                    results = true;
                    self.result(call_id, content, *is_error, &path)?;
                }
                _ => rest.push((part, block)),
            }
        }
        if results && rest.is_empty() {
            // The next turn may bring more results, and nothing may stand between them. Bug 1
            return Ok(());
        }
        self.show();
        match turn.role {
            Role::Assistant => self.assistant(at, turn, &rest),
            Role::System | Role::Developer => {
                let role = self.system_role();
                self.spoken(at, role, turn, &rest)
            }
            Role::User | Role::Tool => self.spoken(at, "user", turn, &rest),
        }
    }

    /// A message of a user or of the operator.
    fn spoken(
        &mut self,
        at: usize,
        role: &'static str,
        turn: &Turn,
        blocks: &[(usize, &Block)],
    ) -> Result<(), Fault> {
        let mut name = turn.name.as_deref().filter(|name| !name.is_empty());
        let mut parts = Vec::new();
        let documents = self.documents.len();
        for (part, block) in blocks {
            let path = || block.place(at, *part);
            match &block.kind {
                BlockKind::Text { text, .. } | BlockKind::Refusal { text } => {
                    if !text.trim().is_empty() {
                        // CHAT-7
                        parts.push(Part::Text(match name.take() {
                            Some(name) => format!("{name}: {text}"),
                            None => text.clone(),
                        }));
                    }
                }
                BlockKind::Image { source, detail } => {
                    parts.push(self.image(source, detail.as_deref(), &path)?);
                }
                BlockKind::File {
                    source: source @ MediaSource::Base64 { media_type, .. }, ..
                } if media_type.starts_with("image/") => {
                    parts.push(self.image(source, None, &path)?);
                }
                BlockKind::File { source, filename } => {
                    self.file(source, filename.as_deref(), &path)?;
                }
                BlockKind::Audio { .. } | BlockKind::Video { .. } => {
                    return Err(Fault::invalid(format!(
                        "{}: this model takes texts and images only",
                        path()
                    )));
                }
                _ => self.losses.record(path(), "the block has no place in this message"),
            }
        }
        if parts.is_empty() && self.documents.len() > documents {
            parts.push(part_text(BESIDE));
        }
        if name.is_some() && !parts.is_empty() {
            self.losses.record(format!("messages[{at}].name"), "there is no text to put it before");
        }
        self.plain(role, &parts);
        Ok(())
    }

    /// The text before a call is the plan to make it. wire-formats 6
    fn assistant(
        &mut self,
        at: usize,
        turn: &Turn,
        blocks: &[(usize, &Block)],
    ) -> Result<(), Fault> {
        let mut words = String::new();
        let mut calls = Vec::new();
        if turn.name.as_deref().is_some_and(|name| !name.is_empty()) {
            self.losses.record(format!("messages[{at}].name"), "an assistant has no name here");
        }
        for (part, block) in blocks {
            let path = || block.place(at, *part);
            match &block.kind {
                BlockKind::Text { text, .. } | BlockKind::Refusal { text } => words.push_str(text),
                BlockKind::ToolCall { id, name, arguments } => calls.push((id, name, arguments)),
                // wire-formats 12.4
                BlockKind::Reasoning(_) => {
                    self.losses.record(path(), "reasoning is not replayed to this provider");
                }
                BlockKind::Audio { transcript: Some(text), .. } => words.push_str(text),
                _ => self.losses.record(path(), "an assistant message can only be text here"),
            }
        }
        let silent = words.trim().is_empty();
        if silent && calls.is_empty() {
            // A message of nothing is refused.
            return Ok(());
        }
        let mut out = vec![b'{'];
        string(&mut out, "role", "assistant");
        if !silent {
            string(&mut out, if calls.is_empty() { "content" } else { "tool_plan" }, &words);
        }
        if !calls.is_empty() {
            key(&mut out, "tool_calls");
            array(&mut out, &calls, |out, (id, name, arguments)| {
                out.push(b'{');
                string(out, "id", id);
                string(out, "type", "function");
                key(out, "function");
                out.push(b'{');
                string(out, "name", self.names.sent(name));
                // Bug 3
                let none = arguments.trim().is_empty();
                string(out, "arguments", if none { "{}" } else { arguments });
                out.extend_from_slice(b"}}");
            });
        }
        out.push(b'}');
        self.messages.push(into_text(out));
        Ok(())
    }

    fn result(
        &mut self,
        call_id: &str,
        content: &[Block],
        is_error: bool,
        path: &dyn Fn() -> String,
    ) -> Result<(), Fault> {
        let mut texts: Vec<&str> = Vec::new();
        for (at, block) in content.iter().enumerate() {
            let path = || block.place_or(|| format!("{}.content[{at}]", path()));
            match &block.kind {
                BlockKind::Text { text, .. } => texts.push(text),
                BlockKind::Image { source, detail } => {
                    let image = self.image(source, detail.as_deref(), &path)?;
                    self.shown.push(image);
                }
                BlockKind::File { source, filename } => {
                    self.file(source, filename.as_deref(), &path)?;
                }
                _ => self.losses.record(path(), "a result can only be text here"),
            }
        }
        if is_error {
            self.losses.record(path(), "this protocol does not tell failed results apart");
        }
        let mut out = vec![b'{'];
        string(&mut out, "role", "tool");
        string(&mut out, "tool_call_id", call_id);
        let text = texts.join("\n");
        // A result of nothing is refused.
        string(&mut out, "content", if text.trim().is_empty() { NOTHING } else { &text });
        out.push(b'}');
        self.messages.push(into_text(out));
        Ok(())
    }

    /// Writes a message of texts and images; none at all is no message. Bug 14
    fn plain(&mut self, role: &str, parts: &[Part]) {
        let mut out = vec![b'{'];
        string(&mut out, "role", role);
        match parts {
            [] => return,
            [Part::Text(text)] => string(&mut out, "content", text),
            parts => {
                key(&mut out, "content");
                array(&mut out, parts, |out, part| match part {
                    Part::Text(text) => {
                        out.push(b'{');
                        string(out, "type", "text");
                        string(out, "text", text);
                        out.push(b'}');
                    }
                    Part::Image(json) => out.extend_from_slice(json.as_bytes()),
                });
            }
        }
        out.push(b'}');
        self.messages.push(into_text(out));
    }

    /// An image by its URL or with its bytes. MMIN-1
    fn image(
        &mut self,
        source: &MediaSource,
        detail: Option<&str>,
        path: &dyn Fn() -> String,
    ) -> Result<Part, Fault> {
        if matches!(source, MediaSource::Url(_)) && self.target.quirks.no_media_urls {
            return Err(Fault::invalid(format!(
                "{}: this provider takes images as base64 data URLs only",
                path()
            )));
        }
        let url = source.to_url().ok_or_else(|| {
            Fault::invalid(format!(
                "{}: the file is stored at another provider; send its bytes or a URL",
                path()
            ))
        })?;
        let mut out = vec![b'{'];
        string(&mut out, "type", "image_url");
        key(&mut out, "image_url");
        out.push(b'{');
        string(&mut out, "url", &url);
        match detail {
            None => {}
            Some(detail @ ("auto" | "low" | "high")) => string(&mut out, "detail", detail),
            Some(_) => {
                self.losses.record(format!("{}.detail", path()), "only auto, low and high exist");
            }
        }
        out.extend_from_slice(b"}}");
        Ok(Part::Image(into_text(out)))
    }

    /// A file of text becomes a document that the answer may cite.
    fn file(
        &mut self,
        source: &MediaSource,
        filename: Option<&str>,
        path: &dyn Fn() -> String,
    ) -> Result<(), Fault> {
        let refused = || {
            Fault::invalid(format!(
                "{}: this model takes files of text and JSON only, sent as base64 data URLs",
                path()
            ))
        };
        let text = match source {
            MediaSource::Text { text, .. } => text.clone(),
            MediaSource::Base64 { media_type, data } => {
                let kind = media_type.split(';').next().unwrap_or_default().trim();
                if !(kind.starts_with("text/") || kind == "application/json") {
                    return Err(refused());
                }
                STANDARD
                    .decode(data)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(refused)?
            }
            MediaSource::Url(_) | MediaSource::FileId(_) => return Err(refused()),
        };
        let mut out = vec![b'{'];
        key(&mut out, "data");
        out.push(b'{');
        string(&mut out, "text", &text);
        if let Some(name) = filename {
            string(&mut out, "title", name);
        }
        out.extend_from_slice(b"}}");
        self.documents.push(into_text(out));
        Ok(())
    }

    fn lose_members(&mut self, members: &[(String, RawJson)], path: &dyn Fn() -> String) {
        for (member, _) in members {
            let path = format!("{}.{member}", path());
            self.losses.record(path, "the provider's protocol has no such member");
        }
    }
}
