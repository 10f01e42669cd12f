-- Who signs in: passwords, what other services call members, sessions, and links that are good once.

CREATE TABLE member_password (
    member_id  TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES member (id),
    -- argon2id with its parameters and salt, in the PHC string format
    hash       TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE member_sign_on (
    issuer    TEXT COLLATE "C" NOT NULL,
    subject   TEXT COLLATE "C" NOT NULL,
    member_id TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX member_sign_on_by_member ON member_sign_on (member_id);

CREATE TABLE member_session (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- SHA-256 of what the browser keeps
    token_hash   TEXT COLLATE "C" NOT NULL UNIQUE,
    member_id    TEXT COLLATE "C" NOT NULL REFERENCES member (id),
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    address      TEXT COLLATE "C" NOT NULL,
    user_agent   TEXT COLLATE "C" NOT NULL
);
CREATE INDEX member_session_by_member ON member_session (member_id);

CREATE TABLE invitation (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- SHA-256 of what is in the link
    token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    kind       TEXT COLLATE "C" NOT NULL,
    email      TEXT COLLATE "C" NOT NULL,
    role       TEXT COLLATE "C" NOT NULL,
    -- whose password it sets anew
    member_id  TEXT COLLATE "C" REFERENCES member (id),
    created_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- What made a key, where it was not a person: the playground.
ALTER TABLE api_key ADD COLUMN origin TEXT COLLATE "C";
