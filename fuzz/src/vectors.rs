//! Embeddings and rerank: what must hold for every input, however hostile.

use std::num::NonZeroUsize;

use protocol::exchange::Additions;
use protocol::json::Envelope;
use protocol::{embeddings, rerank};

use super::{assert_bounded, assert_json, identity};

/// A request that is understood becomes calls that answer each input once, or is refused.
pub fn embeddings_request(body: &[u8]) {
    if let Ok(envelope) = Envelope::parse(body) {
        let patched = embeddings::patch_request(&envelope, "m", &["user".to_owned()]);
        assert_json(&patched);
        assert_bounded(patched.len(), body.len());
    }
    let Ok(request) = embeddings::decode_request(body) else { return };
    assert!(!request.inputs.is_empty() && request.inputs.len() <= embeddings::MAX_INPUTS);
    assert!(request.estimated_prompt_tokens() <= body.len() as u64);
    for form in embeddings::Form::ALL {
        let most = NonZeroUsize::new(body.len() % 7 + 1).unwrap_or(NonZeroUsize::MIN);
        for most in [most, NonZeroUsize::MAX] {
            let plan = embeddings::encode_request_within(form, &request, "m", most);
            if let Ok(plan) = plan {
                check_plan(form, &request, &plan, body.len());
            }
        }
    }
}

fn check_plan(
    form: embeddings::Form,
    request: &embeddings::Request,
    plan: &embeddings::Plan,
    read: usize,
) {
    let (mut next, mut written) = (0, 0);
    for call in &plan.calls {
        assert_json(&call.body);
        assert_eq!(call.inputs.start, next, "{form:?}");
        assert!(call.inputs.len() <= form.inputs_per_call());
        assert_eq!(call.inputs.len(), call.expected.inputs);
        (next, written) = (call.inputs.end, written + call.body.len());
    }
    assert_eq!(next, request.inputs.len(), "{form:?}");
    // What is repeated with every call is bounded.
    assert_bounded(written, read);
}

/// An answer that is understood has the vectors asked for, and can be told in either format.
pub fn embeddings_response(body: &[u8]) {
    let identity = identity();
    let additions = Additions::default();
    let formats = [embeddings::EncodingFormat::Float, embeddings::EncodingFormat::Base64];
    for inputs in 1..=3 {
        let expected = embeddings::Expected { inputs, dimensions: None };
        for format in formats {
            let patched = embeddings::patch_response(body, &identity, format, expected);
            let understood =
                embeddings::decode_response(embeddings::Form::OpenAi, body, expected).is_ok();
            assert_eq!(patched.is_ok(), understood, "both read the same answers");
            if let Ok(patched) = patched {
                let written = patched.finish(additions);
                assert_json(&written);
                assert_bounded(written.len(), body.len());
            }
        }
        for form in embeddings::Form::ALL {
            let Ok(response) = embeddings::decode_response(form, body, expected) else { continue };
            assert_eq!(response.vectors.len(), inputs);
            assert!(response.vectors.iter().flatten().all(|number| number.is_finite()));
            for format in formats {
                let written = embeddings::encode_response(&response, &identity, format, additions);
                assert_json(&written);
                assert_bounded(written.len(), body.len());
                let again =
                    embeddings::decode_response(embeddings::Form::OpenAi, &written, expected);
                assert_eq!(again.map(|again| again.vectors).as_ref(), Ok(&response.vectors));
            }
        }
    }
}

/// A request that is understood can be written in every form, or is refused with a fault.
pub fn rerank_request(body: &[u8]) {
    let Ok(request) = rerank::decode_request(body) else { return };
    assert!(!request.documents.is_empty() && request.documents.len() <= rerank::MAX_DOCUMENTS);
    let _ = (request.estimated_prompt_tokens(), request.estimated_search_units());
    for form in rerank::Form::ALL {
        if let Ok(encoded) = rerank::encode_request(form, &request, "m") {
            assert_json(&encoded.body);
            assert_bounded(encoded.body.len(), body.len());
        }
    }
}

/// An answer that is understood ranks documents there are, each once, the best first.
pub fn rerank_response(body: &[u8]) {
    let request = rerank::Request {
        model: "a/b".into(),
        query: "q".into(),
        documents: ["a", "b", "c"].map(rerank::Document::text).into(),
        ..rerank::Request::default()
    };
    for form in rerank::Form::ALL {
        let Ok(response) = rerank::decode_response(form, body, &request) else { continue };
        let results = &response.results;
        assert!(!results.is_empty() && results.len() <= 3);
        assert!(results.iter().all(|ranked| ranked.index < 3));
        assert!(results.is_sorted_by(|one, other| one.relevance_score >= other.relevance_score));
        let written =
            rerank::encode_response(&response, &request, &identity(), Additions::default());
        assert_json(&written);
        assert_bounded(written.len(), body.len());
    }
}
