use proptest::prelude::*;

use super::*;
use crate::exchange::{Additions, Charge, Identity};

fn request(body: &str) -> Request {
    decode_request(body.as_bytes()).unwrap()
}

fn three() -> Request {
    request(r#"{"model":"m","query":"q","documents":["a",{"text":"b"},{"image":"c","x":1}]}"#)
}

fn texts(count: usize) -> Request {
    Request {
        model: "m".into(),
        query: "q".into(),
        documents: (0..count).map(|at| Document::text(format!("text {at}"))).collect(),
        ..Request::default()
    }
}

/// RERANK-2
#[test]
fn documents_are_texts_images_or_both() {
    let request = three();
    assert_eq!(request.documents[0], Document::text("a"));
    assert_eq!(request.documents[1], Document::text("b"));
    assert_eq!(request.documents[2].image.as_deref(), Some("c"));
    assert_eq!(request.documents[2].extras[0].0, "x");
    assert!(request.is_multimodal());
    assert_eq!(request.wanted(), 3);
}

#[test]
fn a_refusal_names_the_member() {
    for (body, message) in [
        (r#"{"query":"q","documents":["a"]}"#, "model: is missing"),
        (r#"{"model":"m","documents":["a"]}"#, "query: is missing"),
        (r#"{"model":"m","query":"","documents":["a"]}"#, "query: is empty"),
        (r#"{"model":"m","query":"q"}"#, "documents: is missing"),
        (r#"{"model":"m","query":"q","documents":[]}"#, "documents: is empty"),
        (r#"{"model":"m","query":"q","documents":"a"}"#, "documents: expected an array"),
        (r#"{"model":"m","query":"q","documents":["a",1]}"#, "documents[1]: expected a string or"),
        (r#"{"model":"m","query":"q","documents":[{}]}"#, "documents[0]: has neither `text` nor"),
        (
            r#"{"model":"m","query":"q","documents":[{"text":1}]}"#,
            "documents[0].text: expected a string",
        ),
        (r#"{"model":"m","query":"q","documents":["a"],"top_n":0}"#, "top_n: must be between 1"),
        (
            r#"{"model":"m","query":"q","documents":["a"],"return_documents":1}"#,
            "return_documents: expected a boolean",
        ),
        (r#"{"model":"m","query":"q","documents":["a"],"stream":true}"#, "stream: this answer"),
        ("[]", "the request body is not a valid JSON object"),
    ] {
        let fault = decode_request(body.as_bytes()).unwrap_err();
        assert!(fault.message.contains(message), "{body}: {}", fault.message);
        assert_eq!(fault.status, 400);
    }
    let many = vec!["\"\""; MAX_DOCUMENTS + 1].join(",");
    let many = format!(r#"{{"model":"m","query":"q","documents":[{many}]}}"#);
    let fault = decode_request(many.as_bytes()).unwrap_err();
    assert_eq!(fault.message, "documents: has 10001 entries; at most 10000 are accepted");
}

#[test]
fn estimates_read_the_query_with_each_document() {
    let request = request(r#"{"model":"m","query":"12345678","documents":["1234","1234"]}"#);
    assert_eq!(request.estimated_prompt_tokens(), 6);
    assert_eq!(texts(100).estimated_search_units(), 1);
    assert_eq!(texts(101).estimated_search_units(), 2);
}

#[test]
fn every_form_is_written_as_its_vendor_reads_it() {
    let mut request = texts(2);
    request.top_n = Some(9);
    let bodies = Form::ALL.map(|form| {
        let encoded = encode_request(form, &request, "m:1").unwrap();
        (encoded.path, String::from_utf8(encoded.body).unwrap())
    });
    let documents = r#""query":"q","documents":["text 0","text 1"]"#;
    assert_eq!(
        bodies.map(|(path, body)| format!("{path} {body}")),
        [
            format!(r#"/rerank {{"model":"m:1",{documents},"top_n":2}}"#),
            format!(r#"/rerank {{"model":"m:1",{documents},"top_k":2,"return_documents":false}}"#),
            format!(r#"/rerank {{"model":"m:1",{documents},"top_n":2,"return_documents":false}}"#),
            format!(r#"/model/m%3A1/invoke {{{documents},"top_n":2,"api_version":2}}"#),
            format!(r#"/model/m%3A1/invoke {{{documents},"top_n":2}}"#),
        ]
    );
}

#[test]
fn images_go_where_they_can_be_read() {
    let encoded = encode_request(Form::Jina, &three(), "m").unwrap();
    let body = String::from_utf8(encoded.body).unwrap();
    assert!(body.contains(r#""documents":[{"text":"a"},{"text":"b"},{"image":"c"}]"#), "{body}");
    assert_eq!(encoded.losses.0[0].path, "documents[2].x");
    for form in Form::ALL {
        let both = r#"{"model":"m","query":"q","documents":[{"text":"a","image":"b"}]}"#;
        let fault = encode_request(form, &request(both), "m").unwrap_err();
        assert!(fault.message.starts_with("documents[0]"), "{}", fault.message);
    }
    let fault = encode_request(Form::Cohere, &three(), "m").unwrap_err();
    assert_eq!(fault.message, "documents[2].image: this provider reranks text only");
}

#[test]
fn results_are_sorted_cut_and_get_their_documents_back() {
    let mut request = three();
    request.top_n = Some(2);
    let body = br#"{"id":"x","results":[{"index":0,"relevance_score":-0.5},
        {"index":2,"relevance_score":0.25},{"index":1,"relevance_score":0.9}],
        "meta":{"billed_units":{"search_units":1.0}}}"#;
    let response = decode_response(Form::Cohere, body, &request).unwrap();
    assert_eq!(response.upstream_id.as_deref(), Some("x"));
    let identity =
        Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 };
    let charge = Charge { cost: "0.001".into(), ..Charge::default() };
    let additions = Additions { charge: Some(&charge), ..Additions::default() };
    let written = encode_response(&response, &request, &identity, additions);
    assert_eq!(
        String::from_utf8(written).unwrap(),
        concat!(
            r#"{"id":"gen-1","model":"a/b","provider":"P","results":["#,
            r#"{"index":1,"relevance_score":0.9,"document":{"text":"b"}},"#,
            r#"{"index":2,"relevance_score":0.25,"document":{"image":"c","x":1}}],"#,
            r#""usage":{"search_units":1,"cost":0.001}}"#
        )
    );
    request.return_documents = Some(false);
    let written = encode_response(&response, &request, &identity, Additions::default());
    assert!(!String::from_utf8(written).unwrap().contains("document"));
}

#[test]
fn answers_that_do_not_fit_the_request_are_faults() {
    for (results, why) in [
        (r#"{"index":3,"relevance_score":1}"#, "ranks document 3 of 3"),
        (r#"{"index":18446744073709551615,"relevance_score":1}"#, "of 3"),
        (r#"{"index":0,"relevance_score":1},{"index":0,"relevance_score":0}"#, "twice"),
        (r#"{"index":-1,"relevance_score":1}"#, "does not say which document"),
        (r#"{"relevance_score":1}"#, "does not say which document"),
        (r#"{"index":0,"relevance_score":"1"}"#, "is not a number"),
        (r#"{"index":0,"relevance_score":1e400}"#, "is not a number"),
        (r#"{"index":0}"#, "is not a number"),
        ("1", "is not an object"),
        ("", "ranks no document"),
    ] {
        for name in ["results", "data"] {
            let body = format!(r#"{{"{name}":[{results}]}}"#);
            for form in Form::ALL {
                let fault = decode_response(form, body.as_bytes(), &three()).unwrap_err();
                assert!(fault.message.contains(why), "{results}: {}", fault.message);
                assert_eq!(fault.status, 502);
            }
        }
    }
    for body in ["", "{}", "[]", r#"{"results":1}"#] {
        assert!(decode_response(Form::Jina, body.as_bytes(), &three()).is_err(), "{body}");
    }
    // Bug 11
    for body in [r#"{"message":"too many tokens"}"#, r#"{"error":{"message":"too many tokens"}}"#] {
        let fault = decode_response(Form::Cohere, body.as_bytes(), &three()).unwrap_err();
        assert_eq!(fault.message, "too many tokens");
    }
}

/// USAGE-8
#[test]
fn every_vendors_counts_are_read() {
    let usage = |counts: &str| {
        let body = format!(r#"{{"results":[{{"index":0,"relevance_score":1}}],{counts}}}"#);
        decode_response(Form::Jina, body.as_bytes(), &three()).unwrap().usage
    };
    let of = |search_units, total_tokens| Some(Usage { search_units, total_tokens });
    assert_eq!(usage(r#""usage":{"total_tokens":7}"#), of(None, Some(7)));
    assert_eq!(usage(r#""usage":{"prompt_tokens":7}"#), of(None, Some(7)));
    assert_eq!(usage(r#""usage":{"prompt_tokens":"7"}"#), of(None, Some(7)));
    assert_eq!(usage(r#""meta":{"tokens":{"input_tokens":7}}"#), of(None, Some(7)));
    assert_eq!(usage(r#""meta":{"billed_units":{"search_units":2.0}}"#), of(Some(2), None));
    assert_eq!(usage(r#""usage":null"#), None);
}

proptest! {
    #[test]
    fn any_order_of_scores_comes_out_sorted(scores in proptest::collection::vec(-10.0_f64..10.0, 1..20)) {
        let request = texts(scores.len());
        let results: Vec<String> = scores
            .iter()
            .enumerate()
            .map(|(at, score)| format!(r#"{{"index":{at},"relevance_score":{score}}}"#))
            .collect();
        let body = format!(r#"{{"results":[{}]}}"#, results.join(","));
        let response = decode_response(Form::Cohere, body.as_bytes(), &request).unwrap();
        prop_assert_eq!(response.results.len(), scores.len());
        for ranked in &response.results {
            prop_assert_eq!(ranked.relevance_score, scores[ranked.index]);
        }
        prop_assert!(response.results.is_sorted_by(|a, b| a.relevance_score >= b.relevance_score));
    }

    #[test]
    fn reading_any_bytes_never_panics(body in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = decode_request(&body);
        for form in Form::ALL {
            let _ = decode_response(form, &body, &three());
        }
    }
}

#[test]
fn forms_are_named_as_in_data_files() {
    for form in Form::ALL {
        assert_eq!(serde_json::to_value(form).unwrap(), form.name());
    }
}
