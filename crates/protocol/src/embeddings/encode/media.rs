//! Images and other media in the words of every form.

use super::{part_refused, tokens_refused};
use crate::embeddings::form::Form;
use crate::embeddings::read::Place;
use crate::embeddings::request::{Input, Medium, PartKind, Request};
use crate::embeddings::write::{ObjectWriter, object};
use crate::exchange::Fault;
use crate::json::envelope::write_string;

/// Whether all inputs of a request can be sent as mere texts: forms have another member for what
/// is more, and all inputs of a request have to go into the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Texts,
    Contents,
}

impl Shape {
    pub(super) fn of(form: Form, request: &Request) -> Self {
        match form {
            Form::Cohere | Form::BedrockCohere | Form::Jina if request.is_multimodal() => {
                Self::Contents
            }
            _ => Self::Texts,
        }
    }
}

pub(super) fn text_part(out: &mut Vec<u8>, text: &str) {
    object(out, |part| {
        part.string("type", "text");
        part.string("text", text);
    });
}

/// An image as Cohere and Voyage write it, each in its own way.
pub(super) fn image_part(
    out: &mut Vec<u8>,
    form: Form,
    url: &str,
    place: &Place<'_>,
) -> Result<(), Fault> {
    let data = is_data(url);
    if form == Form::BedrockCohere && !data {
        return Err(needs_data(&place.member("image_url")));
    }
    object(out, |part| match form {
        Form::VoyageMultimodal => {
            let name = if data { "image_base64" } else { "image_url" };
            part.string("type", name);
            part.string(name, url);
        }
        Form::BedrockCohere => {
            part.string("type", "image_url");
            part.string("image_url", url);
        }
        _ => {
            part.string("type", "image_url");
            part.object("image_url", |image| image.string("url", url));
        }
    });
    Ok(())
}

/// Gemini's parts: texts, and bytes with their type.
pub(super) fn gemini_parts(
    out: &mut Vec<u8>,
    input: &Input,
    place: &Place<'_>,
) -> Result<(), Fault> {
    out.push(b'[');
    match input {
        Input::Text(text) => object(out, |part| part.string("text", text)),
        Input::Tokens(_) => return Err(tokens_refused(place)),
        Input::Content { parts, .. } => {
            let place = place.member("content");
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                let place = place.element(at);
                let mut written = ObjectWriter::begin(out);
                match &part.kind {
                    PartKind::Text(text) => written.string("text", text),
                    PartKind::Image(url) => match data_uri(url) {
                        Some((mime, data)) => inline(&mut written, mime, data),
                        None => return Err(needs_data(&place.member("image_url"))),
                    },
                    PartKind::Media { medium, data, format } => match data_uri(data) {
                        Some((mime, data)) => inline(&mut written, mime, data),
                        None if data.contains("://") => {
                            return Err(needs_data(&place.member(medium.part_type())));
                        }
                        None => inline(&mut written, &mime(*medium, format.as_deref()), data),
                    },
                    PartKind::Unknown(_) => return Err(part_refused(&part.kind, &place)),
                }
                written.end();
            }
        }
    }
    out.push(b']');
    Ok(())
}

fn inline(part: &mut ObjectWriter<'_>, mime: &str, data: &str) {
    part.object("inlineData", |inline| {
        inline.string("mimeType", mime);
        write_string(inline.value("data"), data);
    });
}

/// The type of bytes that came with a short name only.
fn mime(medium: Medium, format: Option<&str>) -> String {
    let format = format.unwrap_or_default().to_ascii_lowercase();
    match (medium, format.as_str()) {
        (_, format) if format.contains('/') => format.to_owned(),
        (Medium::Audio, "" | "wav") => "audio/wav".to_owned(),
        (Medium::Audio, "mp3") => "audio/mpeg".to_owned(),
        (Medium::Audio, format) => format!("audio/{format}"),
        (Medium::Video, "") => "video/mp4".to_owned(),
        (Medium::Video, "mov") => "video/quicktime".to_owned(),
        (Medium::Video, format) => format!("video/{format}"),
        (Medium::File, "" | "pdf") => "application/pdf".to_owned(),
        (Medium::File, "txt") => "text/plain".to_owned(),
        (Medium::File, format) => format!("application/{format}"),
    }
}

fn needs_data(place: &Place<'_>) -> Fault {
    place.refuse("this provider fetches no URLs; send the bytes as a `data:` URI in base64")
}

fn is_data(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// The type and the base64 of a `data:` URI.
fn data_uri(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.get(5..).filter(|_| is_data(url))?.split_once(',')?;
    let mime = head.strip_suffix(";base64")?;
    // Parameters such as a character set are not part of the type.
    Some((mime.split(';').next().unwrap_or(mime), data))
}

/// A URL as it is, of a `data:` URI the base64 alone, as Jina documents its images.
pub(crate) fn bare(url: &str) -> &str {
    data_uri(url).map_or(url, |(_, data)| data)
}
