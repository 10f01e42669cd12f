"""LiteLLM as a client, by its provider `openrouter`."""

import json
import os

import pytest

from conversation import ECHO, LONG, PICTURE, QUESTION, call, play

# Prices would be fetched from the internet.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402

litellm.telemetry = False
litellm.suppress_debug_info = True

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture
def ask(gateway):
    """Asks for a completion."""

    def complete(model, content, **more):
        messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
        return litellm.completion(
            model=f"openrouter/{model}", messages=messages, api_base=gateway.base_url,
            api_key=gateway.key, max_retries=0, **more,
        )

    return complete


def test_an_answer_and_a_stream_say_the_same(ask, model):
    whole = ask(model, QUESTION)
    assert ECHO in whole.choices[0].message.content
    assert whole.usage.completion_tokens > 0
    chunks = list(ask(model, QUESTION, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    [usage] = [chunk.usage for chunk in chunks if getattr(chunk, "usage", None)]
    assert usage.completion_tokens == whole.usage.completion_tokens


def test_the_cost_is_read(ask, model):
    answer = ask(model, QUESTION)
    header = answer._hidden_params["additional_headers"]["llm_provider-x-litellm-response-cost"]
    assert header == answer.usage.cost > 0


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_tool_is_called_in_a_loop(ask, model, streamed):
    question = play("Go.", call("get_weather", city="Århus"))
    messages = [{"role": "user", "content": question}]
    first = ask(model, messages, tools=[WEATHER], stream=streamed)
    if streamed:
        first = litellm.stream_chunk_builder(list(first), messages=messages)
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    [asked] = message.tool_calls
    assert json.loads(asked.function.arguments) == {"city": "Århus"}
    messages += [
        message.model_dump(),
        {"role": "tool", "tool_call_id": asked.id, "content": "12 degrees"},
    ]
    last = ask(model, messages, tools=[WEATHER])
    assert "12 degrees" in last.choices[0].message.content


def test_an_image_is_seen(ask, model):
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
    ]
    answer = ask(model, [{"role": "user", "content": content}])
    assert "I see 1 image." in answer.choices[0].message.content


def test_a_provider_that_is_full_is_told_as_such(ask, model):
    with pytest.raises(litellm.RateLimitError):
        ask(f"{model}-limited", QUESTION)


def test_a_caller_who_leaves_stops_the_provider(ask, model, hung_up):
    stream = ask(f"{model}-drip", LONG, stream=True)
    next(stream)
    stream.close()
    hung_up()
