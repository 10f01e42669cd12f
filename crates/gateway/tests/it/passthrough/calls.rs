//! What passes, and what does not.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::Value;

use super::world::*;
use crate::support::{Gateway, MODEL};

/// A request as a provider saw it.
#[derive(Clone, Debug)]
struct Seen {
    method: Method,
    address: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A provider that answers everything and remembers it.
async fn witness() -> (String, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&seen);
    let base_url = provider(move |request: Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let answer = Response::builder()
                .status(StatusCode::IM_A_TEAPOT)
                .header("x-of-provider", "yes")
                .header("set-cookie", "session=1")
                .header("access-control-allow-origin", "https://page.example")
                .header("connection", "x-hop")
                .header("x-hop", "1")
                .header("openai-processing-ms", "5")
                .body(whole(body.clone()))
                .unwrap();
            seen.lock().unwrap().push(Seen {
                method: parts.method,
                address: parts.uri.to_string(),
                headers: parts.headers,
                body,
            });
            answer
        }
    })
    .await;
    (base_url, remembered)
}

#[tokio::test]
async fn every_method_passes_as_it_came_and_the_answer_as_it_is() {
    let (base_url, seen) = witness().await;
    let gateway = gateway(&base_url).await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] {
        let body = if method == "GET" || method == "HEAD" { "" } else { "some\0bytes" };
        let mut request = request(
            &gateway,
            method,
            "/one/v1/files/a%2Fb%20c?purpose=fine-tune&x=%2B+",
            Full::new(Bytes::from_static(body.as_bytes())),
        );
        let headers = request.headers_mut();
        for (name, value) in [
            ("content-type", "application/x-of-tomorrow"),
            ("openai-beta", "assistants=v2"),
            ("x-new", "1"),
            ("cookie", "a=b"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-openrouter-title", "app"),
            ("http-referer", "https://app.example"),
            ("x-api-key", "another"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let answer = gateway.send(request).await;
        assert_eq!(answer.status, StatusCode::IM_A_TEAPOT, "{method}");
        assert_eq!(answer.body, if method == "HEAD" { "" } else { body }, "{method}");
        assert_eq!(answer.headers["x-of-provider"], "yes");
        assert_eq!(answer.headers["openai-processing-ms"], "5");
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "said by this gateway");
        assert!(!answer.headers.contains_key("set-cookie"));
        assert!(!answer.headers.contains_key("x-hop"), "named by the connection");
        let seen = seen.lock().unwrap().pop().unwrap();
        assert_eq!(seen.method, method);
        assert_eq!(seen.address, "/v1/files/a%2Fb%20c?purpose=fine-tune&x=%2B+");
        assert_eq!(seen.body, body);
        assert_eq!(seen.headers["openai-beta"], "assistants=v2");
        assert_eq!(seen.headers["content-type"], "application/x-of-tomorrow");
        assert_eq!(seen.headers["x-new"], "1");
        assert!(base_url.contains(seen.headers["host"].to_str().unwrap()));
        for ours in [
            "authorization",
            "cookie",
            "x-forwarded-for",
            "x-openrouter-title",
            "http-referer",
            "x-api-key",
        ] {
            assert!(!seen.headers.contains_key(ours), "{ours}");
        }
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!((&*row.api_type, row.status), ("passthrough", 418));
        assert_eq!((&*row.provider_slug, &*row.model), ("one", ""));
        assert_eq!(row.app_title.as_deref(), Some("app"));
        assert_eq!(row.request_bytes, Some(body.len() as i64));
        assert_eq!(row.response_bytes, Some(answer.body.len() as i64));
        assert_eq!(row.attempts.len(), 1);
    }
}

#[tokio::test]
async fn all_spellings_of_an_address_reach_the_same_place() {
    let (base_url, seen) = witness().await;
    let gateway = gateway(&base_url).await;
    for (path, reached) in [
        ("/one/v1/files", "/v1/files"),
        ("/one/files", "/v1/files"),
        ("/api/one/v1/files", "/v1/files"),
        ("/api/v1/passthrough/one/v1/files", "/v1/files"),
        ("/v1/passthrough/one/files", "/v1/files"),
        ("/one/upload/v1/files", "/upload/v1/files"),
        ("/one", "/v1"),
    ] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status, StatusCode::IM_A_TEAPOT, "{path}");
        assert_eq!(seen.lock().unwrap().pop().unwrap().address, reached, "{path}");
    }
}

#[tokio::test]
async fn no_path_leads_elsewhere() {
    let (base_url, seen) = witness().await;
    let gateway = gateway(&base_url).await;
    for path in [
        "/one/v1/../../admin",
        "/one/%2e%2e/admin",
        "/one/v1/files/..%2f..%2fadmin",
        "/one/v1/..;/admin",
    ] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("`..`"));
    }
    let answer = gateway.get("/one//other.example/x").await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 1, "only the last one was sent");
    assert!(base_url.contains(seen[0].headers["host"].to_str().unwrap()));
    assert_eq!(seen[0].address, "/v1//other.example/x");
}

/// CLIENT-3: what a surface speaks is routed, not passed through.
#[tokio::test]
async fn what_surfaces_speak_stays_theirs() {
    let (base_url, seen) = witness().await;
    let (models, mut endpoints, mut providers) = catalog(&base_url).into_parts();
    providers[0].slug = "anthropic".into();
    endpoints[0].provider = "anthropic".into();
    let catalog = catalog::Catalog::new(models, endpoints, providers).unwrap();
    let gateway = Gateway::with_catalog(catalog, passing()).await;
    assert_eq!(gateway.get("/anthropic/v1/messages").await.status, 405);
    assert_eq!(gateway.get("/anthropic/v1/models").await.status, 200);
    assert_eq!(gateway.get(&format!("/anthropic/v1/models/{MODEL}")).await.status, 200);
    let counted = gateway.post("/anthropic/v1/messages/count_tokens", &Value::Null).await;
    assert_eq!(counted.status, 400, "our own words");
    assert_eq!(seen.lock().unwrap().len(), 0);
    assert_eq!(gateway.get("/anthropic/v1/files").await.status, 418);
    assert_eq!(gateway.get("/anthropic/v1/messages/batches").await.status, 418);
    assert_eq!(gateway.get("/nobody/v1/files").await.status, 404);
    let unknown = gateway.get("/api/v1/passthrough/nobody/v1/files").await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.json()["error"]["message"].as_str().unwrap().contains("`nobody`"));
}

#[tokio::test]
async fn the_key_in_a_query_goes_no_further_and_uploads_go_on_here() {
    let base_url = provider(|request: Request<Incoming>| async move {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        Response::builder()
            .header("x-goog-upload-url", format!("http://{host}/upload/v1/files?upload_id=7"))
            .header("x-asked", request.uri().to_string())
            .body(whole(""))
            .unwrap()
    })
    .await;
    let mut settings = passing();
    settings.public_url = "http://here".into();
    let gateway = Gateway::with_catalog(catalog(&base_url), settings).await;
    let path = format!("/one/upload/v1/files?alt=json&key={}&pageSize=1", gateway.key);
    let request = Request::post(path).header("host", "g").body(Full::default()).unwrap();
    let answer = gateway.send(request).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["x-asked"], "/upload/v1/files?alt=json&pageSize=1");
    let here = "http://here/api/v1/passthrough/one/upload/v1/files?upload_id=7";
    assert_eq!(answer.headers["x-goog-upload-url"], here);
}

/// A provider's page would otherwise act with the rights of the dashboard's.
#[tokio::test]
async fn a_page_of_a_providers_is_nobodys() {
    let base_url = provider(|_| async move {
        Response::builder()
            .header("content-type", "text/html")
            .header("content-security-policy", "script-src *")
            .header("service-worker-allowed", "/")
            .header("refresh", "0; url=https://elsewhere.example")
            .body(whole("<script>"))
            .unwrap()
    })
    .await;
    let gateway = gateway(&base_url).await;
    let path = format!("/one/v1/html?key={}", gateway.key);
    let asked = |name: &str, value: &str| {
        let asked = Request::get(&path).header("host", "g").header(name, value);
        gateway.send(asked.body(Full::default()).unwrap())
    };
    let fetched = asked("sec-fetch-dest", "empty").await;
    assert_eq!((fetched.status, &*fetched.body), (StatusCode::OK, &b"<script>"[..]));
    assert_eq!(fetched.headers["content-security-policy"], "sandbox; default-src 'none'");
    assert_eq!(fetched.headers["x-content-type-options"], "nosniff");
    assert!(!fetched.headers.contains_key("service-worker-allowed"));
    assert!(!fetched.headers.contains_key("refresh"));
    for (name, value) in [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "serviceworker")] {
        assert_eq!(asked(name, value).await.status, StatusCode::UNAUTHORIZED, "{name}");
    }
}

#[tokio::test]
async fn an_answer_without_a_body_tells_how_long_it_would_be() {
    let base_url = provider(|request: Request<Incoming>| async move {
        let mut answer = Response::new(whole(""));
        match request.uri().path() {
            "/v1/head" => *answer.body_mut() = whole("12345"),
            "/v1/unchanged" => *answer.status_mut() = StatusCode::NOT_MODIFIED,
            _ => *answer.status_mut() = StatusCode::NO_CONTENT,
        }
        answer
    })
    .await;
    let gateway = gateway(&base_url).await;
    let asked = request(&gateway, "HEAD", "/one/v1/head", Full::default());
    let answer = gateway.send(asked).await;
    assert_eq!(
        (answer.status, &answer.headers["content-length"]),
        (StatusCode::OK, &"5".parse().unwrap())
    );
    for (path, status) in [("/one/v1/unchanged", 304), ("/one/v1/deleted", 204)] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (status, 0));
        assert_eq!(gateway.generation(&answer).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn the_key_is_found_where_any_client_puts_it() {
    let (base_url, seen) = witness().await;
    let gateway = gateway(&base_url).await;
    for name in ["x-api-key", "x-goog-api-key", "api-key"] {
        let asked = Request::get("/one/v1/x").header("host", "g").header(name, &gateway.key);
        let answer = gateway.send(asked.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::IM_A_TEAPOT, "{name}");
        assert!(!seen.lock().unwrap().pop().unwrap().headers.contains_key(name));
    }
}

#[tokio::test]
async fn events_pass_one_by_one() {
    let signal = Signal::default();
    let told = Arc::clone(&signal);
    let base_url = provider(move |_| {
        let told = Arc::clone(&told);
        async move {
            let (sender, body) = pieces();
            tokio::spawn(async move {
                sender.send("data: first\n\n".into()).ok();
                told.notified().await;
                sender.send("data: second\n\n".into()).ok();
            });
            Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
        }
    })
    .await;
    let gateway = gateway(&base_url).await;
    let mut sender = connection(&gateway).await;
    let asked = request(&gateway, "GET", "/one/v1/events", Full::<Bytes>::default());
    let mut response = sender.send_request(asked).await.unwrap();
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    let first = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "data: first\n\n", "before there is a second");
    signal.notify_one();
    let rest = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(rest, "data: second\n\n");
    assert!(row(&gateway, &id).await.streamed);
}

#[tokio::test]
async fn a_caller_who_leaves_cancels_the_call() {
    for with_body in [false, true] {
        let (begun, gone) = (Signal::default(), Signal::default());
        let (tell_begun, tell_gone) = (Arc::clone(&begun), Arc::clone(&gone));
        let base_url = provider(move |_| {
            let (begun, dropped) = (Arc::clone(&tell_begun), Dropped(Arc::clone(&tell_gone)));
            async move {
                begun.notify_one();
                if !with_body {
                    std::future::pending::<()>().await;
                }
                let (sender, body) = pieces();
                sender.send("a piece".into()).ok();
                let body = body.map_frame(move |frame| {
                    let _ = (&dropped, &sender);
                    frame
                });
                Response::new(body.boxed())
            }
        })
        .await;
        let gateway = gateway(&base_url).await;
        let mut sender = connection(&gateway).await;
        let asked = request(&gateway, "GET", "/one/v1/x", Full::<Bytes>::default());
        let asking = tokio::spawn(async move {
            let mut response = sender.send_request(asked).await.unwrap();
            let piece = response.body_mut().frame().await.unwrap().unwrap();
            assert_eq!(piece.into_data().unwrap(), "a piece");
            (response, sender)
        });
        begun.notified().await;
        let id = match with_body {
            true => {
                let (response, sender) = asking.await.unwrap();
                let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
                drop((response, sender));
                Some(id)
            }
            false => {
                asking.abort();
                None
            }
        };
        gone.notified().await;
        if let Some(id) = id {
            let row = row(&gateway, &id).await;
            assert!(row.cancelled);
            assert_eq!(row.response_bytes, Some(7));
        }
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_told_of() {
    let gateway = gateway("http://127.0.0.1:1/v1").await;
    let answer = gateway.get("/one/v1/files").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.error_type(), "provider_unavailable");
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("one could not be connected to"), "{message}");
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!((row.status, row.error_type.as_deref()), (502, Some("provider_unavailable")));
    assert_eq!(row.attempts[0].status, None);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_whole_one() {
    let base_url = crate::raw::provider(|mut stream| async move {
        use tokio::io::AsyncWriteExt;
        crate::raw::read_request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
        stream.write_all(head.as_bytes()).await.ok();
    })
    .await;
    let gateway = gateway(&base_url).await;
    let mut sender = connection(&gateway).await;
    let asked = request(&gateway, "GET", "/one/v1/x", Full::<Bytes>::default());
    let response = sender.send_request(asked).await.unwrap();
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    assert!(response.into_body().collect().await.is_err());
    let row = row(&gateway, &id).await;
    assert_eq!(row.error_type.as_deref(), Some("provider_unavailable"));
}

/// The gateway stops: callers get an error, and every call its row.
#[tokio::test]
async fn a_stop_ends_what_does_not_end_by_itself() {
    let begun = Signal::default();
    let told = Arc::clone(&begun);
    let base_url = provider(move |_| {
        let told = Arc::clone(&told);
        async move {
            told.notify_one();
            std::future::pending().await
        }
    })
    .await;
    let gateway = gateway(&base_url).await;
    let app = Arc::clone(&gateway.app);
    let mut sender = connection(&gateway).await;
    let asked = request(&gateway, "GET", "/one/v1/x", Full::<Bytes>::default());
    let asking = tokio::spawn(async move { sender.send_request(asked).await.unwrap() });
    begun.notified().await;
    assert!(!gateway.stop().await);
    let response = asking.await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let id = response.headers()["x-generation-id"].to_str().unwrap();
    app.settlements.flush().await.unwrap();
    assert!(app.store.generation(id).await.unwrap().is_some());
}
