"""Tools and reasoning in loops, as agents use them."""

import json

import pytest

from answers import deltas, plain, streamed_calls, streamed_text, text_of, user


def tool(name, *parameters):
    """A function tool with string parameters."""
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": f"Does {name}.",
            "parameters": {
                "type": "object",
                "properties": {parameter: {"type": "string"} for parameter in parameters},
                "required": list(parameters),
            },
        },
    }


WEATHER = tool("get_weather", "city")
TIME = tool("get_time", "city")


def result(call, text):
    return {"role": "tool", "tool_call_id": call["id"], "content": text}


def test_a_tool_is_called_and_its_result_is_read(client, protocol):
    request = {"model": f"e2e/{protocol}", "tools": [WEATHER]}
    question = user("Call get_weather for Oslo")
    first = client.chat(messages=[question], **request)
    assert first["choices"][0]["finish_reason"] == "tool_calls"
    message = first["choices"][0]["message"]
    [call] = message["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert list(json.loads(call["function"]["arguments"])) == ["city"]
    assistant = {
        "role": "assistant", "content": message.get("content"), "tool_calls": [plain(call)],
    }
    last = client.chat(messages=[question, assistant, result(call, "12 degrees")], **request)
    assert "The tool said: " in text_of(last) and "12 degrees" in text_of(last)
    assert last["choices"][0]["finish_reason"] == "stop"


def test_a_streamed_call_is_that_of_the_whole_answer(client, protocol):
    request = {
        "model": f"e2e/{protocol}",
        "tools": [WEATHER],
        "tool_choice": "required",
        "messages": [user("The weather in Oslo")],
    }
    [whole] = client.chat(**request)["choices"][0]["message"]["tool_calls"]
    [streamed] = streamed_calls(list(client.stream(**request)))
    assert streamed["function"]["name"] == whole["function"]["name"]
    assert json.loads(streamed["function"]["arguments"]) == json.loads(
        whole["function"]["arguments"]
    )
    assert streamed["id"]


def test_parallel_calls_keep_apart(client, protocol):
    request = {"model": f"e2e/{protocol}", "tools": [WEATHER, TIME]}
    question = user("Use get_weather and get_time for Oslo")
    first = client.chat(messages=[question], **request)
    calls = first["choices"][0]["message"]["tool_calls"]
    assert sorted(call["function"]["name"] for call in calls) == ["get_time", "get_weather"]
    assert len({call["id"] for call in calls}) == 2
    assistant = {
        "role": "assistant",
        "content": first["choices"][0]["message"].get("content"),
        "tool_calls": [plain(call) for call in calls],
    }
    results = [result(call, f"result of {call['function']['name']}") for call in calls]
    last = client.chat(messages=[question, assistant, *results], **request)
    for call in calls:
        assert f"result of {call['function']['name']}" in text_of(last)
    streamed = streamed_calls(list(client.stream(messages=[question], **request)))
    assert [call["function"]["name"] for call in streamed] == [
        call["function"]["name"] for call in calls
    ]


# Hosts that show reasoning, one for each way in which it goes back.
HOSTS = ["deepseek", "anthropic", "gemini"]


@pytest.mark.parametrize("host", HOSTS)
def test_reasoning_goes_back_unchanged(client, host):
    """The simulator refuses a tool result without the reasoning that led to it, and reasoning
    whose signature does not fit."""
    request = {
        "model": f"e2e/{host}-reasoning",
        "tools": [WEATHER],
        "reasoning": {"effort": "high"},
        "max_tokens": 8000,
    }
    question = user("Call get_weather for Oslo")
    first = client.chat(messages=[question], **request)
    message = first["choices"][0]["message"]
    assert message["reasoning"]
    assert message["reasoning_details"]
    [call] = message["tool_calls"]
    assistant = {
        "role": "assistant",
        "content": message.get("content"),
        "tool_calls": [plain(call)],
        "reasoning_details": message["reasoning_details"],
    }
    last = client.chat(messages=[question, assistant, result(call, "12 degrees")], **request)
    assert "The tool said: " in text_of(last) and "12 degrees" in text_of(last)
    assert first["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


@pytest.mark.parametrize("host", HOSTS)
def test_reasoning_is_streamed_before_the_text(client, host):
    request = {
        "model": f"e2e/{host}-reasoning",
        "messages": [user("Why is the sky blue?")],
        "reasoning": {"effort": "high"},
        "max_tokens": 8000,
    }
    whole = client.chat(**request)
    chunks = list(client.stream(**request))
    pieces = deltas(chunks)
    thought = "".join(delta.get("reasoning") or "" for delta in pieces)
    assert thought == whole["choices"][0]["message"]["reasoning"]
    assert streamed_text(chunks) == text_of(whole)
    kinds = ["reasoning" if delta.get("reasoning") else "content"
             for delta in pieces if delta.get("reasoning") or delta.get("content")]
    assert kinds == sorted(kinds, reverse=True), "reasoning comes first"
