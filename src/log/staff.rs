//! Who may sit at the desk: accounts, tokens, passkeys and sessions, beside the log and never on it.
//!
//! Rows only; what they mean is decided in [`crate::staff`]. Invariant: what may be used once is used up by the same statement
//! that reads it, so two that come at the same moment cannot both succeed.

use jiff::Timestamp;

use super::driver::{Row, Value};
use super::error::StoreError;
use super::record::timestamp;
use super::{Log, statements};

/// A SHA-256 of something only its owner knows.
pub type SecretHash = [u8; 32];

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffRow {
    /// Opaque; what the log knows.
    pub id: String,
    /// What it is called at the desk; unique.
    pub name: String,
    /// The word of its role.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody last came in with it.
    pub used_at: Option<Timestamp>,
    /// When it was closed.
    pub disabled_at: Option<Timestamp>,
    /// The password as a PHC string; `None` if there is none.
    pub password: Option<String>,
    /// Names the secret of the six-digit codes; `None` if there are none.
    pub totp_salt: Option<Vec<u8>>,
}

/// Something that works once: an invitation or a recovery code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Whose.
    pub staff: String,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRow {
    /// The credential's id, as the browser gives it.
    pub id: Vec<u8>,
    /// Whose.
    pub staff: String,
    /// What its owner calls it.
    pub label: String,
    /// JSON: public key and counter.
    pub credential: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// A session of a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The hash of its cookie.
    pub hash: SecretHash,
    /// Whose.
    pub staff: String,
    /// What the browser calls itself.
    pub device: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
}

impl Log {
    /// Adds an account; `false` if the name is taken.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn add_staff(&self, row: &StaffRow) -> Result<bool, StoreError> {
        let values = vec![
            row.id.as_str().into(),
            row.name.as_str().into(),
            row.role.as_str().into(),
            row.created_at.as_microsecond().into(),
        ];
        Ok(self.change(statements::ADD_STAFF, values).await?.is_some())
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_staff(&self) -> Result<Vec<StaffRow>, StoreError> {
        self.shared.database.fetch_all(statements::LIST_STAFF, &[]).await?.iter().map(staff_of).collect()
    }

    /// The account with an id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_staff(&self, id: &str) -> Result<Option<StaffRow>, StoreError> {
        self.shared.database.fetch_optional(statements::STAFF_BY_ID, &[id.into()]).await?.as_ref().map(staff_of).transpose()
    }

    /// The account with a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_staff_by_name(&self, name: &str) -> Result<Option<StaffRow>, StoreError> {
        self.shared.database.fetch_optional(statements::STAFF_BY_NAME, &[name.into()]).await?.as_ref().map(staff_of).transpose()
    }

    /// Changes what an account may do.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn set_staff_role(&self, id: &str, role: &str) -> Result<(), StoreError> {
        self.change_all(&[(statements::SET_STAFF_ROLE, vec![id.into(), role.into()])]).await
    }

    /// Closes an account: with it go its sessions and everything it could come in with.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn disable_staff(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        self.change_all(&[
            (statements::DISABLE_STAFF, vec![id.into(), at.as_microsecond().into()]),
            (statements::END_SESSIONS, vec![id.into(), NO_HASH.as_slice().into()]),
            (statements::REMOVE_TOKENS, vec![id.into(), None::<&str>.into()]),
            (statements::REMOVE_PASSKEYS, vec![id.into()]),
        ])
        .await
    }

    /// Opens a closed account again, with nothing to come in with.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn enable_staff(&self, id: &str) -> Result<(), StoreError> {
        self.change_all(&[(statements::DISABLE_STAFF, vec![id.into(), None::<i64>.into()])]).await
    }

    /// Sets the password and the salt of the six-digit codes; the newest step used starts anew at `step`.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn set_password(&self, id: &str, password: Option<&str>, salt: Option<&[u8]>, step: i64) -> Result<(), StoreError> {
        self.change_all(&[(statements::SET_PASSWORD, vec![id.into(), password.into(), salt.into(), step.into()])]).await
    }

    /// Uses up a step of the six-digit codes; `false` if it or a later one was used before.
    ///
    /// # Errors
    /// [`StoreError`]; it is not used up.
    pub async fn use_totp_step(&self, id: &str, step: i64) -> Result<bool, StoreError> {
        Ok(self.change(statements::USE_TOTP_STEP, vec![id.into(), step.into()]).await?.is_some())
    }

    /// Replaces all tokens of an account for a purpose.
    ///
    /// # Errors
    /// [`StoreError`]; the old ones stay.
    pub async fn replace_tokens(
        &self,
        staff: &str,
        purpose: &'static str,
        hashes: &[SecretHash],
        expires_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let expires = expires_at.map(Timestamp::as_microsecond);
        let mut all: Vec<(&'static str, Vec<Value<'_>>)> = vec![(statements::REMOVE_TOKENS, vec![staff.into(), purpose.into()])];
        all.extend(
            hashes
                .iter()
                .map(|h| (statements::ADD_TOKEN, vec![h.as_slice().into(), staff.into(), purpose.into(), expires.into()])),
        );
        self.change_all(&all).await
    }

    /// The token with a hash, without using it up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_token(&self, hash: &SecretHash, purpose: &'static str) -> Result<Option<TokenRow>, StoreError> {
        let values = [hash.as_slice().into(), purpose.into()];
        self.shared.database.fetch_optional(statements::TOKEN, &values).await?.as_ref().map(token_of).transpose()
    }

    /// Uses up the token with a hash.
    ///
    /// # Errors
    /// [`StoreError`]; it is not used up.
    pub async fn take_token(&self, hash: &SecretHash, purpose: &'static str) -> Result<Option<TokenRow>, StoreError> {
        let row = self.change(statements::TAKE_TOKEN, vec![hash.as_slice().into(), purpose.into()]).await?;
        row.as_ref().map(token_of).transpose()
    }

    /// How many tokens an account has for a purpose.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_tokens(&self, staff: &str, purpose: &'static str) -> Result<u64, StoreError> {
        let row = self.shared.database.fetch_optional(statements::COUNT_TOKENS, &[staff.into(), purpose.into()]).await?;
        let count: i64 = row.map(|row| row.column(0)).transpose()?.unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Adds a passkey.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn add_passkey(&self, row: &PasskeyRow) -> Result<(), StoreError> {
        let values = vec![
            row.id.as_slice().into(),
            row.staff.as_str().into(),
            row.label.as_str().into(),
            row.credential.as_str().into(),
            row.created_at.as_microsecond().into(),
        ];
        self.change_all(&[(statements::ADD_PASSKEY, values)]).await
    }

    /// The passkeys of an account, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_passkeys(&self, staff: &str) -> Result<Vec<PasskeyRow>, StoreError> {
        self.shared.database.fetch_all(statements::PASSKEYS, &[staff.into()]).await?.iter().map(passkey_of).collect()
    }

    /// Notes that a passkey was used, with its counter.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_passkey(&self, id: &[u8], credential: &str, at: Timestamp) -> Result<(), StoreError> {
        self.change_all(&[(statements::NOTE_PASSKEY, vec![id.into(), credential.into(), at.as_microsecond().into()])]).await
    }

    /// Removes a passkey of an account.
    ///
    /// # Errors
    /// [`StoreError`]; it stays.
    pub async fn remove_passkey(&self, staff: &str, id: &[u8]) -> Result<(), StoreError> {
        self.change_all(&[(statements::REMOVE_PASSKEY, vec![staff.into(), id.into()])]).await
    }

    /// Begins a session and notes that the account was used.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn add_session(&self, row: &SessionRow) -> Result<(), StoreError> {
        let at = row.created_at.as_microsecond();
        self.change_all(&[
            (
                statements::ADD_SESSION,
                vec![row.hash.as_slice().into(), row.staff.as_str().into(), row.device.as_str().into(), at.into()],
            ),
            (statements::NOTE_STAFF, vec![row.staff.as_str().into(), at.into()]),
        ])
        .await
    }

    /// The session with a hash, and its account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_session(&self, hash: &SecretHash) -> Result<Option<(SessionRow, StaffRow)>, StoreError> {
        let Some(row) = self.shared.database.fetch_optional(statements::SESSION, &[hash.as_slice().into()]).await? else {
            return Ok(None);
        };
        let session = session_of(&row)?;
        Ok(self.find_staff(&session.staff).await?.map(|staff| (session, staff)))
    }

    /// Notes that a session was used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_session(&self, hash: &SecretHash, at: Timestamp) -> Result<(), StoreError> {
        self.change_all(&[(statements::NOTE_SESSION, vec![hash.as_slice().into(), at.as_microsecond().into()])]).await
    }

    /// The sessions of an account, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_sessions(&self, staff: &str) -> Result<Vec<SessionRow>, StoreError> {
        self.shared.database.fetch_all(statements::SESSIONS, &[staff.into()]).await?.iter().map(session_of).collect()
    }

    /// Ends one session of an account.
    ///
    /// # Errors
    /// [`StoreError`]; it goes on.
    pub async fn end_session(&self, staff: &str, hash: &SecretHash) -> Result<(), StoreError> {
        self.change_all(&[(statements::END_SESSION, vec![staff.into(), hash.as_slice().into()])]).await
    }

    /// Ends every session of an account but one, if one is named.
    ///
    /// # Errors
    /// [`StoreError`]; they go on.
    pub async fn end_sessions(&self, staff: &str, except: Option<&SecretHash>) -> Result<(), StoreError> {
        let except = except.unwrap_or(&NO_HASH);
        self.change_all(&[(statements::END_SESSIONS, vec![staff.into(), except.as_slice().into()])]).await
    }

    /// Forgets sessions and tokens whose time is over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_old(&self, begun_before: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        self.change_all(&[
            (statements::FORGET_SESSIONS, vec![begun_before.as_microsecond().into()]),
            (statements::FORGET_TOKENS, vec![now.as_microsecond().into()]),
        ])
        .await
    }

    /// Changes something in a transaction of its own.
    async fn change_all(&self, statements: &[(&'static str, Vec<Value<'_>>)]) -> Result<(), StoreError> {
        let mut slot = self.shared.writer.lock().await;
        self.write(&mut slot, statements).await
    }

    /// Changes one row and gives it; `None` if there was nothing to change.
    async fn change(&self, sql: &'static str, values: Vec<Value<'_>>) -> Result<Option<Row>, StoreError> {
        let mut slot = self.shared.writer.lock().await;
        self.write_returning(&mut slot, sql, &values).await
    }
}

/// No session has it.
const NO_HASH: SecretHash = [0; 32];

fn time(row: &Row, column: usize) -> Result<Option<Timestamp>, StoreError> {
    row.column::<Option<i64>>(column)?.map(timestamp).transpose()
}

fn staff_of(row: &Row) -> Result<StaffRow, StoreError> {
    Ok(StaffRow {
        id: row.column(0)?,
        name: row.column(1)?,
        role: row.column(2)?,
        created_at: timestamp(row.column(3)?)?,
        used_at: time(row, 4)?,
        disabled_at: time(row, 5)?,
        password: row.column(6)?,
        totp_salt: row.column(7)?,
    })
}

fn token_of(row: &Row) -> Result<TokenRow, StoreError> {
    Ok(TokenRow { staff: row.column(0)?, expires_at: time(row, 1)? })
}

fn passkey_of(row: &Row) -> Result<PasskeyRow, StoreError> {
    Ok(PasskeyRow {
        id: row.column(0)?,
        staff: row.column(1)?,
        label: row.column(2)?,
        credential: row.column(3)?,
        created_at: timestamp(row.column(4)?)?,
        used_at: time(row, 5)?,
    })
}

fn session_of(row: &Row) -> Result<SessionRow, StoreError> {
    let hash = row.column::<&[u8]>(0)?.try_into().map_err(super::corrupt)?;
    Ok(SessionRow {
        hash,
        staff: row.column(1)?,
        device: row.column(2)?,
        created_at: timestamp(row.column(3)?)?,
        seen_at: timestamp(row.column(4)?)?,
    })
}
