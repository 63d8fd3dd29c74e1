//! Reading the log backwards: what happened last, of everything, of one subject, or by one person at the desk.
//!
//! It exists because people look at the newest first and turn pages. Invariant: every question is answered from an index and
//! costs what it gives, never the length of the log.

use super::error::StoreError;
use super::record::{Record, record_of, saturating};
use super::{Log, statements};
use crate::log::driver::Value;

/// Everybody who ever acted at the desk fits; a city has a few dozen seats in twenty years.
const MOST_ACTORS: usize = 1_000;

impl Log {
    /// At most `limit` entries below position `before`, newest first; shorter than `limit` means the beginning.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_before(&self, before: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.list(statements::ENTRIES_BEFORE, &[saturating(before).into(), i64::from(limit).into()]).await
    }

    /// The same about one subject.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_by_subject_before(&self, subject: &str, before: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
        let values = [subject.into(), saturating(before).into(), i64::from(limit).into()];
        self.list(statements::SUBJECT_BEFORE, &values).await
    }

    /// The same of one actor of the desk (`staff:…`), of one kind or of all; nothing of any other actor.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_acts_before(
        &self,
        actor: &str,
        kind: Option<&str>,
        before: u64,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let values = [actor.into(), kind.into(), saturating(before).into(), i64::from(limit).into()];
        self.list(statements::ACTS_BEFORE, &values).await
    }

    /// Everybody who ever acted at the desk, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_actors(&self) -> Result<Vec<String>, StoreError> {
        let mut actors: Vec<String> = Vec::new();
        // A step for each person and not a scan of all they did.
        while actors.len() < MOST_ACTORS {
            let after = actors.last().map_or("", String::as_str);
            let Some(row) = self.shared.database.fetch_optional(statements::NEXT_ACTOR, &[after.into()]).await? else { break };
            actors.push(row.column(0)?);
        }
        Ok(actors)
    }

    async fn list(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Record>, StoreError> {
        let rows = self.shared.database.fetch_all(sql, values).await?;
        rows.iter().map(|row| Ok(record_of(row)?.0)).collect()
    }
}
