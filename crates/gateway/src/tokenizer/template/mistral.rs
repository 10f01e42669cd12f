//! Mistral's prompts, by the version of their form (`mistral-common` numbers them).

use super::said::{Call, Conversation, Said};
use super::writer::Writer;

/// A version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistral {
    /// NeMo, Pixtral 12B, Ministral of 2024: instructions are part of the user's last message.
    V3,
    /// Small 3 and 3.1: instructions are messages.
    V7,
    /// Small 3.2, Medium 3, the first Devstral and Magistral: calls are no JSON any more.
    V11,
    /// Since the second half of 2025: calls have no ids, and tools come first.
    V13,
}

impl Mistral {
    /// Writes a prompt.
    pub fn write(self, conversation: &Conversation, writer: &mut Writer) {
        writer.mark();
        let said = &conversation.said;
        let first_user = said.iter().position(|said| matches!(said, Said::User(_)));
        let with_tools = if self == Self::V13 { first_user } else { conversation.last_user };
        for (at, part) in said.iter().enumerate() {
            match part {
                Said::System(_) if self == Self::V3 => {}
                Said::System(texts) => {
                    writer.mark();
                    writer.texts(texts);
                    writer.mark();
                }
                Said::User(texts) => {
                    let follows = at > 0 && matches!(said.get(at - 1), Some(Said::User(_)));
                    let goes_on = matches!(said.get(at + 1), Some(Said::User(_)));
                    if follows {
                        writer.text("\n\n");
                    } else {
                        let last_of_these =
                            (at..).find(|at| !matches!(said.get(at + 1), Some(Said::User(_))));
                        let here = at..=last_of_these.unwrap_or(at);
                        let has =
                            |message: Option<usize>| message.is_some_and(|at| here.contains(&at));
                        if has(with_tools) {
                            self.write_tools(conversation, writer);
                        }
                        writer.mark();
                        if self == Self::V3 && has(conversation.last_user) {
                            write_system(conversation, writer);
                        }
                    }
                    writer.texts(texts);
                    if !goes_on {
                        writer.mark();
                    }
                }
                Said::Model { reasoning, texts, calls } => {
                    if self == Self::V13 && !reasoning.is_empty() {
                        writer.mark();
                        writer.texts(reasoning);
                        writer.mark();
                    }
                    writer.texts(texts);
                    if !calls.is_empty() {
                        self.write_calls(calls, writer);
                    }
                    writer.mark();
                }
                Said::Result { id, texts } => self.write_result(id, texts, writer),
            }
        }
    }

    fn write_tools(self, conversation: &Conversation, writer: &mut Writer) {
        if conversation.tools.is_empty() {
            return;
        }
        writer.mark();
        writer.text("[");
        for (at, tool) in conversation.tools.iter().enumerate() {
            if at > 0 {
                writer.text(", ");
            }
            writer.tool(tool);
        }
        writer.text("]");
        writer.mark();
    }

    fn write_calls(self, calls: &[Call], writer: &mut Writer) {
        if matches!(self, Self::V11 | Self::V13) {
            for call in calls {
                writer.mark();
                writer.text(call.name);
                if self == Self::V11 {
                    writer.mark();
                    writer.text(call.id);
                }
                writer.mark();
                writer.json(call.arguments);
            }
            return;
        }
        writer.mark();
        for (at, call) in calls.iter().enumerate() {
            writer.text(if at == 0 { "[{\"name\": " } else { ", {\"name\": " });
            writer.json_string(call.name);
            writer.text(", \"arguments\": ");
            writer.json(call.arguments);
            writer.text(", \"id\": ");
            writer.json_string(call.id);
            writer.text("}");
        }
        writer.text("]");
    }

    fn write_result(self, id: &str, texts: &[&str], writer: &mut Writer) {
        writer.mark();
        match self {
            Self::V3 => {
                writer.text("{\"content\": ");
                let content = texts.concat();
                // What is JSON stays JSON.
                match serde_json::from_str::<&serde_json::value::RawValue>(&content) {
                    Ok(_) => writer.json(&content),
                    Err(_) => writer.json_string(&content),
                }
                writer.text(", \"call_id\": ");
                writer.json_string(id);
                writer.text("}");
            }
            Self::V7 | Self::V11 => {
                writer.text(id);
                writer.mark();
                writer.texts(texts);
            }
            Self::V13 => writer.texts(texts),
        }
        writer.mark();
    }
}

/// All instructions, before the user's last message.
fn write_system(conversation: &Conversation, writer: &mut Writer) {
    for said in &conversation.said {
        if let Said::System(texts) = said {
            writer.texts(texts);
            writer.text("\n\n");
        }
    }
}
