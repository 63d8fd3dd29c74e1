//! Notices, jobs and remarks: everything a person wrote, and whether the public may read it.
//!
//! Invariant: what came from outside stays `Pending` until somebody in the city releases it.

use jiff::Timestamp;
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

/// Facts of a job offer that are not free text.
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
}

impl Posting {
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

    /// When that changes next by time alone.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        if self.state != PostingState::Published {
            return None;
        }
        [self.publish_at, self.expires_at].into_iter().flatten().filter(|at| *at > now).min()
    }
}
