//! The vacancy scene: per kind of service how many facilities have room, and the one to telephone first.

use imaboard_domain::{BedSex, Cell, Freshness, KindNow, Level, ServiceGroup, ServiceKind, ServiceNow, Weekday};
use imaboard_templates::words::JA;
use maud::{Markup, html};

use super::{Held, Look, ems, mark, slot, stamp};
use crate::ages::{Ages, millis};
use crate::fragment::Fragment;
use crate::scene::{Layout, Page};

/// The columns of numbers, in reading order; `None` is ？. "Not offered" is no answer to "is there room?".
const COLUMNS: [Option<Level>; 5] = [Some(Level::Plenty), Some(Level::Available), Some(Level::Few), Some(Level::Full), None];

fn word(level: Option<Level>) -> &'static str {
    level.map_or("unknown", Level::word)
}

fn symbol(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Plenty) => "m-plenty",
        Some(Level::Available) => "m-available",
        Some(Level::Few) => "m-few",
        Some(Level::Full | Level::NotOffered) => "m-full",
        None => "m-unknown",
    }
}

/// The name of a kind that fits its column.
pub(super) fn kind_name(kind: ServiceKind) -> String {
    let key = format!("wall.kind.{kind}");
    if JA.has(&key) { JA.t(&key).to_owned() } else { kind.name_ja().to_owned() }
}

fn row_key(kind: ServiceKind) -> String {
    format!("vacancy-{kind}")
}

/// What one row says, before it is markup.
struct Row<'a> {
    kind: ServiceKind,
    now: KindNow<'a>,
    /// When what the row names, or its "nothing free", ages.
    ages: Option<Ages>,
}

impl<'a> Look<'_, 'a> {
    pub(super) fn vacancies(
        &self,
        page: &Page<'_>,
        groups: &[ServiceGroup],
        kinds: &[ServiceKind],
        held: Option<&Held<'_>>,
    ) -> Fragment {
        let names: Vec<&str> = groups.iter().map(|g| JA.t(group_key(*g))).collect();
        let english: Vec<&str> = groups.iter().map(|g| JA.t(group_key_en(*g))).collect();
        let title = (JA.t("wall.vacancies.title").to_owned(), names.join("・"));
        let en = format!("{}: {}", JA.t("wall.vacancies.en"), english.join(", "));
        let head = self.calm_head(page, title, &en);
        let kept = |kind| held.filter(|held| !(held.touched)(kind)).and_then(|held| held.page.child(&row_key(kind)));
        let rows: Vec<Fragment> = kinds.iter().map(|&kind| kept(kind).cloned().unwrap_or_else(|| self.row_of(kind))).collect();
        let portrait = self.layout == Layout::Portrait;
        let notices = self.notices_beside(page);
        let main = html! {
            main class={ "vac rows-" (rows.len()) } {
                table {
                    colgroup {
                        col.c-kind; @for _ in COLUMNS { col.c-lv; }
                        @if !portrait { col.c-gap; col; col.c-at; }
                    }
                    thead {
                        tr {
                            th scope="col" { (JA.t("wall.vacancies.kind")) }
                            @for level in COLUMNS {
                                th.lv scope="col" {
                                    (mark(symbol(level), word(level), None)) (JA.t(level_key(level)))
                                }
                            }
                            @if !portrait {
                                td {}
                                th.place scope="col" data-cut=(JA.t("wall.vacancies.where_cut")) { (JA.t("wall.vacancies.where")) }
                                th.at scope="col" { (JA.t("wall.as_of")) }
                            }
                        }
                    }
                    @for _ in &rows { (slot()) }
                }
                @if notices.is_some() { (slot()) }
            }
        };
        let (fresh, all) = self.m.reporting();
        let foot = self.foot(
            page,
            html! {
                @if self.display.districts.is_empty() && !portrait {
                    span { (JA.t("wall.vacancies.reporting")) " " b.n { (fresh) } " / " span.n { (all) } }
                }
                (self.desk_line(super::Desk::Vacancies, "wall.desk.ask"))
            },
        );
        let children = rows.into_iter().chain(notices).collect();
        self.board_with_foot(page, head, main, children, Some(foot))
    }

    fn row(&self, kind: ServiceKind) -> Row<'a> {
        let now = self.m.kind_now(kind, &self.display.districts);
        let believed = match &now.first {
            Some(first) => self.m.believed_place(first),
            None => now.nothing,
        };
        Row { kind, ages: believed.map(Ages::from), now }
    }

    fn row_of(&self, kind: ServiceKind) -> Fragment {
        let row = self.row(kind);
        let key = row_key(kind);
        // Without its server a browser moves places from their level to ？ when their time has come: `full*3@1763872000000`.
        let mut levels: Vec<String> = row
            .now
            .dues
            .iter()
            .map(|(level, at, n)| match at {
                Some(at) => format!("{level}*{n}@{}", millis(*at)),
                None => format!("{level}*{n}"),
            })
            .collect();
        levels.push(format!("unknown*{}", row.now.counts.unknown));
        let class = row.ages.map_or("ages is-stale", |a| a.class());
        let name = kind_name(kind);
        let name_class = if ems(&name) > 9.5 { "kind long" } else { "kind" };
        let counts = html! {
            @for level in COLUMNS {
                @let n = row.now.counts.number(level);
                td class={ "n " (word(level)) (if n == 0 { " zero" } else { "" }) } data-level=(word(level)) { (n) }
            }
        };
        let ages = row.ages;
        let html = html! {
            tbody id={ "w-" (key) } class=(class) data-levels=(levels.join(" "))
                data-observed=[ages.map(|a| millis(a.observed_at))]
                data-aging-at=[ages.and_then(|a| a.aging_at).map(millis)]
                data-stale-at=[ages.and_then(|a| a.stale_at).map(millis)]
            {
                @if self.layout == Layout::Portrait {
                    tr.k { th class=(name_class) scope="row" { (name) } (counts) }
                    tr.f { td.place colspan="6" { (self.place(&row)) } }
                } @else {
                    tr {
                        th class=(name_class) scope="row" { (name) small lang="en" { (kind.name_en()) } }
                        (counts) td {} td.place { (self.place(&row)) }
                        td.at { @if let Some(a) = ages && a.freshness != Freshness::Stale { (stamp(a.observed_at, self.m.now)) } }
                    }
                }
            }
        };
        Fragment::leaf(key, html)
    }

    /// What stands at the right: the place with room, or that there is none; and what takes its stead once it is too old.
    fn place(&self, row: &Row<'_>) -> Markup {
        let believed = row.ages.is_some_and(|a| a.freshness != Freshness::Stale);
        let portrait = self.layout == Layout::Portrait;
        let at = html! {
            @if portrait && let Some(a) = row.ages && believed { span.at { (stamp(a.observed_at, self.m.now)) } }
        };
        html! {
            @if believed {
                div class="fac now" {
                    @if let Some(first) = &row.now.first { (self.place_with_room(row, first)) }
                    @else { div.nothing { (JA.t("wall.vacancies.none")) } }
                    (at)
                }
            }
            div class="fac then" {
                (mark("m-unknown", "unknown", Some(JA.t("level.unknown"))))
                div { div.nothing { (JA.t("wall.vacancies.unknown")) } (self.last_known(row)) }
            }
        }
    }

    fn place_with_room(&self, row: &Row<'_>, first: &ServiceNow<'_>) -> Markup {
        let facility = &first.facility.facility;
        let level = first.level();
        let portrait = self.layout == Layout::Portrait;
        let count = match first.count {
            Some(n) if n > 0 => html! { span.count { span.n { (n) } (row.kind.unit_ja()) } },
            _ => html! { span class="count word" { (JA.t(said_key(level))) } },
        };
        // At 51 px ten letters fit beside the mark and a count, at 42 px twelve; more go on two lines of 33 px.
        // A word in the place of a count takes two letters more.
        let size = match ems(&facility.name) + if first.count.is_some_and(|n| n > 0) { 0.0 } else { 1.6 } {
            w if portrait && w > 13.0 => "name longer",
            _ if portrait => "name",
            w if w > 12.5 => "name longer",
            w if w > 9.5 => "name long",
            _ => "name",
        };
        let district = facility.island.as_deref().unwrap_or_else(|| self.city.district(&facility.district));
        // A sum over several cells is not the room of the one that decides.
        let own = first.shown.current().and_then(|s| s.value.count());
        let when = if first.count == own { self.cell_words(first.cell) } else { String::new() };
        let n: u32 = row.now.beside.iter().map(|(_, n)| n).sum();
        let beside = || {
            self.city
                .districts
                .iter()
                .filter_map(|d| row.now.beside.iter().find(|(id, _)| *id == d.id).map(|(_, n)| (&d.name, n)))
        };
        let others = html! {
            @if n > 0 {
                " " span.others data-stale-at=[row.now.beside_stale_at.map(millis)] {
                    (JA.t("wall.others")) " "
                    @if row.now.beside.len() <= 2 && !portrait {
                        @for (i, (name, n)) in beside().enumerate() { @if i > 0 { "、" } (name) " " (n) }
                    } @else { (n) }
                    (JA.t("wall.facilities"))
                }
            }
        };
        html! {
            (mark(symbol(level), word(level), Some(JA.t(level_key(level)))))
            @if portrait {
                span.where { (district) }
                b class=(size) { (facility.name) }
                (count)
            } @else {
                div {
                    div class=(size) { b { (facility.name) } (count) }
                    div.where {
                        b { (district) }
                        @if !when.is_empty() { " " (when) }
                        (others)
                    }
                }
            }
        }
    }

    /// The newest answer there ever was, in small type: never as a current value.
    fn last_known(&self, row: &Row<'_>) -> Markup {
        let newest = row.now.first.or(row.now.newest);
        let Some((place, standing)) = newest.and_then(|p| p.shown.last().map(|s| (p, s))) else {
            return html! { div.where { (JA.t("wall.vacancies.never")) } };
        };
        let level = standing.value.level();
        html! {
            div.where {
                (JA.t("wall.last")) " " (stamp(standing.observed_at, self.m.now))
                (mark(symbol(level), "", Some(JA.t(level_key(level)))))
                @if let Some(n) = standing.value.count() { span.n { (n) } (row.kind.unit_ja()) "　" }
                (place.facility.facility.name)
            }
        }
    }

    /// For which part of a grid the room is: 今夜, 火曜 午後, 泊まり.
    fn cell_words(&self, cell: Option<Cell>) -> String {
        match cell {
            Some(Cell::Date(day)) if day == self.m.today() => JA.t("wall.tonight").to_owned(),
            Some(Cell::Date(_)) => JA.t("wall.tomorrow").to_owned(),
            Some(Cell::Weekday(day, session)) => {
                let day = JA.t(weekday_key(day));
                JA.fill("wall.weekday", &[("day", day), ("session", JA.t(&format!("session.{session}")))])
            }
            Some(Cell::Slot(slot)) => JA.t(&format!("slot.{slot}")).to_owned(),
            Some(Cell::Beds { sex, room }) => {
                let sex = sex.filter(|s| *s != BedSex::Either).map(|s| {
                    JA.t(match s.word() {
                        "male" => "bed.male",
                        "female" => "bed.female",
                        _ => "bed.either",
                    })
                });
                let room = room.map(|r| JA.t(if r.word() == "private" { "bed.private" } else { "bed.shared" }));
                [sex, room].into_iter().flatten().collect::<Vec<_>>().join(" ")
            }
            Some(Cell::Intake) | None => String::new(),
        }
    }
}

fn weekday_key(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "weekday.mon",
        Weekday::Tue => "weekday.tue",
        Weekday::Wed => "weekday.wed",
        Weekday::Thu => "weekday.thu",
        Weekday::Fri => "weekday.fri",
        Weekday::Sat => "weekday.sat",
        Weekday::Sun => "weekday.sun",
    }
}

fn level_key(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Plenty) => "wall.level.plenty",
        Some(Level::Available) => "wall.level.available",
        Some(Level::Few) => "wall.level.few",
        Some(Level::Full) => "wall.level.full",
        Some(Level::NotOffered) => "level.not_offered",
        None => "wall.level.unknown",
    }
}

/// What stands in the place of a count nobody gave.
fn said_key(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Plenty) => "wall.said.plenty",
        Some(Level::Available) => "wall.said.available",
        Some(Level::Few) => "wall.said.few",
        Some(Level::Full | Level::NotOffered) | None => "wall.said.none",
    }
}

fn group_key(group: ServiceGroup) -> &'static str {
    match group {
        ServiceGroup::LiveIn => "wall.group.live-in",
        ServiceGroup::Stay => "wall.group.stay",
        ServiceGroup::Visit => "wall.group.visit",
        ServiceGroup::AtHome => "wall.group.at-home",
        ServiceGroup::Consult => "wall.group.consult",
        ServiceGroup::Hospital => "wall.group.hospital",
        ServiceGroup::Open => "wall.group.open",
    }
}

fn group_key_en(group: ServiceGroup) -> &'static str {
    match group {
        ServiceGroup::LiveIn => "wall.group_en.live-in",
        ServiceGroup::Stay => "wall.group_en.stay",
        ServiceGroup::Visit => "wall.group_en.visit",
        ServiceGroup::AtHome => "wall.group_en.at-home",
        ServiceGroup::Consult => "wall.group_en.consult",
        ServiceGroup::Hospital => "wall.group_en.hospital",
        ServiceGroup::Open => "wall.group_en.open",
    }
}
