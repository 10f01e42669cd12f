"""Anthropic's SDK, at the address an SDK is given (API-1) and at its own path."""

import anthropic
import pytest
from pydantic import BaseModel

from conversation import ECHO, LONG, PICTURE, QUESTION, also, call, play

WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}


def connect(gateway, way="auth_token", path="/api", key=None):
    """The SDK with a key as a bearer (`auth_token`) or as `x-api-key` (`api_key`)."""
    return anthropic.Anthropic(
        base_url=f"{gateway.url}{path}", max_retries=0, timeout=30, **{way: key or gateway.key}
    )


@pytest.fixture
def client(gateway, monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with connect(gateway) as client:
        yield client


def user(content):
    return [{"role": "user", "content": content}]


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def test_an_answer_and_a_stream_say_the_same(client, model):
    request = {"model": model, "max_tokens": 1000, "messages": user(QUESTION)}
    whole = client.messages.create(**request)
    assert ECHO in text_of(whole)
    assert (whole.type, whole.role, whole.model) == ("message", "assistant", model)
    assert whole.stop_reason == "end_turn"
    assert whole.usage.input_tokens > 0 and whole.usage.output_tokens > 0
    with client.messages.stream(**request) as stream:
        pieces = list(stream.text_stream)
        last = stream.get_final_message()
    assert len(pieces) > 1 and "".join(pieces) == text_of(whole) == text_of(last)
    assert last.stop_reason == "end_turn"
    assert last.usage.output_tokens == whole.usage.output_tokens
    assert last.usage.input_tokens == whole.usage.input_tokens


@pytest.mark.parametrize("path", ["/api", "/anthropic", ""])
@pytest.mark.parametrize("way", ["auth_token", "api_key"])
def test_every_address_takes_either_key(client, gateway, path, way):
    with connect(gateway, way, path) as client:
        answer = client.messages.create(
            model="e2e/anthropic", max_tokens=1000, messages=user(QUESTION)
        )
    assert ECHO in text_of(answer)


def test_limits_and_stops_are_told(client, model):
    request = {"model": model, "messages": user("red green blue yellow")}
    short = client.messages.create(max_tokens=5, **request)
    assert short.stop_reason == "max_tokens"
    if model == "e2e/responses":
        return  # OpenAI's Responses have no stop sequences.
    stopped = client.messages.create(max_tokens=1000, stop_sequences=["blue"], **request)
    assert text_of(stopped).endswith("red green ")
    assert stopped.stop_reason in ("stop_sequence", "end_turn")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_tools_are_called_in_a_loop(client, model, streamed):
    question = play(
        "Go.",
        call("get_weather", city="Oslo", days=3),
        call("get_weather", city="Århus", days=1),
        also("get_weather", city="東京", days=2),
    )
    messages = user(question)
    called = []
    for _ in range(5):
        request = {
            "model": model, "max_tokens": 1000, "messages": messages, "tools": [WEATHER],
            "system": "Be brief.",
        }
        if streamed:
            with client.messages.stream(**request) as stream:
                answer = stream.get_final_message()
        else:
            answer = client.messages.create(**request)
        if answer.stop_reason != "tool_use":
            break
        uses = [block for block in answer.content if block.type == "tool_use"]
        called.append([block.input for block in uses])
        results = [
            {
                "type": "tool_result", "tool_use_id": block.id,
                "content": f"{block.input['days']} days of rain in {block.input['city']}",
            }
            for block in uses
        ]
        messages = [
            *messages, {"role": "assistant", "content": answer.content},
            {"role": "user", "content": results},
        ]
    assert called == [
        [{"city": "Oslo", "days": 3}],
        [{"city": "Århus", "days": 1}, {"city": "東京", "days": 2}],
    ]
    assert answer.stop_reason == "end_turn"
    assert "1 days of rain in Århus" in text_of(answer)
    assert "2 days of rain in 東京" in text_of(answer)


def picture():
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PICTURE},
    }


def test_an_image_is_seen(client, model):
    content = [{"type": "text", "text": "What is this?"}, picture()]
    answer = client.messages.create(model=model, max_tokens=1000, messages=user(content))
    assert "I see 1 image." in text_of(answer)


def test_an_image_in_a_result_is_seen(client, model):
    use = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
    result = {
        "type": "tool_result", "tool_use_id": "toolu_1",
        "content": [{"type": "text", "text": "A map."}, picture()],
    }
    messages = [
        *user("Go."), {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    answer = client.messages.create(
        model=model, max_tokens=1000, messages=messages, tools=[WEATHER],
        tool_choice={"type": "none"},
    )
    assert "I see 1 image." in text_of(answer)


def test_a_structured_answer_is_read(client, model):
    class Place(BaseModel):
        city: str
        degrees: int

    answer = client.messages.parse(
        model=model, max_tokens=1000, messages=user("Weather in Oslo"), output_format=Place
    )
    assert isinstance(answer.parsed_output, Place)


@pytest.mark.parametrize("host", ["anthropic", "deepseek", "gemini"])
def test_thinking_goes_back_unchanged(client, host):
    """The simulator refuses a tool result without the thinking that led to it, and thinking
    whose signature does not fit."""
    request = {
        "model": f"e2e/{host}-reasoning", "max_tokens": 8000, "tools": [WEATHER],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    }
    messages = user(play("Go.", call("get_weather", city="Oslo", days=3)))
    with client.messages.stream(messages=messages, **request) as stream:
        first = stream.get_final_message()
    thoughts = [block for block in first.content if block.type == "thinking"]
    assert thoughts and thoughts[0].thinking
    assert first.stop_reason == "tool_use"
    [use] = [block for block in first.content if block.type == "tool_use"]
    messages += [
        {"role": "assistant", "content": first.content},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "12 degrees"}],
        },
    ]
    last = client.messages.create(messages=messages, **request)
    assert "12 degrees" in text_of(last)


def test_tokens_are_counted(client, model):
    short = client.messages.count_tokens(model=model, messages=user("Hello."))
    long = client.messages.count_tokens(model=model, messages=user(LONG), tools=[WEATHER])
    assert 0 < short.input_tokens < long.input_tokens


def test_failures_have_the_error_of_their_kind(client, gateway, model):
    request = {"max_tokens": 100, "messages": user(QUESTION)}
    with pytest.raises(anthropic.RateLimitError) as limited:
        client.messages.create(model=f"{model}-limited", **request)
    assert limited.value.body["error"]["type"] == "rate_limit_error"
    with pytest.raises(anthropic.APIStatusError):
        client.messages.create(model="nobody/nothing", **request)
    with connect(gateway, key="wrong") as stranger:
        with pytest.raises(anthropic.AuthenticationError) as refused:
            stranger.messages.create(model=model, **request)
    assert refused.value.body["type"] == "error"
    assert refused.value.body["error"]["type"] == "authentication_error"


def test_a_stream_that_breaks_says_so(client, model):
    with pytest.raises(anthropic.APIError):
        with client.messages.stream(
            model=f"{model}-errs", max_tokens=1000, messages=user(QUESTION)
        ) as stream:
            seen = list(stream.text_stream)
            assert seen


def test_a_caller_who_leaves_stops_the_provider(client, model, hung_up):
    with client.messages.stream(
        model=f"{model}-drip", max_tokens=1000, messages=user(LONG)
    ) as stream:
        next(iter(stream.text_stream))
    hung_up()
