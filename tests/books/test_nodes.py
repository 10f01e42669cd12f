"""Three nodes over one PostgreSQL and one Valkey are as exact as one.

TRUNKLINE_OUTAGE sets for how many seconds Valkey is away.
"""

import asyncio
import json
import os
import time

import pytest

from cluster import CENT, NODES, Cluster, Load, ask_all

SECONDS = float(os.environ.get("TRUNKLINE_OUTAGE", "6"))


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


class Freeze:
    """Valkey answers neither yes nor no, and goes on with what it had."""

    begin = staticmethod(lambda shared: shared.freeze())
    end = staticmethod(lambda shared: shared.thaw())


class Kill:
    """Valkey is gone, and comes back empty."""

    begin = staticmethod(lambda shared: shared.kill())
    end = staticmethod(lambda shared: shared.restart())


async def load_through(cluster, trouble, keys):
    load = Load(cluster)
    calling = [
        asyncio.create_task(load.call(number, key))
        for number, key in enumerate(key for key in keys for _ in range(9))
    ]
    await asyncio.sleep(2)
    await asyncio.to_thread(trouble.begin, cluster.shared)
    begun = time.monotonic()
    try:
        await asyncio.sleep(SECONDS * 0.8)
        told = [await asyncio.to_thread(node.ready) for node in cluster.nodes]
        await asyncio.sleep(SECONDS * 0.2)
    finally:
        ended = time.monotonic()
        await asyncio.to_thread(trouble.end, cluster.shared)
    await asyncio.sleep(4)
    after = time.monotonic()
    await asyncio.sleep(3)
    load.over.set()
    await asyncio.gather(*calling)
    return load.seen, told, (begun, ended, after)


@pytest.mark.parametrize("trouble", [Freeze, Kill], ids=["frozen", "killed-and-empty"])
@pytest.mark.parametrize("without", ["refuse", "serve"])
def test_without_valkey_what_is_promised_holds(simulator, server, shared, without, trouble):
    cluster = Cluster(simulator, server, shared, "--limits-without-valkey", without)
    try:
        limited, free = cluster.limited(100_000), cluster.key()
        small = cluster.limited(20)
        cluster.start()
        seen, told, (begun, ended, after) = asyncio.run(
            load_through(cluster, trouble, [limited, free, small])
        )
        everything = [answer for answers in seen.values() for answer in answers]
        print(
            f"{len(everything)} requests, "
            f"slowest {max(answer.seconds for answer in everything):.2f} s: {told[0]}"
        )
        assert all(answer.ended for answer in everything), [a for a in everything if not a.ended][:3]
        for status, text in told:
            assert status == 200 and "Valkey" in text, told

        # Keys without limits notice nothing.
        assert {answer.status for answer in seen[free]} == {200}
        # Those with limits are refused after a moment, or served.
        late = [a for a in seen[limited] if begun + 3.5 < a.begun < ended - 0.5]
        expected = {503} if without == "refuse" else {200}
        assert late and {answer.status for answer in late} == expected, late[:3]
        # And served when it is back.
        back = [answer for answer in seen[limited] if answer.begun > after]
        assert back and {answer.status for answer in back} == {200}, back[:3]

        cluster.wait_until_written()
        sums = cluster.check_books(everything, [limited, free, small])
        served = {key: sum(a.status == 200 for a in answers) for key, answers in seen.items()}
        assert sums == sorted(count * CENT for count in served.values())
        if without == "refuse":
            assert served[small] == 20, "never more, and no less"
        cluster.stop()
    finally:
        cluster.close()
