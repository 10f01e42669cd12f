"""Money and records: what is shown is what is booked."""

import time

import pytest

from answers import streamed_text, usages, user

PATIENCE = 20


def generation(http, identifier):
    """The record of an answer; it is written before the end of the answer is sent."""
    answer = http.get("/generation", params={"id": identifier})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def generation_in_time(http, identifier):
    """The record of an answer that the caller left: it is written a moment later."""
    end = time.monotonic() + PATIENCE
    while True:
        answer = http.get("/generation", params={"id": identifier})
        if answer.status_code == 200:
            return answer.json()["data"]
        assert answer.status_code == 404, answer.text
        assert time.monotonic() < end, "no record was written"
        time.sleep(0.02)


@pytest.mark.parametrize("streamed", [False, True])
def test_the_cost_shown_is_the_cost_booked(client, http, protocol, streamed):
    request = {"model": f"e2e/{protocol}", "messages": [user("How much is it?")]}
    if streamed:
        chunks = list(client.stream(**request))
        identifier, usage = chunks[0]["id"], usages(chunks)[0]
    else:
        answer = client.chat(**request)
        identifier, usage = answer["id"], answer["usage"]
    row = generation(http, identifier)
    assert row["total_cost"] == usage["cost"] > 0
    assert row["native_tokens_prompt"] == usage["prompt_tokens"]
    assert row["native_tokens_completion"] == usage["completion_tokens"]
    assert row["streamed"] is streamed and row["cancelled"] is False
    assert row["model"] == f"e2e/{protocol}"
    assert row["provider_name"] == f"End to End {protocol.title()}"
    assert row["finish_reason"] == "stop"
    # $3 and $15 for a million tokens, in nano-dollars: 3000 and 15000 for one.
    nano = usage["prompt_tokens"] * 3000 + usage["completion_tokens"] * 15000
    assert round(usage["cost"] * 1e9) == nano


def test_a_caller_who_leaves_is_booked_as_cancelled(client, http, protocol):
    words = " ".join(f"word{number}" for number in range(400))
    chunks = client.stream(model=f"e2e/{protocol}-drip", messages=[user(words)])
    seen = []
    for chunk in chunks:
        seen.append(chunk)
        if len(streamed_text(seen)) > 60:
            break
    chunks.close()
    row = generation_in_time(http, seen[0]["id"])
    assert row["cancelled"] is True
    assert row["total_cost"] > 0
    assert row["tokens_completion"] < 400


def test_a_failure_costs_nothing(http):
    answer = http.post(
        "/chat/completions", json={"model": "e2e/openai-fails", "messages": [user("Hello")]}
    )
    assert answer.status_code == 502
    row = generation(http, answer.headers["x-generation-id"])
    assert row["total_cost"] == 0
    assert row["error_type"] == "provider_unavailable"


def test_a_key_tells_what_it_has_spent(gateway, http):
    before = http.get("/key").json()["data"]
    assert gateway.key.startswith(before["label"].split("...")[0])
    answer = http.post(
        "/chat/completions", json={"model": "e2e/openai", "messages": [user("Hello")]}
    )
    after = http.get("/key").json()["data"]
    cost = answer.json()["usage"]["cost"]
    assert round((after["usage"] - before["usage"]) * 1e9) == round(cost * 1e9)
    assert after["limit"] is None and after["is_management_key"] is False


def test_a_key_made_while_running_works_within_a_second(gateway, client):
    key = gateway.run("key", "create", "--name", "second").split()[0]
    fresh = type(client)(gateway.base_url, key)
    from clients import Refused

    end = time.monotonic() + PATIENCE
    while True:
        try:
            fresh.chat(model="e2e/openai", messages=[user("Hello")])
            break
        except Refused as error:
            assert error.status == 401 and time.monotonic() < end
            time.sleep(0.02)
    fresh.close()


def test_books_survive_a_restart():
    from trunkline import Trunkline

    import httpx

    running = Trunkline()
    try:
        ask = {"model": "e2e/openai", "messages": [user("Remember me")]}
        with httpx.Client(headers={"authorization": f"Bearer {running.key}"}) as http:
            answer = http.post(f"{running.base_url}/chat/completions", json=ask).json()
            assert running.gateway.stop() == 0
            running.start()
            row = http.get(f"{running.base_url}/generation", params={"id": answer["id"]}).json()
        assert row["data"]["total_cost"] == answer["usage"]["cost"]
    finally:
        running.close()
