//! A small invented city, and generators for everything that can happen to it.
//!
//! Generated entries refer to a handful of ids, so that they meet each other often; some refer to nothing, because the
//! fold must be total.

use imaboard_domain::*;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

/// Monday 2026-11-23, 09:00 in the city.
pub(crate) fn morning() -> Timestamp {
    "2026-11-23T00:00:00Z".parse().unwrap()
}

pub(crate) fn after_minutes(minutes: i64) -> Timestamp {
    morning() + SignedDuration::from_mins(minutes)
}

pub(crate) fn today() -> Date {
    date(2026, 11, 23)
}

pub(crate) fn id<T: std::str::FromStr<Err = BadId>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn entry_id(n: u128) -> EntryId {
    EntryId(uuid::Uuid::from_u128(n))
}

pub(crate) fn facility(name: &str, services: Vec<Service>) -> Facility {
    Facility {
        id: id(name),
        name: name.to_owned(),
        kana: String::new(),
        district: id("seihi"),
        island: None,
        address: String::new(),
        phone: String::new(),
        fax: String::new(),
        url: String::new(),
        operator: String::new(),
        office_number: String::new(),
        latitude: None,
        longitude: None,
        services,
        closures: Vec::new(),
    }
}

pub(crate) fn service(kind: ServiceKind) -> Service {
    Service { id: id(kind.word()), kind, capacity: Some(20), bed_cells: Vec::new(), sessions: Vec::new() }
}

pub(crate) fn entry(seq: u64, recorded_at: Timestamp, facts: Facts) -> Entry {
    Entry {
        seq,
        id: entry_id(u128::from(seq) + 1_000),
        recorded_at,
        actor: "key:k1".to_owned(),
        channel: Channel::Qr,
        facts,
        text: None,
    }
}

pub(crate) fn report(facility: &str, observed_at: Timestamp, observations: Vec<(Aspect, Value)>) -> Report {
    Report {
        facility: id(facility),
        observed_at,
        late: false,
        incident: None,
        roll_call: None,
        exercise: false,
        unclear: false,
        observations: observations.into_iter().map(|(aspect, value)| Observed { aspect, value, confirms: None }).collect(),
        remark: None,
        press: None,
        effort: None,
    }
}

pub(crate) fn beds(service: ServiceKind) -> Aspect {
    Aspect::Vacancy { service: id(service.word()), cell: Cell::ALL_BEDS }
}

pub(crate) fn free(count: u32) -> Value {
    Value::Vacancy { level: Thresholds::default().level(count), count: Some(count), total: None }
}

pub(crate) fn incident(name: &str, exercise: bool, severity: Severity, opened_at: Timestamp) -> Incident {
    Incident {
        id: id(name),
        name: name.to_owned(),
        hazard: Hazard::Typhoon,
        areas: Vec::new(),
        severity,
        exercise,
        opened_at,
        closed_at: None,
    }
}

pub(crate) fn roll_call(name: &str, exercise: bool, opened_at: Timestamp) -> RollCall {
    RollCall { id: id(name), areas: Vec::new(), exercise, opened_at, closed_at: None, answers: OrdMap::new() }
}

/// A board with these entries, `seq` from 1, one minute apart.
pub(crate) fn board_of(facts: impl IntoIterator<Item = Facts>) -> Board {
    let mut board = Board::new();
    for (n, facts) in facts.into_iter().enumerate() {
        board.apply(&entry(n as u64 + 1, after_minutes(n as i64), facts));
    }
    board
}

/// One kind of every grid, two of `Beds`, one without.
pub(crate) const KINDS: [ServiceKind; 7] = [
    ServiceKind::Tokuyo,
    ServiceKind::GroupHome,
    ServiceKind::ShortStay,
    ServiceKind::DayCare,
    ServiceKind::SmallMulti,
    ServiceKind::HomeHelp,
    ServiceKind::Clinic,
];

pub(crate) const FACILITIES: [&str; 3] = ["hamayu", "yuri", "sazanka"];
const INCIDENTS: [&str; 3] = ["i1", "i2", "i3"];
const ROLL_CALLS: [&str; 2] = ["rc-1", "rc-2"];
const POSTINGS: [&str; 3] = ["p1", "p2", "p3"];
const DISTRICTS: [&str; 3] = ["seihi", "oshima", "sakito"];

pub(crate) fn word<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> + Clone {
    select(all)
}

fn one_of<T: std::str::FromStr<Err = BadId> + std::fmt::Debug + Clone>(
    names: &'static [&'static str],
) -> impl Strategy<Value = T> + Clone {
    select(names).prop_map(id)
}

/// Within three days before and one hour after the morning, to the second.
pub(crate) fn moment() -> impl Strategy<Value = Timestamp> + Clone {
    (-259_200_i64..3_600).prop_map(|s| morning() + SignedDuration::from_secs(s))
}

pub(crate) fn a_date() -> impl Strategy<Value = Date> + Clone {
    (-5_i64..40).prop_map(|d| today() + jiff::Span::new().days(d))
}

pub(crate) fn cell_of(grid: Grid) -> BoxedStrategy<Cell> {
    match grid {
        Grid::Beds => (prop::option::of(word(BedSex::ALL)), prop::option::of(word(BedRoom::ALL)))
            .prop_map(|(sex, room)| Cell::Beds { sex, room })
            .boxed(),
        Grid::Dates => a_date().prop_map(Cell::Date).boxed(),
        Grid::Weekdays => (word(Weekday::ALL), word(Session::ALL)).prop_map(|(d, s)| Cell::Weekday(d, s)).boxed(),
        Grid::Slots => word(Slot::ALL).prop_map(Cell::Slot).boxed(),
        Grid::Intake => Just(Cell::Intake).boxed(),
    }
}

pub(crate) fn aspect() -> impl Strategy<Value = Aspect> + Clone {
    let vacancy = select(&KINDS[..6]).prop_flat_map(|kind| {
        cell_of(kind.grid().unwrap()).prop_map(move |cell| Aspect::Vacancy { service: id(kind.word()), cell })
    });
    // All beds often, because a cell that is never reported twice proves little.
    let all_beds = select(&KINDS[..2]).prop_map(beds);
    let plain = select(&PLAIN_ASPECTS[..]).prop_map(|(aspect, _)| aspect);
    prop_oneof![vacancy, all_beds, plain]
}

fn need() -> impl Strategy<Value = Need> + Clone {
    let quantity = prop::option::of((1_u32..500, word(NeedUnit::ALL)));
    (word(Urgency::ALL), word(NeedItem::ALL), quantity).prop_map(|(urgency, item, quantity)| Need { urgency, item, quantity })
}

/// A value that fits the aspect.
pub(crate) fn value_of(aspect: &Aspect) -> BoxedStrategy<Value> {
    let number = || prop::option::of(0_u32..30);
    match aspect {
        Aspect::Vacancy { .. } => (word(Level::ALL), number(), number())
            .prop_map(|(level, count, total)| Value::Vacancy { level, count, total })
            .boxed(),
        Aspect::Operation => (word(Operation::ALL), prop::option::of(a_date()))
            .prop_map(|(state, reopens)| Value::Operation { state, reopens })
            .boxed(),
        Aspect::FirstReport => word(FirstReport::ALL).prop_map(Value::FirstReport).boxed(),
        Aspect::Power => (word(Power::ALL), number()).prop_map(|(state, hours)| Value::Power { state, hours }).boxed(),
        Aspect::Water
        | Aspect::Gas
        | Aspect::MedicalGas
        | Aspect::Phone
        | Aspect::Internet
        | Aspect::Toilet
        | Aspect::Climate => (word(Utility::ALL), number()).prop_map(|(state, hours)| Value::Utility { state, hours }).boxed(),
        Aspect::Building => word(Building::ALL).prop_map(Value::Building).boxed(),
        Aspect::Flooding => word(Flooding::ALL).prop_map(Value::Flooding).boxed(),
        Aspect::Road => word(Road::ALL).prop_map(Value::Road).boxed(),
        Aspect::Injured => word(Injured::ALL).prop_map(Value::Injured).boxed(),
        Aspect::Evacuation => word(Evacuation::ALL).prop_map(Value::Evacuation).boxed(),
        Aspect::Staff => word(Staffing::ALL).prop_map(Value::Staff).boxed(),
        Aspect::Supplies => (word(Supplies::ALL), number()).prop_map(|(state, days)| Value::Supplies { state, days }).boxed(),
        Aspect::ManyPatients => word(ManyPatients::ALL).prop_map(Value::ManyPatients).boxed(),
        Aspect::Acceptance => {
            (word(Acceptance::ALL), number()).prop_map(|(state, count)| Value::Acceptance { state, count }).boxed()
        }
        Aspect::Needs => prop::collection::vec(need(), 0..4).prop_map(Value::Needs).boxed(),
    }
}

pub(crate) fn observed() -> impl Strategy<Value = Observed> + Clone {
    let confirms = prop::option::weighted(0.2, (0_u128..40).prop_map(entry_id));
    (aspect(), confirms).prop_flat_map(|(aspect, confirms)| {
        value_of(&aspect).prop_map(move |value| Observed { aspect: aspect.clone(), value, confirms })
    })
}

pub(crate) fn a_press() -> impl Strategy<Value = PressFacts> + Clone {
    (word(Gesture::ALL), prop::option::of(1_u16..4), prop::option::of("[a-z0-9]{1,8}"))
        .prop_map(|(gesture, key, dedupe)| PressFacts { button: id("b1"), gesture, key, dedupe })
}

/// A report of any realm, of a facility that may not exist.
pub(crate) fn a_report() -> impl Strategy<Value = Report> + Clone {
    (
        (one_of(&FACILITIES), moment(), any::<bool>(), any::<bool>(), any::<bool>()),
        prop::option::of(one_of(&INCIDENTS)),
        prop::option::of(one_of(&ROLL_CALLS)),
        prop::collection::vec(observed(), 0..5),
        prop::option::weighted(0.3, one_of(&POSTINGS)),
        prop::option::weighted(0.2, a_press()),
    )
        .prop_map(|((facility, observed_at, late, exercise, unclear), incident, roll_call, observations, remark, press)| {
            Report {
                facility,
                observed_at,
                late,
                incident,
                roll_call,
                exercise,
                unclear,
                observations,
                remark,
                press,
                effort: None,
            }
        })
}

pub(crate) fn a_service(kind: ServiceKind) -> impl Strategy<Value = Service> + Clone {
    let classes = select(vec![
        Vec::new(),
        vec![Cell::Beds { sex: Some(BedSex::Male), room: None }, Cell::Beds { sex: Some(BedSex::Female), room: None }],
        vec![
            Cell::Beds { sex: None, room: Some(BedRoom::Private) },
            Cell::Beds { sex: None, room: Some(BedRoom::Shared) },
            Cell::Beds { sex: Some(BedSex::Either), room: Some(BedRoom::Shared) },
        ],
    ]);
    let sessions = select(vec![Vec::new(), vec![Session::Am, Session::Pm], vec![Session::Day]]);
    (prop::option::of(1_u32..60), classes, sessions).prop_map(move |(capacity, bed_cells, sessions)| Service {
        bed_cells: if kind.grid() == Some(Grid::Beds) { bed_cells } else { Vec::new() },
        sessions: if kind.grid() == Some(Grid::Weekdays) { sessions } else { Vec::new() },
        capacity,
        ..service(kind)
    })
}

/// A facility with one to four services of any grid.
pub(crate) fn a_facility() -> impl Strategy<Value = Facility> + Clone {
    let services = prop::collection::btree_set(select(&KINDS[..]), 1..5)
        .prop_flat_map(|kinds| kinds.into_iter().map(a_service).collect::<Vec<_>>())
        .prop_shuffle();
    let closures =
        prop::collection::vec((a_date(), 0_i64..5, prop::option::of(select(ClosureReason::ALL))), 0..2).prop_map(|list| {
            let closed = |(from, days, reason)| Closure { from, until: from + jiff::Span::new().days(days), reason };
            list.into_iter().map(closed).collect()
        });
    (
        select(&FACILITIES[..]),
        select(&["はまゆう荘", "ゆりの里"][..]),
        one_of(&DISTRICTS),
        prop::option::of(Just("松島".to_owned())),
        (prop::option::of(32.0..34.0_f64), prop::option::of(129.0..130.0_f64)),
        services,
        closures,
    )
        .prop_map(|(name, shown, district, island, (latitude, longitude), services, closures)| Facility {
            name: shown.to_owned(),
            district,
            island,
            latitude,
            longitude,
            closures,
            ..facility(name, services)
        })
}

fn an_incident() -> impl Strategy<Value = Incident> + Clone {
    (
        select(&INCIDENTS[..]),
        any::<bool>(),
        word(Severity::ALL),
        word(Hazard::ALL),
        prop::collection::vec(one_of(&DISTRICTS), 0..2),
        moment(),
    )
        .prop_map(|(name, exercise, severity, hazard, areas, at)| Incident {
            hazard,
            areas,
            ..incident(name, exercise, severity, at)
        })
}

fn a_roll_call() -> impl Strategy<Value = RollCall> + Clone {
    (select(&ROLL_CALLS[..]), any::<bool>(), prop::collection::vec(one_of(&DISTRICTS), 0..2), moment())
        .prop_map(|(name, exercise, areas, at)| RollCall { areas, ..roll_call(name, exercise, at) })
}

fn a_draft() -> impl Strategy<Value = Facts> + Clone {
    (
        one_of(&POSTINGS),
        word(PostingKind::ALL),
        prop::option::of(one_of(&FACILITIES)),
        prop::option::of(word(NoticeCategory::ALL)),
        prop::option::of(a_job()),
        prop::option::of(moment()),
        a_plan(),
    )
        .prop_map(|(posting, what, facility, category, job, expires_at, plan)| Facts::PostingDrafted {
            posting,
            what,
            facility,
            category,
            job,
            expires_at,
            plan,
        })
}

fn a_job() -> impl Strategy<Value = Job> + Clone {
    let time = |hour: i8| jiff::civil::time(hour, 30, 0, 0);
    let hours = (word(Shift::ALL), prop::option::of(0_i8..24), prop::option::of(0_i8..24))
        .prop_map(move |(shift, from, until)| Hours { shift, from: from.map(time), until: until.map(time) });
    (
        (word(Employment::ALL), word(WagePer::ALL), 900_u32..3_000, prop::option::of(3_000_u32..5_000)),
        prop::option::of(word(WorkKind::ALL)),
        prop::option::of(hours),
        prop::option::of(word(ContactRole::ALL)),
    )
        .prop_map(|((employment, wage_per, wage_from_yen, wage_to_yen), work, hours, contact)| Job {
            employment,
            wage_per,
            wage_from_yen,
            wage_to_yen,
            work,
            hours,
            contact,
        })
}

fn a_plan() -> impl Strategy<Value = Plan> + Clone {
    (prop::option::of(word(Audience::ALL)), prop::option::of(moment()), any::<bool>())
        .prop_map(|(audience, publish_at, pinned)| Plan { audience, publish_at, pinned })
}

fn a_revision() -> impl Strategy<Value = Facts> + Clone {
    (
        one_of(&POSTINGS),
        0_u32..3,
        any::<bool>(),
        prop::option::of(word(NoticeCategory::ALL)),
        prop::option::of(a_job()),
        prop::option::of(moment()),
        a_plan(),
    )
        .prop_map(|(posting, base, announced, category, job, expires_at, plan)| Facts::PostingRevised {
            posting,
            base,
            announced,
            category,
            job,
            expires_at,
            plan,
        })
}

fn a_button() -> impl Strategy<Value = Button> + Clone {
    let sets = select(vec!["single=vacancy:full", "double@2=vacancy/tokuyo:3", "long=first_report:needs_help"]);
    (select(&["b1", "b2"][..]), one_of(&FACILITIES), prop::collection::vec(sets.prop_map(|s| s.parse().unwrap()), 0..3))
        .prop_map(|(name, facility, sets)| Button::new(id(name), facility, "imaboard".into(), format!("d-{name}"), sets))
}

/// Everything that holds after a report was taken back, as somebody claims who may be wrong.
fn a_correction() -> impl Strategy<Value = Facts> + Clone {
    let answer = prop::option::of((one_of(&ROLL_CALLS), Just(None)));
    let remark = prop::option::of(one_of(&POSTINGS));
    let stands = prop::collection::vec((observed(), any::<bool>(), moment()), 0..4);
    (0_u128..40, one_of(&FACILITIES), stands, any::<bool>(), answer, remark).prop_map(
        |(replaces, facility, stands, exercise, answer, remark)| {
            let stands = stands.into_iter().map(|(o, known, at)| {
                let said = report("hamayu", at, vec![(o.aspect.clone(), o.value.clone())]);
                let said = Report { exercise, ..said };
                let standing = said.standing(&entry(0, at, Facts::CityFounded { sample: false }), &o);
                (o.aspect, known.then_some(standing))
            });
            Facts::Corrected {
                replaces: entry_id(replaces),
                facility,
                stands: stands.collect(),
                days: Vec::new(),
                answer,
                exercise,
                remark,
            }
        },
    )
}

/// One strategy for every kind of facts.
pub(crate) fn every_facts() -> Vec<BoxedStrategy<Facts>> {
    let key = || select(&["k1", "k2"][..]).prop_map(id::<KeyId>);
    let publish = (one_of(&POSTINGS), prop::option::of(moment()), prop::option::of(moment()), any::<bool>());
    vec![
        any::<bool>().prop_map(|sample| Facts::CityFounded { sample }).boxed(),
        a_report().prop_map(Facts::Report).boxed(),
        a_correction().boxed(),
        (1_u64..40).prop_map(|seq| Facts::Redacted { seq, why: "個人情報".into() }).boxed(),
        a_facility().prop_map(|f| Facts::FacilityRegistered(Box::new(f))).boxed(),
        one_of(&FACILITIES).prop_map(|facility| Facts::FacilityRetired { facility }).boxed(),
        (key(), one_of(&FACILITIES)).prop_map(|(key, facility)| Facts::KeyIssued { key, facility, label: "玄関".into() }).boxed(),
        key().prop_map(|key| Facts::KeyRevoked { key }).boxed(),
        an_incident().prop_map(Facts::IncidentOpened).boxed(),
        one_of(&INCIDENTS).prop_map(|incident| Facts::IncidentClosed { incident }).boxed(),
        one_of(&INCIDENTS).prop_map(|incident| Facts::IncidentNoted { incident }).boxed(),
        a_roll_call().prop_map(Facts::RollCallOpened).boxed(),
        one_of(&ROLL_CALLS).prop_map(|roll_call| Facts::RollCallClosed { roll_call }).boxed(),
        a_draft().boxed(),
        publish
            .prop_map(|(posting, publish_at, expires_at, pinned)| Facts::PostingPublished {
                posting,
                publish_at,
                expires_at,
                pinned,
            })
            .boxed(),
        one_of(&POSTINGS).prop_map(|posting| Facts::PostingWithdrawn { posting }).boxed(),
        a_button().prop_map(Facts::ButtonEnrolled).boxed(),
        select(&["b1", "b2"][..]).prop_map(|b| Facts::ButtonRemoved { button: id(b) }).boxed(),
        (select(&["d1", "d2"][..]), one_of(&DISTRICTS))
            .prop_map(|(d, district)| {
                Facts::DisplayAdded(Display { id: id(d), name: "ロビー".into(), districts: vec![district] })
            })
            .boxed(),
        (one_of(&FACILITIES), word(CallOutcome::ALL), prop::option::of(moment()), any::<bool>())
            .prop_map(|(facility, outcome, until, exercise)| Facts::CallTried { facility, outcome, until, exercise })
            .boxed(),
        one_of(&POSTINGS).prop_map(|posting| Facts::PostingReturned { posting }).boxed(),
        a_revision().boxed(),
        (word(GuidePage::ALL), 1_u32..4).prop_map(|(page, revision)| Facts::PageEdited { page, revision }).boxed(),
        one_of(&FACILITIES).prop_map(|facility| Facts::SupportAsked { facility }).boxed(),
        (one_of(&FACILITIES), word(VisitOutcome::ALL))
            .prop_map(|(facility, outcome)| Facts::SupportVisited { facility, on: today(), outcome })
            .boxed(),
    ]
}

/// An entry without its position; [`session`] gives that.
pub(crate) fn an_entry() -> impl Strategy<Value = Entry> {
    let kinds = every_facts();
    // Reports are what a board lives of; every third entry is one, and the register changes often enough to matter.
    let reports = a_report().prop_map(Facts::Report).boxed();
    let mut weighted: Vec<(u32, BoxedStrategy<Facts>)> = kinds.into_iter().map(|k| (2, k)).collect();
    weighted.push((16, reports));
    let facts = proptest::strategy::Union::new_weighted(weighted);
    let text = prop::option::weighted(0.7, select(&["本日は相談員が休みです", "求人\n夜勤あり"][..]).prop_map(str::to_owned));
    (facts, 0_i64..100_000, word(Channel::ALL), text).prop_map(|(facts, late_s, channel, text)| Entry {
        seq: 0,
        id: entry_id(0),
        recorded_at: morning() + SignedDuration::from_secs(late_s),
        actor: "key:k1".into(),
        channel,
        facts,
        text,
    })
}

/// A city with three facilities, a roll call of each realm, and then anything at all.
pub(crate) fn session(most: usize) -> impl Strategy<Value = Vec<Entry>> {
    let city = FACILITIES
        .map(|name| a_facility().prop_map(move |f| Facts::FacilityRegistered(Box::new(Facility { id: id(name), ..f }))));
    (city, prop::collection::vec(an_entry(), 0..=most)).prop_map(|(city, anything)| {
        let start = city.into_iter().map(|facts| entry(0, morning(), facts));
        start.chain(anything).enumerate().map(|(n, e)| Entry { seq: n as u64 + 1, id: entry_id(n as u128 + 1), ..e }).collect()
    })
}

pub(crate) fn replay(entries: &[Entry]) -> Board {
    let mut board = Board::new();
    for e in entries {
        board.apply(e);
    }
    board
}
