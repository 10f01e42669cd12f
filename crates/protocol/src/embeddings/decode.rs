//! What callers send, in OpenAI's form and OpenRouter's extension of it. EMB-1

use serde_json::value::RawValue;

use super::read::{
    Place, envelope, is_number, is_string, list, model, no_stream, object, preferences, required,
    shown, string, text, told, unknown, unsigned,
};
use super::request::{EncodingFormat, Input, Medium, Part, PartKind, Request};
use super::{MAX_DIMENSIONS, MAX_INPUTS};
use crate::exchange::Fault;
use crate::json::{Object, RawJson};

/// The most tokens accepted in one input.
const MAX_TOKENS: usize = 262_144;

/// The most parts accepted in one input.
const MAX_PARTS: usize = 1_024;

/// The longest `input_type`, in bytes: it may be repeated with every input.
const MAX_INPUT_TYPE: usize = 64;

const KNOWN: [&str; 7] =
    ["model", "input", "dimensions", "encoding_format", "input_type", "user", "provider"];

/// Reads a caller's request. The messages of refusals name the member.
pub fn decode_request(body: &[u8]) -> Result<Request, Fault> {
    let members = envelope(body)?.into_object();
    no_stream(&members)?;
    let place = Place::Top("input");
    Ok(Request {
        model: model(&members)?,
        inputs: inputs(required(&members, "input", &place)?, &place)?,
        dimensions: dimensions(&members)?,
        encoding_format: encoding_format(&members)?,
        input_type: input_type(&members)?,
        user: match told(&members, "user") {
            Some(raw) => Some(string(raw, &Place::Top("user"))?.into_owned()),
            None => None,
        },
        provider: preferences(&members)?,
        extras: unknown(&members, &KNOWN),
    })
}

fn dimensions(members: &Object<'_>) -> Result<Option<u32>, Fault> {
    let most = u32::try_from(MAX_DIMENSIONS).unwrap_or(u32::MAX);
    told(members, "dimensions")
        .map(|raw| unsigned(raw, 1, most, &Place::Top("dimensions")))
        .transpose()
}

fn encoding_format(members: &Object<'_>) -> Result<Option<EncodingFormat>, Fault> {
    let Some(raw) = told(members, "encoding_format") else { return Ok(None) };
    let place = Place::Top("encoding_format");
    match string(raw, &place)?.as_ref() {
        "float" => Ok(Some(EncodingFormat::Float)),
        "base64" => Ok(Some(EncodingFormat::Base64)),
        other => {
            Err(place.refuse(format_args!("must be one of float, base64, got `{}`", shown(other))))
        }
    }
}

fn input_type(members: &Object<'_>) -> Result<Option<String>, Fault> {
    let Some(raw) = told(members, "input_type") else { return Ok(None) };
    let place = Place::Top("input_type");
    let word = text(raw, &place)?;
    if word.len() > MAX_INPUT_TYPE {
        return Err(place.refuse(format_args!(
            "is longer than {MAX_INPUT_TYPE} bytes; use a word such as `query` or `document`"
        )));
    }
    Ok(Some(word))
}

fn inputs(raw: &RawValue, place: &Place<'_>) -> Result<Vec<Input>, Fault> {
    if is_string(raw) {
        return Ok(vec![Input::Text(text(raw, place)?)]);
    }
    if !raw.get().starts_with('[') {
        return Err(place.expected("a string or an array", raw));
    }
    let entries = list(raw, MAX_INPUTS.max(MAX_TOKENS), place)?;
    if entries.first().is_some_and(|first| is_number(first)) {
        return Ok(vec![Input::Tokens(tokens(&entries, place)?)]);
    }
    if entries.len() > MAX_INPUTS {
        return Err(place.refuse(format_args!(
            "has {} entries; at most {MAX_INPUTS} are accepted",
            entries.len()
        )));
    }
    entries.iter().enumerate().map(|(at, raw)| input(raw, &place.element(at))).collect()
}

fn input(raw: &RawValue, place: &Place<'_>) -> Result<Input, Fault> {
    match raw.get().as_bytes().first() {
        Some(b'"') => Ok(Input::Text(text(raw, place)?)),
        Some(b'[') => Ok(Input::Tokens(tokens(&list(raw, MAX_TOKENS, place)?, place)?)),
        Some(b'{') => content(raw, place),
        _ => Err(place.expected("a string, an array of tokens or an object with `content`", raw)),
    }
}

fn tokens(entries: &[&RawValue], place: &Place<'_>) -> Result<Vec<u32>, Fault> {
    let token = |(at, raw): (usize, &&RawValue)| match serde_json::from_str::<u32>(raw.get()) {
        Ok(token) => Ok(token),
        Err(_) if is_number(raw) => unsigned(raw, 0, u32::MAX, &place.element(at)),
        Err(_) => Err(place.element(at).expected("a token, as a number,", raw)),
    };
    entries.iter().enumerate().map(token).collect()
}

fn content(raw: &RawValue, place: &Place<'_>) -> Result<Input, Fault> {
    let members = object(raw, place)?;
    let place = place.member("content");
    let parts = list(required(&members, "content", &place)?, MAX_PARTS, &place)?;
    let parts = parts.into_iter().enumerate().map(|(at, raw)| part(raw, &place.element(at)));
    let parts = parts.collect::<Result<_, _>>()?;
    let others = members.iter().filter(|(name, _)| *name != "content");
    let extras = others.map(|(name, raw)| (name.to_owned(), RawJson::from_raw(raw))).collect();
    Ok(Input::Content { parts, extras })
}

fn part(raw: &RawValue, place: &Place<'_>) -> Result<Part, Fault> {
    let members = object(raw, place)?;
    let type_place = place.member("type");
    let kind = match string(required(&members, "type", &type_place)?, &type_place)?.as_ref() {
        "text" => {
            let place = place.member("text");
            PartKind::Text(text(required(&members, "text", &place)?, &place)?)
        }
        "image_url" => PartKind::Image(image(&members, &place.member("image_url"))?),
        "input_audio" => media(&members, Medium::Audio, place)?,
        "input_video" => media(&members, Medium::Video, place)?,
        "input_file" => media(&members, Medium::File, place)?,
        other => PartKind::Unknown(shown(other)),
    };
    Ok(Part { kind, raw: RawJson::from_raw(raw) })
}

/// `{url}`, or the URL itself as some clients write it.
fn image(members: &Object<'_>, place: &Place<'_>) -> Result<String, Fault> {
    let raw = required(members, "image_url", place)?;
    if is_string(raw) {
        return text(raw, place);
    }
    let place_of_url = place.member("url");
    text(required(&object(raw, place)?, "url", &place_of_url)?, &place_of_url)
}

fn media(members: &Object<'_>, medium: Medium, place: &Place<'_>) -> Result<PartKind, Fault> {
    let name = medium.part_type();
    let place = place.member(name);
    let media = object(required(members, name, &place)?, &place)?;
    let data_place = place.member("data");
    let format = match told(&media, "format") {
        Some(raw) => Some(string(raw, &place.member("format"))?.into_owned()),
        None => None,
    };
    let data = text(required(&media, "data", &data_place)?, &data_place)?;
    Ok(PartKind::Media { medium, data, format })
}
