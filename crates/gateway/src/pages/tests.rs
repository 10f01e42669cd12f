//! Which addresses are pages, whatever files this build has.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::*;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn asked(method: Method, address: &str, accept: &str) -> Option<(StatusCode, HeaderMap)> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
    let uri = Uri::try_from(address).unwrap();
    let response = answer(&method, &uri, &headers, &"/gw".parse().unwrap())?;
    Some((response.status(), response.headers().clone()))
}

#[test]
fn every_address_of_a_browser_is_the_page_dots_included() {
    for address in
        ["/", "/keys", "/models/openai/gpt-4.1", "/models/a/b:free", "/logs?id=gen-1", "/x.js"]
    {
        for method in [Method::GET, Method::HEAD] {
            let (status, headers) = asked(method, address, BROWSER).unwrap();
            assert_eq!(status, StatusCode::OK, "{address}");
            assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8", "{address}");
            assert_eq!(headers[CACHE_CONTROL], "no-cache", "{address}");
        }
    }
}

#[test]
fn programs_get_an_error_of_the_api() {
    for address in ["/api/v1/nothing", "/v1/x", "/v1beta/x", "/anthropic/x", "/api"] {
        assert_eq!(asked(Method::GET, address, BROWSER), None, "{address}");
    }
    for accept in ["application/json", "*/*", "text/event-stream"] {
        assert_eq!(asked(Method::GET, "/keys", accept), None, "{accept}");
        assert_eq!(asked(Method::POST, "/chat/completions", accept), None, "{accept}");
    }
    assert_eq!(asked(Method::GET, "/", "*/*").unwrap().0, StatusCode::OK);
}

#[test]
fn a_script_that_is_gone_is_never_the_page() {
    for accept in [BROWSER, "*/*"] {
        let (status, headers) = asked(Method::GET, "/assets/index-0.js", accept).unwrap();
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers[CONTENT_TYPE], "text/plain; charset=utf-8");
    }
}

#[test]
fn a_page_is_read_only() {
    let (status, headers) = asked(Method::POST, "/keys", BROWSER).unwrap();
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(headers[ALLOW], "GET, HEAD");
}
