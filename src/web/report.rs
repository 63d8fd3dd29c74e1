//! The report page over HTTP: `/r/{key}` and what lies below it.
//!
//! | address | does |
//! |---|---|
//! | `GET /r/{key}` | the page; changes nothing |
//! | `POST /r/{key}/reports` | form → 303 to the receipt; JSON → 201 with the receipt |
//! | `GET /r/{key}/receipts/{id}` | the receipt of an entry of this facility |
//! | `POST /r/{key}/corrections` | takes back the report `replaces` → 303 to the receipt of the correction |
//! | `GET`, `POST /r/{key}/postings` | a notice or a job for the city to release; `?fix=ID` what came back, `?kind=job` a job |
//! | `GET`, `POST /r/{key}/support` | asks for a support visit |
//! | `GET /r/{key}?practice=1`, `?practice=damage` | the page of peace or of damage to practise on: what a form with `practice` sends is answered and never recorded |
//! | `GET /r/{key}/poster` | the A4 sheet with the QR code |
//!
//! The fields of the form are named in [`imaboard_templates::report::form`]. The channel is always `qr`: the right to report here is
//! the key of a QR code, whether a browser or a program uses it; `form` is for forms opened without one, `api` for bearer tokens.
//!
//! The id of a form's entry is made from the page's nonce, the key and a keyed digest of everything in the form: a second tap gives
//! the same receipt, changed content a new report. JSON senders choose the id; `realm` (`real`, `exercise`) may say which is meant
//! during an exercise. A page rendered before an exercise began means what it showed: the real thing.
//!
//! *Invariants:* the key is in no log line and no answer names it to anybody who did not send it; every failure says that nothing was
//! stored and gives back what was typed; a receipt is shown only for what the log holds.

mod form;
mod json;
mod posting;
pub(in crate::web) use posting::clock;
mod support;

use std::io::Write;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use imaboard_display::{assets, qr};
use imaboard_domain::guard::{self, Inspection, Verdict};
use imaboard_domain::{
    Board, Channel, Entry, EntryId, FacilityBoard, FacilityId, Facts, KeyId, Moment, Observation, RawObservation, Refused, Rules,
};
use imaboard_templates::poster::{self, Poster};
use imaboard_templates::report::form::{self as form_field, Finding, Typed};
use imaboard_templates::report::receipt::{self, Stored};
use imaboard_templates::report::{Face, Frame, page, practised_face, problem};
use imaboard_templates::words::JA;
use maud::Markup;
use uuid::Uuid;

use crate::app::App;
use crate::commands::is_loopback;
use crate::recorder::{Intent, Receipt, Submission, SubmitError, public_register};

pub(super) use form::{Realms, realm};

/// The routes below `/r`, each by its whole address: nested, every report would pay for a copy of it.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/r/{key}", get(show))
        .route("/r/{key}/reports", get(back).post(create))
        .route("/r/{key}/receipts/{id}", get(show_receipt))
        .route("/r/{key}/corrections", get(back).post(correct))
        .route("/r/{key}/postings", get(posting::new).post(posting::create))
        .route("/r/{key}/support", get(support::new).post(support::create))
        .route("/r/{key}/poster", get(show_poster))
        .route("/r", any(nowhere))
        .route("/r/", any(nowhere))
        .route("/r/{key}/", any(nowhere))
        .route("/r/{key}/{*rest}", any(nowhere))
        .route_layer(middleware::from_fn(sealed))
}

/// Headers of every answer below `/r`: nothing is kept, nothing leads here from outside, nothing runs but our own files.
async fn sealed(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 7] = [
        (header::CACHE_CONTROL, "no-store"),
        // Not `no-referrer`: browsers would send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let packs = request.method() == Method::GET && takes_gzip(request.headers());
    let mut response = next.run(request).await;
    if packs {
        response = packed(response).await;
    }
    let headers = response.headers_mut();
    headers.reserve(HEADERS.len());
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// The page at a tenth of its size, for telephones on a failing network. Only of GET: such a page holds nothing a sender typed, so
/// its length tells a listener nothing about secrets in it.
async fn packed(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    // Our own pages are small and whole; a body that cannot be read would not have reached the visitor either.
    let Ok(plain) = axum::body::to_bytes(body, MOST_PAGE_BYTES).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(5));
    let bytes = match encoder.write_all(&plain).and_then(|()| encoder.finish()) {
        Ok(bytes) if !plain.is_empty() => bytes,
        _ => return Response::from_parts(parts, axum::body::Body::from(plain)),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Response::from_parts(parts, axum::body::Body::from(bytes))
}

/// Larger than the page of any facility: one with twenty short-stay services.
const MOST_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Who speaks: a valid key and the facility it speaks for.
#[derive(Debug, Clone)]
struct Speaker {
    /// The key as it stands in the URL.
    url_key: String,
    key: KeyId,
    facility: FacilityId,
    /// The page they practise on: nothing they send is recorded.
    practice: Option<Face>,
}

impl Speaker {
    /// `None` for unknown, revoked and forged keys, and for facilities that have left the register: all alike.
    fn find(app: &App, url_key: &str) -> Option<Self> {
        let key = app.keys.read(url_key)?;
        let facility = app.board.read(|board| {
            let held = board.keys().get(&key).filter(|k| !k.revoked)?;
            board.find_facility(&held.facility).map(|f| f.facility.id.clone())
        })?;
        Some(Self { url_key: url_key.to_owned(), key, facility, practice: None })
    }

    /// The same, practising what a form or an address names.
    fn practising(self, word: &str) -> Self {
        Self { practice: Some(practised_face(word)), ..self }
    }

    fn actor(&self) -> String {
        format!("key:{}", self.key)
    }

    fn submission(&self, id: EntryId, intent: Intent, text: Option<String>) -> Submission {
        Submission { id, channel: Channel::Qr, actor: self.actor(), intent, text }
    }

    fn receipt_path(&self, id: EntryId) -> String {
        format!("/r/{}/receipts/{id}", self.url_key)
    }
}

fn frame<'a>(app: &'a App, url_key: &'a str, practice: Option<Face>) -> Frame<'a> {
    Frame {
        words: &JA,
        city: &app.city,
        style: assets::url("report.css"),
        script: assets::url("report.js"),
        key: url_key,
        thresholds: app.thresholds,
        practice,
    }
}

/// Renders for the speaker's facility; 404 should it have left the register meanwhile.
fn render(
    app: &App,
    speaker: &Speaker,
    status: StatusCode,
    make: impl FnOnce(Frame<'_>, Moment<'_>, &FacilityBoard) -> Markup,
) -> Response {
    let made = app
        .look(|m| m.board.find_facility(&speaker.facility).map(|f| make(frame(app, &speaker.url_key, speaker.practice), m, f)));
    match made {
        Some(markup) => (status, Html(markup.into_string())).into_response(),
        None => gone(app),
    }
}

/// The same kind page for every key that speaks for nobody.
fn gone(app: &App) -> Response {
    let markup = app.look(|m| problem::gone(frame(app, "", None), m));
    (StatusCode::NOT_FOUND, Html(markup.into_string())).into_response()
}

/// A sentence with a telephone number.
fn sentence(app: &App, speaker: &Speaker, status: StatusCode, key: &str) -> Response {
    render(app, speaker, status, |frame, m, facility| problem::plain_page(frame, m, Some(facility), key))
}

async fn nowhere(State(app): State<Arc<App>>) -> Response {
    gone(&app)
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Asked {
    practice: String,
}

async fn show(State(app): State<Arc<App>>, Path(key): Path<String>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let practice = asked.map(|Query(asked)| asked.practice).unwrap_or_default();
    match Speaker::find(&app, &key) {
        // While something is under way nobody is held up with an exercise of fingers.
        Some(speaker) if !practice.is_empty() && app.look(|m| Face::of(m) != Face::Peace) => {
            Redirect::to(&format!("/r/{}", speaker.url_key)).into_response()
        }
        Some(speaker) => {
            let speaker = if practice.is_empty() { speaker } else { speaker.practising(&practice) };
            render(&app, &speaker, StatusCode::OK, |frame, m, facility| page::open(frame, m, facility, Uuid::now_v7()))
        }
        None => gone(&app),
    }
}

/// Whoever reloads an answer by its address comes back to the page.
async fn back(State(app): State<Arc<App>>, Path(key): Path<String>) -> Response {
    match Speaker::find(&app, &key) {
        Some(speaker) => Redirect::to(&format!("/r/{}", speaker.url_key)).into_response(),
        None => gone(&app),
    }
}

/// What kind of body this is; `None` if neither a form nor JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Form,
    Json,
}

fn body_kind(headers: &HeaderMap) -> Option<Body> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => Some(Body::Form),
        "application/json" => Some(Body::Json),
        _ => None,
    }
}

/// A browser that says a page of somebody else sent this. Programs and old browsers say nothing.
fn from_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"cross-site"))
}

async fn create(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let kind = body_kind(&headers);
    let Some(speaker) = Speaker::find(&app, &key) else {
        return if kind == Some(Body::Json) { json::no_key() } else { gone(&app) };
    };
    if from_another_site(&headers) {
        return sentence(&app, &speaker, StatusCode::FORBIDDEN, "cross_site");
    }
    let Ok(body) = body else {
        return sentence(&app, &speaker, StatusCode::PAYLOAD_TOO_LARGE, "malformed");
    };
    match kind {
        Some(Body::Json) => json::create(&app, &speaker, &body).await,
        Some(Body::Form) => {
            let typed = typed(&body);
            match typed.one("practice") {
                Some(word) => form::practise(&app, &speaker.practising(word), &typed),
                None => form::create(&app, &speaker, &typed).await,
            }
        }
        None => sentence(&app, &speaker, StatusCode::UNSUPPORTED_MEDIA_TYPE, "malformed"),
    }
}

/// The pairs of an urlencoded body; bytes that are no UTF-8 become �.
fn typed(body: &[u8]) -> Typed {
    Typed::new(form_urlencoded::parse(body).into_owned().collect())
}

/// The id of an entry that a page made: the same page, key and content give the same id.
fn entry_id(app: &App, speaker: &Speaker, typed: &Typed) -> EntryId {
    id_of_form(app, speaker.key.as_str(), typed)
}

/// The id of an entry that a form with a field `nonce` made: the same nonce, sender and content give the same id.
pub(super) fn id_of_form(app: &App, sender: &str, typed: &Typed) -> EntryId {
    let Some(nonce) = typed.one("nonce").and_then(|n| Uuid::parse_str(n).ok()) else {
        // A form without our nonce was not made by our page; it is taken, but cannot be recognised again.
        return EntryId(Uuid::now_v7());
    };
    let mut content = format!("{nonce}\0{sender}");
    // How long it took is no part of what was said: a second tap takes longer and is the same report.
    for (name, value) in typed.pairs().iter().filter(|(name, _)| !form_field::is_effort(name)) {
        // Lengths keep "ab"+"c" apart from "a"+"bc".
        content.push_str(&format!("\0{}:{name}{}:{value}", name.len(), value.len()));
    }
    derived(app, nonce, &content)
}

/// A version 7 id with the time of `base` and bits that only we can compute: the content may hold words that must not be guessed.
fn derived(app: &App, base: Uuid, content: &str) -> EntryId {
    let digest = app.keys.digest(content);
    let mut bytes = *base.as_bytes();
    for (byte, pair) in bytes.iter_mut().skip(6).zip(digest.as_bytes().chunks(2)) {
        *byte = pair.iter().fold(0, |sum: u8, b| sum.wrapping_mul(31).wrapping_add(*b));
    }
    EntryId(
        uuid::Builder::from_bytes(bytes).with_version(uuid::Version::SortRand).with_variant(uuid::Variant::RFC4122).into_uuid(),
    )
}

/// The id of the entry that takes a report back: taking the same report back twice is once, whoever does it.
pub(super) fn correction_id(app: &App, report: EntryId) -> EntryId {
    derived(app, report.0, &format!("correction\0{report}"))
}

/// What the guard says of a text. The recorder asks it again; here the sender learns of everything at once.
pub(super) fn inspect(app: &App, text: &str) -> Inspection {
    app.board.read(|board| inspect_beside(app, board, text))
}

/// The same for who looks at the board already: a lock is never taken twice.
pub(super) fn inspect_beside(app: &App, board: &Board, text: &str) -> Inspection {
    guard::inspect(text, &public_register(board, &app.settings.city.public_phones()))
}

/// What the guard finds in a text, if it blocks it.
fn personal(app: &App, text: &str) -> Option<Vec<Finding>> {
    let inspection = inspect(app, text);
    (inspection.verdict == Verdict::Block).then(|| findings(inspection.findings))
}

pub(super) fn findings(found: Vec<guard::Finding>) -> Vec<Finding> {
    found.into_iter().map(|f| Finding { start: f.start, end: f.end, why: f.why, suggestion: f.suggestion }).collect()
}

/// Takes raw observations as observations of the speaker's facility, by the rules of the moment.
fn parse(app: &App, speaker: &Speaker, raws: &[RawObservation]) -> Result<Vec<Observation>, Vec<(usize, Refused)>> {
    // Nothing is counted for this: counts that every report would have to bring up to date cost more than the report.
    app.board.decide(app.clock.now(), &app.rhythms, |m| {
        let rules = Rules { today: m.today(), thresholds: app.thresholds, incident: m.mode() == imaboard_domain::Mode::Incident };
        match m.board.find_facility(&speaker.facility) {
            Some(held) => Observation::parse(raws, &held.facility, rules),
            None => Err(Vec::new()),
        }
    })
}

/// The entry as its facility may see it; `None` if it is of another, or of nobody.
async fn find_own(app: &App, speaker: &Speaker, id: &str) -> Result<Option<Entry>, SubmitError> {
    let Ok(id) = Uuid::parse_str(id) else { return Ok(None) };
    let found = app.recorder.find(EntryId(id)).await.map_err(|e| SubmitError::NotStored(Arc::new(e)))?;
    Ok(found.filter(|e| is_of(app, speaker, &e.facts)))
}

fn facility_of(facts: &Facts) -> Option<&FacilityId> {
    match facts {
        Facts::Report(r) => Some(&r.facility),
        Facts::Corrected { facility, .. } => Some(facility),
        Facts::PostingDrafted { facility, .. } => facility.as_ref(),
        _ => None,
    }
}

/// The same with the board's help: what was put right names only the posting.
fn is_of(app: &App, speaker: &Speaker, facts: &Facts) -> bool {
    match facts {
        Facts::PostingRevised { posting, .. } => {
            app.board.read(|b| b.postings().get(posting).is_some_and(|p| p.facility.as_ref() == Some(&speaker.facility)))
        }
        other => facility_of(other) == Some(&speaker.facility),
    }
}

async fn show_receipt(State(app): State<Arc<App>>, Path((key, id)): Path<(String, String)>) -> Response {
    let Some(speaker) = Speaker::find(&app, &key) else { return gone(&app) };
    let entry = match find_own(&app, &speaker, &id).await {
        Ok(Some(entry)) => entry,
        Ok(None) => return render(&app, &speaker, StatusCode::NOT_FOUND, problem::no_receipt),
        Err(_) => return sentence(&app, &speaker, StatusCode::SERVICE_UNAVAILABLE, "unreadable"),
    };
    // That a report was taken back is a courtesy to say; not knowing it must not hide that the report arrived.
    let taken_back = app.recorder.is_taken_back(&entry).await.unwrap_or_default();
    let asked = entry.text.as_deref().is_some_and(|text| inspect(&app, text).verdict == Verdict::Ask);
    let stored = Stored {
        seq: entry.seq,
        id: entry.id,
        recorded_at: entry.recorded_at,
        facts: &entry.facts,
        text: entry.text.as_deref(),
        asked,
        taken_back,
    };
    render(&app, &speaker, StatusCode::OK, |frame, m, facility| receipt::page(frame, m, facility, stored))
}

async fn correct(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let Some(speaker) = Speaker::find(&app, &key) else { return gone(&app) };
    if from_another_site(&headers) {
        return sentence(&app, &speaker, StatusCode::FORBIDDEN, "cross_site");
    }
    let Ok(body) = body else { return sentence(&app, &speaker, StatusCode::PAYLOAD_TOO_LARGE, "malformed") };
    let typed = typed(&body);
    if let Some(word) = typed.one("practice") {
        return render(&app, &speaker.practising(word), StatusCode::OK, receipt::practice_undone);
    }
    let replaces = typed.one("replaces").unwrap_or_default().to_owned();
    let entry = match find_own(&app, &speaker, &replaces).await {
        Ok(Some(entry)) if matches!(entry.facts, Facts::Report(_)) => entry,
        Ok(_) => return render(&app, &speaker, StatusCode::NOT_FOUND, problem::no_receipt),
        Err(_) => return sentence(&app, &speaker, StatusCode::SERVICE_UNAVAILABLE, "not_stored"),
    };
    let id = correction_id(&app, entry.id);
    match app.recorder.submit(speaker.submission(id, Intent::Correct { replaces: entry.id }, None)).await {
        Ok(receipt) => see_receipt(&speaker, &receipt),
        // Somebody else took it back: its receipt says so.
        Err(SubmitError::Refused(_)) => Redirect::to(&speaker.receipt_path(entry.id)).into_response(),
        Err(SubmitError::Busy { retry_after_s }) => {
            let mut response = sentence(&app, &speaker, StatusCode::SERVICE_UNAVAILABLE, "busy");
            retry_after(&mut response, retry_after_s);
            response
        }
        Err(SubmitError::NotStored(_)) => sentence(&app, &speaker, StatusCode::SERVICE_UNAVAILABLE, "not_stored"),
        Err(SubmitError::Conflict) => sentence(&app, &speaker, StatusCode::CONFLICT, "conflict"),
    }
}

fn see_receipt(speaker: &Speaker, receipt: &Receipt) -> Response {
    Redirect::to(&speaker.receipt_path(receipt.entry.id)).into_response()
}

fn retry_after(response: &mut Response, seconds: u64) {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

async fn show_poster(State(app): State<Arc<App>>, Path(key): Path<String>) -> Response {
    let Some(speaker) = Speaker::find(&app, &key) else { return gone(&app) };
    let url = format!("{}/r/{}", app.base_url, speaker.url_key);
    if is_loopback(&url) && !app.board.read(imaboard_domain::Board::is_sample) {
        return sentence(&app, &speaker, StatusCode::CONFLICT, "no_address");
    }
    match qr::svg(&url, JA.t("poster.qr")) {
        Ok(code) => render(&app, &speaker, StatusCode::OK, |frame, m, facility| {
            let poster = Poster { words: frame.words, city: frame.city, styles: &[assets::url("poster.css")] };
            poster::page(poster, m, facility, poster::Key { qr: &code, label: speaker.key.as_str() })
        }),
        Err(_) => sentence(&app, &speaker, StatusCode::CONFLICT, "no_address"),
    }
}

#[cfg(test)]
mod tests;
