//! The damage scene: who calls for help, and which lifelines are gone where.
//!
//! What works stays quiet, what is limited is outlined, what is gone is a light tile. *Invariant:* solid red means one thing
//! only: it is real, it is now, and somebody is calling for help.

use imaboard_domain::{Aspect, Condition, DamageRow, Freshness, Need, Realm, Standing, Urgency};
use imaboard_templates::words::JA;
use maud::{Markup, html};

use super::vacancies::kind_name;
use super::{Look, aged_div, ems, mark, slot, stamp};
use crate::ages::{Ages, millis};
use crate::fragment::Fragment;
use crate::scene::{self, Layout, Page};

/// The columns: word, sign, and the aspects that share it.
const LIFELINES: [(&str, &str, &[Aspect]); 5] = [
    ("power", "i-power", &[Aspect::Power]),
    ("water", "i-water", &[Aspect::Water]),
    ("gas", "i-gas", &[Aspect::Gas]),
    ("comms", "i-phone", &[Aspect::Phone, Aspect::Internet]),
    ("road", "i-road", &[Aspect::Road]),
];

/// Needs named in one call; the rest is counted.
const NEEDS_NAMED: usize = 3;

/// What has no column, worst news first.
const BESIDE: [Aspect; 10] = [
    Aspect::Injured,
    Aspect::Building,
    Aspect::Flooding,
    Aspect::Evacuation,
    Aspect::MedicalGas,
    Aspect::Staff,
    Aspect::Supplies,
    Aspect::Toilet,
    Aspect::Climate,
    Aspect::Operation,
];

impl<'a> Look<'_, 'a> {
    pub(super) fn damage(
        &self,
        page: &Page<'_>,
        realm: Realm,
        calls: &[DamageRow<'a>],
        elsewhere: &[DamageRow<'a>],
        rows: &[DamageRow<'a>],
    ) -> Fragment {
        let counts = scene::first_counts(self.m, self.display, realm);
        let name = self.incident(realm).map_or_else(String::new, |i| i.name.clone());
        let title = (name, JA.t("wall.damage.title").to_owned());
        let line = self.line(
            page,
            "sum",
            html! {
                @for (key, n) in [
                    ("first_report.needs_help", counts.needs_help), ("first_report.impaired", counts.impaired),
                    ("first_report.safe", counts.safe), ("wall.silent", counts.silent),
                ] { span { (JA.t(key)) " " b.n { (n) } } }
            },
        );
        let head = self.incident_head(page, realm, title, line);
        let portrait = self.layout == Layout::Portrait;
        let bodies: Vec<Fragment> = calls
            .iter()
            .map(|r| self.facility_rows(page, r, realm, true))
            .chain(rows.iter().map(|r| self.facility_rows(page, r, realm, false)))
            .collect();
        let columns = if portrait { 5 } else { 8 };
        let main = html! {
            main.life {
                @if bodies.is_empty() && elsewhere.is_empty() {
                    div.quiet {
                        p.big { (JA.t("wall.damage.none")) }
                        p { (JA.t("wall.damage.none_line")) }
                    }
                } @else {
                    table {
                        colgroup {
                            @if !portrait { col.c-area; col; }
                            @for _ in LIFELINES { col.c-ll; }
                            @if !portrait { col.c-at2; }
                        }
                        thead {
                            tr {
                                @if !portrait {
                                    th.small scope="col" { (JA.t("wall.district")) }
                                    th.small scope="col" { (JA.t("wall.damage.facility")) }
                                }
                                @for (word, sign, _) in LIFELINES {
                                    th.ll scope="col" { span { (mark(sign, "", None)) (JA.t(&format!("wall.lifeline.{word}"))) } }
                                }
                                @if !portrait { th class="small at" scope="col" { (JA.t("wall.as_of")) } }
                            }
                        }
                        @if !elsewhere.is_empty() { (self.strip(elsewhere, realm, columns, calls.len())) }
                        @for _ in &bodies { (slot()) }
                    }
                }
            }
        };
        let foot = self.foot(page, html! {
            (self.roll_call_line(realm))
            @if !(portrait && self.m.roll_call(realm).is_some()) { (self.desk_line(super::Desk::Disaster, "wall.desk.report")) }
        });
        self.board_with_foot(page, head, main, bodies, Some(foot))
    }

    /// One line that names those who call for help on other pages.
    fn strip(&self, all: &[DamageRow<'_>], realm: Realm, columns: usize, here: usize) -> Markup {
        let live = all.iter().filter(|r| r.needs_help()).count();
        let names: Vec<&str> = all.iter().skip(here.min(1)).map(|r| r.facility.facility.name.as_str()).collect();
        let first: Vec<&str> = names.iter().copied().take(if self.layout == Layout::Portrait { 1 } else { 2 }).collect();
        html! {
            tbody class="calls strip" {
                tr.call {
                    td colspan=(columns) {
                        div {
                            (mark("m-help", "", None))
                            b { @if realm == Realm::Exercise { (JA.t("wall.exercise.mark")) } (JA.t("first_report.needs_help")) }
                            span { b.n { (live) } (JA.t("wall.facilities")) }
                            @if here == 0 { @for name in first { span.who { (name) } } }
                        }
                    }
                }
            }
        }
    }

    fn facility_rows(&self, page: &Page<'_>, row: &DamageRow<'a>, realm: Realm, call: bool) -> Fragment {
        let facility = &row.facility.facility;
        let key = format!("{}-{}", page.key, facility.id);
        let district = facility.island.as_deref().unwrap_or_else(|| self.city.district(&facility.district));
        let kind = facility.main_kind().map(kind_name).unwrap_or_default();
        let beside = self.beside(row);
        let cells = html! { @for (word, _, aspects) in LIFELINES { td { (self.cell(row, word, aspects, realm)) } } };
        let at = html! { @if let Some(at) = row.observed_at { (stamp(at, self.m.now)) } };
        let small = html! {
            @if !beside.is_empty() { small.news { (beside) } }
            @else { small { (kind) @if facility.island.is_some() { " " (JA.t("wall.island")) } } }
        };
        let portrait = self.layout == Layout::Portrait;
        // Nine letters fit at 51 px, eleven a line at 40, fourteen a line at 33.
        let size = match ems(&facility.name) {
            w if portrait && w > 14.0 => "name longer",
            _ if portrait => "name",
            w if w > 21.0 => "name longer",
            // The stripes around an exercise cost one letter.
            w if w > if realm == Realm::Exercise { 8.2 } else { 9.0 } => "name long",
            _ => "name",
        };
        let keeps_small = portrait || size == "name" || !beside.is_empty();
        let html = html! {
            tbody id={ "w-" (key) } class=(if call { "calls" } else { "" }) {
                @if call { (self.call(row, realm)) }
                @if portrait {
                    tr.who {
                        td colspan="5" {
                            div { span.area { (district) } div class=(size) { (small) span { (facility.name) } } span.at { (at) } }
                        }
                    }
                    tr.row { (cells) }
                } @else {
                    tr.row {
                        td.area { (district) }
                        th class=(size) scope="row" { @if keeps_small { (small) } span { (facility.name) } }
                        (cells)
                        td.at { (at) }
                    }
                }
            }
        };
        Fragment::leaf(key, html)
    }

    fn call(&self, row: &DamageRow<'a>, realm: Realm) -> Markup {
        let columns = if self.layout == Layout::Portrait { 5 } else { 8 };
        let Some(ages) = Ages::of(self.m, &Aspect::FirstReport, row.first_report, realm) else { return html! {} };
        let live = row.needs_help();
        let mark_of_drill = html! { @if realm == Realm::Exercise { (JA.t("wall.exercise.mark")) } };
        let named = if self.layout == Layout::Portrait { 1 } else { NEEDS_NAMED };
        html! {
            tr class={ "call " (if live { ages.class() } else { "ages is-stale" }) } data-observed=(millis(ages.observed_at))
                data-aging-at=[ages.aging_at.map(millis)] data-stale-at=[ages.stale_at.map(millis)]
            {
                td colspan=(columns) {
                    @if live {
                        div.now {
                            (mark("m-help", "", None))
                            b { (mark_of_drill) (JA.t("first_report.needs_help")) }
                            @for need in row.needs.iter().take(named) {
                                span { em class=(if need.urgency == Urgency::Now { "asap" } else { "" }) { (JA.t(&format!("urgency.{}", need.urgency))) } (need_words(*need)) }
                            }
                            @if row.needs.len() > named { span.more { (JA.fill("wall.more", &[("n", &(row.needs.len() - named).to_string())])) } }
                        }
                    }
                    // Nobody has said that it is over: the board keeps asking, but no longer claims to know.
                    div.then {
                        (mark("m-unknown", "", None))
                        b { (mark_of_drill) (JA.t("wall.damage.last_call")) }
                        span { (stamp(ages.observed_at, self.m.now)) }
                    }
                }
            }
        }
    }

    /// News that has no column, in a few words.
    fn beside(&self, row: &DamageRow<'_>) -> String {
        let news = |wanted: Condition| {
            BESIDE.iter().filter_map(move |aspect| {
                let value = &row.shown(aspect).current()?.value;
                let said = value.condition() == Some(wanted);
                said.then(|| {
                    format!(
                        "{} {}",
                        JA.t(&format!("wall.aspect.{}", aspect.word())),
                        JA.t(&format!("{}.{}", table_of(aspect), value.word()))
                    )
                })
            })
        };
        news(Condition::Bad).chain(news(Condition::Limited)).take(1).collect()
    }

    fn cell(&self, row: &DamageRow<'a>, column: &str, aspects: &[Aspect], realm: Realm) -> Markup {
        let chosen = aspects.iter().map(|a| (a, row.shown(a))).reduce(|a, b| if scene::worse(a.1, b.1) == a.1 { a } else { b });
        let Some((aspect, shown)) = chosen else { return html! {} };
        let island = row.facility.facility.island.is_some();
        let Some(standing) = shown.last() else { return unknown("wall.cell.missing", None) };
        let ages = Ages::of(self.m, aspect, shown, realm);
        let then = unknown("level.unknown", Some(&word_of(column, standing, island)));
        let believed = ages.is_some_and(|a| a.freshness != Freshness::Stale);
        aged_div(
            ages.as_ref(),
            html! {
                @if believed { (tile(column, standing, island)) }
                (then)
            },
        )
    }
}

/// ？ with, in small type, what was last said.
fn unknown(key: &str, last: Option<&str>) -> Markup {
    html! {
        div class=(if last.is_some() { "cell what two then" } else { "cell what" }) {
            (mark("m-unknown", "", None)) (JA.t(key))
            @if let Some(last) = last { em { (JA.t("wall.cell.before")) " " (last) } }
        }
    }
}

fn tile(column: &str, standing: &Standing, island: bool) -> Markup {
    let (class, sign) = match standing.value.condition() {
        Some(Condition::Good) => ("ok", "m-available"),
        Some(Condition::Limited) => ("part", "m-few"),
        Some(Condition::Bad) => ("none", "m-full"),
        Some(Condition::Unconfirmed) | None => ("what", "m-unknown"),
    };
    let hours = standing.value.hours().filter(|_| class == "part" || class == "none");
    html! {
        div class={ "cell now " (class) (if hours.is_some() { " two" } else { "" }) } {
            (mark(sign, "", None)) (word_of(column, standing, island))
            @if let Some(hours) = hours { em { (JA.t("wall.cell.left")) span.n { (hours) } (JA.t("wall.cell.hours")) } }
        }
    }
}

/// A word of three letters or fewer.
fn word_of(column: &str, standing: &Standing, island: bool) -> String {
    let word = standing.value.word();
    let sea = format!("wall.cell.ferry.{word}");
    if column == "road" && island && JA.has(&sea) {
        return JA.t(&sea).to_owned();
    }
    JA.t(&format!("wall.cell.{column}.{word}")).to_owned()
}

fn need_words(need: Need) -> String {
    let item = JA.t(&format!("wall.need.{}", need.item)).to_owned();
    match need.quantity {
        Some((n, unit)) => format!("{item} {n}{}", JA.t(&format!("need_unit.{unit}"))),
        None => item,
    }
}

fn table_of(aspect: &Aspect) -> &'static str {
    match aspect {
        Aspect::MedicalGas
        | Aspect::Toilet
        | Aspect::Climate
        | Aspect::Water
        | Aspect::Gas
        | Aspect::Phone
        | Aspect::Internet => "utility",
        other => other.word(),
    }
}
