"""Three nodes over one PostgreSQL and one Valkey are as exact as one.

TRUNKLINE_OUTAGE sets for how many seconds Valkey is away.
"""

import asyncio
import json
import os
import random
import socket
import time
import urllib.request
from pathlib import Path

import pytest

import valkey
from build_providers import endpoint, model
from load import ask
from node import Node, get

SECONDS = float(os.environ.get("TRUNKLINE_OUTAGE", "6"))
SEED = int(os.environ.get("TRUNKLINE_SEED", "20251126"))
CENT = 10_000_000
NODES = 3


def a_cent_each(simulator):
    """Models that cost a cent for each request, and nothing else."""
    models, endpoints = [], []
    for name, upstream in {"cent": "sim-chat", "cent-drip": "sim-drip"}.items():
        models.append(model(name))
        priced = endpoint(name, "openai", upstream)
        del priced["price_per_million"]
        priced["price"] = {"prompt": "0", "completion": "0", "request": "0.01"}
        endpoints.append(priced)
    return {"models": models, "endpoints": endpoints}


@pytest.fixture
def shared():
    if valkey.is_skipped():
        pytest.skip("TRUNKLINE_SKIP_VALKEY=1")
    running = valkey.Valkey()
    yield running
    running.close()


class Cluster:
    """Nodes that share everything."""

    def __init__(self, simulator, server, shared, *arguments):
        first = Node(simulator, server)
        document = os.path.join(first.folder, "cents.json")
        Path(document).write_text(json.dumps(a_cent_each(simulator)))
        first.run("provider", "add", document)
        self.nodes = [first] + [Node(simulator, beside=first) for _ in range(NODES - 1)]
        self.simulator, self.shared, self.database = simulator, shared, first.database
        self.arguments = [
            "--reservation-wait", "60s", "--limits-without-valkey", "refuse", *arguments,
        ]

    def start(self):
        for node in self.nodes:
            node.start(*self.arguments, environment={"VALKEY_URL": self.shared.address})
        for node in self.nodes:
            node.wait_until_written()

    def key(self, *arguments):
        return self.nodes[0].run("key", "create", "--name", "limited", *arguments).split()[0]

    def limited(self, cents):
        return self.key("--limit", f"{cents / 100:.2f}")

    def wait_until_written(self):
        for node in self.nodes:
            node.wait_until_written()

    def stop(self):
        for node in self.nodes:
            node.stop()

    def close(self):
        for node in reversed(self.nodes):
            node.close()

    def shown(self, node, key):
        """What a node shows of a key: used and left, in nano-dollars."""
        request = urllib.request.Request(
            f"{node.url}/api/v1/key", headers={"Authorization": f"Bearer {key}"}
        )
        data = json.load(urllib.request.urlopen(request, timeout=10))["data"]
        left = data["limit_remaining"]
        return round(data["usage"] * 1e9), left if left is None else round(left * 1e9)

    def check_books(self, seen, keys):
        """Counters on every node, roll-ups and rows say the same of these keys."""
        rows = self.nodes[0].rows()
        self.nodes[0].check_sums(rows)
        missing = [answer for answer in seen if answer.status == 200 and answer.ended
                   and answer.id not in rows]
        assert not missing, missing[:3]
        spent = {}
        for row in rows.values():
            spent[row["key_hash"]] = spent.get(row["key_hash"], 0) + int(row["total_cost"])
        sums = sorted(filter(None, spent.values()))
        end = time.monotonic() + 20
        while True:
            told = [[self.shown(node, key)[0] for key in keys] for node in self.nodes]
            if all(sorted(filter(None, of_node)) == sums for of_node in told):
                return sums
            assert time.monotonic() < end, f"counters {told}, books {sums}"
            time.sleep(0.1)


@pytest.fixture
def cluster(simulator, server, shared):
    made = Cluster(simulator, server, shared)
    yield made
    made.close()


async def ask_all(cluster, key, count, models, streamed):
    """So many requests at once, over all nodes in turn."""
    return await asyncio.gather(*(
        ask(cluster.nodes[n % NODES].port, key, models[n % len(models)], f"word{n}", streamed(n))
        for n in range(count)
    ))


def test_a_key_worth_fifty_serves_exactly_fifty_on_three_nodes(cluster):
    key = cluster.limited(50)
    cluster.start()
    seen = asyncio.run(
        ask_all(cluster, key, 500, ["e2e/cent", "e2e/cent-drip"], lambda n: n % 3 == 0)
    )
    served = [answer for answer in seen if answer.status == 200]
    told = sorted({answer.status for answer in seen})
    assert (len(served), told) == (50, [200, 402]), [a for a in seen if a.status not in (200, 402)][:3]
    assert all(answer.ended for answer in seen), [a for a in seen if not a.ended][:3]
    cluster.wait_until_written()
    assert cluster.check_books(seen, [key]) == [50 * CENT]
    assert all(cluster.shown(node, key) == (50 * CENT, 0) for node in cluster.nodes)
    cluster.stop()


async def leave(port, key, name):
    """Begins a stream and leaves after its first bytes."""
    message = {"role": "user", "content": "word"}
    body = json.dumps({"model": name, "stream": True, "messages": [message]}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /api/v1/chat/completions HTTP/1.1\r\nHost: books\r\n"
        b"Content-Type: application/json\r\n"
        + f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    await reader.read(200)
    writer.close()


def test_callers_who_leave_leave_nothing_held(cluster):
    key = cluster.limited(50)
    cluster.start()

    async def all_at_once():
        staying = ask_all(cluster, key, 300, ["e2e/cent-drip", "e2e/cent"], lambda n: n % 2 == 0)
        leaving = (
            leave(cluster.nodes[n % NODES].port, key, "e2e/cent-drip") for n in range(60)
        )
        seen, *_ = await asyncio.gather(staying, *leaving)
        return seen

    seen = asyncio.run(all_at_once())
    assert {answer.status for answer in seen} <= {200, 402}, [a for a in seen if a.status not in (200, 402)][:3]
    cluster.wait_until_written()
    (spent,) = cluster.check_books(seen, [key])
    assert spent <= 50 * CENT
    # What the ones who left did not use can be used still, and no more than that.
    rest = asyncio.run(
        ask_all(cluster, key, 60, ["e2e/cent"], lambda n: False)
    )
    served = sum(answer.status == 200 for answer in rest)
    cluster.wait_until_written()
    assert served == (50 * CENT - spent) // CENT
    assert cluster.check_books(seen + rest, [key]) == [spent + served * CENT]
    cluster.stop()
