//! The coordinator's desk over HTTP: `/desk` and what lies below it, one module per room.
//!
//! Everything but the door itself needs a seat: [`account`] looks at the session and lets a [`Member`] through. *Invariants:* no
//! answer of a room is made for somebody without a seat; nothing is changed by GET; what changes something came from a page of
//! our own; every failure says in Japanese that nothing was stored and gives back what was typed.

pub mod account;
pub mod burden;
pub mod devices;
pub mod facilities;
pub mod guide;
pub mod incidents;
pub mod memory;
pub mod overview;
pub mod postings;
pub mod proxy;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::any;
use imaboard_display::assets;
use imaboard_domain::{Channel, EntryId, Facts};
use imaboard_templates::desk::{self, Frame, Role, Room, Seat};
use imaboard_templates::report::form::Typed;
use imaboard_templates::words::JA;
use maud::Markup;
use uuid::Uuid;

use crate::app::App;
use crate::recorder::{Intent, Receipt, Refusal, Submission, SubmitError};

/// The routes below `/desk`; every room names its whole paths.
pub fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let rooms = Router::new()
        .merge(overview::routes())
        .merge(proxy::routes())
        .merge(incidents::routes())
        .merge(facilities::routes())
        .merge(postings::routes())
        .merge(devices::routes())
        .merge(memory::routes())
        .merge(burden::routes())
        .merge(guide::routes())
        .merge(account::routes())
        .route("/desk/{*rest}", any(nowhere))
        .layer(middleware::from_fn_with_state(Arc::clone(app), account::door));
    account::outside().merge(rooms).layer(middleware::from_fn(sealed))
}

/// Somebody with a seat, as [`account::door`] found them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The opaque id of the account; the log knows people by nothing else.
    pub id: String,
    /// Name and role.
    pub seat: Seat,
}

impl Member {
    /// Who acts, as the log names them.
    #[must_use]
    pub fn actor(&self) -> String {
        format!("staff:{}", self.id)
    }

    /// Whether they may do what needs a role.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        self.seat.role >= role
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Redirect;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Redirect> {
        // The door stands before every room, so this is never missing there.
        parts.extensions.get::<Member>().cloned().ok_or_else(|| Redirect::to(account::LOGIN))
    }
}

/// Headers of every answer: nothing is kept, nothing runs but our own files, nobody frames it.
async fn sealed(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 7] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// A page of a room, as the board is now.
pub fn page(
    app: &App,
    member: &Member,
    status: StatusCode,
    scripts: &[&str],
    make: impl FnOnce(&Frame<'_>) -> Markup,
) -> Response {
    rendered(app, Some(&member.seat), status, scripts, make)
}

fn rendered(
    app: &App,
    seat: Option<&Seat>,
    status: StatusCode,
    scripts: &[&str],
    make: impl FnOnce(&Frame<'_>) -> Markup,
) -> Response {
    let mut urls = vec![assets::url("desk.js")];
    urls.extend(scripts.iter().map(|name| assets::url(name)));
    let markup = app
        .look(|moment| make(&Frame { city: &app.city, moment, words: &JA, css: assets::url("desk.css"), scripts: &urls, seat }));
    (status, Html(markup.into_string())).into_response()
}

/// A page that says one thing; `key` is the whole key of the sentence.
pub fn sentence(app: &App, member: &Member, room: Room, status: StatusCode, key: &str) -> Response {
    page(app, member, status, &[], |frame| {
        desk::sentence(frame, Some(room), frame.words.t("desk.problem.title"), frame.words.t(key))
    })
}

/// The answer to somebody who only looks, where a page asks for something that would be refused afterwards; `None` for whoever
/// may run the city.
pub fn only_looks(app: &App, member: &Member, room: Room) -> Option<Response> {
    let no = !member.may(Role::Coordinator);
    no.then(|| sentence(app, member, room, StatusCode::FORBIDDEN, "desk.problem.forbidden"))
}

/// Nothing is there.
pub async fn nowhere(axum::extract::State(app): axum::extract::State<Arc<App>>, member: Member) -> Response {
    sentence(&app, &member, Room::Overview, StatusCode::NOT_FOUND, "desk.problem.nowhere")
}

/// Leads back to a page after something was done, so that a reload does nothing twice.
#[must_use]
pub fn see_other(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// The pairs of an urlencoded form, in order; bytes that are no UTF-8 become �.
#[must_use]
pub fn typed(body: &[u8]) -> Typed {
    Typed::new(form_urlencoded::parse(body).into_owned().collect())
}

/// The id of an entry that a form made: the same page (field `nonce`), person and content give the same id, so a second press of a
/// button gives the same receipt.
#[must_use]
pub fn entry_id(app: &App, member: &Member, typed: &Typed) -> EntryId {
    super::report::id_of_form(app, &member.actor(), typed)
}

/// A new nonce for a form.
#[must_use]
pub fn nonce() -> Uuid {
    Uuid::now_v7()
}

/// Records a control entry of somebody at the desk.
///
/// # Errors
/// [`SubmitError`]; nothing was stored.
pub async fn control(
    app: &App,
    member: &Member,
    id: EntryId,
    facts: Facts,
    text: Option<String>,
) -> Result<Receipt, SubmitError> {
    let intent = Intent::Control(Box::new(facts));
    app.recorder.submit(Submission { id, channel: Channel::Form, actor: member.actor(), intent, text }).await
}

/// Why something was not stored, in words, and the status of the answer.
#[must_use]
pub fn explained(error: &SubmitError) -> (StatusCode, String) {
    let say = |key: &str| JA.t(&format!("desk.problem.{key}")).to_owned();
    match error {
        SubmitError::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, say("busy")),
        SubmitError::NotStored(_) => (StatusCode::SERVICE_UNAVAILABLE, say("not_stored")),
        SubmitError::Conflict => (StatusCode::CONFLICT, say("conflict")),
        SubmitError::Refused(Refusal::Guarded(found)) => {
            let why: Vec<&str> = found.findings.iter().map(|f| f.why.as_str()).collect();
            (StatusCode::UNPROCESSABLE_ENTITY, format!("{}{}", say("guarded"), why.join(" ")))
        }
        SubmitError::Refused(Refusal::TooLong { most }) => {
            (StatusCode::UNPROCESSABLE_ENTITY, JA.fill("desk.problem.too_long", &[("most", &most.to_string())]))
        }
        SubmitError::Refused(Refusal::Empty) => (StatusCode::UNPROCESSABLE_ENTITY, say("empty")),
        SubmitError::Refused(Refusal::NothingToConfirm) => (StatusCode::UNPROCESSABLE_ENTITY, say("nothing_to_confirm")),
        SubmitError::Refused(Refusal::AskRealm) => (StatusCode::UNPROCESSABLE_ENTITY, say("ask_realm")),
        SubmitError::Refused(Refusal::NoFacility) => (StatusCode::NOT_FOUND, say("no_facility")),
        SubmitError::Refused(Refusal::Missing(_)) => (StatusCode::CONFLICT, say("missing")),
        SubmitError::Refused(Refusal::Already(_)) => (StatusCode::CONFLICT, say("already")),
    }
}

/// Whether a request that changes something came from a page of our own: browsers say so themselves. An old browser that does not
/// say where from at least names its origin, which must be this host.
#[must_use]
pub fn is_from_here(headers: &HeaderMap) -> bool {
    let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match of("sec-fetch-site") {
        Some(site) => site.eq_ignore_ascii_case("same-origin"),
        None => match (of("origin"), of("host")) {
            (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, named)| named.eq_ignore_ascii_case(host)),
            _ => false,
        },
    }
}

#[cfg(test)]
pub(crate) mod tests;
