//! What stands on a wall, state by state.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod city;

use city::*;
use imaboard_display::assets;
use imaboard_display::feed::Feed;
use imaboard_display::scene::{self, Layout, Scene};
use imaboard_display::wall::{self, Frame, Look, Wall};
use imaboard_domain::*;
use jiff::Timestamp;
use scraper::{Html, Selector};

fn at<T>(log: &Log, now: Timestamp, look: impl FnOnce(&Moment<'_>) -> T) -> T {
    let rhythms = Rhythms::default();
    look(&Moment::new(&log.board, now, &rhythms))
}

fn render(log: &Log, now: Timestamp, layout: Layout) -> Wall {
    at(log, now, |m| wall::render(&Look { m, display: &display(), city: &city(), layout }))
}

fn document(log: &Log, now: Timestamp, layout: Layout, page: usize) -> String {
    at(log, now, |m| {
        let (display, city) = (display(), city());
        let look = Look { m, display: &display, city: &city, layout };
        wall::render(&look)
            .document(&look, Frame { revision: "e-1", feed: "f", paired: false, rotation_seconds: 15, ping_seconds: 10, page })
    })
}

fn keys(log: &Log) -> Vec<String> {
    at(log, now(), |m| scene::pages(m, &display(), Layout::Landscape).into_iter().map(|p| p.key).collect())
}

fn row(wall: &Wall, key: &str) -> Html {
    let all: String = wall.pages.iter().map(|page| page.html()).collect();
    let id = Selector::parse(&format!("#w-{key}")).unwrap();
    // Rows are parts of tables; scraper needs one around them.
    let html = Html::parse_document(&all);
    let element = html.select(&id).next().unwrap_or_else(|| panic!("no {key}"));
    Html::parse_document(&format!("<table>{}</table>", element.html()))
}

fn texts(html: &Html, selector: &str) -> Vec<String> {
    html.select(&Selector::parse(selector).unwrap()).map(|e| e.text().collect::<String>()).collect()
}

fn count(html: &Html, selector: &str) -> usize {
    html.select(&Selector::parse(selector).unwrap()).count()
}

#[test]
#[expect(clippy::print_stdout, reason = "says where the pictures for people are")]
fn every_state_renders_on_both_layouts_and_is_kept_for_looking_at() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("walls");
    std::fs::create_dir_all(&folder).unwrap();
    let struck = |exercise, more| {
        let mut log = full_city();
        strike(&mut log, exercise, more);
        log
    };
    let mut alert = full_city();
    alert.open_incident("alert", "台風第24号", Severity::Alert, false, now() - minutes(30));
    alert.open_roll_call("call", false, now() - minutes(20));
    let states = [
        ("peace", full_city()),
        ("incident", struck(false, 0)),
        ("incident60", struck(false, 40)),
        ("exercise", struck(true, 3)),
        ("alert", alert),
        ("empty", Log::new()),
    ];
    for (name, log) in states {
        for layout in [Layout::Landscape, Layout::Portrait] {
            let pages = render(&log, now(), layout).pages.len();
            for page in 1..=pages {
                let html = document(&log, now(), layout, page)
                    .replace(assets::url("wall.css"), "wall.css")
                    .replace(assets::url("wall.js"), "none.js");
                assert!(!html.contains("wall.cell.") && !html.contains("wall.script."), "a word is missing: {name} {page}");
                std::fs::write(folder.join(format!("{name}-{}-{page}.html", layout.word())), html).unwrap();
            }
        }
    }
    std::fs::write(folder.join("wall.css"), assets::find(assets::url("wall.css")).unwrap().bytes).unwrap();
    println!("{}", folder.display());
}

#[test]
fn in_peace_a_wall_shows_vacancies_then_notices_then_jobs() {
    let keys = keys(&full_city());
    assert!(keys.iter().take(5).all(|k| k.starts_with("vacancies-")), "{keys:?}");
    assert_eq!(&keys[keys.len() - 2..], ["notice-1", "job-1"]);
}

#[test]
fn in_a_disaster_damage_and_roll_call_come_first_and_vacancies_stay() {
    let mut log = full_city();
    strike(&mut log, false, 0);
    let keys = keys(&log);
    assert_eq!(&keys[..2], ["damage-1", "roll-call"]);
    assert!(keys.iter().any(|k| k.starts_with("vacancies-")));
}

#[test]
fn an_exercise_is_framed_and_vacancies_beside_it_say_they_are_real() {
    let mut log = full_city();
    strike(&mut log, true, 0);
    assert_eq!(&keys(&log)[..2], ["exercise-damage-1", "exercise-roll-call"]);
    let wall = render(&log, now(), Layout::Landscape);
    let practised = wall.pages[0].html();
    assert!(practised.contains("これは訓練です") && practised.matches("訓練").count() >= 4);
    assert!(!practised.contains("plate real"));
    let vacancies = wall.pages.iter().find(|p| p.key.starts_with("vacancies-")).unwrap().html();
    assert!(vacancies.contains("ほんとうの情報です") && vacancies.contains("平常") && !vacancies.contains("board exercise"));
}

#[test]
fn nobody_practises_on_a_wall_while_a_real_disaster_runs() {
    let mut log = full_city();
    log.open_incident("real", "台風第25号", Severity::Incident, false, now() - minutes(10));
    log.open_incident("drill", "訓練台風", Severity::Incident, true, now() - minutes(5));
    assert!(keys(&log).iter().all(|k| !k.starts_with("exercise")));
}

#[test]
fn a_city_without_facilities_says_so() {
    let log = Log::new();
    assert_eq!(keys(&log), ["empty"]);
    assert!(document(&log, now(), Layout::Landscape, 1).contains("まだ施設が登録されていません"));
}

#[test]
fn a_page_never_holds_more_than_can_be_read_and_no_kind_is_lost() {
    let log = full_city();
    for layout in [Layout::Landscape, Layout::Portrait] {
        at(&log, now(), |m| {
            let mut seen = Vec::new();
            for page in scene::pages(m, &display(), layout) {
                if let Scene::Vacancies { kinds, groups } = page.scene {
                    assert!(!kinds.is_empty() && kinds.len() <= layout.vacancy_rows() && groups.len() <= 2);
                    seen.extend(kinds);
                }
            }
            let mut all: Vec<ServiceKind> = ServiceKind::ALL.iter().copied().filter(|k| k.grid().is_some()).collect();
            all.sort_unstable();
            seen.sort_unstable();
            assert_eq!(seen, all);
        });
    }
}

#[test]
fn sixty_damaged_facilities_fill_pages_of_five_with_the_calls_pinned_on_each() {
    let mut log = full_city();
    strike(&mut log, false, 40);
    at(&log, now(), |m| {
        let mut rows = 0;
        for page in scene::pages(m, &display(), Layout::Landscape) {
            if let Scene::Damage { calls, rows: here, .. } = page.scene {
                assert_eq!(calls.len(), 2);
                assert!(calls.len() + here.len() <= 5);
                rows += here.len();
            }
        }
        assert_eq!(rows, m.damage_rows(Realm::Real).len() - 2);
    });
}

#[test]
fn more_calls_than_can_be_pinned_get_pages_of_their_own_and_are_counted_on_the_others() {
    let mut log = full_city();
    strike(&mut log, false, 5);
    for id in ["f020", "f021", "f022"] {
        log.report_in(id, now() - minutes(3), vec![first(FirstReport::NeedsHelp)], Some("typhoon"), Some("call"), false);
    }
    at(&log, now(), |m| {
        let pages = scene::pages(m, &display(), Layout::Landscape);
        let damage: Vec<_> = pages
            .iter()
            .filter_map(|p| match &p.scene {
                Scene::Damage { calls, elsewhere, rows, .. } => Some((calls.len(), elsewhere.len(), rows.len())),
                _ => None,
            })
            .collect();
        assert_eq!(damage[..2], [(3, 5, 0), (2, 5, 0)]);
        assert!(damage[2..].iter().all(|(calls, elsewhere, _)| *calls == 0 && *elsewhere == 5), "{damage:?}");
    });
    let wall = render(&log, now(), Layout::Landscape);
    assert!(wall.pages[2].html().contains("<b class=\"n\">5</b>施設"));
}

#[test]
fn a_disaster_without_a_single_report_of_damage_says_so_instead_of_showing_an_empty_table() {
    let mut log = full_city();
    log.open_incident("typhoon", "台風第24号", Severity::Incident, false, now());
    let html = render(&log, now(), Layout::Landscape).pages[0].html();
    assert!(html.contains("支障の報告は ありません") && !html.contains("<table"));
}

#[test]
fn a_stale_place_is_never_shown_with_its_level() {
    let log = full_city();
    // Nine days on, everything of the last days is past twice its rhythm.
    let wall = render(&log, now() + hours(24 * 20), Layout::Landscape);
    for page in wall.pages.iter().filter(|p| p.key.starts_with("vacancies-")) {
        let html = Html::parse_document(&page.html());
        assert_eq!(count(&html, ".place .now"), 0);
        for level in ["plenty", "available", "few", "full"] {
            let said = texts(&html, &format!("td[data-level={level}]"));
            assert!(said.iter().all(|n| n == "0"), "{level}: {said:?}");
        }
        assert_eq!(count(&html, ".place .then"), count(&html, "tbody.is-stale"));
    }
}

#[test]
fn a_stale_lifeline_is_never_shown_with_its_word_as_current() {
    let mut log = full_city();
    strike(&mut log, false, 0);
    let wall = render(&log, now() + hours(7), Layout::Landscape);
    let page = Html::parse_document(&wall.pages[0].html());
    assert_eq!(count(&page, ".cell.now"), 0);
}

#[test]
fn a_call_for_help_that_grew_old_stays_and_says_that_it_is_old() {
    let mut log = full_city();
    strike(&mut log, false, 0);
    let html = render(&log, now() + hours(13), Layout::Landscape).pages[0].html();
    let page = Html::parse_document(&html);
    assert_eq!(count(&page, "tr.call.is-stale"), 2);
    assert_eq!(count(&page, "tr.call .now"), 0);
    assert!(html.contains("最後の報告は 助けが必要"));
}

#[test]
fn every_believed_value_carries_the_times_at_which_a_browser_left_alone_must_doubt_it() {
    let log = full_city();
    let row = row(&render(&log, now(), Layout::Landscape), "vacancy-tokuyo");
    let body = Selector::parse("tbody").unwrap();
    let attr = |name: &str| row.select(&body).next().unwrap().attr(name).unwrap().parse::<i64>().unwrap();
    let week = 7 * 24 * 3_600_000 + 1;
    assert_eq!(attr("data-aging-at") - attr("data-observed"), week);
    assert_eq!(attr("data-stale-at") - attr("data-observed"), 2 * week - 1);
    assert_eq!(count(&row, ".then"), 1, "what replaces it is there already");
}

#[test]
fn a_sum_of_beds_is_doubted_when_its_oldest_part_is_and_names_no_part() {
    let mut log = Log::new();
    log.register("a", "七釜の里", "saikai", &[ServiceKind::Tokuyo]);
    let mut facility = Facility::clone(&log.board.find_facility(&"a".parse().unwrap()).unwrap().facility);
    let cells = [BedSex::Male, BedSex::Female].map(|sex| Cell::Beds { sex: Some(sex), room: None });
    facility.services[0].bed_cells = cells.to_vec();
    log.apply(now(), Facts::FacilityRegistered(Box::new(facility)), None);
    log.room("a", ServiceKind::Tokuyo, cells[0], Level::Available, Some(2), now());
    log.room("a", ServiceKind::Tokuyo, cells[1], Level::Few, Some(1), now() - hours(100));
    let row = row(&render(&log, now(), Layout::Landscape), "vacancy-tokuyo");
    let body = Selector::parse("tbody").unwrap();
    let stale: i64 = row.select(&body).next().unwrap().attr("data-stale-at").unwrap().parse().unwrap();
    assert_eq!(stale, (now() - hours(100) + hours(14 * 24)).as_millisecond() + 1);
    let said = texts(&row, ".now").concat();
    assert!(said.contains("3床") && !said.contains("男性"), "{said}");
}

#[test]
fn tonight_is_not_believed_after_tonight() {
    let mut log = Log::new();
    log.register("a", "かもめ苑", "oshima", &[ServiceKind::ShortStay]);
    log.room("a", ServiceKind::ShortStay, Cell::Date(city_date(now())), Level::Available, Some(2), now());
    let row = row(&render(&log, now(), Layout::Landscape), "vacancy-short-stay");
    let body = Selector::parse("tbody").unwrap();
    let stale: i64 = row.select(&body).next().unwrap().attr("data-stale-at").unwrap().parse().unwrap();
    let midnight: Timestamp = "2026-11-24T00:00:00+09:00".parse().unwrap();
    assert_eq!(stale, midnight.as_millisecond());
    assert!(row.html().contains("今夜"));
}

#[test]
fn the_longest_names_get_smaller_letters_on_two_lines_instead_of_being_cut() {
    let mut log = Log::new();
    let name = "オリーブガーデン西海白岳ガーデンコート弐番館別邸";
    log.register("a", name, "saikai", &[ServiceKind::PaidHome]);
    log.room("a", ServiceKind::PaidHome, Cell::ALL_BEDS, Level::Plenty, Some(7), now());
    let row = row(&render(&log, now(), Layout::Landscape), "vacancy-paid-home");
    assert_eq!(texts(&row, ".now .name.longer b"), [name]);
}

#[test]
fn a_hostile_name_stays_text() {
    let mut log = Log::new();
    log.register("a", "<script>alert(1)</script><!--slot-->", "saikai", &[ServiceKind::PaidHome]);
    log.room("a", ServiceKind::PaidHome, Cell::ALL_BEDS, Level::Plenty, None, now());
    let html = document(&log, now(), Layout::Landscape, 1);
    assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;"));
}

#[test]
fn a_display_of_one_district_shows_that_district_only() {
    let log = full_city();
    let display = Display { districts: vec!["oshima".parse().unwrap()], ..display() };
    at(&log, now(), |m| {
        let look = Look { m, display: &display, city: &city(), layout: Layout::Landscape };
        let all: String = wall::render(&look).pages.iter().map(|page| page.html()).collect();
        assert!(all.contains("さざなみ崎戸"), "it stands in 大島 here");
        assert!(!all.contains("みかんの丘"));
    });
}

#[test]
fn the_words_of_the_script_and_the_frame_are_all_there() {
    for layout in [Layout::Landscape, Layout::Portrait] {
        let html = document(&full_city(), now(), layout, 1);
        assert!(!html.contains(">wall.") && !html.contains(">level.") && !html.contains("\"wall."), "a key without words");
        assert!(html.contains("見本"));
        assert!(html.contains("14<i>:</i>32"), "the clock stands without script");
        assert_eq!(html.matches("class=\"board on").count(), 1);
    }
}

// --- the feed --------------------------------------------------------------------------------------------------------

fn feed(log: &Log) -> Feed {
    Feed::new(render(log, now(), Layout::Landscape), log.board.position())
}

#[test]
fn rendering_again_without_a_change_sends_nothing_however_the_clock_moves() {
    let mut log = full_city();
    strike(&mut log, false, 3);
    let mut feed = feed(&log);
    let deadline = at(&log, now(), scene::next_deadline);
    for later in [now() + minutes(1), deadline - jiff::SignedDuration::from_millis(1)] {
        assert_eq!(feed.advance(render(&log, later, Layout::Landscape), log.board.position()), None, "{later}");
    }
}

#[test]
fn one_value_that_changes_sends_its_row_and_nothing_else() {
    let mut log = full_city();
    let mut feed = feed(&log);
    log.room("f002", ServiceKind::Roken, Cell::ALL_BEDS, Level::Plenty, Some(9), now());
    let update = feed.advance(render(&log, now(), Layout::Landscape), log.board.position()).unwrap();
    assert_eq!(update.fragments.keys().collect::<Vec<_>>(), ["vacancy-roken"]);
    assert!(update.fragments["vacancy-roken"].starts_with("<tbody id=\"w-vacancy-roken\""));
}

#[test]
fn a_value_that_ages_is_sent_at_its_deadline_without_an_entry() {
    let log = full_city();
    let mut feed = feed(&log);
    let deadline = at(&log, now(), scene::next_deadline);
    let update = feed.advance(render(&log, deadline, Layout::Landscape), log.board.position()).unwrap();
    assert!(!update.fragments.is_empty());
    let seq = log.board.position();
    assert_eq!(feed.since(seq, true), Some(update), "who painted this position before the deadline still lacks it");
}

#[test]
fn a_screen_that_comes_back_gets_only_what_it_lacks() {
    let mut log = full_city();
    let mut feed = feed(&log);
    log.room("f002", ServiceKind::Roken, Cell::ALL_BEDS, Level::Full, Some(0), now());
    let first = log.board.position();
    feed.advance(render(&log, now(), Layout::Landscape), first);
    log.room("f000", ServiceKind::Tokuyo, Cell::ALL_BEDS, Level::Full, Some(0), now());
    feed.advance(render(&log, now(), Layout::Landscape), log.board.position());
    let missed = feed.since(first, true).unwrap();
    assert_eq!(missed.fragments.keys().collect::<Vec<_>>(), ["vacancy-tokuyo"]);
    assert!(feed.since(log.board.position(), true).unwrap().fragments.is_empty());
}

#[test]
fn a_screen_from_before_from_the_future_or_from_another_feed_gets_everything() {
    let log = full_city();
    let feed = feed(&log);
    let seq = log.board.position();
    assert_eq!(feed.since(seq + 1, true), None);
    assert_eq!(feed.since(seq - 1, true), None);
    assert_eq!(feed.since(seq, false), None);
    let everything = feed.snapshot();
    assert_eq!(everything.pages.len(), everything.fragments.len(), "whole pages, nothing twice");
}

#[test]
fn updates_carry_a_screen_from_any_position_to_the_wall_of_now() {
    let mut log = full_city();
    let mut feed = feed(&log);
    let mut screens: Vec<(u64, std::collections::BTreeMap<String, String>)> = Vec::new();
    let own = |wall: &Wall| wall.pages.iter().map(|p| (p.key.clone(), p.html())).collect();
    screens.push((feed.seq(), own(feed.wall())));
    strike(&mut log, false, 0);
    for step in 0..6 {
        log.room("f000", ServiceKind::Tokuyo, Cell::ALL_BEDS, [Level::Full, Level::Few][step % 2], None, now());
        feed.advance(render(&log, now(), Layout::Landscape), log.board.position());
        screens.push((feed.seq(), own(feed.wall())));
    }
    for (seq, pages) in screens {
        let update = feed.since(seq, true).unwrap();
        // Pages are replaced whole or in part; in part means that the old page differs only inside the sent elements.
        for page in &feed.wall().pages {
            let sent = update.fragments.contains_key(&page.key);
            let inside = update.fragments.iter().any(|(_, html)| page.html().contains(html.as_str()));
            assert!(sent || inside || pages.get(&page.key) == Some(&page.html()), "{} from {seq}", page.key);
        }
        assert_eq!(update.pages, feed.wall().pages.iter().map(|p| p.key.clone()).collect::<Vec<_>>());
    }
}

#[test]
fn a_page_is_taken_over_only_where_rendering_it_again_would_give_the_same() {
    for (struck, layout) in [(None, Layout::Landscape), (Some(false), Layout::Portrait), (Some(true), Layout::Landscape)] {
        let mut log = full_city();
        if let Some(exercise) = struck {
            strike(&mut log, exercise, 3);
        }
        let vacancy = |kind: ServiceKind, level| {
            let aspect = Aspect::Vacancy { service: kind.word().parse().unwrap(), cell: Cell::ALL_BEDS };
            vec![(aspect, Value::Vacancy { level, count: Some(3), total: None })]
        };
        let operation = |state| vec![(Aspect::Operation, Value::Operation { state, reopens: None })];
        let reports = [
            ("f002", vacancy(ServiceKind::Roken, Level::Few)),
            ("f000", vacancy(ServiceKind::Tokuyo, Level::Full)),
            ("f000", operation(Operation::Limited)),
            ("f002", vacancy(ServiceKind::Roken, Level::Full)),
        ];
        let mut shared = 0;
        for (facility, observed) in reports {
            let before = render(&log, now(), layout);
            let change = log.report(facility, now(), observed);
            let after = at(&log, now(), |m| {
                let (display, city) = (display(), city());
                wall::render_after(&Look { m, display: &display, city: &city, layout }, &before, &change.views)
            });
            assert_eq!(after, render(&log, now(), layout), "{struck:?} {:?}", change.views);
            shared += after.pages.iter().zip(&before.pages).filter(|(a, b)| std::sync::Arc::ptr_eq(a, b)).count();
        }
        assert!(shared > 3, "nothing was taken over");
    }
}
