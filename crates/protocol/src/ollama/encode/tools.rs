//! Tools. The protocol has no choice among them, and a member it does not know makes some versions
//! hang: what is due is told in words. TOOLS-3, Bug 29, wire-formats 10, 12.2

use crate::exchange::{Losses, Request, Tool, ToolChoice, ToolKind};
use crate::json::write::{into_text, key, raw, string};

/// The schema of a tool without arguments: the member is required.
const EMPTY: &str = r#"{"type":"object","properties":{}}"#;

/// Tools as they are written, each as JSON text.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) tools: Vec<String>,
    /// What the model is told to do with them.
    pub(super) due: Option<String>,
}

/// Decides tools.
pub(super) fn plan(request: &Request, losses: &mut Losses) -> Plan {
    let mut plan = Plan::default();
    let declared = |name: &str| {
        request.tools.iter().any(
            |tool| matches!(&tool.kind, ToolKind::Function { name: known, .. } if known == name),
        )
    };
    let only: Option<Vec<&str>> = match &request.tool_choice {
        // No call can be made of what is not on offer.
        Some(ToolChoice::None) => Some(Vec::new()),
        Some(ToolChoice::Named(name)) if declared(name) => Some(vec![name]),
        Some(ToolChoice::Allowed { names, .. }) if names.iter().any(|it| declared(it)) => {
            Some(names.iter().map(String::as_str).collect())
        }
        _ => None,
    };
    for (at, tool) in request.tools.iter().enumerate() {
        let ToolKind::Function { name, strict, .. } = &tool.kind else {
            losses.record(format!("tools[{at}]"), "the tool belongs to another protocol");
            continue;
        };
        if only.as_ref().is_some_and(|only| !only.contains(&name.as_str())) {
            continue;
        }
        if *strict == Some(true) {
            let path = format!("tools[{at}].function.strict");
            losses.record(path, "calls are not held to their schemas");
        }
        for (member, _) in &tool.extras.members {
            let path = format!("tools[{at}].{member}");
            losses.record(path, "the provider's protocol has no such member");
        }
        plan.tools.extend(write_tool(tool));
    }
    let offered = !plan.tools.is_empty();
    plan.due = match &request.tool_choice {
        Some(ToolChoice::Named(name)) if offered => Some(format!("You must call `{name}` now.")),
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) if offered => {
            Some("You must call one of the tools now.".to_owned())
        }
        _ => None,
    };
    if plan.due.is_some() {
        losses.record("tool_choice", "calls cannot be forced: the model is asked in words");
    } else if matches!(&request.tool_choice, Some(ToolChoice::Opaque { .. })) {
        losses.record("tool_choice", "the form belongs to another protocol");
    }
    plan
}

fn write_tool(tool: &Tool) -> Option<String> {
    let ToolKind::Function { name, description, parameters, .. } = &tool.kind else { return None };
    let mut out = vec![b'{'];
    string(&mut out, "type", "function");
    key(&mut out, "function");
    out.push(b'{');
    string(&mut out, "name", name);
    if let Some(description) = description {
        string(&mut out, "description", description);
    }
    let schema = parameters.as_ref().filter(|schema| schema.get().starts_with('{'));
    raw(&mut out, "parameters", schema.map_or(EMPTY, |schema| schema.get()));
    out.extend_from_slice(b"}}");
    Some(into_text(out))
}
