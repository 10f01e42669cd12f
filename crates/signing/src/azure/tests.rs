use super::*;
use crate::{Credential, Invalid, Method, Scheme, TokenSource};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const CLIENT: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

fn parse(text: &str) -> Result<Credential, Invalid> {
    Credential::parse(&Scheme::Azure, text)
}

fn source(text: &str) -> TokenSource {
    match parse(text).unwrap() {
        Credential::Token(source) => source,
        other => panic!("{other:?}"),
    }
}

fn application(more: &str) -> String {
    format!(
        r#"{{"tenant_id":"{TENANT}","client_id":"{CLIENT}","client_secret":"p~8Q.hidden+"{more}}}"#
    )
}

#[test]
fn an_application_asks_with_its_secret() {
    let source = source(&application(""));
    let request = source.request(0).unwrap();
    assert_eq!(request.method, Method::Post);
    assert_eq!(
        request.url,
        format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token")
    );
    assert_eq!(
        request.body.as_ref().unwrap().expose(),
        format!(
            "grant_type=client_credentials&client_id={CLIENT}&client_secret=p~8Q.hidden%2B&\
             scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default"
        )
    );
    assert!(!format!("{source:?}{request:?}").contains("hidden"));
    assert!(!source.is_ambient());
    let answer = br#"{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ0.a.b"}"#;
    assert_eq!(source.read(200, answer, 1).unwrap().expires_at(), 3600);
    let refusal = br#"{"error":"invalid_client","error_description":
        "AADSTS7000215: Invalid client secret provided. 'p~8Q.hidden+'\r\nTrace ID: 1",
        "error_codes":[7000215]}"#;
    let error = source.read(401, refusal, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the token server refused with status 401: invalid_client: AADSTS7000215: Invalid client \
         secret provided. '***' Trace ID: 1"
    );
    assert!(error.is_final());
}

#[test]
fn other_clouds_are_elsewhere() {
    for (cloud, host, scope) in [
        ("us_government", "login.microsoftonline.us", "cognitiveservices.azure.us"),
        ("china", "login.chinacloudapi.cn", "cognitiveservices.azure.cn"),
    ] {
        let request = source(&application(&format!(r#","cloud":"{cloud}""#))).request(0).unwrap();
        assert!(request.url.starts_with(&format!("https://{host}/")), "{}", request.url);
        assert!(request.body.unwrap().expose().contains(scope));
    }
}

#[test]
fn what_is_wrong_with_an_application_names_the_member() {
    for (text, field) in [
        (application(r#","tenant_id":"common""#), "tenant_id"),
        (application(r#","tenant_id":"a/../b""#), "tenant_id"),
        (application(r#","tenant_id":"..""#), "tenant_id"),
        (application(r#","client_id":"p~8Q.hidden""#), "client_id"),
        (application(r#","client_secret":"p hidden""#), "client_secret"),
        (application(r#","client_secret":null"#), "client_secret"),
        (application(r#","client_secret":{"hidden":1}"#), "client_secret"),
        (application(r#","cloud":"hidden""#), "cloud"),
        (application(",hidden"), "credential"),
        ("managed_identity:hidden".to_owned(), "client_id"),
        ("managed_identity hidden".to_owned(), "credential"),
        ("hidden key".to_owned(), "credential"),
        ("{}".to_owned(), "tenant_id"),
    ] {
        let error = parse(&text).unwrap_err();
        assert_eq!(error.field, field, "{text}: {error}");
        assert!(!format!("{error}{error:?}").contains("hidden"), "{error}");
    }
}

#[test]
fn a_machine_asks_its_metadata_service() {
    let own = source("managed_identity");
    assert!(own.is_ambient());
    let request = own.request(0).unwrap();
    let url = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&\
               resource=https%3A%2F%2Fcognitiveservices.azure.com";
    assert_eq!(request.url, url);
    assert_eq!((request.method, request.body.is_none()), (Method::Get, true));
    assert_eq!(request.headers, [("metadata", "true")]);
    let assigned = source(&format!("managed_identity:{CLIENT}")).request(0).unwrap();
    assert_eq!(assigned.url, format!("{url}&client_id={CLIENT}"));
    let answer = br#"{"access_token":"eyJ0","expires_in":"86399","expires_on":"86400",
        "not_before":"1","resource":"https://cognitiveservices.azure.com","token_type":"Bearer"}"#;
    assert_eq!(own.read(200, answer, 1).unwrap().expires_at(), 86_400);
    // It says so while it starts.
    assert!(!own.read(404, b"", 1).unwrap_err().is_final());
}

#[test]
fn keys_have_a_header_of_their_own() {
    let Credential::Header(header) = parse("0123456789abcdef").unwrap() else { panic!() };
    assert_eq!((header.name.as_str(), header.value.expose()), ("api-key", "0123456789abcdef"));
}

#[test]
fn both_styles_of_addresses() {
    assert_eq!(ChatPath::V1.render().unwrap(), "/openai/v1/chat/completions");
    let classic =
        |deployment, api_version| ChatPath::Deployment { deployment, api_version }.render();
    assert_eq!(
        classic("my gpt/4", "2024-12-01-preview").unwrap(),
        "/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2024-12-01-preview"
    );
    for (deployment, version, field) in [
        ("", "v", "deployment"),
        ("..", "v", "deployment"),
        ("d", "", "api_version"),
        ("d", "1&x=2", "api_version"),
    ] {
        assert_eq!(classic(deployment, version).unwrap_err().field, field);
    }
    assert_eq!(
        resource_base_url("My-Resource", Cloud::Public).unwrap(),
        "https://my-resource.openai.azure.com"
    );
    assert_eq!(
        resource_base_url("mine", Cloud::UsGovernment).unwrap(),
        "https://mine.openai.azure.us"
    );
    for resource in ["", "evil.test/", "a.b", "a@b", "-a"] {
        assert_eq!(resource_base_url(resource, Cloud::Public).unwrap_err().field, "resource");
    }
}
