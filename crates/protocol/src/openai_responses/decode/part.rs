//! The parts of a message's content, and of a function's output. MMIN-1 to MMIN-4

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::Dialect;
use crate::exchange::{Block, BlockKind, CacheMark, Extras, Fault, MediaSource};
use crate::json::{Object, RawJson};
use crate::openai_chat::parameters::{cache_mark, type_of};
use crate::openai_chat::read::{Place, array, is_array, is_null, is_string, object, string};
use crate::openai_responses::wire;

pub(super) fn required<'a>(
    object: &mut Object<'a>,
    name: &str,
    place: &Place<'_>,
) -> Result<&'a RawValue, Fault> {
    object.take_raw(name).ok_or_else(|| place.member(name).refuse("is missing"))
}

pub(super) fn required_string<'a>(
    object: &mut Object<'a>,
    name: &str,
    place: &Place<'_>,
) -> Result<Cow<'a, str>, Fault> {
    string(required(object, name, place)?, &place.member(name))
}

pub(super) fn optional_string<'a>(
    object: &mut Object<'a>,
    name: &str,
    place: &Place<'_>,
) -> Result<Option<Cow<'a, str>>, Fault> {
    match object.take_raw(name) {
        Some(raw) if !is_null(raw) => string(raw, &place.member(name)).map(Some),
        _ => Ok(None),
    }
}

/// The blocks of a content: a string, an array of parts, or `null`.
pub(super) fn content(raw: &RawValue, place: &Place<'_>) -> Result<Vec<Block>, Fault> {
    if is_null(raw) {
        return Ok(Vec::new());
    }
    if is_string(raw) {
        return Ok(vec![Block::text(string(raw, place)?)]);
    }
    if !is_array(raw) {
        return Err(place.expected("a string or an array of parts", raw));
    }
    array(raw, place)?
        .into_iter()
        .enumerate()
        .map(|(at, raw)| part(raw, &place.element(at)))
        .collect()
}

fn part(raw: &RawValue, place: &Place<'_>) -> Result<Block, Fault> {
    let mut part = object(raw, place)?;
    let kind = type_of(&part, place)?;
    let kind = match kind.as_ref() {
        "input_text" | "text" => BlockKind::Text {
            text: required_string(&mut part, "text", place)?.into_owned(),
            annotations: Vec::new(),
        },
        "output_text" => output_text(&mut part, place)?,
        "refusal" => {
            BlockKind::Refusal { text: required_string(&mut part, "refusal", place)?.into_owned() }
        }
        "input_image" => image(&mut part, place)?,
        "input_file" => file(&mut part, place)?,
        "input_audio" => audio(&mut part, place)?,
        "input_video" => {
            let place = place.member("video_url");
            let Some(raw) = part.take_raw("video_url") else {
                return Err(place.refuse("is missing"));
            };
            BlockKind::Video { source: source(&string(raw, &place)?, &place)? }
        }
        _ => {
            let raw = RawJson::from_raw(raw);
            let block = BlockKind::Opaque { origin: Dialect::OpenaiResponses, raw };
            return Ok(Block::new(block).at(place.origin()));
        }
    };
    part.take_raw("type");
    let cache = take_mark(&mut part, place)?;
    Ok(Block { kind, cache, extras: rest(part), origin: place.origin() })
}

/// The members that nobody here knows; `null` says nothing.
pub(super) fn rest(object: Object<'_>) -> Extras {
    let members = object.into_members().into_iter().filter(|(_, raw)| !raw.is_null()).collect();
    Extras::of(Dialect::OpenaiResponses, members)
}

/// A cache mark, in either spelling. PCACHE-1, PCACHE-5
fn take_mark(part: &mut Object<'_>, place: &Place<'_>) -> Result<Option<CacheMark>, Fault> {
    let own = part.take_raw("prompt_cache_breakpoint").filter(|raw| !is_null(raw));
    match part.take_raw("cache_control").filter(|raw| !is_null(raw)) {
        Some(raw) => cache_mark(raw, &place.member("cache_control")).map(Some),
        None => Ok(own.map(|_| CacheMark { ttl: None })),
    }
}

fn output_text(part: &mut Object<'_>, place: &Place<'_>) -> Result<BlockKind, Fault> {
    let text = required_string(part, "text", place)?.into_owned();
    // Told by answers, and of no use in a request.
    part.take_raw("logprobs");
    let annotations = match part.take_raw("annotations").filter(|raw| !is_null(raw)) {
        Some(raw) => array(raw, &place.member("annotations"))?,
        None => Vec::new(),
    };
    let annotations = annotations.into_iter().map(wire::annotation_in).collect();
    Ok(BlockKind::Text { text, annotations })
}

fn source(url: &str, place: &Place<'_>) -> Result<MediaSource, Fault> {
    if url.is_empty() { Err(place.refuse("is empty")) } else { Ok(MediaSource::from_url(url)) }
}

fn image(part: &mut Object<'_>, place: &Place<'_>) -> Result<BlockKind, Fault> {
    let url = optional_string(part, "image_url", place)?;
    let id = optional_string(part, "file_id", place)?;
    let detail = optional_string(part, "detail", place)?.map(Cow::into_owned);
    let source = match (url, id) {
        (Some(url), _) => source(&url, &place.member("image_url"))?,
        (None, Some(id)) => MediaSource::FileId(id.into_owned()),
        (None, None) => return Err(place.refuse("needs `image_url` or `file_id`")),
    };
    Ok(BlockKind::Image { source, detail })
}

/// PDF-1
fn file(part: &mut Object<'_>, place: &Place<'_>) -> Result<BlockKind, Fault> {
    let filename = optional_string(part, "filename", place)?.map(Cow::into_owned);
    let data = optional_string(part, "file_data", place)?.filter(|data| !data.is_empty());
    let url = optional_string(part, "file_url", place)?.filter(|url| !url.is_empty());
    let id = optional_string(part, "file_id", place)?;
    let source = match (data, url, id) {
        (Some(data), _, _) if data.starts_with("data:") || data.contains("://") => {
            MediaSource::from_url(&data)
        }
        // Bare base64: documents are PDFs unless they say otherwise.
        (Some(data), _, _) => MediaSource::Base64 {
            media_type: "application/pdf".to_owned(),
            data: data.into_owned(),
        },
        (None, Some(url), _) => MediaSource::from_url(&url),
        (None, None, Some(id)) => MediaSource::FileId(id.into_owned()),
        (None, None, None) => {
            return Err(place.refuse("needs `file_data`, `file_url` or `file_id`"));
        }
    };
    Ok(BlockKind::File { source, filename })
}

fn audio(part: &mut Object<'_>, place: &Place<'_>) -> Result<BlockKind, Fault> {
    let mut audio = object(required(part, "input_audio", place)?, &place.member("input_audio"))?;
    let place = place.member("input_audio");
    let data = required_string(&mut audio, "data", &place)?;
    let format = required_string(&mut audio, "format", &place)?.into_owned();
    let source = match MediaSource::from_url(&data) {
        source @ MediaSource::Base64 { .. } => source,
        _ if data.starts_with("http:") || data.starts_with("https:") => {
            return Err(place.member("data").refuse("URLs are not accepted; send base64"));
        }
        _ => {
            let kind = if format == "mp3" { "mpeg" } else { format.as_str() };
            MediaSource::Base64 { media_type: format!("audio/{kind}"), data: data.into_owned() }
        }
    };
    Ok(BlockKind::Audio { source, format, transcript: None })
}
