//! The door of the desk and the seats behind it: coming in, taking up an invitation, one's own seat, everybody's seats.
//!
//! *Invariant:* no page repeats a password, a code or an invitation that was typed; recovery codes and invitations are shown once.

use imaboard_domain::city_date;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{Frame, Role, Room, document, field_error};
use crate::layout::time_tag;
use crate::time;

/// Why somebody did not come in, as a key below `desk.account.wrong`, with what is filled in.
#[derive(Debug, Clone, Default)]
pub struct Wrong {
    /// The field it belongs to; empty for the whole form.
    pub field: &'static str,
    /// What is wrong, in words.
    pub message: String,
}

impl Wrong {
    fn at(&self, field: &str) -> Option<&str> {
        (self.field == field && !self.message.is_empty()).then_some(self.message.as_str())
    }
}

fn wrong_on_top(wrong: &Wrong) -> Markup {
    html! { @if let Some(message) = wrong.at("") { div.problem role="alert" { p { (message) } } } }
}

/// An input with its label, which stands below `desk.account.field` under its name.
#[derive(Clone, Copy)]
struct Field<'a> {
    name: &'a str,
    kind: &'a str,
    autocomplete: &'a str,
    value: &'a str,
    hint: Option<&'a str>,
    required: bool,
}

impl<'a> Field<'a> {
    fn new(name: &'a str, kind: &'a str, autocomplete: &'a str) -> Self {
        Self { name, kind, autocomplete, value: "", hint: None, required: true }
    }
}

fn input(frame: &Frame<'_>, field: Field<'_>, wrong: &Wrong) -> Markup {
    let Field { name, kind, autocomplete, value, hint, required } = field;
    let error = format!("wrong-{name}");
    let hint_id = format!("hint-{name}");
    let message = wrong.at(name);
    let described = match (message, hint) {
        (Some(_), Some(_)) => Some(format!("{error} {hint_id}")),
        (Some(_), None) => Some(error.clone()),
        (None, Some(_)) => Some(hint_id.clone()),
        (None, None) => None,
    };
    html! {
        div.field {
            label for=(name) { (frame.words.t(&format!("desk.account.field.{name}"))) }
            input id=(name) name=(name) type=(kind) autocomplete=(autocomplete) value=[(!value.is_empty()).then_some(value)]
                required[required] aria-invalid=[message.map(|_| "true")] aria-describedby=[described];
            (field_error(&error, message))
            @if let Some(hint) = hint { p.hint id=(hint_id) { (hint) } }
        }
    }
}

/// Coming in. `next` is where to go afterwards; `passkeys` says why they do not work here, if they do not.
#[must_use]
pub fn login(frame: &Frame<'_>, next: &str, name: &str, passkeys: Result<(), &str>, again: bool, wrong: &Wrong) -> Markup {
    let middle = html! {
        div.account-door {
            h1 { (frame.t("desk.account.login.title")) }
            @if again { p.intro { (frame.t("desk.account.login.again")) } }
            (wrong_on_top(wrong))
            section.account-way aria-labelledby="by-passkey" {
                h2 id="by-passkey" { (frame.t("desk.account.login.passkey")) }
                @match passkeys {
                    Ok(()) => {
                        p.hint { (frame.t("desk.account.login.passkey_hint")) }
                        p.acts { button.go type="button" data-passkey="prove" data-begin="/desk/login/passkey/begin" data-finish={ "/desk/login/passkey?next=" (next) } {
                            (frame.t("desk.account.login.passkey_button"))
                        } }
                        p.wrong role="alert" data-passkey-problem hidden { (frame.t("desk.account.wrong.passkey")) }
                        noscript { p.hint { (frame.t("desk.account.login.no_script")) } }
                    }
                    Err(why) => { p.hint { (why) } }
                }
            }
            section.account-way aria-labelledby="by-password" {
                h2 id="by-password" { (frame.t("desk.account.login.password")) }
                form method="post" action="/desk/login" {
                    input type="hidden" name="next" value=(next);
                    (input(frame, Field { value: name, ..Field::new("name", "text", "username") }, wrong))
                    // A recovery code stands for the password as well.
                    (input(frame, Field { required: false, ..Field::new("password", "password", "current-password") }, wrong))
                    (input(frame, Field { hint: Some(frame.t("desk.account.login.code_hint")), ..Field::new("code", "text", "one-time-code") }, wrong))
                    p.acts { button.go type="submit" { (frame.t("desk.account.login.button")) } }
                }
            }
            p.hint { (frame.t("desk.account.login.lost")) }
        }
    };
    document(frame, None, frame.t("desk.account.login.title"), middle)
}

/// What an invitation needs to show six-digit codes.
#[derive(Debug, Clone, Copy)]
pub struct Codes<'a> {
    /// The QR code for the app.
    pub qr: &'a Markup,
    /// The same to type.
    pub secret: &'a str,
    /// Which secret it is, for the form.
    pub salt: &'a str,
}

fn password_fields(frame: &Frame<'_>, codes: Codes<'_>, wrong: &Wrong) -> Markup {
    html! {
        input type="hidden" name="salt" value=(codes.salt);
        (input(frame, Field { hint: Some(frame.t("desk.account.password.hint")), ..Field::new("new_password", "password", "new-password") }, wrong))
        div.account-codes {
            div.account-qr { (codes.qr) }
            div {
                p { (frame.t("desk.account.password.scan")) }
                p.hint { (frame.t("desk.account.password.by_hand")) " " span.num { (codes.secret) } }
                (input(frame, Field { hint: Some(frame.t("desk.account.password.code_hint")), ..Field::new("code", "text", "one-time-code") }, wrong))
            }
        }
    }
}

/// Taking up an invitation.
#[must_use]
pub fn join(
    frame: &Frame<'_>,
    invitation: &str,
    (name, role): (&str, Role),
    codes: Codes<'_>,
    passkeys: Result<(), &str>,
    wrong: &Wrong,
) -> Markup {
    let path = format!("/desk/join/{invitation}");
    let middle = html! {
        div.account-door {
            h1 { (frame.t("desk.account.join.title")) }
            p.intro { (frame.fill("desk.account.join.intro", &[("name", name), ("role", role_word(frame, role))])) }
            (wrong_on_top(wrong))
            section.account-way aria-labelledby="by-passkey" {
                h2 id="by-passkey" { (frame.t("desk.account.join.passkey")) }
                @match passkeys {
                    Ok(()) => {
                        p.hint { (frame.t("desk.account.join.passkey_hint")) }
                        p.acts { button.go type="button" data-passkey="make" data-begin={ (path) "/passkey/begin" } data-finish={ (path) "/passkey" } {
                            (frame.t("desk.account.join.passkey_button"))
                        } }
                        p.wrong role="alert" data-passkey-problem hidden { (frame.t("desk.account.wrong.passkey")) }
                        noscript { p.hint { (frame.t("desk.account.login.no_script")) } }
                    }
                    Err(why) => { p.hint { (why) } }
                }
            }
            section.account-way aria-labelledby="by-password" {
                h2 id="by-password" { (frame.t("desk.account.join.password")) }
                form method="post" action=(path) {
                    input type="hidden" name="username" autocomplete="username" value=(name);
                    (password_fields(frame, codes, wrong))
                    p.acts { button.go type="submit" { (frame.t("desk.account.join.button")) } }
                }
            }
        }
    };
    document(frame, None, frame.t("desk.account.join.title"), middle)
}

/// An invitation that opens nothing.
#[must_use]
pub fn no_invitation(frame: &Frame<'_>) -> Markup {
    let middle = html! {
        section.said {
            h1 { (frame.t("desk.account.join.gone")) }
            p { (frame.t("desk.account.join.gone_more")) }
            p.acts { a.btn href="/desk/login" { (frame.t("desk.account.login.title")) } }
        }
    };
    document(frame, None, frame.t("desk.account.join.gone"), middle)
}

/// The recovery codes, once, to be printed.
#[must_use]
pub fn recovery_codes(frame: &Frame<'_>, name: &str, codes: &[String]) -> Markup {
    let middle = html! {
        section.account-sheet {
            h1 { (frame.t("desk.account.codes.title")) }
            p.intro { (frame.t("desk.account.codes.intro")) }
            p { b { (name) } " " (frame.city.name) " " (time::day(city_date(frame.now()))) }
            ol.account-list { @for code in codes { li.num { (code) } } }
            p.hint { (frame.t("desk.account.codes.keep")) }
            p.acts { a.btn.go href="/desk" { (frame.t("desk.account.codes.done")) } }
        }
    };
    document(frame, Some(Room::Account), frame.t("desk.account.codes.title"), middle)
}

/// A role in words.
fn role_word<'a>(frame: &Frame<'a>, role: Role) -> &'a str {
    frame.t(match role {
        Role::Viewer => "desk.account.role.viewer",
        Role::Coordinator => "desk.account.role.coordinator",
        Role::Admin => "desk.account.role.admin",
    })
}

/// A session or a passkey in a list.
#[derive(Debug, Clone)]
pub struct Thing {
    /// What names it in a form.
    pub id: String,
    /// What it is called.
    pub label: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
    /// It is the one that looks.
    pub here: bool,
}

/// Everything about one's own seat.
#[derive(Debug, Clone)]
pub struct Own {
    /// Browsers that are in.
    pub sessions: Vec<Thing>,
    /// Passkeys.
    pub passkeys: Vec<Thing>,
    /// Whether there is a password with six-digit codes.
    pub has_password: bool,
    /// Recovery codes that are left.
    pub codes_left: u64,
}

/// One's own seat.
#[must_use]
pub fn own(frame: &Frame<'_>, own: &Own, passkeys: Result<(), &str>, done: Option<&str>) -> Markup {
    let now = frame.now();
    let when = |at: Option<Timestamp>| html! { @match at { Some(at) => { (time_tag(at, now)) } None => { span.nil { "–" } } } };
    let middle = html! {
        h1 { (frame.t("desk.account.own.title")) }
        @if let Some(done) = done { div.done role="status" { p { (frame.words.t(&format!("desk.account.done.{done}"))) } } }
        @if let Some(seat) = frame.seat { p.intro { b { (seat.name) } " " (role_word(frame, seat.role)) } }
        div.acts {
            form method="post" action="/desk/account/logout" { button type="submit" { (frame.t("desk.account.own.logout")) } }
            @if frame.may(Role::Admin) { a.btn href="/desk/account/staff" { (frame.t("desk.account.staff.title")) } }
        }
        section.block {
            h2.rule id="sessions" { (frame.t("desk.account.own.sessions")) }
            div.scroll tabindex="0" role="region" aria-labelledby="sessions" {
                table {
                    thead { tr {
                        th scope="col" { (frame.t("desk.account.own.device")) }
                        th scope="col" { (frame.t("desk.account.own.since")) }
                        th scope="col" { (frame.t("desk.account.own.used")) }
                        th scope="col" { span.v { (frame.t("desk.account.own.act")) } }
                    } }
                    tbody { @for one in &own.sessions { tr {
                        th scope="row" { (one.label) @if one.here { " " small { (frame.t("desk.account.own.here")) } } }
                        td { (when(Some(one.created_at))) }
                        td { (when(one.used_at)) }
                        td { @if !one.here {
                            form method="post" action="/desk/account/sessions/end" {
                                input type="hidden" name="session" value=(one.id);
                                button type="submit" { (frame.t("desk.account.own.end")) }
                            }
                        } }
                    } } }
                }
            }
            @if own.sessions.len() > 1 {
                form.gap method="post" action="/desk/account/sessions/end-others" {
                    button type="submit" { (frame.t("desk.account.own.end_others")) }
                }
            }
        }
        section.block {
            h2.rule id="passkeys" { (frame.t("desk.account.own.passkeys")) }
            @if own.passkeys.is_empty() { p.hint { (frame.t("desk.account.own.no_passkeys")) } }
            ul.account-keys { @for one in &own.passkeys { li {
                b { (one.label) } " " (frame.t("desk.account.own.made")) " " (when(Some(one.created_at))) " "
                (frame.t("desk.account.own.used")) " " (when(one.used_at))
                form method="post" action="/desk/account/passkeys/remove" {
                    input type="hidden" name="passkey" value=(one.id);
                    button type="submit" { (frame.t("desk.account.own.remove")) }
                }
            } } }
            @match passkeys {
                Ok(()) => {
                    p.acts { button type="button" data-passkey="make" data-begin="/desk/account/passkeys/begin" data-finish="/desk/account/passkeys" {
                        (frame.t("desk.account.own.add_passkey"))
                    } }
                    p.wrong role="alert" data-passkey-problem hidden { (frame.t("desk.account.wrong.passkey")) }
                }
                Err(why) => { p.hint { (why) } }
            }
        }
        section.block {
            h2.rule id="password" { (frame.t("desk.account.own.password")) }
            p { (frame.t(if own.has_password { "desk.account.own.has_password" } else { "desk.account.own.no_password" })) }
            p.acts { a.btn href="/desk/account/password" {
                (frame.t(if own.has_password { "desk.account.own.change_password" } else { "desk.account.own.set_password" }))
            } }
        }
        section.block {
            h2.rule id="codes" { (frame.t("desk.account.codes.title")) }
            p {
                @if own.codes_left == 0 { b { (frame.t("desk.account.own.no_codes")) } }
                @else { (frame.fill("desk.account.own.codes_left", &[("n", &own.codes_left.to_string())])) }
            }
            form method="post" action="/desk/account/codes" { button type="submit" { (frame.t("desk.account.own.new_codes")) } }
            @if own.codes_left > 0 { p.hint { (frame.t("desk.account.own.new_codes_hint")) } }
        }
    };
    document(frame, Some(Room::Account), frame.t("desk.account.own.title"), middle)
}

/// Another password, with new six-digit codes.
#[must_use]
pub fn password(frame: &Frame<'_>, codes: Codes<'_>, wrong: &Wrong) -> Markup {
    let name = frame.seat.map_or("", |seat| seat.name.as_str());
    let middle = html! {
        h1 { (frame.t("desk.account.own.change_password")) }
        (wrong_on_top(wrong))
        form method="post" action="/desk/account/password" {
            input type="hidden" name="username" autocomplete="username" value=(name);
            (password_fields(frame, codes, wrong))
            p.acts {
                button.go type="submit" { (frame.t("desk.account.password.button")) }
                a.btn href="/desk/account" { (frame.t("desk.frame.back")) }
            }
        }
    };
    document(frame, Some(Room::Account), frame.t("desk.account.own.change_password"), middle)
}

/// One account in the list of all.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When somebody last came in with it.
    pub used_at: Option<Timestamp>,
    /// When it was closed.
    pub disabled_at: Option<Timestamp>,
    /// Nobody used it for 90 days.
    pub unused: bool,
    /// It is the one that looks.
    pub here: bool,
}

/// A link that was just made, to be handed over.
#[derive(Debug, Clone, Copy)]
pub struct Handed<'a> {
    /// For whom.
    pub name: &'a str,
    /// The address.
    pub url: &'a str,
    /// The same as a QR code.
    pub qr: &'a Markup,
}

/// Everybody's seats, for administrators.
#[must_use]
pub fn staff(frame: &Frame<'_>, lines: &[Line], handed: Option<Handed<'_>>, typed: (&str, Role), wrong: &Wrong) -> Markup {
    let now = frame.now();
    let unused = lines.iter().filter(|line| line.unused).count();
    let middle = html! {
        h1 { (frame.t("desk.account.staff.title")) }
        (wrong_on_top(wrong))
        @if let Some(handed) = handed {
            div.done role="status" {
                p { b { (frame.fill("desk.account.staff.handed", &[("name", handed.name)])) } }
                div.account-codes {
                    div.account-qr { (handed.qr) }
                    div {
                        p { a.num href=(handed.url) { (handed.url) } }
                        p.hint { (frame.t("desk.account.staff.handed_more")) }
                    }
                }
            }
        }
        @if unused > 0 { div.problem { p { (frame.fill("desk.account.staff.unused", &[("n", &unused.to_string())])) } } }
        div.scroll tabindex="0" role="region" aria-label=(frame.t("desk.account.staff.title")) {
            table.account-seats {
                thead { tr {
                    th scope="col" { (frame.t("desk.account.field.name")) }
                    th scope="col" { (frame.t("desk.account.field.role")) }
                    th scope="col" { (frame.t("desk.account.own.used")) }
                    th scope="col" { (frame.t("desk.account.own.act")) }
                } }
                tbody { @for line in lines { tr {
                    th scope="row" { (line.name) @if line.here { " " small { (frame.t("desk.account.own.here")) } } }
                    td {
                        @if line.disabled_at.is_some() { (role_word(frame, line.role)) } @else {
                            form.account-row method="post" action={ "/desk/account/staff/" (line.id) "/role" } {
                                (role_choice(frame, &format!("role-{}", line.id), line.role, true))
                                button type="submit" { (frame.t("desk.account.staff.change")) }
                            }
                        }
                    }
                    td data-say=(frame.t("desk.account.own.used")) {
                        @if let Some(at) = line.disabled_at { (frame.t("desk.account.staff.closed")) " " (time_tag(at, now)) }
                        @else if let Some(at) = line.used_at { (time_tag(at, now)) @if line.unused { " " b { (frame.t("desk.account.staff.unused_mark")) } } }
                        @else { (frame.t("desk.account.staff.never")) @if line.unused { " " b { (frame.t("desk.account.staff.unused_mark")) } } }
                    }
                    td { div.acts {
                        form method="post" action={ "/desk/account/staff/" (line.id) "/invite" } {
                            button type="submit" { (frame.t(if line.disabled_at.is_some() { "desk.account.staff.reopen" } else { "desk.account.staff.again" })) }
                        }
                        @if line.disabled_at.is_none() && !line.here {
                            a.btn href={ "/desk/account/staff/" (line.id) "/disable" } { (frame.t("desk.account.staff.disable")) }
                        }
                    } }
                } } }
            }
        }
        section.block.gap aria-labelledby="invite" {
            h2.rule id="invite" { (frame.t("desk.account.staff.invite")) }
            form method="post" action="/desk/account/staff" {
                (input(frame, Field { value: typed.0, hint: Some(frame.t("desk.account.staff.name_hint")), ..Field::new("name", "text", "off") }, wrong))
                div.field { (role_choice(frame, "role", typed.1, false)) }
                p.acts { button.go type="submit" { (frame.t("desk.account.staff.invite_button")) } }
            }
        }
    };
    document(frame, Some(Room::Account), frame.t("desk.account.staff.title"), middle)
}

fn role_choice(frame: &Frame<'_>, id: &str, chosen: Role, quiet: bool) -> Markup {
    html! {
        label.v[quiet] for=(id) { (frame.t("desk.account.field.role")) }
        select id=(id) name="role" {
            @for &role in Role::ALL { option value=(role) selected[role == chosen] { (role_word(frame, role)) } }
        }
    }
}

/// Asks once before an account is closed.
#[must_use]
pub fn disable(frame: &Frame<'_>, line: &Line) -> Markup {
    let middle = html! {
        section.said {
            h1 { (frame.fill("desk.account.disable.title", &[("name", &line.name)])) }
            ul {
                li { (frame.t("desk.account.disable.sessions")) }
                li { (frame.t("desk.account.disable.keys")) }
                li { (frame.t("desk.account.disable.log")) }
            }
            form.acts.gap method="post" action={ "/desk/account/staff/" (line.id) "/disable" } {
                button.danger type="submit" { (frame.t("desk.account.disable.button")) }
                a.btn href="/desk/account/staff" { (frame.t("desk.frame.back")) }
            }
        }
    };
    document(frame, Some(Room::Account), frame.t("desk.account.staff.disable"), middle)
}

/// A report key that a closed account had issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The facility's id.
    pub facility: String,
    /// Its name.
    pub name: String,
    /// Where the key hangs.
    pub label: String,
    /// When it was issued.
    pub at: Timestamp,
    /// It no longer speaks.
    pub revoked: bool,
}

/// What became of a closed account: the keys it had issued, to be looked at.
#[must_use]
pub fn disabled(frame: &Frame<'_>, name: &str, issued: &[Issued]) -> Markup {
    let now = frame.now();
    let middle = html! {
        h1 { (frame.fill("desk.account.disable.done", &[("name", name)])) }
        @if issued.is_empty() { p.intro { (frame.t("desk.account.disable.no_keys")) } } @else {
            p.intro { (frame.fill("desk.account.disable.look", &[("n", &issued.len().to_string())])) }
            div.scroll tabindex="0" role="region" aria-label=(frame.t("desk.account.disable.issued")) {
                table {
                    thead { tr {
                        th scope="col" { (frame.t("desk.account.disable.facility")) }
                        th scope="col" { (frame.t("desk.account.disable.place")) }
                        th scope="col" { (frame.t("desk.account.own.made")) }
                        th scope="col" { (frame.t("desk.account.disable.state")) }
                    } }
                    tbody { @for key in issued { tr {
                        th scope="row" { a href={ "/desk/facilities/" (key.facility) } { (key.name) } }
                        td { (key.label) }
                        td { (time_tag(key.at, now)) }
                        td { (frame.t(if key.revoked { "desk.account.disable.revoked" } else { "desk.account.disable.valid" })) }
                    } } }
                }
            }
        }
        p.acts.gap { a.btn href="/desk/account/staff" { (frame.t("desk.frame.back")) } }
    };
    document(frame, Some(Room::Account), frame.t("desk.account.staff.title"), middle)
}
