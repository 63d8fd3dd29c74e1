-- Who may sit at the desk, and how they prove it. Not on the log: names and credentials of people must be able to go.
-- Times are microseconds since 1970-01-01T00:00:00Z. Secrets stand here as hashes only; that of the six-digit codes is derived
-- from the signing secret and the salt.
CREATE TABLE staff (
    id          TEXT   NOT NULL PRIMARY KEY,                                -- opaque; what the log knows
    name        TEXT   NOT NULL UNIQUE,
    role        TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    used_at     BIGINT,                                                     -- last login
    disabled_at BIGINT,
    password    TEXT,                                                       -- PHC string; NULL: none
    totp_salt   BLOB,                                                       -- NULL: no six-digit codes
    totp_step   BIGINT                                                      -- the newest used: none works twice
);

-- Invitations and recovery codes: each works once.
CREATE TABLE staff_tokens (
    hash       BLOB   NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    staff      TEXT   NOT NULL,
    purpose    TEXT   NOT NULL,
    expires_at BIGINT
);
CREATE INDEX staff_tokens_by_staff ON staff_tokens (staff, purpose);

CREATE TABLE passkeys (
    id         BLOB   NOT NULL PRIMARY KEY,
    staff      TEXT   NOT NULL,
    label      TEXT   NOT NULL,
    credential TEXT   NOT NULL,                                             -- JSON: public key and counter
    created_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX passkeys_by_staff ON passkeys (staff);

CREATE TABLE sessions (
    hash       BLOB   NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    staff      TEXT   NOT NULL,
    device     TEXT   NOT NULL,                                             -- what the browser calls itself
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);
CREATE INDEX sessions_by_staff ON sessions (staff);

-- What somebody at the desk did; most entries are by nobody there and cost this index nothing.
CREATE INDEX entries_by_staff ON entries (actor, seq) WHERE actor >= 'staff:' AND actor < 'staff;';
