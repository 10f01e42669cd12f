"""What the tests of the contract share: a gateway, and callers of it."""

import httpx
import pytest

from trunkline import Trunkline


@pytest.fixture(scope="module")
def gateway():
    running = Trunkline()
    yield running
    running.close()


@pytest.fixture(scope="module")
def http(gateway):
    headers = {"authorization": f"Bearer {gateway.key}"}
    with httpx.Client(base_url=gateway.base_url, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def management(gateway):
    headers = {"authorization": f"Bearer {gateway.management_key()}"}
    with httpx.Client(base_url=gateway.base_url, headers=headers, timeout=30) as client:
        yield client
