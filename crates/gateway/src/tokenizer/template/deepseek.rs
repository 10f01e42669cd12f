//! DeepSeek's prompts.

use protocol::exchange::{Effort, Request, ToolKind};

use super::qwen::{members, write_value};
use super::said::{Call, Conversation, Said};
use super::writer::Writer;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeepSeek {
    /// V3, and R1 of May 2025.
    V3,
    /// The first R1: the answer begins with `<think>`.
    R1,
    /// V3.1, and V3.2 while it was an experiment.
    V31,
    /// V3.2: tools are called by tags.
    V32,
    /// V4: such tags have a token, and results of tools are the user's.
    V4,
    /// V4.1: instructions have a token.
    V41,
}

/// What is written before tools, and after them.
const V31_TOOLS: (u64, u64) = (10, 89);
const V32_TOOLS: u64 = 275;
const V4_TOOLS: (u64, u64) = (202, 18);
const V41_TOOLS: (u64, u64) = (192, 18);
/// What V4 is told of how hard to think, without its last sign; and if that is as hard as can be.
const V4_EFFORT: (u64, u64) = (78, 91);
/// The same of V4.1, for which it is a number.
const V41_EFFORT: u64 = 24;

impl DeepSeek {
    /// Writes a prompt.
    pub fn write(self, conversation: &Conversation, writer: &mut Writer) {
        writer.mark();
        let thinks = self.thinks(conversation.request);
        self.write_system(conversation, writer);
        let said = &conversation.said;
        let is_result =
            |at: Option<usize>| matches!(at.and_then(|at| said.get(at)), Some(Said::Result { .. }));
        for (at, part) in said.iter().enumerate() {
            let first_result = !is_result(at.checked_sub(1));
            match part {
                // All of it has been written.
                Said::System(_) if self != Self::V41 => {}
                Said::System(_) if at == 0 => {}
                Said::System(texts) => {
                    writer.mark();
                    writer.texts(texts);
                }
                Said::User(texts) if matches!(self, Self::V4 | Self::V41) && !first_result => {
                    writer.text("\n\n");
                    writer.texts(texts);
                    self.begin_answer(writer);
                }
                Said::User(texts) => {
                    writer.mark();
                    writer.texts(texts);
                    self.begin_answer_to(said.get(at + 1), writer);
                }
                Said::Model { reasoning, texts, calls } => {
                    // V4 keeps all of it where there are tools.
                    let keeps = match self {
                        Self::V3 | Self::R1 | Self::V31 => false,
                        Self::V32 => conversation.is_after_user(at),
                        Self::V4 | Self::V41 => {
                            !conversation.tools.is_empty() || conversation.is_after_user(at)
                        }
                    };
                    if keeps && thinks {
                        writer.texts(reasoning);
                        writer.mark();
                    }
                    writer.texts(texts);
                    if !calls.is_empty() {
                        self.write_calls(calls, writer);
                    }
                    writer.mark();
                }
                Said::Result { texts, .. } => {
                    let last = !is_result(Some(at + 1));
                    self.write_result(texts, first_result, last, writer);
                    let goes_on = matches!(said.get(at + 1), Some(Said::User(_)));
                    if last && matches!(self, Self::V4 | Self::V41) && !goes_on {
                        self.begin_answer(writer);
                    }
                }
            }
        }
    }

    /// What leads to the answer: whose turn it is, and whether it thinks first.
    fn begin_answer(self, writer: &mut Writer) {
        writer.mark();
        if !matches!(self, Self::V3 | Self::R1) {
            writer.mark();
        }
    }

    /// Of several messages of the user's only the last leads to an answer.
    fn begin_answer_to(self, next: Option<&Said>, writer: &mut Writer) {
        if matches!(next, Some(Said::User(_) | Said::Result { .. })) && self != Self::V32 {
            return;
        }
        self.begin_answer(writer);
        if self == Self::R1 && next.is_none() {
            writer.mark();
            writer.text("\n");
        }
    }

    fn write_system(self, conversation: &Conversation, writer: &mut Writer) {
        let system: Vec<_> = conversation
            .said
            .iter()
            .filter_map(|said| match said {
                Said::System(texts) => Some(texts),
                _ => None,
            })
            .collect();
        let effort = self.effort(conversation.request);
        let leads = matches!(conversation.said.first(), Some(Said::System(_)));
        if self == Self::V41 && (leads || effort > 0 || !conversation.tools.is_empty()) {
            writer.mark();
        }
        if effort > 0 {
            writer.fixed(effort);
            writer.text(if self == Self::V41 { ")\n\n" } else { ".\n\n" });
        }
        let here = if self == Self::V41 { usize::from(leads) } else { system.len() };
        for (at, texts) in system.into_iter().take(here).enumerate() {
            if at > 0 {
                writer.text("\n\n");
            }
            writer.texts(texts);
        }
        if !conversation.tools.is_empty() {
            writer.text("\n\n");
            self.write_tools(conversation, writer);
        }
    }

    /// Whether the model is asked to think. V4 does unless that is switched off, V3.2 only if asked.
    fn thinks(self, request: &Request) -> bool {
        let Some(reasoning) = &request.reasoning else {
            return matches!(self, Self::V4 | Self::V41);
        };
        reasoning.enabled != Some(false) && reasoning.effort != Some(Effort::None)
    }

    /// The tokens of what says how hard to think, without the last sign.
    fn effort(self, request: &Request) -> u64 {
        if !self.thinks(request) {
            return 0;
        }
        let effort = request.reasoning.as_ref().and_then(|reasoning| reasoning.effort);
        match (self, effort) {
            (Self::V41, _) => V41_EFFORT,
            (Self::V4, Some(Effort::Minimal | Effort::Low)) => 0,
            (Self::V4, Some(Effort::Max)) => V4_EFFORT.1,
            (Self::V4, _) => V4_EFFORT.0,
            _ => 0,
        }
    }

    fn write_tools(self, conversation: &Conversation, writer: &mut Writer) {
        let tools = conversation.tools;
        match self {
            Self::V3 | Self::R1 | Self::V31 => {
                writer.fixed(V31_TOOLS.0);
                writer.text(":\n");
                for tool in tools {
                    match &tool.kind {
                        ToolKind::Function { name, description, parameters, .. } => {
                            let description = description.as_deref().unwrap_or_default();
                            writer.texts(&["\n### ", name, "\nDescription: ", description]);
                            writer.text("\n\nParameters: ");
                            writer.json(parameters.as_ref().map_or("", |schema| schema.get()));
                        }
                        ToolKind::Opaque { raw, .. } => writer.json(raw.get()),
                    }
                    writer.text("\n");
                }
                writer.text("\n");
                writer.fixed(V31_TOOLS.1);
                writer.text("\n");
            }
            Self::V32 => {
                writer.fixed(V32_TOOLS);
                writer.text(">");
                for tool in tools {
                    writer.text("\n");
                    writer.function(tool);
                }
                writer.text("\n</functions>\n");
            }
            Self::V4 | Self::V41 => {
                let (before, after) = if self == Self::V4 { V4_TOOLS } else { V41_TOOLS };
                writer.fixed(before);
                writer.text("\n");
                for tool in tools {
                    writer.text("\n");
                    writer.function(tool);
                }
                writer.text("\n\n");
                writer.fixed(after);
            }
        }
    }

    fn write_calls(self, calls: &[Call], writer: &mut Writer) {
        if matches!(self, Self::V32 | Self::V4 | Self::V41) {
            return self.write_tags(calls, writer);
        }
        writer.mark();
        for (at, call) in calls.iter().enumerate() {
            if self != Self::V31 && at > 0 {
                writer.text("\n");
            }
            writer.mark();
            if self == Self::V31 {
                writer.text(call.name);
                writer.mark();
                writer.text(call.arguments);
            } else {
                writer.text("function");
                writer.mark();
                writer.texts(&[call.name, "\n```json\n", call.arguments, "\n```"]);
            }
            writer.mark();
        }
        writer.mark();
    }

    /// The name of the language of V3.2's and later tags, which has a token since V4.
    fn tag(self, begins: &str, name: &str, writer: &mut Writer) {
        writer.text(begins);
        if self == Self::V32 {
            writer.text("｜DSML｜")
        } else {
            writer.mark()
        }
        if self == Self::V41 {
            writer.text(" ");
        }
        writer.text(name);
    }

    fn write_tags(self, calls: &[Call], writer: &mut Writer) {
        let all = match self {
            Self::V32 => "function_calls",
            Self::V41 => "calls",
            _ => "tool_calls",
        };
        writer.text("\n\n");
        self.tag("<", all, writer);
        for call in calls {
            writer.text(">\n");
            self.tag("<", "invoke", writer);
            writer.texts(&[" name=\"", call.name, "\">\n"]);
            for (name, value) in members(call.arguments) {
                self.tag("<", "parameter", writer);
                let string = value.get().starts_with('"');
                let string = if string { "\" string=\"true\">" } else { "\" string=\"false\">" };
                writer.texts(&[" name=\"", &name, string]);
                write_value(&value, writer);
                self.tag("</", "parameter", writer);
                writer.text(">\n");
            }
            self.tag("</", "invoke", writer);
        }
        writer.text(">\n");
        self.tag("</", all, writer);
        writer.text(">");
    }

    fn write_result(self, texts: &[&str], first: bool, last: bool, writer: &mut Writer) {
        match self {
            Self::V3 | Self::R1 => {
                if first {
                    writer.mark();
                } else if self == Self::R1 {
                    writer.text("\n");
                }
                writer.mark();
                writer.texts(texts);
                writer.mark();
                if last {
                    writer.mark();
                }
            }
            Self::V31 => {
                writer.mark();
                writer.texts(texts);
                writer.mark();
            }
            Self::V32 => {
                if first {
                    writer.text("\n\n<function_results>");
                }
                writer.text("\n<result>");
                writer.texts(texts);
                writer.text("</result>");
                if last {
                    writer.text("\n</function_results>\n\n");
                    writer.mark();
                }
            }
            Self::V4 | Self::V41 => {
                if first {
                    writer.mark();
                } else {
                    writer.text("\n\n");
                }
                writer.text("<tool_result>");
                writer.texts(texts);
                writer.text("</tool_result>");
            }
        }
    }
}
