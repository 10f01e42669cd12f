"""Good answers are as the document describes them, member by member.

Generated requests are mostly refused; these are requests that succeed.
"""

import pytest

from served import check, check_stream

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
    ("/embeddings/models", "/embeddings/models"),
    ("/models/user", "/models/user"),
    ("/model/{author}/{slug}", "/model/e2e/openai"),
    ("/models/{author}/{slug}/endpoints", "/models/e2e/failover/endpoints"),
    ("/providers", "/providers"),
    ("/endpoints/zdr", "/endpoints/zdr"),
    ("/key", "/key"),
]


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
    check_stream(answer.text, "/chat/completions")


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


def test_keys_are_as_described(management):
    made = management.post("/keys", json={"name": "k", "limit": 5, "limit_reset": "daily"})
    check(made.json(), "post", "/keys", "201")
    path = f"/keys/{made.json()['data']['hash']}"
    check(management.get("/keys").json(), "get", "/keys")
    check(management.get(path).json(), "get", "/keys/{hash}")
    check(management.patch(path, json={"limit": None}).json(), "patch", "/keys/{hash}")
    check(management.delete(path).json(), "delete", "/keys/{hash}")
    check(management.get(path).json(), "get", "/keys/{hash}", "404")


def test_workspaces_are_as_described(management):
    made = management.post("/workspaces", json={"name": "Team", "slug": "team"})
    check(made.json(), "post", "/workspaces", "201")
    check(management.get("/workspaces").json(), "get", "/workspaces")
    one = "/workspaces/{id}"
    check(management.get("/workspaces/team").json(), "get", one)
    check(management.patch("/workspaces/team", json={"name": "New"}).json(), "patch", one)
    budget = "/workspaces/{id}/budgets/{interval}"
    asked = {"limit_usd": 5, "include_byok_in_budgets": True}
    for interval in ("lifetime", "daily"):
        path = f"/workspaces/team/budgets/{interval}"
        asked["limit_usd"] -= 1
        check(management.put(path, json=asked).json(), "put", budget)
        check(management.get(path).json(), "get", budget)
    budgets = management.get("/workspaces/team/budgets").json()
    assert len(budgets["data"]) == 2
    check(budgets, "get", "/workspaces/{id}/budgets")
    check(management.delete("/workspaces/team/budgets/daily").json(), "delete", budget)
    members = management.get("/workspaces/team/members").json()
    check(members, "get", "/workspaces/{id}/members")
    check(management.delete("/workspaces/team").json(), "delete", one)


@pytest.mark.parametrize("path", ["/credits", "/organization/members"])
def test_managed_resources_are_as_described(management, path):
    answer = management.get(path)
    assert answer.status_code == 200, answer.text
    check(answer.json(), "get", path)


def test_codes_are_as_described(management, http):
    made = management.post("/auth/keys/code", json={"callback_url": "https://app.example"})
    check(made.json(), "post", "/auth/keys/code")
    answer = http.post("/auth/keys", json={"code": made.json()["data"]["id"]})
    check(answer.json(), "post", "/auth/keys")
    again = http.post("/auth/keys", json={"code": made.json()["data"]["id"]})
    check(again.json(), "post", "/auth/keys", "403")


def test_feedback_is_as_described(management, http):
    body = {"model": "e2e/openai", **ASKED["plain"]}
    identifier = http.post("/chat/completions", json=body).json()["id"]
    said = {"generation_id": identifier, "category": "other"}
    answer = management.post("/generation/feedback", json=said)
    check(answer.json(), "post", "/generation/feedback")
    nothing = management.get("/generation/content", params={"id": identifier})
    check(nothing.json(), "get", "/generation/content", "404")


def test_inference_keys_manage_nothing(http):
    answer = http.get("/credits")
    assert answer.json()["error"]["message"] == "Only management keys can perform this operation"
    check(answer.json(), "get", "/credits", "403")
