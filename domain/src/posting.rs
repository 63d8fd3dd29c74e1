//! Notices, jobs and remarks: everything a person wrote, and whether the public may read it.
//!
//! Invariant: what came from outside stays `Pending` until somebody in the city releases it.

use jiff::Timestamp;
use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::id::{FacilityId, PostingId};
use crate::words::words;

words! {
    /// What a posting is.
    PostingKind {
        /// 事務連絡・お知らせ
        Notice = "notice",
        /// 求人
        Job = "job",
        /// 備考 of a report
        Remark = "remark",
    }
}

words! {
    /// Where a posting stands.
    PostingState {
        /// Waits for release by the city.
        Pending = "pending",
        /// Went back to the facility with a reason; comes again when it was put right.
        Returned = "returned",
        /// Released; public inside its window.
        Published = "published",
        /// Taken off.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// What a notice is about.
    NoticeCategory {
        /// 一般
        General = "general",
        /// 船・道路
        Transport = "transport",
        /// 休業・営業時間
        Hours = "hours",
        /// 研修・会議
        Training = "training",
        /// 防災・訓練
        Disaster = "disaster",
        /// 感染症
        Infection = "infection",
    }
}

words! {
    /// Whom a notice speaks to, if not everybody. Everybody can read it all the same.
    Audience {
        /// 住民
        Residents = "residents",
        /// 施設・事業所
        Facilities = "facilities",
        /// ケアマネジャー・相談員
        CareManagers = "care_managers",
    }
}

words! {
    /// What the work is.
    WorkKind {
        /// 介護
        Care = "care",
        /// 看護
        Nurse = "nurse",
        /// ケアマネジャー
        CareManager = "care_manager",
        /// 生活相談員
        Counsellor = "counsellor",
        /// リハビリ
        Therapist = "therapist",
        /// 調理
        Cook = "cook",
        /// 送迎・運転
        Driver = "driver",
        /// 清掃・洗濯
        Cleaner = "cleaner",
        /// 事務
        Office = "office",
        /// そのほか
        Other = "other",
    }
}

words! {
    /// How the working hours lie.
    Shift {
        /// 日勤
        Day = "day",
        /// 夜勤
        Night = "night",
        /// 交替制
        Rotating = "rotating",
        /// 相談して決める
        ByArrangement = "by_arrangement",
    }
}

words! {
    /// Whom to ask for, by role: never by name.
    ContactRole {
        /// 採用担当
        Recruiter = "recruiter",
        /// 施設長・管理者
        Manager = "manager",
        /// 事務所
        Office = "office",
    }
}

words! {
    /// Form of employment.
    Employment {
        /// 正職員
        FullTime = "full_time",
        /// パート
        PartTime = "part_time",
        /// 契約・臨時
        Temporary = "temporary",
    }
}

words! {
    /// Per what a wage is paid.
    WagePer {
        /// 時給
        Hour = "hour",
        /// 日給
        Day = "day",
        /// 月給
        Month = "month",
    }
}

/// When one works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// How they lie.
    pub shift: Shift,
    /// From when, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Until when; before `from` it is the next morning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// Facts of a job offer that are not free text. The number to call is always the registered one of the facility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Form of employment.
    pub employment: Employment,
    /// Wage per what.
    pub wage_per: WagePer,
    /// Lowest wage in yen.
    pub wage_from_yen: u32,
    /// Highest wage in yen, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wage_to_yen: Option<u32>,
    /// What the work is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<WorkKind>,
    /// When one works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Whom to ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactRole>,
}

impl Job {
    /// A job of which only the least is said.
    #[must_use]
    pub fn new(employment: Employment, wage_per: WagePer, wage_from_yen: u32) -> Self {
        Self { employment, wage_per, wage_from_yen, wage_to_yen: None, work: None, hours: None, contact: None }
    }
}

/// How a posting is to be published once it is released.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Whom it speaks to; `None`: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// From when; absent: from the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<Timestamp>,
    /// Above the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
}

impl Plan {
    /// Whether nothing is planned.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// That a posting went back to its facility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// When.
    pub at: Timestamp,
    /// Why, in the city's words; `None` after redaction.
    pub reason: Option<String>,
    /// The entry that says so.
    pub seq: u64,
}

/// A notice, a job or a remark (お知らせ・求人・備考).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Its id.
    pub id: PostingId,
    /// What it is.
    pub kind: PostingKind,
    /// Where it stands.
    pub state: PostingState,
    /// The facility it is of; `None` for the city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility: Option<FacilityId>,
    /// First line: the title; the rest: the body. `None` after redaction.
    pub text: Option<String>,
    /// What a notice is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<NoticeCategory>,
    /// Facts of a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    /// The entry whose text this is.
    pub source_seq: u64,
    /// When it reached us.
    pub received_at: Timestamp,
    /// From when it is public, once released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<Timestamp>,
    /// Until when it is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Stands above the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Whom it speaks to; `None`: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// The city wrote it, also if it speaks for a facility.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_city: bool,
    /// How often its words or terms were changed: two people who change the same version cannot both win unseen.
    #[serde(default)]
    pub revision: u32,
    /// When the public was told of new words (改定), the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revised_at: Vec<Timestamp>,
    /// Why it went back to its facility, while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Returned>,
}

impl Posting {
    /// A remark as it comes with a report: it waits for the city.
    #[must_use]
    pub fn remark(id: PostingId, facility: FacilityId, text: Option<String>, source_seq: u64, received_at: Timestamp) -> Self {
        Self {
            id,
            kind: PostingKind::Remark,
            state: PostingState::Pending,
            facility: Some(facility),
            text,
            category: None,
            job: None,
            source_seq,
            received_at,
            publish_at: None,
            expires_at: None,
            pinned: false,
            audience: None,
            from_city: false,
            revision: 0,
            revised_at: Vec::new(),
            returned: None,
        }
    }

    /// Whether it is a remark that nobody has released, changed or taken back.
    pub(crate) fn is_untouched_remark(&self) -> bool {
        // Compared whole, so that a field that comes to postings later is not forgotten here.
        self.facility.clone().is_some_and(|facility| {
            *self == Self::remark(self.id.clone(), facility, self.text.clone(), self.source_seq, self.received_at)
        })
    }

    /// The first line; empty after redaction.
    #[must_use]
    pub fn title(&self) -> &str {
        self.text.as_deref().and_then(|t| t.lines().next()).unwrap_or_default()
    }

    /// What follows the first line.
    #[must_use]
    pub fn body(&self) -> &str {
        self.text.as_deref().and_then(|t| t.split_once('\n')).map_or("", |(_, body)| body).trim()
    }

    /// Whether the public may read it at `now`.
    #[must_use]
    pub fn is_public(&self, now: Timestamp) -> bool {
        self.state == PostingState::Published
            && self.text.is_some()
            && self.publish_at.is_none_or(|at| at <= now)
            && self.expires_at.is_none_or(|at| now < at)
    }

    /// Whether it was released for later than `now`.
    #[must_use]
    pub fn is_scheduled(&self, now: Timestamp) -> bool {
        self.state == PostingState::Published && self.publish_at.is_some_and(|at| now < at)
    }

    /// Whether its window has closed by `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.state == PostingState::Published && self.expires_at.is_some_and(|at| at <= now)
    }

    /// When that changes next by time alone.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        if self.state != PostingState::Published {
            return None;
        }
        [self.publish_at, self.expires_at].into_iter().flatten().filter(|at| *at > now).min()
    }
}
