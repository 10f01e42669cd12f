//! A caller's Messages request → exchange. MSG-1, MSG-4

use serde_json::value::RawValue;

use super::blocks::{Blocks, cache_mark};
use super::read::{Members, Path, list, object, text};
use crate::Dialect;
use crate::anthropic::wire::{ROUTER_MEMBERS, into_text, raw as write_raw};
use crate::exchange::{
    BlockKind, Effort, Extras, Fault, OutputFormat, Reasoning, Request, Role, Sampling, Tool,
    ToolChoice, ToolKind, Turn,
};
use crate::json::{Envelope, Object, RawJson};

/// The longest `user`, in characters. MSG-1
const LONGEST_USER: usize = 256;

/// Reads what a caller of the Messages API sends. Members that speak to the router are not part
/// of the exchange: the gateway reads them from the envelope.
pub fn decode_request(body: &[u8]) -> Result<Request, Fault> {
    let envelope = Envelope::parse(body).map_err(|error| Fault::invalid(error.to_string()))?;
    let mut body = Members { object: envelope.into_object(), path: &Path::Root };

    let mut turns = Vec::new();
    if let Some(raw) = body.raw("system") {
        let path = Path::Root.member("system");
        let blocks = Blocks::default().content(raw, false, &path)?;
        if let Some(at) = blocks.iter().position(|it| !matches!(it.kind, BlockKind::Text { .. })) {
            let why = "the system prompt takes text blocks only";
            return Err(path.element(at).refuse(why).of_unknown());
        }
        turns.push(Turn::new(Role::System, blocks));
    }
    let path = Path::Root.member("messages");
    let messages = body.raw("messages").ok_or_else(|| path.refuse("this member is required"))?;
    let messages = list(messages, &path)?;
    if messages.is_empty() {
        return Err(path.refuse("at least one message is required"));
    }
    let mut blocks = Blocks::default();
    for (at, raw) in messages.into_iter().enumerate() {
        message(raw, &mut blocks, &path.element(at), &mut turns)?;
    }

    let tools = match body.raw("tools") {
        Some(raw) => tools(raw, &Path::Root.member("tools"))?,
        None => Vec::new(),
    };
    let (tool_choice, parallel_tool_calls) = match body.raw("tool_choice") {
        Some(raw) => choice(raw, &Path::Root.member("tool_choice"))?,
        None => (None, None),
    };
    let mut reasoning = match body.raw("thinking") {
        Some(raw) => Some(thinking(raw, &Path::Root.member("thinking"))?),
        None => None,
    };
    let mut verbosity = None;
    let mut output = None;
    let mut more = Vec::new();
    if let Some(raw) = body.raw("output_config") {
        let path = Path::Root.member("output_config");
        let mut config = Members { object: object(raw, &path)?, path: &path };
        let effort = config.text("effort")?;
        match (&effort, &mut reasoning) {
            (Some(name), Some(reasoning)) if reasoning.wanted() == Some(true) => {
                reasoning.effort = Some(effort_of(name, &path)?);
            }
            (Some(name), _) => {
                effort_of(name, &path)?;
                verbosity = effort;
            }
            (None, _) => {}
        }
        output = config.raw("format").map(|raw| format(raw, &path.member("format"))).transpose()?;
        if !config.object.is_empty() {
            more.push(("output_config".to_owned(), rest(&config.object)));
        }
    }
    if let Some(raw) = body.raw("output_format") {
        // The older place of the same thing. wire-formats 2.7
        output = Some(format(raw, &Path::Root.member("output_format"))?);
    }
    let user = match body.text("user")? {
        Some(user) if user.chars().count() > LONGEST_USER => {
            return Err(Path::Root.member("user").refuse("must be at most 256 characters"));
        }
        user => user,
    };
    let (user, metadata) = metadata(user, &mut body)?;
    more.extend(metadata.map(|raw| ("metadata".to_owned(), raw)));
    let speed = body.text("speed")?;
    // TIER-1
    let service_tier = match body.text("service_tier")? {
        Some(tier) if tier == "standard_only" => Some("default".to_owned()),
        Some(tier) => Some(tier),
        None => speed.filter(|speed| speed == "fast"),
    };
    let sampling = Sampling {
        temperature: body.number("temperature", 2.0)?,
        top_p: body.number("top_p", 1.0)?,
        top_k: body.count("top_k", 0)?,
        stop: match body.raw("stop_sequences") {
            Some(raw) => texts(raw, &Path::Root.member("stop_sequences"))?,
            None => Vec::new(),
        },
        ..Sampling::default()
    };
    let request = Request {
        model: body.text("model")?.unwrap_or_default(),
        turns,
        tools,
        tool_choice,
        parallel_tool_calls,
        output,
        sampling,
        reasoning,
        max_output_tokens: body.count("max_tokens", 1)?,
        verbosity,
        stream: body.boolean("stream")?.unwrap_or(false),
        cache: cache_mark(&mut body)?,
        user,
        service_tier,
        ..Request::default()
    };
    for name in ROUTER_MEMBERS {
        body.object.take_raw(name);
    }
    let mut extras = body.object.into_members();
    extras.retain(|(_, value)| !value.is_null());
    extras.extend(more);
    Ok(Request { extras: Extras::of(Dialect::Anthropic, extras), ..request })
}

/// One message becomes one turn, or several: each tool result is a turn of its own, as in the
/// other protocols.
fn message(
    raw: &RawValue,
    blocks: &mut Blocks,
    path: &Path<'_>,
    turns: &mut Vec<Turn>,
) -> Result<(), Fault> {
    let mut members = Members { object: object(raw, path)?, path };
    let role = match members.needed("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        other => {
            let shown: String = other.chars().take(64).collect();
            return Err(path
                .member("role")
                .refuse(format_args!("must be `user`, `assistant` or `system`, got `{shown}`"))
                .of_unknown());
        }
    };
    let content = path.member("content");
    let raw = members.raw("content").ok_or_else(|| content.refuse("this member is required"))?;
    let read = blocks.content(raw, role == Role::Assistant, &content)?;
    let before = turns.len();
    if role == Role::User {
        for block in read {
            let role = match block.kind {
                BlockKind::ToolResult { .. } => Role::Tool,
                _ => Role::User,
            };
            match turns.get_mut(before..).and_then(<[Turn]>::last_mut) {
                Some(turn) if turn.role == Role::User && role == Role::User => {
                    turn.blocks.push(block);
                }
                _ => turns.push(Turn::new(role, vec![block])),
            }
        }
    } else {
        turns.push(Turn::new(role, read));
    }
    if turns.len() == before {
        turns.push(Turn::new(role, Vec::new()));
    }
    if let Some(turn) = turns.last_mut() {
        turn.extras = Extras::of(Dialect::Anthropic, members.object.into_members());
    }
    Ok(())
}

fn tools(raw: &RawValue, path: &Path<'_>) -> Result<Vec<Tool>, Fault> {
    let mut tools = Vec::new();
    for (at, raw) in list(raw, path)?.into_iter().enumerate() {
        let path = path.element(at);
        let mut members = Members { object: object(raw, &path)?, path: &path };
        let cache = cache_mark(&mut members)?;
        let kind = members.object.peek_str("type").map(|kind| kind.into_owned());
        if kind.as_deref().is_some_and(|kind| kind != "custom") {
            let raw = rest(&members.object);
            let kind = ToolKind::Opaque { origin: Dialect::Anthropic, raw };
            tools.push(Tool { kind, cache, extras: Extras::default() });
            continue;
        }
        members.object.take_raw("type");
        let name = members.needed("name")?;
        if name.is_empty() {
            return Err(path.member("name").refuse("must not be empty"));
        }
        let schema = members.raw("input_schema");
        if let Some(schema) = schema {
            object(schema, &path.member("input_schema"))?;
        }
        tools.push(Tool {
            kind: ToolKind::Function {
                name,
                description: members.text("description")?,
                parameters: schema.map(RawJson::from_raw),
                strict: members.boolean("strict")?,
            },
            cache,
            extras: Extras::of(Dialect::Anthropic, members.object.into_members()),
        });
    }
    Ok(tools)
}

fn choice(raw: &RawValue, path: &Path<'_>) -> Result<(Option<ToolChoice>, Option<bool>), Fault> {
    let mut members = Members { object: object(raw, path)?, path };
    let kind = members.needed("type")?;
    let single = members.boolean("disable_parallel_tool_use")?;
    let choice = match kind.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(members.needed("name")?),
        _ => ToolChoice::Opaque { origin: Dialect::Anthropic, raw: RawJson::from_raw(raw) },
    };
    Ok((Some(choice), single.map(|single| !single)))
}

/// `thinking`. What of it has no neutral form is kept for this dialect.
fn thinking(raw: &RawValue, path: &Path<'_>) -> Result<Reasoning, Fault> {
    let mut members = Members { object: object(raw, path)?, path };
    let kind = members.needed("type")?;
    let mut reasoning = Reasoning::default();
    let mut more = Vec::new();
    match kind.as_str() {
        "disabled" => reasoning.enabled = Some(false),
        "enabled" => match members.count("budget_tokens", 1024)? {
            Some(budget) => reasoning.max_tokens = Some(budget),
            None => return Err(path.member("budget_tokens").refuse("this member is required")),
        },
        "adaptive" => {
            reasoning.enabled = Some(true);
            more.push(("type".to_owned(), RawJson::of("adaptive")));
        }
        _ => {
            reasoning.enabled = Some(true);
            more.push(("thinking".to_owned(), Ok(RawJson::from_raw(raw))));
        }
    }
    if let Some(display) = members.text("display")? {
        more.push(("display".to_owned(), RawJson::of(&display)));
    }
    let more = more.into_iter().filter_map(|(name, raw)| Some((name, raw.ok()?))).collect();
    reasoning.extras = Extras::of(Dialect::Anthropic, more);
    Ok(reasoning)
}

fn effort_of(name: &str, path: &Path<'_>) -> Result<Effort, Fault> {
    Ok(match name {
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::Xhigh,
        "max" => Effort::Max,
        _ => {
            return Err(path
                .member("effort")
                .refuse("must be one of low, medium, high, xhigh, max")
                .of_unknown());
        }
    })
}

fn format(raw: &RawValue, path: &Path<'_>) -> Result<OutputFormat, Fault> {
    let mut members = Members { object: object(raw, path)?, path };
    if members.needed("type")? != "json_schema" {
        let raw = RawJson::from_raw(raw);
        return Ok(OutputFormat::Opaque { origin: Dialect::Anthropic, raw });
    }
    let place = path.member("schema");
    let schema = members.raw("schema").ok_or_else(|| place.refuse("this member is required"))?;
    object(schema, &place)?;
    Ok(OutputFormat::JsonSchema {
        name: members.text("name")?,
        description: None,
        schema: RawJson::from_raw(schema),
        strict: Some(true),
    })
}

/// The end user, from either place, and what else the metadata hold.
fn metadata(
    user: Option<String>,
    body: &mut Members<'_, '_>,
) -> Result<(Option<String>, Option<RawJson>), Fault> {
    let Some(raw) = body.raw("metadata") else { return Ok((user, None)) };
    let path = Path::Root.member("metadata");
    let mut members = Members { object: object(raw, &path)?, path: &path };
    let told = members.text("user_id")?;
    let more = (!members.object.is_empty()).then(|| rest(&members.object));
    Ok((user.or(told), more))
}

fn texts(raw: &RawValue, path: &Path<'_>) -> Result<Vec<String>, Fault> {
    list(raw, path)?.into_iter().enumerate().map(|(at, raw)| text(raw, &path.element(at))).collect()
}

/// What is left of an object, as an object.
fn rest(object: &Object<'_>) -> RawJson {
    let mut out = vec![b'{'];
    for (name, value) in object.iter() {
        write_raw(&mut out, name, value.get());
    }
    out.push(b'}');
    RawJson::parse(into_text(out)).unwrap_or_else(|_| empty())
}

fn empty() -> RawJson {
    RawJson::from_raw(RawValue::NULL)
}
