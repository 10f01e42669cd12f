//! Errors inside a stream that has already begun.

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer;
use super::stream::event;
use crate::answer::Asked;
use crate::openai;
use crate::rejection::Rejection;
use crate::turn::Turn;

/// `response.failed` where the server is at fault and the response has begun, else `error`.
/// `sent` is the number of events before.
pub(crate) fn error_event(rejection: &Rejection, turn: &Turn, asked: &Asked, sent: usize) -> Bytes {
    let body = openai::error_body(rejection);
    let error = &body["error"];
    if rejection.status >= 500 && sent > 0 {
        let mut response = answer::response(turn, asked, "failed");
        response["error"] = json!({
            "code": if error["code"].is_null() { &error["type"] } else { &error["code"] },
            "message": error["message"],
        });
        return event(sent, "response.failed", json!({"response": response}));
    }
    event(
        sent,
        "error",
        json!({
            "code": if error["code"].is_null() { Value::from("server_error") } else { error["code"].clone() },
            "message": error["message"],
            "param": error["param"],
        }),
    )
}
