-- Price lists are frozen once for each version instead of once for each generation. The column
-- `generation.prices` is no longer written; it stays for programs of the version before.
CREATE TABLE price_list (
    version TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    prices  TEXT COLLATE "C" NOT NULL
);
