"""OpenRouter's document, restricted to the routes served here, with the choices made where it
contradicts its own guides; and checks of answers against it."""

import json

import jsonschema

from trunkline import ROOT

# The guides give the Responses API errors in OpenAI's words; the document, in those of chat.
RESPONSES_ERROR = {
    "type": "object",
    "required": ["id", "object", "status", "error", "error_type"],
    "properties": {
        "id": {"type": ["string", "null"]},
        "object": {"const": "response"},
        "status": {"const": "failed"},
        "error": {"$ref": "#/components/schemas/ResponsesErrorField"},
        "error_type": {"$ref": "#/components/schemas/ApiErrorType"},
        "openrouter_metadata": {"type": ["object", "null"]},
    },
}

# What a route may say beside what is written down for it, with the form of its 400: every route
# refuses what it cannot read, and whatever can fail can fail in each surface.
FURTHER = {
    "/messages": ["402", "408", "413", "422", "502", "504"],
    "/responses": ["504"],
    "/embeddings": ["403", "422", "504"],
    "/rerank": ["403", "408", "413", "422", "504"],
}


def as_served():
    """The document as it is kept here."""
    document = json.loads((ROOT / "openapi" / "compatibility.json").read_text())
    schemas = document["components"]["schemas"]
    # It contradicts itself: the first event of a stream has a response without a usage.
    schemas["BaseResponsesResult"]["properties"]["usage"] = {"$ref": "#/components/schemas/Usage"}
    # Likewise: what is begun may be reasoning.
    for name in ("BaseContentPartAddedEvent", "BaseContentPartDoneEvent"):
        schemas[name]["properties"]["part"]["anyOf"].append(
            {"$ref": "#/components/schemas/ReasoningTextContent"}
        )
    # Not told where there is none: clients send blocks back as they got them, and hosts that have
    # Anthropic's protocol refuse members they do not know.
    schemas["AnthropicTextBlock"]["required"].remove("citations")
    schemas["AnthropicToolUseBlock"]["required"].remove("caller")
    paths = document["paths"]
    responses = paths["/responses"]["post"]["responses"]
    for status, facts in responses.items():
        if status != "200":
            facts["content"]["application/json"]["schema"] = RESPONSES_ERROR
    refusal = paths["/chat/completions"]["post"]["responses"]["400"]
    for path, methods in paths.items():
        for facts in methods.values():
            facts["responses"].setdefault("400", refusal)
            for status in FURTHER.get(path, []):
                facts["responses"].setdefault(status, facts["responses"]["400"])
    return document


DOCUMENT = as_served()


def described(method, path, status, media):
    """The schema of an answer, with all it refers to."""
    content = DOCUMENT["paths"][path][method]["responses"][status]["content"]
    return {**content[media]["schema"], "components": DOCUMENT["components"]}


def reasons(error):
    """What is wrong in the alternative that was most likely meant."""
    branches = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    if error.validator not in ("anyOf", "oneOf") or not branches:
        yield f"{error.json_path}: {error.message[:200]}"
        return

    def unlike(inner):
        other = any(error.absolute_path and error.absolute_path[-1] == "type" for error in inner)
        return other, len(inner)

    for inner in min(branches.values(), key=unlike):
        yield from reasons(inner)


def check(value, method, path, status="200", media="application/json"):
    """That an answer is as described."""
    schema = described(method, path, status, media)
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(value))
    found = [reason for error in errors[:10] for reason in reasons(error)]
    assert not errors, "\n".join(found)


def members(schema):
    """The names of a schema's members."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema.get("properties", {})


def check_stream(text, path, complete=lambda event: event):
    """That all events of a stream, completed, are as described; tells them."""
    described_members = members(described("post", path, "200", "text/event-stream"))
    events = []
    for frame in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line)
        if not fields.get("data", "").startswith("{"):
            continue
        value = event = complete(json.loads(fields["data"]))
        if "data" in described_members:
            value = {**fields, "data": event}
        check(value, "post", path, media="text/event-stream")
        events.append(event)
    assert events
    return events
