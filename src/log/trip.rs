//! SQLite's way to store a batch: a whole commit in as few trips to the database's thread as its size allows.
//!
//! The library keeps one thread for each connection, and every statement goes there and back: beginning, moving the head,
//! inserting, sealing the head and committing were five trips for one press, which cost more than the work itself. Here the
//! statements of a commit are joined. Invariant: what is stored is the same as by `append.rs`, entry for entry; an entry that
//! stands where this one believes the log to end is refused by its position, because `seq` is the primary key.

use std::sync::LazyLock;

use super::append::Sealed;
use super::chain::Hash;
use super::driver::{Connection, Value};
use super::record::saturating;
use super::statements::{COLUMN_COUNT, COLUMN_NAMES};

/// How many entries one trip carries, largest first: every batch of up to 255 takes at most eight trips, one of 1, 2, 4, …
/// entries takes one. Powers of two, because each is a text of its own that the connection prepares and keeps.
const ROWS: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];

/// The statements of one trip. `?` and not `$n`: SQLite finds each numbered parameter by walking through all of a statement,
/// and with 64 entries that walk was a fifth of all work under load.
fn text(rows: usize, opens: bool, closes: bool) -> Text {
    let row = format!("({})", vec!["?"; COLUMN_COUNT].join(", "));
    let begin = if opens { "BEGIN IMMEDIATE; " } else { "" };
    let end = if closes { "; UPDATE head SET seq = ?, hash = ? WHERE one = 1; COMMIT" } else { "" };
    let sql = format!("{begin}INSERT INTO entries ({COLUMN_NAMES}) VALUES {}{end}", vec![row; rows].join(", "));
    // Counted and not known: who stops at one answer too few would call stored what is not committed.
    let statements = sql.split(';').count();
    Text { sql, statements }
}

struct Text {
    sql: String,
    statements: usize,
}

/// Every text, by the place of its size in [`ROWS`], whether it opens the transaction, and whether it closes it.
static TEXTS: LazyLock<[[[Text; 2]; 2]; ROWS.len()]> =
    LazyLock::new(|| ROWS.map(|rows| [false, true].map(|opens| [false, true].map(|closes| text(rows, opens, closes)))));

/// One trip: its statements and their values.
pub(super) struct Trip<'a> {
    text: &'static Text,
    values: Vec<Value<'a>>,
}

impl Trip<'_> {
    pub(super) async fn make(&self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        connection.execute_each(&self.text.sql, &self.values, self.text.statements).await
    }
}

/// The trips that store a batch, in order: the first begins the transaction, the last commits it. None for an empty batch.
pub(super) fn trips<'a>(sealed: &'a [Sealed<'a>], last_hash: &'a Hash) -> Vec<Trip<'a>> {
    let mut trips = Vec::new();
    let mut rest = sealed;
    while let Some(at) = ROWS.iter().position(|&rows| rows <= rest.len()) {
        let (now, later) = rest.split_at(ROWS[at]);
        let (opens, closes) = (trips.is_empty(), later.is_empty());
        let mut values: Vec<Value<'_>> = now.iter().flat_map(Sealed::values).collect();
        if closes && let Some(last) = now.last() {
            values.push(saturating(last.seq()).into());
            values.push(last_hash.as_slice().into());
        }
        trips.push(Trip { text: &TEXTS[at][usize::from(opens)][usize::from(closes)], values });
        rest = later;
    }
    trips
}

/// For the test that SQLite prepares every text.
#[cfg(test)]
pub(super) fn all() -> Vec<&'static str> {
    TEXTS.iter().flatten().flatten().map(|text| text.sql.as_str()).collect()
}
