//! Tools and the choice among them. TOOLS-1, TOOLS-3, wire-formats 5.2, 12.2

use std::collections::HashSet;

use super::output;
use super::piece::{Piece, PieceKind};
use crate::anthropic::schema;
use crate::bedrock::LONGEST_NAME;
use crate::bedrock::family::Family;
use crate::exchange::{BlockKind, Losses, Request, Tool, ToolChoice, ToolKind};
use crate::json::write::{into_text, key, raw, string};
use crate::names::Names;
use crate::target::Target;

/// The most tools whose schemas are compiled in one request.
const MOST_STRICT: usize = 20;

/// Tools and choice as they are written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) tools: Vec<Piece>,
    /// The member `toolChoice`, as JSON text.
    pub(super) choice: Option<String>,
    /// What Claude takes in its own form, as JSON text; there is no `toolChoice` then.
    pub(super) own_choice: Option<String>,
    /// The answer's tool cannot be forced: the model must be told in words to use it.
    pub(super) must_be_told: bool,
}

/// The names of all tools, declared or only met in the conversation.
pub(super) fn names(request: &Request) -> Names {
    let declared = request.tools.iter().filter_map(|tool| match &tool.kind {
        ToolKind::Function { name, .. } => Some(name.as_str()),
        ToolKind::Opaque { .. } => None,
    });
    Names::of(LONGEST_NAME, declared.chain(called(request)))
}

fn called(request: &Request) -> impl Iterator<Item = &str> + Clone {
    request.turns.iter().flat_map(|turn| &turn.blocks).filter_map(|block| match &block.kind {
        BlockKind::ToolCall { name, .. } => Some(name.as_str()),
        _ => None,
    })
}

/// Decides tools and choice. `forcible`: whether a call can be forced. Bug 18
pub(super) fn plan(
    request: &Request,
    target: &Target<'_>,
    family: Family,
    names: &Names,
    output: &output::Plan,
    forcible: bool,
    losses: &mut Losses,
) -> Plan {
    let mut plan = Plan::default();
    let allowed = allowed_names(request, forcible, losses);
    let mut strict = 0;
    for (at, tool) in request.tools.iter().enumerate() {
        match &tool.kind {
            ToolKind::Opaque { .. } => {
                losses.record(format!("tools[{at}]"), "the tool belongs to another protocol");
            }
            ToolKind::Function { name, .. } => {
                if allowed.as_ref().is_none_or(|allowed| allowed.contains(name.as_str())) {
                    plan.tools.extend(write_tool(at, tool, target, names, &mut strict, losses));
                }
            }
        }
    }
    let none = matches!(request.tool_choice, Some(ToolChoice::None));
    let met = called(request).next().is_some();
    if let output::Plan::Tool { name, description, schema } = output {
        // Where no call is allowed, the caller's tools are only there for the conversation's sake.
        let callers_own = !plan.tools.is_empty() && !none;
        plan.tools.push(spec(name, Some(description), schema, false));
        let form = match (forcible, callers_own) {
            (true, false) => Form::Tool(name),
            (true, true) => Form::Any,
            (false, _) => {
                plan.must_be_told = true;
                Form::Auto
            }
        };
        // Two answers at once would be no answer.
        let single = !callers_own || request.parallel_tool_calls == Some(false);
        plan.choose(&form, single, family);
        return plan;
    }
    let undeclared = plan.tools.is_empty();
    if undeclared {
        // Calls in the conversation need tools in the request, even if none may be made. Bug 5
        let mut seen: HashSet<&str> = HashSet::new();
        for name in called(request) {
            if seen.insert(name) {
                let empty = schema::input_schema(None);
                plan.tools.push(spec(names.sent(name), None, &empty, false));
            }
        }
    }
    if none || undeclared {
        if plan.tools.is_empty() {
            return plan;
        }
        if family == Family::Anthropic {
            plan.own_choice = Some(r#"{"type":"none"}"#.to_owned());
        } else if met {
            losses
                .record("tool_choice", "calls cannot be forbidden while the conversation has some");
        } else {
            plan.tools.clear();
        }
        return plan;
    }
    let single = request.parallel_tool_calls == Some(false);
    if single && family != Family::Anthropic {
        losses.record("parallel_tool_calls", "the model cannot be told to make one call only");
    }
    if let Some(form) = form(request, names, forcible, losses) {
        plan.choose(&form, single, family);
    } else if single && family == Family::Anthropic {
        plan.choose(&Form::Auto, true, family);
    }
    plan
}

impl Plan {
    /// Claude's own form also tells that one call is enough; the two cannot stand together.
    fn choose(&mut self, form: &Form<'_>, single: bool, family: Family) {
        if single && family == Family::Anthropic {
            self.own_choice = Some(form.of_claude());
        } else {
            self.choice = Some(form.write());
        }
    }
}

/// The tools a choice leaves over; `None` for all.
fn allowed_names<'r>(
    request: &'r Request,
    forcible: bool,
    losses: &mut Losses,
) -> Option<HashSet<&'r str>> {
    let declared = |name: &str| {
        request.tools.iter().any(
            |tool| matches!(&tool.kind, ToolKind::Function { name: known, .. } if known == name),
        )
    };
    match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) if names.iter().any(|name| declared(name)) => {
            Some(names.iter().map(String::as_str).collect())
        }
        // What cannot be forced can at least be the only tool on offer. Bug 18
        Some(ToolChoice::Named(name)) if !forcible && declared(name) => {
            losses.record("tool_choice", "only this tool is offered, but no call can be forced");
            Some(HashSet::from([name.as_str()]))
        }
        _ => None,
    }
}

enum Form<'f> {
    Auto,
    Any,
    Tool(&'f str),
}

impl Form<'_> {
    fn write(&self) -> String {
        match self {
            Self::Auto => r#"{"auto":{}}"#.to_owned(),
            Self::Any => r#"{"any":{}}"#.to_owned(),
            Self::Tool(name) => {
                let mut out = br#"{"tool":{"#.to_vec();
                string(&mut out, "name", name);
                out.extend_from_slice(b"}}");
                into_text(out)
            }
        }
    }

    /// In Anthropic's own words, for one call at most.
    fn of_claude(&self) -> String {
        let mut out = vec![b'{'];
        match self {
            Self::Auto => string(&mut out, "type", "auto"),
            Self::Any => string(&mut out, "type", "any"),
            Self::Tool(name) => {
                string(&mut out, "type", "tool");
                string(&mut out, "name", name);
            }
        }
        raw(&mut out, "disable_parallel_tool_use", "true");
        out.push(b'}');
        into_text(out)
    }
}

fn form<'n>(
    request: &'n Request,
    names: &'n Names,
    forcible: bool,
    losses: &mut Losses,
) -> Option<Form<'n>> {
    match &request.tool_choice {
        None | Some(ToolChoice::None) => None,
        Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) => Some(Form::Auto),
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) if forcible => {
            Some(Form::Any)
        }
        Some(ToolChoice::Named(name)) if forcible => Some(Form::Tool(names.sent(name))),
        Some(ToolChoice::Named(_)) => Some(Form::Auto),
        Some(ToolChoice::Required | ToolChoice::Allowed { .. }) => {
            losses.record("tool_choice", "no call can be forced on this model as asked");
            Some(Form::Auto)
        }
        Some(ToolChoice::Opaque { .. }) => {
            losses.record("tool_choice", "the form belongs to another protocol");
            None
        }
    }
}

fn write_tool(
    at: usize,
    tool: &Tool,
    target: &Target<'_>,
    names: &Names,
    strict_so_far: &mut usize,
    losses: &mut Losses,
) -> Option<Piece> {
    let ToolKind::Function { name, description, parameters, strict } = &tool.kind else {
        return None;
    };
    let mut native = None;
    if *strict == Some(true) {
        let possible = target.abilities.structured_output && *strict_so_far < MOST_STRICT;
        native = parameters.as_ref().filter(|_| possible).and_then(schema::native);
        match native {
            Some(_) => *strict_so_far += 1,
            None => losses.record(
                format!("tools[{at}].function.strict"),
                "the model cannot be held to this schema",
            ),
        }
    }
    for (member, _) in &tool.extras.members {
        losses
            .record(format!("tools[{at}].{member}"), "the provider's protocol has no such member");
    }
    let description = description.as_deref().filter(|text| !text.is_empty());
    let piece = match &native {
        Some(native) => spec(names.sent(name), description, native, true),
        None => {
            let input = schema::input_schema(parameters.as_ref());
            spec(names.sent(name), description, &input, false)
        }
    };
    Some(piece.marked(tool.cache.as_ref()))
}

fn spec(name: &str, description: Option<&str>, schema: &str, strict: bool) -> Piece {
    Piece::of(PieceKind::Other, "toolSpec", |out| {
        string(out, "name", name);
        if let Some(description) = description {
            string(out, "description", description);
        }
        key(out, "inputSchema");
        out.push(b'{');
        raw(out, "json", schema);
        out.push(b'}');
        if strict {
            raw(out, "strict", "true");
        }
    })
}
