"""A Valkey or Redis server of the test's own, from the programs the system has installed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from trunkline import PATIENCE

MISSING = (
    "neither Valkey nor Redis is installed: install Debian's package `valkey-server` or "
    "`redis-server`, or leave these tests out with TRUNKLINE_SKIP_VALKEY=1"
)


def is_skipped():
    return os.environ.get("TRUNKLINE_SKIP_VALKEY") == "1"


class Valkey:
    """A running server, which can be stopped, killed and started again without its data."""

    def __init__(self):
        program = shutil.which("valkey-server") or shutil.which("redis-server")
        if program is None:
            raise RuntimeError(MISSING)
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="trunkline-valkey-")
        self.socket = os.path.join(self.folder, "socket")
        self.address = f"redis+unix://{self.socket}"
        self.restart()

    def restart(self):
        """Starts it, empty."""
        self.process = subprocess.Popen(
            [
                self.program, "--port", "0", "--unixsocket", self.socket, "--save", "",
                "--appendonly", "no", "--maxmemory-policy", "noeviction", "--loglevel", "warning",
            ],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + PATIENCE
        while True:
            try:
                if self.ask("PING").startswith(b"+PONG"):
                    return
            except OSError:
                pass
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.02)

    def ask(self, *words):
        """The first bytes of an answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(self.socket)
            parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)
            connection.sendall(b"*%d\r\n" % len(words) + parts)
            return connection.recv(1 << 20)

    def freeze(self):
        """Stops it in the middle of everything: it answers neither yes nor no."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """Ends it without a chance to say anything."""
        self.process.kill()
        self.process.wait()
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
