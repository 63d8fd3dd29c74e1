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

/// What a fold reads of many entries: without the columns that prove them, and without those that only searching needs.
pub(super) const FACTS_FROM: &str =
    "SELECT seq, id, recorded_at, actor, channel, kind, facts, text FROM entries WHERE seq >= $1 ORDER BY seq LIMIT $2";

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
    " FROM entries WHERE actor = $1 AND actor >= 'staff:' AND actor < 'staff;' \
     AND (CAST($2 AS TEXT) IS NULL OR kind = $2) AND seq < $3 ORDER BY seq DESC LIMIT $4"
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

/// The columns of an account, in the order in which rows are read.
macro_rules! staff_columns {
    () => {
        "id, name, role, created_at, used_at, disabled_at, password, totp_salt"
    };
}

/// Everything about everybody, to be brought to another database: what is emptied there, read here, and written there.
pub(super) const STAFF_TABLES: [[&str; 3]; 3] = [
    [
        "DELETE FROM staff",
        concat!("SELECT ", staff_columns!(), ", totp_step FROM staff ORDER BY id"),
        concat!("INSERT INTO staff (", staff_columns!(), ", totp_step) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
    ],
    ["DELETE FROM staff_tokens", "SELECT hash, staff, purpose, expires_at FROM staff_tokens ORDER BY hash", ADD_TOKEN],
    [
        "DELETE FROM passkeys",
        "SELECT id, staff, label, credential, created_at, used_at FROM passkeys ORDER BY id",
        "INSERT INTO passkeys (id, staff, label, credential, created_at, used_at) VALUES ($1, $2, $3, $4, $5, $6)",
    ],
];

pub(super) const ADD_STAFF: &str = "INSERT INTO staff (id, name, role, created_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (name) DO NOTHING RETURNING id";

pub(super) const LIST_STAFF: &str = concat!("SELECT ", staff_columns!(), " FROM staff ORDER BY name");

pub(super) const STAFF_BY_ID: &str = concat!("SELECT ", staff_columns!(), " FROM staff WHERE id = $1");

pub(super) const STAFF_BY_NAME: &str = concat!("SELECT ", staff_columns!(), " FROM staff WHERE name = $1");

pub(super) const SET_STAFF_ROLE: &str = "UPDATE staff SET role = $2 WHERE id = $1";

pub(super) const DISABLE_STAFF: &str = "UPDATE staff SET disabled_at = $2, password = NULL, totp_salt = NULL WHERE id = $1";

pub(super) const NOTE_STAFF: &str = "UPDATE staff SET used_at = $2 WHERE id = $1";

pub(super) const SET_PASSWORD: &str = "UPDATE staff SET password = $2, totp_salt = $3, totp_step = $4 WHERE id = $1";

pub(super) const USE_TOTP_STEP: &str =
    "UPDATE staff SET totp_step = $2 WHERE id = $1 AND (totp_step IS NULL OR totp_step < $2) RETURNING id";

pub(super) const ADD_TOKEN: &str = "INSERT INTO staff_tokens (hash, staff, purpose, expires_at) VALUES ($1, $2, $3, $4)";

pub(super) const TOKEN: &str = "SELECT staff, expires_at FROM staff_tokens WHERE hash = $1 AND purpose = $2";

pub(super) const TAKE_TOKEN: &str = "DELETE FROM staff_tokens WHERE hash = $1 AND purpose = $2 RETURNING staff, expires_at";

pub(super) const COUNT_TOKENS: &str = "SELECT count(*) FROM staff_tokens WHERE staff = $1 AND purpose = $2";

pub(super) const REMOVE_TOKENS: &str = "DELETE FROM staff_tokens WHERE staff = $1 AND (CAST($2 AS TEXT) IS NULL OR purpose = $2)";

pub(super) const FORGET_TOKENS: &str = "DELETE FROM staff_tokens WHERE expires_at < $1";

pub(super) const ADD_PASSKEY: &str =
    "INSERT INTO passkeys (id, staff, label, credential, created_at) VALUES ($1, $2, $3, $4, $5)";

pub(super) const PASSKEYS: &str =
    "SELECT id, staff, label, credential, created_at, used_at FROM passkeys WHERE staff = $1 ORDER BY created_at";

pub(super) const NOTE_PASSKEY: &str = "UPDATE passkeys SET credential = $2, used_at = $3 WHERE id = $1";

pub(super) const REMOVE_PASSKEY: &str = "DELETE FROM passkeys WHERE staff = $1 AND id = $2";

pub(super) const REMOVE_PASSKEYS: &str = "DELETE FROM passkeys WHERE staff = $1";

pub(super) const ADD_SESSION: &str =
    "INSERT INTO sessions (hash, staff, device, created_at, seen_at) VALUES ($1, $2, $3, $4, $4)";

pub(super) const SESSION: &str = "SELECT hash, staff, device, created_at, seen_at FROM sessions WHERE hash = $1";

pub(super) const SESSIONS: &str =
    "SELECT hash, staff, device, created_at, seen_at FROM sessions WHERE staff = $1 ORDER BY created_at DESC";

pub(super) const NOTE_SESSION: &str = "UPDATE sessions SET seen_at = $2 WHERE hash = $1";

pub(super) const END_SESSION: &str = "DELETE FROM sessions WHERE staff = $1 AND hash = $2";

pub(super) const END_SESSIONS: &str = "DELETE FROM sessions WHERE staff = $1 AND hash <> $2";

pub(super) const FORGET_SESSIONS: &str = "DELETE FROM sessions WHERE created_at < $1";

/// For the test that every database prepares every text.
#[cfg(test)]
pub(super) fn all() -> Vec<&'static str> {
    let mut all = vec![
        MOVE_HEAD,
        SEAL_HEAD,
        HEAD,
        LAST_SEQ,
        ENTRIES_FROM,
        FACTS_FROM,
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
        ADD_STAFF,
        LIST_STAFF,
        STAFF_BY_ID,
        STAFF_BY_NAME,
        SET_STAFF_ROLE,
        DISABLE_STAFF,
        NOTE_STAFF,
        SET_PASSWORD,
        USE_TOTP_STEP,
        ADD_TOKEN,
        TOKEN,
        TAKE_TOKEN,
        COUNT_TOKENS,
        REMOVE_TOKENS,
        FORGET_TOKENS,
        ADD_PASSKEY,
        PASSKEYS,
        NOTE_PASSKEY,
        REMOVE_PASSKEY,
        REMOVE_PASSKEYS,
        ADD_SESSION,
        SESSION,
        SESSIONS,
        NOTE_SESSION,
        END_SESSION,
        END_SESSIONS,
        FORGET_SESSIONS,
    ];
    all.extend(STAFF_TABLES.into_iter().flatten());
    all.extend(ROWS_AT_ONCE.map(|rows| insert_entries(rows).0));
    all
}
