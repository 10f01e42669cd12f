//! The bodies of Vertex AI's forms.

use std::ops::Range;

use super::{Writing, media};
use crate::embeddings::form::Form;
use crate::embeddings::read::Place;
use crate::embeddings::write::{ObjectWriter, object};
use crate::exchange::Fault;

/// What a caller writes to have long texts cut. Unasked nothing is: half a text has another vector
/// than the whole, and nobody would know.
const TRUNCATE: &str = "autoTruncate";

impl Writing<'_> {
    fn truncation(&self, body: &mut ObjectWriter<'_>) {
        body.raw(TRUNCATE, self.told(TRUNCATE).unwrap_or("false"));
    }

    fn title(&self, body: &mut ObjectWriter<'_>) {
        if let Some(title) = self.told("title") {
            body.raw("title", title);
        }
    }

    /// A member that the caller wrote for this vendor.
    fn told(&self, name: &str) -> Option<&str> {
        let told = self.request.extras.iter().find(|(known, _)| known == name);
        told.filter(|(_, raw)| !raw.is_null()).map(|(_, raw)| raw.get())
    }
}

/// `instances` of texts, and `parameters` for all of them.
pub(super) fn predict(writing: &Writing<'_>, inputs: Range<usize>) -> Result<Vec<u8>, Fault> {
    let texts = writing.texts(inputs)?;
    let mut out = Vec::new();
    object(&mut out, |body| {
        body.array("instances", &texts, |out, text| {
            object(out, |instance| {
                instance.string("content", text);
                writing.purpose(instance, "task_type");
                writing.title(instance);
            });
        });
        body.object("parameters", |parameters| {
            writing.truncation(parameters);
            writing.dimensions(parameters, "outputDimensionality");
        });
    });
    Ok(out)
}

/// One input of any medium.
pub(super) fn content(writing: &Writing<'_>, inputs: Range<usize>) -> Result<Vec<u8>, Fault> {
    debug_assert_eq!(Form::VertexContent.inputs_per_call(), 1);
    let all = Place::Top("input");
    let mut out = Vec::new();
    let mut body = ObjectWriter::begin(&mut out);
    if let Some((at, input)) = writing.each(inputs).next() {
        let mut content = ObjectWriter::begin(body.value("content"));
        content.string("role", "user");
        media::gemini_parts(content.value("parts"), input, &all.element(at))?;
        content.end();
    }
    writing.purpose(&mut body, "taskType");
    writing.title(&mut body);
    writing.truncation(&mut body);
    writing.dimensions(&mut body, "outputDimensionality");
    body.end();
    Ok(out)
}
