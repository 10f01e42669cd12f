"""aider without a terminal, editing files of a scratch repository."""

import json
import subprocess

import pytest

from agent import beside
from conversation import LONG, PICTURE, play, say

EDIT = """I will change greet.py:

greet.py
```python
<<<<<<< SEARCH
    return "hello"
=======
    return "Grüß Gott"
>>>>>>> REPLACE
```
"""


@pytest.fixture
def aider(workplace):
    """The command and the environment for a model and a message."""

    def command(model, said, *more):
        message = workplace.home / "message.txt"
        message.write_text(said)
        known = {
            f"openrouter/{model}": {
                "litellm_provider": "openrouter", "mode": "chat", "supports_vision": True,
                "max_tokens": 16_000, "max_input_tokens": 128_000, "max_output_tokens": 16_000,
                "input_cost_per_token": 3e-6, "output_cost_per_token": 15e-6,
            }
        }
        metadata = workplace.home / "models.json"
        metadata.write_text(json.dumps(known))
        environment = {
            "OPENROUTER_API_KEY": workplace.gateway.key,
            "OPENROUTER_API_BASE": workplace.gateway.base_url,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        return [
            beside("aider"), "--model", f"openrouter/{model}",
            "--weak-model", f"openrouter/{model}", "--model-metadata-file", str(metadata),
            "--message-file", str(message), "--edit-format", "diff", "--map-tokens", "0",
            "--yes-always", "--no-pretty", "--no-gitignore", "--no-analytics",
            "--no-check-update", "--no-show-model-warnings", "--no-show-release-notes", *more,
        ], environment

    return command


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_a_file_is_edited_and_committed(aider, workplace, model, streamed):
    workplace.forget()
    said = play("Make it polite.", say(EDIT))
    way = "--stream" if streamed else "--no-stream"
    workplace.run(*aider(model, said, way, "greet.py", "picture.png"))
    assert workplace.read("greet.py") == 'def greet():\n    return "Grüß Gott"\n'
    log = subprocess.run(
        ["git", "log", "--oneline"], cwd=workplace.repository, capture_output=True, check=True
    )
    assert len(log.stdout.splitlines()) == 2
    first = workplace.calls()[0]
    assert first["stream"] is streamed
    assert PICTURE in json.dumps(first["body"])


def test_an_interrupted_answer_stops_the_provider(aider, workplace, model):
    workplace.leave(*aider(f"{model}-drip", LONG))
