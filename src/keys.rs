//! Report keys and device credentials: everything that is derived from the signing secret.
//!
//! A report key in a QR code is the public key id followed by its signature. The id stands on the log, the signature
//! nowhere: whoever reads the log or a backup without the secret cannot report. *Invariant:* nothing here is ever logged.

use data_encoding::{BASE32_NOPAD, Specification};
use hmac::{Hmac, KeyInit, Mac};
use imaboard_domain::{Button, DisplayId, KeyId};
use rand::RngCore;
use sha2::Sha256;

/// Bytes of the signature that stand in a key: 128 bit, the least the security review asks for.
const SIGNATURE_BYTES: usize = 16;
/// Characters of a key id: 10 random bytes in base 32.
const KEY_ID_CHARS: usize = 16;

/// A browser by which somebody came in before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// What stands for the account.
    pub tag: String,
    /// Which of its browsers.
    pub nonce: String,
}

/// What the password of a button is derived from: another name for each new one, and for each time that a device is joined, because a
/// removed button's id is given again. No id holds a `#` or an `@`.
fn device_name(button: &Button) -> String {
    let joined = button.joined_at.map(|at| format!("@{at}")).unwrap_or_default();
    match button.password {
        0 => format!("{}{joined}", button.id),
        n => format!("{}{joined}#{n}", button.id),
    }
}

/// Signs and reads report keys, and derives the passwords of devices.
#[derive(Clone)]
pub struct Keys {
    secret: [u8; 32],
    alphabet: data_encoding::Encoding,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    /// Works with the secret of one data folder.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        let mut spec = Specification::new();
        spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
        // The alphabet is a constant of 32 distinct characters; were it not, upper case would serve.
        let alphabet = spec.encoding().unwrap_or(BASE32_NOPAD);
        Self { secret, alphabet }
    }

    /// A new key id: 80 random bits.
    #[must_use]
    pub fn new_id(&self) -> Option<KeyId> {
        let mut bytes = [0u8; 10];
        rand::rng().fill_bytes(&mut bytes);
        KeyId::new(self.alphabet.encode(&bytes)).ok()
    }

    /// What stands in the URL for this key.
    #[must_use]
    pub fn url_key(&self, id: &KeyId) -> String {
        format!("{id}{}", self.alphabet.encode(&self.mac("report-key", id.as_str())[..SIGNATURE_BYTES]))
    }

    /// The key id in a URL, if its signature is ours; compared in constant time.
    #[must_use]
    pub fn read(&self, url_key: &str) -> Option<KeyId> {
        let (id, signature) = url_key.split_at_checked(KEY_ID_CHARS)?;
        let signature = self.alphabet.decode(signature.as_bytes()).ok()?;
        if signature.len() != SIGNATURE_BYTES {
            return None;
        }
        let mac = self.hmac("report-key", id)?;
        mac.verify_truncated_left(&signature).ok()?;
        KeyId::new(id).ok()
    }

    /// The MQTT password of an enrolled button that holds now.
    #[must_use]
    pub fn device_password(&self, button: &Button) -> String {
        self.alphabet.encode(&self.mac("mqtt-device", &device_name(button))[..SIGNATURE_BYTES])
    }

    /// Whether this is the password of a button that holds now, compared in constant time.
    #[must_use]
    pub fn is_device_password(&self, button: &Button, password: &[u8]) -> bool {
        self.is_password("mqtt-device", &device_name(button), password)
    }

    /// The MQTT password of a gateway that speaks for a whole device family.
    #[must_use]
    pub fn gateway_password(&self, profile: &str) -> String {
        self.alphabet.encode(&self.mac("mqtt-gateway", profile)[..SIGNATURE_BYTES])
    }

    /// What proves that a browser is this display, when it says what it has painted.
    #[must_use]
    pub fn display_token(&self, display: &DisplayId) -> String {
        self.alphabet.encode(&self.mac("display", display.as_str())[..SIGNATURE_BYTES])
    }

    /// Whether this is the token of that display, compared in constant time.
    #[must_use]
    pub fn is_display_token(&self, display: &DisplayId, token: &str) -> bool {
        self.is_password("display", display.as_str(), token.as_bytes())
    }

    /// Whether this is the password of that MQTT user, compared in constant time.
    #[must_use]
    pub fn is_password(&self, purpose: &str, name: &str, password: &[u8]) -> bool {
        let Ok(bytes) = self.alphabet.decode(password) else { return false };
        bytes.len() == SIGNATURE_BYTES && self.hmac(purpose, name).is_some_and(|mac| mac.verify_truncated_left(&bytes).is_ok())
    }

    /// The secret of six-digit codes (TOTP) of somebody at the desk. It is derived, so that it lies in no database and no backup.
    #[must_use]
    pub fn totp_secret(&self, staff: &str, salt: &[u8]) -> [u8; 20] {
        let name = format!("{staff}\0{}", data_encoding::HEXLOWER.encode(salt));
        let mac = self.mac("totp", &name);
        let mut secret = [0; 20];
        secret.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        secret
    }

    /// What a browser keeps by which somebody came in: it tells it from strangers when passwords are tried, and opens nothing.
    #[must_use]
    pub fn device_cookie(&self, tag: &str) -> String {
        let mut bytes = [0u8; 10];
        rand::rng().fill_bytes(&mut bytes);
        let nonce = self.alphabet.encode(&bytes);
        let mac = self.alphabet.encode(&self.mac("desk-device", &format!("{tag}.{nonce}"))[..SIGNATURE_BYTES]);
        format!("{tag}.{nonce}.{mac}")
    }

    /// Whose browser it is, if the cookie is ours.
    #[must_use]
    pub fn read_device_cookie(&self, cookie: &str) -> Option<KnownDevice> {
        let (named, mac) = cookie.rsplit_once('.')?;
        let (tag, nonce) = named.split_once('.')?;
        self.is_password("desk-device", named, mac.as_bytes())
            .then(|| KnownDevice { tag: tag.to_owned(), nonce: nonce.to_owned() })
    }

    /// A keyed digest of a submission's content.
    #[must_use]
    pub fn digest(&self, content: &str) -> String {
        self.alphabet.encode(&self.mac("submission", content))
    }

    fn hmac(&self, purpose: &str, name: &str) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length, so this cannot fail; the type says it might.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(name.as_bytes());
        Some(mac)
    }

    fn mac(&self, purpose: &str, name: &str) -> [u8; 32] {
        self.hmac(purpose, name).map_or([0; 32], |mac| mac.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_new_password_of_a_button_ends_the_one_before() {
        let keys = Keys::new([7; 32]);
        let first = Button::new("b1".parse().unwrap(), "f001".parse().unwrap(), "imaboard".into(), "d".into(), Vec::new());
        let second = Button { password: 1, ..first.clone() };
        let (old, new) = (keys.device_password(&first), keys.device_password(&second));
        assert_ne!(old, new);
        assert!(keys.is_device_password(&first, old.as_bytes()) && keys.is_device_password(&second, new.as_bytes()));
        assert!(!keys.is_device_password(&second, old.as_bytes()), "the old one opens nothing any more");
    }

    #[test]
    fn a_removed_button_that_is_joined_again_opens_nothing_with_the_password_it_had() {
        let keys = Keys::new([7; 32]);
        let plain = Button::new("b1".parse().unwrap(), "f001".parse().unwrap(), "imaboard".into(), "d".into(), Vec::new());
        let joined = |at: &str| Button { joined_at: Some(at.parse().unwrap()), ..plain.clone() };
        let again = joined("2026-07-03T08:00:00.000000001Z");
        for before in [plain.clone(), joined("2026-07-03T08:00:00Z")] {
            let old = keys.device_password(&before);
            assert!(keys.is_device_password(&before, old.as_bytes()) && !keys.is_device_password(&again, old.as_bytes()));
        }
        let read: Button = serde_json::from_str(&serde_json::to_string(&again).unwrap()).unwrap();
        assert_eq!(keys.device_password(&read), keys.device_password(&again), "the log keeps what it is derived from");
    }

    #[test]
    fn a_known_browser_is_recognised_and_a_forged_one_is_not() {
        let keys = Keys::new([7; 32]);
        let cookie = keys.device_cookie("abc");
        assert_eq!(keys.read_device_cookie(&cookie).unwrap().tag, "abc");
        assert_ne!(keys.device_cookie("abc"), cookie);
        for forged in [cookie.replace("abc", "abd"), format!("{cookie}a"), "a.b.c".to_owned(), String::new()] {
            assert_eq!(keys.read_device_cookie(&forged), None, "{forged}");
        }
        assert_eq!(Keys::new([8; 32]).read_device_cookie(&cookie), None);
    }

    #[test]
    fn a_key_is_read_back_and_a_changed_one_is_not() {
        let keys = Keys::new([7; 32]);
        let id = keys.new_id().unwrap();
        let url = keys.url_key(&id);
        assert_eq!(keys.read(&url), Some(id));
        for at in 0..url.len() {
            let mut forged = url.clone().into_bytes();
            forged[at] = if forged[at] == b'a' { b'b' } else { b'a' };
            let forged = String::from_utf8(forged).unwrap();
            // The last character carries unused bits, which decoding refuses unless they are zero.
            assert_eq!(keys.read(&forged), None, "{forged}");
        }
        assert_eq!(Keys::new([8; 32]).read(&url), None);
        for odd in ["", "a", "ああああああああああああああ", &url[..url.len() - 1], &format!("{url}a")] {
            assert_eq!(keys.read(odd), None, "{odd}");
        }
    }
}
