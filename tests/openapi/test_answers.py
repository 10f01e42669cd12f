"""Good answers are as the document describes them, member by member.

Generated requests are mostly refused; these are requests that succeed.
"""

import json

import httpx
import jsonschema
import pytest

from trunkline import ROOT, Trunkline

DOCUMENT = json.loads((ROOT / "openapi" / "compatibility.json").read_text())

TOOL = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}

ASKED = {
    "plain": {"messages": [{"role": "user", "content": "Hello"}]},
    "tools": {"messages": [{"role": "user", "content": "Call look"}], "tools": [TOOL]},
    "reasoning": {
        "messages": [{"role": "user", "content": "Think"}],
        "reasoning": {"effort": "high"},
        "max_tokens": 8000,
    },
}

MODELS = {
    "plain": ["e2e/openai", "e2e/anthropic", "e2e/gemini"],
    "tools": ["e2e/openai", "e2e/anthropic", "e2e/gemini"],
    "reasoning": ["e2e/deepseek-reasoning", "e2e/anthropic-reasoning", "e2e/gemini-reasoning"],
}

CASES = [(kind, model) for kind, models in MODELS.items() for model in models]

READ = [
    ("/models", "/models"),
    ("/models/count", "/models/count"),
    ("/models/user", "/models/user"),
    ("/model/{author}/{slug}", "/model/e2e/openai"),
    ("/models/{author}/{slug}/endpoints", "/models/e2e/failover/endpoints"),
    ("/providers", "/providers"),
    ("/endpoints/zdr", "/endpoints/zdr"),
    ("/key", "/key"),
]


@pytest.fixture(scope="module")
def http():
    running = Trunkline()
    headers = {"authorization": f"Bearer {running.key}"}
    with httpx.Client(base_url=running.base_url, headers=headers, timeout=30) as client:
        yield client
    running.close()


def described(method, path, status, media):
    """The schema of an answer, with all it refers to."""
    content = DOCUMENT["paths"][path][method]["responses"][status]["content"]
    return {**content[media]["schema"], "components": DOCUMENT["components"]}


def check(value, method, path, status="200", media="application/json"):
    schema = described(method, path, status, media)
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(value))
    assert not errors, [f"{error.json_path}: {error.message}"[:400] for error in errors[:10]]


@pytest.mark.parametrize(("kind", "model"), CASES)
def test_answers_are_as_described(http, kind, model):
    answer = http.post("/chat/completions", json={"model": model, **ASKED[kind]})
    assert answer.status_code == 200, answer.text
    check(answer.json(), "post", "/chat/completions")


@pytest.mark.parametrize(("kind", "model"), CASES)
def test_chunks_are_as_described(http, kind, model):
    body = {"model": model, "stream": True, **ASKED[kind]}
    answer = http.post("/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    frames = [frame for frame in answer.text.split("\n\n") if frame.startswith("data: {")]
    assert frames
    schema = described("post", "/chat/completions", "200", "text/event-stream")
    wrapped = "data" in schema.get("properties", {}) or "$ref" in schema and "data" in (
        DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]].get("properties", {})
    )
    for frame in frames:
        chunk = json.loads(frame.removeprefix("data: "))
        value = {"data": chunk} if wrapped else chunk
        check(value, "post", "/chat/completions", media="text/event-stream")


@pytest.mark.parametrize(("path", "actual"), READ)
def test_resources_are_as_described(http, path, actual):
    answer = http.get(actual)
    assert answer.status_code == 200, answer.text
    check(answer.json(), "get", path)


def test_a_generation_is_as_described(http):
    body = {"model": "e2e/openai", **ASKED["plain"]}
    identifier = http.post("/chat/completions", json=body).json()["id"]
    answer = http.get("/generation", params={"id": identifier})
    check(answer.json(), "get", "/generation")


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        ("400", {"model": "nobody/nothing", **ASKED["plain"]}, {}),
        ("401", {"model": "e2e/openai", **ASKED["plain"]}, {"authorization": "Bearer wrong"}),
        ("429", {"model": "e2e/openai-limited", **ASKED["plain"]}, {}),
        ("502", {"model": "e2e/openai-fails", **ASKED["plain"]}, {}),
    ],
)
def test_errors_are_as_described(http, status, body, headers):
    answer = http.post("/chat/completions", json=body, headers=headers)
    assert str(answer.status_code) == status, answer.text
    check(answer.json(), "post", "/chat/completions", status)
