"""Gateways that are killed and started again, over a database of either kind, and their books."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from build_providers import build
from trunkline import FIXTURES, PATIENCE, Process, binary

COUNTED = (
    "native_tokens_prompt, native_tokens_completion, native_tokens_reasoning, total_cost"
)
DAY = 86_400_000_000


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def get(url, timeout=10):
    """Status and text of a page."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Simulator:
    """Simulated providers in a process of their own, which keep the bill."""

    def __init__(self):
        script = str(FIXTURES / "books.toml")
        self.process = Process(["sim", "--listen", "127.0.0.1:0", "--script", script])
        self.url = "http://" + self.process.wait_for(r"listening on ([0-9.]+:[0-9]+)")[1]
        self.process.drain()

    def bill(self):
        """What was billed, once nothing is under way any more."""
        end = time.monotonic() + PATIENCE
        while True:
            bill = json.loads(get(f"{self.url}/_sim/bill")[1])
            if bill["running"] == 0:
                return bill
            assert time.monotonic() < end, "the simulator is still answering somebody"
            time.sleep(0.02)

    def close(self):
        self.process.stop()


class SqliteDatabase:
    """The file in a node's data folder."""

    name = "sqlite"

    def __init__(self, folder):
        self.path = os.path.join(folder, "data", "trunkline.db")
        self.environment = {}

    def query(self, text):
        with sqlite3.connect(self.path, timeout=PATIENCE) as connection:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute(text)]
        connection.close()
        return rows


class PostgresDatabase:
    """A database on a server."""

    name = "postgres"

    def __init__(self, server):
        self.server = server
        self.address = server.new_database()
        self.environment = {"DATABASE_URL": self.address}

    def query(self, text):
        database = self.address.split("?")[0].rsplit("/", 1)[1]
        return self.server.query(database, text)


class Node:
    """A gateway with a data folder of its own. It can be killed, and others may share its
    database."""

    def __init__(self, simulator, server=None, beside=None):
        self.folder = tempfile.mkdtemp(prefix="trunkline-books-")
        self.data = os.path.join(self.folder, "data")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.key = None
        self.arguments = []
        if beside is not None:
            self.database, self.key = beside.database, beside.key
            self.arguments = ["--master-key", f"file:{beside.data}/master.key"]
            return
        if server is None:
            self.database = SqliteDatabase(self.folder)
        else:
            self.database = PostgresDatabase(server)
        document = os.path.join(self.folder, "providers.json")
        Path(document).write_text(json.dumps(build(simulator.url)))
        self.run("provider", "add", document)
        self.key = self.run("key", "create", "--name", "books").split()[0]

    def _common(self):
        return ["--data-folder", self.data, "--log", "warn", *self.arguments]

    def attempt(self, *arguments, environment=None, program=None, **options):
        """Runs a command to its end, whatever that is."""
        clean = {"PATH": os.environ.get("PATH", ""), **self.database.environment}
        return subprocess.run(
            [program or binary(), *self._common(), *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**clean, **(environment or {})},
            **options,
        )

    def run(self, *arguments):
        """Runs a command that must succeed, and gives its output."""
        done = self.attempt(*arguments)
        assert done.returncode == 0, f"trunkline {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def launch(self, *arguments, environment=None, **options):
        """Starts the gateway without waiting for anything."""
        self.process = Process(
            [
                *self._common(), "serve", "--listen", f"127.0.0.1:{self.port}",
                "--metrics-listen", "off", "--simulated", "off", "--drain-timeout", "5s",
                *arguments,
            ],
            {**self.database.environment, **(environment or {})},
            **options,
        )

    def start(self, *arguments, **options):
        self.launch(*arguments, **options)
        self.process.wait_for(r"listening on http")
        self.process.drain()

    def kill(self):
        """Ends it without a chance to say anything."""
        self.process.process.kill()
        self.process.process.wait()

    def stop(self):
        status = self.process.stop()
        assert status == 0, "".join(self.process.errors)

    def ready(self):
        """Status and text of `/readyz`."""
        return get(f"{self.url}/readyz")

    def wait_until_written(self):
        """Waits until nothing is kept from the database any more."""
        end = time.monotonic() + PATIENCE
        while True:
            status, text = self.ready()
            if (status, text) == (200, "ready\n"):
                return
            assert time.monotonic() < end, f"{text}{''.join(self.process.errors[-20:])}"
            time.sleep(0.05)

    def rows(self):
        """The books: every record by its id. None may be there twice."""
        found = self.database.query(
            f"SELECT id, upstream_id, key_hash, created_at, status, {COUNTED} FROM generation_entry"
        )
        rows = {row["id"]: row for row in found}
        assert len(rows) == len(found), "a record is in the books twice"
        return rows

    def check_sums(self, rows):
        """The roll-ups are the sums of the rows."""
        expected = {}
        for row in rows.values():
            line = expected.setdefault((row["key_hash"], int(row["created_at"]) // DAY), [0] * 5)
            for place, value in enumerate([1, *(row[name] for name in COUNTED.split(", "))]):
                line[place] += int(value)
        found = self.database.query(
            "SELECT key_hash, day, requests, prompt_tokens, completion_tokens, reasoning_tokens, "
            "cost_nano_usd FROM key_usage_day"
        )
        sums = {
            (row["key_hash"], int(row["day"])): [
                int(row[name])
                for name in (
                    "requests", "prompt_tokens", "completion_tokens", "reasoning_tokens",
                    "cost_nano_usd",
                )
            ]
            for row in found
        }
        assert sums == expected
        whole = [sum(line[place] for line in expected.values()) for place in range(5)]
        for table in ("usage_day", "usage_minute"):
            line = self.database.query(
                "SELECT COALESCE(SUM(requests), 0) AS requests, "
                "COALESCE(SUM(prompt_tokens), 0) AS prompt_tokens, "
                "COALESCE(SUM(completion_tokens), 0) AS completion_tokens, "
                "COALESCE(SUM(reasoning_tokens), 0) AS reasoning_tokens, "
                f"COALESCE(SUM(cost_nano_usd), 0) AS cost_nano_usd FROM {table}"
            )[0]
            assert [int(value) for value in line.values()] == whole, table

    def close(self):
        if self.process is not None:
            self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
