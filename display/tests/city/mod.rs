//! One small invented city for the tests of the walls, at one fixed moment: 2026-11-23 14:32 in Japan.
#![expect(clippy::unwrap_used, reason = "tests")]

use imaboard_domain::*;
use imaboard_templates::{City, Desk, District};
use jiff::{SignedDuration, Timestamp};

pub(crate) const DISTRICTS: [(&str, &str); 5] =
    [("seihi", "西彼"), ("saikai", "西海"), ("oshima", "大島"), ("sakito", "崎戸"), ("oseto", "大瀬戸")];

pub(crate) fn now() -> Timestamp {
    "2026-11-23T14:32:00+09:00".parse().unwrap()
}

pub(crate) fn hours(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n)
}

pub(crate) fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

pub(crate) fn city() -> City {
    let desk = |label: &str, phone: &str| Desk { label: label.to_owned(), phone: phone.to_owned(), hours: String::new() };
    City {
        name: "西海市".to_owned(),
        desk: desk("長寿介護課", "0959-00-0100"),
        disaster_desk: desk("災害対策本部", "0959-00-0119"),
        districts: DISTRICTS
            .iter()
            .map(|(id, name)| District { id: id.parse().unwrap(), name: (*name).to_owned(), islands: Vec::new() })
            .collect(),
    }
}

pub(crate) fn display() -> Display {
    Display { id: "cityhall".parse().unwrap(), name: "市役所1階ロビー".to_owned(), districts: Vec::new() }
}

/// A board and the means to write its log.
pub(crate) struct Log {
    pub(crate) board: Board,
    seq: u64,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { board: Board::new(), seq: 0 }
    }

    pub(crate) fn apply(&mut self, at: Timestamp, facts: Facts, text: Option<&str>) -> Change {
        self.seq += 1;
        let entry = Entry {
            seq: self.seq,
            id: EntryId(uuid(self.seq)),
            recorded_at: at,
            actor: "test".to_owned(),
            channel: [Channel::Qr, Channel::Phone, Channel::Button, Channel::Form, Channel::Fax][(self.seq % 5) as usize],
            facts,
            text: text.map(str::to_owned),
        };
        self.board.apply(&entry)
    }

    pub(crate) fn register(&mut self, id: &str, name: &str, district: &str, kinds: &[ServiceKind]) {
        self.register_on(id, name, district, None, kinds);
    }

    pub(crate) fn register_on(&mut self, id: &str, name: &str, district: &str, island: Option<&str>, kinds: &[ServiceKind]) {
        let services = kinds
            .iter()
            .map(|kind| Service {
                id: kind.word().parse().unwrap(),
                kind: *kind,
                capacity: None,
                bed_cells: Vec::new(),
                sessions: Vec::new(),
            })
            .collect();
        let facility = Facility {
            id: id.parse().unwrap(),
            name: name.to_owned(),
            kana: String::new(),
            district: district.parse().unwrap(),
            island: island.map(str::to_owned),
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
        };
        self.apply(now() - hours(24 * 60), Facts::FacilityRegistered(Box::new(facility)), None);
    }

    pub(crate) fn report(&mut self, id: &str, at: Timestamp, observed: Vec<(Aspect, Value)>) -> Change {
        self.report_in(id, at, observed, None, None, false)
    }

    pub(crate) fn report_in(
        &mut self,
        id: &str,
        at: Timestamp,
        observed: Vec<(Aspect, Value)>,
        incident: Option<&str>,
        roll_call: Option<&str>,
        exercise: bool,
    ) -> Change {
        let report = Report {
            facility: id.parse().unwrap(),
            observed_at: at,
            late: false,
            incident: incident.map(|i| i.parse().unwrap()),
            roll_call: roll_call.map(|i| i.parse().unwrap()),
            exercise,
            unclear: false,
            observations: observed.into_iter().map(|(aspect, value)| Observed { aspect, value, confirms: None }).collect(),
            remark: None,
            press: None,
            effort: None,
        };
        self.apply(at, Facts::Report(report), None)
    }

    pub(crate) fn room(
        &mut self,
        id: &str,
        kind: ServiceKind,
        cell: Cell,
        level: Level,
        count: Option<u32>,
        at: Timestamp,
    ) -> Change {
        let aspect = Aspect::Vacancy { service: kind.word().parse().unwrap(), cell };
        self.report(id, at, vec![(aspect, Value::Vacancy { level, count, total: None })])
    }

    pub(crate) fn open_incident(&mut self, id: &str, name: &str, severity: Severity, exercise: bool, at: Timestamp) {
        let incident = Incident {
            id: id.parse().unwrap(),
            name: name.to_owned(),
            hazard: Hazard::Typhoon,
            areas: Vec::new(),
            severity,
            exercise,
            opened_at: at,
            closed_at: None,
        };
        self.apply(at, Facts::IncidentOpened(incident), None);
    }

    pub(crate) fn open_roll_call(&mut self, id: &str, exercise: bool, at: Timestamp) {
        let call = RollCall {
            id: id.parse().unwrap(),
            areas: Vec::new(),
            exercise,
            opened_at: at,
            closed_at: None,
            answers: OrdMap::new(),
        };
        self.apply(at, Facts::RollCallOpened(call), None);
    }

    pub(crate) fn post(
        &mut self,
        id: &str,
        what: PostingKind,
        text: &str,
        job: Option<Job>,
        facility: Option<&str>,
        at: Timestamp,
    ) {
        let posting: PostingId = id.parse().unwrap();
        let category = (what == PostingKind::Notice).then_some(NoticeCategory::Transport);
        let facility = facility.map(|f| f.parse().unwrap());
        let drafted = Facts::PostingDrafted {
            posting: posting.clone(),
            what,
            facility,
            category,
            job,
            expires_at: None,
            plan: Plan::default(),
        };
        self.apply(at, drafted, Some(text));
        let published = Facts::PostingPublished { posting, publish_at: None, expires_at: None, pinned: false };
        self.apply(at, published, None);
    }
}

fn uuid(n: u64) -> uuid::Uuid {
    uuid::Uuid::from_u128(u128::from(n))
}

pub(crate) fn first(v: FirstReport) -> (Aspect, Value) {
    (Aspect::FirstReport, Value::FirstReport(v))
}

pub(crate) fn power(state: Power, hours: Option<u32>) -> (Aspect, Value) {
    (Aspect::Power, Value::Power { state, hours })
}

pub(crate) fn utility(aspect: Aspect, state: Utility, hours: Option<u32>) -> (Aspect, Value) {
    (aspect, Value::Utility { state, hours })
}

/// Sixty facilities of all kinds, most of which reported.
pub(crate) fn full_city() -> Log {
    let mut log = Log::new();
    log.apply(now() - hours(24 * 60), Facts::CityFounded { sample: true }, None);
    let kinds: Vec<ServiceKind> = ServiceKind::ALL.to_vec();
    let names = [
        "潮騒の里",
        "みかんの丘",
        "さざなみ崎戸",
        "オリーブガーデン西海白岳",
        "ゆうなぎテラス",
        "かもめ苑",
        "みなとの家ひらしま",
        "多機能ケアセンターはまゆう大島みなみ",
        "松島いこいの家",
        "雪浦デイサービス",
        "訪問看護ステーションかけはし",
        "オリーブガーデン西海白岳ガーデンコート弐番館別邸",
        "江島あんしんの家",
        "平島診療所",
        "崎戸クリニック",
    ];
    for n in 0..60_usize {
        let kind = kinds[n % kinds.len()];
        let id = format!("f{n:03}");
        let name = if n < names.len() { names[n].to_owned() } else { format!("{}{}号", names[n % names.len()], n) };
        let (district, island) = match n {
            6 => ("sakito", Some("平島")),
            12 => ("sakito", Some("江島")),
            _ => (DISTRICTS[n % 5].0, None),
        };
        log.register_on(&id, &name, district, island, &[kind]);
        let Some(grid) = kind.grid() else { continue };
        let cell = match grid {
            Grid::Beds => Cell::ALL_BEDS,
            Grid::Dates => Cell::Date(city_date(now())),
            Grid::Weekdays => Cell::Weekday(Weekday::Tue, Session::Day),
            Grid::Slots => Cell::Slot(Slot::Stay),
            Grid::Intake => Cell::Intake,
        };
        let level = [Level::Available, Level::Full, Level::Few, Level::Plenty, Level::Full][n % 5];
        let count = (grid == Grid::Beds).then_some([2, 0, 1, 7, 0][n % 5]);
        let age = match n % 13 {
            5 => hours(24 * 8),
            9 => hours(24 * 15),
            _ => minutes(27 + (n as i64) * 11),
        };
        log.room(&id, kind, cell, level, count, now() - age);
    }
    log.post(
        "n1",
        PostingKind::Notice,
        "江島・平島行きの船は 25日まで冬ダイヤです\n始発は7時10分です",
        None,
        None,
        now() - hours(26),
    );
    log.post("n2", PostingKind::Notice, "面会の前に 熱とせきの確認をお願いします", None, None, now() - hours(80));
    log.post(
        "n3",
        PostingKind::Notice,
        "介護職員初任者研修の受講者を募集しています。申し込みは12月4日までに長寿介護課へお願いします",
        None,
        Some("f011"),
        now() - hours(90),
    );
    let job = |from, to| Some(Job { wage_to_yen: to, ..Job::new(Employment::PartTime, WagePer::Hour, from) });
    log.post("j1", PostingKind::Job, "夜勤ができる介護職員\n週2回から", job(1080, Some(1300)), Some("f000"), now() - hours(30));
    log.post("j2", PostingKind::Job, "送迎の運転手", job(990, None), Some("f011"), now() - hours(50));
    log
}

/// Real damage as in the mock-ups, then `more` others.
pub(crate) fn strike(log: &mut Log, exercise: bool, more: usize) {
    let opened = now() - minutes(60);
    let name = if exercise { "台風" } else { "台風第24号" };
    log.open_incident("typhoon", name, Severity::Incident, exercise, opened);
    log.open_roll_call("call", exercise, now() - minutes(47));
    let mut say = |id: &str, ago: i64, observed: Vec<(Aspect, Value)>| {
        log.report_in(id, now() - minutes(ago), observed, Some("typhoon"), Some("call"), exercise);
    };
    let need = |urgency, item, quantity| Need { urgency, item, quantity };
    say(
        "f000",
        11,
        vec![
            first(FirstReport::NeedsHelp),
            power(Power::Generator, Some(2)),
            utility(Aspect::Water, Utility::None, None),
            utility(Aspect::Gas, Utility::Usable, None),
            utility(Aspect::Phone, Utility::Restricted, None),
            (Aspect::Road, Value::Road(Road::Cut)),
            (
                Aspect::Needs,
                Value::Needs(vec![
                    need(Urgency::Now, NeedItem::Fuel, None),
                    need(Urgency::Within24h, NeedItem::Water, Some((200, NeedUnit::Litres))),
                ]),
            ),
        ],
    );
    say(
        "f006",
        34,
        vec![
            first(FirstReport::NeedsHelp),
            power(Power::None, None),
            utility(Aspect::Water, Utility::Restricted, Some(9)),
            utility(Aspect::Phone, Utility::Unconfirmed, None),
            (Aspect::Road, Value::Road(Road::Cut)),
            (Aspect::Needs, Value::Needs(vec![need(Urgency::Now, NeedItem::Transport, Some((1, NeedUnit::Vehicles)))])),
        ],
    );
    say(
        "f002",
        20,
        vec![
            first(FirstReport::Impaired),
            power(Power::Generator, Some(12)),
            utility(Aspect::Water, Utility::Restricted, Some(12)),
        ],
    );
    say(
        "f007",
        27,
        vec![
            first(FirstReport::Impaired),
            power(Power::Generator, Some(20)),
            utility(Aspect::Gas, Utility::None, None),
            (Aspect::Road, Value::Road(Road::Open)),
        ],
    );
    say(
        "f011",
        15,
        vec![
            first(FirstReport::Impaired),
            power(Power::Grid, None),
            utility(Aspect::Water, Utility::None, None),
            (Aspect::Building, Value::Building(Building::Unsafe)),
        ],
    );
    for n in 0..more {
        let id = format!("f{:03}", 12 + n);
        say(&id, 10 + n as i64 % 30, vec![first(FirstReport::Impaired), power(Power::None, None)]);
    }
    for n in (12 + more)..45 {
        let id = format!("f{n:03}");
        say(&id, 5 + (n as i64 * 7) % 40, vec![first(FirstReport::Safe)]);
    }
}
