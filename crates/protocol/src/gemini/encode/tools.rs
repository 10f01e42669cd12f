//! `tools` and `toolConfig`. TOOLS-1, TOOLS-3, wire-formats 3.2

use std::collections::HashSet;

use super::super::names::ToolNames;
use super::super::schema::{self, Sendable};
use super::super::wire::{element, open_member, string_member, write_extras};
use crate::Dialect;
use crate::exchange::{Losses, Request, ToolChoice, ToolKind};
use crate::json::envelope::{write_member, write_string};
use crate::target::Target;

/// Writes `tools` and `toolConfig`. A calling mode is never sent without declarations: that is an
/// error at the service.
pub(super) fn write(
    out: &mut Vec<u8>,
    request: &Request,
    target: &Target<'_>,
    names: &ToolNames<'_>,
    losses: &mut Losses,
) {
    if !target.takes_tools() {
        return;
    }
    let only = match &request.tool_choice {
        // Names may only be given with the mode that forces a call; where the model may also
        // answer, the others are not declared.
        Some(ToolChoice::Allowed { names, required: false }) => {
            Some(names.iter().map(String::as_str).collect::<HashSet<_>>())
        }
        _ => None,
    };
    let mut budget = schema::Budget::default();
    let mut declarations = vec![b'['];
    let mut own = Vec::new();
    for (index, tool) in request.tools.iter().enumerate() {
        match &tool.kind {
            ToolKind::Function { name, description, parameters, strict } => {
                if only.as_ref().is_some_and(|only| !only.contains(name.as_str())) {
                    continue;
                }
                if *strict == Some(true) {
                    losses.record(
                        format!("tools[{index}].function.strict"),
                        "not in the protocol: arguments may not fit the schema",
                    );
                }
                element(&mut declarations);
                declarations.push(b'{');
                string_member(&mut declarations, "name", names.sent(name));
                if let Some(description) = description {
                    string_member(&mut declarations, "description", description);
                }
                let given = parameters.as_ref().filter(|raw| !raw.is_null());
                match given.map(|schema| schema::parameters(schema, &mut budget)) {
                    None | Some(Sendable::Nothing) => {}
                    Some(Sendable::Subset(text)) => {
                        write_member(&mut declarations, "parameters", &text);
                    }
                    Some(Sendable::JsonSchema(text)) => {
                        write_member(&mut declarations, "parametersJsonSchema", &text);
                    }
                }
                if tool.extras.origin.is_some_and(|origin| origin != Dialect::Gemini) {
                    losses.record(format!("tools[{index}]"), "members unknown to the protocol");
                }
                write_extras(&mut declarations, tool.extras.for_dialect(Dialect::Gemini));
                declarations.push(b'}');
            }
            ToolKind::Opaque { origin: Dialect::Gemini, raw } => own.push(raw),
            ToolKind::Opaque { .. } => {
                losses.record(format!("tools[{index}]"), "a tool this protocol does not know");
            }
        }
    }
    declarations.push(b']');
    let declared = declarations.len() > 2;
    if declared || !own.is_empty() {
        open_member(out, "tools");
        out.push(b'[');
        if declared {
            out.push(b'{');
            open_member(out, "functionDeclarations");
            out.append(&mut declarations);
            out.push(b'}');
        }
        for raw in own {
            element(out);
            out.extend_from_slice(raw.get().as_bytes());
        }
        out.push(b']');
    }
    if request.parallel_tool_calls == Some(false) {
        losses.record("parallel_tool_calls", "not in the protocol");
    }
    config(out, request, target, names, declared, losses);
}

fn config(
    out: &mut Vec<u8>,
    request: &Request,
    target: &Target<'_>,
    names: &ToolNames<'_>,
    declared: bool,
    losses: &mut Losses,
) {
    let mut config = vec![b'{'];
    if let Some(choice) = request.tool_choice.as_ref().filter(|_| declared) {
        let forced = target.abilities.forces_tool_choice(request.reasoning.as_ref());
        let (mode, allowed): (&str, &[String]) = match choice {
            ToolChoice::None => ("NONE", &[]),
            ToolChoice::Auto | ToolChoice::Allowed { required: false, .. } => ("AUTO", &[]),
            ToolChoice::Required if forced => ("ANY", &[]),
            ToolChoice::Named(name) if forced => ("ANY", std::slice::from_ref(name)),
            ToolChoice::Allowed { names, .. } if forced => ("ANY", names),
            ToolChoice::Opaque { origin: Dialect::Gemini, .. } => ("", &[]),
            _ => {
                losses.record("tool_choice", "this model cannot be forced to call");
                ("AUTO", &[])
            }
        };
        open_member(&mut config, "functionCallingConfig");
        if let ToolChoice::Opaque { origin: Dialect::Gemini, raw } = choice {
            config.extend_from_slice(raw.get().as_bytes());
        } else {
            config.push(b'{');
            string_member(&mut config, "mode", mode);
            if !allowed.is_empty() {
                open_member(&mut config, "allowedFunctionNames");
                config.push(b'[');
                for name in allowed {
                    element(&mut config);
                    write_string(&mut config, names.sent(name));
                }
                config.push(b']');
            }
            config.push(b'}');
        }
    }
    for (name, value) in request.extras.for_dialect(Dialect::Gemini) {
        if name == "toolConfig"
            && let Ok(rest) = crate::json::Object::of(value.as_raw())
        {
            write_extras(&mut config, &rest.into_members());
        }
    }
    if config.len() > 1 {
        config.push(b'}');
        open_member(out, "toolConfig");
        out.append(&mut config);
    }
}
