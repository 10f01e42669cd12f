-- Lists of generations, secrets of keys that were changed for new ones, what tests of credentials
-- found, attempts at providers, applications.

-- For lists by time alone, and for those of failures.
CREATE INDEX generation_by_time ON generation (created_at);
CREATE INDEX generation_failed ON generation (created_at)
    WHERE status >= 400 OR error_type IS NOT NULL;

ALTER TABLE provider_credential ADD COLUMN allowed_user_ids TEXT COLLATE "C";
ALTER TABLE provider_credential ADD COLUMN test_state TEXT COLLATE "C";
ALTER TABLE provider_credential ADD COLUMN test_message TEXT COLLATE "C";
ALTER TABLE provider_credential ADD COLUMN tested_at BIGINT;

-- The secrets of keys that ever got a new one; the only secret of any other key is its own hash.
CREATE TABLE api_key_secret (
    hash       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    key_hash   TEXT COLLATE "C" NOT NULL REFERENCES api_key (hash),
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX api_key_secret_by_key ON api_key_secret (key_hash);

-- Of management keys, which leave no generations; to the minute.
CREATE TABLE api_key_use (
    key_hash     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last_used_at BIGINT NOT NULL
);

-- Written in the transaction of the rows whose attempts it counts. `stretch` counts five minutes
-- since the Unix epoch; the error type of an attempt that went well is empty.
CREATE TABLE attempt_stretch (
    stretch       BIGINT NOT NULL,
    account_id    TEXT COLLATE "C" NOT NULL,
    provider_name TEXT COLLATE "C" NOT NULL,
    error_type    TEXT COLLATE "C" NOT NULL,
    attempts      BIGINT NOT NULL,
    PRIMARY KEY (stretch, account_id, provider_name, error_type)
);

-- Applications by what they call themselves. Only so many are told apart.
ALTER TABLE usage_series ADD COLUMN app TEXT COLLATE "C" NOT NULL DEFAULT '';
