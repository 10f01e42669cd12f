//! The bodies of every form.

use std::borrow::Cow;
use std::ops::Range;

use super::media::{self, Shape};
use super::{Writing, is_written, part_refused, text_of, tokens_refused};
use crate::embeddings::form::Form;
use crate::embeddings::read::Place;
use crate::embeddings::request::{EncodingFormat, Input, PartKind};
use crate::embeddings::write::{ObjectWriter, array, object};
use crate::exchange::Fault;
use crate::json::envelope::write_string;

/// OpenAI's own form, with everything the caller wrote but what is for the router.
pub(super) fn openai(writing: &Writing<'_>, inputs: Range<usize>) -> Vec<u8> {
    let request = writing.request;
    let mut out = Vec::new();
    object(&mut out, |body| {
        body.string("model", writing.model);
        match request.inputs.get(inputs).unwrap_or_default() {
            [Input::Text(text)] => body.string("input", text),
            several => body.array("input", several, input),
        }
        if let Some(dimensions) = request.dimensions {
            body.number("dimensions", u64::from(dimensions));
        }
        if let Some(format) = request.encoding_format {
            body.string("encoding_format", format.name());
        }
        if let Some(input_type) = &request.input_type {
            body.string("input_type", input_type);
        }
        if let Some(user) = &request.user {
            body.string("user", user);
        }
        body.members(&request.extras);
    });
    out
}

fn input(out: &mut Vec<u8>, input: &Input) {
    match input {
        Input::Text(text) => write_string(out, text),
        Input::Tokens(tokens) => array(out, tokens, |out, token| {
            let _ = serde_json::to_writer(out, token);
        }),
        // What is a text alone is one for every host of this form; few know more.
        Input::Content { parts, .. } if input.is_text() => {
            let texts = parts.iter().filter_map(|part| match &part.kind {
                PartKind::Text(text) => Some(text.as_str()),
                _ => None,
            });
            write_string(out, &texts.collect::<Vec<_>>().join("\n"));
        }
        Input::Content { parts, extras } => object(out, |content| {
            content.array("content", parts, |out, part| {
                out.extend_from_slice(part.raw.get().as_bytes());
            });
            content.members(extras);
        }),
    }
}

fn strings(body: &mut ObjectWriter<'_>, name: &'static str, texts: &[Cow<'_, str>]) {
    body.array(name, texts, |out, text| write_string(out, text));
}

impl Writing<'_> {
    pub(super) fn dimensions(&self, body: &mut ObjectWriter<'_>, name: &'static str) {
        if let Some(dimensions) = self.request.dimensions {
            body.number(name, u64::from(dimensions));
        }
    }

    /// The format, under the form's name for it, if it is not the form's own default.
    fn base64(&self, body: &mut ObjectWriter<'_>, name: &'static str) {
        if self.request.format() == EncodingFormat::Base64 {
            body.string(name, "base64");
        }
    }

    pub(super) fn purpose(&self, body: &mut ObjectWriter<'_>, name: &'static str) {
        if let Some(purpose) = &self.purpose {
            body.string(name, purpose);
        }
    }

    /// The vendor's own parameters that the caller wrote.
    fn own(&self, body: &mut ObjectWriter<'_>) {
        for (name, raw) in &self.request.extras {
            if is_written(self.form, name, raw) {
                body.raw_of(name, raw.get());
            }
        }
    }

    /// The inputs of one call, with their places.
    pub(super) fn each(&self, inputs: Range<usize>) -> impl Iterator<Item = (usize, &Input)> {
        inputs.filter_map(|at| Some((at, self.request.inputs.get(at)?)))
    }
}

pub(super) fn mistral(writing: &Writing<'_>, inputs: Range<usize>) -> Result<Vec<u8>, Fault> {
    let texts = writing.texts(inputs)?;
    let mut out = Vec::new();
    object(&mut out, |body| {
        body.string("model", writing.model);
        strings(body, "input", &texts);
        writing.dimensions(body, "output_dimension");
        writing.base64(body, "encoding_format");
        writing.own(body);
    });
    Ok(out)
}

pub(super) fn voyage(writing: &Writing<'_>, inputs: Range<usize>) -> Result<Vec<u8>, Fault> {
    let texts = writing.texts(inputs)?;
    let mut out = Vec::new();
    object(&mut out, |body| {
        body.string("model", writing.model);
        strings(body, "input", &texts);
        writing.purpose(body, "input_type");
        writing.dimensions(body, "output_dimension");
        writing.base64(body, "encoding_format");
        writing.own(body);
    });
    Ok(out)
}

pub(super) fn voyage_multimodal(
    writing: &Writing<'_>,
    inputs: Range<usize>,
) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut body = ObjectWriter::begin(&mut out);
    body.string("model", writing.model);
    contents(writing, inputs, &mut body)?;
    writing.purpose(&mut body, "input_type");
    writing.dimensions(&mut body, "output_dimension");
    writing.base64(&mut body, "output_encoding");
    writing.own(&mut body);
    body.end();
    Ok(out)
}

/// `inputs: [{content: [part]}]`, as Cohere and Voyage write what is more than text.
fn contents(
    writing: &Writing<'_>,
    inputs: Range<usize>,
    body: &mut ObjectWriter<'_>,
) -> Result<(), Fault> {
    let all = Place::Top("input");
    let out = body.value("inputs");
    out.push(b'[');
    for (nth, (at, input)) in writing.each(inputs).enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        let place = all.element(at);
        let mut content = ObjectWriter::begin(out);
        let parts = content.value("content");
        parts.push(b'[');
        match input {
            Input::Text(text) => media::text_part(parts, text),
            Input::Tokens(_) => return Err(tokens_refused(&place)),
            Input::Content { parts: list, .. } => {
                let place = place.member("content");
                for (nth, part) in list.iter().enumerate() {
                    if nth > 0 {
                        parts.push(b',');
                    }
                    let place = place.element(nth);
                    match &part.kind {
                        PartKind::Text(text) => media::text_part(parts, text),
                        PartKind::Image(url) => {
                            media::image_part(parts, writing.form, url, &place)?;
                        }
                        other => return Err(part_refused(other, &place)),
                    }
                }
            }
        }
        parts.push(b']');
        content.end();
    }
    out.push(b']');
    Ok(())
}

/// Cohere's form; in the body of Bedrock's `InvokeModel` without the model.
pub(super) fn cohere(
    writing: &Writing<'_>,
    inputs: Range<usize>,
    model: Option<&str>,
) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut body = ObjectWriter::begin(&mut out);
    if let Some(model) = model {
        body.string("model", model);
    }
    if writing.shape == Shape::Texts {
        strings(&mut body, "texts", &writing.texts(inputs)?);
    } else {
        contents(writing, inputs, &mut body)?;
    }
    writing.purpose(&mut body, "input_type");
    // Without it some versions answer with a list and some with an object.
    body.raw("embedding_types", r#"["float"]"#);
    writing.dimensions(&mut body, "output_dimension");
    writing.own(&mut body);
    body.end();
    Ok(out)
}

/// Jina takes one medium an input: a text, or an image by its URL or bytes.
pub(super) fn jina(writing: &Writing<'_>, inputs: Range<usize>) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut body = ObjectWriter::begin(&mut out);
    body.string("model", writing.model);
    if writing.shape == Shape::Texts {
        strings(&mut body, "input", &writing.texts(inputs)?);
    } else {
        let all = Place::Top("input");
        let list = body.value("input");
        list.push(b'[');
        for (nth, (at, input)) in writing.each(inputs).enumerate() {
            if nth > 0 {
                list.push(b',');
            }
            jina_input(list, input, &all.element(at))?;
        }
        list.push(b']');
    }
    writing.purpose(&mut body, "task");
    writing.dimensions(&mut body, "dimensions");
    writing.base64(&mut body, "embedding_type");
    writing.own(&mut body);
    body.end();
    Ok(out)
}

fn jina_input(out: &mut Vec<u8>, input: &Input, place: &Place<'_>) -> Result<(), Fault> {
    if let Input::Content { parts, .. } = input {
        let is_image = |kind: &PartKind| matches!(kind, PartKind::Image(_));
        if parts.iter().any(|part| is_image(&part.kind)) {
            let [only] = parts.as_slice() else {
                return Err(place.member("content").refuse(
                    "an image has to be an input of its own with this provider; send its text as \
                     another input",
                ));
            };
            if let PartKind::Image(url) = &only.kind {
                object(out, |image| image.string("image", media::bare(url)));
            }
            return Ok(());
        }
    }
    let text = text_of(input, place)?;
    object(out, |member| member.string("text", &text));
    Ok(())
}

pub(super) fn gemini(writing: &Writing<'_>, inputs: Range<usize>) -> Result<Vec<u8>, Fault> {
    let model = match writing.model.strip_prefix("models/") {
        Some(_) => Cow::Borrowed(writing.model),
        None => Cow::Owned(format!("models/{}", writing.model)),
    };
    let all = Place::Top("input");
    let mut out = Vec::new();
    let mut body = ObjectWriter::begin(&mut out);
    let requests = body.value("requests");
    requests.push(b'[');
    for (nth, (at, input)) in writing.each(inputs).enumerate() {
        if nth > 0 {
            requests.push(b',');
        }
        let mut request = ObjectWriter::begin(requests);
        request.string("model", &model);
        let mut content = ObjectWriter::begin(request.value("content"));
        media::gemini_parts(content.value("parts"), input, &all.element(at))?;
        content.end();
        writing.purpose(&mut request, "taskType");
        writing.dimensions(&mut request, "outputDimensionality");
        writing.own(&mut request);
        request.end();
    }
    requests.push(b']');
    body.end();
    Ok(out)
}

/// Titan embeds one text a call.
pub(super) fn titan(writing: &Writing<'_>, inputs: Range<usize>) -> Result<Vec<u8>, Fault> {
    debug_assert_eq!(Form::BedrockTitan.inputs_per_call(), 1);
    let texts = writing.texts(inputs)?;
    let mut out = Vec::new();
    object(&mut out, |body| {
        body.string("inputText", texts.first().map_or("", AsRef::as_ref));
        writing.dimensions(body, "dimensions");
        body.raw("embeddingTypes", r#"["float"]"#);
        writing.own(body);
    });
    Ok(out)
}
