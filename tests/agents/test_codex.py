"""Codex without a terminal: `codex exec` (CLIENT-2)."""

import pytest

from agent import lines, program
from conversation import call, play

CONFIGURATION = """
model = "{model}"
model_provider = "trunkline"
sandbox_mode = "danger-full-access"
approval_policy = "never"

[analytics]
enabled = false

[model_providers.trunkline]
name = "Trunkline"
base_url = "{base_url}"
env_key = "TRUNKLINE_API_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


@pytest.fixture
def codex(workplace):
    """The command and the environment for a model."""

    def command(model, *more):
        home = workplace.home / "codex"
        home.mkdir()
        text = CONFIGURATION.format(model=model, base_url=workplace.gateway.base_url)
        (home / "config.toml").write_text(text)
        environment = {
            "CODEX_HOME": str(home), "TRUNKLINE_API_KEY": workplace.gateway.key,
        }
        start = [program("@openai/codex-*/vendor/*/bin/codex"), "exec", "--json"]
        return [*start, *more, "-"], environment

    return command


def test_a_file_is_written_and_read(codex, workplace, model):
    said = play(
        "Please do as told.",
        call("exec_command", cmd="printf 'Grüße 東京\\n' > note.txt"),
        call("exec_command", cmd="cat note.txt"),
    )
    printed = lines(workplace.run(*codex(model, "--image", "picture.png"), said))
    assert workplace.read("note.txt") == "Grüße 東京\n"
    items = [event["item"] for event in printed if event["type"] == "item.completed"]
    last = [item["text"] for item in items if item["type"] == "agent_message"][-1]
    assert "Grüße 東京" in last
    assert "I see 1 image." in last
    [turn] = [event for event in printed if event["type"] == "turn.completed"]
    assert turn["usage"]["output_tokens"] > 0


def test_an_interrupted_answer_stops_the_provider(codex, workplace, model):
    workplace.leave(*codex(f"{model}-drip"))
