-- The append-only log and its head: the same tables and columns as SQLite's, under the same names; only types differ.
-- Text is compared byte by byte (COLLATE "C"), so that lists stand in the same order on both.

CREATE TABLE entries (
    seq         BIGINT NOT NULL PRIMARY KEY CHECK (seq >= 1),
    id          BYTEA  NOT NULL UNIQUE CHECK (length(id) = 16),
    recorded_at BIGINT NOT NULL,                                            -- microseconds since 1970-01-01T00:00:00Z
    actor       TEXT   COLLATE "C" NOT NULL,
    channel     TEXT   COLLATE "C" NOT NULL,
    kind        TEXT   COLLATE "C" NOT NULL,
    subject     TEXT   COLLATE "C" NOT NULL,
    facts       TEXT   COLLATE "C" NOT NULL,
    digest      TEXT   COLLATE "C",
    text        TEXT   COLLATE "C",
    salt        BYTEA  CHECK (length(salt) = 16),
    text_hash   BYTEA  CHECK (length(text_hash) = 32),                      -- NULL: nothing was typed
    hash        BYTEA  NOT NULL CHECK (length(hash) = 32),
    CHECK ((text IS NULL) = (salt IS NULL)),                                -- they come and go together
    CHECK (text IS NULL OR text_hash IS NOT NULL)                           -- text without hash would be unprovable
);

-- Says that this database is ours, so that a foreign one is never written to; SQLite has its application id for this.
COMMENT ON TABLE entries IS 'imaboard log';

CREATE INDEX entries_by_subject ON entries (subject, seq);

-- One row. Every append moves it first, which orders all writers; sequences of databases leave gaps, this does not.
-- Two versions of the row per append: the free half of the page lets the server clean up behind itself at once.
CREATE TABLE head (
    one  BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    seq  BIGINT NOT NULL CHECK (seq >= 0),
    hash BYTEA  NOT NULL CHECK (length(hash) = 32)
) WITH (fillfactor = 50);
INSERT INTO head (one, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

-- Facts about this database itself: its epoch, the version of the hash encoding, unfinished house-keeping.
CREATE TABLE meta (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);
INSERT INTO meta (name, value) VALUES ('format', '1');
