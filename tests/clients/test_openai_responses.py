"""OpenAI's SDK over the Responses API."""

import json

import httpx
import openai
import pytest
from pydantic import BaseModel

from conversation import ECHO, LONG, PICTURE, QUESTION, also, call, play

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}


@pytest.fixture
def client(gateway):
    with openai.OpenAI(
        base_url=gateway.base_url, api_key=gateway.key, max_retries=0, timeout=30
    ) as client:
        yield client


def ask(client, streamed, **request):
    """A response, whole or put together by the SDK from a stream."""
    if not streamed:
        return client.responses.create(**request)
    with client.responses.stream(**request) as stream:
        for _ in stream:
            pass
        return stream.get_final_response()


def test_an_answer_and_a_stream_say_the_same(client, model):
    whole = ask(client, False, model=model, input=QUESTION)
    assert ECHO in whole.output_text
    assert (whole.object, whole.status) == ("response", "completed")
    assert whole.usage.input_tokens > 0 and whole.usage.output_tokens > 0
    assert whole.usage.cost > 0
    events = list(client.responses.create(model=model, input=QUESTION, stream=True))
    kinds = [event.type for event in events]
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(pieces) > 1 and "".join(pieces) == whole.output_text
    assert events[-1].response.output_text == whole.output_text
    assert events[-1].response.usage.output_tokens == whole.usage.output_tokens
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers))


def test_a_limit_leaves_a_response_incomplete(client, model):
    answer = client.responses.create(model=model, input=QUESTION, max_output_tokens=16)
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_tools_are_called_in_a_loop(client, model, streamed):
    question = play(
        "Go.",
        call("get_weather", city="Oslo", days=3),
        call("get_weather", city="Århus", days=1),
        also("get_weather", city="東京", days=2),
    )
    items = [{"role": "user", "content": question}]
    called = []
    for _ in range(5):
        answer = ask(
            client, streamed, model=model, input=items, tools=[WEATHER],
            instructions="Be brief.", store=False,
        )
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            break
        called.append([json.loads(item.arguments) for item in calls])
        items += answer.output
        for item in calls:
            given = json.loads(item.arguments)
            items.append(
                {
                    "type": "function_call_output", "call_id": item.call_id,
                    "output": f"{given['days']} days of rain in {given['city']}",
                }
            )
    assert called == [
        [{"city": "Oslo", "days": 3}],
        [{"city": "Århus", "days": 1}, {"city": "東京", "days": 2}],
    ]
    assert "1 days of rain in Århus" in answer.output_text
    assert "2 days of rain in 東京" in answer.output_text


def test_an_image_is_seen(client, model):
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"},
    ]
    answer = client.responses.create(model=model, input=[{"role": "user", "content": content}])
    assert "I see 1 image." in answer.output_text


def test_a_structured_answer_is_read(client, model):
    class Place(BaseModel):
        city: str
        degrees: int

    answer = client.responses.parse(model=model, input="Weather in Oslo", text_format=Place)
    assert isinstance(answer.output_parsed, Place)


@pytest.mark.parametrize("host", ["anthropic", "deepseek", "gemini"])
def test_reasoning_goes_back_unchanged(client, host):
    """The simulator refuses a tool result without the reasoning that led to it."""
    request = {
        "model": f"e2e/{host}-reasoning", "tools": [WEATHER], "max_output_tokens": 8000,
        "reasoning": {"effort": "high", "summary": "auto"}, "store": False,
        "include": ["reasoning.encrypted_content"],
    }
    items = [{"role": "user", "content": play("Go.", call("get_weather", city="Oslo", days=3))}]
    first = ask(client, True, input=items, **request)
    assert any(item.type == "reasoning" for item in first.output)
    [asked] = [item for item in first.output if item.type == "function_call"]
    items += [
        *first.output,
        {"type": "function_call_output", "call_id": asked.call_id, "output": "12 degrees"},
    ]
    last = ask(client, False, input=items, **request)
    assert "12 degrees" in last.output_text
    assert first.usage.output_tokens_details.reasoning_tokens > 0


def test_failures_have_the_error_of_their_kind(client, model):
    with pytest.raises(openai.RateLimitError):
        client.responses.create(model=f"{model}-limited", input=QUESTION)
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model="nobody/nothing", input=QUESTION)
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").responses.create(model=model, input=QUESTION)


def test_a_stream_that_breaks_says_so(client, model):
    events = []
    try:
        for event in client.responses.create(model=f"{model}-errs", input=QUESTION, stream=True):
            events.append(event)
    except openai.APIError:
        return
    assert events[-1].type in ("response.failed", "error")


def test_a_caller_who_leaves_stops_the_provider(client, model, hung_up):
    with client.responses.create(model=f"{model}-drip", input=LONG, stream=True) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                break
    hung_up()


@pytest.fixture(scope="module")
def keeping(gateway):
    """The SDK in a workspace that keeps answers."""
    headers = {"authorization": f"Bearer {gateway.management_key()}"}
    with httpx.Client(base_url=gateway.base_url, headers=headers, timeout=30) as manager:
        wanted = {"name": "Keeping", "slug": "keeping", "stores_responses": True}
        workspace = manager.post("workspaces", json=wanted).json()["data"]
        key = manager.post("keys", json={"name": "keeping", "workspace_id": workspace["id"]})
    with openai.OpenAI(
        base_url=gateway.base_url, api_key=key.json()["key"], max_retries=0, timeout=30
    ) as client:
        yield client


def test_a_conversation_goes_on_from_a_stored_answer(keeping, model):
    first = ask(keeping, False, model=model, input=QUESTION, store=True)
    second = ask(
        keeping, True, model=model, input="And more?", previous_response_id=first.id, store=True
    )
    assert (first.store, second.store) == (True, True)
    assert second.previous_response_id == first.id
    # All that was said before was sent again.
    assert second.usage.input_tokens > first.usage.input_tokens
    assert keeping.responses.retrieve(first.id).output_text == first.output_text
    items = keeping.responses.input_items.list(second.id)
    assert [item.content[0].text for item in items] == ["And more?"]
    keeping.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        keeping.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError, match="previous_response_id"):
        ask(keeping, False, model=model, input="b", previous_response_id=second.id)
