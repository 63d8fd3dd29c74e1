//! The hash chain: how each entry proves itself and everything before it.
//!
//! It exists so that nobody, not even the owner of the disk, can change what was reported without it being noticed by
//! whoever noted a head elsewhere. Invariant: the encoding below never changes within format 1; another program can
//! verify an exported log from this description alone.
//!
//! # Encoding, format 1
//!
//! ```text
//! text_hash = SHA-256( salt[16] ‖ text )                        absent when nothing was typed
//! hash      = SHA-256( "imaboard-log-1\0"                       15 bytes, separates us from any other use of SHA-256
//!                    ‖ previous hash                            32 bytes; 32 zero bytes before entry 1
//!                    ‖ u64 seq                                  big-endian, gapless from 1
//!                    ‖ id                                       the 16 bytes of the UUID
//!                    ‖ i64 recorded_at                          big-endian, microseconds since 1970-01-01T00:00:00Z
//!                    ‖ field(actor) ‖ field(channel) ‖ field(kind) ‖ field(subject)
//!                    ‖ optional(digest)
//!                    ‖ field(facts)
//!                    ‖ optional(text_hash) )
//! field(b)    = u32 big-endian length in bytes ‖ b              text is UTF-8, byte for byte as stored
//! optional(b) = 0x00 when absent, else 0x01 ‖ field(b)
//! ```
//!
//! Every part has a fixed size or carries its length, so no two different entries have the same input. The salt hides
//! short texts: after a redaction nobody can find out by trying which name stood there.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// Random bytes stored beside a text and erased with it.
pub(super) type Salt = [u8; 16];

/// What stands before the first entry.
pub const GENESIS: Hash = [0; 32];

const DOMAIN: &[u8] = b"imaboard-log-1\0";

/// The parts of one entry that the chain covers.
///
/// The text itself is not among them, only its hash: a redaction can erase the text and the chain still holds.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Position in the log, gapless from 1.
    pub seq: u64,
    /// The id given by whoever submitted the entry.
    pub id: Uuid,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub recorded_at_us: i64,
    /// Opaque id of who acted.
    pub actor: &'a str,
    /// How it reached us.
    pub channel: &'a str,
    /// What sort of entry it is.
    pub kind: &'a str,
    /// What it is about.
    pub subject: &'a str,
    /// Hash of the request that led to the entry, if it came from a request.
    pub digest: Option<&'a str>,
    /// Canonical JSON.
    pub facts: &'a str,
    /// See [`text_hash`].
    pub text_hash: Option<&'a Hash>,
}

impl Link<'_> {
    /// The hash of this entry when it follows the entry with hash `previous`.
    #[must_use]
    pub fn hash_after(&self, previous: &Hash) -> Hash {
        let mut sha = Sha256::new();
        sha.update(DOMAIN);
        sha.update(previous);
        sha.update(self.seq.to_be_bytes());
        sha.update(self.id.as_bytes());
        sha.update(self.recorded_at_us.to_be_bytes());
        field(&mut sha, self.actor.as_bytes());
        field(&mut sha, self.channel.as_bytes());
        field(&mut sha, self.kind.as_bytes());
        field(&mut sha, self.subject.as_bytes());
        optional(&mut sha, self.digest.map(str::as_bytes));
        field(&mut sha, self.facts.as_bytes());
        optional(&mut sha, self.text_hash.map(Hash::as_slice));
        sha.finalize().into()
    }
}

/// The hash that stands for a typed text in the chain.
#[must_use]
pub fn text_hash(salt: &[u8], text: &str) -> Hash {
    let mut sha = Sha256::new();
    sha.update(salt);
    sha.update(text.as_bytes());
    sha.finalize().into()
}

fn field(sha: &mut Sha256, bytes: &[u8]) {
    // SQLite holds at most 2^31 - 1 bytes in a value (its SQLITE_MAX_LENGTH), so no stored field saturates.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    sha.update(length.to_be_bytes());
    sha.update(bytes);
}

fn optional(sha: &mut Sha256, bytes: Option<&[u8]>) {
    match bytes {
        None => sha.update([0]),
        Some(bytes) => {
            sha.update([1]);
            field(sha, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link<'static> {
        Link {
            seq: 7,
            id: Uuid::from_bytes([0x11; 16]),
            recorded_at_us: 1_763_872_000_000_000,
            actor: "device:a",
            channel: "button",
            kind: "report",
            subject: "facility:sakito",
            digest: None,
            facts: r#"{"beds":2}"#,
            text_hash: None,
        }
    }

    /// Written byte by byte, so that a change of the encoding cannot pass unseen.
    #[test]
    fn the_encoding_is_the_documented_one() {
        let mut bytes = b"imaboard-log-1\0".to_vec();
        bytes.extend([0u8; 32]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 7]);
        bytes.extend([0x11; 16]);
        bytes.extend(1_763_872_000_000_000_i64.to_be_bytes());
        bytes.extend(b"\0\0\0\x08device:a");
        bytes.extend(b"\0\0\0\x06button");
        bytes.extend(b"\0\0\0\x06report");
        bytes.extend(b"\0\0\0\x0ffacility:sakito");
        bytes.extend(b"\x01\0\0\0\x02ab");
        bytes.extend(b"\0\0\0\x0a{\"beds\":2}");
        bytes.extend(b"\x01\0\0\0\x20");
        bytes.extend(text_hash(&[9; 16], "満床"));
        let expected: Hash = Sha256::digest(&bytes).into();

        let text = text_hash(&[9; 16], "満床");
        let link = Link { digest: Some("ab"), text_hash: Some(&text), ..link() };
        assert_eq!(link.hash_after(&GENESIS), expected);
    }

    #[test]
    fn a_byte_moved_to_the_next_field_changes_the_hash() {
        let moved = Link { actor: "device:", channel: "abutton", ..link() };
        assert_ne!(link().hash_after(&GENESIS), moved.hash_after(&GENESIS));
    }

    #[test]
    fn an_absent_part_differs_from_an_empty_one() {
        let empty = Link { digest: Some(""), ..link() };
        assert_ne!(link().hash_after(&GENESIS), empty.hash_after(&GENESIS));
    }
}
