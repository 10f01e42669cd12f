//! `logprobsResult` → log probabilities in OpenAI's form.

use serde::{Deserialize, Serialize};

use super::super::lenient::Lenient;
use crate::json::RawJson;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    chosen_candidates: Vec<Token>,
    top_candidates: Vec<Top>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Top {
    candidates: Vec<Token>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Token {
    token: String,
    log_probability: Lenient<f64>,
}

#[derive(Serialize)]
struct Written<'a> {
    content: Vec<Entry<'a>>,
    refusal: Option<()>,
}

#[derive(Serialize)]
struct Entry<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
    top_logprobs: Vec<Alternative<'a>>,
}

#[derive(Serialize)]
struct Alternative<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
}

/// The value in OpenAI's form; `None` if there is nothing to tell.
pub(in super::super) fn openai_form(raw: &str) -> Option<RawJson> {
    let given: Given = serde_json::from_str(raw).ok()?;
    let probability = |token: &Token| token.log_probability.0.unwrap_or(0.0);
    let content: Vec<Entry<'_>> = given
        .chosen_candidates
        .iter()
        .enumerate()
        .map(|(position, token)| Entry {
            token: &token.token,
            logprob: probability(token),
            bytes: token.token.as_bytes(),
            top_logprobs: given
                .top_candidates
                .get(position)
                .map_or(&[][..], |top| &top.candidates)
                .iter()
                .map(|token| Alternative {
                    token: &token.token,
                    logprob: probability(token),
                    bytes: token.token.as_bytes(),
                })
                .collect(),
        })
        .collect();
    if content.is_empty() {
        return None;
    }
    RawJson::of(&Written { content, refusal: None }).ok()
}

#[derive(Debug, Deserialize)]
struct OpenaiForm {
    content: Vec<OpenaiToken>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OpenaiToken {
    token: String,
    logprob: Lenient<f64>,
    top_logprobs: Vec<OpenaiToken>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    chosen_candidates: Vec<ToldToken<'a>>,
    top_candidates: Vec<ToldTop<'a>>,
}

#[derive(Serialize)]
struct ToldTop<'a> {
    candidates: Vec<ToldToken<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldToken<'a> {
    token: &'a str,
    log_probability: f64,
}

/// The way back, for callers of this protocol.
pub(in super::super) fn gemini_form(raw: &str) -> Option<RawJson> {
    let given: OpenaiForm = serde_json::from_str(raw).ok()?;
    let told = |token: &OpenaiToken| token.logprob.0.unwrap_or(0.0);
    RawJson::of(&Told {
        chosen_candidates: given
            .content
            .iter()
            .map(|token| ToldToken { token: &token.token, log_probability: told(token) })
            .collect(),
        top_candidates: given
            .content
            .iter()
            .map(|token| ToldTop {
                candidates: token
                    .top_logprobs
                    .iter()
                    .map(|token| ToldToken { token: &token.token, log_probability: told(token) })
                    .collect(),
            })
            .collect(),
    })
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_alternatives_are_carried() {
        let raw = r#"{"chosenCandidates":[{"token":"a","tokenId":1,"logProbability":-0.5}],
            "topCandidates":[{"candidates":[{"token":"a","logProbability":-0.5},{"token":"b","logProbability":-2}]}]}"#;
        assert_eq!(
            openai_form(raw).unwrap().get(),
            r#"{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.5,"bytes":[97]},{"token":"b","logprob":-2.0,"bytes":[98]}]}],"refusal":null}"#
        );
        let back = gemini_form(openai_form(raw).unwrap().get()).unwrap();
        assert_eq!(openai_form(back.get()), openai_form(raw));
        assert!(openai_form("{}").is_none() && openai_form("7").is_none());
    }
}
