"""What the tests of coding agents share: a gateway, a scratch repository, and a way to run them."""

import subprocess
from pathlib import Path

import pytest

from agent import Workplace
from build_providers import PROTOCOLS
from conversation import PICTURE_BYTES
from trunkline import Trunkline

# Agents start slowly, so they are led through these protocols alone, one provider for each.
NAMES = {facts["dialect"]: name for name, facts in reversed(PROTOCOLS.items())}
DIALECTS = ["openai_chat", "anthropic", "gemini", "openai_responses"]


@pytest.fixture(scope="session")
def gateway():
    """A running gateway with simulated providers."""
    running = Trunkline()
    yield running
    status = running.close()
    assert status == 0, "".join(running.gateway.errors)


@pytest.fixture(params=DIALECTS)
def model(request):
    """A model behind each protocol in turn."""
    return f"e2e/{NAMES[request.param]}"


@pytest.fixture
def workplace(gateway, tmp_path):
    """A home and a scratch repository with a file and a picture in it."""
    home, repository = tmp_path / "home", tmp_path / "repository"
    home.mkdir()
    repository.mkdir()
    (repository / "greet.py").write_text('def greet():\n    return "hello"\n')
    (repository / "picture.png").write_bytes(PICTURE_BYTES)
    for arguments in (
        ["init", "--quiet"],
        ["config", "user.name", "Tests"],
        ["config", "user.email", "tests@example.com"],
        ["add", "."],
        ["commit", "--quiet", "--message", "Begin"],
    ):
        subprocess.run(["git", *arguments], cwd=repository, check=True)
    return Workplace(gateway, home, Path(repository))
