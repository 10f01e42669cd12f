"""The server keeps OpenRouter's contract, as far as its routes are served here.

Schemathesis makes requests from the document, good and bad ones, and checks that nothing makes
the server fail and that answers are as described. It draws the same ones on each run.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from served import as_served
from trunkline import Trunkline

EXAMPLES = 20
PATIENCE = 420


@pytest.fixture(scope="module")
def gateway():
    running = Trunkline()
    running.management = running.management_key()
    yield running
    running.close()


# Routes for keys that ask models; the others are asked with a management key.
INFERENCE = {
    "/chat/completions", "/responses", "/messages", "/embeddings", "/rerank", "/models/user",
    "/key", "/generation",
}

# Models that are asked on routes whose document leaves the model open.
MODELS = {
    "/responses": ["e2e/openai", "e2e/anthropic", "e2e/gemini", "e2e/responses", "nobody/nothing"],
    "/messages": ["e2e/openai", "e2e/anthropic", "e2e/gemini", "e2e/responses", "nobody/nothing"],
    "/embeddings": ["e2e/embedding", "e2e/embedding-gemini", "e2e/embedding-cohere", "e2e/openai"],
    "/rerank": ["e2e/rerank", "e2e/openai"],
}


def operations():
    """All routes of the document, by id."""
    paths = as_served()["paths"]
    return [
        pytest.param(route, facts["operationId"], id=facts["operationId"])
        for route, methods in paths.items()
        for facts in methods.values()
    ]


def with_models():
    """The document with models that exist, so that a request that can be read reaches them."""
    document = as_served()
    for route, models in MODELS.items():
        body = document["paths"][route]["post"]["requestBody"]["content"]["application/json"]
        given = {"properties": {"model": {"enum": models}}, "required": ["model"]}
        body["schema"] = {"allOf": [body["schema"], given]}
    return document


@pytest.mark.parametrize(("route", "operation"), operations())
def test_the_contract_is_kept(gateway, tmp_path, route, operation):
    key = gateway.key if route in INFERENCE else gateway.management
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(with_models()))
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
