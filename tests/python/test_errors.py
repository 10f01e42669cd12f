"""What goes wrong, as SDKs show it."""

import pytest

from answers import streamed_text, text_of, user
from clients import BrokenStream, OpenAiClient, OpenRouterClient, Refused

MESSAGES = [user("one two three four five six seven eight")]


def refusal(ask):
    """The error of a request that must fail."""
    with pytest.raises(Refused) as caught:
        ask()
    return caught.value


def test_an_unknown_model_is_a_bad_request(client):
    error = refusal(lambda: client.chat(model="nobody/nothing", messages=MESSAGES))
    assert error.status == 400
    assert "nobody/nothing" in error.message


@pytest.mark.parametrize("sdk", [OpenAiClient, OpenRouterClient])
def test_a_wrong_key_is_refused(gateway, sdk):
    client = sdk(gateway.base_url, "sk-or-v1-" + "0" * 64)
    error = refusal(lambda: client.chat(model="e2e/openai", messages=MESSAGES))
    assert error.status == 401
    client.close()


@pytest.mark.parametrize(
    ("fault", "status"), [("fails", 502), ("limited", 429), ("unauthorized", 502)]
)
def test_a_provider_that_fails_has_the_status_that_says_so(client, protocol, fault, status):
    model = f"e2e/{protocol}-{fault}"
    assert refusal(lambda: client.chat(model=model, messages=MESSAGES)).status == status
    assert refusal(lambda: list(client.stream(model=model, messages=MESSAGES))).status == status


def test_another_provider_answers_instead_of_one_that_fails(client):
    """FALL: the caller notices nothing."""
    request = {
        "model": "e2e/failover",
        "messages": MESSAGES,
        "provider": {"order": ["e2e-openai", "e2e-anthropic"]},
    }
    whole = client.chat(**request)
    assert "You said: one two three" in text_of(whole)
    assert streamed_text(list(client.stream(**request))) == text_of(whole)
    unknown = client.chat(models=["e2e/openai-fails", "e2e/gemini"], model="e2e/openai-fails",
                          messages=MESSAGES) if isinstance(client, OpenRouterClient) else None
    assert unknown is None or unknown["model"] == "e2e/gemini"


@pytest.mark.parametrize("fault", ["errs", "breaks", "truncates"])
def test_a_stream_that_breaks_says_so(client, protocol, fault):
    seen = []
    with pytest.raises(BrokenStream):
        for chunk in client.stream(model=f"e2e/{protocol}-{fault}", messages=MESSAGES):
            seen.append(chunk)
    assert streamed_text(seen), "what came before the error was delivered"
