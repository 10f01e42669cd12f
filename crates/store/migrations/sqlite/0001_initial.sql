-- Control plane: small tables, read whole into a snapshot. Times are microseconds since the
-- Unix epoch, money is nano-dollars, documents are JSON text.

CREATE TABLE account (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE workspace (
    id         TEXT   NOT NULL PRIMARY KEY,
    account_id TEXT   NOT NULL REFERENCES account (id),
    slug       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (account_id, slug)
);

CREATE TABLE api_key (
    hash                  TEXT    NOT NULL PRIMARY KEY,
    name                  TEXT    NOT NULL,
    label                 TEXT    NOT NULL,
    workspace_id          TEXT    NOT NULL REFERENCES workspace (id),
    account_id            TEXT    NOT NULL REFERENCES account (id),
    creator               TEXT,
    disabled              BOOLEAN NOT NULL,
    deleted               BOOLEAN NOT NULL,
    limit_nano_usd        BIGINT,
    limit_reset           TEXT,
    include_byok_in_limit BOOLEAN NOT NULL,
    expires_at            BIGINT,
    is_management         BOOLEAN NOT NULL,
    created_at            BIGINT  NOT NULL,
    updated_at            BIGINT  NOT NULL
);

CREATE TABLE provider_credential (
    id                 TEXT    NOT NULL PRIMARY KEY,
    provider           TEXT    NOT NULL,
    name               TEXT    NOT NULL,
    label              TEXT    NOT NULL,
    workspace_id       TEXT REFERENCES workspace (id),
    base_url           TEXT,
    is_fallback        BOOLEAN NOT NULL,
    sort_order         BIGINT  NOT NULL,
    allowed_models     TEXT,
    allowed_key_hashes TEXT,
    disabled           BOOLEAN NOT NULL,
    source             TEXT    NOT NULL,
    created_at         BIGINT  NOT NULL,
    -- nonce and ciphertext; the key that opens it is never in this file
    sealed_secret      BLOB    NOT NULL
);

CREATE TABLE catalogue_overlay (
    kind       TEXT   NOT NULL,
    id         TEXT   NOT NULL,
    document   TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE setting (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row. Every change above adds one in the same transaction.
CREATE TABLE control_revision (
    id       BIGINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
);
INSERT INTO control_revision (id, revision) VALUES (1, 0);

-- One row: a known text sealed with the master key, so that a wrong key is noticed at start.
CREATE TABLE master_key_check (
    id     BIGINT NOT NULL PRIMARY KEY,
    sealed BLOB   NOT NULL
);

-- The books. Append only, one row per billable answer, no bodies. No column but the key is
-- declared NOT NULL: the row type guarantees it, and SQLite would keep a statement journal
-- for every batch to be able to undo a violation. With row ids, since rows as long as these split
-- and overflow the pages of a table kept by its key.
CREATE TABLE generation (
    id                          TEXT NOT NULL PRIMARY KEY,
    request_id                  TEXT,
    upstream_id                 TEXT,
    created_at                  BIGINT,
    account_id                  TEXT,
    workspace_id                TEXT,
    key_hash                    TEXT,
    api_type                    TEXT,
    model_requested             TEXT,
    model                       TEXT,
    model_permaslug             TEXT,
    endpoint_tag                TEXT,
    provider_name               TEXT,
    provider_slug               TEXT,
    upstream_model              TEXT,
    streamed                    BOOLEAN,
    cancelled                   BOOLEAN,
    status                      BIGINT,
    finish_reason               TEXT,
    native_finish_reason        TEXT,
    error_type                  TEXT,
    latency_ms                  BIGINT,
    first_token_ms              BIGINT,
    generation_time_ms          BIGINT,
    moderation_latency_ms       BIGINT,
    native_tokens_prompt        BIGINT,
    native_tokens_completion    BIGINT,
    native_tokens_reasoning     BIGINT,
    native_tokens_cached        BIGINT,
    native_tokens_cache_write   BIGINT,
    native_tokens_cache_write_1h BIGINT,
    native_tokens_prompt_audio  BIGINT,
    native_tokens_prompt_images BIGINT,
    native_tokens_completion_audio BIGINT,
    native_tokens_completion_images BIGINT,
    tokens_prompt               BIGINT,
    tokens_completion           BIGINT,
    num_media_prompt            BIGINT,
    num_media_completion        BIGINT,
    num_search_results          BIGINT,
    web_searches                BIGINT,
    total_cost                  BIGINT,
    upstream_inference_cost     BIGINT,
    upstream_prompt_cost        BIGINT,
    upstream_completion_cost    BIGINT,
    cache_discount              BIGINT,
    usage_cost                  BIGINT,
    price_version               TEXT,
    prices                      TEXT,
    is_byok                     BOOLEAN,
    is_free                     BOOLEAN,
    price_state                 TEXT,
    settled_by                  TEXT,
    router                      TEXT,
    service_tier                TEXT,
    session_id                  TEXT,
    external_user               TEXT,
    app_referer                 TEXT,
    app_title                   TEXT,
    app_categories              TEXT,
    user_agent                  TEXT,
    origin                      TEXT,
    preset_id                   TEXT,
    response_cache_source_id    TEXT,
    data_region                 TEXT,
    attempts                    TEXT
);

CREATE INDEX generation_by_workspace ON generation (workspace_id, created_at);

-- Written in the transaction of the rows it sums; limits and usage figures read only this.
-- `day` counts UTC days since the Unix epoch.
CREATE TABLE key_usage_day (
    key_hash            TEXT    NOT NULL,
    day                 BIGINT  NOT NULL,
    is_byok             BOOLEAN NOT NULL,
    requests            BIGINT  NOT NULL,
    cost_nano_usd       BIGINT  NOT NULL,
    byok_usage_nano_usd BIGINT  NOT NULL,
    prompt_tokens       BIGINT  NOT NULL,
    completion_tokens   BIGINT  NOT NULL,
    reasoning_tokens    BIGINT  NOT NULL,
    PRIMARY KEY (key_hash, day, is_byok)
) WITHOUT ROWID;
