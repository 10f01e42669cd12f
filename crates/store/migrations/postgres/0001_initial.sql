-- Control plane: small tables, read whole into a snapshot. Times are microseconds since the
-- Unix epoch, money is nano-dollars, documents are JSON text. Text is compared by bytes, as SQLite
-- does it, whatever the server's language.

CREATE TABLE account (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE workspace (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    slug       TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (account_id, slug)
);

CREATE TABLE api_key (
    hash                  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name                  TEXT COLLATE "C" NOT NULL,
    label                 TEXT COLLATE "C" NOT NULL,
    workspace_id          TEXT COLLATE "C" NOT NULL REFERENCES workspace (id),
    account_id            TEXT COLLATE "C" NOT NULL REFERENCES account (id),
    creator               TEXT COLLATE "C",
    disabled              BOOLEAN NOT NULL,
    deleted               BOOLEAN NOT NULL,
    limit_nano_usd        BIGINT,
    limit_reset           TEXT COLLATE "C",
    include_byok_in_limit BOOLEAN NOT NULL,
    expires_at            BIGINT,
    is_management         BOOLEAN NOT NULL,
    created_at            BIGINT  NOT NULL,
    updated_at            BIGINT  NOT NULL
);

CREATE TABLE provider_credential (
    id                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    provider           TEXT COLLATE "C" NOT NULL,
    name               TEXT COLLATE "C" NOT NULL,
    label              TEXT COLLATE "C" NOT NULL,
    workspace_id       TEXT COLLATE "C" REFERENCES workspace (id),
    base_url           TEXT COLLATE "C",
    is_fallback        BOOLEAN NOT NULL,
    sort_order         BIGINT  NOT NULL,
    allowed_models     TEXT COLLATE "C",
    allowed_key_hashes TEXT COLLATE "C",
    disabled           BOOLEAN NOT NULL,
    source             TEXT COLLATE "C" NOT NULL,
    created_at         BIGINT  NOT NULL,
    -- nonce and ciphertext; the key that opens it is never in this database
    sealed_secret      BYTEA    NOT NULL
);

CREATE TABLE catalogue_overlay (
    kind       TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    document   TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE setting (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
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
    sealed BYTEA   NOT NULL
);

-- The books. Append only, one row per billable answer, no bodies. One partition per UTC day, made
-- by the program ahead of time and dropped when it is outlived.
--
-- A partitioned table can only be unique with the column it is divided by. A settlement is counted
-- once all the same: `created_at` is frozen in the row when the answer is settled, before the row
-- is handed to anybody who might hand it on twice, so that a replay has the same one.
CREATE TABLE generation (
    id                          TEXT COLLATE "C" NOT NULL,
    request_id                  TEXT COLLATE "C",
    upstream_id                 TEXT COLLATE "C",
    created_at                  BIGINT NOT NULL,
    account_id                  TEXT COLLATE "C",
    workspace_id                TEXT COLLATE "C",
    key_hash                    TEXT COLLATE "C",
    api_type                    TEXT COLLATE "C",
    model_requested             TEXT COLLATE "C",
    model                       TEXT COLLATE "C",
    model_permaslug             TEXT COLLATE "C",
    endpoint_tag                TEXT COLLATE "C",
    provider_name               TEXT COLLATE "C",
    provider_slug               TEXT COLLATE "C",
    upstream_model              TEXT COLLATE "C",
    streamed                    BOOLEAN,
    cancelled                   BOOLEAN,
    status                      BIGINT,
    finish_reason               TEXT COLLATE "C",
    native_finish_reason        TEXT COLLATE "C",
    error_type                  TEXT COLLATE "C",
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
    price_version               TEXT COLLATE "C",
    prices                      TEXT COLLATE "C",
    is_byok                     BOOLEAN,
    is_free                     BOOLEAN,
    price_state                 TEXT COLLATE "C",
    settled_by                  TEXT COLLATE "C",
    router                      TEXT COLLATE "C",
    service_tier                TEXT COLLATE "C",
    session_id                  TEXT COLLATE "C",
    external_user               TEXT COLLATE "C",
    app_referer                 TEXT COLLATE "C",
    app_title                   TEXT COLLATE "C",
    app_categories              TEXT COLLATE "C",
    user_agent                  TEXT COLLATE "C",
    origin                      TEXT COLLATE "C",
    preset_id                   TEXT COLLATE "C",
    response_cache_source_id    TEXT COLLATE "C",
    data_region                 TEXT COLLATE "C",
    attempts                    TEXT COLLATE "C",
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE INDEX generation_by_workspace ON generation (workspace_id, created_at);

-- Written in the transaction of the rows it sums; limits and usage figures read only this.
-- `day` counts UTC days since the Unix epoch.
CREATE TABLE key_usage_day (
    key_hash            TEXT COLLATE "C" NOT NULL,
    day                 BIGINT  NOT NULL,
    is_byok             BOOLEAN NOT NULL,
    requests            BIGINT  NOT NULL,
    cost_nano_usd       BIGINT  NOT NULL,
    byok_usage_nano_usd BIGINT  NOT NULL,
    prompt_tokens       BIGINT  NOT NULL,
    completion_tokens   BIGINT  NOT NULL,
    reasoning_tokens    BIGINT  NOT NULL,
    PRIMARY KEY (key_hash, day, is_byok)
);
