"""The server keeps OpenRouter's contract, as far as its routes are served here.

Schemathesis makes requests from the document, good and bad ones, and checks that nothing makes
the server fail and that answers are as described. It draws the same ones on each run.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline import ROOT, Trunkline

DOCUMENT = ROOT / "openapi" / "compatibility.json"
EXAMPLES = 20
PATIENCE = 420


@pytest.fixture(scope="module")
def gateway():
    running = Trunkline()
    running.management = running.management_key()
    yield running
    running.close()


# Routes for keys that ask models; the others are asked with a management key.
INFERENCE = {"/chat/completions", "/models/user", "/key", "/generation"}


def operations():
    """All routes of the document, by id."""
    paths = json.loads(DOCUMENT.read_text())["paths"]
    return [
        pytest.param(route, facts["operationId"], id=facts["operationId"])
        for route, methods in paths.items()
        for facts in methods.values()
    ]


def with_refusals():
    """The document with a bad request (400) as a possible answer of each route: it is not
    written down for all of them, and every route refuses what it cannot read."""
    document = json.loads(DOCUMENT.read_text())
    refusal = document["paths"]["/chat/completions"]["post"]["responses"]["400"]
    for methods in document["paths"].values():
        for facts in methods.values():
            facts["responses"].setdefault("400", refusal)
    return document


@pytest.mark.parametrize(("route", "operation"), operations())
def test_the_contract_is_kept(gateway, tmp_path, route, operation):
    key = gateway.key if route in INFERENCE else gateway.management
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(with_refusals()))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", str(document),
            "--url", gateway.base_url,
            "--header", f"Authorization: Bearer {key}",
            "--include-operation-id", operation,
            "--phases", "fuzzing",
            "--checks",
            "not_a_server_error,response_schema_conformance,content_type_conformance,"
            "status_code_conformance",
            "--max-examples", str(EXAMPLES),
            "--generation-deterministic",
            "--suppress-health-check", "all",
            "--request-timeout", "30",
            "--warnings", "off",
            "--no-color",
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
