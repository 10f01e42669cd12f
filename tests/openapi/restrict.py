"""Cuts OpenRouter's OpenAPI document down to the routes served here, facts only.

    python tests/openapi/restrict.py FULL.yaml > openapi/compatibility.json

Kept are names, types, enumerations, bounds and what is required: what a client relies on. Prose,
examples and extensions are dropped.
"""

import json
import sys

import yaml

ROUTES = [
    "/activity",
    "/analytics/meta",
    "/analytics/query",
    "/auth/keys",
    "/auth/keys/code",
    "/chat/completions",
    "/credits",
    "/credits/coinbase",
    "/embeddings",
    "/embeddings/models",
    "/endpoints/zdr",
    "/generation",
    "/generation/content",
    "/generation/feedback",
    "/key",
    "/keys",
    "/keys/{hash}",
    "/messages",
    "/model/{author}/{slug}",
    "/models",
    "/models/count",
    "/models/user",
    "/models/{author}/{slug}/endpoints",
    "/organization/members",
    "/providers",
    "/rerank",
    "/responses",
    "/workspaces",
    "/workspaces/{id}",
    "/workspaces/{id}/budgets",
    "/workspaces/{id}/budgets/{interval}",
    "/workspaces/{id}/members",
    "/workspaces/{id}/members/add",
    "/workspaces/{id}/members/remove",
]

METHODS = {"get", "post", "put", "patch", "delete"}

# Keywords of a schema that state facts, by what they hold.
PLAIN = {
    "$ref", "const", "default", "deprecated", "discriminator", "enum", "exclusiveMaximum",
    "exclusiveMinimum", "format", "maxItems", "maxLength", "maxProperties", "maximum", "minItems",
    "minLength", "minProperties", "minimum", "multipleOf", "nullable", "pattern", "required",
    "type", "uniqueItems",
}
SCHEMA = {"additionalProperties", "contains", "if", "items", "not", "propertyNames", "then"}
LIST = {"allOf", "anyOf", "oneOf", "prefixItems"}
NAMED = {"$defs", "patternProperties", "properties"}


def schema(given):
    """A schema with nothing but facts."""
    if not isinstance(given, dict):
        return given
    kept = {}
    for word, value in given.items():
        if word in PLAIN:
            kept[word] = value
        elif word in SCHEMA:
            kept[word] = schema(value)
        elif word in LIST:
            kept[word] = [schema(part) for part in value]
        elif word in NAMED:
            kept[word] = {name: opened(name, schema(part)) for name, part in value.items()}
    return kept


def opened(name, kept):
    """A schema without the list of providers: here they are the operator's own."""
    if name in ("provider", "provider_name", "ProviderName") and isinstance(kept, dict):
        kept.pop("enum", None)
    return kept


def content(given):
    """Media types and their schemas."""
    return {
        media: {"schema": schema(facts.get("schema", {}))} for media, facts in given.items()
    }


def parameter(given):
    if "$ref" in given:
        return {"$ref": given["$ref"]}
    kept = {name: given[name] for name in ("name", "in", "required", "style", "explode") if name in given}
    if "schema" in given:
        kept["schema"] = schema(given["schema"])
    if "content" in given:
        kept["content"] = content(given["content"])
    return kept


def operation(given):
    kept = {"operationId": given["operationId"]}
    if given.get("parameters"):
        kept["parameters"] = [parameter(facts) for facts in given["parameters"]]
    if "requestBody" in given:
        body = given["requestBody"]
        kept["requestBody"] = {
            "required": body.get("required", False), "content": content(body["content"]),
        }
    kept["responses"] = {
        # The format demands a description.
        str(status): {"description": str(status), "content": content(facts.get("content", {}))}
        for status, facts in given["responses"].items()
    }
    return kept


def references(value):
    """All references within a value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref" and isinstance(inner, str):
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def restrict(full):
    """The part of the document that is served here."""
    paths = {
        route: {
            method: operation(facts)
            for method, facts in full["paths"][route].items()
            if method in METHODS
        }
        for route in ROUTES
    }
    components = {}
    open_references = list(references(paths))
    while open_references:
        _, _, kind, name = open_references.pop().split("/")
        if name in components.setdefault(kind, {}):
            continue
        given = full["components"][kind][name]
        kept = parameter(given) if kind == "parameters" else opened(name, schema(given))
        components[kind][name] = kept
        open_references.extend(references(kept))
    components["securitySchemes"] = {"apiKey": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": full["openapi"],
        "info": {"title": "Routes compatible with OpenRouter", "version": "1"},
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": components,
    }


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        document = yaml.load(source, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    json.dump(restrict(document), sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
    sys.stdout.write("\n")
