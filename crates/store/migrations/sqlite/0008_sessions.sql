-- Who signs in: passwords, what other services call members, sessions, and links that are good once.

CREATE TABLE member_password (
    member_id  TEXT NOT NULL PRIMARY KEY REFERENCES member (id),
    -- argon2id with its parameters and salt, in the PHC string format
    hash       TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE member_sign_on (
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    member_id TEXT NOT NULL REFERENCES member (id),
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX member_sign_on_by_member ON member_sign_on (member_id);

CREATE TABLE member_session (
    id           TEXT NOT NULL PRIMARY KEY,
    -- SHA-256 of what the browser keeps
    token_hash   TEXT NOT NULL UNIQUE,
    member_id    TEXT NOT NULL REFERENCES member (id),
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    address      TEXT NOT NULL,
    user_agent   TEXT NOT NULL
);
CREATE INDEX member_session_by_member ON member_session (member_id);

CREATE TABLE invitation (
    id         TEXT NOT NULL PRIMARY KEY,
    -- SHA-256 of what is in the link
    token_hash TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    email      TEXT NOT NULL,
    role       TEXT NOT NULL,
    -- whose password it sets anew
    member_id  TEXT REFERENCES member (id),
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- What made a key, where it was not a person: the playground.
ALTER TABLE api_key ADD COLUMN origin TEXT;
