"""OpenRouter's SDK as those use it who manage keys, credit, workspaces and applications."""

import base64
import hashlib
from datetime import datetime, timedelta, timezone

import httpx
import openrouter
import pytest
from openrouter import errors

PATIENCE = 30_000


@pytest.fixture(scope="module")
def manager(gateway):
    """The SDK with a management key."""
    with openrouter.OpenRouter(
        server_url=gateway.base_url, api_key=gateway.management_key(), timeout_ms=PATIENCE,
        retry_config=None,
    ) as sdk:
        yield sdk


def ask(gateway, key):
    """Asks a model with a key; tells the status."""
    return httpx.post(
        f"{gateway.base_url}/chat/completions",
        headers={"authorization": f"Bearer {key}"},
        json={"model": "e2e/openai", "messages": [{"role": "user", "content": "Hello"}]},
        timeout=30,
    ).status_code


def test_keys(gateway, manager):
    ends = datetime.now(timezone.utc) + timedelta(days=1)
    made = manager.api_keys.create(name="ci", limit=2.5, limit_reset="monthly", expires_at=ends)
    assert (made.data.limit, made.data.limit_reset) == (2.5, "monthly")
    assert made.data.hash == hashlib.sha256(made.key.encode()).hexdigest()
    assert abs(made.data.expires_at - ends) < timedelta(seconds=1)
    assert ask(gateway, made.key) == 200

    listed = manager.api_keys.list()
    assert made.data.hash in [key.hash for key in listed.data]
    shown = manager.api_keys.get(hash=made.data.hash).data
    assert shown.usage > 0 and shown.limit_remaining < 2.5
    changed = manager.api_keys.update(hash=made.data.hash, name="new", limit=None, disabled=True)
    assert (changed.data.name, changed.data.limit, changed.data.disabled) == ("new", None, True)
    assert ask(gateway, made.key) == 401
    assert manager.api_keys.delete(hash=made.data.hash).DELETED
    with pytest.raises(errors.NotFoundResponseError):
        manager.api_keys.get(hash=made.data.hash)
    own = manager.api_keys.get_current_key_metadata().data
    assert own.is_management_key


def test_a_key_cannot_be_made_with_a_limit_below_zero(manager):
    with pytest.raises(errors.BadRequestResponseError, match="limit: is below zero"):
        manager.api_keys.create(name="k", limit=-1)


def test_credits(gateway, manager):
    before = manager.credits.get_credits().data
    assert ask(gateway, gateway.key) == 200
    answer = httpx.post(
        f"{gateway.base_url}/credits/grants",
        headers={"authorization": f"Bearer {gateway.management_key()}"},
        json={"amount": 12.5, "reason": "for the tests"},
    )
    assert answer.status_code == 201, answer.text
    after = manager.credits.get_credits().data
    assert after.total_credits - before.total_credits == 12.5
    assert after.total_usage > before.total_usage


def test_workspaces_and_budgets(manager):
    made = manager.workspaces.create(name="Team", slug="team", default_provider_sort="price").data
    assert (made.slug, made.default_provider_sort) == ("team", "price")
    listed = manager.workspaces.list().result
    assert {workspace.slug for workspace in listed.data} == {"default", "team"}
    assert manager.workspaces.get(id="team").data == made
    assert manager.workspaces.update(id=made.id, name="New").data.name == "New"

    budget = manager.workspaces.set_budget(
        workspace_ref="team", interval="monthly", limit_usd=100, include_byok_in_budgets=True
    )
    assert (budget.data.limit_usd, budget.data.reset_interval) == (100, "monthly")
    with pytest.raises(errors.BadRequestResponseError, match="limit_usd"):
        manager.workspaces.set_budget(workspace_ref="team", interval="daily", limit_usd=100)
    manager.workspaces.set_budget(workspace_ref="team", interval="lifetime", limit_usd=1000)
    assert len(manager.workspaces.list_budgets(workspace_ref="team").data) == 2
    lifetime = manager.workspaces.get_budget(workspace_ref="team", interval="lifetime").data
    assert lifetime.reset_interval is None
    assert manager.workspaces.delete_budget(workspace_ref="team", interval="lifetime").DELETED

    key = manager.api_keys.create(name="k", workspace_id=made.id)
    assert key.data.workspace_id == made.id
    with pytest.raises(errors.BadRequestResponseError, match="active API keys"):
        manager.workspaces.delete(id="team")
    manager.api_keys.delete(hash=key.data.hash)
    assert manager.workspaces.delete(id="team").DELETED
    with pytest.raises(errors.ForbiddenResponseError):
        manager.workspaces.delete(id="default")


def test_members(manager):
    assert manager.organization.list_members().result.total_count == 0
    assert manager.workspaces.list_members(id="default").result.data == []
    with pytest.raises(errors.BadRequestResponseError, match="user_ids"):
        manager.workspaces.bulk_add_members(id="default", user_ids=["user_nobody"])


def test_activity_and_analytics(gateway, manager):
    assert ask(gateway, gateway.key) == 200
    # Today is not over, and the gateway has run since today.
    assert manager.analytics.get_user_activity().data == []
    meta = manager.analytics.get_analytics_meta().data
    assert "request_count" in [metric.name for metric in meta.metrics]
    told = manager.analytics.query_analytics(
        metrics=["request_count", "total_usage"],
        dimensions=["model"],
        granularity="day",
        filters=[{"field": "model", "operator": "eq", "value": "e2e/openai"}],
        order_by={"field": "request_count", "direction": "desc"},
    ).data
    assert told.metadata.row_count == 1 and not told.metadata.truncated


def test_an_application_gets_a_key(gateway, manager):
    verifier = "v" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    code = manager.o_auth.create_auth_code(
        callback_url="https://app.example/back",
        code_challenge=base64.urlsafe_b64encode(digest).decode().rstrip("="),
        code_challenge_method="S256",
        key_label="My app",
        limit=5,
    ).data.id
    with openrouter.OpenRouter(server_url=gateway.base_url, retry_config=None) as application:
        exchange = application.o_auth.exchange_auth_code_for_api_key
        with pytest.raises(errors.ForbiddenResponseError, match="Invalid code or code_verifier"):
            exchange(code=code, code_verifier="wrong", code_challenge_method="S256")
        key = exchange(code=code, code_verifier=verifier, code_challenge_method="S256").key
        assert ask(gateway, key) == 200
        with pytest.raises(errors.ForbiddenResponseError):
            exchange(code=code, code_verifier=verifier, code_challenge_method="S256")


def test_inference_keys_manage_nothing(gateway):
    with openrouter.OpenRouter(
        server_url=gateway.base_url, api_key=gateway.key, retry_config=None
    ) as sdk:
        with pytest.raises(errors.ForbiddenResponseError, match="Only management keys"):
            sdk.credits.get_credits()
