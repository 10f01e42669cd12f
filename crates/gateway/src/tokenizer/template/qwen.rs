//! Qwen's prompts: each message between `<|im_start|>` with its role and `<|im_end|>`.

use protocol::exchange::{Tool, ToolKind};
use protocol::json::{Object, RawJson};

use super::said::{Call, Conversation, Said, Texts};
use super::writer::Writer;

/// What the generations write differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qwen {
    /// The tokens of the instructions where the caller gives none, without their full stop.
    default_system: u64,
    /// Tools and calls are XML rather than JSON.
    xml: bool,
    /// `<tool_response>` is a token, and so is `<think>`: since Qwen3.
    marks_results: bool,
    /// Reasoning after the user's last message is kept.
    keeps_reasoning: bool,
    /// The answer begins with `<think>`.
    thinks: bool,
}

/// That it is a helpful assistant, without the full stop.
const HELPFUL: u64 = 5;
/// The same, after who Qwen is and who made it.
const QWEN: u64 = 15;
/// Qwen3 Coder's instructions where the caller gives none, which it has only with tools.
const CODER: u64 = 18;
/// Before the tools and after them: what tools are, and how they are called.
const TOOLS: (u64, u64) = (34, 39);
/// The same of those that call them by XML.
const XML_TOOLS: (u64, u64) = (13, 166);

impl Qwen {
    /// Qwen 1.5 and 2, and Qwen2.5-VL.
    pub const TWO: Self = Self {
        default_system: HELPFUL,
        xml: false,
        marks_results: false,
        keeps_reasoning: false,
        thinks: false,
    };
    /// Qwen2.5, its Coder too.
    pub const TWO_FIVE: Self = Self { default_system: QWEN, ..Self::TWO };
    /// QwQ.
    pub const QWQ: Self = Self { default_system: 0, thinks: true, ..Self::TWO };
    /// Qwen3, which may think or not.
    pub const THREE: Self =
        Self { default_system: 0, marks_results: true, keeps_reasoning: true, ..Self::TWO };
    /// Qwen3's that always think.
    pub const THREE_THINKING: Self = Self { thinks: true, ..Self::THREE };
    /// Qwen3 Coder.
    pub const CODER: Self = Self { xml: true, keeps_reasoning: false, ..Self::THREE };

    /// Writes a prompt.
    pub fn write(self, conversation: &Conversation, writer: &mut Writer) {
        let (system, rest) = conversation.split_system();
        self.write_system(system, conversation.tools, writer);
        let before = conversation.said.len() - rest.len();
        for (at, said) in rest.iter().enumerate() {
            match said {
                Said::System(texts) => message("system", texts, writer),
                Said::User(texts) => message("user", texts, writer),
                Said::Model { reasoning, texts, calls } => {
                    writer.mark();
                    writer.text("assistant\n");
                    if self.keeps_reasoning
                        && !reasoning.is_empty()
                        && conversation.is_after_user(before + at)
                    {
                        writer.mark();
                        writer.text("\n");
                        writer.texts(reasoning);
                        writer.text("\n");
                        writer.mark();
                        writer.text("\n\n");
                    }
                    writer.texts(texts);
                    for (number, call) in calls.iter().enumerate() {
                        if number > 0 || !texts.is_empty() {
                            writer.text(if number == 0 && self.xml { "\n\n" } else { "\n" });
                        }
                        self.write_call(call, writer);
                    }
                    end(writer);
                }
                Said::Result { texts, .. } => {
                    let is_result = |said: Option<&Said>| matches!(said, Some(Said::Result { .. }));
                    if at == 0 || !is_result(rest.get(at - 1)) {
                        writer.mark();
                        writer.text("user");
                    }
                    writer.text("\n");
                    self.tag_of_result("<tool_response>", writer);
                    writer.text("\n");
                    writer.texts(texts);
                    writer.text("\n");
                    self.tag_of_result("</tool_response>", writer);
                    if !is_result(rest.get(at + 1)) {
                        if self.xml {
                            writer.text("\n");
                        }
                        end(writer);
                    }
                }
            }
        }
        writer.mark();
        writer.text("assistant\n");
        if self.thinks {
            self.tag_of_result("<think>", writer);
            writer.text("\n");
        }
    }

    fn write_system(self, system: Option<&Texts>, tools: &[Tool], writer: &mut Writer) {
        let default = match system {
            Some(_) => 0,
            None if self.xml && !tools.is_empty() => CODER,
            None => self.default_system,
        };
        if system.is_none() && default == 0 && tools.is_empty() {
            return;
        }
        writer.mark();
        writer.text("system\n");
        if default > 0 {
            writer.fixed(default);
            writer.text(".");
        }
        writer.texts(system.map_or(&[], Vec::as_slice));
        if !tools.is_empty() {
            if system.is_some() || default > 0 {
                writer.text("\n\n");
            }
            let (before, after) = if self.xml { XML_TOOLS } else { TOOLS };
            writer.fixed(before);
            writer.text(">");
            for tool in tools {
                writer.text("\n");
                if self.xml { write_xml(tool, writer) } else { writer.tool(tool) }
            }
            writer.text("\n</tools>\n\n");
            writer.fixed(after);
            if self.xml {
                writer.text(">");
            }
        }
        end(writer);
    }

    /// What is a token of Qwen3's, and text for those before it.
    fn tag_of_result(self, tag: &str, writer: &mut Writer) {
        if self.marks_results { writer.mark() } else { writer.text(tag) }
    }

    fn write_call(self, call: &Call, writer: &mut Writer) {
        writer.mark();
        if self.xml {
            writer.text("\n<function=");
            writer.text(call.name);
            writer.text(">\n");
            for (name, value) in members(call.arguments) {
                writer.texts(&["<parameter=", &name, ">\n"]);
                write_python(&value, writer);
                writer.text("\n</parameter>\n");
            }
            writer.text("</function>\n");
        } else {
            writer.texts(&["\n{\"name\": \"", call.name, "\", \"arguments\": "]);
            writer.json(call.arguments);
            writer.text("}\n");
        }
        writer.mark();
    }
}

fn message(role: &str, texts: &[&str], writer: &mut Writer) {
    writer.mark();
    writer.texts(&[role, "\n"]);
    writer.texts(texts);
    end(writer);
}

fn end(writer: &mut Writer) {
    writer.mark();
    writer.text("\n");
}

/// The members of an object in order. What is no object is the only one, `arguments`.
pub fn members(object: &str) -> Vec<(String, RawJson)> {
    match Object::parse(object) {
        Ok(object) => object.into_members(),
        Err(_) if object.is_empty() => Vec::new(),
        Err(_) => {
            let whole = RawJson::parse(object.to_owned()).or_else(|_| RawJson::of(object));
            whole.map(|whole| vec![("arguments".to_owned(), whole)]).unwrap_or_default()
        }
    }
}

/// A value as it is shown: strings without their quotes.
pub fn write_value(value: &RawJson, writer: &mut Writer) {
    match serde_json::from_str::<String>(value.get()) {
        Ok(text) => writer.text(&text),
        Err(_) => writer.json(value.get()),
    }
}

/// The same as Python says it.
fn write_python(value: &RawJson, writer: &mut Writer) {
    match value.get() {
        "true" => writer.text("True"),
        "false" => writer.text("False"),
        "null" => writer.text("None"),
        _ => write_value(value, writer),
    }
}

fn element(name: &str, value: &RawJson, writer: &mut Writer) {
    writer.texts(&["\n<", name, ">"]);
    // Of several types the list is written as Python's.
    if name == "type" && value.get().starts_with('[') {
        writer.json(&value.get().replace('"', "'"));
    } else {
        write_python(value, writer);
    }
    writer.texts(&["</", name, ">"]);
}

/// A function as Qwen3 Coder is told of it: its parameters one by one.
fn write_xml(tool: &Tool, writer: &mut Writer) {
    let ToolKind::Function { name, description, parameters, .. } = &tool.kind else {
        return writer.tool(tool);
    };
    writer.texts(&["<function>\n<name>", name, "</name>"]);
    if let Some(description) = description {
        writer.texts(&["\n<description>", description.trim(), "</description>"]);
    }
    writer.text("\n<parameters>");
    let schema = members(parameters.as_ref().map_or("", |schema| schema.get()));
    let properties = schema.iter().find(|(name, _)| name == "properties");
    for (name, fields) in members(properties.map_or("", |(_, properties)| properties.get())) {
        writer.texts(&["\n<parameter>\n<name>", &name, "</name>"]);
        let fields = members(fields.get());
        for first in ["type", "description"] {
            for (name, value) in fields.iter().filter(|(name, _)| name == first) {
                element(name, value, writer);
            }
        }
        let known = ["name", "type", "description"];
        for (name, value) in fields.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            element(name, value, writer);
        }
        writer.text("\n</parameter>");
    }
    for (name, value) in &schema {
        if !["type", "properties"].contains(&name.as_str()) {
            element(name, value, writer);
        }
    }
    writer.text("\n</parameters>\n</function>");
}
