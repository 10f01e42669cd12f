//! What becomes of every golden input in every dialect, as snapshots. wire-formats 14
//!
//! After a change, read the difference against the protocols' facts before accepting it: these
//! files say what is right, not what the code happens to do.

use std::fmt::Write;

use protocol::Dialect;
use protocol::exchange::Fault;

use crate::corpus::{Case, cases, root};
use crate::dialects;
use crate::layout::laid_out;

fn section(out: &mut String, title: &str, body: &str) {
    let _ = write!(out, "== {title}\n{}\n", body.trim_end());
}

fn refused(fault: &Fault) -> String {
    format!("refused: {} {} {}", fault.status, fault.error_type.name(), fault.message)
}

fn request(case: &Case, to: Dialect, body: &[u8], out: &mut String) {
    let encoded = dialects::decode_request(case.dialect, body)
        .and_then(|request| dialects::encode_request(to, &request));
    let encoded = match encoded {
        Ok(encoded) => encoded,
        Err(fault) => return section(out, "request", &refused(&fault)),
    };
    section(out, "request", &laid_out(&encoded.body));
    for (name, value) in &encoded.headers {
        section(out, "header", &format!("{name}: {value}"));
    }
    if encoded.context != Default::default() {
        section(out, "context", &format!("{:?}", encoded.context));
    }
    let losses: String =
        encoded.losses.0.iter().map(|loss| format!("{}: {}\n", loss.path, loss.why)).collect();
    if !losses.is_empty() {
        section(out, "losses", &losses);
    }
}

fn translated(case: &Case, to: Dialect) -> String {
    let mut out = String::new();
    if let Some(body) = case.input("request.json") {
        request(case, to, &body, &mut out);
    }
    if !Dialect::CALLERS.contains(&to) {
        // Answers go to callers only.
        return out;
    }
    if let Some(body) = case.input("response.json") {
        match dialects::decode_response(case.dialect, &body) {
            Ok(response) => {
                section(&mut out, "response", &laid_out(&dialects::encode_response(to, &response)));
            }
            Err(fault) => section(&mut out, "response", &refused(&fault)),
        }
    }
    if let Some(bytes) = case.stream() {
        let events = dialects::decode_stream(case.dialect, &bytes);
        let stream = String::from_utf8(dialects::encode_stream(to, &events)).unwrap();
        section(&mut out, "stream", &stream.replace("\n\n", "\n"));
    }
    if let Some(body) = case.input("error.json") {
        let (status, retry_after) = case.error_head();
        let fault = dialects::decode_error(case.dialect, status, retry_after, &body);
        let rendered = dialects::encode_error(to, &fault);
        let retry_after = fault.retry_after.map(|wait| format!(", retry after {wait} s"));
        section(
            &mut out,
            &format!("error {}{}", rendered.status, retry_after.unwrap_or_default()),
            &laid_out(&rendered.body),
        );
    }
    out
}

fn snapshot_all(from: Dialect, to: Dialect) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots").join(from.name()).join(to.name()));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for case in cases(from) {
            if !Dialect::CALLERS.contains(&to) && case.input("request.json").is_none() {
                continue;
            }
            insta::assert_snapshot!(case.name.clone(), translated(&case, to));
        }
    });
}

macro_rules! pairs {
    ($($test:ident: $from:ident => $to:ident,)*) => {
        /// Every pair that has a test.
        const PAIRS: &[(Dialect, Dialect)] = &[$((Dialect::$from, Dialect::$to)),*];

        $(
            #[test]
            fn $test() {
                snapshot_all(Dialect::$from, Dialect::$to);
            }
        )*
    };
}

pairs! {
    openai_chat_stays_itself: OpenaiChat => OpenaiChat,
    openai_chat_becomes_openai_responses: OpenaiChat => OpenaiResponses,
    openai_chat_becomes_anthropic: OpenaiChat => Anthropic,
    openai_chat_becomes_gemini: OpenaiChat => Gemini,
    openai_responses_becomes_openai_chat: OpenaiResponses => OpenaiChat,
    openai_responses_stays_itself: OpenaiResponses => OpenaiResponses,
    openai_responses_becomes_anthropic: OpenaiResponses => Anthropic,
    openai_responses_becomes_gemini: OpenaiResponses => Gemini,
    anthropic_becomes_openai_chat: Anthropic => OpenaiChat,
    anthropic_becomes_openai_responses: Anthropic => OpenaiResponses,
    anthropic_stays_itself: Anthropic => Anthropic,
    anthropic_becomes_gemini: Anthropic => Gemini,
    gemini_becomes_openai_chat: Gemini => OpenaiChat,
    gemini_becomes_openai_responses: Gemini => OpenaiResponses,
    gemini_becomes_anthropic: Gemini => Anthropic,
    gemini_stays_itself: Gemini => Gemini,
    openai_chat_becomes_bedrock: OpenaiChat => Bedrock,
    openai_chat_becomes_cohere: OpenaiChat => Cohere,
    openai_chat_becomes_ollama: OpenaiChat => Ollama,
    openai_responses_becomes_bedrock: OpenaiResponses => Bedrock,
    openai_responses_becomes_cohere: OpenaiResponses => Cohere,
    openai_responses_becomes_ollama: OpenaiResponses => Ollama,
    anthropic_becomes_bedrock: Anthropic => Bedrock,
    anthropic_becomes_cohere: Anthropic => Cohere,
    anthropic_becomes_ollama: Anthropic => Ollama,
    gemini_becomes_bedrock: Gemini => Bedrock,
    gemini_becomes_cohere: Gemini => Cohere,
    gemini_becomes_ollama: Gemini => Ollama,
    bedrock_becomes_openai_chat: Bedrock => OpenaiChat,
    bedrock_becomes_openai_responses: Bedrock => OpenaiResponses,
    bedrock_becomes_anthropic: Bedrock => Anthropic,
    bedrock_becomes_gemini: Bedrock => Gemini,
    cohere_becomes_openai_chat: Cohere => OpenaiChat,
    cohere_becomes_openai_responses: Cohere => OpenaiResponses,
    cohere_becomes_anthropic: Cohere => Anthropic,
    cohere_becomes_gemini: Cohere => Gemini,
    ollama_becomes_openai_chat: Ollama => OpenaiChat,
    ollama_becomes_openai_responses: Ollama => OpenaiResponses,
    ollama_becomes_anthropic: Ollama => Anthropic,
    ollama_becomes_gemini: Ollama => Gemini,
}

/// No pair may be forgotten: callers ask every provider, and every provider answers every caller.
#[test]
fn every_pair_that_can_exist_has_a_test() {
    let is_caller = |dialect: Dialect| Dialect::CALLERS.contains(&dialect);
    for from in Dialect::ALL {
        for to in Dialect::ALL {
            let exists = is_caller(from) || is_caller(to);
            assert_eq!(PAIRS.contains(&(from, to)), exists, "{from:?} => {to:?}");
        }
    }
}

/// No case may be forgotten: each dialect shows everything it can say.
#[test]
fn every_dialect_has_the_same_cases_except_what_it_cannot_say() {
    let names = |dialect| cases(dialect).into_iter().map(|case| case.name).collect::<Vec<_>>();
    let chat = names(Dialect::OpenaiChat);
    assert!(chat.len() >= 20, "{chat:?}");
    for name in &chat {
        let audio = name == "audio";
        let policy = name == "error_content_policy";
        assert!(audio || policy || names(Dialect::Anthropic).contains(name), "{name}");
        assert!(policy || names(Dialect::Gemini).contains(name), "{name}");
        assert!(names(Dialect::OpenaiResponses).contains(name), "{name}");
    }
}

/// What every provider can be asked, or can do wrong, is there for those of every dialect.
#[test]
fn dialects_of_providers_show_everything_an_answer_can_be() {
    for dialect in Dialect::ALL.into_iter().filter(|it| !Dialect::CALLERS.contains(it)) {
        let names: Vec<String> = cases(dialect).into_iter().map(|case| case.name).collect();
        for name in [
            "text",
            "tools",
            "parallel_tools",
            "structured_output",
            "reasoning",
            "length",
            "usage",
            "cut_off",
            "error_midway",
            "error_context_length",
            "error_credential",
            "error_internal",
            "error_invalid",
            "error_overloaded",
        ] {
            assert!(names.iter().any(|known| known == name), "{dialect:?} {name}");
        }
    }
}

/// The inputs are what they claim to be: JSON the gateway lets in.
#[test]
fn every_body_passes_the_first_look() {
    for file in ["request.json", "response.json", "error.json"] {
        for (dialect, name, body) in crate::corpus::inputs(file) {
            assert!(dialects::is_envelope(&body), "{dialect:?} {name} {file}");
        }
    }
}
