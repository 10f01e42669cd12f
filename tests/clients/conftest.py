"""What the tests of Python's client libraries share: a gateway, and a protocol behind it."""

import os
import tempfile
import time

# Nothing here is spoken over TLS, and to read the usual certificates for each new client takes a
# quarter of the time.
NO_CERTIFICATES = tempfile.TemporaryDirectory(prefix="trunkline-no-certificates-")
os.environ["SSL_CERT_DIR"] = NO_CERTIFICATES.name

import httpx
import pytest

from build_providers import PROTOCOLS
from trunkline import PATIENCE, Trunkline

# One provider for each protocol between the gateway and a provider.
DIALECTS = {facts["dialect"]: name for name, facts in reversed(PROTOCOLS.items())}


@pytest.fixture(scope="session")
def gateway():
    """A running gateway with simulated providers."""
    running = Trunkline()
    yield running
    status = running.close()
    assert status == 0, "".join(running.gateway.errors)


@pytest.fixture(params=sorted(DIALECTS), ids=lambda dialect: dialect)
def model(request):
    """A model behind each protocol in turn."""
    return f"e2e/{DIALECTS[request.param]}"


@pytest.fixture
def hung_up(gateway):
    """Waits until the provider has seen its caller leave, which is what a cancel is for."""
    calls = f"{gateway.simulator_url}/_sim/calls"
    httpx.delete(calls).raise_for_status()

    def wait():
        end = time.monotonic() + PATIENCE
        while True:
            [call] = httpx.get(calls).json()["calls"]
            if call["outcome"] != "pending":
                break
            assert time.monotonic() < end, "the provider is still answering"
            time.sleep(0.02)
        assert call["disconnected"] is True
        assert 0 < call["chunks_sent"] < 400

    return wait
