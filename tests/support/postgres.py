"""A PostgreSQL server of the test's own, from the programs the system has installed."""

import csv
import io
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from trunkline import PATIENCE, ROOT

SCRIPT = ROOT / "crates" / "store" / "src" / "tests" / "postgres.sh"
MISSING = (
    "PostgreSQL is not installed: install Debian's package `postgresql`, or leave these tests out "
    "with TRUNKLINE_SKIP_POSTGRES=1"
)


def is_skipped():
    return os.environ.get("TRUNKLINE_SKIP_POSTGRES") == "1"


def programs():
    """Version and programs of the newest server installed, where Debian has it."""
    found = [
        (int(folder.name), folder / "bin")
        for folder in Path("/usr/lib/postgresql").glob("[0-9]*")
        if (folder / "bin" / "postgres").exists()
    ]
    if not found:
        raise RuntimeError(MISSING)
    return max(found)


class Postgres:
    """A running server, which can be stopped, killed and started again."""

    def __init__(self):
        version, self.programs = programs()
        self.folder = tempfile.mkdtemp(prefix="trunkline-postgres-")
        self.log = open(f"{self.folder}.log", "w+")
        template = ROOT / "target" / f"postgres-{version}-books"
        template.parent.mkdir(exist_ok=True)
        self.again = None
        self.databases = 0
        # It removes the folder when its standard input ends, whatever becomes of the test.
        self.script = subprocess.Popen(
            ["sh", str(SCRIPT), str(self.programs), self.folder, str(template)],
            stdin=subprocess.PIPE,
            stdout=self.log,
            stderr=self.log,
        )
        self._wait_until_ready()

    def _state(self):
        try:
            return Path(self.folder, "data", "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _wait_until_ready(self):
        end = time.monotonic() + PATIENCE
        while not any(line.strip() == "ready" for line in self._state()):
            if time.monotonic() > end:
                self.log.seek(0)
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read()}")
            time.sleep(0.02)

    def _processes(self):
        """The server and the processes it has started, the server first."""
        server = int(self._state()[0])
        found = [server]
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                facts = entry.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(facts[1]) == server:
                found.append(int(entry.parent.name))
        return found

    def _signal(self, number):
        for process in self._processes():
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass

    def freeze(self):
        """Stops the server in the middle of everything: it answers neither yes nor no."""
        server = int(self._state()[0])
        os.kill(server, signal.SIGSTOP)
        # Only then are its processes known: until it stands still it may start another one.
        self._wait_until_still(server)
        self._signal(signal.SIGSTOP)
        for process in self._processes():
            self._wait_until_still(process)

    def _wait_until_still(self, process):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                return
            if state in "TZ":
                return
            if time.monotonic() > end:
                raise RuntimeError(f"process {process} of PostgreSQL does not stop")
            time.sleep(0.005)

    def thaw(self):
        self._signal(signal.SIGCONT)

    def kill(self):
        """Ends the server without a chance to say anything."""
        server = int(self._state()[0])
        self._signal(signal.SIGKILL)
        if self.again is not None:
            self.again.wait()
        while Path(f"/proc/{server}").exists():
            if Path(f"/proc/{server}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                break
            time.sleep(0.01)

    def restart(self):
        """Starts a server that was killed, as it was started before."""
        command = shlex.split(Path(self.folder, "data", "postmaster.opts").read_text())
        Path(self.folder, "data", "postmaster.pid").unlink(missing_ok=True)
        if os.getuid() == 0:
            command = [
                "setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--",
                *command,
            ]
        self.again = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        self._wait_until_ready()

    def new_database(self):
        """The address of an empty database. Its commits survive a kill of the server, which those
        of the tests of the store need not."""
        self.databases += 1
        name = f"books_{self.databases}"
        self.query("postgres", f"CREATE DATABASE {name}")
        self.query("postgres", f"ALTER DATABASE {name} SET synchronous_commit = on")
        return f"postgres://trunkline:hidden@localhost/{name}?host={self.folder}"

    def query(self, database, text):
        """The rows of a statement, as dictionaries of text."""
        done = subprocess.run(
            [
                str(self.programs / "psql"), "--no-psqlrc", "--csv", "--quiet",
                "--host", self.folder, "--username", "trunkline", "--dbname", database,
                "--command", text,
            ],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{text}: {done.stderr}")
        return list(csv.DictReader(io.StringIO(done.stdout)))

    def close(self):
        if self.again is not None and self.again.poll() is None:
            self.thaw()
            self.again.send_signal(signal.SIGQUIT)
            self.again.wait(PATIENCE)
        self.script.stdin.close()
        self.script.wait(PATIENCE)
        self.log.close()
        os.unlink(self.log.name)
        shutil.rmtree(self.folder, ignore_errors=True)
