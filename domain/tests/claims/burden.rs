//! What the counters of the burden claim.

use imaboard_domain::burden::{BAR_DAYS, DayState, Figures, Group, KEPT_DAYS, LEAST_EFFORTS, Ledger, MINUTES_PER_CALL, Period};
use imaboard_domain::*;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::support::*;

/// A city whose entries are counted and folded side by side.
struct City {
    board: Board,
    ledger: Ledger,
    seq: u64,
    new: Vec<FacilityId>,
}

impl City {
    /// Three homes with beds, in the register since `day`.
    fn since(day: i64) -> Self {
        let mut city = Self { board: Board::new(), ledger: Ledger::default(), seq: 0, new: Vec::new() };
        for name in FACILITIES {
            let home = facility(name, vec![service(ServiceKind::Tokuyo)]);
            city.add(at(day), Channel::Import, Facts::FacilityRegistered(Box::new(home)));
        }
        city
    }

    fn add(&mut self, recorded_at: Timestamp, channel: Channel, facts: Facts) {
        self.seq += 1;
        let entry = Entry { channel, ..entry(self.seq, recorded_at, facts) };
        self.board.apply(&entry);
        self.new.extend(self.ledger.apply(&entry));
    }

    fn report(&mut self, name: &str, day: i64, channel: Channel) {
        self.add(at(day), channel, Facts::Report(report(name, at(day), vec![(beds(ServiceKind::Tokuyo), free(2))])));
    }

    /// The figures of so many days, seen this morning.
    fn figures(&self, days: i32) -> Figures {
        let rhythms = Rhythms::default();
        let moment = Moment::new(&self.board, morning(), &rhythms);
        self.ledger.figures(&moment, Period::last(days, today()))
    }

    fn row(&self, name: &str, days: i32) -> burden::FacilityRow {
        self.figures(days).rows.into_iter().find(|r| r.facility.as_str() == name).unwrap()
    }
}

/// Nine in the morning so many days ago.
fn at(days_ago: i64) -> Timestamp {
    morning() - SignedDuration::from_hours(24 * days_ago)
}

#[test]
fn a_day_is_punctual_while_the_last_word_is_within_the_rhythm_at_midnight() {
    let mut city = City::since(30);
    city.report("hamayu", 20, Channel::Qr);
    let row = city.row("hamayu", 22);
    // Beds have seven days: the day of the report and the six after it. Today counts for nobody yet.
    let states: Vec<DayState> = row.bar.clone();
    assert_eq!(states.iter().position(|s| *s == DayState::Fresh), Some(1));
    assert_eq!(states.iter().filter(|s| **s == DayState::Fresh).count(), 7);
    assert_eq!(states.last(), Some(&DayState::Unknown));
    assert_eq!((row.fresh_days, row.due_days, row.percent()), (7, 21, Some(33)));
}

#[test]
fn a_fax_typed_in_today_makes_the_day_punctual_that_it_speaks_of() {
    let mut city = City::since(30);
    city.add(at(1), Channel::Fax, Facts::Report(report("hamayu", at(9), vec![(beds(ServiceKind::Tokuyo), free(2))])));
    let row = city.row("hamayu", 11);
    assert_eq!(
        row.bar.iter().map(|s| *s == DayState::Fresh).collect::<Vec<_>>()[..9],
        [false, true, true, true, true, true, true, true, false]
    );
}

#[test]
fn every_service_must_be_within_its_rhythm() {
    let mut city = City::since(30);
    let home = facility("hamayu", vec![service(ServiceKind::Tokuyo), service(ServiceKind::ShortStay)]);
    city.add(at(29), Channel::Import, Facts::FacilityRegistered(Box::new(home)));
    city.report("hamayu", 5, Channel::Qr);
    assert_eq!(city.row("hamayu", 7).fresh_days, 0, "nothing is known of the short stays");
}

#[test]
fn days_before_the_register_and_planned_closures_count_for_nobody() {
    let mut city = City::since(10);
    let mut home = facility("hamayu", vec![service(ServiceKind::Tokuyo)]);
    home.closures.push(Closure { from: city_date(at(4)), until: city_date(at(2)), reason: None });
    city.add(at(9), Channel::Import, Facts::FacilityRegistered(Box::new(home)));
    let row = city.row("hamayu", BAR_DAYS + 1);
    assert_eq!(row.bar.len(), 11, "the city began ten days ago");
    assert_eq!(row.due_days, 10 - 3);
    assert_eq!(row.bar.iter().filter(|s| **s == DayState::Closed).count(), 3);
}

#[test]
fn a_facility_that_the_register_held_before_counts_from_the_first_day_that_is_kept() {
    let mut city = City { board: Board::new(), ledger: Ledger::after(7), seq: 7, new: Vec::new() };
    city.add(at(20), Channel::System, Facts::CityFounded { sample: false });
    let home = facility("hamayu", vec![service(ServiceKind::Tokuyo)]);
    city.add(at(5), Channel::Import, Facts::FacilityRegistered(Box::new(home)));
    assert_eq!(city.new, [id("hamayu")]);
    assert_eq!(city.row("hamayu", 30).due_days, 5);
    city.ledger.is_known(&id("hamayu"));
    assert_eq!(city.row("hamayu", 30).due_days, 20);
}

#[test]
fn what_is_kept_is_bounded_and_the_newest_days_stay() {
    let mut city = City::since(400);
    for day in (0..400).rev() {
        city.report("hamayu", day, Channel::Qr);
    }
    let all = city.figures(400);
    assert_eq!(all.reports(), u32::try_from(KEPT_DAYS).unwrap());
    let row = city.row("hamayu", KEPT_DAYS);
    assert_eq!((row.fresh_days, row.due_days), (127, 127));
}

#[test]
fn a_facility_is_of_telephone_and_fax_when_half_of_its_reports_came_that_way() {
    let mut city = City::since(30);
    for (name, channels) in
        [("hamayu", vec![Channel::Qr, Channel::Button, Channel::Phone]), ("yuri", vec![Channel::Fax, Channel::Qr])]
    {
        for (day, channel) in channels.into_iter().enumerate() {
            city.report(name, day as i64 + 1, channel);
        }
    }
    let figures = city.figures(10);
    let group = |name: &str| figures.rows.iter().find(|r| r.facility.as_str() == name).unwrap().group;
    assert_eq!([group("hamayu"), group("yuri"), group("sazanka")], [Group::Own, Group::Proxy, Group::Silent]);
    assert_eq!((figures.own_reports(), figures.proxy_reports()), (3, 2));
    assert_eq!(figures.minutes_saved(), 3 * MINUTES_PER_CALL);
}

#[test]
fn nothing_is_said_of_a_group_of_two_or_of_a_few_days() {
    let mut city = City::since(60);
    for name in FACILITIES {
        city.report(name, 50, Channel::Qr);
        city.report(name, 5, Channel::Qr);
    }
    assert_eq!(city.figures(7).groups[&Group::Own].percent(), None, "eighteen days together");
    assert!(city.figures(60).groups[&Group::Own].percent().is_some());
    city.add(at(4), Channel::System, Facts::FacilityRetired { facility: id("yuri") });
    assert_eq!(city.figures(60).groups[&Group::Own].percent(), None, "two facilities");
}

#[test]
fn the_middle_of_seconds_and_presses_is_told_from_enough_reports_on() {
    let mut city = City::since(30);
    for n in 1..=u64::from(LEAST_EFFORTS) {
        let effort = Some(Effort::clamped(n * 7, n));
        let said = Report { effort, ..report("hamayu", at(3), vec![(beds(ServiceKind::Tokuyo), free(2))]) };
        if n == u64::from(LEAST_EFFORTS) {
            assert_eq!(city.figures(10).effort().seconds, None);
        }
        city.add(at(3), Channel::Qr, Facts::Report(said));
    }
    let effort = city.figures(10).effort();
    assert_eq!((effort.measured, effort.seconds, effort.taps), (10, Some(35), Some(5)));
}

#[test]
fn what_a_browser_claims_is_held_within_sane_limits() {
    assert_eq!(Effort::clamped(0, 0), Effort { seconds: 1, taps: 1 });
    assert_eq!(Effort::clamped(u64::MAX, 9_999), Effort { seconds: 3_600, taps: 500 });
}

#[test]
fn corrections_and_postings_given_back_are_counted_by_week() {
    let mut city = City::since(30);
    let draft = |name: &str, facility: Option<FacilityId>| Facts::PostingDrafted {
        posting: id(name),
        what: PostingKind::Notice,
        facility,
        category: None,
        job: None,
        expires_at: None,
        plan: imaboard_domain::Plan::default(),
    };
    for name in ["p1", "p2"] {
        city.add(at(8), Channel::Qr, draft(name, Some(id("hamayu"))));
    }
    city.add(at(8), Channel::Form, draft("p3", None));
    city.add(
        at(8),
        Channel::Form,
        Facts::PostingPublished { posting: id("p2"), publish_at: None, expires_at: None, pinned: false },
    );
    for name in ["p1", "p2", "p3"] {
        city.add(at(7), Channel::Form, Facts::PostingWithdrawn { posting: id(name) });
    }
    let figures = city.figures(15);
    assert_eq!(
        (figures.sent_in, figures.returned),
        (2, 1),
        "taken off after its time is not given back, and the city's own are its own"
    );
    assert_eq!(figures.weeks.iter().map(|w| w.returned).sum::<u32>(), 1);
}

#[test]
fn answers_to_roll_calls_are_compared_by_group_and_exercises_apart() {
    let mut city = City::since(30);
    city.report("hamayu", 5, Channel::Qr);
    city.report("yuri", 5, Channel::Phone);
    for (name, exercise) in [("rc-1", false), ("rc-2", true)] {
        city.add(at(2), Channel::Form, Facts::RollCallOpened(roll_call(name, exercise, at(2))));
    }
    let later = at(2) + SignedDuration::from_mins(31);
    for (name, when) in [("hamayu", at(2)), ("yuri", later)] {
        let safe = vec![(Aspect::FirstReport, Value::FirstReport(FirstReport::Safe))];
        let said = Report { roll_call: Some(id("rc-1")), ..report(name, when, safe) };
        city.add(when, Channel::Qr, Facts::Report(said));
    }
    let figures = city.figures(10);
    let real = figures.answers(false);
    assert_eq!((real[&Group::Own].asked, real[&Group::Own].prompt()), (1, 1));
    assert_eq!((real[&Group::Proxy].asked, real[&Group::Proxy].prompt(), real[&Group::Proxy].answered()), (1, 0, 1));
    assert_eq!(real[&Group::Own].prompt_percent(), None, "one facility is no group");
    assert_eq!(figures.answers(true).values().map(burden::Answers::answered).sum::<u32>(), 0);
}

#[test]
fn a_month_is_cut_off_at_today_and_does_not_begin_before_its_time() {
    let until = |y, m| Period::month(y, m, today()).map(|p| (p.from, p.until));
    let day = |m, d| Date::new(2026, m, d).unwrap();
    assert_eq!(until(2026, 11), Some((day(11, 1), today())));
    assert_eq!(until(2026, 10), Some((day(10, 1), day(10, 31))));
    assert_eq!(until(2026, 12), None);
    assert_eq!(until(2026, 13), None);
}
