//! Who may sit at the desk, and how they prove it: invitations, passkeys, password with six-digit code, recovery codes, sessions.
//!
//! No mail, no SMS: they fail in a disaster. *Invariants:* there is no default password; whatever is secret is stored as a hash
//! or derived from the signing secret; nothing that works once works twice; and nobody who does not know a secret can keep
//! somebody who does from coming in (see [`throttle`]).
//!
//! Numbers: at least 15 characters and no rules of composition or rotation, at most 100 failures before long waits, and the limits of
//! sessions follow NIST SP 800-63B-4 for two factors; Argon2id with 19 MiB and two passes follows the OWASP cheat sheet.

mod passkeys;
pub mod password;
pub mod throttle;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use imaboard_domain::Role;
use jiff::{SignedDuration, Timestamp};
use rand::RngCore;
use sha2::{Digest, Sha256};
use totp_rs::{Algorithm, Builder, Totp};

use self::passkeys::Ceremonies;
pub use self::passkeys::{PasskeyError, Passkeys};
use self::password::Weak;
use self::throttle::{Throttle, Turn};
use crate::clock::Clock;
use crate::keys::Keys;
use crate::log::staff::{PasskeyRow, SecretHash, SessionRow, StaffRow};
use crate::log::{Log, Record, StoreError};

/// How long an invitation can be used: over a weekend, because people are invited on Fridays.
pub const INVITATION: SignedDuration = SignedDuration::from_hours(72);
/// How many recovery codes are printed.
pub const RECOVERY_CODES: usize = 10;
/// Random bytes of a recovery code: beyond the 112 bits from which a plain hash is enough.
const RECOVERY_BYTES: usize = 15;
/// An account that nobody used for so long is listed as forgotten.
pub const UNUSED: SignedDuration = SignedDuration::from_hours(24 * 90);
/// How long after coming in somebody may change how they come in.
pub const RECENT: SignedDuration = SignedDuration::from_mins(15);
/// A session's last use is noted at most so often: every note is a commit.
const NOTE_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Report keys of one account that are listed when it is closed; whoever issued more is looked up in the log room.
const MOST_ISSUED: u32 = 1_000;

const INVITATION_PURPOSE: &str = "invitation";
const RECOVERY_PURPOSE: &str = "recovery";

/// An account as the desk shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Opaque; what the log knows.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody last came in with it.
    pub used_at: Option<Timestamp>,
    /// When it was closed.
    pub disabled_at: Option<Timestamp>,
    /// Whether it has a password with six-digit codes.
    pub has_password: bool,
}

impl Account {
    /// Whether nobody used it for [`UNUSED`].
    #[must_use]
    pub fn is_unused(&self, now: Timestamp) -> bool {
        self.disabled_at.is_none() && now.duration_since(self.used_at.unwrap_or(self.created_at)) > UNUSED
    }
}

impl From<StaffRow> for Account {
    fn from(row: StaffRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            // A word of a newer version of the program may at least look.
            role: row.role.parse().unwrap_or(Role::Viewer),
            created_at: row.created_at,
            used_at: row.used_at,
            disabled_at: row.disabled_at,
            has_password: row.password.is_some(),
        }
    }
}

/// Somebody who came in: what their browser keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// The account.
    pub account: Account,
    /// The secret of the session, for its cookie.
    pub session: String,
    /// What tells this browser from a stranger's when somebody tries passwords, for a cookie that stays.
    pub device: String,
}

/// Why somebody did not come in.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Name, password or code is wrong; which of them is not said.
    #[error("wrong name, password or code")]
    Wrong,
    /// Too many tries; this many seconds are left.
    #[error("too many tries; wait {seconds} s")]
    Wait {
        /// Until the next try.
        seconds: u64,
    },
    /// Strangers keep the desk busy; come again in a moment. A known browser never meets this.
    #[error("too many are trying at once")]
    Crowded,
    /// The invitation was used, has run out, or never was.
    #[error("no such invitation")]
    NoInvitation,
    /// The password is too weak.
    #[error("{0}")]
    Weak(#[from] Weak),
    /// The six-digit code does not fit.
    #[error("wrong code")]
    WrongCode,
    /// The name is taken.
    #[error("the name is taken")]
    NameTaken,
    /// There is no such account.
    #[error("no such account")]
    NoAccount,
    /// The last administrator would go.
    #[error("the last administrator cannot go")]
    LastAdmin,
    /// Passkeys did not work out.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
    /// The database is away.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The limits of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without any use.
    pub idle: SignedDuration,
    /// In all.
    pub absolute: SignedDuration,
}

/// Stands for the name of a seat in the cookie of a known browser, and in that cookie's name: several people share one PC.
#[must_use]
pub fn name_tag(name: &str) -> String {
    HEXLOWER.encode(&hash_of(&name.trim().to_lowercase())[..8])
}

/// The address of an invitation.
#[must_use]
pub fn join_url(base_url: &str, invitation: &str) -> String {
    format!("{}/desk/join/{invitation}", passkeys::named(base_url))
}

/// Most characters of the name of a seat.
const NAME_CHARS: usize = 60;

/// Why a seat cannot be called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// There is nothing in it.
    #[error("the name is empty")]
    Empty,
    /// It is longer than 60 characters.
    #[error("the name is longer than 60 characters")]
    Long,
}

/// A name as it may be given to a seat: one line, without outer blanks.
///
/// # Errors
/// [`BadName`].
pub fn seat_name(typed: &str) -> Result<String, BadName> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    match name.chars().count() {
        0 => Err(BadName::Empty),
        count if count > NAME_CHARS => Err(BadName::Long),
        _ => Ok(name),
    }
}

/// The people of the desk.
pub struct Staff {
    log: Log,
    keys: Keys,
    clock: Arc<dyn Clock>,
    limits: SessionLimits,
    throttle: Throttle,
    passkeys: Result<Passkeys, PasskeyError>,
    /// What seats are called, by id, for lists of what was done; names never change.
    names: RwLock<HashMap<String, String>>,
    ceremonies: Mutex<Ceremonies>,
}

impl fmt::Debug for Staff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Staff(..)")
    }
}

fn secret() -> String {
    let mut bytes = [0u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    HEXLOWER.encode(&bytes)
}

/// What stands in the database for a secret.
#[must_use]
pub fn hash_of(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

impl Staff {
    /// The people of a city, whose desk is at `base_url`.
    #[must_use]
    pub fn new(log: Log, keys: Keys, clock: Arc<dyn Clock>, limits: SessionLimits, base_url: &str, city: &str) -> Self {
        let passkeys = Passkeys::at(base_url, city);
        Self {
            log,
            keys,
            clock,
            limits,
            throttle: Throttle::default(),
            passkeys,
            names: RwLock::default(),
            ceremonies: Mutex::default(),
        }
    }

    /// Whether passkeys work for a browser that asks for this host.
    #[must_use]
    pub fn passkeys_work_at(&self, host: &str) -> bool {
        self.passkeys.as_ref().is_ok_and(|passkeys| passkeys.are_at(host))
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self) -> Result<Vec<Account>, StoreError> {
        let all: Vec<Account> = self.log.list_staff().await?.into_iter().map(Account::from).collect();
        self.names.write().unwrap_or_else(PoisonError::into_inner).extend(all.iter().map(|a| (a.id.clone(), a.name.clone())));
        Ok(all)
    }

    /// What the seat with an id is called, as far as the accounts were ever listed in this run.
    #[must_use]
    pub fn name_of(&self, id: &str) -> Option<String> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The account with an id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(&self, id: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.log.find_staff(id).await?.map(Account::from))
    }

    /// Makes an account and the secret of its invitation.
    ///
    /// # Errors
    /// [`EntryError::NameTaken`], [`EntryError::Store`].
    pub async fn invite(&self, name: &str, role: Role) -> Result<(Account, String), EntryError> {
        let mut bytes = [0u8; 10];
        rand::rng().fill_bytes(&mut bytes);
        let row = StaffRow {
            id: BASE32_NOPAD.encode(&bytes).to_ascii_lowercase(),
            name: name.to_owned(),
            role: role.word().to_owned(),
            created_at: self.clock.now(),
            used_at: None,
            disabled_at: None,
            password: None,
            totp_salt: None,
        };
        if !self.log.add_staff(&row).await? {
            return Err(EntryError::NameTaken);
        }
        self.names.write().unwrap_or_else(PoisonError::into_inner).insert(row.id.clone(), row.name.clone());
        let invitation = self.new_invitation(&row.id).await?;
        tracing::info!(staff.id = row.id, role = row.role, "somebody was invited to the desk");
        Ok((row.into(), invitation))
    }

    /// A new invitation to an account there is: for who lost everything, or did not use the first in time. A closed account opens.
    ///
    /// # Errors
    /// [`EntryError::NoAccount`], [`EntryError::Store`].
    pub async fn invite_again(&self, id: &str) -> Result<(Account, String), EntryError> {
        let row = self.log.find_staff(id).await?.ok_or(EntryError::NoAccount)?;
        if row.disabled_at.is_some() {
            self.log.enable_staff(id).await?;
        }
        let invitation = self.new_invitation(id).await?;
        tracing::info!(staff.id = id, "somebody was invited to the desk again");
        Ok((Account { disabled_at: None, ..row.into() }, invitation))
    }

    async fn new_invitation(&self, id: &str) -> Result<String, StoreError> {
        let invitation = secret();
        let until = self.clock.now().checked_add(INVITATION).ok();
        self.log.replace_tokens(id, INVITATION_PURPOSE, &[hash_of(&invitation)], until).await?;
        Ok(invitation)
    }

    /// The invitation for the first administrator, while nobody can administer: made anew at every start until somebody took it.
    ///
    /// # Errors
    /// [`EntryError::Store`].
    pub async fn first_invitation(&self, name: &str) -> Result<Option<String>, EntryError> {
        let all = self.list().await?;
        let admins = || all.iter().filter(|a| a.role == Role::Admin && a.disabled_at.is_none());
        for admin in admins() {
            if admin.used_at.is_some() || self.can_enter(admin).await? {
                return Ok(None);
            }
        }
        let invitation = match admins().next() {
            Some(waiting) => self.invite_again(&waiting.id).await?.1,
            None => match self.invite(name, Role::Admin).await {
                Err(EntryError::NameTaken) => self.invite(&format!("{name} 2"), Role::Admin).await?.1,
                invited => invited?.1,
            },
        };
        Ok(Some(invitation))
    }

    async fn can_enter(&self, account: &Account) -> Result<bool, StoreError> {
        Ok(account.has_password || !self.log.list_passkeys(&account.id).await?.is_empty())
    }

    /// Changes what an account may do.
    ///
    /// # Errors
    /// [`EntryError::LastAdmin`], [`EntryError::NoAccount`], [`EntryError::Store`].
    pub async fn set_role(&self, id: &str, role: Role) -> Result<(), EntryError> {
        if role != Role::Admin {
            self.ensure_another_admin(id).await?;
        }
        self.log.set_staff_role(id, role.word()).await?;
        tracing::info!(staff.id = id, role = role.word(), "a role at the desk was changed");
        Ok(())
    }

    /// Closes an account: its sessions end at once. Gives the log's entries of the report keys it issued, newest first.
    ///
    /// # Errors
    /// [`EntryError::LastAdmin`], [`EntryError::NoAccount`], [`EntryError::Store`].
    pub async fn disable(&self, id: &str) -> Result<Vec<Record>, EntryError> {
        self.ensure_another_admin(id).await?;
        self.log.disable_staff(id, self.clock.now()).await?;
        tracing::info!(staff.id = id, "an account of the desk was closed");
        self.issued_keys(id).await.map_err(EntryError::from)
    }

    /// The log's entries of the report keys an account issued, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn issued_keys(&self, id: &str) -> Result<Vec<Record>, StoreError> {
        self.log.list_acts_before(&format!("staff:{id}"), Some("key_issued"), u64::MAX, MOST_ISSUED).await
    }

    async fn ensure_another_admin(&self, id: &str) -> Result<(), EntryError> {
        let all = self.list().await?;
        let open = |a: &&Account| a.role == Role::Admin && a.disabled_at.is_none();
        let found = all.iter().find(|a| a.id == id).ok_or(EntryError::NoAccount)?;
        if found.role == Role::Admin && found.disabled_at.is_none() && !all.iter().filter(open).any(|a| a.id != id) {
            return Err(EntryError::LastAdmin);
        }
        Ok(())
    }

    /// Whose invitation this is, while it can be used.
    ///
    /// # Errors
    /// [`EntryError::NoInvitation`], [`EntryError::Store`].
    pub async fn invitation(&self, invitation: &str) -> Result<Account, EntryError> {
        let token = self.log.find_token(&hash_of(invitation), INVITATION_PURPOSE).await?.ok_or(EntryError::NoInvitation)?;
        self.invited(&token.staff, token.expires_at).await
    }

    async fn invited(&self, id: &str, expires_at: Option<Timestamp>) -> Result<Account, EntryError> {
        if expires_at.is_some_and(|at| at < self.clock.now()) {
            return Err(EntryError::NoInvitation);
        }
        let row = self.log.find_staff(id).await?.filter(|row| row.disabled_at.is_none()).ok_or(EntryError::NoInvitation)?;
        Ok(row.into())
    }

    async fn take_invitation(&self, invitation: &str) -> Result<Account, EntryError> {
        let token = self.log.take_token(&hash_of(invitation), INVITATION_PURPOSE).await?.ok_or(EntryError::NoInvitation)?;
        self.invited(&token.staff, token.expires_at).await
    }

    /// The six-digit codes that belong to a salt of `account`.
    ///
    /// # Errors
    /// [`EntryError::WrongCode`] should the name not fit into an address; a name is checked when it is given.
    pub fn codes(&self, account: &Account, salt: &[u8], issuer: &str) -> Result<Totp, EntryError> {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_secret(self.keys.totp_secret(&account.id, salt))
            .with_account_name(account.name.replace(':', "："))
            .with_issuer(Some(issuer.replace(':', "：")))
            .build()
            .map_err(|error| {
                tracing::warn!(%error, "six-digit codes cannot be made");
                EntryError::WrongCode
            })
    }

    fn unix_now(&self) -> u64 {
        u64::try_from(self.clock.now().as_second()).unwrap_or(0)
    }

    /// Takes up an invitation with a password and six-digit codes, whose secret belongs to `salt`; gives the recovery codes.
    ///
    /// # Errors
    /// [`EntryError`]; the invitation can still be used, unless the database went away in the middle.
    pub async fn join_with_password(
        &self,
        invitation: &str,
        (password, code, salt): (&str, &str, &[u8]),
        (agent, city): (&str, &str),
    ) -> Result<(Entered, Vec<String>), EntryError> {
        let account = self.invitation(invitation).await?;
        let (phc, step) = self.proven(&account, password, code, salt, city).await?;
        self.take_invitation(invitation).await?;
        self.log.set_password(&account.id, Some(&phc), Some(salt), step).await?;
        let codes = self.new_recovery_codes(&account.id).await?;
        Ok((self.enter(account, agent).await?, codes))
    }

    /// Sets another password with new six-digit codes.
    ///
    /// # Errors
    /// [`EntryError`]; the old ones stay.
    pub async fn change_password(
        &self,
        account: &Account,
        (password, code, salt): (&str, &str, &[u8]),
        city: &str,
    ) -> Result<(), EntryError> {
        let (phc, step) = self.proven(account, password, code, salt, city).await?;
        Ok(self.log.set_password(&account.id, Some(&phc), Some(salt), step).await?)
    }

    async fn proven(
        &self,
        account: &Account,
        password: &str,
        code: &str,
        salt: &[u8],
        city: &str,
    ) -> Result<(String, i64), EntryError> {
        password::ensure_strong(password, &[&account.name, city])?;
        let step = self.codes(account, salt, city)?.check(&digits(code), self.unix_now()).ok_or(EntryError::WrongCode)?;
        let password = password::normal(password);
        let _turn = self.throttle.work(true).await.ok_or(EntryError::Crowded)?;
        let hashed =
            tokio::task::spawn_blocking(move || argon2().hash_password(password.as_bytes()).map(|h| h.to_string())).await;
        match hashed {
            Ok(Ok(phc)) => Ok((phc, i64::try_from(step).unwrap_or(i64::MAX))),
            _ => Err(EntryError::Crowded),
        }
    }

    /// Ten new recovery codes; the old ones stop working.
    ///
    /// # Errors
    /// [`StoreError`]; the old ones stay.
    pub async fn new_recovery_codes(&self, id: &str) -> Result<Vec<String>, StoreError> {
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
        let hashes: Vec<SecretHash> = codes.iter().map(|code| hash_of(&plain_code(code))).collect();
        self.log.replace_tokens(id, RECOVERY_PURPOSE, &hashes, None).await?;
        Ok(codes)
    }

    /// How many recovery codes are left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recovery_codes_left(&self, id: &str) -> Result<u64, StoreError> {
        self.log.count_tokens(id, RECOVERY_PURPOSE).await
    }

    /// Comes in with name, password and six-digit code; or with name and a recovery code in place of both.
    ///
    /// # Errors
    /// [`EntryError`].
    pub async fn log_in(
        &self,
        name: &str,
        password: &str,
        code: &str,
        device: Option<&str>,
        agent: &str,
    ) -> Result<Entered, EntryError> {
        let name = name.trim();
        // A browser is known for the account that came in with it, and a stranger for all others.
        let known = device.and_then(|cookie| self.keys.read_device_cookie(cookie)).filter(|owner| owner.tag == name_tag(name));
        let nonce = known.as_ref().map(|owner| owner.nonce.as_str());
        if let Turn::Wait(seconds) = self.throttle.ask(name, nonce, self.clock.now()) {
            return Err(EntryError::Wait { seconds });
        }
        // Before the database is asked: strangers must not queue up there, either.
        let _turn = self.throttle.work(known.is_some()).await.ok_or(EntryError::Crowded)?;
        let row = self.log.find_staff_by_name(name).await?.filter(|row| row.disabled_at.is_none());
        match self.prove(row, password, code).await {
            Ok(account) => {
                self.throttle.succeeded(name, nonce);
                self.enter(account, agent).await
            }
            Err(EntryError::Wrong) => {
                self.throttle.failed(name, nonce, self.clock.now());
                tracing::info!("somebody failed to come in at the desk");
                Err(EntryError::Wrong)
            }
            Err(error) => Err(error),
        }
    }

    async fn prove(&self, row: Option<StaffRow>, password: &str, code: &str) -> Result<Account, EntryError> {
        let plain = plain_code(code);
        if plain.len() == BASE32_NOPAD.encode_len(RECOVERY_BYTES) {
            let row = row.ok_or(EntryError::Wrong)?;
            let held = self.log.find_token(&hash_of(&plain), RECOVERY_PURPOSE).await?;
            if held.is_none_or(|token| token.staff != row.id) {
                return Err(EntryError::Wrong);
            }
            self.log.take_token(&hash_of(&plain), RECOVERY_PURPOSE).await?.ok_or(EntryError::Wrong)?;
            tracing::info!(staff.id = row.id, "somebody came in with a recovery code");
            return Ok(row.into());
        }
        // Who does not exist costs as much as who does.
        let phc = row.as_ref().and_then(|row| row.password.clone()).unwrap_or_else(|| NOBODY.to_owned());
        let normal = password::normal(password);
        let fits = tokio::task::spawn_blocking(move || argon2().verify_password(normal.as_bytes(), phc.as_str()).is_ok()).await;
        let (Some(row), Ok(true)) = (row, fits) else { return Err(EntryError::Wrong) };
        let (Some(salt), true) = (row.totp_salt.clone(), row.password.is_some()) else { return Err(EntryError::Wrong) };
        let account = Account::from(row);
        let step = self.codes(&account, &salt, "")?.check(&digits(code), self.unix_now()).ok_or(EntryError::Wrong)?;
        // Each code works once, also for whoever looked over a shoulder.
        if !self.log.use_totp_step(&account.id, i64::try_from(step).unwrap_or(i64::MAX)).await? {
            return Err(EntryError::Wrong);
        }
        Ok(account)
    }

    /// Begins a session.
    async fn enter(&self, account: Account, agent: &str) -> Result<Entered, EntryError> {
        let (session, now) = (secret(), self.clock.now());
        let row = SessionRow {
            hash: hash_of(&session),
            staff: account.id.clone(),
            device: device_name(agent),
            created_at: now,
            seen_at: now,
        };
        self.log.add_session(&row).await?;
        let begun_before = now.checked_sub(self.limits.absolute).unwrap_or(Timestamp::MIN);
        // House-keeping: a failure leaves rows that no longer open anything.
        if let Err(error) = self.log.forget_old(begun_before, now).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old sessions stay in the database");
        }
        let device = self.keys.device_cookie(&name_tag(&account.name));
        Ok(Entered { account, session, device })
    }

    /// Whose session this is, while it lasts. Its use is noted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session(&self, session: &str) -> Result<Option<(Account, SessionRow)>, StoreError> {
        let hash = hash_of(session);
        let Some((row, staff)) = self.log.find_session(&hash).await? else { return Ok(None) };
        let now = self.clock.now();
        let lasts =
            now.duration_since(row.created_at) < self.limits.absolute && now.duration_since(row.seen_at) < self.limits.idle;
        if !lasts || staff.disabled_at.is_some() {
            return Ok(None);
        }
        if now.duration_since(row.seen_at) > NOTE_EVERY {
            self.log.note_session(&hash, now).await?;
        }
        Ok(Some((staff.into(), row)))
    }

    /// The sessions of an account that last, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sessions(&self, id: &str) -> Result<Vec<SessionRow>, StoreError> {
        let now = self.clock.now();
        let mut all = self.log.list_sessions(id).await?;
        all.retain(|row| {
            now.duration_since(row.created_at) < self.limits.absolute && now.duration_since(row.seen_at) < self.limits.idle
        });
        Ok(all)
    }

    /// Ends one session of an account.
    ///
    /// # Errors
    /// [`StoreError`]; it goes on.
    pub async fn end_session(&self, id: &str, hash: &SecretHash) -> Result<(), StoreError> {
        self.log.end_session(id, hash).await
    }

    /// Ends every session of an account but one.
    ///
    /// # Errors
    /// [`StoreError`]; they go on.
    pub async fn end_other_sessions(&self, id: &str, keep: &SecretHash) -> Result<(), StoreError> {
        self.log.end_sessions(id, Some(keep)).await
    }

    /// The passkeys of an account, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_passkeys(&self, id: &str) -> Result<Vec<PasskeyRow>, StoreError> {
        self.log.list_passkeys(id).await
    }

    /// Removes a passkey; refused when nothing else would be left to come in with.
    ///
    /// # Errors
    /// [`EntryError::LastAdmin`] is not among them; [`EntryError::Wrong`] if it is the only way in.
    pub async fn remove_passkey(&self, account: &Account, id: &[u8]) -> Result<(), EntryError> {
        let held = self.log.list_passkeys(&account.id).await?;
        if !account.has_password && held.iter().all(|row| row.id == id) {
            return Err(EntryError::Wrong);
        }
        Ok(self.log.remove_passkey(&account.id, id).await?)
    }

    fn ceremonies(&self) -> std::sync::MutexGuard<'_, Ceremonies> {
        self.ceremonies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passkeys(&self) -> Result<&Passkeys, EntryError> {
        self.passkeys.as_ref().map_err(|error| EntryError::Passkey(error.clone()))
    }

    /// Begins to make a passkey: what the browser is asked, as JSON, with the number of the ceremony.
    ///
    /// # Errors
    /// [`EntryError`].
    pub async fn begin_passkey(&self, account: &Account) -> Result<serde_json::Value, EntryError> {
        let passkeys = self.passkeys()?;
        let held = self.log.list_passkeys(&account.id).await?;
        let (question, state) = passkeys.ask_to_make(account, &held)?;
        let number = self.ceremonies().keep_making(account.id.clone(), state, self.clock.now());
        Ok(serde_json::json!({ "ceremony": number, "options": question }))
    }

    /// Ends making a passkey and keeps it.
    ///
    /// # Errors
    /// [`EntryError`].
    pub async fn finish_passkey(&self, account: &Account, answer: &serde_json::Value, agent: &str) -> Result<(), EntryError> {
        let passkeys = self.passkeys()?;
        let state = self.ceremonies().take_making(answer, &account.id, self.clock.now())?;
        let (id, credential) = passkeys.made(answer, &state)?;
        let row = PasskeyRow {
            id,
            staff: account.id.clone(),
            label: device_name(agent),
            credential,
            created_at: self.clock.now(),
            used_at: None,
        };
        Ok(self.log.add_passkey(&row).await?)
    }

    /// Takes up an invitation with a passkey. The recovery codes are made when somebody is there to print them.
    ///
    /// # Errors
    /// [`EntryError`]; the invitation can still be used.
    pub async fn join_with_passkey(
        &self,
        invitation: &str,
        answer: &serde_json::Value,
        agent: &str,
    ) -> Result<Entered, EntryError> {
        let account = self.invitation(invitation).await?;
        self.finish_passkey(&account, answer, agent).await?;
        self.take_invitation(invitation).await?;
        self.enter(account, agent).await
    }

    /// Begins to come in with a passkey: what the browser is asked.
    ///
    /// # Errors
    /// [`EntryError`].
    pub fn begin_passkey_login(&self) -> Result<serde_json::Value, EntryError> {
        let (question, state) = self.passkeys()?.ask_to_prove()?;
        let number = self.ceremonies().keep_proving(state, self.clock.now());
        Ok(serde_json::json!({ "ceremony": number, "options": question }))
    }

    /// Comes in with a passkey. Wrong passwords of others never stand in its way.
    ///
    /// # Errors
    /// [`EntryError`].
    pub async fn log_in_with_passkey(&self, answer: &serde_json::Value, agent: &str) -> Result<Entered, EntryError> {
        let passkeys = self.passkeys()?;
        let state = self.ceremonies().take_proving(answer, self.clock.now())?;
        let (handle, credential) = passkeys.named(answer)?;
        let mut found = None;
        for row in self.log.list_staff().await?.into_iter().filter(|row| row.disabled_at.is_none()) {
            if passkeys::handle_of(&row.id) == handle {
                found = Some(Account::from(row));
            }
        }
        let account = found.ok_or(EntryError::Wrong)?;
        let held = self.log.list_passkeys(&account.id).await?.into_iter().find(|row| row.id == credential);
        let held = held.ok_or(EntryError::Wrong)?;
        let credential = passkeys.proved(answer, state, &held.credential)?;
        self.log.note_passkey(&held.id, &credential, self.clock.now()).await?;
        self.enter(account, agent).await
    }
}

/// 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    Argon2::default()
}

/// The hash of a password nobody has, so that a name nobody has takes as long to refuse. Made once by [`argon2`].
static NOBODY: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    // Should hashing fail here, verifying fails as well, and nobody comes in by it.
    argon2().hash_password(secret().as_bytes()).map(|hash| hash.to_string()).unwrap_or_default()
});

/// A code as typed: full-width digits, spaces and hyphens are no mistakes.
fn digits(code: &str) -> String {
    password::normal(code).chars().filter(char::is_ascii_digit).collect()
}

fn recovery_code() -> String {
    let mut bytes = [0u8; RECOVERY_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let plain = BASE32_NOPAD.encode(&bytes).to_ascii_lowercase();
    let groups: Vec<&str> = (0..plain.len()).step_by(4).filter_map(|at| plain.get(at..at + 4)).collect();
    groups.join("-")
}

/// A recovery code as typed, without hyphens and spaces, in small letters.
fn plain_code(code: &str) -> String {
    password::normal(code).chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// What a browser calls itself, in two words.
fn device_name(agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| names.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name);
    let browser = first(&[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (None, None) => "？".to_owned(),
        (browser, system) => [browser, system].into_iter().flatten().collect::<Vec<_>>().join(" / "),
    }
}

#[cfg(test)]
mod tests;
