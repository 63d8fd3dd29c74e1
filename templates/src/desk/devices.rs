//! Buttons and displays at the desk: what each button sets in words, how it is, and how a new one comes to a facility in three taps.
//!
//! *Invariant:* what a gesture will set is said in words before it is stored, and a password stands only on the page of the act that
//! made it.

use imaboard_domain::{Aspect, Button, Facility, FacilityBoard, Gesture, Mode, Setting};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use uuid::Uuid;

use super::{Frame, Role, Room, document, field_error, pager};
use crate::layout::time_tag;
use crate::words::value_key;

/// Gestures that the form offers; what a device knows besides is set at the command line.
pub const OFFERED: [Gesture; 3] = [Gesture::Single, Gesture::Double, Gesture::Long];

/// A button with what is known of its device.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// The button.
    pub button: &'a Button,
    /// Whose it is.
    pub facility: Option<&'a Facility>,
    /// When anything was last heard of it.
    pub heard_at: Option<Timestamp>,
    /// Battery in percent.
    pub battery_pct: Option<u8>,
    /// Its battery gives out soon.
    pub low: bool,
    /// It has missed its weekly sign of life.
    pub overdue: bool,
    /// Until when it is tried.
    pub tested_until: Option<Timestamp>,
}

/// A wall display with what it said last.
#[derive(Debug, Clone)]
pub struct Screen {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// When it last said what it has painted.
    pub painted_at: Option<Timestamp>,
    /// It has not said so for minutes.
    pub silent: bool,
}

/// The list of everything.
#[derive(Debug, Clone)]
pub struct List<'a> {
    /// Buttons of this page.
    pub rows: Vec<Row<'a>>,
    /// Buttons that fit.
    pub found: usize,
    /// What was searched.
    pub q: String,
    /// Which page.
    pub page: usize,
    /// Of how many.
    pub pages: usize,
    /// Displays.
    pub screens: Vec<Screen>,
    /// Devices nobody enrolled that were pressed lately.
    pub strangers: usize,
    /// A button was just removed.
    pub removed: bool,
}

/// What a setting does, in words: `特養 空きなし`.
#[must_use]
pub fn sets_in_words(frame: &Frame<'_>, facility: Option<&Facility>, setting: &Setting) -> String {
    let raw = &setting.sets;
    if raw.aspect == "vacancy" {
        let service = raw.service.as_deref().and_then(|id| facility?.services.iter().find(|s| s.id.as_str() == id));
        let main = || facility.and_then(Facility::main_kind).map_or("", |kind| kind.name_ja());
        let name = service.map_or_else(main, |s| s.kind.name_ja());
        let cell = raw.cell.as_deref().unwrap_or_default();
        let value = match raw.count {
            Some(count) => frame.fill("desk.devices.count", &[("n", &count.to_string())]),
            None => frame.words.t(&format!("level.{}", raw.value)).to_owned(),
        };
        return [name, cell, &value].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    }
    let value = Aspect::find_plain(&raw.aspect)
        .map_or_else(|| raw.value.clone(), |a| frame.words.t(&value_key(&a, &raw.value)).to_owned());
    format!("{} {value}", frame.words.t(&format!("aspect.{}", raw.aspect)))
}

fn gesture<'a>(frame: &Frame<'a>, gesture: Gesture) -> &'a str {
    frame.t(match gesture {
        Gesture::Single => "desk.devices.gesture.single",
        Gesture::Double => "desk.devices.gesture.double",
        Gesture::Triple => "desk.devices.gesture.triple",
        Gesture::Quadruple => "desk.devices.gesture.quadruple",
        Gesture::Quintuple => "desk.devices.gesture.quintuple",
        Gesture::Long => "desk.devices.gesture.long",
    })
}

fn all_sets(frame: &Frame<'_>, row: &Row<'_>) -> Markup {
    html! {
        ul { @for setting in &row.button.sets {
            li {
                (gesture(frame, setting.gesture))
                @if let Some(key) = setting.button { " " (frame.fill("desk.devices.key", &[("n", &key.to_string())])) }
                " → " b { (sets_in_words(frame, row.facility, setting)) }
            }
        } }
    }
}

fn health(frame: &Frame<'_>, row: &Row<'_>) -> Markup {
    html! {
        @match row.heard_at {
            Some(at) => {
                (time_tag(at, frame.now())) " "
                @if row.overdue { b { (frame.t("desk.devices.overdue")) } }
            }
            // Since when nothing came is not always known; that nothing came is.
            None if row.overdue => b { (frame.t("desk.devices.never_heard")) },
            None => span.nil { (frame.t("desk.devices.never")) },
        }
    }
}

fn battery(frame: &Frame<'_>, row: &Row<'_>) -> Markup {
    html! { @match row.battery_pct {
        Some(percent) => { (percent) "%" @if row.low { " " b { (frame.t("desk.devices.low")) } } }
        None => { span.nil { "–" } }
    } }
}

fn in_exercise(frame: &Frame<'_>) -> Markup {
    html! { @if frame.moment.exercise().is_some() { div.drill { p { b.tag { (frame.t("mode.exercise")) } (frame.t("desk.devices.exercise")) } } } }
}

/// All buttons and displays.
#[must_use]
pub fn list(frame: &Frame<'_>, list: &List<'_>) -> Markup {
    let now = frame.now();
    let middle = html! {
        div.bar {
            h1 { (frame.t("desk.devices.title")) " " small.num { (list.found) } }
            @if frame.may(Role::Coordinator) {
                p.acts { a.btn.go data-key="N" href="/desk/devices/new" { kbd { "N" } (frame.t("desk.devices.new"))
                    @if list.strangers > 0 { " " (frame.fill("desk.devices.heard_now", &[("n", &list.strangers.to_string())])) } } }
            }
        }
        @if list.removed { div.done.gap role="status" { p { (frame.t("desk.devices.removed")) } } }
        (in_exercise(frame))
        form.acts method="get" action=(Room::Devices.path()) role="search" {
            label.v for="q" { (frame.t("desk.devices.q")) }
            input id="q" type="search" name="q" value=(list.q) placeholder=(frame.t("desk.devices.q")) data-key="/";
            button { (frame.t("desk.devices.search")) }
        }
        @if list.rows.is_empty() {
            p.gap role="status" { (frame.t(if list.q.is_empty() { "desk.devices.none" } else { "desk.devices.none_found" })) }
        } @else {
            div.scroll.gap tabindex="0" role="region" aria-label=(frame.t("desk.devices.table")) {
                table.devices-table {
                    thead { tr {
                        th scope="col" { (frame.t("desk.devices.facility")) }
                        th scope="col" { (frame.t("desk.devices.sets")) }
                        th scope="col" { (frame.t("desk.devices.battery")) }
                        th scope="col" { (frame.t("desk.devices.heard")) }
                    } }
                    tbody { @for row in &list.rows { tr {
                        th scope="row" { a href={ "/desk/devices/" (row.button.id) } { (row.facility.map_or(row.button.facility.as_str(), |f| f.name.as_str())) } br; small { (row.button.id) } @if row.tested_until.is_some() { " " b { (frame.t("desk.devices.tested")) } } }
                        td { (all_sets(frame, row)) }
                        td data-label=(frame.t("desk.devices.battery")) { (battery(frame, row)) }
                        td data-label=(frame.t("desk.devices.heard")) { (health(frame, row)) }
                    } } }
                }
            }
        }
        (pager(frame, &format!("{}?q={}&", Room::Devices.path(), crate::public::encoded(&list.q)), list.page, list.pages))
        section.block.gap {
            h2.rule { (frame.t("desk.devices.screens")) }
            @if list.screens.is_empty() { p { (frame.t("desk.devices.no_screens")) } }
            ul.log { @for screen in &list.screens { li.devices-screen {
                a href=(screen.url) { (screen.name) }
                span {
                    @match screen.painted_at {
                        Some(at) => { (frame.t("desk.devices.painted")) " " (time_tag(at, now)) " " }
                        None => {}
                    }
                    @if screen.silent { b { (frame.t("desk.devices.dark")) } }
                }
            } } }
        }
    };
    document(frame, Some(Room::Devices), frame.t("desk.devices.title"), middle)
}

/// A device nobody enrolled, as it was just pressed.
#[derive(Debug, Clone)]
pub struct Stranger {
    /// The device family.
    pub profile: String,
    /// Its own name.
    pub device: String,
    /// How it was pressed.
    pub gesture: Gesture,
    /// Which key of it.
    pub key: Option<u16>,
    /// When.
    pub at: Timestamp,
    /// Where one goes on with it.
    pub href: String,
}

/// First tap: press the button now, and find it here.
#[must_use]
pub fn heard(frame: &Frame<'_>, strangers: &[Stranger], lasts: SignedDuration) -> Markup {
    let middle = html! {
        h1 { (frame.t("desk.devices.heard_title")) }
        (in_exercise(frame))
        p.intro { (frame.fill("desk.devices.heard_line", &[("n", &lasts.as_mins().to_string())])) }
        div.devices-live data-live aria-live="polite" {
            @if strangers.is_empty() { p { (frame.t("desk.devices.nobody")) } } @else {
                ul.devices-heard { @for (at, one) in strangers.iter().enumerate() { li {
                    a.btn href=(one.href) data-key=[(at < 9).then_some(at + 1)] {
                        @if at < 9 { kbd { (at + 1) } }
                        b { (time_tag(one.at, frame.now())) " " (gesture(frame, one.gesture)) }
                        @if let Some(key) = one.key { " " (frame.fill("desk.devices.key", &[("n", &key.to_string())])) }
                        small { (one.profile) " " (one.device) }
                    }
                } } }
            }
        }
        p.hint { (frame.t("desk.devices.nobody_hint")) }
        p.acts.gap {
            a.btn data-key="R" href="/desk/devices/new" { kbd { "R" } (frame.t("desk.devices.look")) }
            a.btn href=(Room::Devices.path()) { (frame.t("desk.frame.back")) }
        }
    };
    document(frame, Some(Room::Devices), frame.t("desk.devices.heard_title"), middle)
}

/// The device that is being joined.
#[derive(Debug, Clone, Copy)]
pub struct Joining<'a> {
    /// The device family.
    pub profile: &'a str,
    /// Its own name.
    pub device: &'a str,
    /// How it was just pressed, and when: by this people know it, not by its name.
    pub pressed: Option<(Gesture, Timestamp)>,
}

fn joining(frame: &Frame<'_>, one: Joining<'_>) -> Markup {
    html! {
        @if let Some((kind, at)) = one.pressed { b { (time_tag(at, frame.now())) " " (gesture(frame, kind)) } " " }
        small { (one.profile) " " (one.device) }
    }
}

/// Second tap: whose button it is.
#[must_use]
pub fn whose(frame: &Frame<'_>, one: Joining<'_>, q: &str, found: &[(&FacilityBoard, String)]) -> Markup {
    let Joining { profile, device, .. } = one;
    let middle = html! {
        h1 { (frame.t("desk.devices.whose")) }
        p.intro { (joining(frame, one)) }
        form.acts method="get" action="/desk/devices/new" role="search" {
            input type="hidden" name="profile" value=(profile);
            input type="hidden" name="device" value=(device);
            label.v for="q" { (frame.t("desk.devices.q_facility")) }
            input id="q" type="search" name="q" value=(q) placeholder=(frame.t("desk.devices.q_facility")) data-key="/";
            button { (frame.t("desk.devices.search")) }
        }
        @if found.is_empty() { p.gap role="status" { (frame.t("desk.devices.no_facility")) } } @else {
            ul.devices-whose { @for (held, href) in found { li {
                a href=(href) { (held.facility.name) }
                span { (frame.city.district(&held.facility.district)) } span.num { (held.facility.id) }
            } } }
            p.hint.gap { (frame.t("desk.devices.whose_hint")) }
        }
        p.gap { a.btn href="/desk/devices/new" { (frame.t("desk.frame.back")) } }
    };
    document(frame, Some(Room::Devices), frame.t("desk.devices.whose"), middle)
}

/// Something a gesture can set, as the form carries it and in words.
#[derive(Debug, Clone)]
pub struct Choice {
    /// `vacancy/tokuyo:full`
    pub value: String,
    /// 特養 空きなし
    pub words: String,
}

/// What is chosen for each of the offered gestures; empty is nothing.
pub type Chosen = [String; OFFERED.len()];

/// What is wrong with what was sent, at the field it belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wrong {
    /// With what each of the offered gestures shall set.
    pub gestures: [Option<String>; OFFERED.len()],
    /// With the topic of the lamp.
    pub light: Option<String>,
    /// With none of the fields.
    pub whole: Option<String>,
}

fn whole_problem(wrong: &Wrong) -> Markup {
    html! { @if let Some(problem) = &wrong.whole { div.problem role="alert" { p { (problem) } } } }
}

fn gestures(frame: &Frame<'_>, choices: &[Choice], chosen: &Chosen, wrong: &Wrong) -> Markup {
    let first = wrong.gestures.iter().position(Option::is_some);
    html! {
        div.devices-gestures {
            @for (at, offered) in OFFERED.into_iter().enumerate() {
                @let (why, problem) = (format!("{offered}-why"), wrong.gestures[at].as_deref());
                div.field {
                    label for=(offered) { (gesture(frame, offered)) " →" }
                    div {
                        select id=(offered) name=(offered) aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem.map(|_| &why)] autofocus[first == Some(at)] {
                            option value="" { (frame.t("desk.devices.nothing")) }
                            @for choice in choices { option value=(choice.value) selected[choice.value == chosen[at]] { (choice.words) } }
                        }
                        (field_error(&why, problem))
                    }
                }
            }
        }
    }
}

/// Third tap: what it sets. Name and values stand beside the button, so this tap is the confirmation.
#[must_use]
pub fn what(
    frame: &Frame<'_>,
    one: Joining<'_>,
    held: &FacilityBoard,
    choices: &[Choice],
    chosen: &Chosen,
    wrong: &Wrong,
) -> Markup {
    let Joining { profile, device, .. } = one;
    let title = frame.fill("desk.devices.what", &[("name", &held.facility.name)]);
    let middle = html! {
        h1 { (title) }
        dl.facts.devices-facts {
            dt { (frame.t("desk.devices.facility")) } dd { b { (held.facility.name) } " " small { (frame.city.district(&held.facility.district)) " " (held.facility.id) } }
            dt { (frame.t("desk.devices.device")) } dd { (joining(frame, one)) }
        }
        (in_exercise(frame))
        (whole_problem(wrong))
        form.gap method="post" action="/desk/devices" {
            input type="hidden" name="nonce" value=(Uuid::now_v7());
            input type="hidden" name="profile" value=(profile);
            input type="hidden" name="device" value=(device);
            input type="hidden" name="facility" value=(held.facility.id);
            p { (frame.fill("desk.devices.what_line", &[("name", &held.facility.name)])) }
            (gestures(frame, choices, chosen, wrong))
            p.hint { (frame.t("desk.devices.sets_hint")) }
            p.acts.gap {
                button.go data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (frame.t("desk.devices.join")) }
                a.btn href="/desk/devices/new" { (frame.t("desk.frame.back")) }
            }
        }
    };
    document(frame, Some(Room::Devices), &title, middle)
}

/// How a device logs in.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its name at the broker.
    pub user: String,
    /// Its password there.
    pub password: String,
}

/// Everything about one button.
#[derive(Debug, Clone)]
pub struct One<'a> {
    /// The button.
    pub row: Row<'a>,
    /// Whose it is.
    pub held: Option<&'a FacilityBoard>,
    /// Presses of the last test.
    pub tries: Vec<(Gesture, Option<u16>, Timestamp)>,
    /// Whether it connects by itself, with a password of its own.
    pub logs_in: bool,
    /// What its gestures could set.
    pub choices: Vec<Choice>,
    /// What they set now.
    pub chosen: Chosen,
    /// What was just done, as a key below `desk.devices.done`.
    pub done: Option<String>,
    /// The topic of its lamp as typed; empty is the usual one.
    pub light: String,
    /// What is wrong with what was sent.
    pub wrong: Wrong,
}

/// One button.
#[must_use]
pub fn show(frame: &Frame<'_>, one: &One<'_>) -> Markup {
    let (row, now) = (&one.row, frame.now());
    let base = format!("/desk/devices/{}", row.button.id);
    let name = row.facility.map_or(row.button.facility.as_str(), |f| f.name.as_str());
    let may = frame.may(Role::Coordinator);
    let middle = html! {
        h1 { (name) " " small { (row.button.id) } }
        @if let Some(done) = &one.done { div.done.gap role="status" { p { (frame.words.t(&format!("desk.devices.done.{done}"))) } } }
        (whole_problem(&one.wrong))
        (in_exercise(frame))
        dl.facts.devices-facts {
            dt { (frame.t("desk.devices.sets")) } dd { (all_sets(frame, row)) }
            dt { (frame.t("desk.devices.heard")) } dd { (health(frame, row)) " " small { (frame.t("desk.devices.weekly")) } }
            dt { (frame.t("desk.devices.battery")) } dd { (battery(frame, row)) }
            dt { (frame.t("desk.devices.device")) } dd { (row.button.profile) " " (row.button.device) }
            dt { (frame.t("desk.devices.light")) } dd { span.num.devices-topic { (row.button.light_topic()) } " " small { (frame.t("desk.devices.light_line")) } }
            @if frame.moment.mode() != Mode::Peace { dt { (frame.t("desk.devices.now")) } dd { (frame.t("desk.devices.now_line")) } }
        }
        section.block.gap {
            h2.rule { (frame.t("desk.devices.test")) }
            // While nobody tries it nothing comes by itself, and the page asks for nothing.
            div data-live[row.tested_until.is_some()] aria-live=[row.tested_until.map(|_| "polite")] {
                @match row.tested_until {
                    Some(until) => { p { b { (frame.t("desk.devices.tested")) } " " (time_tag(until, now)) (frame.t("desk.devices.until")) " " (frame.t("desk.devices.test_line")) } }
                    None => { p { (frame.t("desk.devices.test_hint")) } }
                }
                @if !one.tries.is_empty() { ul.devices-tries { @for (kind, key, at) in &one.tries { li {
                    (time_tag(*at, now)) " " b { (gesture(frame, *kind)) }
                    @if let Some(key) = key { " " (frame.fill("desk.devices.key", &[("n", &key.to_string())])) }
                    " → " @match row.button.find_setting(*kind, *key) {
                        Some(setting) => { (sets_in_words(frame, row.facility, setting)) }
                        None => { (frame.t("desk.devices.nothing")) }
                    }
                } } } }
                @else if row.tested_until.is_some() { p.nil { (frame.t("desk.devices.test_none")) } }
            }
            @if may {
                div.acts.gap {
                    form method="post" action={ (base) "/test" } {
                        input type="hidden" name="on" value=(if row.tested_until.is_some() { "" } else { "1" });
                        button { (frame.t(if row.tested_until.is_some() { "desk.devices.test_end" } else { "desk.devices.test_begin" })) }
                    }
                    @if row.tested_until.is_some() { a.btn href=(base) data-key="R" { kbd { "R" } (frame.t("desk.devices.look")) } }
                }
            }
        }
        @if may && one.held.is_some() {
            section.block.gap {
                h2.rule { (frame.t("desk.devices.change")) }
                form method="post" action=(base) {
                    input type="hidden" name="nonce" value=(Uuid::now_v7());
                    (gestures(frame, &one.choices, &one.chosen, &one.wrong))
                    @let problem = one.wrong.light.as_deref();
                    // For who builds lamps: nobody else needs to see it.
                    details.field open[problem.is_some() || !one.light.is_empty()] {
                        summary { (frame.t("desk.devices.light_other")) }
                        label for="light" { (frame.t("desk.devices.light")) }
                        input id="light" type="text" name="light" value=(one.light) placeholder=(Button::usual_light(&row.button.device)) maxlength="128" autocomplete="off" spellcheck="false"
                            aria-invalid=[problem.map(|_| "true")] aria-describedby=(if problem.is_some() { "light-why light-hint" } else { "light-hint" });
                        (field_error("light-why", problem))
                        p.hint id="light-hint" { (frame.t("desk.devices.light_hint")) }
                    }
                    p.acts { button { (frame.t("desk.devices.save")) } }
                }
            }
        }
        @if may && one.logs_in {
            section.block.gap {
                h2.rule { (frame.t("desk.devices.credential")) }
                p { (frame.t("desk.devices.credential_hint")) }
                p.acts.gap { a.btn href={ (base) "/password" } { (frame.t("desk.devices.credential_new")) } }
            }
        }
        p.acts.devices-end {
            a.btn href=(Room::Devices.path()) { (frame.t("desk.frame.back")) }
            @if may { a.btn href={ (base) "/remove" } { (frame.t("desk.devices.remove")) } }
        }
    };
    document(frame, Some(Room::Devices), name, middle)
}

/// Asks once before a button ends.
#[must_use]
pub fn ask_remove(frame: &Frame<'_>, row: &Row<'_>) -> Markup {
    let name = row.facility.map_or(row.button.facility.as_str(), |f| f.name.as_str());
    let title = frame.fill("desk.devices.remove_title", &[("name", name), ("id", row.button.id.as_str())]);
    let middle = html! {
        section.said {
            h1 { (title) }
            p { (frame.t("desk.devices.remove_line")) }
            form.acts.gap method="post" action={ "/desk/devices/" (row.button.id) "/remove" } {
                input type="hidden" name="nonce" value=(Uuid::now_v7());
                button.danger { (frame.t("desk.devices.remove")) }
                a.btn href={ "/desk/devices/" (row.button.id) } { (frame.t("desk.frame.back")) }
            }
        }
    };
    document(frame, Some(Room::Devices), &title, middle)
}

/// Asks once before a device gets a new password.
#[must_use]
pub fn ask_password(frame: &Frame<'_>, row: &Row<'_>) -> Markup {
    let name = row.facility.map_or(row.button.facility.as_str(), |f| f.name.as_str());
    let title = frame.fill("desk.devices.credential_title", &[("name", name), ("id", row.button.id.as_str())]);
    let middle = html! {
        section.said {
            h1 { (title) }
            p { (frame.t("desk.devices.credential_ask")) }
            p { (frame.t("desk.devices.credential_log")) }
            form.acts.gap method="post" action={ "/desk/devices/" (row.button.id) "/password" } {
                input type="hidden" name="nonce" value=(Uuid::now_v7());
                button.danger { (frame.t("desk.devices.credential_yes")) }
                a.btn href={ "/desk/devices/" (row.button.id) } { (frame.t("desk.frame.back")) }
            }
        }
    };
    document(frame, Some(Room::Devices), &title, middle)
}

/// The password that was just made.
#[must_use]
pub fn password(frame: &Frame<'_>, row: &Row<'_>, credential: &Credential) -> Markup {
    let name = row.facility.map_or(row.button.facility.as_str(), |f| f.name.as_str());
    let title = frame.fill("desk.devices.credential_made", &[("name", name), ("id", row.button.id.as_str())]);
    let middle = html! {
        section.said {
            h1 { (title) }
            p { b { (frame.t("desk.devices.credential_once")) } }
            dl.facts.devices-facts {
                dt { (frame.t("desk.devices.user")) } dd.num { (credential.user) }
                dt { (frame.t("desk.devices.password")) } dd.num.devices-topic { (credential.password) }
            }
            p.hint { (frame.t("desk.devices.credential_line")) }
            p.acts.gap { a.btn.go href={ "/desk/devices/" (row.button.id) } { (frame.t("desk.devices.credential_done")) } }
        }
    };
    document(frame, Some(Room::Devices), &title, middle)
}
