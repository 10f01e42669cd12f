//! A request in the form of a provider: one body, or several where the provider takes fewer inputs
//! a call.

mod bodies;
mod google;
mod media;

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::ops::Range;

use self::media::Shape;
pub(crate) use self::media::bare;
use super::MAX_CALLS;
use super::form::Form;
use super::input_type::Word;
use super::plan::{Call, Plan};
use super::read::Place;
use super::request::{Input, PartKind, Request};
use crate::exchange::{Fault, Losses};
use crate::json::RawJson;

/// The most bytes of a caller's members that are repeated.
const MAX_REPEATED: usize = 2_048;

/// Plans the calls for a request. `model` is the provider's name of the model.
///
/// What the form has no place for is a loss; an input it cannot embed is a fault that names it.
pub fn encode_request(form: Form, request: &Request, model: &str) -> Result<Plan, Fault> {
    encode_request_within(form, request, model, NonZeroUsize::MAX)
}

/// The same for a host that takes fewer inputs a call than its form's own vendor does.
pub fn encode_request_within(
    form: Form,
    request: &Request,
    model: &str,
    inputs_per_call: NonZeroUsize,
) -> Result<Plan, Fault> {
    let mut losses = Losses::default();
    let purpose = purpose(form, request, &mut losses);
    record_losses(form, request, &mut losses);
    let path = form.path(model).map_err(|error| Place::Top("model").refuse(error))?;
    let writing = Writing { form, request, model, purpose, shape: Shape::of(form, request) };
    let each = form.inputs_per_call().min(inputs_per_call.get());
    let count = request.inputs.len().div_ceil(each);
    if count == 0 {
        return Err(Place::Top("input").refuse("is empty; send at least one entry"));
    }
    if count > MAX_CALLS {
        return Err(Place::Top("input").refuse(format_args!(
            "has {} entries; this provider takes {each} a call, and at most {MAX_CALLS} calls are \
             made for one request",
            request.inputs.len()
        )));
    }
    check_repeated(form, request, count)?;
    let mut calls = Vec::with_capacity(count);
    for at in 0..count {
        let inputs = at * each..request.inputs.len().min((at + 1) * each);
        calls.push(Call {
            path: path.clone(),
            body: writing.body(inputs.clone())?,
            expected: request.expected_of(inputs.len()),
            inputs,
        });
    }
    Ok(Plan { calls, losses })
}

/// What the bodies of all calls share.
struct Writing<'r> {
    form: Form,
    request: &'r Request,
    model: &'r str,
    /// What the vectors are for, in the form's word.
    purpose: Option<Cow<'r, str>>,
    shape: Shape,
}

impl Writing<'_> {
    fn body(&self, inputs: Range<usize>) -> Result<Vec<u8>, Fault> {
        match self.form {
            Form::OpenAi => Ok(bodies::openai(self, inputs)),
            Form::Mistral => bodies::mistral(self, inputs),
            Form::Voyage => bodies::voyage(self, inputs),
            Form::VoyageMultimodal => bodies::voyage_multimodal(self, inputs),
            Form::Jina => bodies::jina(self, inputs),
            Form::Cohere => bodies::cohere(self, inputs, Some(self.model)),
            Form::BedrockCohere => bodies::cohere(self, inputs, None),
            Form::Gemini => bodies::gemini(self, inputs),
            Form::VertexPredict | Form::VertexPredictOne => google::predict(self, inputs),
            Form::VertexContent => google::content(self, inputs),
            Form::BedrockTitan => bodies::titan(self, inputs),
        }
    }

    /// The texts of some inputs, for a form that takes nothing else.
    fn texts(&self, inputs: Range<usize>) -> Result<Vec<Cow<'_, str>>, Fault> {
        let all = Place::Top("input");
        inputs
            .filter_map(|at| Some((at, self.request.inputs.get(at)?)))
            .map(|(at, input)| text_of(input, &all.element(at)))
            .collect()
    }
}

/// The text of an input; parts that are texts become one.
fn text_of<'i>(input: &'i Input, place: &Place<'_>) -> Result<Cow<'i, str>, Fault> {
    let parts = match input {
        Input::Text(text) => return Ok(Cow::Borrowed(text)),
        Input::Tokens(_) => return Err(tokens_refused(place)),
        Input::Content { parts, .. } => parts,
    };
    let place = place.member("content");
    let mut texts = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        match &part.kind {
            PartKind::Text(text) => texts.push(text.as_str()),
            other => return Err(part_refused(other, &place.element(at))),
        }
    }
    Ok(match texts.as_slice() {
        [one] => Cow::Borrowed(one),
        several => Cow::Owned(several.join("\n")),
    })
}

fn tokens_refused(place: &Place<'_>) -> Fault {
    place.refuse("is an array of tokens, which this provider does not take; send the text")
}

fn part_refused(kind: &PartKind, place: &Place<'_>) -> Fault {
    let what = match kind {
        PartKind::Text(_) => "text",
        PartKind::Image(_) => "image_url",
        PartKind::Media { medium, .. } => medium.part_type(),
        PartKind::Unknown(name) => name,
    };
    place.refuse(format_args!("a part of the type `{what}` cannot be embedded by this provider"))
}

/// The form's word for what the vectors are for.
fn purpose<'r>(form: Form, request: &'r Request, losses: &mut Losses) -> Option<Cow<'r, str>> {
    let Some(purpose) = request.purpose() else {
        // Cohere's models since version 3 refuse to go without one; this is what its own
        // documentation takes for text that is stored.
        let needed = matches!(form, Form::Cohere | Form::BedrockCohere);
        return needed.then_some(Cow::Borrowed("search_document"));
    };
    match purpose.word(form) {
        Word::Same(word) => Some(Cow::Owned(word.to_owned())),
        Word::Nearest(word) => {
            losses.record("input_type", "the provider's nearest word was sent");
            Some(Cow::Owned(word.to_owned()))
        }
        Word::None => {
            if form != Form::OpenAi {
                losses.record("input_type", "the provider has no word for it");
            }
            None
        }
    }
}

fn record_losses(form: Form, request: &Request, losses: &mut Losses) {
    if form == Form::OpenAi {
        return;
    }
    if request.user.is_some() {
        losses.record("user", "the provider is not told end users");
    }
    for (name, raw) in &request.extras {
        if !raw.is_null() && !is_written(form, name, raw) {
            losses.record(name.clone(), "the provider's protocol has no such member");
        }
    }
    for (at, input) in request.inputs.iter().enumerate() {
        if let Input::Content { extras, .. } = input {
            for (name, _) in extras {
                losses.record(
                    format!("input[{at}].{name}"),
                    "the provider's protocol has no such member",
                );
            }
        }
    }
}

/// Bounds what is written more than once: with every input in two forms of Google's, with every
/// call in all others. A short request must not become a long one.
fn check_repeated(form: Form, request: &Request, calls: usize) -> Result<(), Fault> {
    if calls <= 1 && !form.repeats_with_inputs() {
        return Ok(());
    }
    let extras = request.extras.iter().filter(|(name, raw)| is_written(form, name, raw));
    let user = request.user.as_ref().filter(|_| form == Form::OpenAi);
    let sizes = extras
        .map(|(name, raw)| (name.as_str(), name.len() + raw.get().len()))
        .chain(user.map(|user| ("user", user.len())));
    let (mut sum, mut largest) = (0, ("", 0));
    for size in sizes {
        sum += size.1;
        largest = if size.1 > largest.1 { size } else { largest };
    }
    if sum > MAX_REPEATED {
        return Err(Place::Top(largest.0).refuse(format_args!(
            "is too long to be repeated with every call to this provider; at most {MAX_REPEATED} \
             bytes are, or send fewer inputs"
        )));
    }
    Ok(())
}

/// Whether a member that nobody here knows is written in a form.
fn is_written(form: Form, name: &str, raw: &RawJson) -> bool {
    form == Form::OpenAi || (!raw.is_null() && form.own_parameters().contains(&name))
}
