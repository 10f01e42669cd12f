//! Amazon's published vectors ("aws-signing-test-suite" of the Common Runtime), and what botocore
//! 1.44.8 signs for Bedrock.

use proptest::prelude::*;

use super::canonical::{canonical, path};
use super::signature::{hex, signing_key};
use super::*;
use crate::{Credential, Scheme, Secret};

/// 2015-08-30T12:36:00Z, the time of all vectors.
const AT: u64 = 1_440_938_160;
/// 2026-11-26T12:00:00Z.
const BEDROCK_AT: u64 = 1_795_694_400;
const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const LONG_TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
type Header<'a> = (&'a str, &'a str);

const UNRESERVED: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn credentials(session_token: Option<&str>) -> AwsCredentials {
    AwsCredentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Secret::new(KEY),
        session_token: session_token.map(Secret::new),
    }
}

fn request<'a>(method: &'a str, path: &'a str, query: &'a str) -> Request<'a> {
    let body = BodyHash::of([]);
    let host = "example.amazonaws.com";
    Request { method, host, path, query, headers: &[], body, sends_body_hash: false }
}

/// The signature alone.
fn signature(request: &Request<'_>, session_token: Option<&str>) -> String {
    let signed = sign(&credentials(session_token), "us-east-1", "service", request, AT);
    assert_eq!(signed.x_amz_date, "20150830T123600Z");
    let (_, signature) = signed.authorization.expose().rsplit_once("Signature=").unwrap();
    signature.to_owned()
}

#[test]
fn get_vanilla_word_for_word() {
    let request = request("GET", "/", "");
    let own = [("x-amz-date", "20150830T123600Z")];
    let canonical = canonical(&request, &own);
    assert_eq!(
        canonical.text,
        "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n\
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let signed = sign(&credentials(None), "us-east-1", "service", &request, AT);
    let headers: Vec<_> = signed.iter().collect();
    assert_eq!(
        headers,
        [
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
            ),
            ("x-amz-date", "20150830T123600Z"),
        ]
    );
}

#[test]
fn the_derived_key_of_amazons_documentation() {
    let key = signing_key(&Secret::new(KEY), "20150830", "us-east-1", "iam");
    assert_eq!(
        hex(key.as_ref()),
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    );
}

#[test]
fn published_vectors_of_methods_paths_and_queries() {
    let unreserved_path = format!("/{UNRESERVED}");
    let unreserved_query = format!("{UNRESERVED}={UNRESERVED}");
    const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    const POSTED: &str = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11";
    for (name, method, path, query, expected) in [
        ("get-vanilla", "GET", "/", "", VANILLA),
        (
            "post-vanilla",
            "POST",
            "/",
            "",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        ("get-relative", "GET", "/example/..", "", VANILLA),
        ("get-relative-relative", "GET", "/example1/example2/../..", "", VANILLA),
        ("get-slash", "GET", "//", "", VANILLA),
        ("get-slash-dot-slash", "GET", "/./", "", VANILLA),
        (
            "get-slash-pointless-dot",
            "GET",
            "/./example",
            "",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        (
            "get-slashes",
            "GET",
            "//example//",
            "",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "get-space",
            "GET",
            "/example space/",
            "",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (
            "get-unreserved",
            "GET",
            &unreserved_path,
            "",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-utf8",
            "GET",
            "/ሴ",
            "",
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            "get-vanilla-empty-query-key",
            "GET",
            "/",
            "Param1=value1",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "get-vanilla-query-order-encoded",
            "GET",
            "/",
            "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/",
            "Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-unreserved",
            "GET",
            "/",
            &unreserved_query,
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "get-vanilla-utf8-query",
            "GET",
            "/",
            "ሴ=bar",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        ("post-vanilla-query", "POST", "/", "Param1=value1", POSTED),
    ] {
        assert_eq!(signature(&request(method, path, query), None), expected, "{name}");
    }
}

#[test]
fn published_vectors_of_headers() {
    let repeated = [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")];
    let ordered = [
        ("My-Header1", "value4"),
        ("My-Header1", "value1"),
        ("My-Header1", "value3"),
        ("My-Header1", "value2"),
    ];
    let cases: [(&str, &str, &[Header<'_>], &str); 6] = [
        (
            "get-header-key-duplicate",
            "GET",
            &repeated,
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-multiline",
            "GET",
            &[("My-Header1", "value1\n  value2\n     value3")],
            "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd",
        ),
        (
            "get-header-value-order",
            "GET",
            &ordered,
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "get-header-value-trim",
            "GET",
            &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "post-header-key-sort",
            "POST",
            &[("My-Header1", "value1")],
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "post-header-value-case",
            "POST",
            &[("My-Header1", "VALUE1")],
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
    ];
    for (name, method, headers, expected) in cases {
        let request = Request { headers, ..request(method, "/", "") };
        assert_eq!(signature(&request, None), expected, "{name}");
    }
}

#[test]
fn published_vectors_of_session_tokens() {
    assert_eq!(
        signature(&request("POST", "/", ""), Some(LONG_TOKEN)),
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        "post-sts-header-before"
    );
    let short = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    assert_eq!(
        signature(&request("GET", "/", ""), Some(short)),
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        "get-vanilla-with-session-token"
    );
}

#[test]
fn published_vectors_of_bodies() {
    let parts: [&[u8]; 3] = [b"Param1", b"", b"=value1"];
    for (name, kind, expected) in [
        (
            "post-x-www-form-urlencoded",
            "application/x-www-form-urlencoded",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
        (
            "post-x-www-form-urlencoded-parameters",
            "application/x-www-form-urlencoded; charset=utf-8",
            "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
        ),
    ] {
        let request = Request {
            headers: &[("Content-Type", kind), ("Content-Length", "13")],
            body: BodyHash::of(parts),
            sends_body_hash: true,
            ..request("POST", "/", "")
        };
        assert_eq!(signature(&request, None), expected, "{name}");
        let signed = sign(&credentials(None), "us-east-1", "service", &request, AT);
        assert_eq!(
            signed.iter().last().unwrap(),
            (
                "x-amz-content-sha256",
                "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
            )
        );
    }
}

#[test]
fn what_is_sent_encoded_is_signed_encoded_twice() {
    // The vectors double-encode-path and double-url-encode.
    assert_eq!(
        path("/test/@connections/JBDvjfGEIAMCERw%3D"),
        "/test/%40connections/JBDvjfGEIAMCERw%253D"
    );
    let request = Request {
        method: "POST",
        host: "lambda.us-east-2.amazonaws.com",
        path: "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-west-2%3A892717189312%3Afunction\
               %3Amy-rusty-fun/invocations",
        query: "",
        headers: &[],
        body: BodyHash::of([]),
        sends_body_hash: false,
    };
    let signed = sign(&credentials(None), "us-east-2", "lambda", &request, 1_620_747_645);
    assert_eq!(
        signed.authorization.expose(),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20210511/us-east-2/lambda/aws4_request, \
         SignedHeaders=host;x-amz-date, \
         Signature=4b93abbcc68be32bd64c18e2c71150660ab4c29bbd6c32a383a7517a88fc1804"
    );
}

#[test]
fn bedrock_is_signed_as_botocore_signs_it() {
    let token = "AQoDYXdzEPT//////////wEXAMPLE=";
    for (path, session_token, expected) in [
        (
            "/model/anthropic.claude-3-sonnet-20240229-v1%3A0/converse",
            None,
            "fe60e00ecfdbc821dee7df708559d2d06ee23e453d80390ba7a9c5f1b2802b44",
        ),
        (
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile\
             %2Fabc123def456/converse-stream",
            Some(token),
            "746fdd59915cbf87302575e656b8eb997b38f4a03935e2753047a75fffefcb91",
        ),
    ] {
        let host = bedrock_host("us-east-1").unwrap();
        let request = Request {
            method: "POST",
            host: &host,
            path,
            query: "",
            headers: &[("content-type", "application/json")],
            body: BodyHash::of([br#"{"messages":[]}"#.as_slice()]),
            sends_body_hash: false,
        };
        let credentials = credentials(session_token);
        let signed = sign(&credentials, "us-east-1", BEDROCK_SERVICE, &request, BEDROCK_AT);
        let authorization = signed.authorization.expose();
        assert!(authorization.ends_with(expected), "{path}: {authorization}");
        assert_eq!(signed.x_amz_security_token.as_ref().map(Secret::expose), session_token);
        assert!(!format!("{signed:?}{credentials:?}").contains("EXAMPLE="));
    }
}

#[test]
fn headers_that_signing_sets_are_not_taken_from_the_caller() {
    let plain = request("POST", "/", "");
    let headers = [("Host", "evil"), ("X-Amz-Date", "x"), ("authorization", "a"), ("HOST", "b")];
    let with = Request { headers: &headers, ..plain };
    assert_eq!(signature(&with, None), signature(&plain, None));
}

#[test]
fn hosts_stay_what_they_are() {
    for (region, host) in [
        ("us-gov-west-1", "bedrock-runtime.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "bedrock-runtime.eusc-de-east-1.amazonaws.eu"),
    ] {
        assert_eq!(bedrock_host(region).unwrap(), host);
    }
    for region in ["", "evil.test/", "us east", "-a", "a-", "US-EAST-1", "a@b"] {
        assert_eq!(bedrock_host(region).unwrap_err().field, "region", "{region}");
    }
}

fn parse(text: &str) -> Result<Credential, crate::Invalid> {
    Credential::parse(&Scheme::Aws, text)
}

#[test]
fn a_bedrock_api_key_may_stand_beside_its_region() {
    let json = r#"{"api_key": "ABSK-key", "region": "eu-west-1"}"#;
    let Credential::Header(header) = parse(json).unwrap() else { panic!() };
    assert_eq!(header.value.expose(), "Bearer ABSK-key");
    assert_eq!(parse(r#"{"api_key": "a b"}"#).unwrap_err().field, "api_key");
}

#[test]
fn credentials_in_all_their_forms() {
    for key in ["ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl=", "bedrock-api-key-YmVkcm9jaw=="] {
        let Credential::Header(header) = parse(&format!(" {key}\n")).unwrap() else { panic!() };
        assert_eq!(header.name, "authorization");
        assert_eq!(header.value.expose(), format!("Bearer {key}"));
    }
    let Credential::Aws(pair) = parse(&format!("AKIAIOSFODNN7EXAMPLE:{KEY}")).unwrap() else {
        panic!()
    };
    assert_eq!(pair.access_key_id, "AKIAIOSFODNN7EXAMPLE");
    assert_eq!((pair.secret_access_key.expose(), &pair.session_token), (KEY, &None));
    let Credential::Aws(three) =
        parse(&format!("ASIAIOSFODNN7EXAMPLE:{KEY}:{LONG_TOKEN}")).unwrap()
    else {
        panic!()
    };
    assert_eq!(three.session_token.unwrap().expose(), LONG_TOKEN);
    let json = format!(
        r#"{{"access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"{KEY}",
            "session_token":null,"region":"eu-central-1","note":[1]}}"#
    );
    let Credential::Aws(object) = parse(&json).unwrap() else { panic!() };
    assert!(object.session_token.is_none());
    // BYOK-11
    let json = format!(
        r#"{{"accessKeyId":"AKIAIOSFODNN7EXAMPLE","secretAccessKey":"{KEY}","region":"us-east-1"}}"#
    );
    assert_eq!(parse(&json).unwrap(), Credential::Aws(object));
}

#[test]
fn what_is_wrong_with_credentials_names_the_member() {
    let with = |members: &str| format!(r#"{{"secret_access_key":"{KEY}",{members}}}"#);
    for (text, field) in [
        ("AKIAIOSFODNN7EXAMPLE".to_owned(), "secret_access_key"),
        ("AKIAIOSFODNN7EXAMPLE:".to_owned(), "secret_access_key"),
        (format!("ASIAIOSFODNN7EXAMPLE:{KEY}"), "session_token"),
        (format!("AKIAIOSFODNN7EXAMPLE:{KEY}:"), "session_token"),
        (format!("short:{KEY}"), "access_key_id"),
        (format!(":{KEY}"), "access_key_id"),
        (with("\"region\":\"us-east-1\""), "access_key_id"),
        (with("\"access_key_id\":7"), "access_key_id"),
        (with("\"access_key_id\":\"AKIAIOSFODNN7EXAMPLE\",\"region\":\"a/b\""), "region"),
        ("{\"access_key_id\":\"AKIAIOSFODNN7EXAMPLE\"}".to_owned(), "secret_access_key"),
        (format!("{{\"access_key_id\":\"{KEY}\""), "credential"),
        (format!("key {KEY}"), "credential"),
    ] {
        let error = parse(&text).unwrap_err();
        assert_eq!(error.field, field, "{text}: {error}");
        assert!(!error.to_string().contains("wJalr"), "{error}");
    }
}

proptest! {
    #[test]
    fn anything_can_be_signed(
        path in ".*",
        query in ".*",
        name in ".*",
        value in ".*",
        host in ".*",
        at in any::<u64>(),
    ) {
        let headers = [(name.as_str(), value.as_str())];
        let request = Request {
            method: "POST",
            host: &host,
            path: &path,
            query: &query,
            headers: &headers,
            body: BodyHash::of([]),
            sends_body_hash: true,
        };
        let signed = sign(&credentials(None), "r", "s", &request, at);
        prop_assert_eq!(signed.x_amz_date.len(), 16);
    }

    /// The order in which fields of a query and headers of different names are sent means nothing.
    #[test]
    fn order_means_nothing(mut fields in prop::collection::vec("[a-z%0-9]{1,4}=[a-z]{0,2}", 0..6)) {
        let one = fields.join("&");
        fields.reverse();
        let other = fields.join("&");
        prop_assert_eq!(
            signature(&request("GET", "/", &one), None),
            signature(&request("GET", "/", &other), None)
        );
    }
}
