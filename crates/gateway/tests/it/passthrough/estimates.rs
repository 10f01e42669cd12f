//! What a call costs whose provider counts nothing, or whose end nobody waits for.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::json as value;
use store::{Generation, PriceState, SettledBy};

use super::money::{COMPLETION, PROMPT, asked, events, told, unpriced};
use super::world::*;
use crate::limits::limited as key_of;

const CHAT: &str = "/one/v1/chat/completions";

/// The cost of so many tokens, guessed in a certain way.
fn guessed(row: &Generation, (input, output): (i64, i64), settled_by: SettledBy) {
    assert_eq!((row.native_tokens_prompt, row.native_tokens_completion), (input, output));
    assert_eq!(row.total_cost, input * PROMPT + output * COMPLETION);
    assert_eq!((row.price_state, row.settled_by), (PriceState::Known, settled_by));
}

/// A token for every four bytes.
fn tokens(bytes: usize) -> i64 {
    bytes.div_ceil(4) as i64
}

#[tokio::test]
async fn a_stream_without_counts_is_paid_by_its_text() {
    let body = value!({"model": "m", "stream": true});
    let stream = || {
        let chunk = r#"{"model":"m","choices":[{"delta":{"content":"0123456789"}}]}"#;
        events(&format!("data: {chunk}\n\ndata: {chunk}\n\ndata: [DONE]\n\n"))
    };
    let row = told("POST", CHAT, &body, stream).await;
    guessed(&row, (tokens(body.to_string().len()), 5), SettledBy::Estimated);
    // No guess is more than what was asked for.
    let body = value!({"model": "m", "stream": true, "max_tokens": 2});
    let row = told("POST", CHAT, &body, stream).await;
    guessed(&row, (tokens(body.to_string().len()), 2), SettledBy::Estimated);
    let whole = || json(r#"{"model":"m","choices":[{"message":{"content":"01234567"}}]}"#);
    let body = value!({"model": "m"});
    let row = told("POST", CHAT, &body, whole).await;
    guessed(&row, (tokens(body.to_string().len()), 2), SettledBy::Estimated);
    // Pictures in a prompt are no text.
    let url = format!("data:image/png;base64,{}", "A".repeat(8_000));
    let body = value!({"model": "m", "image_url": {"url": url}});
    let row = told("POST", CHAT, &body, whole).await;
    assert!(row.native_tokens_prompt < 20);
}

#[tokio::test]
async fn a_stream_that_is_left_is_paid_as_far_as_it_came() {
    let base_url = provider(|_| async {
        let (sender, body) = pieces();
        let begin = r#"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":9,"output_tokens":1}}}"#;
        let delta = r#"{"type":"content_block_delta","delta":{"text":"0123456789012345678901234567890123456789"}}"#;
        sender.send(format!("data: {begin}\n\ndata: {delta}\n\n").into()).ok();
        tokio::spawn(async move {
            sender.closed().await;
        });
        Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
    })
    .await;
    let gateway = gateway(&base_url).await;
    let mut caller = connection(&gateway).await;
    let body = Full::new(Bytes::from(r#"{"model":"m","stream":true}"#));
    let asked = request(&gateway, "POST", "/one/v1/messages", body);
    let mut response = caller.send_request(asked).await.unwrap();
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    response.body_mut().frame().await.unwrap().unwrap();
    drop((response, caller));
    let row = row(&gateway, &id).await;
    assert!(row.cancelled);
    guessed(&row, (9, 10), SettledBy::Metered);
}

#[tokio::test]
async fn who_leaves_before_the_answer_pays_the_prompt() {
    let begun = Signal::default();
    let tell = Arc::clone(&begun);
    let base_url = provider(move |request: http::Request<hyper::body::Incoming>| {
        let tell = Arc::clone(&tell);
        async move {
            request.into_body().collect().await.unwrap();
            tell.notify_one();
            std::future::pending().await
        }
    })
    .await;
    let gateway = limited(&base_url, passing(), key_of(100_000_000_000)).await;
    let mut caller = connection(&gateway).await;
    let body = format!(r#"{{"model":"m","input":"{}"}}"#, "x".repeat(400));
    let length = body.len();
    let asked = request(&gateway, "POST", CHAT, Full::new(Bytes::from(body)));
    let asking = tokio::spawn(async move { caller.send_request(asked).await.map(|_| ()) });
    begun.notified().await;
    asking.abort();
    let row = loop {
        gateway.app.settlements.flush().await.unwrap();
        let key = gateway.get("/api/v1/key").await.json();
        let used = key["data"]["usage"].as_f64().unwrap_or(0.0);
        if used > 0.0 {
            break (used * 1e9).round() as i64;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(row, tokens(length) * PROMPT);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_paid_as_far_as_it_came() {
    let base_url = crate::raw::provider(|mut stream| async move {
        use tokio::io::AsyncWriteExt;
        crate::raw::read_request(&mut stream).await;
        let text = r#"{"choices":[{"message":{"content":"01234567"#;
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n";
        stream.write_all(format!("{head}{text}").as_bytes()).await.ok();
    })
    .await;
    let gateway = gateway(&base_url).await;
    let mut caller = connection(&gateway).await;
    let body = r#"{"model":"m"}"#;
    let asked = request(&gateway, "POST", CHAT, Full::<Bytes>::from(body));
    let response = caller.send_request(asked).await.unwrap();
    let id = response.headers()["x-generation-id"].to_str().unwrap().to_owned();
    assert!(response.into_body().collect().await.is_err());
    let row = row(&gateway, &id).await;
    assert_eq!((row.error_type.as_deref(), row.cancelled), (Some("provider_unavailable"), false));
    guessed(&row, (tokens(body.len()), 2), SettledBy::Metered);
}

#[tokio::test]
async fn an_error_is_free_whatever_its_status() {
    let body = value!({"model": "m"});
    unpriced(&told("POST", CHAT, &body, || json(r#"{"error":{"message":"no"}}"#)).await);
    let stream = || events("data: {\"type\":\"error\",\"error\":{\"message\":\"no\"}}\n\n");
    unpriced(&told("POST", CHAT, &body, stream).await);
    unpriced(&told("POST", CHAT, &body, || json("")).await);
}

/// What comes later is paid when it is asked for: nobody has to fetch it.
#[tokio::test]
async fn a_response_in_the_background_is_paid_when_it_is_asked_for() {
    let queued = || json(r#"{"id":"r","status":"queued","model":"m","output":[],"usage":null}"#);
    let body = value!({"model": "m", "background": true, "max_output_tokens": 100});
    let row = told("POST", "/one/v1/responses", &body, queued).await;
    guessed(&row, (tokens(body.to_string().len()), 100), SettledBy::Estimated);
    let done = r#"{"id":"r","status":"completed","model":"m","usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}"#;
    let base_url = provider(move |_| async move { json(done) }).await;
    let counted = gateway(&base_url).await;
    let fetched = asked(&counted, "GET", "/one/v1/responses/r", &value!(null)).await;
    unpriced(&counted.generation(&fetched).await.unwrap());
    // A stream that tells its use costs that; and none is begun with less than it may come to.
    let answer = asked(&counted, "POST", "/one/v1/responses", &body).await;
    assert_eq!(counted.generation(&answer).await.unwrap().native_tokens_completion, 4);
    let poor = limited(&base_url, passing(), key_of(99 * COMPLETION)).await;
    let answer = asked(&poor, "POST", "/one/v1/responses", &body).await;
    assert_eq!(answer.status, StatusCode::PAYMENT_REQUIRED);
}

/// What is longer than what is looked into before it is sent is read while it passes.
#[tokio::test]
async fn media_and_lengths_of_a_long_body_are_read_too() {
    let base_url = provider(|request: http::Request<hyper::body::Incoming>| async move {
        request.into_body().collect().await.unwrap();
        json(r#"{"id":"r","status":"queued","model":"m","output":[],"usage":null}"#)
    })
    .await;
    let gateway = gateway(&base_url).await;
    let image = format!("data:image/png;base64,{}", "A".repeat(1_200_000));
    let body = value!({
        "model": "m", "background": true, "max_output_tokens": 100, "n": 2,
        "input": [{"image_url": image}],
    });
    let answer = asked(&gateway, "POST", "/one/v1/responses", &body).await;
    let row = gateway.generation(&answer).await.unwrap();
    let text = body.to_string().len() - image.len();
    guessed(&row, (tokens(text), 200), SettledBy::Estimated);
    // Without media all of it is text; and an answer without text costs the prompt.
    let body = value!({"model": "m", "messages": [{"content": "x".repeat(1_200_000)}]});
    let answer = asked(&gateway, "POST", CHAT, &body).await;
    let row = gateway.generation(&answer).await.unwrap();
    let longest = row.native_tokens_prompt;
    assert!(longest > 100_000 && longest <= tokens(body.to_string().len()), "{longest}");
    guessed(&row, (longest, 0), SettledBy::Estimated);
}

#[tokio::test]
async fn files_of_a_form_are_no_text_of_a_prompt() {
    let base_url = provider(|request: http::Request<hyper::body::Incoming>| async move {
        request.into_body().collect().await.unwrap();
        json(r#"{"text":"01234567","segments":[{"text":"01234567"}]}"#)
    })
    .await;
    let gateway = limited(&base_url, passing(), key_of(1_000_000_000_000)).await;
    for size in [10_000, 2_000_000] {
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n",
            "x".repeat(size)
        );
        let mut asked = request(&gateway, "POST", "/one/v1/audio/transcriptions", Full::from(form));
        let kind = "multipart/form-data; boundary=b".parse().unwrap();
        asked.headers_mut().insert("content-type", kind);
        let answer = gateway.send(asked).await;
        assert_eq!(answer.status, StatusCode::OK, "{size}");
        guessed(&gateway.generation(&answer).await.unwrap(), (1, 2), SettledBy::Estimated);
    }
}
