"""The command line program `llm` with its plugin for OpenRouter.

The plugin speaks with openrouter.ai alone, so the tests give its models another address, and lay
the gateway's list of models where the plugin keeps the list it has fetched.
"""

import gc
import json

import httpx
import llm
import pytest
from llm_openrouter import OpenRouterChat, OpenRouterResponses

from conversation import ECHO, LONG, PICTURE_BYTES, QUESTION, call, play


@pytest.fixture(scope="module")
def listed(gateway, tmp_path_factory):
    """Models as the plugin makes them of the gateway's list."""
    folder = tmp_path_factory.mktemp("llm")
    models = httpx.get(f"{gateway.base_url}/models")
    (folder / "openrouter_models.json").write_text(models.text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_USER_PATH", str(folder))
        patch.setenv("OPENROUTER_KEY", gateway.key)
        yield {
            model.model_id.removeprefix("openrouter/"): model
            for model in llm.get_models() if model.model_id.startswith("openrouter/")
        }


@pytest.fixture(params=[OpenRouterChat, OpenRouterResponses], ids=["chat", "responses"])
def get(request, gateway, listed):
    """Makes a model with what the list says of it, over either protocol."""

    def make(name):
        known = listed[name]
        assert isinstance(known, OpenRouterResponses)
        return request.param(
            model_id=known.model_id, model_name=known.model_name, api_base=gateway.base_url,
            vision="image/png" in known.attachment_types, supports_tools=known.supports_tools,
            supports_schema=known.supports_schema, headers=known.headers,
        )

    return make


def test_an_answer_and_a_stream_say_the_same(get, model):
    whole = get(model).prompt(QUESTION, stream=False)
    assert ECHO in whole.text()
    assert whole.usage().output > 0
    streamed = get(model).prompt(QUESTION)
    pieces = list(streamed)
    assert len(pieces) > 1 and "".join(pieces) == whole.text()
    assert streamed.usage() == whole.usage()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_tools_are_called_in_a_loop(get, model, streamed):
    called = []

    def get_weather(city: str) -> str:
        """The weather in a city."""
        called.append(city)
        return f"rain in {city}"

    request = play("Go.", call("get_weather", city="Oslo"), call("get_weather", city="Århus"))
    chain = get(model).chain(request, tools=[get_weather], stream=streamed)
    text = chain.text()
    assert called == ["Oslo", "Århus"]
    assert "rain in Århus" in text


def test_an_answer_fits_a_schema(get, model):
    answer = get(model).prompt("Weather in Oslo", schema=llm.schema_dsl("city, degrees int"))
    assert set(json.loads(answer.text())) == {"city", "degrees"}


def test_an_image_is_seen(get, model):
    image = llm.Attachment(type="image/png", content=PICTURE_BYTES)
    assert "I see 1 image." in get(model).prompt("What is this?", attachments=[image]).text()


def test_a_caller_who_leaves_stops_the_provider(get, model, hung_up):
    pieces = iter(get(f"{model}-drip").prompt(LONG))
    assert next(pieces)
    pieces.close()
    del pieces
    # The library hangs up when nobody can reach its answer any more, which circles keep from being
    # seen for a while.
    gc.collect()
    hung_up()
