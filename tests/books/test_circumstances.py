"""Bad circumstances at the start and while serving: a clear word, and nothing lost."""

import asyncio
import glob
import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from load import ask
from node import Node
from trunkline import binary

MODEL = "e2e/openai"
KEY = "0123456789abcdef" * 4


def ask_all(node, count, streamed=False):
    """So many requests, all of which must be answered."""

    async def all_at_once():
        asking = (ask(node.port, node.key, MODEL, f"word{n}", streamed) for n in range(count))
        return await asyncio.gather(*asking)

    seen = asyncio.run(all_at_once())
    failed = [answer for answer in seen if not answer.ended or answer.status != 200]
    assert not failed, failed[:3]
    return seen


def check_books(node, seen):
    """Each answer is in the books, once."""
    rows = node.rows()
    node.check_sums(rows)
    assert {answer.id for answer in seen} == set(rows)


def refused(done, *words):
    """A command failed, and said why without showing a password."""
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    for word in words:
        assert word in done.stderr, done.stderr
    assert "hidden" not in done.stdout + done.stderr
    assert "panicked" not in done.stderr


def test_a_database_of_a_newer_version_is_refused(node):
    newest = "(SELECT MAX(version) FROM _sqlx_migrations)"
    text = f"UPDATE _sqlx_migrations SET version = 9999 WHERE version = {newest}"
    node.database.query(text)
    words = ("schema version 9999", "newer version")
    refused(node.attempt("key", "list"), *words)
    refused(node.attempt("serve", "--listen", f"127.0.0.1:{node.port}"), *words)
    report = node.attempt("doctor", "--listen", "127.0.0.1:0", "--metrics-listen", "off")
    assert report.returncode == 1
    assert "9999" in report.stdout and "hidden" not in report.stdout


def test_a_data_folder_serves_one_process(node):
    node.start()
    done = node.attempt("serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off")
    refused(done, "another process serves from", "another data folder")
    node.stop()


def test_a_file_that_may_only_be_read_is_refused(simulator):
    node = Node(simulator)
    try:
        options = {}
        if os.getuid() == 0:
            # The superuser may write whatever the file says; another one may not come to where the
            # binary is.
            program = shutil.copy(binary(), node.folder)
            for path in [node.folder, *glob.glob(f"{node.folder}/**", recursive=True)]:
                shutil.chown(path, "nobody", "nogroup")
            options = {
                "program": program, "user": "nobody", "group": "nogroup", "extra_groups": [],
            }
        os.chmod(node.database.path, 0o400)
        before = Path(node.database.path).read_bytes()
        for command in (["key", "create", "--name", "x"], ["serve", "--listen", "127.0.0.1:0"]):
            refused(node.attempt(*command, **options), node.database.path)
        assert Path(node.database.path).read_bytes() == before
    finally:
        node.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=40m,mode=700", "none", str(place)]
    if os.getuid() != 0 or subprocess.run(mounting, capture_output=True).returncode != 0:
        pytest.skip("only the superuser can mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place):
    """Leaves no byte free; gives the file to remove."""
    ballast = place / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass
    return ballast


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_full_disk_is_told_and_costs_no_record(request, simulator, small_disk, kind):
    server = request.getfixturevalue("server") if kind == "postgres" else None
    node = Node(simulator, server)
    shutil.copytree(node.data, small_disk, dirs_exist_ok=True)
    kept, node.data = node.data, str(small_disk)
    if server is None:
        node.database.path = str(small_disk / "trunkline.db")
    try:
        node.start()
        seen = ask_all(node, 20)
        ballast = fill(small_disk)
        # More than what the database has room for at the moment: the journal has it.
        for _ in range(15):
            seen += ask_all(node, 40)
        told = node.ready()
        if server is None:
            assert "settlements wait" in told[1], told
        ballast.unlink()
        node.wait_until_written()
        node.stop()
        check_books(node, seen)

        ballast = fill(small_disk)
        done = node.attempt("serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off")
        assert done.returncode == 1 and "panicked" not in done.stderr
        assert "full" in done.stderr or "No space left" in done.stderr, done.stderr
        ballast.unlink()
        node.start()
        seen += ask_all(node, 20)
        node.stop()
        check_books(node, seen)
    finally:
        node.close()
        shutil.rmtree(kept, ignore_errors=True)


def test_a_journal_that_finds_no_room_is_told_at_the_start(node):
    """What a full disk is, without being the superuser."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))

    arguments = ("serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off")
    refused(node.attempt(*arguments, preexec_fn=limit), "cannot use", "journal")
    node.start()
    seen = ask_all(node, 5)
    node.stop()
    check_books(node, seen)


def test_clocks_that_jump_cost_no_record(node):
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        raise RuntimeError("libfaketime is not installed: run `make faketime`")
    clock = Path(node.folder, "clock")
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": found[0],
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        # Only the time of day jumps; the time that passes does not.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    node.start(environment=environment)
    seen = ask_all(node, 10)
    for offset in ("-2d", "+1d", "-3600", "+40d", "+0"):
        clock.write_text(offset)
        seen += ask_all(node, 10, streamed=True)
        node.wait_until_written()
    node.kill()
    node.start()
    node.wait_until_written()
    node.stop()
    check_books(node, seen)
    days = {int(row["created_at"]) // 86_400_000_000 for row in node.rows().values()}
    assert len(days) >= 4, days


def at_once(*tasks):
    """Runs functions in threads of their own; gives their results."""
    results = [None] * len(tasks)

    def run(place, task):
        results[place] = task()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Empty:
    """Two nodes on an empty database, as orchestrators start them."""

    def __init__(self, simulator, server):
        self.nodes = [Node(simulator, server)]
        address = server.new_database()
        for node in (self.nodes[0], Node(simulator, server)):
            shutil.rmtree(node.data)
            node.database = self.nodes[0].database
            node.database.environment = {
                "DATABASE_URL": address, "TRUNKLINE_MASTER_KEY": "env:KEY", "KEY": KEY,
            }
            node.database.address = address
            node.arguments = []
            if node not in self.nodes:
                self.nodes.append(node)

    def close(self):
        for node in self.nodes:
            node.close()


@pytest.fixture
def pair(simulator, server):
    made = Empty(simulator, server)
    yield made.nodes
    made.close()


def test_two_nodes_start_on_an_empty_database_at_once(pair):
    at_once(*(node.start for node in pair))
    for node in pair:
        assert node.ready() == (200, "ready\n")
    # One of them, and only one, made the first key.
    listed = pair[0].run("key", "list").splitlines()
    assert len(listed) == 2, listed
    for node in pair:
        node.stop()


def test_two_nodes_create_the_same_things_at_once(pair, simulator):
    import json

    from build_providers import build

    at_once(*(node.start for node in pair))
    document = Path(pair[0].folder, "providers.json")
    document.write_text(json.dumps(build(simulator.url)))
    tasks = []
    for node in pair * 3:
        tasks.append(lambda node=node: node.attempt("provider", "add", str(document)))
        tasks.append(lambda node=node: node.attempt("key", "create", "--name", "same"))
    for done in at_once(*tasks):
        # Either it was done or it was said why not.
        assert done.returncode == 0 or done.stderr.startswith("trunkline: "), done
        assert "panicked" not in done.stderr
        assert done.returncode == 0, done.stderr
    listed = [line for line in pair[0].run("key", "list").splitlines() if " same " in line]
    assert len(listed) == 6

    # What was made at one is known at the other, and the books are one.
    key = pair[0].run("key", "create", "--name", "shared").split()[0]
    seen = []
    for node in pair:
        node.key = key
        end = time.monotonic() + 10
        while (answer := asyncio.run(ask(node.port, key, MODEL, "hello", False))).status != 200:
            assert time.monotonic() < end, answer
        seen += [answer, *ask_all(node, 30)]
    for node in pair:
        node.stop()
    rows = pair[0].rows()
    pair[0].check_sums(rows)
    assert {answer.id for answer in seen} <= set(rows)


def test_a_node_with_another_master_key_is_refused(simulator, server):
    node = Node(simulator, server)
    fresh = Node(simulator, server, beside=node)
    try:
        assert "books" in fresh.run("key", "list")
        fresh.arguments = []
        refused(fresh.attempt("serve"), "set up already", "--master-key")
        assert not os.path.exists(fresh.data), "no key was made"
        environment = {"TRUNKLINE_MASTER_KEY": "env:KEY", "KEY": KEY}
        words = ("every node needs the master key", "--master-key file:PATH or env:NAME")
        refused(fresh.attempt("serve", environment=environment), *words)
    finally:
        fresh.close()
        node.close()


def test_a_server_that_is_not_there_yet_is_waited_for(simulator, server):
    node = Node(simulator, server)
    try:
        server.kill()
        try:
            begun = time.monotonic()
            refused(node.attempt("--database-wait", "1s", "key", "list"), "cannot be reached")
            assert time.monotonic() - begun < 10
            node.launch("--database-wait", "60s")
            end = time.monotonic() + 30
            while not any("waiting 60 seconds" in line for line in node.process.errors):
                assert time.monotonic() < end and node.process.process.poll() is None
                time.sleep(0.02)
        finally:
            server.restart()
        node.process.wait_for(r"listening on http")
        node.process.drain()
        seen = ask_all(node, 5)
        node.stop()
        assert "hidden" not in "".join(node.process.errors)
        check_books(node, seen)
    finally:
        node.close()
