//! A request in the form of a provider.

use super::form::Form;
use super::request::{Document, Request};
use crate::embeddings::encode::bare;
use crate::embeddings::read::Place;
use crate::embeddings::write::{ObjectWriter, array, object};
use crate::exchange::{Fault, Losses};
use crate::json::envelope::write_string;

/// A request in the form of a provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    /// The path below the provider's base URL.
    pub path: String,
    /// The JSON body.
    pub body: Vec<u8>,
    /// What could not be carried.
    pub losses: Losses,
}

/// Writes a request for a provider. `model` is the provider's name of the model.
///
/// Documents are never asked back: they are known here. What the form has no place for is a loss;
/// a document it cannot read is a fault that names it.
pub fn encode_request(form: Form, request: &Request, model: &str) -> Result<Encoded, Fault> {
    let path = form.path(model).map_err(|error| Place::Top("model").refuse(error))?;
    let mut losses = Losses::default();
    for (name, raw) in &request.extras {
        if !raw.is_null() && !form.own_parameters().contains(&name.as_str()) {
            losses.record(name.clone(), "the provider's protocol has no such member");
        }
    }
    check_documents(form, request, &mut losses)?;
    let mut out = Vec::new();
    let mut body = ObjectWriter::begin(&mut out);
    if !matches!(form, Form::BedrockCohere | Form::BedrockAmazon) {
        body.string("model", model);
    }
    body.string("query", &request.query);
    let mixed = form == Form::Jina && request.is_multimodal();
    body.array("documents", &request.documents, |out, document| write(out, document, mixed));
    if request.top_n.is_some() {
        let name = if form == Form::Voyage { "top_k" } else { "top_n" };
        // Some refuse to find more than there is.
        body.number(name, request.wanted() as u64);
    }
    match form {
        Form::Voyage | Form::Jina => body.boolean("return_documents", false),
        Form::BedrockCohere => body.number("api_version", 2),
        Form::Cohere | Form::BedrockAmazon => {}
    }
    for (name, raw) in &request.extras {
        if !raw.is_null() && form.own_parameters().contains(&name.as_str()) {
            body.raw_of(name, raw.get());
        }
    }
    body.end();
    Ok(Encoded { path, body: out, losses })
}

fn write(out: &mut Vec<u8>, document: &Document, mixed: bool) {
    let text = document.text.as_deref().unwrap_or_default();
    match (&document.image, mixed) {
        (Some(image), true) => object(out, |member| member.string("image", bare(image))),
        (None, true) => object(out, |member| member.string("text", text)),
        (_, false) => write_string(out, text),
    }
}

/// Refuses images where they cannot be read. Jina alone reads them, though not beside a text.
fn check_documents(form: Form, request: &Request, losses: &mut Losses) -> Result<(), Fault> {
    let all = Place::Top("documents");
    for (at, document) in request.documents.iter().enumerate() {
        let place = all.element(at);
        match (&document.image, &document.text) {
            (Some(_), Some(_)) if form == Form::Jina => {
                return Err(place.refuse(
                    "has both `text` and `image`; this provider takes one of them in a document",
                ));
            }
            (Some(_), _) if form != Form::Jina => {
                return Err(place.member("image").refuse("this provider reranks text only"));
            }
            _ => {}
        }
        for (name, _) in &document.extras {
            losses.record(
                format!("documents[{at}].{name}"),
                "the provider reads the text of a document only",
            );
        }
    }
    Ok(())
}

/// Writes a document as callers get it back. RERANK-2
pub(super) fn echo(out: &mut Vec<u8>, document: &Document) {
    object(out, |member| {
        if let Some(text) = &document.text {
            member.string("text", text);
        }
        if let Some(image) = &document.image {
            member.string("image", image);
        }
        member.members(&document.extras);
    });
}

/// Writes a list of results.
pub(super) fn results<T>(
    body: &mut ObjectWriter<'_>,
    items: impl IntoIterator<Item = T>,
    mut fill: impl FnMut(&mut ObjectWriter<'_>, T),
) {
    array(body.value("results"), items, |out, item| object(out, |entry| fill(entry, item)));
}
