//! A line of description for models that come without one.

use crate::Parameter;
use crate::modality::{Modalities, Modality};
use crate::model::{Model, ModelKind};

/// A line that says what a model does: its kind, author, inputs, abilities and context.
pub fn describe(model: &Model) -> String {
    let mut text = format!("{} model by {}", kind(model.kind), model.author());
    let inputs = named(model.architecture.input_modalities);
    if !inputs.is_empty() {
        text.push_str(&format!(": takes {inputs}"));
    }
    if model.supported_parameters.has(Parameter::Tools) {
        text.push_str("; calls tools");
    }
    if model.reasoning.is_some() {
        text.push_str("; reasons before it answers");
    }
    if let Some(tokens) = model.context_length {
        text.push_str(&format!("; context of {} tokens", grouped(tokens)));
    }
    text.push('.');
    text
}

fn kind(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Chat => "Chat",
        ModelKind::Completion => "Completion",
        ModelKind::Embedding => "Embedding",
        ModelKind::Rerank => "Rerank",
        ModelKind::Image => "Image",
        ModelKind::Speech => "Speech",
        ModelKind::Transcription => "Transcription",
        ModelKind::Video => "Video",
        ModelKind::Realtime => "Realtime",
        ModelKind::Ocr => "Text recognition",
        ModelKind::Moderation => "Moderation",
    }
}

fn named(set: Modalities) -> String {
    let names: Vec<&str> = set
        .iter()
        .map(|modality| match modality {
            Modality::Image => "images",
            Modality::File => "files",
            other => other.name(),
        })
        .collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// `1,048,576`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_inputs_and_context() {
        assert_eq!(named(Modalities::TEXT.with(Modality::Image)), "text and images");
        assert_eq!(named(Modalities::NONE), "");
        assert_eq!(grouped(1_048_576), "1,048,576");
        assert_eq!(grouped(999), "999");
    }
}
