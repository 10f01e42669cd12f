//! Canned answers for load tests: bytes made once, so that the simulator costs little to run
//! beside what is being measured.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::body::Step;
use crate::calls::Usage;
use crate::script::Fast;
use crate::{Protocol, bedrock, tokens};

/// Prompt tokens every canned answer reports.
const PROMPT_TOKENS: u64 = 10;

macro_rules! text {
    () => {
        "simulated text "
    };
}

const OPENAI: &str = concat!(
    r#"data: {"id":"chatcmpl-bench00000000000000000000000","object":"chat.completion.chunk","created":1767225600,"model":"bench","choices":[{"index":0,"delta":{"content":""#,
    text!(),
    "\"},\"finish_reason\":null}]}\n\n"
);
const RESPONSES: &str = concat!(
    "event: response.output_text.delta\n",
    r#"data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_bench","output_index":0,"content_index":0,"logprobs":[],"delta":""#,
    text!(),
    "\"}\n\n"
);
const ANTHROPIC: &str = concat!(
    "event: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""#,
    text!(),
    "\"}                                                      }\n\n"
);
const COHERE: &str = concat!(
    "event: content-delta\n",
    r#"data: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":""#,
    text!(),
    "\"}}}                                                                       }\n\n"
);
const OLLAMA: &str = concat!(
    r#"{"model":"bench","created_at":"2026-01-01T00:00:00.123456789Z","message":{"role":"assistant","content":""#,
    text!(),
    "\"},\"done\":false                                       }\n"
);
const GEMINI: &str = concat!(
    r#"data: {"candidates":[{"content":{"parts":[{"text":""#,
    text!(),
    r#""}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":10,"totalTokenCount":10},"modelVersion":"bench","responseId":"bench"}"#,
    "\r\n\r\n"
);

/// What a canned answer of this shape costs.
pub(crate) fn usage(fast: Fast) -> Usage {
    let output = u64::from(fast.chunks) * tokens::count(text!());
    Usage { input: PROMPT_TOKENS, output, ..Usage::default() }
}

/// The steps of a canned stream.
pub(crate) fn stream(protocol: Protocol, fast: Fast, include_usage: bool) -> VecDeque<Step> {
    let output = usage(fast).output;
    let total = PROMPT_TOKENS + output;
    let (opening, chunk, closing) = match protocol {
        Protocol::OpenAi => {
            let usage = match include_usage {
                true => format!(
                    "data: {{\"id\":\"chatcmpl-bench00000000000000000000000\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,\"model\":\"bench\",\"choices\":[],\"usage\":{{\"prompt_tokens\":{PROMPT_TOKENS},\"completion_tokens\":{output},\"total_tokens\":{total}}}}}\n\n"
                ),
                false => String::new(),
            };
            let finish = r#"data: {"id":"chatcmpl-bench00000000000000000000000","object":"chat.completion.chunk","created":1767225600,"model":"bench","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
            ("", OPENAI, format!("{finish}\n\n{usage}data: [DONE]\n\n"))
        }
        Protocol::Anthropic => (
            concat!(
                "event: message_start\n",
                r#"data: {"type":"message_start","message":{"id":"msg_bench","type":"message","role":"assistant","model":"bench","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1}}}"#,
                "\n\nevent: content_block_start\n",
                r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                "\n\n"
            ),
            ANTHROPIC,
            format!(
                "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":0}}\n\nevent: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\",\"stop_sequence\":null}},\"usage\":{{\"output_tokens\":{output}}}}}\n\nevent: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
            ),
        ),
        Protocol::OpenAiResponses => (
            concat!(
                "event: response.created\n",
                r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_bench","object":"response","created_at":1767225600,"model":"bench","status":"in_progress","output":[],"usage":null}}"#,
                "\n\nevent: response.output_item.added\n",
                r#"data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_bench","type":"message","status":"in_progress","role":"assistant","content":[]}}"#,
                "\n\nevent: response.content_part.added\n",
                r#"data: {"type":"response.content_part.added","sequence_number":2,"item_id":"msg_bench","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}"#,
                "\n\n"
            ),
            RESPONSES,
            format!(
                "event: response.completed\ndata: {{\"type\":\"response.completed\",\"sequence_number\":5,\"response\":{{\"id\":\"resp_bench\",\"object\":\"response\",\"created_at\":1767225600,\"model\":\"bench\",\"status\":\"completed\",\"output\":[],\"usage\":{{\"input_tokens\":{PROMPT_TOKENS},\"output_tokens\":{output},\"total_tokens\":{total}}}}}}}\n\n"
            ),
        ),
        Protocol::Bedrock => return bedrock_stream(fast, output, total),
        Protocol::Cohere => (
            concat!(
                "event: message-start\n",
                r#"data: {"type":"message-start","id":"bench","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#,
                "\n\nevent: content-start\n",
                r#"data: {"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
                "\n\n"
            ),
            COHERE,
            format!(
                "event: content-end\ndata: {{\"type\":\"content-end\",\"index\":0}}\n\nevent: message-end\ndata: {{\"type\":\"message-end\",\"delta\":{{\"finish_reason\":\"COMPLETE\",\"usage\":{{\"billed_units\":{{\"input_tokens\":{PROMPT_TOKENS},\"output_tokens\":{output}}},\"tokens\":{{\"input_tokens\":{PROMPT_TOKENS},\"output_tokens\":{output}}}}}}}}}\n\n"
            ),
        ),
        Protocol::Ollama => (
            "",
            OLLAMA,
            format!(
                "{{\"model\":\"bench\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{{\"role\":\"assistant\",\"content\":\"\"}},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":{PROMPT_TOKENS},\"eval_count\":{output}}}\n"
            ),
        ),
        Protocol::Gemini => (
            "",
            GEMINI,
            format!(
                "data: {{\"candidates\":[{{\"finishReason\":\"STOP\",\"index\":0}}],\"usageMetadata\":{{\"promptTokenCount\":{PROMPT_TOKENS},\"candidatesTokenCount\":{output},\"totalTokenCount\":{total}}},\"modelVersion\":\"bench\",\"responseId\":\"bench\"}}\r\n\r\n"
            ),
        ),
    };
    steps(
        fast,
        output,
        opening.as_bytes().into(),
        Bytes::from_static(chunk.as_bytes()),
        closing.into(),
    )
}

/// The beginning, the repeated chunk and the end.
fn steps(fast: Fast, output: u64, opening: Bytes, chunk: Bytes, closing: Bytes) -> VecDeque<Step> {
    let bytes = |bytes| Step::Bytes { bytes, size: usize::MAX, output, content: false };
    let mut steps = VecDeque::with_capacity(3);
    if !opening.is_empty() {
        steps.push_back(bytes(opening));
    }
    if fast.chunks > 0 {
        steps.push_back(Step::Repeat {
            bytes: chunk,
            left: fast.chunks,
            interval: Duration::from_millis(u64::from(fast.interval_ms)),
        });
    }
    steps.push_back(bytes(closing));
    steps
}

fn bedrock_stream(fast: Fast, output: u64, total: u64) -> VecDeque<Step> {
    let opening = bedrock::event("messageStart", &json!({"role": "assistant"}));
    let delta = json!({"contentBlockIndex": 0, "delta": {"text": text!()}, "p": "abcdefgh"});
    let usage = json!({"inputTokens": PROMPT_TOKENS, "outputTokens": output, "totalTokens": total});
    let closing = [
        bedrock::event("contentBlockStop", &json!({"contentBlockIndex": 0})),
        bedrock::event("messageStop", &json!({"stopReason": "end_turn"})),
        bedrock::event("metadata", &json!({"usage": usage, "metrics": {"latencyMs": 1}})),
    ];
    steps(
        fast,
        output,
        opening,
        bedrock::event("contentBlockDelta", &delta),
        closing.concat().into(),
    )
}

/// A canned plain answer, about a kilobyte of text whatever the shape.
pub(crate) fn plain(protocol: Protocol) -> (Bytes, Usage) {
    let text = text!().repeat(50);
    let output = tokens::count(&text);
    let total = PROMPT_TOKENS + output;
    let body = match protocol {
        Protocol::OpenAi => format!(
            r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1767225600,"model":"bench","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{PROMPT_TOKENS},"completion_tokens":{output},"total_tokens":{total}}}}}"#
        ),
        Protocol::Anthropic => format!(
            r#"{{"id":"msg_bench","type":"message","role":"assistant","model":"bench","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":{PROMPT_TOKENS},"output_tokens":{output}}}}}"#
        ),
        Protocol::OpenAiResponses => format!(
            r#"{{"id":"resp_bench","object":"response","created_at":1767225600,"model":"bench","status":"completed","output":[{{"id":"msg_bench","type":"message","status":"completed","role":"assistant","content":[{{"type":"output_text","text":"{text}","annotations":[],"logprobs":[]}}]}}],"usage":{{"input_tokens":{PROMPT_TOKENS},"output_tokens":{output},"total_tokens":{total}}}}}"#
        ),
        Protocol::Bedrock => format!(
            r#"{{"output":{{"message":{{"role":"assistant","content":[{{"text":"{text}"}}]}}}},"stopReason":"end_turn","usage":{{"inputTokens":{PROMPT_TOKENS},"outputTokens":{output},"totalTokens":{total}}},"metrics":{{"latencyMs":1}}}}"#
        ),
        Protocol::Cohere => format!(
            r#"{{"id":"bench","finish_reason":"COMPLETE","message":{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}]}},"usage":{{"billed_units":{{"input_tokens":{PROMPT_TOKENS},"output_tokens":{output}}},"tokens":{{"input_tokens":{PROMPT_TOKENS},"output_tokens":{output}}}}}}}"#
        ),
        Protocol::Ollama => format!(
            r#"{{"model":"bench","created_at":"2026-01-01T00:00:00Z","message":{{"role":"assistant","content":"{text}"}},"done":true,"done_reason":"stop","prompt_eval_count":{PROMPT_TOKENS},"eval_count":{output}}}"#
        ),
        Protocol::Gemini => format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}],"role":"model"}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":{PROMPT_TOKENS},"candidatesTokenCount":{output},"totalTokenCount":{total}}},"modelVersion":"bench","responseId":"bench"}}"#
        ),
    };
    (body.into(), Usage { input: PROMPT_TOKENS, output, ..Usage::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_about_190_bytes_of_valid_json() {
        for chunk in [OPENAI, RESPONSES, ANTHROPIC, COHERE, OLLAMA, GEMINI] {
            assert!((170..=230).contains(&chunk.len()), "{}", chunk.len());
            let json = chunk.split_once("data: ").map_or(chunk, |(_, json)| json);
            serde_json::from_str::<serde_json::Value>(json).unwrap();
        }
    }
}
