-- The append-only log and its head. PostgreSQL has the same tables under the same names; only types differ
-- (BLOB/BYTEA; SQLite's INTEGER PRIMARY KEY is its 64-bit BIGINT and makes `seq` the storage order).

-- 'Imab': says that this file is ours, so that a foreign database is never written to.
PRAGMA application_id = 1231905122;

CREATE TABLE entries (
    seq         INTEGER PRIMARY KEY CHECK (seq >= 1),
    id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    recorded_at BIGINT  NOT NULL,                                           -- microseconds since 1970-01-01T00:00:00Z
    actor       TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    facts       TEXT    NOT NULL,
    digest      TEXT,
    text        TEXT,
    salt        BLOB    CHECK (length(salt) = 16),
    text_hash   BLOB    CHECK (length(text_hash) = 32),                     -- NULL: nothing was typed
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    CHECK ((text IS NULL) = (salt IS NULL)),                                -- they come and go together
    CHECK (text IS NULL OR text_hash IS NOT NULL)                           -- text without hash would be unprovable
);

CREATE INDEX entries_by_subject ON entries (subject, seq);

-- One row. Every append moves it first, which orders all writers; sequences of databases leave gaps, this does not.
CREATE TABLE head (
    one  BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    seq  BIGINT NOT NULL CHECK (seq >= 0),
    hash BLOB   NOT NULL CHECK (length(hash) = 32)
);
INSERT INTO head (one, seq, hash) VALUES (1, 0, zeroblob(32));

-- Facts about this database itself: its epoch, the version of the hash encoding, unfinished house-keeping.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
INSERT INTO meta (name, value) VALUES ('format', '1');
