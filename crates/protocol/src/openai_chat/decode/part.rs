//! The parts of a message's content. MMIN-1 to MMIN-4

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::Dialect;
use crate::exchange::{Block, BlockKind, CacheMark, Extras, Fault, MediaSource};
use crate::json::{Object, RawJson};
use crate::openai_chat::parameters::{cache_mark, type_of};
use crate::openai_chat::read::{Place, array, is_array, is_null, is_string, object, string};

/// The media type of an audio format's short name. MMIN-2
fn audio_media_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        "m4a" => "audio/mp4".to_owned(),
        "pcm16" | "pcm" => "audio/pcm".to_owned(),
        other => format!("audio/{other}"),
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
        "text" => BlockKind::Text {
            text: required_string(&mut part, "text", place)?.into_owned(),
            annotations: Vec::new(),
        },
        "image_url" => image(&mut part, place)?,
        "input_audio" => audio(&mut part, place)?,
        "video_url" => video(&mut part, "video_url", place)?,
        "input_video" => video(&mut part, "input_video", place)?,
        "file" => file(&mut part, place)?,
        "refusal" => {
            BlockKind::Refusal { text: required_string(&mut part, "refusal", place)?.into_owned() }
        }
        _ => {
            let raw = RawJson::from_raw(raw);
            let block = BlockKind::Opaque { origin: Dialect::OpenaiChat, raw };
            return Ok(Block::new(block).at(place.origin()));
        }
    };
    part.take_raw("type");
    let cache = take_mark(&mut part, place)?;
    let extras = Extras::of(Dialect::OpenaiChat, part.into_members());
    Ok(Block { kind, cache, extras, origin: place.origin() })
}

/// Takes a cache mark, in either spelling; OpenAI's own stays, for itself. PCACHE-5
pub(super) fn take_mark(
    object: &mut Object<'_>,
    place: &Place<'_>,
) -> Result<Option<CacheMark>, Fault> {
    match object.take_raw("cache_control").filter(|raw| !is_null(raw)) {
        Some(raw) => cache_mark(raw, &place.member("cache_control")).map(Some),
        None => Ok(object
            .peek("prompt_cache_breakpoint")
            .filter(|raw| !is_null(raw))
            .map(|_| CacheMark { ttl: None })),
    }
}

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

fn source(url: &str, place: &Place<'_>) -> Result<MediaSource, Fault> {
    if url.is_empty() { Err(place.refuse("is empty")) } else { Ok(MediaSource::from_url(url)) }
}

fn image(part: &mut Object<'_>, place: &Place<'_>) -> Result<BlockKind, Fault> {
    let place = place.member("image_url");
    let Some(raw) = part.take_raw("image_url") else { return Err(place.refuse("is missing")) };
    if is_string(raw) {
        return Ok(BlockKind::Image {
            source: source(&string(raw, &place)?, &place)?,
            detail: None,
        });
    }
    let mut image = object(raw, &place)?;
    let url = required_string(&mut image, "url", &place)?;
    let detail = optional_string(&mut image, "detail", &place)?.map(Cow::into_owned);
    Ok(BlockKind::Image { source: source(&url, &place.member("url"))?, detail })
}

fn audio(part: &mut Object<'_>, place: &Place<'_>) -> Result<BlockKind, Fault> {
    let place = place.member("input_audio");
    let Some(raw) = part.take_raw("input_audio") else { return Err(place.refuse("is missing")) };
    let mut audio = object(raw, &place)?;
    let data = required_string(&mut audio, "data", &place)?;
    let format = required_string(&mut audio, "format", &place)?.into_owned();
    let source = match MediaSource::from_url(&data) {
        source @ MediaSource::Base64 { .. } => source,
        _ if data.starts_with("http:") || data.starts_with("https:") => {
            return Err(place.member("data").refuse("URLs are not accepted; send base64"));
        }
        _ => MediaSource::Base64 { media_type: audio_media_type(&format), data: data.into_owned() },
    };
    Ok(BlockKind::Audio { source, format, transcript: None })
}

fn video(part: &mut Object<'_>, name: &str, place: &Place<'_>) -> Result<BlockKind, Fault> {
    let place = place.member(name);
    let raw = part.take_raw(name).or_else(|| part.take_raw("video_url"));
    let Some(raw) = raw else { return Err(place.refuse("is missing")) };
    let url = if is_string(raw) {
        string(raw, &place)?
    } else {
        required_string(&mut object(raw, &place)?, "url", &place)?
    };
    Ok(BlockKind::Video { source: source(&url, &place)? })
}

fn file(part: &mut Object<'_>, place: &Place<'_>) -> Result<BlockKind, Fault> {
    let place = place.member("file");
    let Some(raw) = part.take_raw("file") else { return Err(place.refuse("is missing")) };
    let mut file = object(raw, &place)?;
    let filename = optional_string(&mut file, "filename", &place)?.map(Cow::into_owned);
    let data = optional_string(&mut file, "file_data", &place)?;
    let id = optional_string(&mut file, "file_id", &place)?;
    let source = match (data, id) {
        (Some(data), _) if data.starts_with("data:") || data.contains("://") => {
            MediaSource::from_url(&data)
        }
        // Bare base64: documents are PDFs unless they say otherwise. PDF-1
        (Some(data), _) if !data.is_empty() => MediaSource::Base64 {
            media_type: "application/pdf".to_owned(),
            data: data.into_owned(),
        },
        (_, Some(id)) => MediaSource::FileId(id.into_owned()),
        _ => return Err(place.refuse("needs `file_data` or `file_id`")),
    };
    Ok(BlockKind::File { source, filename })
}
