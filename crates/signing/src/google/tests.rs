use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::vertex::{self, Location, Publisher};
use super::*;
use crate::fixture::{PEM, PUBLIC, service_account};
use crate::{Credential, Invalid, Method, Scheme, TokenError, TokenSource};

const AT: u64 = 1_795_694_400;

fn parse(text: &str) -> Result<Credential, Invalid> {
    Credential::parse(&Scheme::Google, text)
}

fn source(text: &str) -> TokenSource {
    match parse(text).unwrap() {
        Credential::Token(source) => source,
        other => panic!("{other:?}"),
    }
}

/// The fields of a form, decoded.
fn fields(body: &str) -> Vec<(String, String)> {
    let text = |part: &str| String::from_utf8(crate::percent::decode(part)).unwrap();
    body.split('&')
        .map(|field| field.split_once('=').unwrap())
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

#[test]
fn a_service_account_asks_with_an_assertion_its_key_has_signed() {
    let source = source(&service_account("note", Value::Null));
    let request = source.request(AT).unwrap();
    assert_eq!((request.method, request.url.as_str()), (Method::Post, TOKEN_URL));
    assert_eq!(request.headers[0], ("content-type", "application/x-www-form-urlencoded"));
    let fields = fields(request.body.as_ref().unwrap().expose());
    assert_eq!(
        fields[0],
        ("grant_type".to_owned(), "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned())
    );
    assert_eq!((fields.len(), fields[1].0.as_str()), (2, "assertion"));

    let assertion = &fields[1].1;
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PUBLIC);
    key.verify(signed.as_bytes(), &signature).unwrap();
    key.verify(b"something else", &signature).unwrap_err();

    let (header, claims) = signed.split_once('.').unwrap();
    let value = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(value(header), json!({"alg": "RS256", "typ": "JWT", "kid": "0123abcd"}));
    assert_eq!(
        value(claims),
        json!({
            "iss": "gateway@my-project-123.iam.gserviceaccount.com",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": "https://oauth2.googleapis.com/token",
            "iat": AT - 10,
            "exp": AT - 10 + 3600,
        })
    );
    assert_eq!(source.request(AT).unwrap().body, request.body, "there is no chance in it");
    for at in [0, u64::MAX] {
        source.request(at).unwrap();
    }
}

/// What `openssl dgst -sha256 -sign` makes of the same key and text.
#[test]
fn signatures_are_those_of_another_library() {
    let expected = "IIdIXgvE94HfBaTTxVZHUUT9fReEOpVB7BxyV5e6ij8ngfAkribGbmHqTLlRWDJkhQljivHEvTCbA4Aiz2ITOiay\
         t3aMewTaVYqLFM0WipR7RZSihdUpmfhKLbsbA9XIbytMU2wN9-\
         r0xVYLN8bU8MJGvcnA_22FUNVwOEePX7OTQgaK5z_ZZbteNuOQ5c7B60DMvNN1iZAGfW5a7aVRDXXeFd7gwazUhx\
         F7wiIdvLna7rbsh3cuetOf1qYmMlbXFPRznrY84yU0f2Am58gwynYgy4aQiNI2V3oPUcgPCUMCmLGR2KQYPBtjVC\
         kGnVmasRVdhSJ2Bi6LuY4AulnJGA";
    let signature = key::PrivateKey::parse(PEM).unwrap().sign(b"header.claims").unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(signature), expected);
}

#[test]
fn a_service_account_says_who_it_is_and_not_its_key() {
    let source = source(&service_account("token_uri", Value::Null));
    let TokenSource::GoogleServiceAccount(account) = &source else { panic!() };
    assert_eq!(account.client_email(), "gateway@my-project-123.iam.gserviceaccount.com");
    assert_eq!(account.project_id(), Some("my-project-123"));
    assert!(!source.is_ambient());
    assert_eq!(source.request(AT).unwrap().url, TOKEN_URL);
    let shown = format!("{source:?}{:?}", source.request(AT).unwrap());
    assert!(shown.contains("PrivateKey(***)") && !shown.contains("MII"), "{shown}");
    assert!(!shown.contains("assertion"), "{shown}");
}

#[test]
fn keys_may_have_been_through_a_shell() {
    let once = PEM.replace('\n', "\\n");
    let windows = PEM.replace('\n', "\r\n");
    let flat = PEM.replace('\n', " ");
    for pem in [once, windows, flat] {
        let text = service_account("private_key", json!(pem));
        assert_eq!(source(&text), source(&service_account("note", Value::Null)));
    }
}

#[test]
fn what_is_wrong_with_a_service_account_names_the_member_and_never_the_key() {
    let body: String = PEM.lines().filter(|line| !line.starts_with('-')).collect();
    let block = |kind: &str, body: &str| {
        json!(format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n"))
    };
    let cut = &body[..body.len() / 2 / 4 * 4];
    for (member, value, problem) in [
        ("type", Value::Null, "missing"),
        ("type", json!("external_account"), "federated"),
        ("type", json!(body), "must be `service_account`"),
        ("client_email", Value::Null, "missing"),
        ("client_email", json!("nobody"), "address"),
        ("client_email", json!("a@b c"), "white space"),
        ("client_email", json!(body), "address"),
        ("private_key", Value::Null, "missing"),
        ("private_key", json!([body]), "must be a string"),
        ("private_key", json!(""), "missing"),
        ("private_key", json!(body), "not PEM"),
        ("private_key", block("RSA PRIVATE KEY", &body), "PKCS#1"),
        ("private_key", block("EC PRIVATE KEY", &body), "RSA"),
        ("private_key", block("ENCRYPTED PRIVATE KEY", &body), "encrypted"),
        ("private_key", block("PUBLIC KEY", &body), "public"),
        ("private_key", block("PRIVATE KEY", "?"), "base64"),
        ("private_key", block("PRIVATE KEY", ""), "PKCS#8"),
        ("private_key", block("PRIVATE KEY", cut), "PKCS#8"),
        ("private_key", block("PRIVATE KEY", &body[4..]), "PKCS#8"),
        ("private_key", json!(PEM.replace("-----END", "")), "not copied"),
        ("private_key_id", json!("a\nb"), "white space"),
        ("token_uri", json!("http://oauth2.googleapis.com/token"), "not at Google"),
        ("token_uri", json!("https://169.254.169.254/token"), "not at Google"),
        ("token_uri", json!("https://evil.test/oauth2.googleapis.com"), "not at Google"),
        ("token_uri", json!("https://evil.test#.googleapis.com"), "not at Google"),
        ("token_uri", json!("https://evil.test\\.googleapis.com"), "not at Google"),
        ("token_uri", json!("https://a:b@x.googleapis.com/token"), "not at Google"),
        ("token_uri", json!("https://x.googleapis.com:22/token"), "not at Google"),
        ("token_uri", json!("https://evilgoogleapis.com/"), "not at Google"),
        ("token_uri", json!(7), "must be a string"),
        ("universe_domain", json!("example.com"), "googleapis.com"),
        ("project_id", json!("../other"), "identity of a project"),
    ] {
        let error = parse(&service_account(member, value)).unwrap_err();
        let text = format!("{error} {error:?}");
        assert_eq!(error.field, member, "{text}");
        assert!(text.contains(problem), "{text} should tell of {problem}");
        assert!(!text.contains(&body[40..60]), "{text}");
    }
}

/// What is refused for its kind and not for being broken.
#[test]
fn keys_of_other_kinds_are_told_apart() {
    let refusal = |pem: &str| {
        parse(&service_account("private_key", json!(pem))).unwrap_err().problem.into_owned()
    };
    let small = include_str!("../../tests/data/test_key_1024_bits_not_a_secret.pem");
    assert_eq!(refusal(small), "is not an RSA key of 2048 to 4096 bits");
    let curve = include_str!("../../tests/data/test_key_p256_not_a_secret.pem");
    assert_eq!(refusal(curve), "is not an RSA key");
}

#[test]
fn a_user_asks_with_a_refresh_token() {
    let text = r#"{"type":"authorized_user","client_id":"7.apps.googleusercontent.com",
        "client_secret":"d-hidden","refresh_token":"1//hidden","quota_project_id":"mine-1"}"#;
    let source = source(text);
    assert_eq!(source.companion_header(), Some(("x-goog-user-project", "mine-1")));
    let request = source.request(AT).unwrap();
    assert_eq!(
        request.body.as_ref().unwrap().expose(),
        "grant_type=refresh_token&client_id=7.apps.googleusercontent.com&\
         client_secret=d-hidden&refresh_token=1%2F%2Fhidden"
    );
    assert!(!format!("{source:?}{request:?}").contains("hidden"));
    let echo = br#"{"error":"invalid_grant","error_description":"1//hidden was d-hidden"}"#;
    let error = source.read(400, echo, AT).unwrap_err();
    assert!(!error.to_string().contains("hidden"), "{error}");
    assert!(error.is_final());
    for member in ["client_id", "client_secret", "refresh_token"] {
        let without = text.replace(&format!("\"{member}\""), "\"other\"");
        assert_eq!(parse(&without).unwrap_err().field, member);
    }
}

#[test]
fn the_metadata_service_is_asked_in_the_clear_and_with_its_header() {
    let source = source(" metadata\n");
    assert!(source.is_ambient());
    let request = source.request(AT).unwrap();
    assert_eq!(
        request.url,
        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
    );
    assert_eq!((request.method, request.body.is_none()), (Method::Get, true));
    assert_eq!(request.headers, [("metadata-flavor", "Google")]);
    assert!(metadata_project_request().url.ends_with("/project/project-id"));
    let token = br#"{"access_token":"ya29.c","expires_in":100,"token_type":"Bearer"}"#;
    assert_eq!(source.read(200, token, AT).unwrap().expires_at(), AT + 100);
    assert_eq!(source.read(200, b"", AT).unwrap_err(), TokenError::NotJson);
}

#[test]
fn keys_of_express_mode_have_a_header_of_their_own() {
    let Credential::Header(header) = parse("AIzaSyExample").unwrap() else { panic!() };
    assert_eq!((header.name.as_str(), header.value.expose()), ("x-goog-api-key", "AIzaSyExample"));
    for (text, problem) in [("ya29.a0hidden", "within the hour"), (PEM, "whole JSON")] {
        let error = parse(text).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn locations_have_their_hosts() {
    for (name, host) in [
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("us-east5", "us-east5-aiplatform.googleapis.com"),
        ("europe-west1", "europe-west1-aiplatform.googleapis.com"),
    ] {
        let location = Location::parse(name).unwrap();
        assert_eq!((location.host().as_str(), location.name()), (host, name));
        assert_eq!(location.base_url(), format!("https://{host}"));
    }
    for name in ["", "evil.test/", "us east", "-", "US", "a@b", &"a".repeat(33)] {
        assert_eq!(Location::parse(name).unwrap_err().field, "location", "{name}");
    }
}

#[test]
fn paths_by_publisher() {
    let global = Location::parse("global").unwrap();
    let region = Location::parse("us-east5").unwrap();
    let gemini = |streamed| {
        vertex::path("p-1", &global, Publisher::Google, "gemini-3-pro", streamed).unwrap()
    };
    let base = "/v1beta1/projects/p-1/locations/global/publishers/google/models/gemini-3-pro";
    assert_eq!(gemini(false), format!("{base}:generateContent"));
    assert_eq!(gemini(true), format!("{base}:streamGenerateContent?alt=sse"));
    let claude = |streamed| {
        let model = "claude-sonnet-4-5@20250929";
        vertex::path("example.com:p", &region, Publisher::Anthropic, model, streamed).unwrap()
    };
    let base = "/v1/projects/example.com:p/locations/us-east5/publishers/anthropic/models/\
                claude-sonnet-4-5@20250929";
    assert_eq!(claude(false), format!("{base}:rawPredict"));
    assert_eq!(claude(true), format!("{base}:streamRawPredict"));
    assert_eq!(
        vertex::chat_path("p-1", &region).unwrap(),
        "/v1/projects/p-1/locations/us-east5/endpoints/openapi/chat/completions"
    );
    assert_eq!(
        vertex::express_path("gemini-3-flash", true).unwrap(),
        "/v1/publishers/google/models/gemini-3-flash:streamGenerateContent?alt=sse"
    );
}

#[test]
fn names_do_not_leave_their_place_in_a_path() {
    let location = Location::parse("global").unwrap();
    let path = |project: &str, model: &str| {
        vertex::path(project, &location, Publisher::Google, model, false)
    };
    assert!(
        path("p", "../x:predict?y").unwrap().ends_with("/..%2Fx%3Apredict%3Fy:generateContent")
    );
    for project in ["", "a/b", "..", "A", "a b", "a?b"] {
        assert_eq!(path(project, "m").unwrap_err().field, "project", "{project}");
    }
    for model in ["", "..", &"m".repeat(3000)] {
        assert_eq!(path("p", model).unwrap_err().field, "model");
    }
}
