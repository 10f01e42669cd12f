"""What the tests of the books share: providers that keep a bill, a server, and nodes."""

import pytest

import postgres
import valkey
from cluster import Cluster
from node import Node, Simulator


@pytest.fixture
def simulator():
    running = Simulator()
    yield running
    running.close()


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server for all tests."""
    if postgres.is_skipped():
        pytest.skip("TRUNKLINE_SKIP_POSTGRES=1")
    running = postgres.Postgres()
    yield running
    running.close()


@pytest.fixture(params=["sqlite", "postgres"])
def node(request, simulator):
    """A node that is not started yet, over a database of either kind."""
    server = request.getfixturevalue("server") if request.param == "postgres" else None
    made = Node(simulator, server)
    yield made
    made.close()


@pytest.fixture
def shared():
    if valkey.is_skipped():
        pytest.skip("TRUNKLINE_SKIP_VALKEY=1")
    running = valkey.Valkey()
    yield running
    running.close()


@pytest.fixture
def cluster(simulator, server, shared):
    made = Cluster(simulator, server, shared)
    yield made
    made.close()
