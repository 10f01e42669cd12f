"""Runs coding agents where they can do no harm and reach nothing but the gateway."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from conversation import LONG

# An agent takes some seconds, on a machine with other work to do many.
PATIENCE = 180

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"

# Nobody listens there, so whatever is not on this machine fails at once.
NOWHERE = "http://127.0.0.1:9"


def program(pattern):
    """A program in the packages for this kind of machine. Their own starters need scripts at
    installation, which are not run."""
    found = [str(path) for path in MODULES.glob(pattern)]
    assert found, f"no {pattern} in {MODULES}: `make e2e-agents` installs it"
    # Where there is another one for musl, it is the longer name.
    return min(found, key=len)


def listen_to_interrupts():
    """Tests that run in the background of a shell ignore interrupts, which a child inherits."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Workplace:
    """A home, a scratch repository, and the gateway."""

    def __init__(self, gateway, home, repository):
        self.gateway = gateway
        self.home = home
        self.repository = repository

    def path(self, name):
        return str(self.repository / name)

    def read(self, name):
        return (self.repository / name).read_text()

    def _start(self, command, environment):
        clean = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.home),
            "TERM": "dumb",
            "HTTP_PROXY": NOWHERE,
            "HTTPS_PROXY": NOWHERE,
            "NO_PROXY": "127.0.0.1,localhost",
            **environment,
        }
        return subprocess.Popen(
            command,
            cwd=self.repository,
            env=clean,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A group of its own, so that an agent's children end with it.
            start_new_session=True,
            preexec_fn=listen_to_interrupts,
        )

    def run(self, command, environment, said=""):
        """Runs an agent to its end and gives what it printed."""
        process = self._start(command, environment)
        try:
            printed, errors = process.communicate(said, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            printed, errors = process.communicate()
            raise AssertionError(f"{command[0]} does not end:\n{printed}\n{errors}") from None
        assert process.returncode == 0, f"{printed}\n{errors}"
        return printed

    def calls(self):
        """What the simulated providers were asked for since `forget`."""
        with urllib.request.urlopen(f"{self.gateway.simulator_url}/_sim/calls") as answer:
            return json.load(answer)["calls"]

    def forget(self):
        request = urllib.request.Request(
            f"{self.gateway.simulator_url}/_sim/calls", method="DELETE"
        )
        urllib.request.urlopen(request).close()

    def leave(self, command, environment, said=LONG):
        """Interrupts an agent while it listens to the model `e2e/…-drip`, and waits until the
        provider has seen it leave."""
        self.forget()
        process = self._start(command, environment)
        try:
            process.stdin.write(said)
            process.stdin.close()
            # Long enough for the agent to have begun to read as well.
            begun = self._wait(process, lambda call: call["chunks_sent"] >= 20)["number"]
            os.killpg(process.pid, signal.SIGINT)
            # The agent may be gone before the provider has seen it leave.
            call = self._wait(
                process,
                lambda call: call["number"] == begun and call["outcome"] != "pending",
                may_end=True,
            )
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            process.stdout.close()
            process.stderr.close()
        assert call["disconnected"] is True
        assert call["chunks_sent"] < 200, "the provider spoke on"

    def _wait(self, process, ready, may_end=False):
        end = time.monotonic() + PATIENCE
        while True:
            found = [
                call for call in self.calls() if call["model"] == "sim-drip" and ready(call)
            ]
            if found:
                return found[0]
            has_ended = process.poll() is not None and not may_end
            if has_ended or time.monotonic() > end:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                printed, errors = process.stdout.read(), process.stderr.read()
                raise AssertionError(f"nothing came of it:\n{printed}\n{errors}")
            time.sleep(0.02)


def lines(printed):
    """The JSON objects in an agent's output."""
    found = []
    for line in printed.splitlines():
        if line.startswith("{"):
            found.append(json.loads(line))
    return found


def beside(name):
    """A program in the environment of the tests."""
    return str(Path(sys.executable).with_name(name))
