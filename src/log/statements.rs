//! Every SQL text of the log, once.
//!
//! They exist in one place because SQLite and PostgreSQL take the same texts: `$1` parameters, BIGINT values, `ON CONFLICT`,
//! `RETURNING`; nothing that only one of the two understands. Invariant: what is particular to one of them (PRAGMA, VACUUM,
//! advisory locks) is not here but in `sqlite.rs` and `postgres.rs`.

use std::sync::LazyLock;

/// Columns of an entry, in the order in which rows are read and values are bound.
macro_rules! columns {
    () => {
        "seq, id, recorded_at, actor, channel, kind, subject, facts, digest, text, salt, text_hash, hash"
    };
}

/// How many columns an entry has.
pub(super) const COLUMN_COUNT: usize = 13;

/// The columns of an entry, with commas between them.
pub(super) const COLUMN_NAMES: &str = columns!();

/// Moves the head by `$1` and says where it stands then and what the last hash was.
///
/// As the first statement of a transaction it also locks the row, which orders the writers of a shared database.
pub(super) const MOVE_HEAD: &str = "UPDATE head SET seq = seq + $1 WHERE one = 1 RETURNING seq, hash";

pub(super) const SEAL_HEAD: &str = "UPDATE head SET hash = $1 WHERE one = 1 AND seq = $2";

pub(super) const HEAD: &str = "SELECT seq, hash FROM head WHERE one = 1";

pub(super) const LAST_SEQ: &str = "SELECT max(seq) FROM entries";

/// How many entries one statement inserts, largest first. Few sizes, because each is a text of its own that every
/// connection prepares; one row at a time would cost a way to the server and back for each entry of a batch. SQLite takes them
/// for redactions only; what it stores many of goes by `trip.rs`.
pub(super) const ROWS_AT_ONCE: [usize; 3] = [16, 4, 1];

static INSERT_ENTRIES: LazyLock<[String; ROWS_AT_ONCE.len()]> = LazyLock::new(|| {
    ROWS_AT_ONCE.map(|rows| {
        let row = |at: usize| {
            let values: Vec<String> = (1..=COLUMN_COUNT).map(|column| format!("${}", at * COLUMN_COUNT + column)).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!(concat!("INSERT INTO entries (", columns!(), ") VALUES {}"), rows.join(", "))
    })
});

/// The text that inserts as many entries as possible, but at most `left`, and how many those are.
pub(super) fn insert_entries(left: usize) -> (&'static str, usize) {
    let at = ROWS_AT_ONCE.iter().position(|&rows| rows <= left).unwrap_or(ROWS_AT_ONCE.len() - 1);
    (&INSERT_ENTRIES[at], ROWS_AT_ONCE[at])
}

pub(super) const ENTRIES_FROM: &str = concat!("SELECT ", columns!(), " FROM entries WHERE seq >= $1 ORDER BY seq LIMIT $2");

pub(super) const ENTRY_BY_ID: &str = concat!("SELECT ", columns!(), " FROM entries WHERE id = $1");

pub(super) const ENTRIES_BY_SUBJECT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM entries WHERE subject = $1 AND (CAST($2 AS TEXT) IS NULL OR kind = $2) ORDER BY seq DESC LIMIT $3"
);

/// The newest below a position, newest first.
pub(super) const ENTRIES_BEFORE: &str = concat!("SELECT ", columns!(), " FROM entries WHERE seq < $1 ORDER BY seq DESC LIMIT $2");

pub(super) const SUBJECT_BEFORE: &str =
    concat!("SELECT ", columns!(), " FROM entries WHERE subject = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3");

/// The range stands here in words, too, so that both databases find it in the index over it.
pub(super) const ACTS_BEFORE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM entries WHERE actor = $1 AND actor >= 'staff:' AND actor < 'staff;' AND seq < $2 ORDER BY seq DESC LIMIT $3"
);

/// The next person of the desk after `$1` who ever acted.
pub(super) const NEXT_ACTOR: &str = "SELECT actor FROM entries WHERE actor > $1 AND actor >= 'staff:' AND actor < 'staff;' \
     ORDER BY actor, seq LIMIT 1";

pub(super) const TEXT_OF_ENTRY: &str = "SELECT text, salt, text_hash FROM entries WHERE seq = $1";

pub(super) const ERASE_TEXT: &str = "UPDATE entries SET text = NULL, salt = NULL WHERE seq = $1";

pub(super) const REDACTION_OF: &str =
    "SELECT seq FROM entries WHERE subject = $1 AND kind = $2 AND seq > $3 ORDER BY seq LIMIT 1";

/// The newest entry of a kind between two positions, the first of them excluded.
pub(super) const LAST_OF_KIND: &str = "SELECT max(seq) FROM entries WHERE kind = $1 AND seq > $2";

pub(super) const META: &str = "SELECT value FROM meta WHERE name = $1";

pub(super) const ALL_META: &str = "SELECT name, value FROM meta ORDER BY name";

pub(super) const SAVE_META: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";

pub(super) const SAVE_META_ONCE: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

pub(super) const REMOVE_META: &str = "DELETE FROM meta WHERE name = $1";

pub(super) const SAVE_DEVICE: &str = "INSERT INTO devices \
     (device, last_heard_at, battery_pct, availability, details) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (device) DO UPDATE SET last_heard_at = excluded.last_heard_at, battery_pct = excluded.battery_pct, \
     availability = excluded.availability, details = excluded.details";

pub(super) const DEVICES: &str = "SELECT device, last_heard_at, battery_pct, availability, details FROM devices ORDER BY device";

pub(super) const SCHEMA_VERSION: &str = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";

/// For the test that every database prepares every text.
#[cfg(test)]
pub(super) fn all() -> Vec<&'static str> {
    let mut all = vec![
        MOVE_HEAD,
        SEAL_HEAD,
        HEAD,
        LAST_SEQ,
        ENTRIES_FROM,
        ENTRY_BY_ID,
        ENTRIES_BY_SUBJECT,
        ENTRIES_BEFORE,
        SUBJECT_BEFORE,
        ACTS_BEFORE,
        NEXT_ACTOR,
        TEXT_OF_ENTRY,
        ERASE_TEXT,
        REDACTION_OF,
        LAST_OF_KIND,
        META,
        ALL_META,
        SAVE_META,
        SAVE_META_ONCE,
        REMOVE_META,
        SAVE_DEVICE,
        DEVICES,
        SCHEMA_VERSION,
    ];
    all.extend(ROWS_AT_ONCE.map(|rows| insert_entries(rows).0));
    all
}
