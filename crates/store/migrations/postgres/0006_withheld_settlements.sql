-- Settlements that came after their day had left: whether they were counted before nobody can tell.

-- At most one row: of all days before this one, counted from the Unix epoch, generations may be
-- gone.
CREATE TABLE generation_horizon (
    id  BIGINT NOT NULL PRIMARY KEY,
    day BIGINT NOT NULL
);

CREATE TABLE withheld_settlement (
    id                      TEXT   NOT NULL PRIMARY KEY,
    created_at              BIGINT NOT NULL,
    key_hash                TEXT   NOT NULL,
    total_cost              BIGINT NOT NULL, -- nano-dollars
    upstream_inference_cost BIGINT NOT NULL, -- nano-dollars
    record                  TEXT   NOT NULL  -- all of it, JSON by the columns of generation
);
