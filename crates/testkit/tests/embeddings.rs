//! Simulated embeddings and rerank, seen by a bare client.
#![allow(clippy::unwrap_used, reason = "a panic in a test is the report")]

mod client;

use client::post;
use serde_json::{Value, json};
use testkit::{Fault, Outcome, Point, Protocol, Script, Simulator, embedding, tokens};

fn path(protocol: Protocol, tail: &str) -> String {
    format!("{}{tail}", protocol.base_path())
}

#[tokio::test]
async fn vectors_come_over_the_wire_and_are_billed() {
    let simulator = Simulator::start().await.unwrap();
    let body = json!({"model": "text-embedding-3-small", "input": "hi there", "dimensions": 3});
    let answer =
        post(simulator.address(), &path(Protocol::OpenAi, "/embeddings"), &[], &body).await;
    let vector: Vec<f32> =
        serde_json::from_value(answer.json()["data"][0]["embedding"].clone()).unwrap();
    assert_eq!(vector, embedding("hi there", 3));
    let calls = simulator.wait_until(|calls| calls[0].outcome != Outcome::Pending).await;
    assert_eq!(calls[0].outcome, Outcome::Completed);
    assert_eq!(calls[0].usage.input, tokens::count("hi there"));
    assert_eq!(simulator.billable_tokens(), tokens::count("hi there"));
}

#[tokio::test]
async fn searches_are_billed_without_tokens() {
    let simulator = Simulator::start().await.unwrap();
    let body = json!({"model": "rerank-v3.5", "query": "fox", "documents": ["cat", "fox"]});
    let answer = post(simulator.address(), &path(Protocol::Cohere, "/rerank"), &[], &body).await;
    assert_eq!(answer.json()["results"][0]["index"], 1);
    simulator.wait_until(|calls| calls[0].outcome != Outcome::Pending).await;
    let bill = simulator.bill();
    assert_eq!((bill.answers[0].search_units, bill.billable_tokens), (1, 0));
    assert_eq!(answer.json()["id"], bill.answers[0].answer);
}

#[tokio::test]
async fn faults_strike_measured_answers_too() {
    let simulator = Simulator::start().await.unwrap();
    let body = json!({"model": "voyage-3.5", "input": "hi"});
    let url = path(Protocol::OpenAi, "/embeddings");
    simulator.push(Script::status(429).retry_after(3));
    let answer = post(simulator.address(), &url, &[], &body).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("3")));
    assert_eq!(answer.json(), json!({"detail": "Too Many Requests"}));
    simulator.push(Script::fault(Fault::Reset(Point::After(1))));
    let answer = post(simulator.address(), &url, &[], &body).await;
    assert!(answer.reset && answer.status == 200);
    simulator.push(Script::fault(Fault::EmptyAnswer));
    assert_eq!(post(simulator.address(), &url, &[], &body).await.json()["data"], json!([]));
    simulator.push(Script::fault(Fault::Malformed(1)));
    let answer = post(simulator.address(), &url, &[], &body).await;
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
}

#[tokio::test]
async fn bedrock_wants_a_signature_or_a_token() {
    let simulator = Simulator::builder().require_key("AKID").start().await.unwrap();
    let url = path(Protocol::Bedrock, "/model/amazon.titan-embed-text-v2%3A0/invoke");
    let body = json!({"inputText": "hi", "dimensions": 256});
    let signed = |scope: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKID/{scope}/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature={}",
            "0a".repeat(32)
        )
    };
    for (authorization, status, kind) in [
        ("", 403, "MissingAuthenticationTokenException"),
        ("Basic x", 403, "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=AKID", 403, "IncompleteSignatureException"),
        (&signed("20260101/us-east-1/bedrock-runtime"), 403, "InvalidSignatureException"),
        (&signed("20260102/us-east-1/bedrock"), 403, "InvalidSignatureException"),
        ("Bearer other", 403, "UnrecognizedClientException"),
        ("Bearer AKID", 200, ""),
        (&signed("20260101/us-east-1/bedrock"), 200, ""),
    ] {
        let headers = [("authorization", authorization), ("x-amz-date", "20260101T000000Z")];
        let from = usize::from(authorization.is_empty());
        let answer = post(simulator.address(), &url, &headers[from..], &body).await;
        assert_eq!(answer.status, status, "{authorization}");
        let stated = answer.header("x-amzn-errortype").unwrap_or_default();
        assert_eq!(stated.split(':').next().unwrap(), kind, "{authorization}");
        if status == 200 {
            assert_eq!(answer.header("x-amzn-bedrock-input-token-count"), Some("1"));
            assert_eq!(answer.json()["embedding"].as_array().unwrap().len(), 256);
        }
    }
}
