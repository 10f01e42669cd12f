"""LangChain's own standard tests of a chat model, and what they leave out."""

import base64

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openrouter import ChatOpenRouter
from langchain_tests.integration_tests import ChatModelIntegrationTests, chat_models

from conftest import DIALECTS
from conversation import ECHO, LONG, PICTURE_BYTES, QUESTION, call, play

# What the standard tests would fetch from the internet, by the end of its address.
MEDIA = {
    ".pdf": b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n",
    ".wav": b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00",
}

# Protocols that carry no sound, and those whose tool results are text only.
SILENT = {"anthropic", "bedrock", "cohere", "ollama", "openai_responses"}
BLIND_TOOLS = {"openai_chat", "cohere", "ollama"}


class Downloads:
    """Stands in for `httpx` in the standard tests."""

    @staticmethod
    def get(url, **_):
        [content] = [data for end, data in MEDIA.items() if url.endswith(end)] or [PICTURE_BYTES]
        return type("Answer", (), {"content": content})


class Standard(ChatModelIntegrationTests):
    """The standard tests with everything switched on that does not need the internet."""

    dialect = None

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def reach_gateway(cls, gateway):
        cls.gateway = gateway

    @pytest.fixture(autouse=True)
    def stay_here(self, monkeypatch):
        monkeypatch.setattr(chat_models, "httpx", Downloads)
        monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "trunkline-tests")

    @property
    def chat_model_class(self):
        return ChatOpenRouter

    @property
    def chat_model_params(self):
        return {
            "model": f"e2e/{DIALECTS[self.dialect]}",
            "base_url": self.gateway.base_url,
            "api_key": self.gateway.key,
            "max_retries": 0,
        }

    @property
    def supports_json_mode(self):
        return True

    @property
    def supports_image_inputs(self):
        return True

    @property
    def supports_pdf_inputs(self):
        # Cohere takes files of text and JSON only.
        return self.dialect != "cohere"

    @property
    def supports_audio_inputs(self):
        return self.dialect not in SILENT

    @property
    def supports_image_tool_message(self):
        return self.dialect not in BLIND_TOOLS

    @property
    def model_override_value(self):
        return "e2e/openai" if DIALECTS[self.dialect] != "openai" else "e2e/anthropic"


# Ollama forces no tool, takes a schema for content alone and no documents, so that half of what the
# standard asks for cannot be had there.
for name in sorted(set(DIALECTS) - {"ollama"}):
    title = "".join(part.title() for part in name.split("_"))
    globals()[f"Test{title}"] = type(f"Test{title}", (Standard,), {"dialect": name})
del Standard


@pytest.fixture
def chat(gateway, model):
    return ChatOpenRouter(
        model=model, base_url=gateway.base_url, api_key=gateway.key, max_retries=0
    )


def test_an_answer_tells_what_it_cost(chat):
    answer = chat.invoke(QUESTION)
    assert ECHO in answer.text
    assert answer.response_metadata["cost"] > 0
    assert answer.usage_metadata["output_tokens"] > 0
    whole = None
    for chunk in chat.stream(QUESTION):
        whole = chunk if whole is None else whole + chunk
    assert whole.text == answer.text
    assert whole.usage_metadata == answer.usage_metadata


def test_an_image_is_seen(chat):
    image = {
        "type": "image", "base64": base64.b64encode(PICTURE_BYTES).decode(),
        "mime_type": "image/png",
    }
    text = {"type": "text", "text": "What is this?"}
    assert "I see 1 image." in chat.invoke([HumanMessage([text, image])]).text


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("host", ["deepseek", "anthropic", "gemini"])
def test_reasoning_goes_back_unchanged(gateway, host, streamed):
    """The simulator refuses a tool result without the reasoning that led to it."""

    @tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"rain in {city}"

    chat = ChatOpenRouter(
        model=f"e2e/{host}-reasoning", base_url=gateway.base_url, api_key=gateway.key,
        max_retries=0, reasoning={"effort": "high"}, max_tokens=8000,
    ).bind_tools([get_weather])

    def ask(messages):
        if not streamed:
            return chat.invoke(messages)
        whole = None
        for chunk in chat.stream(messages):
            whole = chunk if whole is None else whole + chunk
        return whole

    said = play("Go.", call("get_weather", city="Oslo"), call("get_weather", city="Århus"))
    messages = [HumanMessage(said)]
    for _ in range(2):
        messages.append(ask(messages))
        kinds = [block["type"] for block in messages[-1].content_blocks]
        assert "reasoning" in kinds
        [asked] = messages[-1].tool_calls
        messages.append(get_weather.invoke(asked))
    assert "rain in Århus" in ask(messages).text


def test_a_caller_who_leaves_stops_the_provider(gateway, model, hung_up):
    chat = ChatOpenRouter(
        model=f"{model}-drip", base_url=gateway.base_url, api_key=gateway.key, max_retries=0
    )
    stream = chat.stream(LONG)
    assert next(stream) is not None
    stream.close()
    hung_up()
