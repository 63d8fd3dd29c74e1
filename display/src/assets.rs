//! The browser's own files, inside the binary, under names that carry the hash of their bytes.
//!
//! *Invariant:* an address never changes its bytes, so browsers and proxies may keep it for ever.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// One file for browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// The address, `/assets/wall-3fa29c1b04d7.css`.
    pub url: &'static str,
    /// The content.
    pub bytes: &'static [u8],
    /// The media type with its character set.
    pub content_type: &'static str,
    /// The entity tag, quoted.
    pub etag: &'static str,
}

/// The style sheet of the desk: the frame, then each room.
const DESK_CSS: &str = concat!(
    include_str!("../assets/desk.css"),
    include_str!("../assets/desk/overview.css"),
    include_str!("../assets/desk/proxy.css"),
    include_str!("../assets/desk/incidents.css"),
    include_str!("../assets/desk/facilities.css"),
    include_str!("../assets/desk/postings.css"),
    include_str!("../assets/desk/devices.css"),
    include_str!("../assets/desk/memory.css"),
    include_str!("../assets/desk/burden.css"),
    include_str!("../assets/desk/guide.css"),
    include_str!("../assets/desk/account.css"),
);

const FILES: [(&str, &[u8]); 16] = [
    ("public.css", include_bytes!("../assets/public.css")),
    ("report.css", include_bytes!("../assets/report.css")),
    ("report.js", include_bytes!("../assets/report.js")),
    ("poster.css", include_bytes!("../assets/poster.css")),
    ("poster-a5.css", include_bytes!("../assets/poster-a5.css")),
    ("wall.css", include_bytes!("../assets/wall.css")),
    ("wall.js", include_bytes!("../assets/wall.js")),
    ("desk.css", DESK_CSS.as_bytes()),
    ("desk.js", include_bytes!("../assets/desk.js")),
    ("desk-facilities.js", include_bytes!("../assets/desk-facilities.js")),
    ("desk-passkey.js", include_bytes!("../assets/desk-passkey.js")),
    ("desk-proxy.js", include_bytes!("../assets/desk-proxy.js")),
    ("desk-incidents.js", include_bytes!("../assets/desk-incidents.js")),
    ("desk-memory.js", include_bytes!("../assets/desk-memory.js")),
    ("desk-devices.js", include_bytes!("../assets/desk-devices.js")),
    ("desk-overview.js", include_bytes!("../assets/desk-overview.js")),
];

static ASSETS: LazyLock<Vec<(&'static str, Asset)>> =
    LazyLock::new(|| FILES.iter().map(|(name, bytes)| (*name, named(name, bytes))).collect());

// The table is made once and lives as long as the program, so its few texts may as well.
fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn named(name: &str, bytes: &'static [u8]) -> Asset {
    let hash: String = Sha256::digest(bytes).iter().take(6).map(|b| format!("{b:02x}")).collect();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let content_type = match ending {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    };
    Asset { url: leak(format!("/assets/{stem}-{hash}.{ending}")), bytes, content_type, etag: leak(format!("\"{hash}\"")) }
}

/// The address of a file by its plain name (`wall.css`); `/assets/` with nothing behind it for a name that is not listed.
#[must_use]
pub fn url(name: &str) -> &'static str {
    ASSETS.iter().find(|(n, _)| *n == name).map_or("/assets/", |(_, a)| a.url)
}

/// The file at an address (`/assets/wall-3fa29c1b04d7.css`) or at what follows `/assets/`.
#[must_use]
pub fn find(path: &str) -> Option<Asset> {
    let wanted = path.strip_prefix("/assets/").unwrap_or(path);
    ASSETS.iter().map(|(_, a)| *a).find(|a| a.url.strip_prefix("/assets/") == Some(wanted))
}

/// Every file.
pub fn list() -> impl Iterator<Item = Asset> {
    ASSETS.iter().map(|(_, a)| *a)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_listed_file_is_found_under_its_own_address_with_and_without_the_folder() {
        for (name, _) in FILES {
            let asset = find(url(name)).unwrap();
            assert_eq!(find(url(name).strip_prefix("/assets/").unwrap()), Some(asset));
            assert!(!asset.content_type.starts_with("application/octet"), "{name}");
            assert!(asset.etag.starts_with('"') && asset.etag.ends_with('"'));
        }
    }

    #[test]
    fn a_plain_name_or_an_old_hash_finds_nothing() {
        assert_eq!(find("/assets/wall.css"), None);
        assert_eq!(find("/assets/wall-000000000000.css"), None);
        assert_eq!(find(url("no-such-file.css")), None);
    }
}
