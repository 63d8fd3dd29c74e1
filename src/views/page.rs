//! One rendered page: its bytes, its compressed forms, its tags, and until when it is true.
//!
//! Invariant: the bytes of a page never change; a new rendering is a new page.

use std::io::Write;
use std::sync::OnceLock;

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// What a rendering gives.
#[derive(Debug)]
pub struct Rendered {
    /// The text of the page.
    pub body: String,
    /// Its media type with the character set.
    pub content_type: &'static str,
    /// When something on the board changes next by time alone.
    pub deadline: Timestamp,
}

/// How the bytes of a page travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    Identity,
    /// gzip
    Gzip,
    /// brotli
    Brotli,
}

/// Bytes and their compressed forms, each made when first asked for, then shared.
#[derive(Debug)]
pub struct Packed {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    brotli: OnceLock<Bytes>,
}

impl Packed {
    /// Takes bytes as they are.
    #[must_use]
    pub fn new(plain: impl Into<Bytes>) -> Self {
        Self { plain: plain.into(), gzip: OnceLock::new(), brotli: OnceLock::new() }
    }

    /// The bytes in an encoding.
    #[must_use]
    pub fn bytes(&self, encoding: Encoding) -> Bytes {
        match encoding {
            Encoding::Identity => self.plain.clone(),
            Encoding::Gzip => self.gzip.get_or_init(|| gzip(&self.plain)).clone(),
            Encoding::Brotli => self.brotli.get_or_init(|| brotli(&self.plain)).clone(),
        }
    }
}

/// The entity tag of one encoding, from the quoted tag of the plain bytes: strong tags differ where bytes differ.
#[must_use]
pub fn tagged(etag: &str, encoding: Encoding) -> String {
    let bare = etag.trim_end_matches('"');
    match encoding {
        Encoding::Identity => etag.to_owned(),
        Encoding::Gzip => format!("{bare}-gz\""),
        Encoding::Brotli => format!("{bare}-br\""),
    }
}

/// One rendered page.
#[derive(Debug)]
pub struct Page {
    body: Packed,
    etags: [String; 3],
    /// Media type with the character set.
    pub content_type: &'static str,
    /// When it was rendered: the as-of time it prints.
    pub rendered_at: Timestamp,
    /// Until when it is handed out: the deadline, but not beyond the minute it prints.
    pub fresh_until: Timestamp,
    /// The last moment at which a cache may show it if the server is away: then the next value ages.
    pub deadline: Timestamp,
    pub(super) stamp: u64,
    /// What the page is counted with in memory: compressed forms are made later and are smaller than a half each.
    pub(super) weight_bytes: usize,
}

/// Of 11: level 5 halves the bytes of level 1 and still takes under a millisecond for a front page.
const BROTLI_QUALITY: u32 = 5;
/// 2^18 bytes hold any page of the board.
const BROTLI_WINDOW: u32 = 18;

impl Page {
    pub(super) fn new(rendered: Rendered, now: Timestamp, stamp: u64) -> Self {
        let hash: String = Sha256::digest(rendered.body.as_bytes()).iter().take(9).map(|b| format!("{b:02x}")).collect();
        Self {
            weight_bytes: rendered.body.len() * 2 + 1024,
            body: Packed::new(rendered.body),
            etags: [Encoding::Identity, Encoding::Gzip, Encoding::Brotli].map(|e| tagged(&format!("\"{hash}\""), e)),
            content_type: rendered.content_type,
            rendered_at: now,
            fresh_until: rendered.deadline.min(end_of_minute(now)),
            deadline: rendered.deadline,
            stamp,
        }
    }

    /// The bytes in an encoding.
    #[must_use]
    pub fn bytes(&self, encoding: Encoding) -> Bytes {
        self.body.bytes(encoding)
    }

    /// The strong entity tag of these bytes, quoted; one per encoding.
    #[must_use]
    pub fn etag(&self, encoding: Encoding) -> &str {
        &self.etags[match encoding {
            Encoding::Identity => 0,
            Encoding::Gzip => 1,
            Encoding::Brotli => 2,
        }]
    }

    /// Seconds for which a cache may show the page without us, counted from the end of its time here.
    #[must_use]
    pub fn stale_if_error_s(&self) -> i64 {
        self.deadline.duration_since(self.fresh_until).as_secs().max(0)
    }
}

fn end_of_minute(now: Timestamp) -> Timestamp {
    let next = now.as_second().div_euclid(60) * 60 + 60;
    Timestamp::from_second(next).unwrap_or(Timestamp::MAX)
}

fn gzip(body: &[u8]) -> Bytes {
    let mut out = flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 3), flate2::Compression::new(6));
    // Writing to memory cannot fail.
    let _ = out.write_all(body);
    Bytes::from(out.finish().unwrap_or_default())
}

fn brotli(body: &[u8]) -> Bytes {
    let mut packed = Vec::with_capacity(body.len() / 3);
    {
        let mut out = ::brotli::CompressorWriter::new(&mut packed, 4096, BROTLI_QUALITY, BROTLI_WINDOW);
        let _ = out.write_all(body);
    }
    Bytes::from(packed)
}
