//! The form of the answer: native, emulated through a tool, or asked for in words. STRUCT-1,
//! wire-formats 5.2

use crate::anthropic::schema;
use crate::exchange::{Losses, OutputFormat, Request, ToolChoice};
use crate::json::compact;
use crate::json::write::{into_text, key, string};
use crate::names::Names;
use crate::target::Target;

/// The wished name of the tool that stands for the answer.
const TOOL: &str = "json";

/// How the form of the answer is brought about.
#[derive(Debug, PartialEq)]
pub(super) enum Plan {
    /// Nothing to do.
    Free,
    /// `outputConfig`, as JSON text.
    Native(String),
    /// A tool whose input is the answer. Bug 13
    Tool { name: String, description: String, schema: String },
    /// Words in the system prompt.
    Words(String),
}

/// Decides how.
pub(super) fn plan(
    request: &Request,
    target: &Target<'_>,
    names: &mut Names,
    losses: &mut Losses,
) -> Plan {
    match &request.output {
        None | Some(OutputFormat::Text) => Plan::Free,
        Some(OutputFormat::JsonObject) => Plan::Words(
            "Answer with one valid JSON object and nothing else: no code fences, no words before \
             or after it."
                .to_owned(),
        ),
        Some(OutputFormat::Opaque { .. }) => {
            losses.record("response_format", "the form belongs to another protocol");
            Plan::Free
        }
        Some(OutputFormat::JsonSchema { name, description, schema: given, .. }) => {
            // Schemas are compiled as Anthropic compiles them, with the same limits.
            if target.abilities.structured_output
                && !target.quirks.no_json_schema
                && let Some(schema) = schema::native(given)
            {
                return Plan::Native(native(name.as_deref(), description.as_deref(), &schema));
            }
            // Where a call of the caller's tools is due, answering through a tool would do instead.
            let calls_are_forced = match &request.tool_choice {
                Some(ToolChoice::Named(_)) => true,
                Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => {
                    !request.tools.is_empty()
                }
                _ => false,
            };
            if !target.takes_tools() || calls_are_forced || !schema::describes_object(given) {
                return Plan::Words(format!(
                    "Answer with JSON and nothing else (no code fences, no words before or after \
                     it) that is valid under this JSON Schema:\n{}",
                    given.get()
                ));
            }
            let what = description.as_deref().or(name.as_deref()).unwrap_or("the final answer");
            Plan::Tool {
                name: names.reserve(TOOL),
                description: format!("Give the final answer with this tool: {what}"),
                schema: schema::input_schema(Some(given)).into_owned(),
            }
        }
    }
}

/// The schema travels as a text.
fn native(name: Option<&str>, description: Option<&str>, schema: &str) -> String {
    let mut out = vec![b'{'];
    key(&mut out, "textFormat");
    out.push(b'{');
    string(&mut out, "type", "json_schema");
    key(&mut out, "structure");
    out.push(b'{');
    key(&mut out, "jsonSchema");
    out.push(b'{');
    string(&mut out, "schema", &compact(schema));
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        string(&mut out, "name", name);
    }
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        string(&mut out, "description", description);
    }
    out.extend_from_slice(b"}}}}");
    into_text(out)
}
