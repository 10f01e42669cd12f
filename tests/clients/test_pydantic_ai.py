"""Pydantic AI's model of OpenRouter."""

import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent
from pydantic_ai.messages import ThinkingPart
from pydantic_ai.models.openrouter import OpenRouterModel, OpenRouterModelSettings
from pydantic_ai.providers.openrouter import OpenRouterProvider

from conversation import ECHO, LONG, PICTURE_BYTES, QUESTION, also, call, play


class City(BaseModel):
    """A structured answer."""

    name: str
    people: int


@pytest.fixture
def behind(gateway):
    """Makes the model that a gateway's client speaks with."""

    def make(name):
        client = AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0)
        return OpenRouterModel(name, provider=OpenRouterProvider(openai_client=client))

    return make


async def test_an_answer_and_a_stream_say_the_same(behind, model):
    agent = Agent(behind(model))
    whole = await agent.run(QUESTION)
    assert ECHO in whole.output
    assert whole.usage.output_tokens > 0
    assert whole.response.provider_details["cost"] > 0
    async with agent.run_stream(QUESTION) as stream:
        pieces = [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]
        assert len(pieces) > 1
        assert "".join(pieces) == whole.output
        assert stream.usage.output_tokens == whole.usage.output_tokens


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_tools_are_called_in_a_loop(behind, model, streamed):
    agent = Agent(behind(model))
    called = []

    @agent.tool_plain
    def get_weather(city: str, days: int) -> str:
        called.append((city, days))
        return f"{days} days of rain in {city}"

    request = play(
        "Go.",
        call("get_weather", city="Oslo", days=3),
        call("get_weather", city="Århus", days=1),
        also("get_weather", city="東京", days=2),
    )
    events = []

    async def listen(_, stream):
        events.extend([event async for event in stream])

    answer = await agent.run(request, event_stream_handler=listen if streamed else None)
    output = answer.output
    assert bool(events) == streamed
    assert called[0] == ("Oslo", 3)
    assert sorted(called[1:]) == [("Århus", 1), ("東京", 2)]
    assert "1 days of rain in Århus" in output and "2 days of rain in 東京" in output


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("host", ["deepseek", "anthropic", "gemini"])
async def test_reasoning_goes_back_unchanged(behind, host, streamed):
    """The simulator refuses a tool result without the reasoning that led to it."""
    settings = OpenRouterModelSettings(openrouter_reasoning={"effort": "high"}, max_tokens=8000)
    agent = Agent(behind(f"e2e/{host}-reasoning"), model_settings=settings)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        return f"rain in {city}"

    async def listen(_, stream):
        async for _event in stream:
            pass

    request = play("Go.", call("get_weather", city="Oslo"), call("get_weather", city="Århus"))
    answer = await agent.run(request, event_stream_handler=listen if streamed else None)
    assert "rain in Århus" in answer.output
    thoughts = [
        part for message in answer.all_messages() for part in message.parts
        if isinstance(part, ThinkingPart)
    ]
    assert len(thoughts) >= 3 and all(part.content for part in thoughts)


async def test_a_structured_answer_is_read(behind, model):
    agent = Agent(behind(model), output_type=City)
    request = play("Which city?", call("final_result", name="Bergen", people=291_940))
    assert (await agent.run(request)).output == City(name="Bergen", people=291_940)


async def test_an_image_is_seen(behind, model):
    image = BinaryContent(PICTURE_BYTES, media_type="image/png")
    answer = await Agent(behind(model)).run(["What is this?", image])
    assert "I see 1 image." in answer.output


async def test_a_caller_who_leaves_stops_the_provider(behind, model, hung_up):
    async with Agent(behind(f"{model}-drip")).run_stream(LONG) as stream:
        async for _ in stream.stream_text(delta=True, debounce_by=None):
            break
    hung_up()
