//! One entry of the log: everything that can change the board.
//!
//! What a person typed (`text`) is kept apart from the structured `facts`, so that redaction can erase a sentence
//! and leave the facts and the hash chain whole. Invariant: `facts` never hold free text of a report or posting.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::aspect::{Aspect, Value};
use crate::button::{Button, Gesture};
use crate::calls::CallOutcome;
use crate::display::Display;
use crate::facility::Facility;
use crate::guide::{GuidePage, VisitOutcome};
use crate::id::{ButtonId, EntryId, FacilityId, IncidentId, KeyId, PostingId, RollCallId};
use crate::incident::{Answer, Incident, RollCall};
use crate::posting::{Job, NoticeCategory, Plan, PostingKind};
use crate::standing::{Channel, Standing};

/// One entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Position in the log, gapless from 1.
    pub seq: u64,
    /// Its id, chosen by the sender or made here.
    pub id: EntryId,
    /// When it was recorded (server clock; the order is `seq`, never this).
    pub recorded_at: Timestamp,
    /// Who, as an opaque id: `key:…`, `button:…`, `staff:…`, `cli`, `system`.
    pub actor: String,
    /// How it reached us.
    pub channel: Channel,
    /// What it says.
    pub facts: Facts,
    /// What a person typed; `None` if nothing, or redacted.
    pub text: Option<String>,
}

/// One observed or confirmed value inside a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Of what.
    pub aspect: Aspect,
    /// What is true of it.
    pub value: Value,
    /// Set when an older observation was only confirmed (変わりなし).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirms: Option<EntryId>,
}

/// The press a report came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PressFacts {
    /// The enrolled button.
    pub button: ButtonId,
    /// The gesture.
    pub gesture: Gesture,
    /// Which key of the device, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<u16>,
    /// What makes this press the same as another (counter or time stamp), if the device says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedupe: Option<String>,
}

/// What one report cost the person who sent it, as the report page measured it; says nothing about who.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// From opening the page to sending, in seconds, at most [`Effort::MOST_SECONDS`].
    pub seconds: u16,
    /// Presses on the way, the last one included, at most [`Effort::MOST_TAPS`].
    pub taps: u16,
}

impl Effort {
    /// A page left open over lunch is not an hour of work; what took longer counts as this.
    pub const MOST_SECONDS: u16 = 3_600;
    /// Four weeks of a short-stay grid take 31 presses; nobody presses ten times that.
    pub const MOST_TAPS: u16 = 500;

    /// Takes what a browser claims, within sane limits.
    #[must_use]
    pub fn clamped(seconds: u64, taps: u64) -> Self {
        let within = |n: u64, most: u16| u16::try_from(n).unwrap_or(most).clamp(1, most);
        Self { seconds: within(seconds, Self::MOST_SECONDS), taps: within(taps, Self::MOST_TAPS) }
    }
}

/// One statement of fact by a facility (報告); immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whose.
    pub facility: FacilityId,
    /// When it was true.
    pub observed_at: Timestamp,
    /// It came later than it was made, with no usable time of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// The incident or exercise it belongs to, stamped by the recorder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The roll call it answers, stamped by the recorder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll_call: Option<RollCallId>,
    /// Part of an exercise: its damage never touches real standings. Vacancies in it are real all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exercise: bool,
    /// It was sent during an exercise by something that cannot say which it means; the desk asks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unclear: bool,
    /// What was observed.
    pub observations: Vec<Observed>,
    /// The remark's posting, if a remark was typed (the words are the entry's text).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<PostingId>,
    /// The press it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub press: Option<PressFacts>,
    /// What it cost the sender; absent for buttons, telephone and FAX, and without a script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
}

impl Report {
    /// What the board believes of one of its observations, if no other report says it better.
    ///
    /// A vacancy is real even when it comes with an exercise, so it carries nothing of the exercise.
    #[must_use]
    pub fn standing(&self, entry: &Entry, observed: &Observed) -> Standing {
        let in_exercise = self.exercise && !observed.aspect.is_vacancy();
        Standing {
            value: observed.value.clone(),
            observed_at: self.observed_at,
            recorded_at: entry.recorded_at,
            report: entry.id,
            channel: entry.channel,
            reporter: entry.actor.clone(),
            incident: self.incident.clone().filter(|_| in_exercise == self.exercise),
            exercise: in_exercise,
            confirms: observed.confirms,
        }
    }
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Facts {
    /// The city was set up; a sample city says 見本 on every page.
    CityFounded {
        /// Invented data.
        sample: bool,
    },
    /// A report of a facility.
    Report(Report),
    /// A report was taken back or replaced.
    Corrected {
        /// The report that no longer holds.
        replaces: EntryId,
        /// Whose it was.
        facility: FacilityId,
        /// What holds afterwards for each aspect the report had set; `None`: nothing was known before.
        stands: Vec<(Aspect, Option<Standing>)>,
        /// What was said last on the day of the withdrawn report, for bed cells of which that day is known otherwise.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        days: Vec<(Aspect, Standing)>,
        /// The answer to the roll call that holds afterwards, if the report was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<(RollCallId, Option<Answer>)>,
        /// The same for standings of an exercise.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        exercise: bool,
        /// The remark that goes with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark: Option<PostingId>,
    },
    /// The text of an entry was erased.
    Redacted {
        /// Which entry.
        seq: u64,
        /// Why, in words that repeat nothing of it.
        why: String,
    },
    /// A facility was added or changed: the whole record as it now is.
    FacilityRegistered(Box<Facility>),
    /// A facility was taken out of the register; its history stays.
    FacilityRetired {
        /// Which.
        facility: FacilityId,
    },
    /// A report key was issued.
    KeyIssued {
        /// The key's public half.
        key: KeyId,
        /// For whom it speaks.
        facility: FacilityId,
        /// Where it hangs (玄関, 事務室, 夜勤机).
        label: String,
    },
    /// A report key was revoked.
    KeyRevoked {
        /// Which.
        key: KeyId,
    },
    /// An incident or exercise was opened.
    IncidentOpened(Incident),
    /// An incident or exercise was closed; why it was over is the entry's text, if somebody said so.
    IncidentClosed {
        /// Which.
        incident: IncidentId,
    },
    /// A roll call was opened.
    RollCallOpened(RollCall),
    /// A roll call was closed.
    RollCallClosed {
        /// Which.
        roll_call: RollCallId,
    },
    /// A notice or job was written; it waits for release.
    PostingDrafted {
        /// Its id.
        posting: PostingId,
        /// Notice or job.
        what: PostingKind,
        /// Of which facility; `None` for the city.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        facility: Option<FacilityId>,
        /// What a notice is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<NoticeCategory>,
        /// Facts of a job.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<Job>,
        /// Until when it should be public.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// What else is planned for it.
        #[serde(default, skip_serializing_if = "Plan::is_plain")]
        plan: Plan,
    },
    /// A posting was released to the public.
    PostingPublished {
        /// Which.
        posting: PostingId,
        /// From when; absent: from the release.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        publish_at: Option<Timestamp>,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// Above the others.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pinned: bool,
    },
    /// A posting was taken off or refused.
    PostingWithdrawn {
        /// Which.
        posting: PostingId,
    },
    /// A button was enrolled or its settings changed.
    ButtonEnrolled(Button),
    /// A button was removed.
    ButtonRemoved {
        /// Which.
        button: ButtonId,
    },
    /// A display was added or changed.
    DisplayAdded(Display),
    /// The city wrote down what happened in an incident or exercise; the words are the entry's text.
    IncidentNoted {
        /// Which.
        incident: IncidentId,
    },
    /// The desk called a facility, and no report came of it yet.
    CallTried {
        /// Whom.
        facility: FacilityId,
        /// What came of it.
        outcome: CallOutcome,
        /// Not to be called again before this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Part of an exercise.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        exercise: bool,
    },
    /// A posting went back to the facility that sent it; the reason is the entry's text.
    PostingReturned {
        /// Which.
        posting: PostingId,
    },
    /// The words or terms of a posting as they now are, all of them (改定); the words are the entry's text. One that had been
    /// returned waits for release again.
    PostingRevised {
        /// Which.
        posting: PostingId,
        /// The revision it was made from.
        base: u32,
        /// The public is told that the words are new.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        announced: bool,
        /// What a notice is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<NoticeCategory>,
        /// Facts of a job.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<Job>,
        /// Until when it is public.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// Audience, from when, pinned.
        #[serde(default, skip_serializing_if = "Plan::is_plain")]
        plan: Plan,
    },
    /// The city wrote one of its pages anew; the words are the entry's text.
    PageEdited {
        /// Which.
        page: GuidePage,
        /// Its number: one more than the version it was made from.
        revision: u32,
    },
    /// A facility would like somebody to come and show it (伴走支援); what it would like to be shown is the entry's text.
    SupportAsked {
        /// Which.
        facility: FacilityId,
    },
    /// Somebody came, or it was settled otherwise; what was noted is the entry's text.
    SupportVisited {
        /// Where.
        facility: FacilityId,
        /// On which day.
        on: Date,
        /// How it ended.
        outcome: VisitOutcome,
    },
}

impl Facts {
    /// The stable word of the kind, as it stands in the log.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Facts::CityFounded { .. } => "city_founded",
            Facts::Report(_) => "report",
            Facts::Corrected { .. } => "corrected",
            Facts::Redacted { .. } => "redacted",
            Facts::FacilityRegistered(_) => "facility_registered",
            Facts::FacilityRetired { .. } => "facility_retired",
            Facts::KeyIssued { .. } => "key_issued",
            Facts::KeyRevoked { .. } => "key_revoked",
            Facts::IncidentOpened(_) => "incident_opened",
            Facts::IncidentClosed { .. } => "incident_closed",
            Facts::RollCallOpened(_) => "roll_call_opened",
            Facts::RollCallClosed { .. } => "roll_call_closed",
            Facts::PostingDrafted { .. } => "posting_drafted",
            Facts::PostingPublished { .. } => "posting_published",
            Facts::PostingWithdrawn { .. } => "posting_withdrawn",
            Facts::ButtonEnrolled(_) => "button_enrolled",
            Facts::ButtonRemoved { .. } => "button_removed",
            Facts::DisplayAdded(_) => "display_added",
            Facts::IncidentNoted { .. } => "incident_noted",
            Facts::CallTried { .. } => "call_tried",
            Facts::PostingReturned { .. } => "posting_returned",
            Facts::PostingRevised { .. } => "posting_revised",
            Facts::PageEdited { .. } => "page_edited",
            Facts::SupportAsked { .. } => "support_asked",
            Facts::SupportVisited { .. } => "support_visited",
        }
    }

    /// What the entry is about, as one text (`facility/f012`): the log is searched by it.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Facts::CityFounded { .. } => "city".to_owned(),
            Facts::Report(r) => format!("facility/{}", r.facility),
            Facts::Corrected { facility, .. }
            | Facts::FacilityRetired { facility }
            | Facts::KeyIssued { facility, .. }
            | Facts::CallTried { facility, .. } => {
                format!("facility/{facility}")
            }
            Facts::FacilityRegistered(f) => format!("facility/{}", f.id),
            Facts::Redacted { seq, .. } => format!("entry:{seq}"),
            Facts::KeyRevoked { key } => format!("key/{key}"),
            Facts::IncidentOpened(i) => format!("incident/{}", i.id),
            Facts::IncidentClosed { incident } | Facts::IncidentNoted { incident } => format!("incident/{incident}"),
            Facts::RollCallOpened(r) => format!("roll-call/{}", r.id),
            Facts::RollCallClosed { roll_call } => format!("roll-call/{roll_call}"),
            Facts::PostingDrafted { posting, .. }
            | Facts::PostingPublished { posting, .. }
            | Facts::PostingWithdrawn { posting }
            | Facts::PostingReturned { posting }
            | Facts::PostingRevised { posting, .. } => {
                format!("posting/{posting}")
            }
            Facts::ButtonEnrolled(b) => format!("button/{}", b.id),
            Facts::ButtonRemoved { button } => format!("button/{button}"),
            Facts::DisplayAdded(d) => format!("display/{}", d.id),
            Facts::PageEdited { page, .. } => format!("page/{page}"),
            Facts::SupportAsked { facility } | Facts::SupportVisited { facility, .. } => format!("facility/{facility}"),
        }
    }
}
