"""What SDKs hide: headers, frames, comments, aliases, health and metrics."""

import json

import httpx
import pytest

from answers import user


def frames(text):
    """The frames of a stream; comments keep their colon."""
    assert text.endswith("\n\n")
    return text[:-2].split("\n\n")


def test_a_stream_ends_with_usage_and_done(http, protocol):
    body = {"model": f"e2e/{protocol}", "messages": [user("Hello there")], "stream": True}
    answer = http.post("/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    parts = [part for part in frames(answer.text) if not part.startswith(":")]
    assert parts[-1] == "data: [DONE]"
    chunks = [json.loads(part.removeprefix("data: ")) for part in parts[:-1]]
    told = [at for at, chunk in enumerate(chunks) if chunk.get("usage")]
    assert told == [len(chunks) - 1]
    assert answer.headers["x-generation-id"] == chunks[0]["id"]


def test_a_caller_who_waits_gets_comments(protocol):
    """STREAM-2: comments tell clients and proxies that somebody is still there."""
    from trunkline import Trunkline

    running = Trunkline("--heartbeat-after", "200ms", "--heartbeat-interval", "200ms")
    try:
        body = {
            "model": f"e2e/{protocol}-late", "messages": [user("Hello")], "stream": True,
        }
        headers = {"authorization": f"Bearer {running.key}"}
        answer = httpx.post(
            f"{running.base_url}/chat/completions", json=body, headers=headers, timeout=30
        )
        comments = [part for part in frames(answer.text) if part.startswith(":")]
        assert len(comments) >= 2
        assert frames(answer.text)[-1] == "data: [DONE]"
        import openai

        sdk = openai.OpenAI(base_url=running.base_url, api_key=running.key)
        stream = sdk.chat.completions.create(**body)
        text = "".join(
            chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices
        )
        assert "You said: Hello" in text
    finally:
        running.close()


@pytest.mark.parametrize("prefix", ["/api/v1", "/v1"])
def test_both_prefixes_lead_to_the_same(gateway, prefix):
    answer = httpx.post(
        f"{gateway.url}{prefix}/chat/completions",
        json={"model": "e2e/openai", "messages": [user("Hello")]},
        headers={"authorization": f"Bearer {gateway.key}"},
    )
    assert answer.status_code == 200
    assert answer.headers["x-generation-id"] == answer.json()["id"]


def test_legacy_completions_answer(http, protocol):
    body = {"model": f"e2e/{protocol}", "prompt": "Once upon a time"}
    answer = http.post("/completions", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["object"] == "text_completion"
    assert "Once upon a time" in answer.json()["choices"][0]["text"]


def test_errors_have_one_form(http):
    """ERR-1"""
    answer = http.post("/chat/completions", content=b"{not json")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == 400 and error["message"]
    assert error["metadata"]["error_type"] == "invalid_request"


def test_a_rate_limit_tells_when_to_come_back(http, protocol):
    """ERR-4"""
    body = {"model": f"e2e/{protocol}-limited", "messages": [user("Hello")]}
    answer = http.post("/chat/completions", json=body)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "7"


def test_health_and_metrics_are_told(gateway):
    assert httpx.get(f"{gateway.url}/healthz").status_code == 200
    assert httpx.get(f"{gateway.url}/readyz").status_code == 200
    assert "trunkline_requests_total" in httpx.get(gateway.metrics_url).text
    assert httpx.get(f"{gateway.url}/metrics").status_code == 404, "not where callers are"
