"""What the tests share: one gateway for all, and each SDK behind one face."""

import httpx
import pytest

from clients import OpenAiClient, OpenRouterClient
from trunkline import Trunkline

PROTOCOLS = ["openai", "anthropic", "gemini"]


@pytest.fixture(scope="session")
def gateway():
    """A running gateway with simulated providers."""
    running = Trunkline()
    yield running
    status = running.close()
    assert status == 0, "".join(running.gateway.errors)


@pytest.fixture(params=[OpenAiClient, OpenRouterClient], ids=["openai-sdk", "openrouter-sdk"])
def client(request, gateway):
    """Each SDK in turn."""
    client = request.param(gateway.base_url, gateway.key)
    yield client
    client.close()


@pytest.fixture(params=PROTOCOLS)
def protocol(request):
    """Each protocol between the gateway and the provider."""
    return request.param


@pytest.fixture
def http(gateway):
    """Plain HTTP, for what SDKs do not show."""
    headers = {"authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.base_url, headers=headers, timeout=30) as client:
        yield client
