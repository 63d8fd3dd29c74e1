//! A register file at the desk: paste or choose it, see line by line what it would change, take it in, put it back.
//!
//! *Invariant:* the button that writes stands only below the lines it will write.

use maud::{Markup, html};

use super::super::{Frame, Role, Room, document};

/// What the page shows.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// What was pasted.
    pub csv: String,
    /// The file is the whole register: who is missing in it leaves.
    pub complete: bool,
    /// A sample city takes no real register.
    pub sample: bool,
    /// What is wrong with it, line by line; the first lines of many.
    pub problems: Vec<String>,
    /// How many lines are wrong in all.
    pub wrong: usize,
    /// What it would change, line by line.
    pub lines: Vec<String>,
    /// How many facilities it would change.
    pub changes: usize,
    /// More than the desk takes at once.
    pub too_many: bool,
    /// The register was changed since the last look.
    pub moved: bool,
    /// How many facilities were just put back.
    pub undone: Option<usize>,
    /// Stands for the register these lines were compared with.
    pub version: String,
}

/// The page.
#[must_use]
pub fn page(frame: &Frame<'_>, shown: &Shown) -> Markup {
    let looked = !shown.lines.is_empty();
    let middle = html! {
        h1 { (frame.t("desk.facilities.import.title")) }
        p.intro { (frame.t("desk.facilities.import.intro")) }
        @if let Some(n) = shown.undone { p.done role="status" { (frame.fill("desk.facilities.import.undone", &[("n", &n.to_string())])) } }
        @if shown.sample { div.problem role="alert" { p { (frame.t("desk.facilities.import.sample")) } } }
        @if shown.moved { div.problem role="alert" { p { (frame.t("desk.facilities.import.moved")) } } }
        @if !shown.problems.is_empty() {
            div.problem role="alert" {
                p { b { (frame.fill("desk.facilities.import.problems", &[("n", &shown.wrong.to_string())])) } }
                ul { @for line in &shown.problems { li { (line) } } }
                @if shown.wrong > shown.problems.len() {
                    p { (frame.fill("desk.facilities.import.more_problems", &[("n", &(shown.wrong - shown.problems.len()).to_string())])) }
                }
            }
        }
        @if frame.may(Role::Coordinator) {
            form method="post" action="/desk/facilities/import" {
                @if looked && shown.changes > 0 && !shown.too_many {
                    section.facilities-difference aria-labelledby="difference" {
                        h2 id="difference" { (frame.fill("desk.facilities.import.difference", &[("n", &shown.changes.to_string())])) }
                        (lines(frame, shown))
                        input type="hidden" name="version" value=(shown.version);
                        p.acts.gap { button.go name="go" value="1" data-key="Ctrl+Enter" { kbd { "Ctrl" } kbd { "Enter" } (frame.t("desk.facilities.import.go")) } }
                    }
                } @else if looked {
                    div.done role="status" {
                        p { (frame.t(if shown.too_many { "desk.facilities.import.too_many" } else { "desk.facilities.import.same" })) }
                        (lines(frame, shown))
                    }
                }
                div.field hidden data-file-for="csv" {
                    label for="file" { (frame.t("desk.facilities.import.file")) }
                    input id="file" type="file" accept=".csv,text/csv";
                }
                div.field.facilities-wide {
                    label for="csv" { (frame.t("desk.facilities.import.csv")) }
                    textarea id="csv" name="csv" rows="10" spellcheck="false" required aria-describedby="csv-hint"
                        aria-invalid=[(!shown.problems.is_empty()).then_some("true")] { (shown.csv) }
                    p.hint id="csv-hint" { (frame.t("desk.facilities.import.hint")) }
                }
                p.chk { label { input type="checkbox" name="complete" value="1" checked[shown.complete]; (frame.t("desk.facilities.import.complete")) } }
                p.acts.gap {
                    button name="look" value="1" { (frame.t("desk.facilities.import.look")) }
                    a.btn href=(Room::Facilities.path()) { (frame.t("desk.frame.back")) }
                }
            }
        }
    };
    document(frame, Some(Room::Facilities), frame.t("desk.facilities.import.title"), middle)
}

fn lines(frame: &Frame<'_>, shown: &Shown) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(frame.t("desk.facilities.import.lines")) {
            ul.facilities-lines { @for line in &shown.lines { li { (line) } } }
        }
    }
}

/// An import that was taken in.
#[derive(Debug, Clone)]
pub struct Done {
    /// The position of its first entry.
    pub first: u64,
    /// The position of its last entry.
    pub last: u64,
    /// Facilities that can be put back as they were.
    pub back: Vec<String>,
    /// Facilities that somebody changed since.
    pub kept: Vec<String>,
}

/// What was taken in, and how it is put back.
#[must_use]
pub fn done(frame: &Frame<'_>, done: &Done) -> Markup {
    let count = |names: &[String]| names.len().to_string();
    let middle = html! {
        h1 { (frame.t("desk.facilities.import.done")) }
        p.intro { (frame.fill("desk.facilities.import.done_line", &[("n", &(done.back.len() + done.kept.len()).to_string())])) }
        @if !done.kept.is_empty() {
            p { (frame.fill("desk.facilities.import.kept", &[("n", &count(&done.kept))])) }
            ul { @for name in &done.kept { li { (name) } } }
        }
        @if frame.may(Role::Coordinator) && !done.back.is_empty() {
            section.said {
                h2 { (frame.fill("desk.facilities.import.undo_title", &[("n", &count(&done.back))])) }
                p { (frame.t("desk.facilities.import.undo_line")) }
                form.acts.gap method="post" action="/desk/facilities/import/undo" {
                    input type="hidden" name="first" value=(done.first);
                    input type="hidden" name="last" value=(done.last);
                    button.danger { (frame.t("desk.facilities.import.undo")) }
                    a.btn href=(Room::Facilities.path()) { (frame.t("desk.facilities.title")) }
                }
            }
        }
    };
    document(frame, Some(Room::Facilities), frame.t("desk.facilities.import.done"), middle)
}
