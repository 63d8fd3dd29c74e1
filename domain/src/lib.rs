//! What is true about a city's facilities: values, ageing, incidents, and the pure fold over the log.
//!
//! Nothing here reads a clock, a file, a socket or a database, and nothing here knows HTML or words for people beyond the
//! names of services. Functions take `now`. Who wants to follow one report opens, in order: [`aspect`] (what arrives),
//! [`entry`] (what is logged), [`board`] (what is believed), [`moment`] (what may be shown).
//!
//! *Invariant:* reports commute — any order and repetition of the same reports gives the same board — and an exercise never
//! changes a real standing.

pub mod aspect;
pub mod board;
pub mod burden;
pub mod button;
pub mod calls;
pub mod display;
pub mod entry;
pub mod facility;
mod finding;
pub mod freshness;
pub mod guard;
pub mod guide;
pub mod id;
pub mod incident;
mod index;
pub mod moment;
mod packed;
mod packed_calls;
mod packed_days;
mod packed_postings;
mod packed_standings;
mod packed_time;
mod parsed;
pub mod posting;
pub mod service;
pub mod spoken_time;
pub mod staff;
pub mod standing;
pub mod tally;
mod words;

pub use aspect::*;
pub use board::{Board, Change, DATES_KEPT, DayCount, FacilityBoard, FacilityKey, HISTORY_DAYS, LastReport, View};
pub use button::{BadSetting, Button, Gesture, Setting};
pub use calls::{CallOutcome, LastKnown, Lateness, NEWS_KEPT, Outstanding, Pressing, Scope, Told, Try, Waiting};
pub use display::Display;
pub use entry::{Effort, Entry, Facts, Observed, PressFacts, Report};
pub use facility::{Closure, ClosureReason, Facility};
pub use freshness::{Rhythm, Rhythms};
pub use guide::{EditedPage, GuidePage, Support, SupportCase, Visit, VisitOutcome};
pub use id::*;
pub use imbl::OrdMap;
pub use incident::{Answer, Hazard, Incident, IncidentNote, Mode, RollCall, Severity};
pub use index::search_form;
pub use moment::*;
pub use posting::{
    Audience, ContactRole, Employment, Hours, Job, NoticeCategory, Plan, Posting, PostingKind, PostingState, Returned, Shift,
    WagePer, WorkKind,
};
pub use service::*;
pub use spoken_time::{Unclear, spoken_time};
pub use staff::Role;
pub use standing::{Channel, Freshness, Shown, Standing};
pub use tally::{KindNow, Tally};
pub use words::UnknownWord;
