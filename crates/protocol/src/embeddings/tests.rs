use proptest::prelude::*;

use super::*;
use crate::exchange::{Additions, Charge, Fault, Identity, Usage};
use crate::json::Envelope;

fn request(body: &str) -> Request {
    decode_request(body.as_bytes()).unwrap()
}

fn refusal(body: &str) -> String {
    let fault = decode_request(body.as_bytes()).unwrap_err();
    assert_eq!(fault.status, 400, "{}", fault.message);
    fault.message
}

fn texts(count: usize) -> Request {
    Request {
        model: "a/b".into(),
        inputs: (0..count).map(|at| Input::Text(format!("text {at}"))).collect(),
        ..Request::default()
    }
}

fn only_body(form: Form, request: &Request) -> String {
    let plan = encode_request(form, request, "m").unwrap();
    assert_eq!(plan.calls.len(), 1);
    String::from_utf8(plan.calls[0].body.clone()).unwrap()
}

fn expected(inputs: usize) -> Expected {
    Expected { inputs, dimensions: None }
}

fn decode(form: Form, body: &str, inputs: usize) -> Result<Response, Fault> {
    decode_response(form, body.as_bytes(), expected(inputs))
}

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

/// EMB-1
#[test]
fn every_kind_of_input_is_read() {
    let one = request(r#"{"model":"m","input":"a"}"#);
    assert_eq!(one.inputs, [Input::Text("a".into())]);
    assert_eq!(one.format(), EncodingFormat::Float);
    let list = request(r#"{"model":"m","input":[1,2.0,3]}"#);
    assert_eq!(list.inputs, [Input::Tokens(vec![1, 2, 3])]);
    let mixed = request(
        r#"{"model":"m","input":["a",[1,2],{"content":[{"type":"image_url","image_url":{"url":"u"}}],"x":1}],
            "encoding_format":"base64","dimensions":8,"input_type":"query","user":"u","mine":1.50}"#,
    );
    assert_eq!(mixed.inputs.len(), 3);
    assert_eq!(mixed.format(), EncodingFormat::Base64);
    assert_eq!(mixed.dimensions, Some(8));
    assert_eq!(mixed.purpose(), Some(InputType::Query));
    assert_eq!(mixed.extras[0].1.get(), "1.50", "unknown members keep their spelling");
    assert_eq!((mixed.images(), mixed.is_multimodal(), mixed.has_tokens()), (1, true, true));
    let Input::Content { parts, extras } = &mixed.inputs[2] else { panic!("{mixed:?}") };
    assert_eq!(parts[0].kind, PartKind::Image("u".into()));
    assert_eq!(extras[0].0, "x");
}

/// EMB-1
#[test]
fn a_refusal_names_the_member() {
    for (body, message) in [
        (r#"{"input":"a"}"#, "model: is missing"),
        (r#"{"model":"","input":"a"}"#, "model: is empty"),
        (r#"{"model":"m"}"#, "input: is missing"),
        (r#"{"model":"m","input":null}"#, "input: is missing"),
        (r#"{"model":"m","input":{}}"#, "input: expected a string or an array, got an object"),
        (r#"{"model":"m","input":""}"#, "input: is empty"),
        (r#"{"model":"m","input":[]}"#, "input: is empty"),
        (r#"{"model":"m","input":["a",""]}"#, "input[1]: is empty"),
        (r#"{"model":"m","input":["a",1]}"#, "input[1]: expected a string, an array of tokens"),
        (r#"{"model":"m","input":[1,"a"]}"#, "input[1]: expected a token"),
        (r#"{"model":"m","input":[1,-1]}"#, "input[1]: must be between 0 and"),
        (r#"{"model":"m","input":[[1,1.5]]}"#, "input[0][1]: expected an integer, got 1.5"),
        (r#"{"model":"m","input":[[]]}"#, "input[0]: is empty"),
        (r#"{"model":"m","input":[{}]}"#, "input[0].content: is missing"),
        (r#"{"model":"m","input":[{"content":[]}]}"#, "input[0].content: is empty"),
        (r#"{"model":"m","input":[{"content":[{}]}]}"#, "input[0].content[0].type: is missing"),
        (
            r#"{"model":"m","input":[{"content":[{"type":"image_url","image_url":{}}]}]}"#,
            "input[0].content[0].image_url.url: is missing",
        ),
        (
            r#"{"model":"m","input":[{"content":[{"type":"input_audio","input_audio":{"data":1}}]}]}"#,
            "input[0].content[0].input_audio.data: expected a string, got a number",
        ),
        (r#"{"model":"m","input":"a","dimensions":0}"#, "dimensions: must be between 1 and"),
        (r#"{"model":"m","input":"a","dimensions":"8"}"#, "dimensions: expected an integer"),
        (r#"{"model":"m","input":"a","encoding_format":"hex"}"#, "encoding_format: must be one of"),
        (r#"{"model":"m","input":"a","input_type":1}"#, "input_type: expected a string"),
        (r#"{"model":"m","input":"a","user":1}"#, "user: expected a string"),
        (r#"{"model":"m","input":"a","provider":[]}"#, "provider: expected an object"),
        (r#"{"model":"m","input":"a","stream":true}"#, "stream: this answer is not streamed"),
        (r#"{"model":"m","model":"n","input":"a"}"#, "duplicate member `model`"),
        ("[]", "the request body is not a valid JSON object"),
    ] {
        let told = refusal(body);
        assert!(told.contains(message), "{body}: {told}");
    }
}

#[test]
fn the_number_of_inputs_and_calls_is_bounded() {
    let many = |count: usize| {
        let list = vec!["\"a\""; count].join(",");
        decode_request(format!(r#"{{"model":"m","input":[{list}]}}"#).as_bytes())
    };
    assert_eq!(many(MAX_INPUTS).unwrap().inputs.len(), MAX_INPUTS);
    let told = many(MAX_INPUTS + 1).unwrap_err().message;
    assert_eq!(told, "input: has 2049 entries; at most 2048 are accepted");
    let fault = encode_request(Form::BedrockTitan, &texts(MAX_CALLS + 1), "m").unwrap_err();
    assert!(fault.message.starts_with("input: has 257 entries; this provider takes 1 a call"));
    let long = format!(r#"{{"model":"m","input":"a","input_type":"{}"}}"#, "x".repeat(65));
    assert!(refusal(&long).starts_with("input_type: is longer than 64 bytes"));
    // What is repeated is short, what is not may be long.
    let two = std::num::NonZeroUsize::new(2).unwrap();
    for (form, name) in [
        (Form::Gemini, "title"),
        (Form::BedrockTitan, "normalize"),
        (Form::OpenAi, "mine"),
        (Form::OpenAi, "user"),
        (Form::Mistral, "metadata"),
    ] {
        let long = "x".repeat(3_000);
        let body = format!(r#"{{"model":"m","input":["a","b","c"],"{name}":"{long}"}}"#);
        let fault = encode_request_within(form, &request(&body), "m", two).unwrap_err();
        assert!(fault.message.starts_with(&format!("{name}: is too long")), "{}", fault.message);
        let once = encode_request(form, &request(&body), "m");
        assert_eq!(once.is_ok(), matches!(form, Form::OpenAi | Form::Mistral), "{form:?}");
    }
}

/// Hosts of a form are often narrower than its vendor.
#[test]
fn a_narrow_host_gets_several_calls() {
    let two = std::num::NonZeroUsize::new(2).unwrap();
    for form in Form::ALL {
        let plan = encode_request_within(form, &texts(5), "m", two).unwrap();
        let each = form.inputs_per_call().min(2);
        assert_eq!(plan.calls.len(), 5_usize.div_ceil(each), "{form:?}");
        for call in &plan.calls {
            let body = String::from_utf8(call.body.clone()).unwrap();
            for at in 0..5 {
                let inside = body.contains(&format!("\"text {at}\""));
                assert_eq!(inside, call.inputs.contains(&at), "{form:?}: {body}");
            }
        }
    }
    let wide = std::num::NonZeroUsize::new(10_000).unwrap();
    let plan = encode_request_within(Form::Cohere, &texts(97), "m", wide).unwrap();
    assert_eq!(plan.calls.len(), 2, "the vendor's own limit holds");
}

#[test]
fn the_estimate_is_a_quarter_of_the_bytes_and_all_tokens() {
    let request = request(
        r#"{"model":"m","input":["12345678",[1,2,3],{"content":[{"type":"text","text":"1234"},
            {"type":"image_url","image_url":"data:image/png;base64,AAAA"}]}]}"#,
    );
    assert_eq!(request.estimated_prompt_tokens(), 3 + 3);
}

/// The words of every vendor mean the same to all others.
#[test]
fn what_vectors_are_for_is_said_in_each_vendors_words() {
    let said = |form: Form, word: &str| {
        let mut request = texts(1);
        request.input_type = Some(word.to_owned());
        let plan = encode_request(form, &request, "m").unwrap();
        let body = String::from_utf8(plan.calls[0].body.clone()).unwrap();
        (body, plan.losses.0.len())
    };
    for query in ["query", "search_query", "RETRIEVAL_QUERY", "retrieval.query", "Search Query"] {
        for (form, written) in [
            (Form::Cohere, r#""input_type":"search_query""#),
            (Form::BedrockCohere, r#""input_type":"search_query""#),
            (Form::Voyage, r#""input_type":"query""#),
            (Form::Jina, r#""task":"retrieval.query""#),
            (Form::Gemini, r#""taskType":"RETRIEVAL_QUERY""#),
        ] {
            let (body, losses) = said(form, query);
            assert!(body.contains(written), "{query}: {body}");
            assert_eq!(losses, 0, "{form:?}");
        }
        assert!(said(Form::OpenAi, query).0.contains(&format!(r#""input_type":"{query}""#)));
    }
    for document in ["document", "passage", "search_document", "retrieval.passage"] {
        assert!(said(Form::Gemini, document).0.contains("RETRIEVAL_DOCUMENT"), "{document}");
        assert!(said(Form::Voyage, document).0.contains(r#""input_type":"document""#));
    }
    assert_eq!(said(Form::Mistral, "query").1, 1, "no place for it: a loss");
    assert_eq!(said(Form::BedrockTitan, "query").1, 1);
    assert_eq!(said(Form::Voyage, "clustering").1, 1);
    assert_eq!(said(Form::Cohere, "semantic_similarity").1, 1, "the nearest word is told");
    assert!(said(Form::Jina, "nl2code.query").0.contains(r#""task":"nl2code.query""#));
    // Cohere refuses to go without.
    assert!(only_body(Form::Cohere, &texts(1)).contains(r#""input_type":"search_document""#));
    assert!(!only_body(Form::Voyage, &texts(1)).contains("input_type"));
}

#[test]
fn what_a_form_has_no_place_for_is_a_loss() {
    let request = request(
        r#"{"model":"m","input":"a","user":"u","truncate":"END","output_dtype":"int8","none":null}"#,
    );
    let lost = |form| -> Vec<String> {
        let plan = encode_request(form, &request, "m").unwrap();
        plan.losses.0.into_iter().map(|loss| loss.path).collect()
    };
    assert_eq!(lost(Form::OpenAi), [""; 0]);
    assert_eq!(lost(Form::Cohere), ["user", "output_dtype"]);
    assert_eq!(lost(Form::Voyage), ["user", "truncate", "output_dtype"]);
    assert!(only_body(Form::Cohere, &request).contains(r#""truncate":"END""#));
    assert!(only_body(Form::OpenAi, &request).contains(r#""output_dtype":"int8""#));
}

#[test]
fn what_a_form_cannot_embed_is_refused_by_its_place() {
    let refused = |form, input: &str| {
        let request = request(&format!(r#"{{"model":"m","input":[{input}]}}"#));
        encode_request(form, &request, "m").unwrap_err().message
    };
    let image = r#""a",{"content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}"#;
    for form in [Form::Mistral, Form::Voyage, Form::BedrockTitan] {
        let told = refused(form, image);
        assert!(told.starts_with("input[1].content[0]: a part of the type `image_url`"), "{told}");
    }
    for form in [Form::Gemini, Form::BedrockCohere] {
        let told = refused(form, image);
        assert!(told.starts_with("input[1].content[0].image_url: this provider fetches"), "{told}");
    }
    for form in Form::ALL {
        if form != Form::OpenAi {
            let told = refused(form, r#""a",[1,2]"#);
            assert!(told.starts_with("input[1]: is an array of tokens"), "{form:?}: {told}");
            let told = refused(form, r#"{"content":[{"type":"hologram","data":1}]}"#);
            assert!(told.contains("`hologram`"), "{form:?}: {told}");
        }
    }
    let both = r#"{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":"u"}]}"#;
    assert!(refused(Form::Jina, both).starts_with("input[0].content: an image has to be"));
}

/// Bug 11
#[test]
fn errors_are_read_in_every_vendors_shape() {
    for (form, status, body, message) in [
        (
            Form::OpenAi,
            429,
            r#"{"error":{"message":"Rate limit reached","type":"requests"}}"#,
            "Rate limit reached",
        ),
        (
            Form::Cohere,
            400,
            r#"{"id":"1","message":"invalid request: texts is empty"}"#,
            "invalid request: texts is empty",
        ),
        (
            Form::Voyage,
            400,
            r#"{"detail":"Model m is not supported."}"#,
            "Model m is not supported.",
        ),
        (Form::Jina, 422, r#"{"detail":[{"loc":["body","task"],"msg":"bad task"}]}"#, "bad task"),
        (
            Form::Gemini,
            400,
            r#"{"error":{"code":400,"message":"at most 100 requests","status":"INVALID_ARGUMENT"}}"#,
            "at most 100 requests",
        ),
        (
            Form::BedrockTitan,
            400,
            r#"{"message":"Malformed input request: #: required key [inputText] not found"}"#,
            "Malformed input request",
        ),
    ] {
        let fault = form.decode_error(status, None, body.as_bytes());
        assert_eq!(fault.status, status, "{form:?}");
        assert!(fault.message.contains(message), "{form:?}: {}", fault.message);
        // The same in an answer that claims to be good.
        let inside = decode(form, body, 1).unwrap_err();
        assert!(inside.message.contains(message), "{form:?}: {}", inside.message);
        assert!(inside.status >= 400, "{form:?}");
    }
}

#[test]
fn answers_that_do_not_fit_the_request_are_faults() {
    let data = |entries: &str| format!(r#"{{"data":[{entries}]}}"#);
    for (entries, why) in [
        (r#"{"index":0,"embedding":[1]}"#, "1 vectors for 2 inputs"),
        (r#"{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}"#, "answered twice"),
        (r#"{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}"#, "no input 2"),
        (r#"{"index":-1,"embedding":[1]},{"index":1,"embedding":[1]}"#, "not a count"),
        (r#"{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}"#, "dimensions"),
        (r#"{"index":0,"embedding":[1]},{"index":1,"embedding":[null]}"#, "not a list of numbers"),
        (r#"{"index":0,"embedding":[1]},{"index":1,"embedding":[]}"#, "empty"),
        (r#"{"index":0,"embedding":[1]},{"index":1}"#, "no vector"),
        (r#"{"index":0,"embedding":[1]},3"#, "not an object"),
        (r#"{"index":0,"embedding":[1]},{"index":1,"embedding":[1e39]}"#, "finite"),
    ] {
        let body = data(entries);
        let fault = decode(Form::OpenAi, &body, 2).unwrap_err();
        assert!(fault.message.contains(why), "{entries}: {}", fault.message);
        assert_eq!(fault.status, 502);
        let passed =
            patch_response(body.as_bytes(), &identity(), EncodingFormat::Float, expected(2));
        assert!(passed.unwrap_err().message.contains(why), "{entries}");
    }
    for form in Form::ALL {
        for body in ["", "[]", "{}", "null", r#"{"data":1,"embeddings":1,"embedding":1}"#, "\u{1}"]
        {
            assert_eq!(decode(form, body, 1).unwrap_err().status, 502, "{form:?} {body}");
        }
        let deep = format!(r#"{{"data":{}{}}}"#, "[".repeat(500), "]".repeat(500));
        assert!(decode(form, &deep, 1).is_err());
        assert!(decode_response(form, b"{\"a\":\"\xff\"}", expected(1)).is_err());
    }
}

#[test]
fn vectors_are_found_wherever_a_version_of_the_vendor_puts_them() {
    for (form, body) in [
        (Form::Cohere, r#"{"embeddings":{"float":null,"base64":["AACAPw=="]}}"#),
        (Form::Cohere, r#"{"embeddings":[[1.0]],"response_type":"embeddings_floats"}"#),
        (Form::BedrockTitan, r#"{"embedding":null,"embeddingsByType":{"float":[1]}}"#),
        (Form::Gemini, r#"{"embedding":{"values":[1]}}"#),
        (Form::VertexContent, r#"{"embedding":{"values":[1]},"truncated":false}"#),
        (Form::VertexPredict, r#"{"predictions":[{"embeddings":{"values":[1]}}]}"#),
        (Form::VoyageMultimodal, r#"{"data":[{"embedding":"AACAPw==","index":0}]}"#),
    ] {
        assert_eq!(decode(form, body, 1).unwrap().vectors, [[1.0]], "{form:?} {body}");
    }
}

#[test]
fn dimensions_that_were_asked_for_are_required() {
    let mut request = texts(1);
    request.dimensions = Some(3);
    let body = br#"{"data":[{"index":0,"embedding":[1,2]}],"embedding":[1,2]}"#;
    for form in [Form::OpenAi, Form::BedrockTitan] {
        let call = &encode_request(form, &request, "m").unwrap().calls[0];
        let fault = decode_response(form, body, call.expected).unwrap_err();
        assert!(fault.message.contains("2 dimensions; 3 were asked for"), "{}", fault.message);
    }
    let passed = patch_response(body, &identity(), EncodingFormat::Float, request.expected());
    assert!(passed.is_err());
    // Packed bits have an eighth of the numbers.
    request.extras = vec![("output_dtype".into(), crate::json::RawJson::of("binary").unwrap())];
    assert!(decode_response(Form::OpenAi, body, request.expected()).is_ok());
}

/// USAGE-4
#[test]
fn every_vendors_counts_become_one() {
    let usage = |form, body: &str| decode(form, body, 1).unwrap().usage;
    let plain = |input| Some(Usage { input, ..Usage::default() });
    let vector = r#""data":[{"embedding":[1]}]"#;
    for (counts, input) in [
        (r#"{"prompt_tokens":8,"total_tokens":9}"#, plain(8)),
        (r#"{"total_tokens":9}"#, plain(9)),
        (r#"{"prompt_tokens":0,"total_tokens":9}"#, plain(9)),
        (r#"{"prompt_tokens":0,"total_tokens":0}"#, plain(0)),
        (r#"{"prompt_tokens":-1}"#, None),
        ("{}", None),
        ("null", None),
    ] {
        let body = format!(r#"{{{vector},"usage":{counts}}}"#);
        assert_eq!(usage(Form::OpenAi, &body), input, "{counts}");
        let passed =
            patch_response(body.as_bytes(), &identity(), EncodingFormat::Float, expected(1));
        assert_eq!(passed.unwrap().usage, input, "{counts}");
    }
    let cohere = r#"{"embeddings":{"float":[[1]]},"meta":{"billed_units":{"input_tokens":2.0,"image_tokens":3}}}"#;
    let with_image = Some(Usage { input: 5, image_input: 3, ..Usage::default() });
    assert_eq!(usage(Form::Cohere, cohere), with_image);
    assert_eq!(usage(Form::BedrockCohere, r#"{"embeddings":[[1]]}"#), None);
    let titan = r#"{"embedding":[1],"inputTextTokenCount":4}"#;
    assert_eq!(usage(Form::BedrockTitan, titan), plain(4));
    let gemini = r#"{"embedding":{"values":[1]},"usageMetadata":{"promptTokenCount":5,"promptTokenDetails":[{"modality":"IMAGE","tokenCount":3}]}}"#;
    assert_eq!(usage(Form::Gemini, gemini), with_image);
}

/// USAGE-8
#[test]
fn callers_get_vectors_counts_and_cost() {
    let response = Response {
        vectors: vec![vec![1.0, -0.5], vec![0.1, 1e-7]],
        usage: Some(Usage { input: 266, image_input: 258, ..Usage::default() }),
        ..Response::default()
    };
    let charge = Charge {
        cost: "0.0001".into(),
        upstream_cost: Some("0.00009".into()),
        ..Charge::default()
    };
    let additions = Additions { charge: Some(&charge), ..Additions::default() };
    let body = encode_response(&response, &identity(), EncodingFormat::Float, additions);
    assert_eq!(
        String::from_utf8(body).unwrap(),
        concat!(
            r#"{"id":"gen-1","object":"list","provider":"P","model":"a/b","data":["#,
            r#"{"object":"embedding","index":0,"embedding":[1.0,-0.5]},"#,
            r#"{"object":"embedding","index":1,"embedding":[0.1,1e-7]}],"#,
            r#""usage":{"prompt_tokens":266,"total_tokens":266,"#,
            r#""prompt_tokens_details":{"text_tokens":8,"image_tokens":258},"#,
            r#""cost":0.0001,"is_byok":false,"cost_details":{"upstream_inference_cost":0.00009}}}"#
        )
    );
    let unknown = Response { usage: None, ..response };
    let body = encode_response(&unknown, &identity(), EncodingFormat::Base64, additions);
    assert!(!String::from_utf8(body).unwrap().contains("usage"), "nothing is made up");
}

/// What is not changed keeps its bytes.
#[test]
fn the_same_form_on_both_sides_is_passed_on() {
    let body = r#"{"model":"a/b","input":[ "x" ],"dimensions":8.0,"mine":1.50,"provider":{},"stream":false,"user":"u"}"#;
    let envelope = Envelope::parse(body.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(patch_request(&envelope, "m\"x", &[])).unwrap(),
        r#"{"model":"m\"x","input":[ "x" ],"dimensions":8.0,"mine":1.50,"user":"u"}"#
    );
    let unsupported = ["user".to_owned(), "input".to_owned()];
    let patched = patch_request(&envelope, "m", &unsupported);
    let patched = String::from_utf8(patched).unwrap();
    assert!(!patched.contains("user") && patched.contains("input"), "{patched}");

    let typed = |value: &str| format!(r#"{{"model":"m","input":"x","input_type":{value}}}"#);
    let bare = r#"{"model":"m","input":"x"}"#;
    let unsupported = ["input_type".to_owned()];
    for (value, unsupported, expected) in [
        ("null", &[][..], bare.to_owned()),
        ("\"query\"", &[][..], typed("\"query\"")),
        ("\"query\"", &unsupported[..], bare.to_owned()),
    ] {
        let body = typed(value);
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        assert_eq!(patch_request(&envelope, "m", unsupported), expected.as_bytes(), "{value}");
        let request = request(&body);
        let spared = request.without(unsupported);
        assert_eq!(only_body(Form::OpenAi, spared.as_ref().unwrap_or(&request)), expected);
    }

    let answer = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10, 1E-2,-3.0000000000000001]}],"model":"x","mine":[1.0],"usage":{"prompt_tokens":1,"total_tokens":1,"mine":2.0,"cost":9}}"#;
    let patched =
        patch_response(answer.as_bytes(), &identity(), EncodingFormat::Float, expected(1)).unwrap();
    assert_eq!(patched.model.as_deref(), Some("x"));
    let charge = Charge { cost: "0.5".into(), ..Charge::default() };
    let additions = Additions { charge: Some(&charge), ..Additions::default() };
    assert_eq!(
        String::from_utf8(patched.finish(additions)).unwrap(),
        concat!(
            r#"{"id":"gen-1","object":"list","provider":"P","model":"a/b","#,
            r#""data":[{"object":"embedding","index":0,"embedding":[0.10, 1E-2,-3.0000000000000001]}],"#,
            r#""mine":[1.0],"usage":{"prompt_tokens":1,"total_tokens":1,"mine":2.0,"cost":0.5,"is_byok":false}}"#
        )
    );
}

/// Some hosts ignore the format, and clients decode what they asked for without looking.
#[test]
fn vectors_come_in_the_format_asked_for() {
    let floats = br#"{"data":[{"index":0,"embedding":[1,-0.5],"mine":1}]}"#;
    let base64 = br#"{"data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAL8="}]}"#;
    let pass = |body: &[u8], format| {
        let patched = patch_response(body, &identity(), format, expected(1)).unwrap();
        String::from_utf8(patched.finish(Additions::default())).unwrap()
    };
    let told = pass(floats, EncodingFormat::Base64);
    assert!(
        told.contains(r#"{"object":"embedding","index":0,"embedding":"AACAPwAAAL8=","mine":1}"#),
        "{told}"
    );
    assert!(pass(base64, EncodingFormat::Float).contains(r#""embedding":[1.0,-0.5]"#));
    assert!(pass(base64, EncodingFormat::Base64).contains(r#""AACAPwAAAL8=""#));
}

/// Any JSON, of the members that answers and requests have.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (0_u8..4).prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "AACAPw==|float|text|a?".prop_map(Into::into),
    ];
    let names = "data|embedding|embeddings|float|values|index|usage|total_tokens|error|message|\
                 embeddingsByType|input|model|content|type|text|results|relevance_score|documents";
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map(names, inner, 0..6)
                .prop_map(|members| { serde_json::Value::Object(members.into_iter().collect()) }),
        ]
    })
}

proptest! {
    #[test]
    fn reading_any_json_never_panics(value in any_json(), inputs in 0_usize..4) {
        let body = value.to_string();
        let _ = decode_request(body.as_bytes());
        for form in Form::ALL {
            if let Ok(response) = decode(form, &body, inputs) {
                prop_assert_eq!(response.vectors.len(), inputs);
            }
        }
        let format = EncodingFormat::Base64;
        let _ = patch_response(body.as_bytes(), &identity(), format, expected(inputs));
        let _ = crate::rerank::decode_request(body.as_bytes());
    }

    #[test]
    fn calls_answer_each_input_once_and_join_in_order(count in 1_usize..256) {
        for form in Form::ALL {
            let plan = encode_request(form, &texts(count), "m").unwrap();
            prop_assert_eq!(plan.calls.len(), count.div_ceil(form.inputs_per_call()));
            let answers = plan.calls.iter().map(|call| Response {
                vectors: call.inputs.clone().map(|at| vec![at as f32]).collect(),
                usage: Some(Usage { input: call.inputs.len() as u64, ..Usage::default() }),
                ..Response::default()
            });
            let joined = join(&plan, answers.collect()).unwrap();
            let in_order: Vec<Vec<f32>> = (0..count).map(|at| vec![at as f32]).collect();
            prop_assert_eq!(joined.vectors, in_order);
            prop_assert_eq!(joined.usage.unwrap().input, count as u64);
        }
    }

    #[test]
    fn what_callers_get_reads_the_same_in_either_format(
        flat in proptest::collection::vec(-1e30_f32..1e30, 6..=6),
    ) {
        let vectors: Vec<Vec<f32>> = flat.chunks(2).map(<[f32]>::to_vec).collect();
        let response = Response { vectors, ..Response::default() };
        for format in [EncodingFormat::Float, EncodingFormat::Base64] {
            let body = encode_response(&response, &identity(), format, Additions::default());
            let again = decode_response(Form::OpenAi, &body, expected(3)).unwrap();
            prop_assert_eq!(&again.vectors, &response.vectors);
        }
    }
}

#[test]
fn joined_answers_have_one_length_and_counts_only_if_all_do() {
    let answer =
        |vector: Vec<f32>, usage| Response { vectors: vec![vector], usage, ..Response::default() };
    let counted = Some(Usage { input: 1, ..Usage::default() });
    let plan = encode_request(Form::BedrockTitan, &texts(2), "m").unwrap();
    let joined = join(&plan, vec![answer(vec![1.0], counted), answer(vec![2.0], None)]).unwrap();
    assert_eq!(joined.usage, None);
    let lengths = vec![answer(vec![1.0], None), answer(vec![1.0, 2.0], None)];
    assert!(join(&plan, lengths).is_err());
    for missing in [Vec::new(), vec![answer(vec![1.0], None)]] {
        let fault = join(&plan, missing).unwrap_err();
        assert!(fault.message.contains("of 2 calls were answered"), "{}", fault.message);
    }
    assert!(join(&plan, vec![Response::default(), Response::default()]).is_err());
}

#[test]
fn forms_are_named_as_in_data_files() {
    for form in Form::ALL {
        assert_eq!(serde_json::to_value(form).unwrap(), form.name());
    }
}

/// EMB-1: hosts of OpenAI's form know texts; OpenRouter's parts are for those that know more.
#[test]
fn parts_that_are_all_texts_are_a_text_in_openais_form() {
    let texts = r#"{"type":"text","text":"a"},{"type":"text","text":"b"}"#;
    let image = r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}"#;
    let body =
        |parts: &str| request(&format!(r#"{{"model":"m","input":[{{"content":[{parts}]}},"c"]}}"#));
    let told = body(texts);
    assert!(told.has_texts_in_parts());
    let written = only_body(Form::OpenAi, &told);
    assert!(written.contains(r#""input":["a\nb","c"]"#), "{written}");
    let mixed = body(&format!("{texts},{image}"));
    assert!(!mixed.has_texts_in_parts());
    assert!(only_body(Form::OpenAi, &mixed).contains(image));
}
