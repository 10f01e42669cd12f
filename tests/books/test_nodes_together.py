"""What one of several nodes does is known to the others: keys, limits, rates, conversations; and
what becomes of it when one of them is killed."""

import asyncio
import hashlib
import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

from build_providers import endpoint, model
from cluster import CENT, NODES, Cluster, Load, ask_all


def hash_of(key):
    return hashlib.sha256(key.encode()).hexdigest()


def post(node, key, name, **members):
    """Status and answer of a request."""
    body = {"model": name, "messages": [{"role": "user", "content": "word"}], **members}
    request = urllib.request.Request(
        f"{node.url}/api/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def seconds_until(nodes, key, status):
    """How long it takes until every node answers so."""
    begun = time.monotonic()
    for node in nodes:
        while post(node, key, "e2e/cent")[0] != status:
            assert time.monotonic() < begun + 10, f"{node.url} does not know of it"
            time.sleep(0.02)
    return time.monotonic() - begun


def test_what_is_changed_on_one_node_is_in_force_on_all_within_a_second(cluster):
    key, other = cluster.limited(1000), cluster.limited(1000)
    cluster.start()
    assert all(post(node, key, "e2e/cent")[0] == 200 for node in cluster.nodes)

    # A limit lowered, as any program does that knows the database.
    cluster.database.query(
        f"UPDATE api_key SET limit_nano_usd = {2 * CENT} WHERE hash = '{hash_of(key)}'; "
        "UPDATE control_revision SET revision = revision + 1 WHERE id = 1; "
        "NOTIFY trunkline_control"
    )
    lowered = seconds_until(cluster.nodes, key, 402)

    # A key revoked.
    cluster.nodes[0].run("key", "revoke", hash_of(other))
    revoked = seconds_until(cluster.nodes, other, 401)
    print(f"a limit after {lowered:.2f} s, a key after {revoked:.2f} s")
    assert lowered < 1 and revoked < 1
    cluster.stop()


def test_a_conversation_stays_with_its_endpoint_on_every_node(cluster):
    document = os.path.join(cluster.nodes[0].folder, "pair.json")
    endpoints = [
        endpoint("pair", "openai", "sim-chat"),
        endpoint("pair", "deepseek", "sim-deepseek"),
    ]
    for one in endpoints:
        # Nothing stays where a warm cache saves nothing.
        one["price_per_million"]["input_cache_read"] = "0.3"
    pair = {"models": [model("pair")], "endpoints": endpoints}
    Path(document).write_text(json.dumps(pair))
    cluster.nodes[0].run("provider", "add", document)
    cluster.start()
    key = cluster.nodes[0].key

    def providers(session):
        """Who serves a conversation, asked of one node after the other."""
        found = []
        for turn in range(4 * NODES):
            node = cluster.nodes[turn % NODES]
            status, answer = post(node, key, "e2e/pair", session_id=session(turn))
            assert status == 200, answer
            found.append(answer["provider"])
            # The others are told while the caller has the answer already.
            time.sleep(0.1)
        return found

    apart = providers(lambda turn: f"apart-{turn}")
    assert len(set(apart)) == 2, "either may serve"
    for number in range(4):
        together = providers(lambda turn: f"together-{number}")
        assert len(set(together)) == 1, together
    cluster.stop()


def test_rates_are_those_of_all_nodes_together(simulator, server, shared):
    arguments = ["--key-requests-per-minute", "7", "--key-concurrency", "3"]
    made = Cluster(simulator, server, shared, *arguments)
    try:
        one, other = made.key(), made.key()
        own = made.key("--requests-per-minute", "3", "--concurrency", "0")
        made.start()
        told = [post(made.nodes[turn % NODES], one, "e2e/cent")[0] for turn in range(21)]
        assert told == [200] * 7 + [429] * 14
        told = [post(made.nodes[turn % NODES], own, "e2e/cent")[0] for turn in range(9)]
        assert told == [200] * 3 + [429] * 6, "a key's own numbers are those of all nodes as well"
        seen = asyncio.run(ask_all(made, other, 12, ["e2e/cent-drip"], lambda n: False))
        assert sum(answer.status == 200 for answer in seen) == 3, seen
        assert {answer.status for answer in seen} == {200, 429}
        made.stop()
    finally:
        made.close()


def test_a_node_that_is_killed_leaves_exact_limits(cluster):
    limited = cluster.limited(150)
    cluster.start()

    async def load():
        load = Load(cluster)
        calling = [asyncio.create_task(load.call(number, limited)) for number in range(12)]
        await asyncio.sleep(2)
        await asyncio.to_thread(cluster.nodes[1].kill)
        await asyncio.sleep(1)
        load.over.set()
        await asyncio.gather(*calling)
        return load.seen[limited]

    seen = asyncio.run(load())
    environment = {"VALKEY_URL": cluster.shared.address}
    cluster.nodes[1].start(*cluster.arguments, environment=environment)
    cluster.wait_until_written()
    (spent,) = cluster.check_books(seen, [limited])
    assert 0 < spent < 150 * CENT
    # All the rest can be spent, and not more: what was under way is not held for ever.
    left = 150 - spent // CENT
    rest = asyncio.run(ask_all(cluster, limited, left + 30, ["e2e/cent"], lambda n: False))
    assert sum(answer.status == 200 for answer in rest) == left
    cluster.wait_until_written()
    assert cluster.check_books(seen + rest, [limited]) == [150 * CENT]
    cluster.stop()
