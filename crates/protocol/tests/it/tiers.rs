//! The service tier on the wire is that of the endpoint, in every dialect. TIER-2, TIER-6

use protocol::exchange::Request;
use protocol::json::Envelope;
use protocol::target::{Abilities, Encoded, Quirks, Target, Tier};
use protocol::{anthropic, gemini, openai_chat, openai_responses};
use serde_json::{Value, json};

/// What the caller wrote, the endpoint's tier, and what is sent by OpenAI's, Anthropic's and
/// Gemini's dialect.
type Row<'a> = (Value, Tier, [Option<&'a str>; 3]);

fn table<'a>() -> [Row<'a>; 12] {
    use Tier::{Default, Flex, Priority};
    let tier = |name: &str| json!({ "service_tier": name });
    [
        (json!({}), Default, [None; 3]),
        (json!({}), Priority, [Some("priority"), Some("auto"), Some("priority")]),
        (json!({}), Flex, [Some("flex"), None, Some("flex")]),
        (tier("priority"), Priority, [Some("priority"), Some("auto"), Some("priority")]),
        (tier("fast"), Priority, [Some("priority"), Some("auto"), Some("priority")]),
        (tier("priority"), Default, [None; 3]),
        (tier("fast"), Default, [None; 3]),
        (tier("flex"), Default, [None; 3]),
        (tier("scale"), Default, [None; 3]),
        (json!({"speed": "fast"}), Default, [None; 3]),
        (tier("auto"), Default, [Some("auto"), Some("auto"), None]),
        (tier("standard"), Default, [Some("default"), Some("standard_only"), None]),
    ]
}

fn asked(extra: &Value) -> Vec<u8> {
    let mut body =
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string().into_bytes()
}

fn member(encoded: &Encoded, name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert!(body.get("speed").is_none(), "{body}");
    body.get(name).map(|tier| tier.as_str().unwrap().to_owned())
}

#[test]
fn what_is_asked_for_is_the_tier_of_the_endpoint_and_no_other() {
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    for (extra, tier, [openai, claude, google]) in table() {
        let target = Target { tier: Some(tier), ..Target::new("m", &quirks, &abilities) };
        let body = asked(&extra);
        let envelope = Envelope::parse(&body).unwrap();
        let patched = openai_chat::patch_request(&envelope, &target, &Default::default()).unwrap();
        assert_eq!(member(&patched, "service_tier").as_deref(), openai, "{extra} {tier:?} patched");
        let request: Request = openai_chat::decode_request(&body).unwrap();
        let encoded = openai_chat::encode_request(&request, &target).unwrap();
        assert_eq!(member(&encoded, "service_tier").as_deref(), openai, "{extra} {tier:?}");
        let encoded = openai_responses::encode_request(&request, &target).unwrap();
        assert_eq!(member(&encoded, "service_tier").as_deref(), openai, "{extra} {tier:?} items");
        let envelope = Envelope::parse(&body).unwrap();
        let patched =
            openai_responses::patch_request(&envelope, &target, &Default::default()).unwrap();
        assert_eq!(member(&patched, "service_tier").as_deref(), openai, "{extra} {tier:?} edited");
        let encoded = anthropic::encode_request(&request, &target).unwrap();
        assert_eq!(member(&encoded, "service_tier").as_deref(), claude, "{extra} {tier:?}");
        let encoded = gemini::encode_request(&request, &target).unwrap();
        assert_eq!(member(&encoded, "serviceTier").as_deref(), google, "{extra} {tier:?}");
    }
}

/// The same for bodies that pass through, and for Vertex, which takes the tier in a header.
#[test]
fn bodies_that_pass_through_ask_for_the_tier_of_the_endpoint() {
    let abilities = Abilities::default();
    let vertex = Quirks { no_function_call_ids: true, ..Quirks::default() };
    let plain = Quirks::default();
    for (written, tier, expected) in [
        (None, Tier::Default, None),
        (None, Tier::Flex, Some("flex")),
        (Some("flex"), Tier::Default, None),
        (Some("priority"), Tier::Default, None),
        (Some("flex"), Tier::Flex, Some("flex")),
    ] {
        let mut body = json!({"contents": []});
        if let Some(written) = written {
            body["serviceTier"] = written.into();
        }
        let body = body.to_string();
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        let target = |quirks| Target { tier: Some(tier), ..Target::new("m", quirks, &abilities) };
        let encoded =
            gemini::patch_request(&envelope, &target(&plain), &gemini::RequestPatch::default())
                .unwrap();
        assert_eq!(member(&encoded, "serviceTier").as_deref(), expected, "{written:?} {tier:?}");
        let encoded =
            gemini::patch_request(&envelope, &target(&vertex), &gemini::RequestPatch::default())
                .unwrap();
        assert_eq!(member(&encoded, "serviceTier"), None);
        let header = encoded.headers.first().map(|(_, value)| value.as_str());
        assert_eq!(header, expected, "{written:?} {tier:?}");
    }
    for (written, tier, expected) in [
        (Some("priority"), Tier::Default, None),
        (Some("auto"), Tier::Default, Some("auto")),
        (Some("standard_only"), Tier::Default, Some("standard_only")),
        (None, Tier::Priority, Some("auto")),
    ] {
        let extra = written.map_or(json!({}), |tier| json!({ "service_tier": tier }));
        let body = asked(&extra);
        let envelope = Envelope::parse(&body).unwrap();
        let target = Target { tier: Some(tier), ..Target::new("m", &plain, &abilities) };
        let encoded = anthropic::patch_request(&envelope, &target).unwrap();
        assert_eq!(member(&encoded, "service_tier").as_deref(), expected, "{written:?} {tier:?}");
    }
}
