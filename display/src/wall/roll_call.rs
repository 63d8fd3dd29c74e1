//! The roll call: a dial with one stroke per facility, and who has not answered yet.

use std::fmt::Write as _;

use imaboard_domain::{Channel, DistrictAnswers, Realm, RollCallNow};
use imaboard_templates::words::JA;
use jiff::SignedDuration;
use maud::{Markup, PreEscaped, html};

use super::{Look, clock, ems, slot};
use crate::ages::millis;
use crate::fragment::Fragment;
use crate::scene::{Layout, Page, RATE_MARKS_MINUTES};

/// Beyond this the strokes touch, and an arc says the same.
const MOST_STROKES: u32 = 120;
/// Districts with a row of their own; the rest is one row.
const MOST_DISTRICTS: usize = 6;
/// Letters on one line of names at 35 px.
const NAMES_EMS: f64 = 18.0;
/// The same on a tall screen.
const NAMES_EMS_PORTRAIT: f64 = 16.0;
const NAMES_LINES: usize = 2;

/// One row of the list.
struct District {
    name: String,
    asked: u32,
    answered: u32,
    silent: Vec<String>,
}

impl Look<'_, '_> {
    pub(super) fn roll_call(&self, page: &Page<'_>, realm: Realm) -> Fragment {
        let name = self.incident(realm).map_or_else(String::new, |i| i.name.clone());
        let title = (JA.t("wall.roll_call.title").to_owned(), name);
        let line = self.line(
            page,
            "",
            html! {
                (self.city.name) " " (JA.t("brand.name"))
                @if self.layout == Layout::Landscape { "　" span lang="en" { (JA.t("wall.roll_call.en")) } }
            },
        );
        let head = self.incident_head(page, realm, title, line);
        let Some(call) = self.m.roll_call(realm) else {
            return self.board(page, head, html! { main.quiet {} }, Vec::new());
        };
        let dial_key = format!("{}-dial", page.key);
        let dial = Fragment::leaf(dial_key.clone(), html! { section.dial id={ "w-" (dial_key) } { (self.dial(&call)) } });
        let late_key = format!("{}-late", page.key);
        let late = Fragment::leaf(late_key.clone(), html! { section.late id={ "w-" (late_key) } { (self.late(&call)) } });
        let main = html! { main.rc { (slot()) (slot()) } };
        let foot = self.foot(page, html! {
            span { (JA.t("wall.roll_call.title")) " " b.n { (clock(call.call.opened_at)) } " " (JA.t("wall.roll_call.opened")) }
            (self.desk_line(super::Desk::Disaster, "wall.desk.answer"))
        });
        self.board_with_foot(page, head, main, vec![dial, late], Some(foot))
    }

    fn dial(&self, call: &RollCallNow<'_>) -> Markup {
        let passed: Vec<i64> = RATE_MARKS_MINUTES
            .into_iter()
            .filter(|minutes| call.call.opened_at + SignedDuration::from_mins(*minutes) <= self.m.now)
            .collect();
        html! {
            svg viewBox="0 0 700 700" aria-hidden="true" { (PreEscaped(strokes(call.answered, call.asked))) }
            div.face {
                span.since data-since=(millis(call.call.opened_at)) { b.n { (clock(call.call.opened_at)) } (JA.t("wall.roll_call.from")) }
                span class="rate n" { (call.percent()) small { "%" } }
                span.of { span.n { (call.answered) } " / " span.n { (call.asked) } " " (JA.t("wall.facilities")) }
            }
            p.marks {
                @for minutes in passed {
                    span { span.n { (minutes) } (JA.t("wall.minutes")) b.n { (call.percent_after(minutes)) "%" } }
                }
            }
        }
    }

    fn late(&self, call: &RollCallNow<'_>) -> Markup {
        let silent = call.asked - call.answered;
        let rows = self.districts(call);
        let most = call.channels.values().max().copied().unwrap_or(1).max(1);
        let mut channels: Vec<(Channel, u32)> = call.channels.iter().map(|(c, n)| (*c, *n)).collect();
        channels.sort_by_key(|(channel, n)| (std::cmp::Reverse(*n), *channel));
        channels.truncate(5);
        html! {
            h2 { (JA.t("wall.roll_call.late")) span.n { (silent) } small { (JA.t("wall.roll_call.of")) } }
            table class={ "rows-" (rows.len()) } {
                colgroup { col.c-d; col.c-o; col; col.c-r; }
                tbody {
                    @for row in &rows {
                        @let out = row.asked - row.answered;
                        tr {
                            th scope="row" { (row.name) }
                            td class={ "o n" (if out == 0 { " zero" } else { "" }) } { (out) }
                            td.who {
                                @if out == 0 { i { (JA.t("wall.roll_call.all_in")) } }
                                @else { (names(&row.silent, self.layout)) }
                            }
                            td class="r n" { (row.answered) "/" (row.asked) }
                        }
                    }
                }
            }
            @if !channels.is_empty() {
                div.by {
                    span { (JA.t("wall.roll_call.by")) }
                    @for (channel, n) in channels {
                        div {
                            p { (JA.t(&format!("channel.{channel}"))) b.n { (n) } }
                            svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                                rect width="100" height="10" {}
                                rect.v width=(n * 100 / most) height="10" {}
                            }
                        }
                    }
                }
            }
        }
    }

    /// Districts in the city's order of names, those with most silent facilities first.
    fn districts(&self, call: &RollCallNow<'_>) -> Vec<District> {
        let named = |(id, answers): (&imaboard_domain::DistrictId, &DistrictAnswers<'_>)| District {
            name: self.city.district(id).to_owned(),
            asked: answers.asked,
            answered: answers.answered,
            silent: answers.silent.iter().map(|f| f.facility.name.clone()).collect(),
        };
        let mut rows: Vec<District> = call.districts.iter().map(named).collect();
        rows.sort_by_key(|d| std::cmp::Reverse(d.asked - d.answered));
        if rows.len() > MOST_DISTRICTS {
            let rest = rows.split_off(MOST_DISTRICTS - 1);
            rows.push(District {
                name: JA.fill("wall.roll_call.other_districts", &[("n", &rest.len().to_string())]),
                asked: rest.iter().map(|d| d.asked).sum(),
                answered: rest.iter().map(|d| d.answered).sum(),
                silent: rest.into_iter().flat_map(|d| d.silent).collect(),
            });
        }
        rows
    }
}

/// As many names as fit on two lines, and how many more there are.
fn names(silent: &[String], layout: Layout) -> Markup {
    let line = if layout == Layout::Portrait { NAMES_EMS_PORTRAIT } else { NAMES_EMS };
    let shown = fitting(silent, line);
    html! {
        @for name in &silent[..shown] { span { (name) } " " }
        @if shown < silent.len() { span { (JA.t("wall.others")) " " (silent.len() - shown) } }
    }
}

/// How many names fit when a line breaks only between names; at least one, which may then break inside.
fn fitting(silent: &[String], line_ems: f64) -> usize {
    let gap = 0.7;
    let more = 4.0;
    let (mut line, mut lines, mut shown) = (0.0, 1, 0);
    for (at, name) in silent.iter().enumerate() {
        let width = ems(name) + gap;
        let (mut next, mut used) = (line + width, lines);
        if next > line_ems && line > 0.0 {
            next = width;
            used += 1;
        }
        // A name longer than a line takes what it needs.
        let mut over = next;
        while over > line_ems {
            over -= line_ems;
            used += 1;
            next = over;
        }
        let last = at + 1 == silent.len();
        let fits = used < NAMES_LINES || (used == NAMES_LINES && (last || next + more <= line_ems));
        if !fits && shown > 0 {
            break;
        }
        (line, lines, shown) = (next, used, at + 1);
        if !fits {
            break;
        }
    }
    shown
}

fn strokes(answered: u32, asked: u32) -> String {
    let mut out = String::new();
    if asked == 0 {
        return out;
    }
    if asked > MOST_STROKES {
        // Circumference of the middle of the band.
        let (radius, around) = (307.0, 2.0 * std::f64::consts::PI * 307.0);
        let part = around * f64::from(answered) / f64::from(asked);
        let _ = write!(
            out,
            "<circle class=\"out arc\" cx=\"350\" cy=\"350\" r=\"{radius}\" fill=\"none\"/>\
             <circle class=\"in arc\" cx=\"350\" cy=\"350\" r=\"{radius}\" fill=\"none\" transform=\"rotate(-90 350 350)\" \
             stroke-dasharray=\"{part:.1} {around:.1}\"/>"
        );
        return out;
    }
    let step = 360.0 / f64::from(asked);
    // Fewer facilities, broader strokes: the ring stays a ring.
    let width = (2000.0 / f64::from(asked)).clamp(9.0, 60.0) * 0.6;
    for (class, range, path, width) in
        [("in", 0..answered, "M350 6V80", width), ("out", answered..asked, "M350 18V68", (width * 0.45).max(6.0))]
    {
        let _ = write!(out, "<g class=\"{class}\" stroke-width=\"{width:.0}\">");
        for at in range {
            let angle = (f64::from(at) + 0.5) * step;
            let _ = write!(out, "<path d=\"{path}\" transform=\"rotate({angle:.2} 350 350)\"/>");
        }
        out.push_str("</g>");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn names_that_fit_two_lines_are_all_shown() {
        assert_eq!(fitting(&list(&["江島あんしんの家", "平島診療所", "崎戸クリニック"]), NAMES_EMS), 3);
    }

    #[test]
    fn names_that_do_not_fit_leave_room_for_how_many_more_there_are() {
        let many =
            list(&["ゆうなぎテラス", "松島いこいの家", "雪浦デイサービス", "大瀬戸ケアプランセンター", "はまゆう", "潮騒"]);
        let shown = fitting(&many, NAMES_EMS);
        assert!((2..=4).contains(&shown), "{shown}");
    }

    #[test]
    fn one_name_longer_than_both_lines_is_still_shown() {
        assert_eq!(fitting(&list(&["あ".repeat(45).as_str(), "い"]), NAMES_EMS), 1);
    }

    #[test]
    fn every_facility_is_one_stroke_until_they_would_touch() {
        assert_eq!(strokes(44, 62).matches("<path").count(), 62);
        assert_eq!(strokes(0, 1).matches("<path").count(), 1);
        assert_eq!(strokes(100, 121).matches("<path").count(), 0);
        assert_eq!(strokes(0, 0), "");
    }
}
