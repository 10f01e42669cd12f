"""Answers and streams through real SDKs, over each protocol."""

import base64
import json

import jsonschema
import pytest

from answers import finishes, streamed_text, text_of, usages, user

# The smallest PNG: one transparent pixel.
PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
    )
).decode()


def test_a_plain_answer_is_complete(client, protocol):
    answer = client.chat(model=f"e2e/{protocol}", messages=[user("Say hello, please.")])
    assert "You said: Say hello, please." in text_of(answer)
    assert answer["id"].startswith("gen-")
    assert answer["object"] == "chat.completion"
    assert answer["model"] == f"e2e/{protocol}"
    assert answer["choices"][0]["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["prompt_tokens"] > 0 and usage["completion_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["cost"] > 0


def test_a_stream_says_what_the_plain_answer_says(client, protocol):
    request = {"model": f"e2e/{protocol}", "messages": [user("One two three four five.")]}
    whole = client.chat(**request)
    chunks = list(client.stream(**request))
    assert streamed_text(chunks) == text_of(whole)
    assert finishes(chunks) == ["stop"]
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["model"] for chunk in chunks} == {f"e2e/{protocol}"}
    assert len(usages(chunks)) == 1, "one chunk, the last, tells the usage"
    for name in ("prompt_tokens", "completion_tokens", "cost"):
        assert usages(chunks)[0][name] == whole["usage"][name]


@pytest.mark.parametrize("model", ["chat", "openai", "anthropic", "gemini"])
def test_the_free_models_of_a_first_start_answer(client, model):
    answer = client.chat(model=f"simulated/{model}:free", messages=[user("Hello!")])
    assert "You said: Hello!" in text_of(answer)
    assert answer["usage"]["cost"] == 0


def test_limits_and_stops_are_passed_on(client, protocol):
    request = {"model": f"e2e/{protocol}", "messages": [user("red green blue yellow")]}
    short = client.chat(max_tokens=5, **request)
    assert short["choices"][0]["finish_reason"] == "length"
    assert short["usage"]["completion_tokens"] <= 5
    stopped = client.chat(stop=["blue"], **request)
    assert text_of(stopped).endswith("red green ")
    assert stopped["choices"][0]["finish_reason"] == "stop"


def test_a_structured_answer_fits_its_schema(client, protocol):
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "degrees": {"type": "number"},
            "sky": {"type": "string", "enum": ["clear", "cloudy"]},
        },
        "required": ["city", "degrees", "sky"],
        "additionalProperties": False,
    }
    form = {
        "type": "json_schema",
        "json_schema": {"name": "weather", "strict": True, "schema": schema},
    }
    request = {"model": f"e2e/{protocol}", "messages": [user("Weather in Oslo")]}
    whole = client.chat(response_format=form, **request)
    jsonschema.validate(json.loads(text_of(whole)), schema)
    chunks = list(client.stream(response_format=form, **request))
    assert json.loads(streamed_text(chunks)) == json.loads(text_of(whole))


def test_an_image_is_seen(client, protocol):
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    answer = client.chat(
        model=f"e2e/{protocol}", messages=[{"role": "user", "content": content}]
    )
    assert "I see 1 image." in text_of(answer)


def test_a_system_message_and_earlier_turns_are_carried(client, protocol):
    messages = [
        {"role": "system", "content": "Be brief."},
        user("First."),
        {"role": "assistant", "content": "Noted."},
        user("Second."),
    ]
    alone = client.chat(model=f"e2e/{protocol}", messages=messages[-1:])
    answer = client.chat(model=f"e2e/{protocol}", messages=messages)
    assert "You said: Second." in text_of(answer)
    assert answer["usage"]["prompt_tokens"] > alone["usage"]["prompt_tokens"]
