"""Good answers and errors of the other surfaces are as the document describes them: Responses,
Messages, embeddings, rerank."""

import pytest

from served import check, check_stream

PLAIN = ["e2e/openai", "e2e/anthropic", "e2e/gemini", "e2e/responses"]
REASONING = [f"e2e/{name}-reasoning" for name in ("deepseek", "anthropic", "gemini", "responses")]
CASES = [(kind, model) for kind in ("plain", "tools") for model in PLAIN]
CASES += [("reasoning", model) for model in REASONING]

PARAMETERS = {"type": "object", "properties": {}}

RESPONSES = {
    "plain": {"input": "Hello", "metadata": {"a": "b"}, "temperature": 0.5},
    "tools": {
        "input": [{"role": "user", "content": "Call look"}],
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "look", "parameters": PARAMETERS, "strict": False}],
    },
    "reasoning": {
        "input": "Think", "reasoning": {"effort": "high"}, "max_output_tokens": 8000,
        "include": ["reasoning.encrypted_content"],
    },
}

MESSAGES = {
    "plain": {"messages": [{"role": "user", "content": "Hello"}], "system": "Be brief."},
    "tools": {
        "messages": [{"role": "user", "content": "Call look"}],
        "tools": [{"name": "look", "input_schema": PARAMETERS}],
    },
    "reasoning": {
        "messages": [{"role": "user", "content": "Think"}],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    },
}

# Members of the vendor's own answers that simulated ones, which are passed on as they come, lack.
VENDORS = {
    "container": None,
    "stop_details": None,
    "usage": {
        "inference_geo": None, "output_tokens_details": None, "server_tool_use": None,
        "service_tier": None,
    },
}


def whole(answer, model):
    """An answer of Anthropic's protocol as the vendor sends it."""
    if not model.startswith("e2e/anthropic"):
        return answer
    return {**VENDORS, **answer, "usage": {**VENDORS["usage"], **answer["usage"]}}


def whole_event(event, model):
    """An event of Anthropic's protocol as the vendor sends it."""
    if event["type"] == "message_start":
        return {**event, "message": whole(event["message"], model)}
    if event["type"] == "message_delta" and model.startswith("e2e/anthropic"):
        delta = {"container": None, "stop_details": None, **event["delta"]}
        return {**event, "delta": delta, "usage": {**VENDORS["usage"], **event["usage"]}}
    return event


INPUTS = {
    "text": {"input": "red fox"},
    "texts": {"input": ["red fox", "blue fish"], "dimensions": 256},
    "base64": {"input": "red fox", "encoding_format": "base64"},
    "parts": {"input": [{"content": [{"type": "text", "text": "red fox"}]}]},
}


@pytest.mark.parametrize(("kind", "model"), CASES)
def test_responses_are_as_described(http, kind, model):
    body = {"model": model, **RESPONSES[kind]}
    answer = http.post("/responses", json=body)
    assert answer.status_code == 200, answer.text
    check(answer.json(), "post", "/responses")
    assert answer.json()["usage"]["cost"] > 0


@pytest.mark.parametrize(("kind", "model"), CASES)
def test_events_of_responses_are_as_described(http, kind, model):
    body = {"model": model, "stream": True, **RESPONSES[kind]}
    answer = http.post("/responses", json=body)
    assert answer.status_code == 200, answer.text
    events = check_stream(answer.text, "/responses")
    assert events[-1]["type"] in ("response.completed", "response.incomplete")
    numbers = [event["sequence_number"] for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize(("kind", "model"), CASES)
def test_messages_are_as_described(http, kind, model):
    body = {"model": model, "max_tokens": 8000, **MESSAGES[kind]}
    answer = http.post("/messages", json=body)
    assert answer.status_code == 200, answer.text
    check(whole(answer.json(), model), "post", "/messages")
    assert answer.json()["usage"]["cost"] > 0


@pytest.mark.parametrize(("kind", "model"), CASES)
def test_events_of_messages_are_as_described(http, kind, model):
    body = {"model": model, "max_tokens": 8000, "stream": True, **MESSAGES[kind]}
    answer = http.post("/messages", json=body)
    assert answer.status_code == 200, answer.text
    events = check_stream(answer.text, "/messages", lambda event: whole_event(event, model))
    assert events[0]["type"] == "message_start" and events[-1]["type"] == "message_stop"


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("model", ["embedding", "embedding-gemini", "embedding-cohere"])
def test_embeddings_are_as_described(http, model, kind):
    answer = http.post("/embeddings", json={"model": f"e2e/{model}", **INPUTS[kind]})
    assert answer.status_code == 200, answer.text
    check(answer.json(), "post", "/embeddings")
    assert answer.json()["usage"]["cost"] > 0


@pytest.mark.parametrize("more", [{}, {"top_n": 1}], ids=["all", "top"])
def test_rankings_are_as_described(http, more):
    documents = ["blue fish", "a red fox"]
    body = {"model": "e2e/rerank", "query": "red fox", "documents": documents, **more}
    answer = http.post("/rerank", json=body)
    assert answer.status_code == 200, answer.text
    check(answer.json(), "post", "/rerank")
    assert answer.json()["results"][0]["document"] == {"text": "a red fox"}


ASKED = {
    "/responses": {"input": "Hello"},
    "/messages": {"max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]},
    "/embeddings": {"input": "Hello"},
    "/rerank": {"query": "red", "documents": ["a red fox"]},
}


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize(
    ("status", "model", "headers"),
    [
        ("400", "nobody/nothing", {}),
        ("401", "e2e/openai", {"authorization": "Bearer wrong"}),
    ],
)
def test_refusals_are_as_described(http, path, status, model, headers):
    answer = http.post(path, json={"model": model, **ASKED[path]}, headers=headers)
    assert str(answer.status_code) == status, answer.text
    check(answer.json(), "post", path, status)


@pytest.mark.parametrize("path", ["/responses", "/messages"])
@pytest.mark.parametrize(("status", "fault"), [("429", "limited"), ("502", "fails"), ("400", "refuses")])
def test_failures_of_providers_are_as_described(http, path, status, fault):
    answer = http.post(path, json={"model": f"e2e/openai-{fault}", **ASKED[path]})
    assert str(answer.status_code) == status, answer.text
    check(answer.json(), "post", path, status)


@pytest.mark.parametrize("path", ["/responses", "/messages"])
def test_a_stream_that_fails_is_as_described(http, path):
    body = {"model": "e2e/openai-errs", "stream": True, **ASKED[path]}
    events = check_stream(http.post(path, json=body).text, path)
    assert events[-1]["type"] in ("response.failed", "error")


@pytest.mark.parametrize("path", ASKED)
def test_a_model_of_another_kind_is_refused(http, path):
    model = "e2e/openai" if path in ("/embeddings", "/rerank") else "e2e/embedding"
    answer = http.post(path, json={"model": model, **ASKED[path]})
    assert answer.status_code == 400, answer.text
    check(answer.json(), "post", path, "400")


@pytest.mark.parametrize(
    "more",
    [{"store": True}, {"background": True}, {"previous_response_id": "resp_1"}],
    ids=["store", "background", "previous_response_id"],
)
def test_nothing_is_stored(http, more):
    answer = http.post("/responses", json={"model": "e2e/openai", "input": "Hello", **more})
    assert answer.status_code == 400
    check(answer.json(), "post", "/responses", "400")
    assert next(iter(more)) in answer.json()["error"]["message"]


@pytest.mark.parametrize("model", PLAIN)
def test_flat_tools_of_cursor_are_understood(http, model):
    """CLIENT-3"""
    tool = {"type": "function", "name": "look", "description": "Looks", "parameters": PARAMETERS}
    body = {
        "model": model, "messages": [{"role": "user", "content": "Call look"}], "tools": [tool],
        "tool_choice": {"type": "function", "name": "look"},
    }
    answer = http.post("/cursor/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    check(answer.json(), "post", "/chat/completions")
    [call] = answer.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "look"


def test_clients_of_anthropic_get_all_models_at_once(http):
    """They would ask for the next page by an id, again and again."""
    every = http.get("/models").json()["data"]
    answer = http.get("/models?limit=1", headers={"anthropic-version": "2023-06-01"}).json()
    check(answer, "get", "/models")
    assert len(answer["data"]) == len(every) and answer["has_more"] is False


@pytest.mark.parametrize("path", ["/v1beta/models/%FF", "/v1beta/models/nobody/nothing"])
def test_errors_of_the_gemini_api_have_its_form(http, gateway, path):
    error = http.get(gateway.url + path).json()["error"]
    assert error["status"] in ("INVALID_ARGUMENT", "NOT_FOUND")
