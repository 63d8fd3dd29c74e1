//! Whose request this is, as far as limits go: the address that knocked, or the one a trusted proxy names.
//!
//! *Invariant:* only a proxy of the settings is believed, and of its header only what it wrote itself: the last address that is
//! not a trusted proxy's own. Everything before that was said by the visitor.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use crate::settings::Networks;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address that a request's limits are counted by; found in the extensions of every request.
///
/// `None`: a trusted proxy that names no visitor, or a program on this machine. Only the limits in all hold for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitor(pub Option<IpAddr>);

impl Visitor {
    /// Who has connected, before anything was said.
    pub(super) fn knocking(peer: SocketAddr, trusted: &Networks) -> Self {
        let address = peer.ip().to_canonical();
        Self((!trusted.holds(address)).then_some(address))
    }

    /// Who asks.
    pub(super) fn asking(peer: SocketAddr, headers: &HeaderMap, trusted: &Networks) -> Self {
        let knocking = Self::knocking(peer, trusted);
        if knocking.0.is_some() {
            return knocking;
        }
        let named = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let named: Vec<Option<IpAddr>> = named.flat_map(|value| value.split(',')).map(address).collect();
        let visitor = named.into_iter().rev().find(|address| address.is_none_or(|address| !trusted.holds(address)));
        Self(visitor.flatten())
    }
}

/// `192.0.2.7`, `192.0.2.7:1234`, `2001:db8::1`, `[2001:db8::1]:1234`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.parse::<IpAddr>().ok();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    bare.or_else(in_brackets).or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip())).map(|a| a.to_canonical())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use axum::http::HeaderValue;

    fn asking(peer: &str, forwarded: &[&'static str]) -> Option<String> {
        let trusted: Networks = toml::Value::String("127.0.0.0/8, ::1, 10.0.0.0/8".to_owned()).try_into().unwrap();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
        }
        Visitor::asking(format!("{peer}:1").parse().unwrap(), &headers, &trusted).0.map(|a| a.to_string())
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_wrote_itself() {
        for (peer, forwarded, visitor) in [
            ("192.0.2.1", &[][..], Some("192.0.2.1")),
            ("192.0.2.1", &["198.51.100.1"], Some("192.0.2.1")),
            ("127.0.0.1", &["198.51.100.1"], Some("198.51.100.1")),
            ("127.0.0.1", &["203.0.113.9, 198.51.100.1"], Some("198.51.100.1")),
            ("127.0.0.1", &["203.0.113.9", "198.51.100.1, 10.1.2.3"], Some("198.51.100.1")),
            ("[::1]", &["[2001:db8::1]:443"], Some("2001:db8::1")),
            ("[::1]", &["198.51.100.1:5000"], Some("198.51.100.1")),
            ("[::ffff:127.0.0.1]", &["198.51.100.1"], Some("198.51.100.1")),
            ("127.0.0.1", &[], None),
            ("127.0.0.1", &["10.1.2.3"], None),
            // A made-up address before one that cannot be read is still the visitor's own word.
            ("127.0.0.1", &["203.0.113.9, unknown"], None),
        ] {
            assert_eq!(asking(peer, forwarded).as_deref(), visitor, "{peer} {forwarded:?}");
        }
    }
}
