"""opencode without a terminal: `opencode run`."""

import json
import platform

import pytest

from agent import lines, program
from conversation import call, play

# The package that holds the programs for all kinds of machines has no complete lock file.
pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="not on this machine"
)

ENVIRONMENT = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
}


@pytest.fixture
def opencode(workplace):
    """The command for a model, with the gateway as its provider `openrouter`."""

    def command(model, *more):
        known = {
            "attachment": True,
            "tool_call": True,
            "modalities": {"input": ["text", "image"], "output": ["text"]},
            "limit": {"context": 128_000, "output": 16_000},
        }
        openrouter = {
            "options": {
                "baseURL": workplace.gateway.base_url, "apiKey": workplace.gateway.key,
            },
            "models": {model: known},
        }
        configuration = {
            "autoupdate": False,
            "share": "disabled",
            "snapshot": False,
            "lsp": False,
            "formatter": False,
            "enabled_providers": ["openrouter"],
            "small_model": f"openrouter/{model}",
            "provider": {"openrouter": openrouter},
        }
        (workplace.repository / "opencode.json").write_text(json.dumps(configuration))
        start = [program("opencode-linux-x64/bin/opencode"), "run", "--format", "json"]
        return [*start, "--model", f"openrouter/{model}", *more]

    return command


def test_a_file_is_written_and_read(opencode, workplace, model):
    path = workplace.path("note.txt")
    said = play(
        "Please do as told.",
        call("write", filePath=path, content="Grüße 東京\n"),
        call("read", filePath=path),
    )
    printed = workplace.run(opencode(model, "--file", "picture.png"), ENVIRONMENT, said)
    assert workplace.read("note.txt") == "Grüße 東京\n"
    [last] = [event["part"]["text"] for event in lines(printed) if event["type"] == "text"][-1:]
    assert "Grüße 東京" in last
    assert "I see 1 image." in last


def test_an_interrupted_answer_stops_the_provider(opencode, workplace, model):
    workplace.leave(opencode(f"{model}-drip"), ENVIRONMENT)
