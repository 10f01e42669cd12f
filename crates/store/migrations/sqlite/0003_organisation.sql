-- Who works with an account: members, the workspaces they share, what both may spend, what the
-- account has been credited, and who changed what.

CREATE TABLE member (
    id         TEXT    NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES account (id),
    email      TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    -- The row stays, because keys and the audit log name it.
    deleted    BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);
CREATE UNIQUE INDEX member_by_email ON member (account_id, email) WHERE NOT deleted;

CREATE TABLE member_limit (
    member_id      TEXT    NOT NULL REFERENCES member (id),
    reset_interval TEXT    NOT NULL,
    limit_nano_usd BIGINT  NOT NULL,
    include_byok   BOOLEAN NOT NULL,
    PRIMARY KEY (member_id, reset_interval)
);

ALTER TABLE api_key ADD COLUMN member_id TEXT REFERENCES member (id);

ALTER TABLE workspace ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE workspace ADD COLUMN default_text_model TEXT;
ALTER TABLE workspace ADD COLUMN default_image_model TEXT;
ALTER TABLE workspace ADD COLUMN default_provider_sort TEXT;
-- parts in ten thousand
ALTER TABLE workspace ADD COLUMN io_logging_sampling BIGINT NOT NULL DEFAULT 10000;
ALTER TABLE workspace ADD COLUMN io_logging_key_hashes TEXT;
ALTER TABLE workspace ADD COLUMN io_logging_enabled BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspace ADD COLUMN broadcast_enabled BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspace ADD COLUMN data_discount_logging_enabled BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspace ADD COLUMN include_byok_in_budgets BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspace ADD COLUMN default_guardrail_id TEXT;
ALTER TABLE workspace ADD COLUMN created_by TEXT;
ALTER TABLE workspace ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE workspace ADD COLUMN deleted BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE workspace_member (
    workspace_id TEXT   NOT NULL REFERENCES workspace (id),
    member_id    TEXT   NOT NULL REFERENCES member (id),
    added_at     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, member_id)
);

CREATE TABLE workspace_budget (
    workspace_id   TEXT   NOT NULL REFERENCES workspace (id),
    reset_interval TEXT   NOT NULL,
    limit_nano_usd BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, reset_interval)
);

-- Append only. What an account has been credited is the sum of its entries.
CREATE TABLE ledger_entry (
    id              TEXT   NOT NULL PRIMARY KEY,
    account_id      TEXT   NOT NULL REFERENCES account (id),
    recorded_at     BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    amount_nano_usd BIGINT NOT NULL,
    reason          TEXT   NOT NULL,
    actor           TEXT   NOT NULL
);
CREATE INDEX ledger_entry_by_account ON ledger_entry (account_id, recorded_at, id);

-- Append only. Documents are JSON with secrets masked.
CREATE TABLE audit_entry (
    id           TEXT   NOT NULL PRIMARY KEY,
    recorded_at  BIGINT NOT NULL,
    actor_kind   TEXT   NOT NULL,
    actor_id     TEXT   NOT NULL,
    origin       TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    subject_kind TEXT   NOT NULL,
    subject_id   TEXT   NOT NULL,
    value_before TEXT,
    value_after  TEXT
);
CREATE INDEX audit_entry_by_time ON audit_entry (recorded_at, id);

CREATE TABLE authorization_code (
    code_hash        TEXT    NOT NULL PRIMARY KEY,
    challenge        TEXT,
    challenge_method TEXT    NOT NULL,
    -- the key to be made, as JSON
    key_settings     TEXT    NOT NULL,
    created_at       BIGINT  NOT NULL,
    expires_at       BIGINT  NOT NULL,
    used             BOOLEAN NOT NULL
);

CREATE TABLE generation_feedback (
    id            TEXT   NOT NULL PRIMARY KEY,
    generation_id TEXT   NOT NULL,
    account_id    TEXT   NOT NULL,
    category      TEXT   NOT NULL,
    comment       TEXT   NOT NULL,
    created_at    BIGINT NOT NULL
);
CREATE INDEX generation_feedback_by_generation ON generation_feedback (generation_id);

-- Prompts and answers, only where a workspace asks for it, with a time of their own to live.
CREATE TABLE generation_content (
    generation_id TEXT   NOT NULL PRIMARY KEY,
    created_at    BIGINT NOT NULL,
    document      TEXT   NOT NULL
);
CREATE INDEX generation_content_by_time ON generation_content (created_at);
