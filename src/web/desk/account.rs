//! The door of the desk over HTTP: coming in, invitations, one's own seat, everybody's seats.
//!
//! *Invariants:* a session is known by its cookie alone, which the database holds as a hash; whoever changes how somebody comes in
//! has come in a moment ago; what is shown once (invitations, recovery codes) is in the answer to a POST and at no address.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use data_encoding::HEXLOWER;
use imaboard_display::qr;
use imaboard_domain::Facts;
use imaboard_templates::desk::account::{self as pages, Codes, Handed, Issued, Line, Own, Thing, Wrong};
use imaboard_templates::desk::{Role, Room, Seat};
use imaboard_templates::words::JA;
use maud::{Markup, PreEscaped};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rand::RngCore;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Member, is_from_here, page, rendered, see_other, sentence, typed};
use crate::app::App;
use crate::log::staff::SessionRow;
use crate::recorder::entry_of;
use crate::staff::password::Weak;
use crate::staff::{Account, BadName, Entered, EntryError, PasskeyError, RECENT, join_url, name_tag, seat_name};

/// Where somebody without a seat is led.
pub const LOGIN: &str = "/desk/login";

/// How long a browser stays known: the longest that browsers keep a cookie.
const DEVICE_SECONDS: u64 = 400 * 24 * 3_600;

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/account", get(own))
        .route("/desk/account/logout", post(log_out))
        .route("/desk/account/sessions/end", post(end_session))
        .route("/desk/account/sessions/end-others", post(end_others))
        .route("/desk/account/passkeys/begin", post(begin_passkey))
        .route("/desk/account/passkeys", post(add_passkey))
        .route("/desk/account/passkeys/remove", post(remove_passkey))
        .route("/desk/account/password", get(password).post(change_password))
        .route("/desk/account/codes", post(new_codes))
        .route("/desk/account/staff", get(staff).post(invite))
        .route("/desk/account/staff/{id}/invite", post(invite_again))
        .route("/desk/account/staff/{id}/role", post(set_role))
        .route("/desk/account/staff/{id}/disable", get(ask_disable).post(disable))
}

/// The routes before the door.
pub fn outside() -> Router<Arc<App>> {
    Router::new()
        .route("/desk/login", get(login).post(log_in))
        .route("/desk/login/passkey/begin", post(begin_login))
        .route("/desk/login/passkey", post(log_in_with_passkey))
        .route("/desk/join/{invitation}", get(join).post(join_with_password))
        .route("/desk/join/{invitation}/passkey/begin", post(begin_join))
        .route("/desk/join/{invitation}/passkey", post(join_with_passkey))
        .layer(axum::middleware::from_fn(from_here_only))
}

/// Changes only for pages of our own.
async fn from_here_only(request: Request, next: Next) -> Response {
    if changes(request.method()) && !is_from_here(request.headers()) {
        return (StatusCode::FORBIDDEN, JA.t("desk.problem.cross_site")).into_response();
    }
    next.run(request).await
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Lets in who has a session, as a [`Member`]; viewers may look only, and nobody sends from another site.
pub async fn door(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    // Tests of the rooms sit inside already.
    let inside = request.extensions().get::<Member>().cloned();
    let member = match inside {
        Some(member) => member,
        None => {
            let found = match cookie(request.headers(), &Cookies::of(&app).session) {
                Some(session) => app.staff.session(&session).await,
                None => Ok(None),
            };
            match found {
                Ok(Some((account, session))) => {
                    let member = member_of(account);
                    request.extensions_mut().insert(member.clone());
                    request.extensions_mut().insert(session);
                    member
                }
                Ok(None) => return to_login(&request, false),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a session could not be looked up");
                    return (StatusCode::SERVICE_UNAVAILABLE, JA.t("desk.account.wrong.store")).into_response();
                }
            }
        }
    };
    if changes(request.method()) {
        if !is_from_here(request.headers()) {
            return sentence(&app, &member, Room::Overview, StatusCode::FORBIDDEN, "desk.problem.cross_site");
        }
        if !member.may(Role::Coordinator) && !request.uri().path().starts_with("/desk/account") {
            return sentence(&app, &member, Room::Overview, StatusCode::FORBIDDEN, "desk.problem.forbidden");
        }
    }
    next.run(request).await
}

fn member_of(account: Account) -> Member {
    Member { id: account.id, seat: Seat { name: account.name, role: account.role } }
}

/// Leads to the login, and from there back to what was asked for. A form that was sent is not sent again by itself.
fn to_login(request: &Request, again: bool) -> Response {
    let asked = match *request.method() {
        Method::GET => request.uri().path_and_query().map_or("/desk", |path| path.as_str()),
        _ => "/desk",
    };
    to_login_for(asked, again)
}

fn to_login_for(next: &str, again: bool) -> Response {
    let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
    let again = if again { "&again=1" } else { "" };
    Redirect::to(&format!("{LOGIN}?next={next}{again}")).into_response()
}

/// The names of our cookies. With the prefix a browser takes them over HTTPS only, from this host and for all of it.
struct Cookies {
    session: String,
    device: String,
    secure: &'static str,
}

impl Cookies {
    fn of(app: &App) -> Self {
        let (prefix, secure) = if app.base_url.starts_with("https://") { ("__Host-", "; Secure") } else { ("", "") };
        Self { session: format!("{prefix}desk"), device: format!("{prefix}desk-device"), secure }
    }

    /// The cookie of a browser by which the seat with this name was taken before.
    fn device_of(&self, name: &str) -> String {
        format!("{}-{}", self.device, name_tag(name))
    }

    fn set(&self, name: &str, value: &str, seconds: Option<u64>) -> Option<HeaderValue> {
        let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{}{age}", self.secure)).ok()
    }

    /// Puts what somebody who came in keeps into an answer.
    fn keep(&self, entered: &Entered, mut response: Response) -> Response {
        let session = self.set(&self.session, &entered.session, None);
        let device = self.set(&self.device_of(&entered.account.name), &entered.device, Some(DEVICE_SECONDS));
        for cookie in [session, device].into_iter().flatten() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|pair| {
        let (named, value) = pair.trim().split_once('=')?;
        (named == name).then(|| value.to_owned())
    })
}

fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Where to go after coming in: a page of the desk and nowhere else.
fn next_of(asked: Option<&str>) -> &str {
    asked.filter(|path| path.starts_with("/desk") && !path.contains("//") && !path.contains('\\')).unwrap_or("/desk")
}

/// Why passkeys do not work at this address, in words.
fn passkeys_here(app: &App, headers: &HeaderMap) -> Result<(), &'static str> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if app.staff.passkeys_work_at(host) { Ok(()) } else { Err(JA.t("desk.account.login.no_address")) }
}

fn outside_page(app: &App, status: StatusCode, make: impl FnOnce(&imaboard_templates::desk::Frame<'_>) -> Markup) -> Response {
    rendered(app, None, status, &["desk-passkey.js"], make)
}

fn inside_page(
    app: &App,
    member: &Member,
    status: StatusCode,
    make: impl FnOnce(&imaboard_templates::desk::Frame<'_>) -> Markup,
) -> Response {
    page(app, member, status, &["desk-passkey.js"], make)
}

/// What went wrong, in words at its field, and the status of the answer.
fn explained(error: &EntryError) -> (StatusCode, Wrong) {
    let say = |key: &str| JA.t(&format!("desk.account.wrong.{key}")).to_owned();
    let (status, field, message) = match error {
        EntryError::Wrong => (StatusCode::UNPROCESSABLE_ENTITY, "", say("login")),
        EntryError::Wait { seconds } => {
            let words = JA.fill("desk.account.wrong.wait", &[("seconds", &seconds.to_string())]);
            (StatusCode::TOO_MANY_REQUESTS, "", words)
        }
        EntryError::Crowded => (StatusCode::SERVICE_UNAVAILABLE, "", say("crowded")),
        EntryError::NoInvitation => (StatusCode::NOT_FOUND, "", JA.t("desk.account.join.gone_more").to_owned()),
        EntryError::Weak(weak) => {
            let key = match weak {
                Weak::Short => "short",
                Weak::Long => "long",
                Weak::Known => "known",
                Weak::Regular => "regular",
                Weak::Named => "named",
            };
            (StatusCode::UNPROCESSABLE_ENTITY, "new_password", say(key))
        }
        EntryError::WrongCode => (StatusCode::UNPROCESSABLE_ENTITY, "code", say("code")),
        EntryError::NameTaken => (StatusCode::CONFLICT, "name", say("name_taken")),
        EntryError::NoAccount => (StatusCode::NOT_FOUND, "", say("no_account")),
        EntryError::LastAdmin => (StatusCode::CONFLICT, "", say("last_admin")),
        EntryError::Passkey(PasskeyError::Address | PasskeyError::Over | PasskeyError::Refused) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "", say("passkey"))
        }
        EntryError::Store(error) => {
            tracing::error!(error = error as &dyn std::error::Error, "the people of the desk could not be looked up or changed");
            (StatusCode::SERVICE_UNAVAILABLE, "", say("store"))
        }
    };
    (status, Wrong { field, message })
}

/// The same for a script.
fn explained_json(error: &EntryError) -> Response {
    let (status, wrong) = explained(error);
    (status, Json(json!({ "message": wrong.message }))).into_response()
}

#[derive(Debug, Deserialize)]
struct LoginQuery {
    next: Option<String>,
    again: Option<String>,
}

async fn login(State(app): State<Arc<App>>, Query(query): Query<LoginQuery>, headers: HeaderMap) -> Response {
    let next = next_of(query.next.as_deref());
    let again = query.again.is_some();
    outside_page(&app, StatusCode::OK, |frame| {
        pages::login(frame, next, "", passkeys_here(&app, &headers), again, &Wrong::default())
    })
}

async fn log_in(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let typed = typed(&body);
    let field = |name| typed.one(name).unwrap_or_default();
    let next = next_of(typed.one("next"));
    let cookies = Cookies::of(&app);
    let name = field("name");
    let device = cookie(&headers, &cookies.device_of(name));
    match app.staff.log_in(name, field("password"), field("code"), device.as_deref(), agent(&headers)).await {
        Ok(entered) => cookies.keep(&entered, see_other(next)),
        Err(error) => {
            let (status, wrong) = explained(&error);
            let mut response =
                outside_page(&app, status, |frame| pages::login(frame, next, name, passkeys_here(&app, &headers), false, &wrong));
            if let EntryError::Wait { seconds } = error {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    }
}

async fn begin_login(State(app): State<Arc<App>>) -> Response {
    match app.staff.begin_passkey_login() {
        Ok(question) => Json(question).into_response(),
        Err(error) => explained_json(&error),
    }
}

async fn log_in_with_passkey(
    State(app): State<Arc<App>>,
    Query(query): Query<LoginQuery>,
    headers: HeaderMap,
    Json(answer): Json<Value>,
) -> Response {
    let next = next_of(query.next.as_deref());
    match app.staff.log_in_with_passkey(&answer, agent(&headers)).await {
        Ok(entered) => Cookies::of(&app).keep(&entered, Json(json!({ "next": next })).into_response()),
        Err(error) => explained_json(&error),
    }
}

/// A new secret of six-digit codes for an account, as its page shows it.
struct NewCodes {
    qr: Markup,
    secret: String,
    salt: String,
}

impl NewCodes {
    /// `salt` is what the page of before carried: who mistyped a code must not have to scan again.
    fn of(app: &App, account: &Account, salt: Option<&str>) -> Self {
        let salt = salt.and_then(salt_of).unwrap_or_else(|| {
            let mut bytes = vec![0u8; SALT_BYTES];
            rand::rng().fill_bytes(&mut bytes);
            bytes
        });
        let (url, secret) = match app.staff.codes(account, &salt, &app.city.name) {
            Ok(codes) => (codes.to_url().unwrap_or_default(), codes.secret().to_base32()),
            Err(_) => (String::new(), String::new()),
        };
        let groups: Vec<&str> = (0..secret.len()).step_by(4).map(|at| &secret[at..secret.len().min(at + 4)]).collect();
        Self { qr: qr_of(&url, JA.t("desk.account.password.scan")), secret: groups.join(" "), salt: HEXLOWER.encode(&salt) }
    }

    fn shown(&self) -> Codes<'_> {
        Codes { qr: &self.qr, secret: &self.secret, salt: &self.salt }
    }
}

const SALT_BYTES: usize = 16;

fn salt_of(text: &str) -> Option<Vec<u8>> {
    HEXLOWER.decode(text.as_bytes()).ok().filter(|bytes| bytes.len() == SALT_BYTES)
}

fn qr_of(text: &str, title: &str) -> Markup {
    // An address is far shorter than the largest code holds; without a picture the words beside it are enough.
    PreEscaped(qr::svg(text, title).unwrap_or_default())
}

fn join_page(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    (invitation, account): (&str, &Account),
    salt: Option<&str>,
    wrong: &Wrong,
) -> Response {
    let codes = NewCodes::of(app, account, salt);
    outside_page(app, status, |frame| {
        pages::join(frame, invitation, (&account.name, account.role), codes.shown(), passkeys_here(app, headers), wrong)
    })
}

fn no_invitation(app: &App) -> Response {
    outside_page(app, StatusCode::NOT_FOUND, pages::no_invitation)
}

async fn join(State(app): State<Arc<App>>, Path(invitation): Path<String>, headers: HeaderMap) -> Response {
    match app.staff.invitation(&invitation).await {
        Ok(account) => join_page(&app, &headers, StatusCode::OK, (&invitation, &account), None, &Wrong::default()),
        Err(EntryError::Store(error)) => {
            let (status, wrong) = explained(&EntryError::Store(error));
            (status, wrong.message).into_response()
        }
        Err(_) => no_invitation(&app),
    }
}

async fn join_with_password(
    State(app): State<Arc<App>>,
    Path(invitation): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let typed = typed(&body);
    let field = |name| typed.one(name).unwrap_or_default();
    let Ok(account) = app.staff.invitation(&invitation).await else { return no_invitation(&app) };
    let salt = salt_of(field("salt")).unwrap_or_default();
    let secrets = (field("new_password"), field("code"), salt.as_slice());
    match app.staff.join_with_password(&invitation, secrets, (agent(&headers), &app.city.name)).await {
        Ok((entered, codes)) => with_codes(&app, &entered, &codes),
        Err(error) => {
            let (status, wrong) = explained(&error);
            join_page(&app, &headers, status, (&invitation, &account), typed.one("salt"), &wrong)
        }
    }
}

/// The recovery codes of somebody who just came in for the first time.
fn with_codes(app: &App, entered: &Entered, codes: &[String]) -> Response {
    let member = member_of(entered.account.clone());
    let name = &entered.account.name;
    let response = inside_page(app, &member, StatusCode::OK, |frame| pages::recovery_codes(frame, name, codes));
    Cookies::of(app).keep(entered, response)
}

async fn begin_join(State(app): State<Arc<App>>, Path(invitation): Path<String>) -> Response {
    let begun = async {
        let account = app.staff.invitation(&invitation).await?;
        app.staff.begin_passkey(&account).await
    };
    match begun.await {
        Ok(question) => Json(question).into_response(),
        Err(error) => explained_json(&error),
    }
}

async fn join_with_passkey(
    State(app): State<Arc<App>>,
    Path(invitation): Path<String>,
    headers: HeaderMap,
    Json(answer): Json<Value>,
) -> Response {
    match app.staff.join_with_passkey(&invitation, &answer, agent(&headers)).await {
        // The script leads to the seat, where the codes are made and printed.
        Ok(entered) => {
            Cookies::of(&app).keep(&entered, Json(json!({ "next": "/desk/account?done=joined#codes" })).into_response())
        }
        Err(error) => explained_json(&error),
    }
}

/// The session of the one who looks; tests of the rooms have none.
type Here = Option<Extension<SessionRow>>;

/// Where somebody is led who did not come in a moment ago.
fn too_long_ago(app: &App, here: &Here, next: &str) -> Option<Response> {
    match here {
        Some(Extension(session)) if app.clock.now().duration_since(session.created_at) > RECENT => Some(to_login_for(next, true)),
        _ => None,
    }
}

#[derive(Debug, Deserialize)]
struct Done {
    done: Option<String>,
}

async fn own_things(app: &App, member: &Member, here: &Here) -> Result<Own, EntryError> {
    let hash = here.as_ref().map(|Extension(session)| session.hash);
    let sessions = app.staff.sessions(&member.id).await?;
    let passkeys = app.staff.list_passkeys(&member.id).await?;
    let account = app.staff.find(&member.id).await?;
    Ok(Own {
        sessions: sessions
            .into_iter()
            .map(|row| Thing {
                id: HEXLOWER.encode(&row.hash),
                label: row.device,
                created_at: row.created_at,
                used_at: Some(row.seen_at),
                here: Some(row.hash) == hash,
            })
            .collect(),
        passkeys: passkeys
            .into_iter()
            .map(|row| Thing {
                id: HEXLOWER.encode(&row.id),
                label: row.label,
                created_at: row.created_at,
                used_at: row.used_at,
                here: false,
            })
            .collect(),
        has_password: account.is_some_and(|account| account.has_password),
        codes_left: app.staff.recovery_codes_left(&member.id).await?,
    })
}

async fn own(State(app): State<Arc<App>>, member: Member, here: Here, headers: HeaderMap, Query(query): Query<Done>) -> Response {
    let done = query.done.as_deref().filter(|done| JA.has(&format!("desk.account.done.{done}")));
    match own_things(&app, &member, &here).await {
        Ok(own) => {
            inside_page(&app, &member, StatusCode::OK, |frame| pages::own(frame, &own, passkeys_here(&app, &headers), done))
        }
        Err(error) => failed(&app, &member, &error),
    }
}

/// A page that says why it did not work.
fn failed(app: &App, member: &Member, error: &EntryError) -> Response {
    let (status, wrong) = explained(error);
    inside_page(app, member, status, |frame| {
        imaboard_templates::desk::sentence(frame, Some(Room::Account), JA.t("desk.problem.title"), &wrong.message)
    })
}

fn finished(app: &App, member: &Member, outcome: Result<(), EntryError>, done: &str) -> Response {
    match outcome {
        Ok(()) => see_other(&format!("/desk/account?done={done}")),
        Err(error) => failed(app, member, &error),
    }
}

async fn log_out(State(app): State<Arc<App>>, member: Member, here: Here) -> Response {
    if let Some(Extension(session)) = here
        && let Err(error) = app.staff.end_session(&member.id, &session.hash).await
    {
        return failed(&app, &member, &EntryError::Store(error));
    }
    let cookies = Cookies::of(&app);
    let mut response = see_other(LOGIN);
    if let Some(gone) = cookies.set(&cookies.session, "", Some(0)) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    response
}

async fn end_session(State(app): State<Arc<App>>, member: Member, body: Bytes) -> Response {
    let hash = typed(&body).one("session").and_then(|text| HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok());
    let outcome = match hash {
        Some(hash) => app.staff.end_session(&member.id, &hash).await.map_err(EntryError::from),
        None => Ok(()),
    };
    finished(&app, &member, outcome, "session_ended")
}

async fn end_others(State(app): State<Arc<App>>, member: Member, here: Here) -> Response {
    let keep = here.map_or([0; 32], |Extension(session)| session.hash);
    let outcome = app.staff.end_other_sessions(&member.id, &keep).await.map_err(EntryError::from);
    finished(&app, &member, outcome, "sessions_ended")
}

async fn account_of(app: &App, member: &Member) -> Result<Account, EntryError> {
    app.staff.find(&member.id).await?.ok_or(EntryError::NoAccount)
}

async fn begin_passkey(State(app): State<Arc<App>>, member: Member, here: Here) -> Response {
    if too_long_ago(&app, &here, "/desk/account").is_some() {
        return explained_json(&EntryError::Wrong);
    }
    let begun = async { app.staff.begin_passkey(&account_of(&app, &member).await?).await };
    match begun.await {
        Ok(question) => Json(question).into_response(),
        Err(error) => explained_json(&error),
    }
}

async fn add_passkey(
    State(app): State<Arc<App>>,
    member: Member,
    here: Here,
    headers: HeaderMap,
    Json(answer): Json<Value>,
) -> Response {
    if too_long_ago(&app, &here, "/desk/account").is_some() {
        return explained_json(&EntryError::Wrong);
    }
    let added = async { app.staff.finish_passkey(&account_of(&app, &member).await?, &answer, agent(&headers)).await };
    match added.await {
        Ok(()) => Json(json!({ "next": "/desk/account?done=passkey_added" })).into_response(),
        Err(error) => explained_json(&error),
    }
}

async fn remove_passkey(State(app): State<Arc<App>>, member: Member, here: Here, body: Bytes) -> Response {
    if let Some(again) = too_long_ago(&app, &here, "/desk/account") {
        return again;
    }
    let id = typed(&body).one("passkey").and_then(|text| HEXLOWER.decode(text.as_bytes()).ok()).unwrap_or_default();
    let outcome = async {
        let account = account_of(&app, &member).await?;
        app.staff.remove_passkey(&account, &id).await
    };
    match outcome.await {
        Err(EntryError::Wrong) => sentence(&app, &member, Room::Account, StatusCode::CONFLICT, "desk.account.wrong.only_passkey"),
        outcome => finished(&app, &member, outcome, "passkey_removed"),
    }
}

async fn password(State(app): State<Arc<App>>, member: Member, here: Here) -> Response {
    if let Some(again) = too_long_ago(&app, &here, "/desk/account/password") {
        return again;
    }
    password_page(&app, &member, StatusCode::OK, None, &Wrong::default()).await
}

async fn password_page(app: &App, member: &Member, status: StatusCode, salt: Option<&str>, wrong: &Wrong) -> Response {
    match account_of(app, member).await {
        Ok(account) => {
            let codes = NewCodes::of(app, &account, salt);
            inside_page(app, member, status, |frame| pages::password(frame, codes.shown(), wrong))
        }
        Err(error) => failed(app, member, &error),
    }
}

async fn change_password(State(app): State<Arc<App>>, member: Member, here: Here, body: Bytes) -> Response {
    if let Some(again) = too_long_ago(&app, &here, "/desk/account/password") {
        return again;
    }
    let typed = typed(&body);
    let field = |name| typed.one(name).unwrap_or_default();
    let salt = salt_of(field("salt")).unwrap_or_default();
    let outcome = async {
        let account = account_of(&app, &member).await?;
        app.staff.change_password(&account, (field("new_password"), field("code"), &salt), &app.city.name).await
    };
    match outcome.await {
        Ok(()) => see_other("/desk/account?done=password_changed"),
        Err(error) => {
            let (status, wrong) = explained(&error);
            password_page(&app, &member, status, typed.one("salt"), &wrong).await
        }
    }
}

async fn new_codes(State(app): State<Arc<App>>, member: Member, here: Here) -> Response {
    if let Some(again) = too_long_ago(&app, &here, "/desk/account") {
        return again;
    }
    match app.staff.new_recovery_codes(&member.id).await {
        Ok(codes) => inside_page(&app, &member, StatusCode::OK, |frame| pages::recovery_codes(frame, &member.seat.name, &codes)),
        Err(error) => failed(&app, &member, &EntryError::Store(error)),
    }
}

/// Administrators only, and only those who came in a moment ago when they change something; the answer for others.
fn no_admin(app: &App, member: &Member) -> Option<Response> {
    let no = !member.may(Role::Admin);
    no.then(|| sentence(app, member, Room::Account, StatusCode::FORBIDDEN, "desk.problem.forbidden"))
}

fn no_recent_admin(app: &App, member: &Member, here: &Here) -> Option<Response> {
    no_admin(app, member).or_else(|| too_long_ago(app, here, "/desk/account/staff"))
}

async fn lines(app: &App, member: &Member) -> Result<Vec<Line>, EntryError> {
    let now = app.clock.now();
    let line = |account: Account| Line {
        unused: account.is_unused(now),
        here: account.id == member.id,
        id: account.id,
        name: account.name,
        role: account.role,
        used_at: account.used_at,
        disabled_at: account.disabled_at,
    };
    Ok(app.staff.list().await?.into_iter().map(line).collect())
}

async fn staff_page(
    app: &App,
    member: &Member,
    status: StatusCode,
    handed: Option<(&str, &str)>,
    typed: (&str, Role),
    wrong: &Wrong,
) -> Response {
    match lines(app, member).await {
        Ok(lines) => {
            let url = handed.map(|(_, invitation)| join_url(&app.base_url, invitation)).unwrap_or_default();
            let code = qr_of(&url, JA.t("desk.account.join.title"));
            let handed = handed.map(|(name, _)| Handed { name, url: &url, qr: &code });
            inside_page(app, member, status, |frame| pages::staff(frame, &lines, handed, typed, wrong))
        }
        Err(error) => failed(app, member, &error),
    }
}

async fn staff(State(app): State<Arc<App>>, member: Member) -> Response {
    if let Some(refused) = no_admin(&app, &member) {
        return refused;
    }
    staff_page(&app, &member, StatusCode::OK, None, ("", Role::Coordinator), &Wrong::default()).await
}

async fn invite(State(app): State<Arc<App>>, member: Member, here: Here, body: Bytes) -> Response {
    if let Some(refused) = no_recent_admin(&app, &member, &here) {
        return refused;
    }
    let typed = typed(&body);
    let said = typed.one("name").unwrap_or_default();
    let role = typed.one("role").and_then(|word| word.parse().ok()).unwrap_or(Role::Viewer);
    let name = match seat_name(said) {
        Ok(name) => name,
        Err(why) => {
            let key = if why == BadName::Empty { "name_empty" } else { "name_long" };
            let wrong = Wrong { field: "name", message: JA.t(&format!("desk.account.wrong.{key}")).to_owned() };
            return staff_page(&app, &member, StatusCode::UNPROCESSABLE_ENTITY, None, (said, role), &wrong).await;
        }
    };
    match app.staff.invite(&name, role).await {
        Ok((account, invitation)) => {
            let handed = Some((account.name.as_str(), invitation.as_str()));
            staff_page(&app, &member, StatusCode::OK, handed, ("", Role::Coordinator), &Wrong::default()).await
        }
        Err(error) => {
            let (status, wrong) = explained(&error);
            staff_page(&app, &member, status, None, (said, role), &wrong).await
        }
    }
}

async fn invite_again(State(app): State<Arc<App>>, member: Member, here: Here, Path(id): Path<String>) -> Response {
    if let Some(refused) = no_recent_admin(&app, &member, &here) {
        return refused;
    }
    match app.staff.invite_again(&id).await {
        Ok((account, invitation)) => {
            let handed = Some((account.name.as_str(), invitation.as_str()));
            staff_page(&app, &member, StatusCode::OK, handed, ("", Role::Coordinator), &Wrong::default()).await
        }
        Err(error) => failed(&app, &member, &error),
    }
}

async fn set_role(State(app): State<Arc<App>>, member: Member, here: Here, Path(id): Path<String>, body: Bytes) -> Response {
    if let Some(refused) = no_recent_admin(&app, &member, &here) {
        return refused;
    }
    let Some(role) = typed(&body).one("role").and_then(|word| word.parse().ok()) else {
        return sentence(&app, &member, Room::Account, StatusCode::UNPROCESSABLE_ENTITY, "desk.problem.malformed");
    };
    match app.staff.set_role(&id, role).await {
        Ok(()) => see_other("/desk/account/staff"),
        Err(error) => failed(&app, &member, &error),
    }
}

async fn line_of(app: &App, member: &Member, id: &str) -> Result<Line, EntryError> {
    lines(app, member).await?.into_iter().find(|line| line.id == id).ok_or(EntryError::NoAccount)
}

async fn ask_disable(State(app): State<Arc<App>>, member: Member, Path(id): Path<String>) -> Response {
    if let Some(refused) = no_admin(&app, &member) {
        return refused;
    }
    match line_of(&app, &member, &id).await {
        Ok(line) => inside_page(&app, &member, StatusCode::OK, |frame| pages::disable(frame, &line)),
        Err(error) => failed(&app, &member, &error),
    }
}

async fn disable(State(app): State<Arc<App>>, member: Member, here: Here, Path(id): Path<String>) -> Response {
    if let Some(refused) = no_recent_admin(&app, &member, &here) {
        return refused;
    }
    let outcome = async {
        let line = line_of(&app, &member, &id).await?;
        Ok::<_, EntryError>((line, app.staff.disable(&id).await?))
    };
    match outcome.await {
        Ok((line, records)) => {
            let issued = app.board.read(|board| {
                let keys = records.into_iter().filter_map(|record| {
                    let entry = entry_of(record).ok()?;
                    let Facts::KeyIssued { key, facility, label } = entry.facts else { return None };
                    let name = board.find_facility(&facility).map_or_else(|| facility.to_string(), |f| f.facility.name.clone());
                    let revoked = board.keys().get(&key).is_none_or(|held| held.revoked);
                    Some(Issued { facility: facility.to_string(), name, label, at: entry.recorded_at, revoked })
                });
                keys.collect::<Vec<_>>()
            });
            inside_page(&app, &member, StatusCode::OK, |frame| pages::disabled(frame, &line.name, &issued))
        }
        Err(error) => failed(&app, &member, &error),
    }
}

#[cfg(test)]
mod tests;
