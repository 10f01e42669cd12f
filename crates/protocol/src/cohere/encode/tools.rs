//! Tools and the choice among them. TOOLS-1, TOOLS-3, wire-formats 6, 12.2

use crate::exchange::{Losses, Request, Tool, ToolChoice, ToolKind};
use crate::json::RawJson;
use crate::json::lenient::{elements, object};
use crate::json::write::{array, into_text, key, raw, string};
use crate::openai_chat::wire::PlainNames;
use crate::target::Target;

/// The schema of a tool without arguments: the member is required.
const EMPTY: &str = r#"{"type":"object","properties":{}}"#;

/// Tools and choice as they are written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    tools: Vec<String>,
    choice: Option<&'static str>,
    /// All calls are held to their schemas.
    pub(super) strict: bool,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    pub(super) fn write(&self, body: &mut Vec<u8>) {
        if self.tools.is_empty() {
            return;
        }
        key(body, "tools");
        array(body, &self.tools, |out, tool| out.extend_from_slice(tool.as_bytes()));
        if let Some(choice) = self.choice {
            string(body, "tool_choice", choice);
        }
        if self.strict {
            raw(body, "strict_tools", "true");
        }
    }
}

/// Decides tools and choice. A call of one tool is one of any, with that tool alone on offer.
pub(super) fn plan(
    request: &Request,
    target: &Target<'_>,
    names: &PlainNames,
    losses: &mut Losses,
) -> Plan {
    let declared = |name: &str| {
        request.tools.iter().any(
            |tool| matches!(&tool.kind, ToolKind::Function { name: known, .. } if known == name),
        )
    };
    let (only, required): (Option<Vec<&str>>, bool) = match &request.tool_choice {
        Some(ToolChoice::Named(name)) if declared(name) => (Some(vec![name]), true),
        Some(ToolChoice::Allowed { names, required }) if names.iter().any(|it| declared(it)) => {
            (Some(names.iter().map(String::as_str).collect()), *required)
        }
        Some(ToolChoice::Required | ToolChoice::Named(_)) => (None, true),
        Some(ToolChoice::Allowed { required, .. }) => (None, *required),
        _ => (None, false),
    };
    let mut plan = Plan::default();
    let (mut strict, mut unheld) = (0, 0);
    for (at, tool) in request.tools.iter().enumerate() {
        let ToolKind::Function { name, parameters, strict: held, .. } = &tool.kind else {
            losses.record(format!("tools[{at}]"), "the tool belongs to another protocol");
            continue;
        };
        if only.as_ref().is_some_and(|only| !only.contains(&name.as_str())) {
            continue;
        }
        if *held == Some(true) {
            // Where nothing is required there is nothing to hold a call to, which is refused.
            if parameters.as_ref().is_some_and(requires_something) {
                strict += 1;
            } else {
                unheld += 1;
            }
        }
        for (member, _) in &tool.extras.members {
            let path = format!("tools[{at}].{member}");
            losses.record(path, "the provider's protocol has no such member");
        }
        plan.tools.extend(write_tool(tool, names));
    }
    plan.strict = strict > 0 && strict == plan.tools.len();
    if strict + unheld > 0 && !plan.strict {
        losses.record("tools", "either all tools are held to their schemas or none");
    }
    let able = target.abilities.forces_tool_choice(request.reasoning.as_ref())
        && target.refusal("tool_choice").is_none();
    match &request.tool_choice {
        Some(ToolChoice::None) if able => plan.choice = Some("NONE"),
        Some(ToolChoice::None) => plan.tools.clear(),
        Some(ToolChoice::Opaque { .. }) => {
            losses.record("tool_choice", "the form belongs to another protocol");
        }
        _ if required && able => plan.choice = Some("REQUIRED"),
        _ if required => losses.record("tool_choice", "no call can be forced on this model"),
        _ => {}
    }
    plan
}

fn requires_something(schema: &RawJson) -> bool {
    let schema = object(Some(schema.as_raw())).unwrap_or_default();
    !elements(schema.peek("required")).is_empty()
}

/// The schema of a tool's arguments, which has to say that it is one of an object.
fn write_schema(out: &mut Vec<u8>, parameters: Option<&RawJson>) {
    let schema = parameters.and_then(|schema| object(Some(schema.as_raw())));
    let Some(schema) = schema.filter(|schema| !schema.is_empty()) else {
        raw(out, "parameters", EMPTY);
        return;
    };
    if schema.peek_str("type").as_deref() == Some("object") {
        raw(out, "parameters", parameters.map_or(EMPTY, RawJson::get));
        return;
    }
    key(out, "parameters");
    out.push(b'{');
    string(out, "type", "object");
    for (name, value) in schema.iter().filter(|(name, _)| *name != "type") {
        raw(out, name, value.get());
    }
    out.push(b'}');
}

fn write_tool(tool: &Tool, names: &PlainNames) -> Option<String> {
    let ToolKind::Function { name, description, parameters, .. } = &tool.kind else { return None };
    let mut out = vec![b'{'];
    string(&mut out, "type", "function");
    key(&mut out, "function");
    out.push(b'{');
    string(&mut out, "name", names.sent(name));
    if let Some(description) = description {
        string(&mut out, "description", description);
    }
    write_schema(&mut out, parameters.as_ref());
    out.extend_from_slice(b"}}");
    Some(into_text(out))
}
