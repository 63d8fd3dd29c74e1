//! What a facility offers: kinds of service, and the grid in which each kind says how much room there is.
//!
//! Kinds carry the service codes of the ministry's open data (MHLW 介護サービス情報公表システム), hospital wards have none.
//! Invariant: a kind has at most one grid, and a cell always belongs to exactly one grid.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::ServiceId;
use crate::words::words;

words! {
    /// A kind of service (サービスの種類).
    ServiceKind {
        /// 特別養護老人ホーム
        Tokuyo = "tokuyo",
        /// 地域密着型特別養護老人ホーム
        SmallTokuyo = "small-tokuyo",
        /// 介護老人保健施設
        Roken = "roken",
        /// 介護医療院
        CareHospital = "care-hospital",
        /// グループホーム
        GroupHome = "group-home",
        /// 有料老人ホーム
        PaidHome = "paid-home",
        /// サービス付き高齢者向け住宅
        ServicedHousing = "serviced-housing",
        /// 養護老人ホーム
        Yogo = "yogo",
        /// 軽費老人ホーム（ケアハウス）
        CareHouse = "care-house",
        /// 生活支援ハウス
        SupportHouse = "support-house",
        /// 病院 一般病棟
        WardGeneral = "ward-general",
        /// 病院 地域包括ケア病棟
        WardCommunity = "ward-community",
        /// 病院 回復期リハビリテーション病棟
        WardRecovery = "ward-recovery",
        /// 病院 療養病棟
        WardLongTerm = "ward-long-term",
        /// 病院 障害者施設等一般病棟
        WardDisability = "ward-disability",
        /// 短期入所生活介護（ショートステイ）
        ShortStay = "short-stay",
        /// 短期入所療養介護（医療型ショート）
        ShortStayMedical = "short-stay-medical",
        /// 通所介護（デイサービス）
        DayCare = "day-care",
        /// 通所リハビリテーション（デイケア）
        DayRehab = "day-rehab",
        /// 地域密着型通所介護
        SmallDayCare = "small-day-care",
        /// 認知症対応型通所介護
        DementiaDayCare = "dementia-day-care",
        /// 小規模多機能型居宅介護
        SmallMulti = "small-multi",
        /// 看護小規模多機能型居宅介護
        NursingMulti = "nursing-multi",
        /// 訪問介護
        HomeHelp = "home-help",
        /// 訪問入浴介護
        HomeBath = "home-bath",
        /// 訪問看護
        HomeNursing = "home-nursing",
        /// 訪問リハビリテーション
        HomeRehab = "home-rehab",
        /// 夜間対応型訪問介護
        NightHelp = "night-help",
        /// 定期巡回・随時対応型訪問介護看護
        RegularVisit = "regular-visit",
        /// 居宅介護支援（ケアプラン）
        CarePlan = "care-plan",
        /// 福祉用具貸与
        Equipment = "equipment",
        /// 診療所
        Clinic = "clinic",
        /// 薬局
        Pharmacy = "pharmacy",
        /// 避難所
        Shelter = "shelter",
    }
}

words! {
    /// The shape in which a service says how much room there is.
    Grid {
        /// 床・室: places of which some are free.
        Beds = "beds",
        /// 日付: the next 31 days.
        Dates = "dates",
        /// 曜日: Monday to Sunday by session.
        Weekdays = "weekdays",
        /// 登録・通い・泊まり
        Slots = "slots",
        /// 新規受入
        Intake = "intake",
    }
}

words! {
    /// How people look for a service; also the pages of the vacancy scene on a wall.
    ServiceGroup {
        /// 入る住まい
        LiveIn = "live-in",
        /// 泊まる
        Stay = "stay",
        /// 通う
        Visit = "visit",
        /// 家に来てもらう
        AtHome = "at-home",
        /// 相談する・借りる
        Consult = "consult",
        /// 病院のベッド
        Hospital = "hospital",
        /// 診療所・薬局・避難所: no vacancies, but open or closed after a disaster.
        Open = "open",
    }
}

words! {
    /// A row of the vacancy table: kinds that people take for one. The register knows 34 kinds; 34 rows would help nobody.
    ServiceRow {
        /// 特別養護老人ホーム
        Tokuyo = "tokuyo",
        /// 老健・介護医療院
        Roken = "roken",
        /// グループホーム
        GroupHome = "group-home",
        /// 有料老人ホーム・サ高住
        PaidHome = "paid-home",
        /// ケアハウスなど
        CareHouse = "care-house",
        /// ショートステイ
        ShortStay = "short-stay",
        /// デイサービス
        DayCare = "day-care",
        /// 小規模多機能
        SmallMulti = "small-multi",
        /// 訪問
        HomeHelp = "home-help",
        /// ケアプラン
        CarePlan = "care-plan",
        /// 福祉用具
        Equipment = "equipment",
        /// 病院のベッド
        Ward = "ward",
    }
}

impl ServiceKind {
    /// The row of the vacancy table this kind stands in; every kind with a grid has exactly one.
    #[must_use]
    pub fn row(self) -> Option<ServiceRow> {
        use ServiceKind as K;
        Some(match self {
            K::Tokuyo | K::SmallTokuyo => ServiceRow::Tokuyo,
            K::Roken | K::CareHospital => ServiceRow::Roken,
            K::GroupHome => ServiceRow::GroupHome,
            K::PaidHome | K::ServicedHousing => ServiceRow::PaidHome,
            K::CareHouse | K::Yogo | K::SupportHouse => ServiceRow::CareHouse,
            K::ShortStay | K::ShortStayMedical => ServiceRow::ShortStay,
            K::DayCare | K::SmallDayCare | K::DementiaDayCare | K::DayRehab => ServiceRow::DayCare,
            K::SmallMulti | K::NursingMulti => ServiceRow::SmallMulti,
            K::HomeHelp | K::HomeNursing | K::HomeRehab | K::HomeBath | K::NightHelp | K::RegularVisit => ServiceRow::HomeHelp,
            K::CarePlan => ServiceRow::CarePlan,
            K::Equipment => ServiceRow::Equipment,
            K::WardGeneral | K::WardCommunity | K::WardRecovery | K::WardLongTerm | K::WardDisability => ServiceRow::Ward,
            K::Clinic | K::Pharmacy | K::Shelter => return None,
        })
    }

    /// The grid of this kind; `None` for kinds that report no vacancies (診療所, 薬局, 避難所).
    #[must_use]
    pub fn grid(self) -> Option<Grid> {
        use ServiceKind as K;
        Some(match self {
            K::Tokuyo
            | K::SmallTokuyo
            | K::Roken
            | K::CareHospital
            | K::GroupHome
            | K::PaidHome
            | K::ServicedHousing
            | K::Yogo
            | K::CareHouse
            | K::SupportHouse
            | K::WardGeneral
            | K::WardCommunity
            | K::WardRecovery
            | K::WardLongTerm
            | K::WardDisability => Grid::Beds,
            K::ShortStay | K::ShortStayMedical => Grid::Dates,
            K::DayCare | K::DayRehab | K::SmallDayCare | K::DementiaDayCare => Grid::Weekdays,
            K::SmallMulti | K::NursingMulti => Grid::Slots,
            K::HomeHelp
            | K::HomeBath
            | K::HomeNursing
            | K::HomeRehab
            | K::NightHelp
            | K::RegularVisit
            | K::CarePlan
            | K::Equipment => Grid::Intake,
            K::Clinic | K::Pharmacy | K::Shelter => return None,
        })
    }

    /// The group under which people look for this kind.
    #[must_use]
    pub fn group(self) -> ServiceGroup {
        use ServiceKind as K;
        match self {
            K::Tokuyo
            | K::SmallTokuyo
            | K::Roken
            | K::CareHospital
            | K::GroupHome
            | K::PaidHome
            | K::ServicedHousing
            | K::Yogo
            | K::CareHouse
            | K::SupportHouse => ServiceGroup::LiveIn,
            K::ShortStay | K::ShortStayMedical => ServiceGroup::Stay,
            K::DayCare | K::DayRehab | K::SmallDayCare | K::DementiaDayCare | K::SmallMulti | K::NursingMulti => {
                ServiceGroup::Visit
            }
            K::HomeHelp | K::HomeBath | K::HomeNursing | K::HomeRehab | K::NightHelp | K::RegularVisit => ServiceGroup::AtHome,
            K::CarePlan | K::Equipment => ServiceGroup::Consult,
            K::WardGeneral | K::WardCommunity | K::WardRecovery | K::WardLongTerm | K::WardDisability => ServiceGroup::Hospital,
            K::Clinic | K::Pharmacy | K::Shelter => ServiceGroup::Open,
        }
    }

    /// The full Japanese name.
    #[must_use]
    pub fn name_ja(self) -> &'static str {
        use ServiceKind as K;
        match self {
            K::Tokuyo => "特別養護老人ホーム",
            K::SmallTokuyo => "地域密着型特別養護老人ホーム",
            K::Roken => "介護老人保健施設",
            K::CareHospital => "介護医療院",
            K::GroupHome => "グループホーム",
            K::PaidHome => "有料老人ホーム",
            K::ServicedHousing => "サービス付き高齢者向け住宅",
            K::Yogo => "養護老人ホーム",
            K::CareHouse => "ケアハウス",
            K::SupportHouse => "生活支援ハウス",
            K::WardGeneral => "一般病棟",
            K::WardCommunity => "地域包括ケア病棟",
            K::WardRecovery => "回復期リハビリ病棟",
            K::WardLongTerm => "療養病棟",
            K::WardDisability => "障害者病棟",
            K::ShortStay => "ショートステイ",
            K::ShortStayMedical => "医療型ショートステイ",
            K::DayCare => "デイサービス",
            K::DayRehab => "デイケア（通所リハビリ）",
            K::SmallDayCare => "地域密着型デイサービス",
            K::DementiaDayCare => "認知症対応型デイサービス",
            K::SmallMulti => "小規模多機能",
            K::NursingMulti => "看護小規模多機能",
            K::HomeHelp => "訪問介護",
            K::HomeBath => "訪問入浴",
            K::HomeNursing => "訪問看護",
            K::HomeRehab => "訪問リハビリ",
            K::NightHelp => "夜間訪問介護",
            K::RegularVisit => "定期巡回・随時対応",
            K::CarePlan => "ケアプランの相談",
            K::Equipment => "福祉用具",
            K::Clinic => "診療所",
            K::Pharmacy => "薬局",
            K::Shelter => "避難所",
        }
    }

    /// A plain English name, for the second line of a wall and for engineers.
    #[must_use]
    pub fn name_en(self) -> &'static str {
        use ServiceKind as K;
        match self {
            K::Tokuyo => "Special nursing home",
            K::SmallTokuyo => "Small nursing home",
            K::Roken => "Rehabilitation facility",
            K::CareHospital => "Long-term medical care",
            K::GroupHome => "Group home",
            K::PaidHome => "Private care home",
            K::ServicedHousing => "Serviced housing",
            K::Yogo => "Welfare home",
            K::CareHouse => "Care house",
            K::SupportHouse => "Supported living",
            K::WardGeneral => "General ward",
            K::WardCommunity => "Community care ward",
            K::WardRecovery => "Recovery ward",
            K::WardLongTerm => "Long-term ward",
            K::WardDisability => "Disability ward",
            K::ShortStay => "Short stay",
            K::ShortStayMedical => "Medical short stay",
            K::DayCare => "Day care",
            K::DayRehab => "Day rehabilitation",
            K::SmallDayCare => "Small day care",
            K::DementiaDayCare => "Dementia day care",
            K::SmallMulti => "Multi-function care",
            K::NursingMulti => "Nursing multi-function",
            K::HomeHelp => "Home help",
            K::HomeBath => "Home bathing",
            K::HomeNursing => "Home nursing",
            K::HomeRehab => "Home rehabilitation",
            K::NightHelp => "Night home help",
            K::RegularVisit => "Regular visits",
            K::CarePlan => "Care planning",
            K::Equipment => "Care equipment",
            K::Clinic => "Clinic",
            K::Pharmacy => "Pharmacy",
            K::Shelter => "Shelter",
        }
    }

    /// The unit in which places of this kind are counted (床 for beds, 室 for rooms, 人 for people).
    #[must_use]
    pub fn unit_ja(self) -> &'static str {
        use ServiceKind as K;
        match self {
            K::GroupHome | K::PaidHome | K::ServicedHousing | K::CareHouse | K::SupportHouse => "室",
            K::Tokuyo
            | K::SmallTokuyo
            | K::Roken
            | K::CareHospital
            | K::Yogo
            | K::WardGeneral
            | K::WardCommunity
            | K::WardRecovery
            | K::WardLongTerm
            | K::WardDisability
            | K::ShortStay
            | K::ShortStayMedical => "床",
            K::DayCare
            | K::DayRehab
            | K::SmallDayCare
            | K::DementiaDayCare
            | K::SmallMulti
            | K::NursingMulti
            | K::HomeHelp
            | K::HomeBath
            | K::HomeNursing
            | K::HomeRehab
            | K::NightHelp
            | K::RegularVisit
            | K::CarePlan
            | K::Equipment
            | K::Clinic
            | K::Pharmacy
            | K::Shelter => "人",
        }
    }

    /// The service code of the ministry's open data, where the kind has one.
    ///
    /// Source: file names `jigyosho_<code>.csv` of the MHLW open data on care services.
    #[must_use]
    pub fn mhlw_code(self) -> Option<&'static str> {
        use ServiceKind as K;
        Some(match self {
            K::HomeHelp => "110",
            K::HomeBath => "120",
            K::HomeNursing => "130",
            K::HomeRehab => "140",
            K::DayCare => "150",
            K::DayRehab => "160",
            K::Equipment => "170",
            K::ShortStay => "210",
            K::ShortStayMedical => "220",
            K::GroupHome => "320",
            K::PaidHome => "331",
            K::CareHouse => "332",
            K::ServicedHousing => "334",
            K::CarePlan => "430",
            K::Tokuyo => "510",
            K::Roken => "520",
            K::SmallTokuyo => "540",
            K::CareHospital => "550",
            K::NightHelp => "710",
            K::DementiaDayCare => "720",
            K::SmallMulti => "730",
            K::RegularVisit => "760",
            K::NursingMulti => "770",
            K::SmallDayCare => "780",
            K::Yogo
            | K::SupportHouse
            | K::WardGeneral
            | K::WardCommunity
            | K::WardRecovery
            | K::WardLongTerm
            | K::WardDisability
            | K::Clinic
            | K::Pharmacy
            | K::Shelter => return None,
        })
    }
}

words! {
    /// Who a bed is for.
    BedSex {
        /// 男
        Male = "male",
        /// 女
        Female = "female",
        /// どちらも
        Either = "either",
    }
}

words! {
    /// What kind of room a bed stands in.
    BedRoom {
        /// 個室
        Private = "private",
        /// 多床
        Shared = "shared",
    }
}

words! {
    /// A weekday, Monday first, as Japanese service calendars print them.
    Weekday {
        /// 月
        Mon = "mon",
        /// 火
        Tue = "tue",
        /// 水
        Wed = "wed",
        /// 木
        Thu = "thu",
        /// 金
        Fri = "fri",
        /// 土
        Sat = "sat",
        /// 日
        Sun = "sun",
    }
}

impl Weekday {
    /// The weekday of a date.
    #[must_use]
    pub fn of(date: Date) -> Self {
        Self::ALL[date.weekday().to_monday_zero_offset() as usize]
    }
}

words! {
    /// A session of a day service.
    Session {
        /// 午前
        Am = "am",
        /// 午後
        Pm = "pm",
        /// 1日
        Day = "day",
    }
}

words! {
    /// What a multi-function service offers (小規模多機能).
    Slot {
        /// 登録
        Registration = "registration",
        /// 通い
        Visit = "visit",
        /// 泊まり
        Stay = "stay",
    }
}

/// One cell of a grid: the smallest thing of which a vacancy is reported.
///
/// Its text form is `all`, `male`, `female-private`, `private`, `2026-11-24`, `mon-am`, `stay`, `new`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// A class of beds; both `None` means all beds of the service.
    Beds {
        /// For whom, if the service tells them apart.
        sex: Option<BedSex>,
        /// In which room, if the service tells them apart.
        room: Option<BedRoom>,
    },
    /// One day (city time).
    Date(Date),
    /// One session of every such weekday.
    Weekday(Weekday, Session),
    /// One slot of a multi-function service.
    Slot(Slot),
    /// New clients.
    Intake,
}

impl Cell {
    /// All beds of a service.
    pub const ALL_BEDS: Cell = Cell::Beds { sex: None, room: None };

    /// The grid this cell belongs to.
    #[must_use]
    pub fn grid(self) -> Grid {
        match self {
            Cell::Beds { .. } => Grid::Beds,
            Cell::Date(_) => Grid::Dates,
            Cell::Weekday(..) => Grid::Weekdays,
            Cell::Slot(_) => Grid::Slots,
            Cell::Intake => Grid::Intake,
        }
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cell::Beds { sex: None, room: None } => f.write_str("all"),
            Cell::Beds { sex: Some(sex), room: None } => f.write_str(sex.word()),
            Cell::Beds { sex: None, room: Some(room) } => f.write_str(room.word()),
            Cell::Beds { sex: Some(sex), room: Some(room) } => write!(f, "{sex}-{room}"),
            Cell::Date(date) => date.fmt(f),
            Cell::Weekday(day, session) => write!(f, "{day}-{session}"),
            Cell::Slot(slot) => f.write_str(slot.word()),
            Cell::Intake => f.write_str("new"),
        }
    }
}

/// A text that names no cell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a cell: {0:?}")]
pub struct BadCell(pub String);

impl std::str::FromStr for Cell {
    type Err = BadCell;

    fn from_str(text: &str) -> Result<Self, BadCell> {
        let bad = || BadCell(text.to_owned());
        if text == "all" {
            return Ok(Cell::ALL_BEDS);
        }
        if text == "new" {
            return Ok(Cell::Intake);
        }
        if let Some(slot) = Slot::find(text) {
            return Ok(Cell::Slot(slot));
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            // Only the ISO form: other spellings would make two cells of one day.
            let date: Date = text.parse().map_err(|_| bad())?;
            return if date.to_string() == text { Ok(Cell::Date(date)) } else { Err(bad()) };
        }
        if let Some(sex) = BedSex::find(text) {
            return Ok(Cell::Beds { sex: Some(sex), room: None });
        }
        if let Some(room) = BedRoom::find(text) {
            return Ok(Cell::Beds { sex: None, room: Some(room) });
        }
        let (head, tail) = text.split_once('-').ok_or_else(bad)?;
        if let Some(day) = Weekday::find(head) {
            return Ok(Cell::Weekday(day, Session::find(tail).ok_or_else(bad)?));
        }
        Ok(Cell::Beds { sex: Some(BedSex::find(head).ok_or_else(bad)?), room: Some(BedRoom::find(tail).ok_or_else(bad)?) })
    }
}

impl Serialize for Cell {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        crate::parsed::deserialize(d)
    }
}

/// One thing a facility offers (サービス).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Unique within the facility; by default the word of the kind.
    pub id: ServiceId,
    /// The kind, which decides the grid.
    pub kind: ServiceKind,
    /// Places in total (定員); `None` when not filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Bed classes the service tells apart; empty means one cell for all beds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bed_cells: Vec<Cell>,
    /// Sessions of a day service; empty means whole days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<Session>,
}

/// How many days ahead a `Dates` grid reaches, today included (domain: next 31 days).
pub const DATES_AHEAD: i32 = 31;

impl Service {
    /// The cells of this service on `today` (city date), in reading order; empty for kinds without a grid.
    #[must_use]
    pub fn cells(&self, today: Date) -> Vec<Cell> {
        match self.kind.grid() {
            None => Vec::new(),
            Some(Grid::Beds) if self.bed_cells.is_empty() => vec![Cell::ALL_BEDS],
            Some(Grid::Beds) => self.bed_cells.clone(),
            Some(Grid::Dates) => today.series(jiff::Span::new().days(1)).take(DATES_AHEAD as usize).map(Cell::Date).collect(),
            Some(Grid::Weekdays) => {
                Weekday::ALL.iter().flat_map(|day| self.sessions().iter().map(|s| Cell::Weekday(*day, *s))).collect()
            }
            Some(Grid::Slots) => Slot::ALL.iter().map(|s| Cell::Slot(*s)).collect(),
            Some(Grid::Intake) => vec![Cell::Intake],
        }
    }

    /// The sessions of a day service; whole days unless the register says otherwise.
    #[must_use]
    pub fn sessions(&self) -> &[Session] {
        if self.sessions.is_empty() { &[Session::Day] } else { &self.sessions }
    }

    /// The cells somebody means who asks "is there room now?": today and tomorrow on `Dates`, else all cells.
    #[must_use]
    pub fn cells_now(&self, today: Date) -> Vec<Cell> {
        let mut cells = self.cells(today);
        if self.kind.grid() == Some(Grid::Dates) {
            cells.truncate(2);
        }
        cells
    }

    /// The cells a button or a sentence on the telephone means that names none: on `Dates` today, on `Weekdays`
    /// the sessions of today's weekday, else all cells.
    #[must_use]
    pub fn cells_meant(&self, today: Date) -> Vec<Cell> {
        let mut cells = self.cells(today);
        match self.kind.grid() {
            Some(Grid::Dates) => cells.truncate(1),
            Some(Grid::Weekdays) => {
                cells.retain(|c| matches!(c, Cell::Weekday(day, _) if *day == Weekday::of(today)));
            }
            Some(Grid::Beds | Grid::Slots | Grid::Intake) | None => {}
        }
        cells
    }

    /// Whether `cell` may be reported for this service on `today`; past days are accepted back to yesterday,
    /// because a night shift reports after midnight.
    #[must_use]
    pub fn has_cell(&self, cell: Cell, today: Date) -> bool {
        if let (Cell::Date(date), Some(Grid::Dates)) = (cell, self.kind.grid()) {
            return today.yesterday().is_ok_and(|y| date >= y)
                && today.checked_add(jiff::Span::new().days(DATES_AHEAD)).is_ok_and(|end| date < end);
        }
        self.cells(today).contains(&cell)
    }
}
