"""Several nodes over one PostgreSQL and one Valkey, and callers of all of them."""

import asyncio
import json
import os
import random
import time
import urllib.request
from pathlib import Path

from build_providers import endpoint, model
from load import ask
from node import Node

SEED = int(os.environ.get("TRUNKLINE_SEED", "20251126"))
#: In nano-dollars.
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
            "--reservation-wait", "60s", *arguments,
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


async def ask_all(cluster, key, count, models, streamed):
    """So many requests at once, over all nodes in turn."""
    return await asyncio.gather(*(
        ask(cluster.nodes[n % NODES].port, key, models[n % len(models)], f"word{n}", streamed(n))
        for n in range(count)
    ))


class Load:
    """Callers who ask all nodes again and again, each with the same key."""

    def __init__(self, cluster):
        self.cluster, self.over, self.seen = cluster, asyncio.Event(), {}
        self.chance = random.Random(SEED)

    async def call(self, number, key):
        count = 0
        while not self.over.is_set():
            count += 1
            node = self.cluster.nodes[self.chance.randrange(NODES)]
            name = self.chance.choice(["e2e/cent", "e2e/cent-drip"])
            streamed = self.chance.random() < 0.5
            answer = await ask(node.port, key, name, f"word{number}-{count}", streamed)
            self.seen.setdefault(key, []).append(answer)
            await asyncio.sleep(0.05 if answer.status == 200 else 0.2)
