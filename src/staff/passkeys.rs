//! Passkeys: what the browser is asked, and what its answers prove.
//!
//! Only this file names the library. *Invariant:* a ceremony is used once, within five minutes, by whom it was begun for.

use std::collections::HashMap;

use imaboard_templates::words::JA;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};
use webauthn_rs_proto::ResidentKeyRequirement;

use super::Account;
use crate::log::staff::PasskeyRow;

/// How long a person may take to touch a key.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);
/// Ceremonies under way at once; whoever begins more pushes the oldest out.
const MOST: usize = 256;

/// Why passkeys did not work out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// Browsers take passkeys only at an HTTPS address with a name, or at `localhost`.
    #[error("passkeys need an https:// address with a host name (public.base_url), or http://localhost")]
    Address,
    /// The ceremony was not begun here, is over, or was for somebody else.
    #[error("this was not begun here, or took too long")]
    Over,
    /// The browser's answer does not prove anything.
    #[error("the passkey was not accepted")]
    Refused,
}

/// What proves who somebody is at one address.
pub struct Passkeys {
    library: Webauthn,
    /// Host and port, as browsers name them in `Host`.
    place: String,
}

impl std::fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passkeys(..)")
    }
}

/// The user handle of an account: 16 bytes that say nothing to anybody else.
pub(super) fn handle_of(id: &str) -> Uuid {
    let digest = Sha256::new().chain_update(b"imaboard-passkey\0").chain_update(id.as_bytes()).finalize();
    let mut bytes = [0u8; 16];
    bytes.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
    Uuid::from_bytes(bytes)
}

/// On the machine itself browsers take passkeys at its name, but not at its number.
pub(super) fn named(base_url: &str) -> String {
    base_url.replacen("http://127.0.0.1", "http://localhost", 1).replacen("http://[::1]", "http://localhost", 1)
}

fn refused(error: impl std::fmt::Display) -> PasskeyError {
    tracing::info!(%error, "a passkey was not accepted");
    PasskeyError::Refused
}

impl Passkeys {
    /// Passkeys for the address that people type.
    pub(super) fn at(base_url: &str, city: &str) -> Result<Self, PasskeyError> {
        let url = url::Url::parse(&named(base_url)).map_err(|_| PasskeyError::Address)?;
        let Some(url::Host::Domain(host)) = url.host() else { return Err(PasskeyError::Address) };
        if url.scheme() != "https" && host != "localhost" {
            return Err(PasskeyError::Address);
        }
        let name = format!("{} {city}", JA.t("brand.name"));
        let built = WebauthnBuilder::new(host, &url).and_then(|builder| builder.rp_name(&name).build());
        let place = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        built.map(|library| Self { library, place }).map_err(|error| {
            tracing::warn!(%error, "passkeys are off");
            PasskeyError::Address
        })
    }

    /// Whether a browser that asks for this host is where passkeys work: who came by a number must come by the name.
    pub(super) fn are_at(&self, host: &str) -> bool {
        self.place.eq_ignore_ascii_case(host)
    }

    pub(super) fn ask_to_make(
        &self,
        account: &Account,
        held: &[PasskeyRow],
    ) -> Result<(Value, PasskeyRegistration), PasskeyError> {
        let held = held.iter().map(|row| row.id.clone()).collect();
        let (mut question, state) = self
            .library
            .start_passkey_registration(handle_of(&account.id), &account.name, &account.name, Some(held))
            .map_err(refused)?;
        // Kept on the key itself, so that nobody has to type a name to come in.
        if let Some(selection) = question.public_key.authenticator_selection.as_mut() {
            selection.resident_key = Some(ResidentKeyRequirement::Required);
            selection.require_resident_key = true;
        }
        Ok((serde_json::to_value(question).map_err(refused)?, state))
    }

    pub(super) fn made(&self, answer: &Value, state: &PasskeyRegistration) -> Result<(Vec<u8>, String), PasskeyError> {
        let answer: RegisterPublicKeyCredential = serde_json::from_value(answer["credential"].clone()).map_err(refused)?;
        let passkey = self.library.finish_passkey_registration(&answer, state).map_err(refused)?;
        Ok((passkey.cred_id().to_vec(), serde_json::to_string(&passkey).map_err(refused)?))
    }

    pub(super) fn ask_to_prove(&self) -> Result<(Value, DiscoverableAuthentication), PasskeyError> {
        let (mut question, state) = self.library.start_discoverable_authentication().map_err(refused)?;
        // Asked by a button, not by a field that completes itself.
        question.mediation = None;
        Ok((serde_json::to_value(question).map_err(refused)?, state))
    }

    /// Whose passkey a browser answers with, and which; nothing is proved by it.
    pub(super) fn named(&self, answer: &Value) -> Result<(Uuid, Vec<u8>), PasskeyError> {
        let answer: PublicKeyCredential = serde_json::from_value(answer["credential"].clone()).map_err(refused)?;
        let (handle, id) = self.library.identify_discoverable_authentication(&answer).map_err(refused)?;
        Ok((handle, id.to_vec()))
    }

    /// Proves the answer against a stored credential; gives the credential with its counter moved.
    pub(super) fn proved(
        &self,
        answer: &Value,
        state: DiscoverableAuthentication,
        credential: &str,
    ) -> Result<String, PasskeyError> {
        let answer: PublicKeyCredential = serde_json::from_value(answer["credential"].clone()).map_err(refused)?;
        let mut passkey: Passkey = serde_json::from_str(credential).map_err(refused)?;
        let result = self.library.finish_discoverable_authentication_v2(&answer, state, &passkey).map_err(refused)?;
        passkey.update_credential(&result);
        serde_json::to_string(&passkey).map_err(refused)
    }
}

enum Ceremony {
    Making(String, PasskeyRegistration),
    Proving(DiscoverableAuthentication),
}

/// What is under way.
#[derive(Default)]
pub(super) struct Ceremonies(HashMap<Uuid, (Timestamp, Ceremony)>);

impl Ceremonies {
    fn keep(&mut self, ceremony: Ceremony, now: Timestamp) -> Uuid {
        self.0.retain(|_, (begun, _)| now.duration_since(*begun).abs() < PATIENCE);
        if self.0.len() >= MOST
            && let Some(oldest) = self.0.iter().min_by_key(|(_, (begun, _))| *begun).map(|(number, _)| *number)
        {
            self.0.remove(&oldest);
        }
        let number = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
        self.0.insert(number, (now, ceremony));
        number
    }

    pub(super) fn keep_making(&mut self, staff: String, state: PasskeyRegistration, now: Timestamp) -> Uuid {
        self.keep(Ceremony::Making(staff, state), now)
    }

    pub(super) fn keep_proving(&mut self, state: DiscoverableAuthentication, now: Timestamp) -> Uuid {
        self.keep(Ceremony::Proving(state), now)
    }

    fn take(&mut self, answer: &Value, now: Timestamp) -> Result<Ceremony, PasskeyError> {
        let number = answer["ceremony"].as_str().and_then(|text| Uuid::parse_str(text).ok()).ok_or(PasskeyError::Over)?;
        let (begun, ceremony) = self.0.remove(&number).ok_or(PasskeyError::Over)?;
        if now.duration_since(begun).abs() < PATIENCE { Ok(ceremony) } else { Err(PasskeyError::Over) }
    }

    pub(super) fn take_making(
        &mut self,
        answer: &Value,
        staff: &str,
        now: Timestamp,
    ) -> Result<PasskeyRegistration, PasskeyError> {
        match self.take(answer, now)? {
            Ceremony::Making(begun_for, state) if begun_for == staff => Ok(state),
            Ceremony::Making(..) | Ceremony::Proving(_) => Err(PasskeyError::Over),
        }
    }

    pub(super) fn take_proving(&mut self, answer: &Value, now: Timestamp) -> Result<DiscoverableAuthentication, PasskeyError> {
        match self.take(answer, now)? {
            Ceremony::Proving(state) => Ok(state),
            Ceremony::Making(..) => Err(PasskeyError::Over),
        }
    }
}
