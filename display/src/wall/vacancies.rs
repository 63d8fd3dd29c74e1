//! The vacancy scene: per kind of service how many facilities have room, and the one to telephone first.

use imaboard_domain::{Aspect, BedSex, Cell, Freshness, Level, Realm, ServiceGroup, ServiceKind, ServiceNow, Weekday};
use imaboard_templates::words::JA;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{Look, ems, mark, slot, stamp};
use crate::ages::{Ages, millis};
use crate::fragment::Fragment;
use crate::scene::{self, Layout, Page};

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

/// What one row says, before it is markup.
struct Row<'a> {
    kind: ServiceKind,
    places: Vec<ServiceNow<'a>>,
    /// The place to name: the best that has room.
    first: Option<ServiceNow<'a>>,
    /// Others with room, by district in the city's order.
    others: Vec<(String, usize)>,
    /// When what the row names, or its "nothing free", ages.
    ages: Option<Ages>,
    others_stale_at: Option<Timestamp>,
}

impl<'a> Look<'_, 'a> {
    pub(super) fn vacancies(&self, page: &Page<'_>, groups: &[ServiceGroup], kinds: &[ServiceKind]) -> Fragment {
        let names: Vec<&str> = groups.iter().map(|g| JA.t(group_key(*g))).collect();
        let english: Vec<&str> = groups.iter().map(|g| JA.t(group_key_en(*g))).collect();
        let title = (JA.t("wall.vacancies.title").to_owned(), names.join("・"));
        let en = format!("{}: {}", JA.t("wall.vacancies.en"), english.join(", "));
        let head = self.calm_head(page, title, &en);
        let rows: Vec<Fragment> = kinds.iter().map(|k| self.row_of(*k)).collect();
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

    /// The ages of what is said of a place. A sum of beds is only as good as the first of its parts to grow too old.
    fn ages_of(&self, place: &ServiceNow<'_>) -> Option<Ages> {
        let ages = |cell: Cell| {
            let aspect = Aspect::Vacancy { service: place.service.id.clone(), cell };
            let shown = self.m.cell(place.facility, place.service, cell);
            Ages::of(self.m, &aspect, shown, Realm::Real)
        };
        let mut deciding = ages(place.cell?)?;
        if matches!(place.cell, Some(Cell::Beds { .. })) {
            let cells = place.service.cells_now(self.m.today()).into_iter();
            let summed = cells.filter_map(ages).filter(|a| a.freshness != Freshness::Stale).filter_map(|a| a.stale_at);
            deciding.stale_at = summed.chain(deciding.stale_at).min();
        }
        Some(deciding)
    }

    fn row(&self, kind: ServiceKind) -> Row<'a> {
        let mut places = self.m.places(kind);
        places.retain(|p| scene::shows(self.display, &p.facility.facility.district) && p.level() != Some(Level::NotOffered));
        let has_room = |p: &&ServiceNow<'_>| p.level().is_some_and(|l| l <= Level::Few);
        let first = places.iter().find(has_room).copied();
        // Beside a facility with room, only others that also have some; a row of △ counts the other △.
        let as_good = |p: &&ServiceNow<'_>| {
            let bar = if first.and_then(|f| f.level()) == Some(Level::Few) { Level::Few } else { Level::Available };
            p.level().is_some_and(|l| l <= bar)
        };
        let beside: Vec<ServiceNow<'a>> = places.iter().filter(as_good).skip(1).copied().collect();
        let others = self
            .city
            .districts
            .iter()
            .map(|d| (d.name.clone(), beside.iter().filter(|p| p.facility.facility.district == d.id).count()))
            .filter(|(_, n)| *n > 0)
            .collect();
        let others_stale_at = beside.iter().filter_map(|p| self.ages_of(p)?.stale_at).min();
        let ages = match first {
            Some(first) => self.ages_of(&first),
            None => self.ages_of_nothing(&places),
        };
        Row { kind, places, first, others, ages, others_stale_at }
    }

    /// "Nothing free" holds as long as any of the answers behind it; without one, the newest old answer is named.
    fn ages_of_nothing(&self, places: &[ServiceNow<'_>]) -> Option<Ages> {
        let current: Vec<Ages> = places.iter().filter(|p| p.level().is_some()).filter_map(|p| self.ages_of(p)).collect();
        if let Some(newest) = current.iter().max_by_key(|a| a.observed_at) {
            let freshness =
                if current.iter().any(|a| a.freshness == Freshness::Fresh) { Freshness::Fresh } else { Freshness::Aging };
            return Some(Ages {
                aging_at: current.iter().map(|a| a.aging_at).max().flatten(),
                stale_at: current.iter().map(|a| a.stale_at).max().flatten(),
                freshness,
                ..*newest
            });
        }
        places.iter().filter_map(|p| self.ages_of(p)).max_by_key(|a| a.observed_at)
    }

    fn row_of(&self, kind: ServiceKind) -> Fragment {
        let row = self.row(kind);
        let key = format!("vacancy-{kind}");
        // Without its server a browser moves a facility from its level to ？ when its time has come.
        let levels: Vec<String> = row
            .places
            .iter()
            .map(|p| match (p.level(), self.ages_of(p).and_then(|a| a.stale_at)) {
                (Some(level), Some(at)) => format!("{level}@{}", millis(at)),
                (Some(level), None) => level.word().to_owned(),
                (None, _) => "unknown".to_owned(),
            })
            .collect();
        let class = row.ages.map_or("ages is-stale", |a| a.class());
        let name = kind_name(kind);
        let name_class = if ems(&name) > 9.5 { "kind long" } else { "kind" };
        let counts = html! {
            @for level in COLUMNS {
                @let n = row.places.iter().filter(|p| p.level() == level).count();
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
                    @if let Some(first) = &row.first { (self.place_with_room(row, first)) }
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
        let n: usize = row.others.iter().map(|(_, n)| n).sum();
        let others = html! {
            @if n > 0 {
                " " span.others data-stale-at=[row.others_stale_at.map(millis)] {
                    (JA.t("wall.others")) " "
                    @if row.others.len() <= 2 && !portrait {
                        @for (i, (name, n)) in row.others.iter().enumerate() { @if i > 0 { "、" } (name) " " (n) }
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
        let newest = row
            .first
            .or_else(|| row.places.iter().filter(|p| p.observed_at().is_some()).max_by_key(|p| p.observed_at()).copied());
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
