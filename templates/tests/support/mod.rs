//! A small invented city, built entry by entry and folded, for the tests of the pages.
//!
//! Invariant: the same calls give the same board; nothing here reads a clock or a random number.

#![expect(clippy::unwrap_used, reason = "tests")]

use imaboard_domain::*;
use imaboard_templates::{City, Desk, District};
use jiff::{SignedDuration, Timestamp};

/// 24 November 2026, 10:42 in the city: a Tuesday.
pub(crate) fn now() -> Timestamp {
    "2026-11-24T01:42:00Z".parse().unwrap()
}

/// That many minutes before [`now`].
pub(crate) fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// That many hours before [`now`].
pub(crate) fn hours_ago(hours: i64) -> Timestamp {
    minutes_ago(hours * 60)
}

pub(crate) fn city() -> City {
    let district = |id: &str, name: &str, islands: &[&str]| District {
        id: DistrictId::new(id).unwrap(),
        name: name.into(),
        islands: islands.iter().map(|i| (*i).into()).collect(),
    };
    City {
        name: "西海市".into(),
        desk: Desk { label: "相談窓口".into(), phone: "0959-00-0100".into(), hours: "平日 8:30–17:15".into() },
        disaster_desk: Desk { label: "災害対策本部".into(), phone: "0959-00-0110".into(), hours: "24時間".into() },
        districts: vec![
            district("seihi", "西彼", &[]),
            district("saikai", "西海", &[]),
            district("oshima", "大島", &[]),
            district("sakito", "崎戸", &["平島", "江島"]),
            district("oseto", "大瀬戸", &["松島"]),
        ],
    }
}

/// Builds a log and folds it as it grows.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) board: Board,
    seq: u64,
}

pub(crate) fn fid(id: &str) -> FacilityId {
    FacilityId::new(id).unwrap()
}

pub(crate) fn service(kind: ServiceKind, capacity: u32) -> Service {
    Service {
        id: ServiceId::new(kind.word()).unwrap(),
        kind,
        capacity: Some(capacity),
        bed_cells: Vec::new(),
        sessions: Vec::new(),
    }
}

pub(crate) fn place(id: &str, name: &str, district: &str, services: Vec<Service>) -> Facility {
    let number: u32 = id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(1);
    Facility {
        id: fid(id),
        name: name.into(),
        kana: String::new(),
        district: DistrictId::new(district).unwrap(),
        island: None,
        address: format!("{district}町 {number}番地"),
        phone: format!("0959-00-{:04}", 200 + number),
        fax: format!("0959-00-{:04}", 600 + number),
        url: String::new(),
        operator: "社会福祉法人 見本会".into(),
        office_number: format!("42700{number:05}"),
        latitude: None,
        longitude: None,
        services,
        closures: Vec::new(),
    }
}

pub(crate) fn vacancy(kind: ServiceKind, cell: Cell, level: Level, count: Option<u32>) -> Observed {
    Observed {
        aspect: Aspect::Vacancy { service: ServiceId::new(kind.word()).unwrap(), cell },
        value: Value::Vacancy { level, count, total: None },
        confirms: None,
    }
}

pub(crate) fn plain(aspect: Aspect, value: Value) -> Observed {
    Observed { aspect, value, confirms: None }
}

impl Sample {
    pub(crate) fn founded(sample: bool) -> Self {
        let mut s = Self::default();
        s.add(hours_ago(24 * 40), Channel::System, Facts::CityFounded { sample }, None);
        s
    }

    pub(crate) fn add(&mut self, at: Timestamp, channel: Channel, facts: Facts, text: Option<&str>) -> Change {
        self.seq += 1;
        let entry = Entry {
            seq: self.seq,
            id: EntryId(uuid::Uuid::from_u128(u128::from(self.seq))),
            recorded_at: at,
            actor: "test".into(),
            channel,
            facts,
            text: text.map(Into::into),
        };
        self.board.apply(&entry)
    }

    pub(crate) fn register(&mut self, facility: Facility) {
        self.add(hours_ago(24 * 39), Channel::Import, Facts::FacilityRegistered(Box::new(facility)), None);
    }

    pub(crate) fn report(&mut self, id: &str, at: Timestamp, channel: Channel, observations: Vec<Observed>) {
        self.report_in(id, at, channel, observations, None, None, false);
    }

    #[expect(clippy::too_many_arguments, reason = "a report of a test says all it says in one line")]
    pub(crate) fn report_in(
        &mut self,
        id: &str,
        at: Timestamp,
        channel: Channel,
        observations: Vec<Observed>,
        incident: Option<&str>,
        roll_call: Option<&str>,
        exercise: bool,
    ) {
        let typed_later = matches!(channel, Channel::Phone | Channel::Fax);
        let recorded = if typed_later { at + SignedDuration::from_mins(14) } else { at };
        let report = Report {
            facility: fid(id),
            observed_at: at,
            late: false,
            incident: incident.map(|i| IncidentId::new(i).unwrap()),
            roll_call: roll_call.map(|r| RollCallId::new(r).unwrap()),
            exercise,
            unclear: false,
            observations,
            remark: None,
            press: None,
            effort: None,
        };
        self.add(recorded, channel, Facts::Report(report), None);
    }

    pub(crate) fn incident(&mut self, id: &str, name: &str, severity: Severity, exercise: bool, at: Timestamp) {
        let incident = Incident {
            id: IncidentId::new(id).unwrap(),
            name: name.into(),
            hazard: Hazard::Typhoon,
            areas: Vec::new(),
            severity,
            exercise,
            opened_at: at,
            closed_at: None,
        };
        self.add(at, Channel::System, Facts::IncidentOpened(incident), None);
    }

    pub(crate) fn roll_call(&mut self, id: &str, exercise: bool, at: Timestamp) {
        let call = RollCall {
            id: RollCallId::new(id).unwrap(),
            areas: Vec::new(),
            exercise,
            opened_at: at,
            closed_at: None,
            answers: imaboard_domain::OrdMap::new(),
        };
        self.add(at, Channel::System, Facts::RollCallOpened(call), None);
    }

    pub(crate) fn notice(&mut self, id: &str, category: NoticeCategory, text: &str, at: Timestamp) {
        self.posting(id, PostingKind::Notice, None, Some(category), None, text, at);
    }

    #[expect(clippy::too_many_arguments, reason = "a posting of a test says all it says in one line")]
    pub(crate) fn posting(
        &mut self,
        id: &str,
        what: PostingKind,
        facility: Option<&str>,
        category: Option<NoticeCategory>,
        job: Option<Job>,
        text: &str,
        at: Timestamp,
    ) {
        let posting = PostingId::new(id).unwrap();
        let drafted = Facts::PostingDrafted {
            posting: posting.clone(),
            what,
            facility: facility.map(fid),
            category,
            job,
            expires_at: None,
            plan: Plan::default(),
        };
        self.add(at, Channel::Form, drafted, Some(text));
        let published = Facts::PostingPublished { posting, publish_at: None, expires_at: None, pinned: false };
        self.add(at, Channel::System, published, None);
    }

    /// Sixty facilities of every grid over five districts and three islands, with values of every age.
    pub(crate) fn sixty() -> Self {
        let mut s = Self::founded(true);
        let names = [
            "はまゆう",
            "かもめ",
            "みかん坂",
            "うずしお",
            "つばき",
            "しおかぜ",
            "ともしび",
            "こがね橋",
            "あこう",
            "なぎさ",
            "やまもも",
            "ほたる",
            "いさりび",
            "はなだ",
            "ゆうなぎ",
            "おれんじ",
        ];
        let districts = ["seihi", "saikai", "oshima", "sakito", "oseto"];
        let kinds: [(&str, &[ServiceKind]); 15] = [
            ("荘", &[ServiceKind::Tokuyo, ServiceKind::ShortStay, ServiceKind::DayCare]),
            ("の里", &[ServiceKind::Roken, ServiceKind::ShortStayMedical, ServiceKind::DayRehab]),
            ("グループホーム", &[ServiceKind::GroupHome]),
            ("ガーデン", &[ServiceKind::PaidHome]),
            ("デイサービス", &[ServiceKind::DayCare]),
            ("訪問看護ステーション", &[ServiceKind::HomeNursing]),
            ("クリニック", &[ServiceKind::Clinic]),
            ("ケアプランセンター", &[ServiceKind::CarePlan]),
            ("ハウス", &[ServiceKind::ServicedHousing]),
            ("の家", &[ServiceKind::SmallMulti]),
            ("薬局", &[ServiceKind::Pharmacy]),
            ("ヘルパーステーション", &[ServiceKind::HomeHelp]),
            ("病院", &[ServiceKind::WardGeneral, ServiceKind::WardCommunity]),
            ("ショートステイ", &[ServiceKind::ShortStay]),
            ("地域デイ", &[ServiceKind::SmallDayCare]),
        ];
        for i in 0..60usize {
            let (suffix, offered) = kinds[i % kinds.len()];
            let district = districts[(i * 7 + i / 15) % districts.len()];
            let name = format!("{}{}", names[(i * 5 + i / 16) % names.len()], suffix);
            let mut facility =
                place(&format!("f{:03}", i + 1), &name, district, offered.iter().map(|k| service(*k, 20)).collect());
            if i % 15 == 0 {
                facility.services[0].bed_cells =
                    ["either-private", "male-shared", "female-shared"].iter().map(|c| c.parse().unwrap()).collect();
                facility.services[2].sessions = vec![Session::Am, Session::Pm, Session::Day];
            }
            if district == "sakito" && i % 2 == 0 {
                facility.island = Some(if i % 4 == 0 { "平島" } else { "江島" }.into());
            }
            s.register(facility);
        }
        let today = city_date(now());
        let ids: Vec<FacilityId> = s.board.facilities().keys().cloned().collect();
        for (i, id) in ids.iter().enumerate() {
            if i % 19 == 18 {
                continue;
            }
            let facility = s.board.facilities()[id].facility.clone();
            for offered in &facility.services {
                let mut seen = Vec::new();
                for (n, cell) in offered.cells(today).into_iter().enumerate() {
                    let count = u32::try_from((i * 3 + n * 2 + n / 3) % 7).unwrap();
                    let level = Thresholds::default().level(count);
                    seen.push(vacancy(offered.kind, cell, level, Some(count)));
                }
                let hours = match (offered.kind.grid(), i % 9) {
                    (_, 8) => 24 * 20,
                    (Some(Grid::Dates), 7) => 30,
                    (_, 7) => 24 * 9,
                    (_, n) => i64::try_from(n).unwrap() * 2 + 1,
                };
                let channel = [Channel::Qr, Channel::Button, Channel::Phone, Channel::Form, Channel::Fax][i % 5];
                if !seen.is_empty() {
                    s.report(id.as_str(), hours_ago(hours), channel, seen);
                }
            }
        }
        s.notice(
            "n218",
            NoticeCategory::Transport,
            "江島・平島航路、26日の午後は点検のため欠航\n午前の便は通常どおりです。\n\n問い合わせは市役所まで。",
            hours_ago(3),
        );
        s.notice("n217", NoticeCategory::Hours, "年末年始に休む事業所の一覧", hours_ago(24 * 4));
        s.notice("n215", NoticeCategory::Disaster, "12月6日（日）に点呼訓練をします", hours_ago(24 * 6));
        let job = |employment, wage_per, wage_from_yen| Some(Job::new(employment, wage_per, wage_from_yen));
        s.posting(
            "j64",
            PostingKind::Job,
            Some("f001"),
            None,
            job(Employment::PartTime, WagePer::Hour, 1080),
            "介護職員・夜勤なし\n週3日から。",
            hours_ago(30),
        );
        s.posting(
            "j63",
            PostingKind::Job,
            Some("f006"),
            None,
            job(Employment::FullTime, WagePer::Month, 240_000),
            "看護師・訪問看護",
            hours_ago(50),
        );
        s.posting(
            "j61",
            PostingKind::Job,
            Some("f005"),
            None,
            job(Employment::PartTime, WagePer::Hour, 1050),
            "送迎の運転・週3日",
            hours_ago(80),
        );
        s
    }

    /// The answers of most of the sixty to a roll call of this incident.
    pub(crate) fn answers(&mut self, incident: &str, roll_call: &str, exercise: bool) {
        let ids: Vec<FacilityId> = self.board.facilities().keys().cloned().collect();
        for (i, id) in ids.iter().enumerate() {
            let facility = self.board.facilities()[id].facility.clone();
            if i % 10 >= 7 {
                continue;
            }
            let hit = facility.district.as_str() == "sakito" || i % 11 == 0;
            let mut seen = vec![
                plain(
                    Aspect::Power,
                    Value::Power { state: if hit { Power::Generator } else { Power::Grid }, hours: hit.then_some(6) },
                ),
                plain(
                    Aspect::Water,
                    Value::Utility { state: if i % 13 == 0 { Utility::None } else { Utility::Usable }, hours: None },
                ),
                plain(Aspect::Road, Value::Road(if facility.island.is_some() { Road::Cut } else { Road::Open })),
                plain(Aspect::Phone, Value::Utility { state: Utility::Usable, hours: None }),
                plain(
                    Aspect::FirstReport,
                    Value::FirstReport(match (hit, i % 22) {
                        (true, 0) => FirstReport::NeedsHelp,
                        (true, _) => FirstReport::Impaired,
                        _ => FirstReport::Safe,
                    }),
                ),
            ];
            if facility.is_medical() {
                let state = [Operation::Normal, Operation::Normal, Operation::Limited, Operation::Suspended][i / 3 % 4];
                seen.push(plain(Aspect::Operation, Value::Operation { state, reopens: None }));
            }
            if i % 22 == 0 {
                let need = Need { urgency: Urgency::Now, item: NeedItem::Fuel, quantity: Some((40, NeedUnit::Litres)) };
                let later = Need { urgency: Urgency::Within24h, item: NeedItem::Water, quantity: None };
                seen.push(plain(Aspect::Needs, Value::Needs(vec![need, later])));
            }
            if i % 12 == 3 || facility.island.is_some() {
                seen.push(plain(Aspect::Acceptance, Value::Acceptance { state: Acceptance::Yes, count: Some(2) }));
            }
            let channel = [Channel::Qr, Channel::Phone, Channel::Button][i % 3];
            let at = minutes_ago(120 - i64::try_from(i).unwrap() * 2 + 3);
            self.report_in(id.as_str(), at, channel, seen, Some(incident), Some(roll_call), exercise);
        }
    }
}
