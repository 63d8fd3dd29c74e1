//! Answers made of shared bytes: encodings, entity tags, cache rules, and the headers every page carries.
//!
//! It exists so that a hit costs a look-up and a few reference counts. Invariant: a cache may show a page without us no
//! longer than until the next value on the board ages, so even a copy never shows an old ○ as ○.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use bytes::Bytes;
use imaboard_display::assets::{self, Asset};

use crate::views::{Encoding, Packed, Page, tagged};

/// What a page of ours may load and do: our own style sheet and drawings inside the page, nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every public answer. `same-origin` and not `no-referrer`: the latter makes browsers send `Origin: null`
/// with forms.
const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Adds the headers of every public answer.
pub fn secure(headers: &mut HeaderMap) {
    for (name, value) in SECURITY {
        headers.insert(name, value);
    }
}

/// Answers with a page in the encoding the visitor takes, or with 304 if the visitor has it.
#[must_use]
pub fn answer(page: &Page, request: &HeaderMap, status: StatusCode) -> Response<Body> {
    let encoding = negotiated(request);
    let etag = page.etag(encoding);
    let known = status == StatusCode::OK && is_known(request, etag);
    let mut response = Response::new(if known { Body::empty() } else { Body::from(page.bytes(encoding)) });
    *response.status_mut() = if known { StatusCode::NOT_MODIFIED } else { status };
    let headers = response.headers_mut();
    headers.reserve(10);
    secure(headers);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CACHE_CONTROL, cache_control(page));
    if let Ok(tag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, tag);
    }
    if !known {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
        encoded(headers, encoding);
    }
    response
}

/// A page with the heads of its answers, made once: handing it out copies reference counts and reads the request, nothing else.
#[derive(Debug)]
pub struct Prepared {
    page: Arc<Page>,
    /// By [`Encoding`]: with the bytes, and without them.
    heads: [(HeaderMap, HeaderMap); 3],
}

impl Prepared {
    /// Prepares the answers with a page.
    #[must_use]
    pub fn new(page: Arc<Page>) -> Self {
        let asking = |pairs: &[(HeaderName, &str)]| -> HeaderMap {
            pairs.iter().filter_map(|(name, value)| Some((name.clone(), HeaderValue::from_str(value).ok()?))).collect()
        };
        let heads =
            [(Encoding::Identity, "identity"), (Encoding::Gzip, "gzip"), (Encoding::Brotli, "br")].map(|(encoding, name)| {
                let head = |pairs: &[(HeaderName, &str)]| answer(&page, &asking(pairs), StatusCode::OK).into_parts().0.headers;
                let accept = (ACCEPT_ENCODING, name);
                (head(std::slice::from_ref(&accept)), head(&[accept.clone(), (IF_NONE_MATCH, page.etag(encoding))]))
            });
        Self { page, heads }
    }

    /// Whether these are the answers with this page.
    #[must_use]
    pub fn is_of(&self, page: &Arc<Page>) -> bool {
        Arc::ptr_eq(&self.page, page)
    }

    /// The same answer that [`answer`] gives.
    #[must_use]
    pub fn answer(&self, request: &HeaderMap) -> Response<Body> {
        let encoding = negotiated(request);
        let (whole, unchanged) = match encoding {
            Encoding::Identity => &self.heads[0],
            Encoding::Gzip => &self.heads[1],
            Encoding::Brotli => &self.heads[2],
        };
        let known = is_known(request, self.page.etag(encoding));
        let mut response = Response::new(if known { Body::empty() } else { Body::from(self.page.bytes(encoding)) });
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        *response.headers_mut() = if known { unchanged } else { whole }.clone();
        response
    }
}

/// `must-revalidate` is left out on purpose: it would forbid `stale-if-error` (RFC 9111, 4.2.4).
fn cache_control(page: &Page) -> HeaderValue {
    let stale_s = page.stale_if_error_s();
    if stale_s == 0 {
        return HeaderValue::from_static("public, max-age=0, must-revalidate");
    }
    HeaderValue::from_str(&format!("public, max-age=0, stale-if-error={stale_s}")).unwrap_or(HeaderValue::from_static("no-cache"))
}

/// The files of the browser in their compressed forms, made once.
static PACKED: LazyLock<HashMap<&'static str, Packed>> =
    LazyLock::new(|| assets::list().map(|asset| (asset.url, Packed::new(asset.bytes))).collect());

/// Answers with a file whose name carries its hash: it may be kept for ever.
#[must_use]
pub fn asset(asset: Asset, request: &HeaderMap) -> Response<Body> {
    let packed = PACKED.get(asset.url);
    let encoding = packed.map_or(Encoding::Identity, |_| negotiated(request));
    let tag = tagged(asset.etag, encoding);
    let known = is_known(request, &tag);
    let bytes = packed.map_or(Bytes::from_static(asset.bytes), |p| p.bytes(encoding));
    let mut response = Response::new(if known { Body::empty() } else { Body::from(bytes) });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    secure(headers);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, value);
    }
    if !known {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        encoded(headers, encoding);
    }
    response
}

fn encoded(headers: &mut HeaderMap, encoding: Encoding) {
    match encoding {
        Encoding::Identity => {}
        Encoding::Gzip => drop(headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"))),
        Encoding::Brotli => drop(headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"))),
    }
}

/// Whether the visitor holds these bytes (`If-None-Match`, weak comparison as RFC 9110 13.1.2 asks).
fn is_known(request: &HeaderMap, etag: &str) -> bool {
    request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// The best encoding the visitor takes: brotli, else gzip, else none; of two with different `q` the greater.
fn negotiated(request: &HeaderMap) -> Encoding {
    // In thousandths; `None` was not named.
    let (mut brotli, mut gzip, mut any) = (None, None, None);
    let values = request.get_all(ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    for part in values.flat_map(|v| v.split(',')) {
        let (name, q) = weighted(part);
        let slot = if name.eq_ignore_ascii_case("br") {
            &mut brotli
        } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            &mut gzip
        } else if name == "*" {
            &mut any
        } else {
            continue;
        };
        *slot = Some(q);
    }
    let brotli = brotli.or(any).unwrap_or(0);
    let gzip = gzip.or(any).unwrap_or(0);
    match (brotli, gzip) {
        (0, 0) => Encoding::Identity,
        (b, g) if b >= g => Encoding::Brotli,
        _ => Encoding::Gzip,
    }
}

/// `gzip;q=0.5` as its name and 500.
fn weighted(part: &str) -> (&str, u16) {
    let mut parameters = part.split(';');
    let name = parameters.next().unwrap_or_default().trim();
    let q = parameters
        .filter_map(|p| p.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("q"))
        .map_or(1000, |(_, value)| thousandths(value.trim()));
    (name, q)
}

/// `0.5` as 500; what is no number between 0 and 1 counts as 0.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    match whole {
        "1" => 1000,
        "0" | "" if fraction.len() <= 3 && digits(fraction) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use axum::body::HttpBody;

    use crate::views::{PageKey, Rendered, Views};

    fn asking(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.clone(), HeaderValue::from_str(v).unwrap())).collect()
    }

    fn page() -> std::sync::Arc<Page> {
        let now = "2026-11-24T01:42:10Z".parse().unwrap();
        Views::default().page(&PageKey::Front, now, || Rendered {
            body: "いま".repeat(500),
            content_type: "text/html; charset=utf-8",
            deadline: "2026-11-24T02:43:00Z".parse().unwrap(),
        })
    }

    #[test]
    fn the_visitor_gets_the_encoding_asked_for_with_the_greatest_weight() {
        for (accept, wanted) in [
            ("", Encoding::Identity),
            ("gzip, deflate, br", Encoding::Brotli),
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("gzip", Encoding::Gzip),
            ("GZIP", Encoding::Gzip),
            ("br;q=0.2, gzip;q=0.8", Encoding::Gzip),
            ("br;q=0, gzip", Encoding::Gzip),
            ("br;q=0.000,gzip;q=0", Encoding::Identity),
            ("*", Encoding::Brotli),
            ("*;q=0.1, br;q=0", Encoding::Gzip),
            ("gzip;q=1.0, br ; q=1", Encoding::Brotli),
            ("br;q=nonsense", Encoding::Identity),
            ("identity", Encoding::Identity),
        ] {
            assert_eq!(negotiated(&asking(&[(ACCEPT_ENCODING, accept)])), wanted, "{accept}");
        }
        assert_eq!(negotiated(&HeaderMap::new()), Encoding::Identity);
    }

    #[test]
    fn a_known_page_is_answered_without_its_bytes() {
        let page = page();
        for encoding in ["br", "gzip", "identity"] {
            let first = answer(&page, &asking(&[(ACCEPT_ENCODING, encoding)]), StatusCode::OK);
            assert_eq!(first.status(), StatusCode::OK);
            let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
            for held in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
                let again = answer(&page, &asking(&[(ACCEPT_ENCODING, encoding), (IF_NONE_MATCH, &held)]), StatusCode::OK);
                assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{held}");
                assert_eq!(again.headers()[ETAG], tag.as_str());
                assert!(again.headers().contains_key(CACHE_CONTROL) && again.headers().contains_key(VARY));
            }
            let other = answer(&page, &asking(&[(ACCEPT_ENCODING, encoding), (IF_NONE_MATCH, "\"other\"")]), StatusCode::OK);
            assert_eq!(other.status(), StatusCode::OK);
        }
    }

    #[test]
    fn a_prepared_answer_is_the_same_answer() {
        let page = page();
        let prepared = Prepared::new(Arc::clone(&page));
        assert!(prepared.is_of(&page));
        for encoding in ["br", "gzip", "identity", "br;q=0.1, gzip", ""] {
            let held = answer(&page, &asking(&[(ACCEPT_ENCODING, encoding)]), StatusCode::OK).headers()[ETAG].clone();
            for tag in ["\"other\"", held.to_str().unwrap(), "*"] {
                let request = asking(&[(ACCEPT_ENCODING, encoding), (IF_NONE_MATCH, tag)]);
                let (a, b) = (answer(&page, &request, StatusCode::OK), prepared.answer(&request));
                assert_eq!((a.status(), a.headers()), (b.status(), b.headers()), "{encoding} {tag}");
                assert_eq!(a.body().size_hint().exact(), b.body().size_hint().exact(), "{encoding} {tag}");
            }
        }
    }

    #[test]
    fn a_page_says_how_long_it_may_outlive_us_and_carries_the_security_headers() {
        let response = answer(&page(), &asking(&[(ACCEPT_ENCODING, "gzip")]), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers[CACHE_CONTROL], "public, max-age=0, stale-if-error=3600");
        assert_eq!(headers[CONTENT_ENCODING], "gzip");
        assert_eq!(headers[VARY], "accept-encoding");
        for (name, value) in SECURITY {
            assert_eq!(headers[name], value);
        }
    }

    #[test]
    fn a_page_that_is_not_there_is_never_answered_with_304() {
        let page = page();
        let response = answer(&page, &asking(&[(IF_NONE_MATCH, "*")]), StatusCode::NOT_FOUND);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
