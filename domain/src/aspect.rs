//! What can be observed (項目) and which values each aspect takes.
//!
//! Invariant: a [`Value`] in the log always fits its [`Aspect`]; [`Observation::parse`] is the only way in from outside.
//! All damage aspects ask in one polarity — is it usable? — so that "yes" never means two things.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::facility::Facility;
use crate::id::ServiceId;
use crate::service::Cell;
use crate::words::words;

words! {
    /// How much room there is. Unknown (？) is not here: only the system says it, through [`crate::Shown`].
    Level {
        /// ◎ plenty
        Plenty = "plenty",
        /// ○ available
        Available = "available",
        /// △ few, or ask first
        Few = "few",
        /// × full, or not accepting
        Full = "full",
        /// — not offered
        NotOffered = "not_offered",
    }
}

words! {
    /// Whether the facility runs (稼働).
    Operation {
        /// 通常
        Normal = "normal",
        /// 一部制限
        Limited = "limited",
        /// 休止
        Suspended = "suspended",
        /// 避難
        Evacuated = "evacuated",
    }
}

words! {
    /// The first report after a disaster (第一報): one tap, always legal on its own.
    FirstReport {
        /// 無事
        Safe = "safe",
        /// 一部支障
        Impaired = "impaired",
        /// 助けが必要
        NeedsHelp = "needs_help",
    }
}

words! {
    /// Electric power (電気).
    Power {
        /// 通常
        Grid = "grid",
        /// 非常用
        Generator = "generator",
        /// なし
        None = "none",
        /// 未確認
        Unconfirmed = "unconfirmed",
    }
}

words! {
    /// A utility: water, gas, telephone, toilets … is it usable?
    Utility {
        /// 使える
        Usable = "usable",
        /// 制限
        Restricted = "restricted",
        /// 使えない
        None = "none",
        /// 未確認
        Unconfirmed = "unconfirmed",
    }
}

words! {
    /// The building (建物).
    Building {
        /// 被害なし
        None = "none",
        /// 軽い被害
        Minor = "minor",
        /// 倒壊・倒壊の恐れ
        Unsafe = "unsafe",
        /// 未確認
        Unconfirmed = "unconfirmed",
    }
}

words! {
    /// Flooding (浸水).
    Flooding {
        /// なし
        None = "none",
        /// 床下
        BelowFloor = "below_floor",
        /// 床上
        AboveFloor = "above_floor",
        /// 未確認
        Unconfirmed = "unconfirmed",
    }
}

words! {
    /// Road access and ferries (道路・船便).
    Road {
        /// 通れる
        Open = "open",
        /// 一部
        Limited = "limited",
        /// 不通・欠航
        Cut = "cut",
        /// 未確認
        Unconfirmed = "unconfirmed",
    }
}

words! {
    /// Whether anybody is hurt (人的被害): a flag, never names or numbers.
    Injured {
        /// なし
        None = "none",
        /// あり
        Yes = "yes",
        /// 未確認
        Unconfirmed = "unconfirmed",
    }
}

words! {
    /// Evacuation (避難).
    Evacuation {
        /// 不要
        NotNeeded = "not_needed",
        /// 準備中
        Preparing = "preparing",
        /// 完了
        Done = "done",
        /// 支援が必要
        NeedsSupport = "needs_support",
    }
}

words! {
    /// Staff on site (職員).
    Staffing {
        /// 足りる
        Adequate = "adequate",
        /// 足りない
        Short = "short",
        /// とても足りない
        Critical = "critical",
    }
}

words! {
    /// Medicine, hygiene goods and food (医薬品・衛生資器材・食料).
    Supplies {
        /// 足りる
        Adequate = "adequate",
        /// 少ない
        Short = "short",
        /// ない
        None = "none",
    }
}

words! {
    /// More patients than usual (多数患者受診).
    ManyPatients {
        /// いいえ
        No = "no",
        /// はい
        Yes = "yes",
    }
}

words! {
    /// Whether others can be taken in (受入).
    Acceptance {
        /// できる
        Yes = "yes",
        /// できない
        No = "no",
        /// 相談
        Ask = "ask",
    }
}

words! {
    /// What is asked for (支援要否).
    NeedItem {
        /// 水
        Water = "water",
        /// 燃料
        Fuel = "fuel",
        /// 電源
        Power = "power",
        /// 食べ物
        Food = "food",
        /// 薬
        Medicine = "medicine",
        /// おむつ・衛生
        Hygiene = "hygiene",
        /// 人手
        Staff = "staff",
        /// 車・船
        Transport = "transport",
        /// その他
        Other = "other",
    }
}

words! {
    /// Until when something is needed.
    Urgency {
        /// いますぐ
        Now = "now",
        /// 24時間以内
        Within24h = "within_24h",
        /// あとで
        Later = "later",
    }
}

words! {
    /// The unit of an amount that is asked for; words, because the amount itself is never free text.
    NeedUnit {
        /// リットル
        Litres = "l",
        /// 人分
        Portions = "portions",
        /// 日分
        Days = "days",
        /// 人
        People = "people",
        /// 台
        Vehicles = "vehicles",
        /// 個
        Pieces = "pieces",
    }
}

impl NeedItem {
    /// The unit people count this in when they say none.
    #[must_use]
    pub fn usual_unit(self) -> NeedUnit {
        match self {
            Self::Water | Self::Fuel => NeedUnit::Litres,
            Self::Food => NeedUnit::Portions,
            Self::Medicine => NeedUnit::Days,
            Self::Staff => NeedUnit::People,
            Self::Transport | Self::Power => NeedUnit::Vehicles,
            Self::Hygiene | Self::Other => NeedUnit::Pieces,
        }
    }
}

/// One thing a facility asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Need {
    /// Until when.
    pub urgency: Urgency,
    /// What.
    pub item: NeedItem,
    /// How much, if said, with its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<(u32, NeedUnit)>,
}

/// What can be observed of a facility (項目).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// One vacancy cell of one service.
    Vacancy {
        /// Which service of the facility.
        service: ServiceId,
        /// Which cell of its grid.
        cell: Cell,
    },
    /// 稼働
    Operation,
    /// 第一報
    FirstReport,
    /// 電気
    Power,
    /// 水
    Water,
    /// ガス
    Gas,
    /// 医療ガス
    MedicalGas,
    /// 電話
    Phone,
    /// インターネット
    Internet,
    /// トイレ・下水
    Toilet,
    /// 空調
    Climate,
    /// 建物
    Building,
    /// 浸水
    Flooding,
    /// 道路・船便
    Road,
    /// 人的被害
    Injured,
    /// 避難
    Evacuation,
    /// 職員
    Staff,
    /// 医薬品・衛生資器材・食料
    Supplies,
    /// 多数患者受診
    ManyPatients,
    /// 受入
    Acceptance,
    /// 支援要否
    Needs,
}

/// Every aspect but the vacancy cells, with its stable word, in the order a form asks.
pub const PLAIN_ASPECTS: [(Aspect, &str); 20] = [
    (Aspect::Operation, "operation"),
    (Aspect::FirstReport, "first_report"),
    (Aspect::Power, "power"),
    (Aspect::Water, "water"),
    (Aspect::Gas, "gas"),
    (Aspect::MedicalGas, "medical_gas"),
    (Aspect::Phone, "phone"),
    (Aspect::Internet, "internet"),
    (Aspect::Toilet, "toilet"),
    (Aspect::Climate, "climate"),
    (Aspect::Building, "building"),
    (Aspect::Flooding, "flooding"),
    (Aspect::Road, "road"),
    (Aspect::Injured, "injured"),
    (Aspect::Evacuation, "evacuation"),
    (Aspect::Staff, "staff"),
    (Aspect::Supplies, "supplies"),
    (Aspect::ManyPatients, "many_patients"),
    (Aspect::Acceptance, "acceptance"),
    (Aspect::Needs, "needs"),
];

impl Aspect {
    /// The stable word (`vacancy`, `power` …) without service and cell.
    #[must_use]
    pub fn word(&self) -> &'static str {
        PLAIN_ASPECTS.iter().find(|(aspect, _)| aspect == self).map_or("vacancy", |(_, word)| word)
    }

    /// The plain aspect with this word; `None` for `vacancy` and unknown words.
    #[must_use]
    pub fn find_plain(word: &str) -> Option<Aspect> {
        PLAIN_ASPECTS.iter().find(|(_, w)| *w == word).map(|(aspect, _)| aspect.clone())
    }

    /// Whether this is about room (always real, also during an exercise).
    #[must_use]
    pub fn is_vacancy(&self) -> bool {
        matches!(self, Aspect::Vacancy { .. })
    }
}

/// In the log an aspect is one text: `power` or `vacancy/SERVICE/CELL`.
impl std::fmt::Display for Aspect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Aspect::Vacancy { service, cell } => write!(f, "vacancy/{service}/{cell}"),
            plain => f.write_str(plain.word()),
        }
    }
}

/// A text that names no aspect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an aspect: {0:?}")]
pub struct BadAspect(pub String);

impl std::str::FromStr for Aspect {
    type Err = BadAspect;
    fn from_str(text: &str) -> Result<Self, BadAspect> {
        let bad = || BadAspect(text.to_owned());
        if let Some(rest) = text.strip_prefix("vacancy/") {
            let (service, cell) = rest.split_once('/').ok_or_else(bad)?;
            return Ok(Aspect::Vacancy { service: service.parse().map_err(|_| bad())?, cell: cell.parse().map_err(|_| bad())? });
        }
        Aspect::find_plain(text).ok_or_else(bad)
    }
}

impl Serialize for Aspect {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Aspect {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        crate::parsed::deserialize(d)
    }
}

/// One value of one aspect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Room in one cell. A level without a count is legal: a button can say "full".
    Vacancy {
        /// The level.
        level: Level,
        /// Places free, staffed and usable now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
        /// Places in total, if it differs from the register.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u32>,
    },
    /// 稼働, with the day it reopens if known.
    Operation {
        /// The state.
        state: Operation,
        /// When normal operation is expected again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reopens: Option<Date>,
    },
    /// 第一報
    FirstReport(FirstReport),
    /// 電気, with hours of fuel left.
    Power {
        /// The state.
        state: Power,
        /// Hours left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hours: Option<u32>,
    },
    /// Water, gas, medical gas, telephone, internet, toilets, air: with hours left where that makes sense.
    Utility {
        /// The state.
        state: Utility,
        /// Hours left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hours: Option<u32>,
    },
    /// 建物
    Building(Building),
    /// 浸水
    Flooding(Flooding),
    /// 道路・船便
    Road(Road),
    /// 人的被害
    Injured(Injured),
    /// 避難
    Evacuation(Evacuation),
    /// 職員
    Staff(Staffing),
    /// 医薬品・衛生資器材・食料, with days left.
    Supplies {
        /// The state.
        state: Supplies,
        /// Days left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        days: Option<u32>,
    },
    /// 多数患者受診
    ManyPatients(ManyPatients),
    /// 受入, with how many.
    Acceptance {
        /// The state.
        state: Acceptance,
        /// How many people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
    },
    /// 支援要否: the whole list, most urgent first; empty means nothing is needed.
    Needs(Vec<Need>),
}

words! {
    /// How a damage value reads on a table: the same four everywhere.
    Condition {
        /// Usable, open, adequate.
        Good = "good",
        /// Usable with limits.
        Limited = "limited",
        /// Not usable.
        Bad = "bad",
        /// 未確認: somebody looked at the question and does not know yet.
        Unconfirmed = "unconfirmed",
    }
}

impl Value {
    /// The stable word of the state (`full`, `generator`, `needs_help` …); `listed` or `nothing` for needs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Value::Vacancy { level, .. } => level.word(),
            Value::Operation { state, .. } => state.word(),
            Value::FirstReport(v) => v.word(),
            Value::Power { state, .. } => state.word(),
            Value::Utility { state, .. } => state.word(),
            Value::Building(v) => v.word(),
            Value::Flooding(v) => v.word(),
            Value::Road(v) => v.word(),
            Value::Injured(v) => v.word(),
            Value::Evacuation(v) => v.word(),
            Value::Staff(v) => v.word(),
            Value::Supplies { state, .. } => state.word(),
            Value::ManyPatients(v) => v.word(),
            Value::Acceptance { state, .. } => state.word(),
            Value::Needs(list) if list.is_empty() => "nothing",
            Value::Needs(_) => "listed",
        }
    }

    /// The level, if this is a vacancy.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        match self {
            Value::Vacancy { level, .. } => Some(*level),
            _ => None,
        }
    }

    /// The count of a vacancy or acceptance.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        match self {
            Value::Vacancy { count, .. } | Value::Acceptance { count, .. } => *count,
            _ => None,
        }
    }

    /// The hours left of power or a utility.
    #[must_use]
    pub fn hours(&self) -> Option<u32> {
        match self {
            Value::Power { hours, .. } | Value::Utility { hours, .. } => *hours,
            _ => None,
        }
    }

    /// How a damage value reads on a table; `None` for vacancies and needs.
    #[must_use]
    pub fn condition(&self) -> Option<Condition> {
        use Condition as C;
        Some(match self {
            Value::Vacancy { .. } | Value::Needs(_) => return None,
            Value::Operation { state, .. } => match state {
                Operation::Normal => C::Good,
                Operation::Limited => C::Limited,
                Operation::Suspended | Operation::Evacuated => C::Bad,
            },
            Value::FirstReport(v) => match v {
                FirstReport::Safe => C::Good,
                FirstReport::Impaired => C::Limited,
                FirstReport::NeedsHelp => C::Bad,
            },
            Value::Power { state, .. } => match state {
                Power::Grid => C::Good,
                Power::Generator => C::Limited,
                Power::None => C::Bad,
                Power::Unconfirmed => C::Unconfirmed,
            },
            Value::Utility { state, .. } => match state {
                Utility::Usable => C::Good,
                Utility::Restricted => C::Limited,
                Utility::None => C::Bad,
                Utility::Unconfirmed => C::Unconfirmed,
            },
            Value::Building(v) => match v {
                Building::None => C::Good,
                Building::Minor => C::Limited,
                Building::Unsafe => C::Bad,
                Building::Unconfirmed => C::Unconfirmed,
            },
            Value::Flooding(v) => match v {
                Flooding::None => C::Good,
                Flooding::BelowFloor => C::Limited,
                Flooding::AboveFloor => C::Bad,
                Flooding::Unconfirmed => C::Unconfirmed,
            },
            Value::Road(v) => match v {
                Road::Open => C::Good,
                Road::Limited => C::Limited,
                Road::Cut => C::Bad,
                Road::Unconfirmed => C::Unconfirmed,
            },
            Value::Injured(v) => match v {
                Injured::None => C::Good,
                Injured::Yes => C::Bad,
                Injured::Unconfirmed => C::Unconfirmed,
            },
            Value::Evacuation(v) => match v {
                Evacuation::NotNeeded => C::Good,
                Evacuation::Preparing | Evacuation::Done => C::Limited,
                Evacuation::NeedsSupport => C::Bad,
            },
            Value::Staff(v) => match v {
                Staffing::Adequate => C::Good,
                Staffing::Short => C::Limited,
                Staffing::Critical => C::Bad,
            },
            Value::Supplies { state, .. } => match state {
                Supplies::Adequate => C::Good,
                Supplies::Short => C::Limited,
                Supplies::None => C::Bad,
            },
            Value::ManyPatients(v) => match v {
                ManyPatients::No => C::Good,
                ManyPatients::Yes => C::Limited,
            },
            Value::Acceptance { state, .. } => match state {
                Acceptance::Yes => C::Good,
                Acceptance::Ask => C::Limited,
                Acceptance::No => C::Bad,
            },
        })
    }
}

/// From how many free places on a level is `few` or `plenty` (domain: × 0, △ 1, ○ 2–4, ◎ ≥ 5; settings).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// At most this many is △.
    pub few_up_to: u32,
    /// At most this many is ○; more is ◎.
    pub available_up_to: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { few_up_to: 1, available_up_to: 4 }
    }
}

impl Thresholds {
    /// The level that a count of free places has.
    #[must_use]
    pub fn level(self, count: u32) -> Level {
        match count {
            0 => Level::Full,
            n if n <= self.few_up_to => Level::Few,
            n if n <= self.available_up_to => Level::Available,
            _ => Level::Plenty,
        }
    }
}

/// One statement of fact: one value of one aspect (観測).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Observation {
    /// Of what.
    pub aspect: Aspect,
    /// What is true of it.
    pub value: Value,
}

/// An observation as it arrives from outside, before anything is believed.
///
/// `aspect` is a word of [`PLAIN_ASPECTS`] or `vacancy`; `service` and `cell` belong to vacancies (both may be absent
/// where the facility has one service with one cell); for `needs`, `value` is the item, `cell` the urgency and
/// `count` the amount in `unit`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawObservation {
    /// The aspect's word.
    pub aspect: String,
    /// The service id, for vacancies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The cell, for vacancies; the urgency, for needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// The state's word; may be empty for a vacancy with a count.
    #[serde(default)]
    pub value: String,
    /// A count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Places in total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
    /// Hours left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<u32>,
    /// Days left (supplies).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// A date: when operation resumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The unit of a needed amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Why an observation was refused; the sender is told in words at the field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Refused {
    /// There is no such aspect.
    #[error("unknown aspect {word:?}")]
    UnknownAspect {
        /// What was given.
        word: String,
    },
    /// The facility has no such service, or several and none was named.
    #[error("the facility has no service {service:?}")]
    UnknownService {
        /// What was given (empty if nothing).
        service: String,
    },
    /// The service has no such cell.
    #[error("service {service} has no cell {cell:?}")]
    UnknownCell {
        /// The service.
        service: String,
        /// What was given.
        cell: String,
    },
    /// A date that does not exist, or lies outside what may be reported.
    #[error("impossible date {date:?}")]
    BadDate {
        /// What was given.
        date: String,
    },
    /// The aspect has no such value.
    #[error("{aspect} has no value {value:?}")]
    UnknownValue {
        /// The aspect's word.
        aspect: String,
        /// What was given.
        value: String,
    },
    /// More places free than there are (an error in peace, a warning during an incident).
    #[error("{count} free of {total}")]
    MoreThanTotal {
        /// Free places as given.
        count: u32,
        /// Places in total.
        total: u32,
    },
    /// A number that cannot be meant.
    #[error("{field} {number} is out of range (at most {most})")]
    OutOfRange {
        /// Which field of the observation.
        field: &'static str,
        /// What was given.
        number: u32,
        /// The greatest accepted number.
        most: u32,
    },
    /// Level and count contradict each other: "full" with 3 free.
    #[error("value {value:?} contradicts count {count}")]
    Contradiction {
        /// The level's word.
        value: String,
        /// The count.
        count: u32,
    },
}

/// No facility of the country has more places than this (largest Japanese hospitals: about 1,400 beds); a typo guard.
pub const MOST_PLACES: u32 = 3_000;
/// Hours or days left beyond this are a typo: 31 days.
pub const MOST_HOURS: u32 = 744;
/// Days left beyond this are a typo.
pub const MOST_DAYS: u32 = 366;
/// An amount needed beyond this is a typo.
pub const MOST_QUANTITY: u32 = 1_000_000;

/// What a parser must know besides the facility.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The city date.
    pub today: Date,
    /// Count to level.
    pub thresholds: Thresholds,
    /// During an incident "more free than total" is let through (corridors become wards).
    pub incident: bool,
}

fn limit(field: &'static str, number: Option<u32>, most: u32) -> Result<Option<u32>, Refused> {
    match number {
        Some(n) if n > most => Err(Refused::OutOfRange { field, number: n, most }),
        other => Ok(other),
    }
}

impl Observation {
    /// Takes what arrived from outside as observations of `facility`.
    ///
    /// Several `needs` become one list. Vacancies without a cell mean [`crate::Service::cells_meant`]; a number of places
    /// must name its cell where that is more than one.
    /// Fails with the index of the raw observation and the reason; nothing is taken in part.
    pub fn parse(raws: &[RawObservation], facility: &Facility, rules: Rules) -> Result<Vec<Observation>, Vec<(usize, Refused)>> {
        let mut taken: Vec<Observation> = Vec::new();
        let mut refused = Vec::new();
        let mut needs: Option<Vec<Need>> = None;
        for (i, raw) in raws.iter().enumerate() {
            let outcome = match raw.aspect.as_str() {
                "vacancy" => parse_vacancy(raw, facility, rules),
                "needs" => parse_need(raw).map(|need| {
                    needs.get_or_insert_default().extend(need);
                    Vec::new()
                }),
                word => match Aspect::find_plain(word) {
                    Some(aspect) => parse_plain(aspect, raw, rules).map(|o| vec![o]),
                    None => Err(Refused::UnknownAspect { word: word.to_owned() }),
                },
            };
            match outcome {
                Ok(new) => {
                    for o in new {
                        taken.retain(|t| t.aspect != o.aspect);
                        taken.push(o);
                    }
                }
                Err(why) => refused.push((i, why)),
            }
        }
        if let Some(list) = needs {
            let list = merge_needs(list);
            taken.push(Observation { aspect: Aspect::Needs, value: Value::Needs(list) });
        }
        if refused.is_empty() { Ok(taken) } else { Err(refused) }
    }
}

/// Each item once, most urgent first: of two wishes for the same the more urgent holds, of equally urgent ones the larger.
fn merge_needs(mut list: Vec<Need>) -> Vec<Need> {
    list.sort_by_key(|need| (need.urgency, need.item, std::cmp::Reverse(need.quantity)));
    let mut named = std::collections::BTreeSet::new();
    list.retain(|need| named.insert(need.item));
    list
}

fn parse_need(raw: &RawObservation) -> Result<Option<Need>, Refused> {
    if raw.value == "nothing" {
        return Ok(None);
    }
    let unknown = |value: &str| Refused::UnknownValue { aspect: "needs".into(), value: value.to_owned() };
    let item: NeedItem = raw.value.parse().map_err(|_| unknown(&raw.value))?;
    let urgency = match raw.cell.as_deref().filter(|c| !c.is_empty()) {
        None => Urgency::Now,
        Some(word) => word.parse().map_err(|_| unknown(word))?,
    };
    let unit = match raw.unit.as_deref().filter(|u| !u.is_empty()) {
        None => item.usual_unit(),
        Some(word) => word.parse().map_err(|_| unknown(word))?,
    };
    let quantity = limit("count", raw.count, MOST_QUANTITY)?.filter(|n| *n > 0).map(|n| (n, unit));
    Ok(Some(Need { urgency, item, quantity }))
}

fn parse_vacancy(raw: &RawObservation, facility: &Facility, rules: Rules) -> Result<Vec<Observation>, Refused> {
    let named = raw.service.as_deref().filter(|s| !s.is_empty());
    let unknown_service = || Refused::UnknownService { service: named.unwrap_or_default().to_owned() };
    let with_grid: Vec<_> = facility.services.iter().filter(|s| s.kind.grid().is_some()).collect();
    let service = match named {
        Some(id) => with_grid.into_iter().find(|s| s.id.as_str() == id).ok_or_else(unknown_service)?,
        None => match with_grid.as_slice() {
            [only] => only,
            _ => return Err(unknown_service()),
        },
    };
    let cells = match raw.cell.as_deref().filter(|c| !c.is_empty()) {
        None => service.cells_meant(rules.today),
        Some(text) => {
            let unknown = || {
                if text.starts_with(|c: char| c.is_ascii_digit()) {
                    Refused::BadDate { date: text.to_owned() }
                } else {
                    Refused::UnknownCell { service: service.id.to_string(), cell: text.to_owned() }
                }
            };
            let cell: Cell = text.parse().map_err(|_| unknown())?;
            if !service.has_cell(cell, rules.today) {
                return Err(unknown());
            }
            vec![cell]
        }
    };
    let count = limit("count", raw.count, MOST_PLACES)?;
    let total = limit("total", raw.total, MOST_PLACES)?;
    if cells.len() > 1 && (count.is_some_and(|n| n > 0) || total.is_some()) {
        // "2 free" of a service with several cells would be counted once per cell.
        return Err(Refused::UnknownCell { service: service.id.to_string(), cell: String::new() });
    }
    if let (Some(count), Some(total), false) = (count, total.or(service.capacity), rules.incident)
        && count > total
    {
        return Err(Refused::MoreThanTotal { count, total });
    }
    let level = if raw.value.is_empty() {
        match count {
            Some(n) => rules.thresholds.level(n),
            None => return Err(Refused::UnknownValue { aspect: "vacancy".into(), value: String::new() }),
        }
    } else {
        raw.value.parse().map_err(|_| Refused::UnknownValue { aspect: "vacancy".into(), value: raw.value.clone() })?
    };
    if let Some(n) = count
        && (matches!(level, Level::Full | Level::NotOffered) != (n == 0))
    {
        return Err(Refused::Contradiction { value: level.word().to_owned(), count: n });
    }
    Ok(cells
        .into_iter()
        .map(|cell| Observation {
            aspect: Aspect::Vacancy { service: service.id.clone(), cell },
            value: Value::Vacancy { level, count, total },
        })
        .collect())
}

fn parse_plain(aspect: Aspect, raw: &RawObservation, rules: Rules) -> Result<Observation, Refused> {
    fn state<T: std::str::FromStr>(aspect: &Aspect, raw: &RawObservation) -> Result<T, Refused> {
        raw.value.parse().map_err(|_| Refused::UnknownValue { aspect: aspect.word().to_owned(), value: raw.value.clone() })
    }
    let hours = || limit("hours", raw.hours, MOST_HOURS);
    let value = match &aspect {
        Aspect::Vacancy { .. } | Aspect::Needs => {
            return Err(Refused::UnknownAspect { word: raw.aspect.clone() });
        }
        Aspect::Operation => Value::Operation {
            state: state(&aspect, raw)?,
            reopens: match raw.date.as_deref().filter(|d| !d.is_empty()) {
                None => None,
                Some(text) => {
                    let bad = || Refused::BadDate { date: text.to_owned() };
                    let date: Date = text.parse().map_err(|_| bad())?;
                    let within_two_years = rules.today.checked_add(jiff::Span::new().years(2)).is_ok_and(|end| date <= end);
                    if date < rules.today || !within_two_years {
                        return Err(bad());
                    }
                    Some(date)
                }
            },
        },
        Aspect::FirstReport => Value::FirstReport(state(&aspect, raw)?),
        Aspect::Power => Value::Power { state: state(&aspect, raw)?, hours: hours()? },
        Aspect::Water
        | Aspect::Gas
        | Aspect::MedicalGas
        | Aspect::Phone
        | Aspect::Internet
        | Aspect::Toilet
        | Aspect::Climate => Value::Utility { state: state(&aspect, raw)?, hours: hours()? },
        Aspect::Building => Value::Building(state(&aspect, raw)?),
        Aspect::Flooding => Value::Flooding(state(&aspect, raw)?),
        Aspect::Road => Value::Road(state(&aspect, raw)?),
        Aspect::Injured => Value::Injured(state(&aspect, raw)?),
        Aspect::Evacuation => Value::Evacuation(state(&aspect, raw)?),
        Aspect::Staff => Value::Staff(state(&aspect, raw)?),
        Aspect::Supplies => Value::Supplies { state: state(&aspect, raw)?, days: limit("days", raw.days, MOST_DAYS)? },
        Aspect::ManyPatients => Value::ManyPatients(state(&aspect, raw)?),
        Aspect::Acceptance => Value::Acceptance { state: state(&aspect, raw)?, count: limit("count", raw.count, MOST_PLACES)? },
    };
    Ok(Observation { aspect, value })
}
