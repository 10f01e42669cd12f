"""Starts the real binary: simulated providers, and a gateway in front of them.

Ports are free ones, data lies in a temporary folder, and all is gone afterwards.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
sys.path.insert(0, str(FIXTURES))

from build_providers import ENVIRONMENT, build  # noqa: E402

# Starting takes a tenth of a second; slow machines are slow.
PATIENCE = 60


def binary():
    """The binary under test: TRUNKLINE_BIN, or what cargo built last."""
    named = os.environ.get("TRUNKLINE_BIN")
    candidates = [Path(named)] if named else [ROOT / "target" / "debug" / "trunkline"]
    for candidate in candidates:
        candidate = candidate if candidate.is_absolute() else ROOT / candidate
        if candidate.exists():
            return str(candidate)
    raise RuntimeError(f"no binary at {candidates}: run `make build`, or set TRUNKLINE_BIN")


class Process:
    """A child whose output is read to the line that is waited for."""

    def __init__(self, arguments, environment=None, **options):
        # A clean environment: nobody's provider keys, proxies or settings.
        clean = {"PATH": os.environ.get("PATH", ""), **(environment or {})}
        self.lines = []
        self.process = subprocess.Popen(
            [binary(), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean,
            **options,
        )
        self.errors = []
        self.complaints = threading.Thread(target=self._read_errors, daemon=True)
        self.complaints.start()

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line)

    def wait_for(self, pattern):
        """The match of the first line of output that has the pattern."""
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        try:
            for line in self.process.stdout:
                self.lines.append(line)
                found = re.search(pattern, line)
                if found:
                    return found
        finally:
            watchdog.cancel()
        raise RuntimeError(f"no {pattern!r} in:\n{''.join(self.lines)}{''.join(self.errors)}")

    def drain(self):
        """Reads what comes later, so that the child is never held up."""
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def stop(self):
        """Asks to stop, as an operator would; tells the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Trunkline:
    """A gateway with simulated providers behind it."""

    def __init__(self, *arguments):
        self.folder = tempfile.mkdtemp(prefix="trunkline-")
        self.data = os.path.join(self.folder, "data")
        script = str(FIXTURES / "script.toml")
        self.simulator = Process(["sim", "--listen", "127.0.0.1:0", "--script", script])
        self.gateway = None
        try:
            address = self.simulator.wait_for(r"listening on ([0-9.]+:[0-9]+)")[1]
            self.simulator.drain()
            self.simulator_url = f"http://{address}"
            document = os.path.join(self.folder, "providers.json")
            Path(document).write_text(json.dumps(build(self.simulator_url)))
            self.run("provider", "add", document)
            self.start(*arguments)
        except BaseException:
            self.close()
            raise

    def start(self, *arguments):
        """Starts the gateway, on a first start with a key of its own."""
        self.gateway = Process(
            [
                *self._common(), "serve", "--listen", "127.0.0.1:0", "--metrics-listen",
                "127.0.0.1:0", "--simulated", "on", "--drain-timeout", "5s", *arguments,
            ],
            ENVIRONMENT,
        )
        self.url = self.gateway.wait_for(r"listening on (http\S+)")[1]
        self.metrics_url = self.gateway.wait_for(r"(http\S+/metrics)")[1]
        self.base_url = f"{self.url}/api/v1"
        if not hasattr(self, "key"):
            self.key = self.gateway.wait_for(r"(sk-or-v1-[0-9a-f]+)")[1]
        self.gateway.drain()

    def _common(self):
        return ["--data-folder", self.data, "--log", "warn"]

    def run(self, *arguments):
        """Runs a command on the data folder and gives its output."""
        done = subprocess.run(
            [binary(), *self._common(), *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={"PATH": os.environ.get("PATH", "")},
        )
        if done.returncode != 0:
            raise RuntimeError(f"trunkline {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def management_key(self):
        """A key for the management API, made as an operator makes it and in force."""
        made = self.run("key", "create", "--name", "manager", "--management", "--json")
        key = json.loads(made)["key"]
        # The gateway notices what a command has changed within a second.
        deadline = time.monotonic() + PATIENCE
        request = urllib.request.Request(
            f"{self.base_url}/key", headers={"authorization": f"Bearer {key}"}
        )
        while True:
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE):
                    return key
            except urllib.error.HTTPError as error:
                if error.code != 401 or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def close(self):
        """Stops everything and removes the folder."""
        status = self.gateway.stop() if self.gateway else None
        self.simulator.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        return status
