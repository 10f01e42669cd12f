"""Claude Code without a terminal: `claude -p` (CLIENT-1)."""

import json

import pytest

from agent import lines, program
from conversation import LONG, PICTURE, call, play


@pytest.fixture
def claude(workplace):
    """The command and the environment for a model."""

    def command(model, *more):
        environment = {
            "ANTHROPIC_BASE_URL": f"{workplace.gateway.url}/api",
            "ANTHROPIC_AUTH_TOKEN": workplace.gateway.key,
            "ANTHROPIC_API_KEY": "",
            "ANTHROPIC_MODEL": model,
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "16000",
            "DISABLE_AUTOUPDATER": "1",
        }
        start = [program("@anthropic-ai/claude-code-*/claude"), "-p", "--verbose"]
        formats = ["--input-format", "stream-json", "--output-format", "stream-json"]
        return [*start, *formats, "--permission-mode", "acceptEdits", *more], environment

    return command


def message(text):
    """What is written to its input: a text and a picture."""
    source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
    content = [{"type": "text", "text": text}, {"type": "image", "source": source}]
    said = {"type": "user", "message": {"role": "user", "content": content}}
    return json.dumps(said) + "\n"


@pytest.mark.parametrize("thinking", [False, True], ids=["plain", "thinking"])
def test_a_file_is_written_and_read(claude, workplace, model, thinking):
    path = workplace.path("note.txt")
    said = play(
        "Please do as told.",
        call("Write", file_path=path, content="Grüße 東京\n"),
        call("Read", file_path=path),
    )
    command, environment = claude(model)
    if not thinking:
        environment["CLAUDE_CODE_DISABLE_THINKING"] = "1"
    printed = lines(workplace.run(command, environment, message(said)))
    assert workplace.read("note.txt") == "Grüße 東京\n"
    [result] = [event for event in printed if event["type"] == "result"]
    assert result["subtype"] == "success" and result["is_error"] is False
    assert "Grüße 東京" in result["result"]
    assert "I see 1 image." in result["result"]
    assert result["usage"]["output_tokens"] > 0


def test_an_interrupted_answer_stops_the_provider(claude, workplace, model):
    workplace.leave(*claude(f"{model}-drip"), message(LONG))
