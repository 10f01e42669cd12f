//! Where in a caller's body a block stood.

use std::fmt;

use super::turn::Block;

/// Where in its caller's body a block stood, by positions in lists: they cost nothing until the
/// block is refused, and is named in the words of the caller's protocol.
///
/// It says nothing of what a block is: two that are alike are equal wherever they stood.
#[derive(Clone, Copy, Debug, Default)]
pub enum Origin {
    /// Nobody remembers, or nobody sent it.
    #[default]
    Unknown,
    /// `messages[0].content[1]`.
    Content(u32, u32),
    /// `messages[0].content[1].content[2]`, of a tool's result.
    ResultContent(u32, u32, u32),
    /// `system[0]`.
    System(u32),
    /// `input[0]`.
    Item(u32),
    /// `input[0].content[1]`.
    ItemContent(u32, u32),
    /// `input[0].output[1]`.
    ItemOutput(u32, u32),
    /// `input[0].tools[1]`.
    ItemTool(u32, u32),
    /// `contents[0].parts[1]`.
    Part(u32, u32),
    /// `contents[0].parts[1].functionResponse.parts[2]`.
    ResponsePart(u32, u32, u32),
}

impl Origin {
    /// A position as it is kept.
    pub(crate) fn position(at: usize) -> u32 {
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    const fn is_known(self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// The list that a conversation is in the caller's protocol; `None` if it is not known.
    const fn list(self) -> Option<&'static str> {
        match self {
            Self::Content(..) | Self::ResultContent(..) => Some("messages"),
            Self::Item(_) | Self::ItemContent(..) | Self::ItemOutput(..) | Self::ItemTool(..) => {
                Some("input")
            }
            Self::Part(..) | Self::ResponsePart(..) => Some("contents"),
            Self::Unknown | Self::System(_) => None,
        }
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => out.write_str("messages"),
            Self::Content(message, part) => write!(out, "messages[{message}].content[{part}]"),
            Self::ResultContent(message, part, inner) => {
                write!(out, "messages[{message}].content[{part}].content[{inner}]")
            }
            Self::System(part) => write!(out, "system[{part}]"),
            Self::Item(item) => write!(out, "input[{item}]"),
            Self::ItemContent(item, part) => write!(out, "input[{item}].content[{part}]"),
            Self::ItemOutput(item, part) => write!(out, "input[{item}].output[{part}]"),
            Self::ItemTool(item, tool) => write!(out, "input[{item}].tools[{tool}]"),
            Self::Part(content, part) => write!(out, "contents[{content}].parts[{part}]"),
            Self::ResponsePart(content, part, inner) => {
                write!(out, "contents[{content}].parts[{part}].functionResponse.parts[{inner}]")
            }
        }
    }
}

impl Block {
    /// The same block, with where it stood.
    #[must_use]
    pub fn at(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Where it stood, for its caller. Where that is not known it is the block `part` of the message
    /// `turn`.
    pub fn place(&self, turn: usize, part: usize) -> String {
        self.place_or(|| format!("messages[{turn}].content[{part}]"))
    }

    /// Where it stood, or else what is said instead.
    pub fn place_or(&self, unknown: impl FnOnce() -> String) -> String {
        if self.origin.is_known() { self.origin.to_string() } else { unknown() }
    }
}

impl super::Request {
    /// What the conversation as a whole is called in the caller's protocol.
    pub fn place(&self) -> &'static str {
        let mut blocks = self.turns.iter().flat_map(|turn| &turn.blocks);
        blocks.find_map(|block| block.origin.list()).unwrap_or("messages")
    }

    /// What a tool is called in the caller's protocol.
    pub fn tool_place(&self, at: usize) -> String {
        let late = self.late_tools.iter().find(|(late, _)| *late == at);
        late.map_or_else(|| format!("tools[{at}]"), |(_, origin)| origin.to_string())
    }
}

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::codec::encode_request;
    use crate::surface::{Addressed, Surface};
    use crate::target::{Abilities, Quirks, Target};

    fn refused(surface: Surface, dialect: Dialect, body: &str) -> String {
        let request = surface.decode(body.as_bytes(), &Addressed::default()).unwrap();
        let quirks = Quirks { no_media_urls: true, ..Quirks::default() };
        let abilities = Abilities { media_in_tool_results: true, ..Abilities::default() };
        let target = Target::new("m", &quirks, &abilities);
        match encode_request(dialect, &request, &target, &[]) {
            Ok(_) => String::new(),
            Err(fault) => fault.message,
        }
    }

    /// What a provider cannot be told is found only when a request is written for it; its place is
    /// told as the caller knows it all the same.
    #[test]
    fn late_refusals_name_places_in_the_words_of_the_caller() {
        let image = r#"{"type":"input_image","image_url":"https://a.example/b.png"}"#;
        let responses = |item: &str| {
            format!(
                r#"{{"input":[{{"role":"user","content":"q"}},{{"type":"function_call","call_id":"c","name":"f","arguments":"{{}}"}},{item}],"instructions":"i"}}"#
            )
        };
        let messages = |content: &str| {
            format!(
                r#"{{"max_tokens":9,"system":"s","messages":[{{"role":"user","content":"q"}},
                {{"role":"assistant","content":[{{"type":"tool_use","id":"c","name":"f","input":{{}}}}]}},
                {{"role":"user","content":[{content}]}}]}}"#
            )
        };
        let picture = r#"{"type":"image","source":{"type":"url","url":"https://a.example/b.png"}}"#;
        let part = r#"{"fileData":{"fileUri":"https://a.example/b.png","mimeType":"image/png"}}"#;
        let inside = r#"{"functionResponse":{"name":"f","response":{},"parts":[PART]}}"#
            .replace("PART", part);
        let contents = |part: &str| {
            format!(
                r#"{{"systemInstruction":{{"parts":[{{"text":"s"}}]}},"contents":[{{"parts":[{{"text":"q"}}]}},
                {{"role":"model","parts":[{{"functionCall":{{"name":"f","args":{{}}}}}}]}},
                {{"role":"user","parts":[{part},{{"text":"q"}}]}}]}}"#
            )
        };
        let chat = r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[
            {"type":"text","text":"q"},{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}]}]}"#;
        let hologram = r#"{"type":"hologram"}"#;
        for (surface, body, place) in [
            (Surface::Chat, chat.to_owned(), "messages[1].content[1]"),
            (
                Surface::Responses,
                responses(&format!(
                    r#"{{"role":"user","content":[{{"type":"input_text","text":"x"}},{image}]}}"#
                )),
                "input[2].content[1]",
            ),
            (
                Surface::Responses,
                responses(&format!(
                    r#"{{"type":"function_call_output","call_id":"c","output":[{image}]}}"#
                )),
                "input[2].output[0]",
            ),
            (Surface::Responses, responses(hologram), "input[2]"),
            (Surface::Messages, messages(picture), "messages[2].content[0]"),
            (
                Surface::Messages,
                messages(&format!(
                    r#"{{"type":"tool_result","tool_use_id":"c","content":[{{"type":"text","text":"x"}},{picture}]}}"#
                )),
                "messages[2].content[0].content[1]",
            ),
            (Surface::Messages, messages(hologram), "messages[2].content[0]"),
            (Surface::Gemini, contents(part), "contents[2].parts[0]"),
            (Surface::Gemini, contents(&inside), "contents[2].parts[0].functionResponse.parts[0]"),
            (Surface::Gemini, contents(r#"{"hologram":{}}"#), "contents[2].parts[0]"),
        ] {
            let opaque = body.contains("hologram");
            for dialect in Dialect::ALL {
                if opaque && dialect == surface.dialect() {
                    continue;
                }
                let message = refused(surface, dialect, &body);
                assert!(
                    message.starts_with(&format!("{place}: ")),
                    "{surface:?} {dialect:?} {place}: {message}"
                );
            }
        }
    }

    /// Also where the conversation was changed before it was written.
    #[test]
    fn places_stay_what_they_were_where_tools_are_told_in_words() {
        let body = r#"{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
            {"role":"user","content":[{"type":"input_video","video_url":"https://a.example/b.mp4"}]}]}"#;
        let request = Surface::Responses.decode(body.as_bytes(), &Addressed::default()).unwrap();
        let quirks = Quirks::default();
        let abilities = Abilities { tools: false, ..Abilities::default() };
        let target = Target::new("m", &quirks, &abilities);
        let refused = encode_request(Dialect::Ollama, &request, &target, &[]).unwrap_err();
        assert!(refused.message.starts_with("input[1].content[0]: "), "{}", refused.message);
    }

    #[test]
    fn a_conversation_that_says_nothing_is_called_as_its_caller_calls_it() {
        for (surface, body, place) in [
            (
                Surface::Messages,
                r#"{"max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":" "}]}]}"#,
                "messages: ",
            ),
            (
                Surface::Responses,
                r#"{"input":[{"role":"user","content":[{"type":"input_text","text":" "}]}]}"#,
                "input: ",
            ),
            (Surface::Gemini, r#"{"contents":[{"parts":[{"text":" "}]}]}"#, "contents: "),
        ] {
            for dialect in [Dialect::Anthropic, Dialect::Bedrock, Dialect::Cohere] {
                let message = refused(surface, dialect, body);
                assert!(message.starts_with(place), "{surface:?} {dialect:?}: {message}");
            }
        }
    }
}
