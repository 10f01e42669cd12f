//! What a caller of this protocol asks → exchange.

use serde_json::value::RawValue;

use super::reader::{Reader, snake};
use super::turns::Conversation;
use crate::Dialect;
use crate::exchange::{
    Effort, Extras, Fault, OutputFormat, Reasoning, Request, Sampling, Tool, ToolChoice, ToolKind,
};
use crate::gemini::encode::renamed_members;
use crate::gemini::schema;
use crate::json::envelope::write_member;
use crate::json::write::{into_text, string};
use crate::json::{Envelope, RawJson};

/// Reads a request. The model and whether the answer is streamed are told by the URL.
pub fn decode_request(body: &[u8], model: &str, stream: bool) -> Result<Request, Fault> {
    let envelope = Envelope::parse(body).map_err(|error| Fault::invalid(error.to_string()))?;
    let mut reader = Reader { object: envelope.into_object(), path: String::new() };
    let mut conversation = Conversation::default();
    if let Some(system) = reader.raw("systemInstruction") {
        conversation.system(system, "systemInstruction")?;
    }
    let contents = reader.objects("contents")?;
    if contents.is_empty() {
        return Err(Fault::invalid("contents: at least one content is needed"));
    }
    for (index, content) in contents.into_iter().enumerate() {
        conversation.content(content, index)?;
    }
    let mut request = Request {
        model: model.to_owned(),
        stream,
        turns: conversation.turns,
        // Callers of this protocol get thoughts only when they ask for them. REASON-4
        reasoning: Some(Reasoning { exclude: true, ..Reasoning::default() }),
        ..Request::default()
    };
    for (index, tool) in reader.objects("tools")?.into_iter().enumerate() {
        read_tool(tool, format!("tools[{index}]"), &mut request.tools)?;
    }
    let mut extras: Vec<(String, RawJson)> = Vec::new();
    if let Some(mut config) = reader.child("toolConfig")? {
        request.tool_choice = read_choice(&mut config)?;
        extras.extend(rest("toolConfig", config));
    }
    if let Some(mut config) = reader.child("generationConfig")? {
        read_config(&mut config, &mut request)?;
        extras.extend(rest("generationConfig", config));
    }
    request.service_tier = reader.text("serviceTier")?.map(|tier| match tier.as_str() {
        "standard" => "default".to_owned(),
        _ => tier.to_ascii_lowercase(),
    });
    // The URL names the model; some clients repeat it.
    reader.object.take_raw("model");
    extras.extend(reader.object.into_members());
    request.extras = Extras::of(Dialect::Gemini, extras);
    Ok(request)
}

/// What is left of an object, as one member.
fn rest(name: &str, reader: Reader<'_>) -> Option<(String, RawJson)> {
    if reader.object.is_empty() {
        return None;
    }
    let mut out = vec![b'{'];
    for (name, value) in reader.object.iter() {
        write_member(&mut out, name, value.get());
    }
    out.push(b'}');
    Some((name.to_owned(), RawJson::parse(String::from_utf8(out).ok()?).ok()?))
}

fn read_tool(raw: &RawValue, path: String, tools: &mut Vec<Tool>) -> Result<(), Fault> {
    let mut entry = Reader::new(raw, path)?;
    for (index, raw) in entry.objects("functionDeclarations")?.into_iter().enumerate() {
        let path = format!("{}.functionDeclarations[{index}]", entry.path);
        let mut declaration = Reader::new(raw, path)?;
        let name = declaration
            .text("name")?
            .filter(|name| !name.is_empty())
            .ok_or_else(|| Fault::invalid(format!("{}: is needed", declaration.at("name"))))?;
        let subset = declaration.raw("parameters").map(schema::to_json_schema);
        let given = declaration.raw("parametersJsonSchema").map(RawJson::from_raw);
        tools.push(Tool {
            kind: ToolKind::Function {
                name,
                description: declaration.text("description")?,
                parameters: given.or(subset),
                strict: None,
            },
            cache: None,
            extras: Extras::of(Dialect::Gemini, declaration.object.into_members()),
        });
    }
    let path = entry.path.clone();
    if let Some((_, raw)) = rest(&path, entry) {
        let kind = ToolKind::Opaque { origin: Dialect::Gemini, raw };
        tools.push(Tool { kind, cache: None, extras: Extras::default() });
    }
    Ok(())
}

fn read_choice(config: &mut Reader<'_>) -> Result<Option<ToolChoice>, Fault> {
    let path = config.at("functionCallingConfig");
    let Some(raw) = config.raw("functionCallingConfig") else { return Ok(None) };
    let mut calling = Reader::new(raw, path)?;
    let mode = calling.text("mode")?.unwrap_or_default();
    let mut names: Vec<String> = calling.take("allowedFunctionNames")?.unwrap_or_default();
    Ok(Some(match mode.to_ascii_uppercase().as_str() {
        "" | "MODE_UNSPECIFIED" => return Ok(None),
        "AUTO" => ToolChoice::Auto,
        "NONE" => ToolChoice::None,
        "ANY" => match names.len() {
            0 => ToolChoice::Required,
            1 => ToolChoice::Named(names.swap_remove(0)),
            _ => ToolChoice::Allowed { names, required: true },
        },
        "VALIDATED" => ToolChoice::Opaque { origin: Dialect::Gemini, raw: RawJson::from_raw(raw) },
        _ => {
            return Err(Fault::invalid(format!(
                "{}: must be AUTO, ANY, NONE or VALIDATED",
                calling.at("mode")
            ))
            .of_unknown());
        }
    }))
}

fn read_config(config: &mut Reader<'_>, request: &mut Request) -> Result<(), Fault> {
    let penalty = |value: f64| (-2.0..=2.0).contains(&value);
    request.max_output_tokens = config.whole("maxOutputTokens", 1, u64::from(u32::MAX))?;
    request.sampling = Sampling {
        temperature: config.number(
            "temperature",
            |value| (0.0..=2.0).contains(&value),
            "from 0 to 2",
        )?,
        top_p: config.number("topP", |value| value > 0.0 && value <= 1.0, "above 0, at most 1")?,
        top_k: config.whole("topK", 0, 1_000_000)?,
        presence_penalty: config.number("presencePenalty", penalty, "from -2 to 2")?,
        frequency_penalty: config.number("frequencyPenalty", penalty, "from -2 to 2")?,
        seed: config.take("seed")?,
        logprobs: config.take("responseLogprobs")?,
        top_logprobs: config.whole("logprobs", 0, 20)?,
        stop: config.take("stopSequences")?.unwrap_or_default(),
        n: config.whole("candidateCount", 1, 128)?,
        ..Sampling::default()
    };
    read_output(config, request)?;
    let modalities: Option<Vec<String>> = config.take("responseModalities")?;
    request.modalities =
        modalities.map(|names| names.into_iter().map(|name| name.to_ascii_lowercase()).collect());
    if let Some(image) = config.raw("imageConfig").map(RawJson::from_raw) {
        let renamed =
            renamed_members(&image, snake).and_then(|text| RawJson::parse(text).ok()).ok_or_else(
                || Fault::invalid(format!("{}: must be an object", config.at("imageConfig"))),
            )?;
        request.image_config = Some(renamed);
    }
    read_voice(config, request);
    if let Some(mut thinking) = config.child("thinkingConfig")? {
        request.reasoning = Some(read_thinking(&mut thinking)?);
    }
    Ok(())
}

fn read_output(config: &mut Reader<'_>, request: &mut Request) -> Result<(), Fault> {
    let told = ["responseMimeType", "response_mime_type"];
    let kind = told.iter().find_map(|name| config.object.peek_str(name));
    let json = match kind.as_deref() {
        Some("application/json") => true,
        Some("text/plain") => false,
        // Other forms belong to this protocol alone and stay as they are.
        Some(kind) if !kind.is_empty() => {
            let mut raw = vec![b'{'];
            string(&mut raw, "type", kind);
            raw.push(b'}');
            request.output = RawJson::parse(into_text(raw))
                .ok()
                .map(|raw| OutputFormat::Opaque { origin: Dialect::Gemini, raw });
            return Ok(());
        }
        _ => return Ok(()),
    };
    config.raw("responseMimeType");
    if !json {
        request.output = Some(OutputFormat::Text);
        return Ok(());
    }
    let given = config.raw("responseJsonSchema").map(RawJson::from_raw);
    let schema = match given {
        Some(schema) => Some(schema),
        None => config.raw("responseSchema").map(schema::to_json_schema),
    };
    request.output = Some(match schema {
        Some(schema) => {
            OutputFormat::JsonSchema { name: None, description: None, schema, strict: None }
        }
        None => OutputFormat::JsonObject,
    });
    Ok(())
}

/// One prebuilt voice is carried, with the form of samples that this protocol's answers have, which
/// others must be told; settings beyond that belong to this protocol alone.
fn read_voice(config: &mut Reader<'_>, request: &mut Request) {
    let name = ["speechConfig", "speech_config"]
        .into_iter()
        .find(|name| config.object.peek(name).is_some());
    let Some((name, raw)) = name.and_then(|name| Some((name, config.object.peek(name)?))) else {
        return;
    };
    let only = |raw: &RawJson, camel: &str| -> Option<RawJson> {
        let mut object = crate::json::Object::of(raw.as_raw()).ok()?;
        let value = object.take_raw(camel).or_else(|| object.take_raw(&snake(camel)))?;
        object.is_empty().then(|| RawJson::from_raw(value))
    };
    let voice = only(&RawJson::from_raw(raw), "voiceConfig")
        .and_then(|raw| only(&raw, "prebuiltVoiceConfig"))
        .and_then(|raw| only(&raw, "voiceName"))
        .and_then(|raw| {
            RawJson::parse(format!(r#"{{"voice":{},"format":"pcm16"}}"#, raw.get())).ok()
        });
    if voice.is_some() {
        config.object.take_raw(name);
        request.audio_output = voice;
    }
}

fn read_thinking(thinking: &mut Reader<'_>) -> Result<Reasoning, Fault> {
    let include: Option<bool> = thinking.take("includeThoughts")?;
    let budget = thinking.number(
        "thinkingBudget",
        |value| value.fract() == 0.0 && (-1.0..=1e9).contains(&value),
        "-1 or a number of tokens",
    )?;
    let level = thinking.text("thinkingLevel")?;
    if budget.is_some() && level.is_some() {
        return Err(Fault::invalid(format!(
            "{}: give thinkingBudget or thinkingLevel, not both",
            thinking.path
        )));
    }
    let thoughts = include == Some(true);
    let mut reasoning = Reasoning { exclude: !thoughts, thoughts, ..Reasoning::default() };
    let mut extras = Vec::new();
    match budget {
        Some(budget) if budget < 0.0 => {
            // As much as the model likes; other protocols have no word for it.
            reasoning.enabled = Some(true);
            if let Ok(dynamic) = RawJson::parse("-1".to_owned()) {
                extras.push(("thinkingBudget".to_owned(), dynamic));
            }
        }
        Some(0.0) => reasoning.enabled = Some(false),
        Some(budget) => reasoning.max_tokens = Some(budget as u64),
        None => {}
    }
    if let Some(level) = level {
        reasoning.effort = match level.to_ascii_uppercase().as_str() {
            "MINIMAL" => Some(Effort::Minimal),
            "LOW" => Some(Effort::Low),
            "MEDIUM" => Some(Effort::Medium),
            "HIGH" => Some(Effort::High),
            "THINKING_LEVEL_UNSPECIFIED" => None,
            _ => {
                return Err(Fault::invalid(format!(
                    "{}: must be MINIMAL, LOW, MEDIUM or HIGH",
                    thinking.at("thinkingLevel")
                ))
                .of_unknown());
            }
        };
    }
    let rest = std::mem::take(&mut thinking.object).into_members();
    extras.extend(rest);
    reasoning.extras = Extras::of(Dialect::Gemini, extras);
    Ok(reasoning)
}
