//! Whose database it is, and in which format: what is decided alike on both databases.
//!
//! It exists so that a foreign, newer or half-copied database is recognised by one rule. Invariant: nothing is written to a
//! database before this said that it is ours or empty.

use super::error::OpenError;
use super::record::DatabasePlace;

/// Version of the hash encoding (see `chain`) that this program writes.
const FORMAT: u32 = 1;

/// Tables that every version of a log has, first that of its migrations.
pub(super) const TABLES: &[&str] = &[MIGRATIONS, "entries", "head", "meta"];

/// Where the library keeps which migrations have run.
pub(super) const MIGRATIONS: &str = "_sqlx_migrations";

/// Name in `meta` of the version of the hash encoding.
pub(super) const FORMAT_NAME: &str = "format";

/// Stands in the place of a format while a copy is under way. No version of the program takes it for a format, so a half
/// copy is opened by none of them.
pub(super) const COPYING: &str = "unfinished copy";

/// Whose database a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// No tables yet.
    Empty,
    /// Ours, in this format.
    Current,
    /// Ours, and a migration is due.
    Older,
    /// Ours, in this format, and a copy into it was cut off.
    HalfCopy,
}

/// What the numbers in a database of ours mean: `schema` is its last migration, `known` ours.
pub(super) fn judge(place: &DatabasePlace, schema: i64, known: i64, format: Option<&str>) -> Result<Identity, OpenError> {
    if schema <= known && format == Some(COPYING) {
        return Ok(Identity::HalfCopy);
    }
    let is_known = format.and_then(|format| format.parse::<u32>().ok()).is_some_and(|format| format <= FORMAT);
    if schema > known || !is_known {
        return Err(OpenError::Newer {
            place: place.clone(),
            found: format!("format {}, schema {schema}", format.unwrap_or("?")),
            known: format!("format {FORMAT}, schema {known}"),
        });
    }
    Ok(if schema == known { Identity::Current } else { Identity::Older })
}
