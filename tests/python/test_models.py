"""Lists of what there is, as SDKs read them."""

from clients import OpenRouterClient


def test_models_are_listed(client):
    models = client.models()
    for wanted in ("e2e/openai", "e2e/gemini", "simulated/chat:free"):
        assert wanted in models


def test_a_model_and_its_endpoints_are_described(http):
    listed = http.get("/models").json()["data"]
    entry = next(model for model in listed if model["id"] == "e2e/openai")
    assert entry["pricing"]["prompt"] == "0.000003"
    assert entry["context_length"] == 128000
    endpoints = http.get("/models/e2e/failover/endpoints").json()["data"]["endpoints"]
    names = sorted(endpoint["provider_name"] for endpoint in endpoints)
    assert names == ["End to End Anthropic", "End to End Openai"]
    count = http.get("/models/count").json()["data"]["count"]
    assert count >= len([model for model in listed if model["id"].startswith("e2e/")])


def test_openrouters_sdk_reads_the_other_resources(gateway):
    client = OpenRouterClient(gateway.base_url, gateway.key)
    assert client.sdk.providers.list().data
    assert client.sdk.models.count().data.count > 0
    assert client.sdk.endpoints.list(author="e2e", slug="openai").data.endpoints
    assert client.sdk.endpoints.list_zdr_endpoints().data
    assert client.sdk.api_keys.get_current_key_metadata().data.limit is None
    answer = client.chat(model="e2e/openai", messages=[{"role": "user", "content": "Hello"}])
    row = client.sdk.generations.get_generation(id=answer["id"]).data
    assert row.total_cost == answer["usage"]["cost"]
    client.close()
