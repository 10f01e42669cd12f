-- Answers of the Responses API that a workspace keeps, for conversations that go on from them.

ALTER TABLE workspace ADD COLUMN stores_responses BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE stored_response (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- the answer before it, which may be gone
    previous_id  TEXT COLLATE "C",
    workspace_id TEXT COLLATE "C" NOT NULL,
    key_hash     TEXT COLLATE "C" NOT NULL,
    model        TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT NOT NULL,
    -- never, if there is none
    expires_at   BIGINT,
    -- items asked and answered, and their bytes before they are sealed
    items        BIGINT NOT NULL,
    bytes        BIGINT NOT NULL,
    -- JSON, sealed with the master key: the items that were asked, and the answer
    input        BYTEA  NOT NULL,
    response     BYTEA  NOT NULL
);
CREATE INDEX stored_response_by_creation ON stored_response (created_at);
CREATE INDEX stored_response_by_expiry ON stored_response (expires_at);
CREATE INDEX stored_response_by_workspace ON stored_response (workspace_id);
