//! The answer to a request for embeddings, and how callers get it. EMB-1, USAGE-8

use super::request::EncodingFormat;
use super::vector;
use super::write::{ObjectWriter, array, charge, object};
use crate::exchange::{Additions, Identity, Usage};

/// The answer to a request for embeddings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The vectors, in the order of the inputs, all of the same length.
    pub vectors: Vec<Vec<f32>>,
    /// Token counts, `output` always 0; `None` if the provider told none. Bedrock tells those of
    /// Cohere in the header `x-amzn-bedrock-input-token-count` alone.
    pub usage: Option<Usage>,
    /// The provider's name of the model, if told.
    pub model: Option<String>,
    /// The provider's id of the answer, if told.
    pub upstream_id: Option<String>,
}

/// Writes the answer for a caller. What it cost stands in `usage`, which needs counts: where the
/// provider told none, set them to an estimate before.
pub fn encode_response(
    response: &Response,
    identity: &Identity,
    format: EncodingFormat,
    additions: Additions<'_>,
) -> Vec<u8> {
    let numbers: usize = response.vectors.iter().map(Vec::len).sum();
    let mut out = Vec::with_capacity(256 + numbers * 12);
    let mut body = begin(&mut out, identity);
    array(body.value("data"), response.vectors.iter().enumerate(), |out, (at, vector)| {
        object(out, |entry| {
            entry.string("object", "embedding");
            entry.number("index", at as u64);
            vector::write(entry.value("embedding"), vector, format);
        });
    });
    if let Some(usage) = &response.usage {
        body.object("usage", |members| {
            counts(members, usage);
            if let Some(details) = Details::of(usage) {
                members.object("prompt_tokens_details", |members| details.write(members));
            }
            if let Some(told) = additions.charge {
                charge(members, told);
            }
        });
    }
    body.members(additions.members);
    body.end();
    out
}

/// Begins an answer with who gives it.
pub(super) fn begin<'o>(out: &'o mut Vec<u8>, identity: &Identity) -> ObjectWriter<'o> {
    let mut body = ObjectWriter::begin(out);
    body.string("id", &identity.id);
    body.string("object", "list");
    body.string("provider", &identity.provider);
    body.string("model", &identity.model);
    body
}

pub(super) fn counts(members: &mut ObjectWriter<'_>, usage: &Usage) {
    members.number("prompt_tokens", usage.input);
    members.number("total_tokens", usage.total());
}

/// Counts by medium: told only where there are two or more.
struct Details([(&'static str, u64); 4]);

impl Details {
    fn of(usage: &Usage) -> Option<Self> {
        let media = [usage.image_input, usage.audio_input, usage.video_input];
        let text = media.iter().fold(usage.input, |left, part| left.saturating_sub(*part));
        let [image, audio, video] = media;
        let details = [
            ("text_tokens", text),
            ("image_tokens", image),
            ("audio_tokens", audio),
            ("video_tokens", video),
        ];
        let told = details.iter().filter(|(_, count)| *count > 0).count();
        (told > 1).then_some(Self(details))
    }

    fn write(&self, members: &mut ObjectWriter<'_>) {
        for (name, count) in self.0 {
            if count > 0 {
                members.number(name, count);
            }
        }
    }
}
