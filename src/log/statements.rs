//! Every SQL text of the log, once.
//!
//! They exist in one place because PostgreSQL must take the same texts: `$1` parameters, BIGINT values, `ON CONFLICT`,
//! `RETURNING`; nothing that only one of the two understands. Invariant: what is particular to SQLite (PRAGMA, VACUUM)
//! is not here but in `sqlite.rs`.

/// Moves the head by `$1` and says where it stands then and what the last hash was.
///
/// As the first statement of a transaction it also locks the row, which orders the writers of a shared database.
pub(super) const MOVE_HEAD: &str = "UPDATE head SET seq = seq + $1 WHERE one = 1 RETURNING seq, hash";

pub(super) const SEAL_HEAD: &str = "UPDATE head SET hash = $1 WHERE one = 1 AND seq = $2";

pub(super) const HEAD: &str = "SELECT seq, hash FROM head WHERE one = 1";

pub(super) const LAST_SEQ: &str = "SELECT max(seq) FROM entries";

pub(super) const INSERT_ENTRY: &str = "INSERT INTO entries \
     (seq, id, recorded_at, actor, channel, kind, subject, facts, digest, text, salt, text_hash, hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

pub(super) const ENTRIES_FROM: &str = "SELECT \
     seq, id, recorded_at, actor, channel, kind, subject, facts, digest, text, salt, text_hash, hash \
     FROM entries WHERE seq >= $1 ORDER BY seq LIMIT $2";

pub(super) const ENTRY_BY_ID: &str = "SELECT \
     seq, id, recorded_at, actor, channel, kind, subject, facts, digest, text, salt, text_hash, hash \
     FROM entries WHERE id = $1";

pub(super) const ENTRIES_BY_SUBJECT: &str = "SELECT \
     seq, id, recorded_at, actor, channel, kind, subject, facts, digest, text, salt, text_hash, hash \
     FROM entries WHERE subject = $1 AND (CAST($2 AS TEXT) IS NULL OR kind = $2) ORDER BY seq DESC LIMIT $3";

pub(super) const TEXT_OF_ENTRY: &str = "SELECT text, salt, text_hash FROM entries WHERE seq = $1";

pub(super) const ERASE_TEXT: &str = "UPDATE entries SET text = NULL, salt = NULL WHERE seq = $1";

pub(super) const REDACTION_OF: &str =
    "SELECT seq FROM entries WHERE subject = $1 AND kind = $2 AND seq > $3 ORDER BY seq LIMIT 1";

pub(super) const META: &str = "SELECT value FROM meta WHERE name = $1";

pub(super) const SAVE_META: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";

pub(super) const SAVE_META_ONCE: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

pub(super) const REMOVE_META: &str = "DELETE FROM meta WHERE name = $1";

pub(super) const SAVE_DEVICE: &str = "INSERT INTO devices \
     (device, last_heard_at, battery_pct, availability, details) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (device) DO UPDATE SET last_heard_at = excluded.last_heard_at, battery_pct = excluded.battery_pct, \
     availability = excluded.availability, details = excluded.details";

pub(super) const DEVICES: &str = "SELECT device, last_heard_at, battery_pct, availability, details FROM devices ORDER BY device";

/// For the test that every database prepares every text.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[
    MOVE_HEAD,
    SEAL_HEAD,
    HEAD,
    LAST_SEQ,
    INSERT_ENTRY,
    ENTRIES_FROM,
    ENTRY_BY_ID,
    ENTRIES_BY_SUBJECT,
    TEXT_OF_ENTRY,
    ERASE_TEXT,
    REDACTION_OF,
    META,
    SAVE_META,
    SAVE_META_ONCE,
    REMOVE_META,
    SAVE_DEVICE,
    DEVICES,
];
