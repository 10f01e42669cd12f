"""The database is away for a while under load: requests go on, and their records come later.

TRUNKLINE_OUTAGE sets for how many seconds.
"""

import asyncio
import os
import random
import sqlite3
import time
import urllib.error
import urllib.request

import pytest

from load import ask, keep_asking
from node import Node

SECONDS = float(os.environ.get("TRUNKLINE_OUTAGE", "6"))
SEED = int(os.environ.get("TRUNKLINE_SEED", "20251126"))
CALLERS = 40
MODELS = ["e2e/openai", "e2e/anthropic", "e2e/gemini-drip"]
# No caller is to wait for longer because the database is away, on a machine with other work.
FELT = 5
# Nor is a balancer that asks whether the node is ready.
PROMPT = 2
# Nor whoever manages it, for much longer than a database is waited for.
REFUSED = 25


class Freeze:
    """The server answers neither yes nor no."""

    def __init__(self, node):
        self.server = node.database.server

    def begin(self):
        self.server.freeze()

    def end(self):
        self.server.thaw()


class Kill:
    """The server is gone, and comes back."""

    def __init__(self, node):
        self.server = node.database.server

    def begin(self):
        self.server.kill()

    def end(self):
        self.server.restart()


class Lock:
    """Another process has the file to itself."""

    def __init__(self, node):
        self.path = node.database.path

    def begin(self):
        # A connection is its thread's alone, and this one is held over several steps.
        self.connection = sqlite3.connect(
            self.path, timeout=30, isolation_level=None, check_same_thread=False
        )
        self.connection.execute("BEGIN EXCLUSIVE")

    def end(self):
        self.connection.execute("ROLLBACK")
        self.connection.close()


@pytest.fixture(params=[Lock, Freeze, Kill], ids=["sqlite-locked", "postgres-frozen", "postgres-killed"])
def outage(request, simulator):
    """A node that serves, and what befalls its database."""
    server = None if request.param is Lock else request.getfixturevalue("server")
    node = Node(simulator, server)
    try:
        node.start()
        yield node, request.param(node)
    finally:
        node.close()


async def load_through(node, trouble):
    over = asyncio.Event()
    chance = random.Random(SEED)
    calling = asyncio.create_task(
        keep_asking(node.port, node.key, chance, CALLERS, MODELS, over, is_patient=True)
    )
    await asyncio.sleep(1.5)
    await asyncio.to_thread(trouble.begin)
    begun = time.monotonic()
    try:
        await asyncio.sleep(SECONDS * 0.8)
        asked = time.monotonic()
        told = await asyncio.to_thread(node.ready)
        assert time.monotonic() - asked < PROMPT, "a balancer does not wait for an answer"
        await asyncio.sleep(SECONDS * 0.2)
    finally:
        ended = time.monotonic()
        await asyncio.to_thread(trouble.end)
    await asyncio.sleep(1.5)
    over.set()
    return await calling, told, (begun, ended)


def test_an_outage_is_not_felt_and_costs_no_record(simulator, outage):
    node, trouble = outage
    node.wait_until_written()
    seen, told, (begun, ended) = asyncio.run(load_through(node, trouble))
    node.wait_until_written()
    node.stop()

    # It goes on, so that no balancer is to look elsewhere; and it is told.
    assert told[0] == 200 and told[1].startswith("degraded; "), told
    assert "settlements wait" in told[1], told
    during = [answer for answer in seen if begun <= answer.begun and answer.begun <= ended]
    slowest = max(answer.seconds for answer in seen)
    print(f"{len(seen)} requests, {len(during)} during the outage, slowest {slowest:.2f} s: {told}")
    failed = [answer for answer in seen if not answer.ended or answer.status != 200]
    assert not failed, failed[:3]
    assert len(during) > CALLERS
    assert slowest < FELT, f"the outage of {SECONDS} seconds was felt"

    rows = node.rows()
    node.check_sums(rows)
    assert set(rows) == {answer.id for answer in seen}
    for answer in seen:
        assert int(rows[answer.id]["total_cost"]) == round(answer.usage["cost"] * 1e9)
    bill = simulator.bill()
    in_books = sum(
        int(row["native_tokens_prompt"]) + int(row["native_tokens_completion"])
        for row in rows.values()
    )
    assert in_books == bill["billable_tokens"]


@pytest.mark.parametrize("befalls", [Freeze, Kill], ids=["frozen", "killed"])
def test_who_manages_is_told_that_the_database_is_away(simulator, server, befalls):
    node = Node(simulator, server)
    trouble = befalls(node)
    try:
        manager = node.run("key", "create", "--name", "console", "--management").split()[0]
        node.start()
        node.wait_until_written()
        trouble.begin()
        try:
            ask_once = ask(node.port, node.key, MODELS[0], "word", False)
            assert asyncio.run(ask_once).status == 200
            for method, path, body in [
                ("GET", "keys", None),
                ("GET", "activity", None),
                ("POST", "analytics/query", b'{"metrics": ["request_count"]}'),
                ("POST", "keys", b'{"name": "new"}'),
            ]:
                begun = time.monotonic()
                status, told = manage(node, manager, method, path, body)
                seconds = time.monotonic() - begun
                print(f"{method} {path}: {status} within {seconds:.1f} s")
                assert status == 503 and "database does not answer" in told, (path, told)
                assert seconds < REFUSED, f"{path} took {seconds} seconds"
            assert node.ready()[0] == 200
        finally:
            trouble.end()
        node.wait_until_written()
        assert manage(node, manager, "GET", "keys", None)[0] == 200
        node.stop()
    finally:
        node.close()


def manage(node, key, method, path, body):
    """Status and text of a call of the management API."""
    request = urllib.request.Request(
        f"{node.url}/api/v1/{path}",
        data=body,
        method=method,
        headers={"Authorization": f"Bearer {key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_kill_within_an_outage_costs_no_record(request, simulator, kind):
    """Nothing but the journal knows of the records when the process is killed."""
    server = None if kind == "sqlite" else request.getfixturevalue("server")
    node = Node(simulator, server)
    try:
        node.start()
        node.wait_until_written()
        trouble = Lock(node) if kind == "sqlite" else Freeze(node)
        seen = asyncio.run(load_and_kill(node, trouble))
        node.start()
        node.wait_until_written()
        node.stop()
        rows = node.rows()
        node.check_sums(rows)
        ended = [answer for answer in seen if answer.ended]
        assert len(ended) > CALLERS
        missing = [answer for answer in ended if answer.id not in rows]
        assert not missing, missing[:3]
    finally:
        node.close()


async def load_and_kill(node, trouble):
    over = asyncio.Event()
    chance = random.Random(SEED)
    await asyncio.to_thread(trouble.begin)
    try:
        calling = asyncio.create_task(
            keep_asking(node.port, node.key, chance, CALLERS, MODELS, over, is_patient=False)
        )
        await asyncio.sleep(3)
        node.kill()
        over.set()
        return await calling
    finally:
        await asyncio.to_thread(trouble.end)


@pytest.mark.parametrize("befalls", [Freeze, Kill], ids=["frozen", "killed"])
def test_a_stop_within_an_outage_leaves_the_records_to_the_next_start(simulator, server, befalls):
    node = Node(simulator, server)
    trouble = befalls(node)
    try:
        node.start()
        node.wait_until_written()
        trouble.begin()
        try:
            asking = (ask(node.port, node.key, MODELS[0], f"word{n}", False) for n in range(20))

            async def all_at_once():
                return await asyncio.gather(*asking)

            seen = asyncio.run(all_at_once())
            assert all(answer.ended and answer.status == 200 for answer in seen), seen[:3]
            begun = time.monotonic()
            assert node.process.stop() == 1, "".join(node.process.errors)
            seconds = time.monotonic() - begun
            print(f"stopped within {seconds:.1f} s")
            # What stops processes kills them after ten seconds or more; a busy machine gets grace.
            assert seconds < 20, "whoever stops processes does not wait for longer"
            assert "wait in the journal" in "".join(node.process.errors)
        finally:
            trouble.end()
        node.start()
        node.wait_until_written()
        node.stop()
        assert set(node.rows()) == {answer.id for answer in seen}
        node.check_sums(node.rows())
    finally:
        node.close()
