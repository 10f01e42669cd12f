//! What failures mean: to the caller, to the endpoint's health, to the books.

use catalog::{Meter, PicoUsd, PriceList};
use serde_json::{Value, json};
use testkit::{Protocol, Script, Simulator};
use tokio::io::AsyncWriteExt as _;

use super::raw::{GOOD_END, begin_stream, fixed, provider, read_request, text_chunk, upstream};
use super::support::{Gateway, MODEL, Upstream, settings};

const CHAT: &str = "/v1/chat/completions";
const JSON: &str = "application/json";
const SSE: &str = "text/event-stream";

fn body(stream: bool) -> Value {
    json!({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
}

/// LB-6, LB-7, ERR-10: an error inside a 200 means what it says.
#[tokio::test]
async fn errors_inside_a_200_mean_what_they_say() {
    for (error, status, availability, counts) in [
        (
            r#"{"error":{"message":"bad value","type":"invalid_request_error","code":"invalid_value"}}"#,
            400,
            json!(null),
            false,
        ),
        (
            r#"{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}"#,
            429,
            json!("capacity_exhausted"),
            false,
        ),
        (
            r#"{"error":{"message":"oops","type":"server_error","code":"server_error"}}"#,
            502,
            json!("temporarily_unavailable"),
            true,
        ),
    ] {
        let base_url = fixed("200 OK", JSON, error).await;
        for stream in [false, true] {
            let gateway = Gateway::start(&[upstream(base_url.clone(), "one")]).await;
            let answer = gateway.post(CHAT, &body(stream)).await;
            let shown = answer.json();
            assert_eq!(answer.status, status, "{shown}");
            assert_eq!(shown["error"]["availability"]["code"], availability, "{shown}");
            assert_eq!(gateway.counted().is_some(), counts, "{error}");
            let row = gateway.generation(&answer).await.unwrap();
            assert_eq!(row.attempts[0].status, Some(status), "{error}");
        }
    }
}

/// ERR-10: a provider without credit is not one that is at capacity.
#[tokio::test]
async fn being_out_of_quota_is_no_rate_limit() {
    let error = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let base_url = fixed("429 Too Many Requests", JSON, error).await;
    let gateway = Gateway::start(&[upstream(base_url, "one")]).await;
    let answer = gateway.post(CHAT, &body(false)).await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.json()["error"]["availability"], json!(null), "{}", answer.json());
    assert_eq!(gateway.counted(), Some(false), "an endpoint without credit loses rank");
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!(row.attempts[0].status, Some(429), "what the provider answered");
}

/// Promise 4, CHAT-11: a failure said as a finish reason is a failure.
#[tokio::test]
async fn an_error_as_the_only_news_fails_over() {
    let whole = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"insufficient_system_resource"}]}"#;
    let chunk = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"insufficient_system_resource\"}]}\n\ndata: [DONE]\n\n";
    let good = Simulator::start().await.unwrap();
    for (stream, kind, text) in [(false, JSON, whole), (true, SSE, chunk)] {
        let bad = upstream(fixed("200 OK", kind, text).await, "bad");
        let gateway = Gateway::start(std::slice::from_ref(&bad)).await;
        let answer = gateway.post(CHAT, &body(stream)).await;
        assert_eq!(answer.status, 502, "{}", answer.json());
        let metadata = &answer.json()["error"]["metadata"];
        assert_eq!(metadata["provider_code"], "insufficient_system_resource", "{metadata}");

        let good = Upstream::of(&good, Protocol::OpenAi, "good");
        let gateway = Gateway::start(&[bad, good]).await;
        let mut asked = body(stream);
        asked["provider"] = json!({"order": ["bad", "good"]});
        let answer = gateway.post(CHAT, &asked).await;
        assert_eq!(answer.status, 200);
        assert_eq!(gateway.generation(&answer).await.unwrap().attempts.len(), 2);
    }
}

/// Servers of their own making name their events as they like.
#[tokio::test]
async fn events_of_another_type_are_a_stream_all_the_same() {
    for kind in ["text/plain; charset=utf-8", JSON, "application/octet-stream"] {
        let base_url = provider(move |mut stream| async move {
            if read_request(&mut stream).await {
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n");
                // A blank to keep the line alive, and a beginning that comes in pieces.
                for piece in [&head, "\n", "da", "ta: {}\n\n", &text_chunk("hi"), GOOD_END] {
                    stream.write_all(piece.as_bytes()).await.ok();
                    stream.flush().await.ok();
                    tokio::task::yield_now().await;
                }
            }
        });
        let gateway = Gateway::start(&[upstream(base_url.await, "one")]).await;
        let answer = gateway.post(CHAT, &body(true)).await;
        assert_eq!(answer.status, 200, "{kind}");
        assert_eq!(answer.streamed_text(), "hi", "{kind}");
    }
}

/// A server that has no streams answers as a whole, which is told as a stream on every surface.
#[tokio::test]
async fn a_whole_answer_in_place_of_a_stream_is_told_as_one() {
    let whole = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
    let empty = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":null}]}"#;
    let gateway = Gateway::start(&[upstream(fixed("200 OK", JSON, whole).await, "one")]).await;
    let answer = gateway.post(CHAT, &body(true)).await;
    assert_eq!((answer.status.as_u16(), answer.streamed_text().as_str()), (200, "hi"));
    let usage = answer.chunks().pop().unwrap()["usage"].clone();
    assert_eq!((&usage["prompt_tokens"], &usage["cost"]), (&json!(3), &json!(0.000024)));
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!((row.total_cost, row.settled_by), (3 * 3_000 + 15_000, store::SettledBy::Usage));
    let mut asked = body(true);
    asked["max_tokens"] = json!(9);
    let answer = gateway.post("/v1/messages", &asked).await;
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(
        told.contains("event: message_start") && told.contains("event: message_stop"),
        "{told}"
    );
    let gateway = Gateway::start(&[upstream(fixed("200 OK", JSON, empty).await, "one")]).await;
    assert_eq!(gateway.post(CHAT, &body(true)).await.status, 502, "an empty one is none");
}

/// FALL-2: a model that refuses without a word leaves the answer to the next one, if there is one.
#[tokio::test]
async fn a_refusal_without_a_word_is_left_to_the_next_model() {
    let whole = r#"{"type":"message","id":"x","role":"assistant","content":[],"stop_reason":"refusal","usage":{"input_tokens":2,"cache_read_input_tokens":8,"output_tokens":0}}"#;
    let stream = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"x\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"usage\":{\"input_tokens\":2,\"cache_read_input_tokens\":8,\"output_tokens\":0}}}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\"},\"usage\":{\"output_tokens\":0}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    for (streams, kind, text) in [(false, JSON, whole), (true, SSE, stream)] {
        let good = Simulator::start().await.unwrap();
        let mut refusing = upstream(fixed("200 OK", kind, text).await, "refusing");
        refusing.dialect = protocol::Dialect::Anthropic;
        let second = Upstream::of(&good, Protocol::OpenAi, "good");
        let gateway = Gateway::with_second_model(&[refusing], second, settings()).await;
        for path in [CHAT, "/v1/messages"] {
            let mut asked = body(streams);
            asked["max_tokens"] = json!(100);
            let alone = gateway.post(path, &asked).await;
            assert_eq!(alone.status, 200, "{path} {streams}: with nobody else it is an answer");
            asked["models"] = json!(["test/second"]);
            let answer = gateway.post(path, &asked).await;
            assert_eq!(answer.status, 200, "{path} {streams}");
            let row = gateway.generation(&answer).await.unwrap();
            assert_eq!(&*row.model, "test/second", "{path} {streams}");
            assert_eq!(row.attempts[0].error_type.as_deref(), Some("refusal"), "{path} {streams}");
            // Ten tokens at 3 USD per million: what it counted is billed with the answer's.
            let [own, asked] = [&alone, &answer].map(|it| gateway.generation(it));
            let (own, asked) = (own.await.unwrap(), asked.await.unwrap());
            assert!(own.total_cost > 0 && asked.total_cost > own.total_cost, "{path} {streams}");
            assert!(asked.native_tokens_prompt > 10, "{path} {streams}");
            assert_eq!(asked.native_tokens_cached, 8, "{path} {streams}");
        }
    }
}

/// The same of a translated answer.
#[tokio::test]
async fn a_malformed_call_of_gemini_is_a_failure() {
    let whole = r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","index":0}]}"#;
    let mut one = upstream(fixed("200 OK", JSON, whole).await, "one");
    one.dialect = protocol::Dialect::Gemini;
    let gateway = Gateway::start(&[one]).await;
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 502);
}

/// STREAM-5, STREAM-7, CHAT-11, ZCI-1: after content the failure is shown, and nothing is billed.
#[tokio::test]
async fn an_error_after_content_is_shown_and_free() {
    let whole = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"half"},"finish_reason":"network_error"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
    let gateway = Gateway::start(&[upstream(fixed("200 OK", JSON, whole).await, "one")]).await;
    let answer = gateway.post(CHAT, &body(false)).await;
    let choice = &answer.json()["choices"][0];
    assert_eq!(choice["message"]["content"], "half");
    assert_eq!(choice["finish_reason"], "error");
    assert_eq!(choice["error"]["code"], 502, "{choice}");
    assert_eq!(choice["error"]["metadata"]["provider_code"], "network_error");
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!((row.total_cost, row.error_type.as_deref()), (0, Some("provider_unavailable")));

    let base_url = provider(|mut stream| async move {
        use tokio::io::AsyncWriteExt;
        read_request(&mut stream).await;
        begin_stream(&mut stream).await;
        let end = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"network_error\"}]}\n\ndata: [DONE]\n\n";
        stream.write_all((text_chunk("half") + end).as_bytes()).await.ok();
    })
    .await;
    let gateway = Gateway::start(&[upstream(base_url, "one")]).await;
    let answer = gateway.post(CHAT, &body(true)).await;
    assert_eq!(answer.streamed_text(), "half");
    let chunks = answer.chunks();
    let told: Vec<_> = chunks.iter().filter(|chunk| !chunk["error"].is_null()).collect();
    assert_eq!(told.len(), 1, "once: {chunks:?}");
    assert_eq!(told[0]["error"]["code"], 502);
    assert_eq!(told[0]["error"]["metadata"]["provider_code"], "network_error");
    assert_eq!(told[0]["choices"][0]["finish_reason"], "error");
    assert_eq!(gateway.counted(), Some(false));
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!((row.total_cost, row.status), (0, 200));
    assert_eq!(row.error_type.as_deref(), Some("provider_unavailable"), "it is a failure in lists");
}

/// A picture comes whole, and nothing comes before it.
#[tokio::test]
async fn content_may_begin_with_more_than_a_megabyte() {
    let base_url = provider(|mut stream| async move {
        use tokio::io::AsyncWriteExt;
        read_request(&mut stream).await;
        begin_stream(&mut stream).await;
        let whole = text_chunk(&"x".repeat(1_500_000)) + GOOD_END;
        stream.write_all(whole.as_bytes()).await.ok();
    })
    .await;
    let gateway = Gateway::start(&[upstream(base_url, "one")]).await;
    for path in [CHAT, "/v1/messages"] {
        let mut asked = body(true);
        asked["max_tokens"] = json!(32_000);
        let answer = gateway.post(path, &asked).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.len() > 1_500_000, "{path}: {}", answer.body.len());
        assert_eq!(gateway.generation(&answer).await.unwrap().attempts.len(), 1, "{path}");
    }
}

/// wire-formats 5.5: Bedrock names its exceptions in a header.
#[tokio::test]
async fn an_exception_of_bedrock_is_known_by_its_header() {
    for (status, exception, expected) in [
        ("400 Bad Request", "ThrottlingException:http://internal.amazon.com/coral/x/", 429),
        ("424 Failed Dependency", "ModelErrorException", 502),
        ("400 Bad Request", "ServiceQuotaExceededException", 502),
        ("400 Bad Request", "ValidationException", 400),
    ] {
        let base_url = provider(move |mut stream| async move {
            use tokio::io::AsyncWriteExt;
            while read_request(&mut stream).await {
                let text = r#"{"message":"no"}"#;
                let length = text.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-amzn-errortype: \
                     {exception}\r\ncontent-length: {length}\r\n\r\n{text}"
                );
                stream.write_all(answer.as_bytes()).await.ok();
            }
        })
        .await;
        let mut one = upstream(base_url, "one");
        one.dialect = protocol::Dialect::Bedrock;
        let answer = Gateway::start(&[one]).await.post(CHAT, &body(false)).await;
        assert_eq!(answer.status, expected, "{exception}: {}", answer.json());
    }
}

/// USAGE-2: the books hold what providers counted, not what was guessed of calls that never ran.
#[tokio::test]
async fn failed_calls_have_no_tokens() {
    let simulator = Simulator::start().await.unwrap();
    simulator.set_default(Script::status(503));
    let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
    let answer = gateway.post(CHAT, &body(false)).await;
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!((row.native_tokens_prompt, row.tokens_prompt), (0, 0));
    assert!(gateway.app.metrics.render().contains("trunkline_prompt_tokens_total 0"));
}

/// Promise 2: placeholders are no counts.
#[tokio::test]
async fn zeros_beside_text_are_not_believed() {
    let whole = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"eight ch"},"finish_reason":"stop"}],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}"#;
    let gateway = Gateway::start(&[upstream(fixed("200 OK", JSON, whole).await, "one")]).await;
    let answer = gateway.post(CHAT, &body(false)).await;
    assert_eq!(answer.json()["usage"]["completion_tokens"], 2, "{}", answer.json());
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!(row.settled_by, store::SettledBy::Estimated);
    assert!(row.total_cost >= 2 * 15_000, "{}", row.total_cost);
}

/// MMIN, promise 2: images are counted whatever protocol brought them.
#[tokio::test]
async fn images_are_billed_by_the_piece() {
    let whole = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":null,"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]},"finish_reason":"stop"}]}"#;
    let chunk = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}]},\"finish_reason\":null}]}\n\ndata: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let price = PriceList {
        base: vec![(Meter::Prompt, PicoUsd::ZERO), (Meter::ImageOutput, PicoUsd(40_000_000_000))],
        overrides: Vec::new(),
    };
    for (stream, kind, text) in [(false, JSON, whole), (true, SSE, chunk)] {
        let base_url = fixed("200 OK", kind, text).await;
        let gateway = Gateway::with_price(&[upstream(base_url, "one")], price.clone()).await;
        let answer = gateway.post(CHAT, &body(stream)).await;
        assert_eq!(answer.status, 200);
        let row = gateway.generation(&answer).await.unwrap();
        assert_eq!(row.num_media_completion, 2, "stream={stream}");
        assert_eq!(row.total_cost, 80_000_000, "stream={stream}");
        assert_eq!(row.attempts[0].id.as_deref(), Some("x"));
    }
}

/// CHAT-3: several answers are waited for until all have ended.
#[tokio::test]
async fn the_end_of_one_of_several_answers_does_not_cut_off_the_others() {
    let base_url = provider(|mut stream| async move {
        use tokio::io::AsyncWriteExt;
        read_request(&mut stream).await;
        begin_stream(&mut stream).await;
        let first = text_chunk("one") + "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        stream.write_all(first.as_bytes()).await.ok();
        // Longer than usage is waited for, shorter than content is.
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        let second = (text_chunk("two") + GOOD_END).replace("\"index\":0", "\"index\":1");
        stream.write_all(second.as_bytes()).await.ok();
    })
    .await;
    let mut settings = settings();
    settings.upstream.after_finish = std::time::Duration::from_millis(50);
    let gateway = Gateway::with_settings(&[upstream(base_url, "one")], settings).await;
    let mut asked = body(true);
    asked["n"] = json!(2);
    let answer = gateway.post(CHAT, &asked).await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.contains("two") && !text.contains("\"error\""), "{text}");
}

/// What nobody's row counts is counted all the same.
#[tokio::test]
async fn refusals_without_a_row_are_in_the_metrics() {
    let simulator = Simulator::start().await.unwrap();
    let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
    let request = http::Request::post(CHAT)
        .header("host", "x")
        .header("authorization", "Bearer nobody")
        .body(http_body_util::Full::default())
        .unwrap();
    assert_eq!(gateway.send(request).await.status, 401);
    assert_eq!(gateway.post(CHAT, &json!({"model": "no/such"})).await.status, 400);
    let text = gateway.app.metrics.render();
    assert!(text.contains("trunkline_requests_total{outcome=\"Refused\"} 2"), "{text}");
    assert!(text.contains("trunkline_in_flight 0"), "{text}");
}

/// What no caller can change is no refusal, whatever its number is.
#[tokio::test]
async fn that_all_providers_are_at_their_limit_is_a_failure_in_the_metrics() {
    for (status, outcome) in [(429, "Failed"), (404, "Failed"), (400, "Refused")] {
        let simulator = Simulator::start().await.unwrap();
        simulator.set_default(Script::status(status));
        let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
        assert_eq!(gateway.post(CHAT, &body(false)).await.status, status);
        let text = gateway.app.metrics.render();
        let line = format!("trunkline_requests_total{{outcome=\"{outcome}\"}} 1");
        assert!(text.contains(&line), "{status}: {text}");
    }
}

/// CHAT-14, STREAM-5: an error has the form of the surface that is spoken.
#[tokio::test]
async fn an_error_in_a_completion_stream_has_text() {
    use testkit::{Fault, Point};
    for (script, beats) in [
        (Script::fault(Fault::Reset(Point::After(2))), false),
        (Script { latency_ms: 150, ..Script::status(500) }, true),
    ] {
        let simulator = Simulator::start().await.unwrap();
        simulator.set_default(script);
        let mut settings = settings();
        if beats {
            settings.heartbeat_after = std::time::Duration::from_millis(20);
        }
        let upstream = Upstream::of(&simulator, Protocol::OpenAi, "one");
        let gateway = Gateway::with_settings(&[upstream], settings).await;
        let asked = json!({"model": MODEL, "stream": true, "prompt": "hello there"});
        let answer = gateway.post("/v1/completions", &asked).await;
        assert_eq!(answer.status, 200);
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let frames: Vec<_> =
            text.split("\n\n").filter_map(|frame| frame.strip_prefix("data: ")).collect();
        let last = frames[frames.len() - 2];
        let last: Value = serde_json::from_str(last).unwrap();
        assert_eq!(last["object"], "text_completion", "{last}");
        assert_eq!(last["choices"][0]["text"], "", "{last}");
        assert!(last["error"]["code"].is_number(), "{last}");
    }
}
