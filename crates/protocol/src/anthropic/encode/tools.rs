//! Tools and the choice among them. TOOLS-1, TOOLS-3, wire-formats 2.1, 12.2

use std::collections::HashSet;

use super::output;
use super::piece::{Piece, PieceKind, write_extras};
use crate::Dialect;
use crate::anthropic::wire::{raw, string};
use crate::anthropic::{LONGEST_NAME, schema};
use crate::exchange::{BlockKind, Losses, Request, Tool, ToolChoice, ToolKind};
use crate::names::Names;
use crate::target::Target;

/// The most strict tools the vendor compiles in one request.
const MOST_STRICT: usize = 20;

/// Tools and choice as they are written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) tools: Vec<Piece>,
    /// The member `tool_choice`, as JSON text.
    pub(super) choice: Option<String>,
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

/// What else the tools depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// Thinking with a budget is on: no choice can be forced. Bug 18
    pub(super) thinking_with_budget: bool,
    /// The caller asked for enforced schemas. PROV-15
    pub(super) strict: bool,
}

/// Decides tools and choice.
pub(super) fn plan(
    request: &Request,
    target: &Target<'_>,
    names: &Names,
    output: &output::Plan,
    conditions: Conditions,
    losses: &mut Losses,
) -> Plan {
    let mut plan = Plan::default();
    let forcible = target.abilities.forces_tool_choice(request.reasoning.as_ref())
        && !conditions.thinking_with_budget;
    let allowed = allowed_names(request, forcible, losses);
    let mut strict = 0;
    for (at, tool) in request.tools.iter().enumerate() {
        if let (Some(allowed), ToolKind::Function { name, .. }) = (&allowed, &tool.kind)
            && !allowed.contains(&name.as_str())
        {
            continue;
        }
        plan.tools.extend(write_tool(
            at,
            tool,
            request,
            target,
            names,
            conditions,
            &mut strict,
            losses,
        ));
    }
    let emulated = match output {
        output::Plan::Tool { name, description, schema } => {
            let mut piece = Piece { kind: PieceKind::Other, json: vec![b'{'], mark: None };
            string(&mut piece.json, "name", name);
            string(&mut piece.json, "description", description);
            raw(&mut piece.json, "input_schema", schema);
            Some((name, piece))
        }
        _ => None,
    };
    if plan.tools.is_empty() && emulated.is_none() {
        // Calls in the conversation need tools in the request, even if none may be called. Bug 5
        let mut seen: HashSet<&str> = HashSet::new();
        for name in called(request) {
            if seen.insert(name) {
                let mut piece = Piece { kind: PieceKind::Other, json: vec![b'{'], mark: None };
                string(&mut piece.json, "name", names.sent(name));
                raw(&mut piece.json, "input_schema", &schema::input_schema(None));
                plan.tools.push(piece);
            }
        }
        if !plan.tools.is_empty() {
            plan.choice = Some(r#"{"type":"none"}"#.to_owned());
        }
        return plan;
    }
    if let Some((name, piece)) = emulated {
        let callers_own =
            !plan.tools.is_empty() && !matches!(request.tool_choice, Some(ToolChoice::None));
        plan.tools.push(piece);
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
        plan.choice = Some(form.write(single));
        return plan;
    }
    plan.choice = choice(request, names, forcible, losses);
    plan
}

/// The tools a choice leaves over; `None` for all.
fn allowed_names<'r>(
    request: &'r Request,
    forcible: bool,
    losses: &mut Losses,
) -> Option<HashSet<&'r str>> {
    let known: HashSet<&str> = request
        .tools
        .iter()
        .filter_map(|tool| match &tool.kind {
            ToolKind::Function { name, .. } => Some(name.as_str()),
            ToolKind::Opaque { .. } => None,
        })
        .collect();
    let declared = |name: &str| known.contains(name);
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
    None,
    Tool(&'f str),
}

impl Form<'_> {
    fn write(&self, single: bool) -> String {
        let mut out = vec![b'{'];
        match self {
            Self::Auto => string(&mut out, "type", "auto"),
            Self::Any => string(&mut out, "type", "any"),
            Self::None => string(&mut out, "type", "none"),
            Self::Tool(name) => {
                string(&mut out, "type", "tool");
                string(&mut out, "name", name);
            }
        }
        if single && !matches!(self, Self::None) {
            raw(&mut out, "disable_parallel_tool_use", "true");
        }
        out.push(b'}');
        crate::anthropic::wire::into_text(out)
    }
}

fn choice(request: &Request, names: &Names, forcible: bool, losses: &mut Losses) -> Option<String> {
    let single = request.parallel_tool_calls == Some(false);
    let form = match &request.tool_choice {
        None if single => Form::Auto,
        None => return None,
        Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) => Form::Auto,
        Some(ToolChoice::None) => Form::None,
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => {
            if forcible {
                Form::Any
            } else {
                losses.record("tool_choice", "no call can be forced on this model as asked");
                Form::Auto
            }
        }
        Some(ToolChoice::Named(name)) if forcible => Form::Tool(names.sent(name)),
        Some(ToolChoice::Named(_)) => Form::Auto,
        Some(ToolChoice::Opaque { origin: Dialect::Anthropic, raw }) => {
            return Some(raw.get().to_owned());
        }
        Some(ToolChoice::Opaque { .. }) => {
            losses.record("tool_choice", "the form belongs to another protocol");
            return None;
        }
    };
    Some(form.write(single))
}

#[expect(clippy::too_many_arguments, reason = "one call, and a struct would only rename them")]
fn write_tool(
    at: usize,
    tool: &Tool,
    request: &Request,
    target: &Target<'_>,
    names: &Names,
    conditions: Conditions,
    strict_so_far: &mut usize,
    losses: &mut Losses,
) -> Option<Piece> {
    let path = || format!("tools[{at}]");
    let mut piece = match &tool.kind {
        ToolKind::Opaque { origin: Dialect::Anthropic, raw } => Piece::verbatim(raw)?,
        ToolKind::Opaque { .. } => {
            losses.record(path(), "the tool belongs to another protocol");
            return None;
        }
        ToolKind::Function { name, description, parameters, strict } => {
            let mut piece = Piece { kind: PieceKind::Other, json: vec![b'{'], mark: None };
            string(&mut piece.json, "name", names.sent(name));
            if let Some(description) = description {
                string(&mut piece.json, "description", description);
            }
            let input = schema::input_schema(parameters.as_ref());
            let native = match strict {
                Some(true) if conditions.strict && *strict_so_far < MOST_STRICT => {
                    parameters.as_ref().and_then(schema::native)
                }
                _ => None,
            };
            match native {
                Some(native) => {
                    *strict_so_far += 1;
                    raw(&mut piece.json, "input_schema", &native);
                    raw(&mut piece.json, "strict", "true");
                }
                None => {
                    raw(&mut piece.json, "input_schema", &input);
                    // PROV-15
                    if *strict == Some(true) {
                        losses.record(
                            format!("{}.function.strict", path()),
                            "schemas of tools are enforced only behind the vendor's feature flag",
                        );
                    }
                }
            }
            // PROV-16
            let eager = "eager_input_streaming";
            if request.stream
                && !target.quirks.unsupported_parameters.iter().any(|name| name == eager)
                && !tool.extras.members.iter().any(|(name, _)| name == eager)
            {
                raw(&mut piece.json, eager, "true");
            }
            piece
        }
    };
    write_extras(&mut piece.json, &tool.extras, &path, losses);
    piece.mark.clone_from(&tool.cache);
    Some(piece)
}
