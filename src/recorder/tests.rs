//! What the recorder promises, with a real log on a real disk and a clock that stands still.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use futures_util::future::join_all;
use imaboard_domain::{
    Building, Cell, Facility, FacilityKey, Gesture, Hazard, Incident, KeyId, Level, Need, NeedItem, NoticeCategory, Operation,
    Plan, PostingKind, PostingState, Power, Service, ServiceKind, Severity, Thresholds, Urgency, Utility,
};
use rand::{Rng as _, SeedableRng as _};
use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;
use crate::data_folder::DataFolder;
use crate::log::{DatabasePlace, OpenMode};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn morning() -> Timestamp {
    "2026-11-23T00:00:00Z".parse().unwrap()
}

fn id(n: u128) -> EntryId {
    EntryId(uuid::Uuid::from_u128(n))
}

/// A recorder at work on an empty log.
struct Desk {
    folder: TempDir,
    log: Log,
    board: SharedBoard,
    clock: Arc<ManualClock>,
    recorder: Recorder,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Desk {
    async fn open() -> Self {
        Self::with_queue(256, 64).await
    }

    async fn with_queue(queue_entries: usize, batch_entries: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = DatabasePlace::Sqlite(folder.path().join("imaboard.db"));
        let log = Log::open(&place, OpenMode::Write).await.unwrap();
        let board = SharedBoard::default();
        let clock = Arc::new(ManualClock::new(morning()));
        let stop = CancellationToken::new();
        let parts = Parts {
            log: log.clone(),
            board: board.clone(),
            clock: Arc::<ManualClock>::clone(&clock),
            rhythms: Rhythms::default(),
            announce: broadcast::channel(16).0,
            trail: Arc::default(),
            queue_entries,
            batch_entries,
            head: None,
            last_recorded_at: Timestamp::MIN,
            public_phones: Vec::new(),
            keys: Keys::new([7; 32]),
            checkpoints: Checkpoints::of(&DataFolder::open(folder.path()).unwrap()),
        };
        let (recorder, task) = Recorder::start(parts, stop.clone());
        Self { folder, log, board, clock, recorder, stop, task }
    }

    /// With one facility of two bed services.
    async fn with_home() -> Self {
        let desk = Self::open().await;
        desk.control(Facts::FacilityRegistered(Box::new(home("hamayu")))).await.unwrap();
        desk
    }

    async fn control(&self, facts: Facts) -> Result<Receipt, SubmitError> {
        self.recorder.submit(submission(new_id(), Intent::Control(Box::new(facts)), None)).await
    }

    async fn say(&self, observations: Vec<Observation>) -> Result<Receipt, SubmitError> {
        self.recorder.submit(submission(new_id(), Intent::Report(intent(observations)), None)).await
    }

    async fn report(&self, intent: ReportIntent) -> Result<Receipt, SubmitError> {
        self.recorder.submit(submission(new_id(), Intent::Report(intent), None)).await
    }

    async fn take_back(&self, replaces: EntryId) -> Result<Receipt, SubmitError> {
        self.recorder.submit(submission(new_id(), Intent::Correct { replaces }, None)).await
    }

    fn standing(&self, aspect: &Aspect) -> Option<Standing> {
        self.board.read(|b| b.facilities()[&"hamayu".parse::<FacilityId>().unwrap()].real.get(aspect).cloned())
    }

    async fn entries(&self) -> Vec<Entry> {
        let mut all = Vec::new();
        loop {
            let page = self.log.read(all.len() as u64 + 1, 500).await.unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page.into_iter().map(|r| entry_of(r).unwrap()));
        }
    }

    /// The board of the log must be the board in memory, to the last character.
    async fn assert_replay_is_live(&self) {
        let mut replayed = Board::new();
        for entry in self.entries().await {
            replayed.apply(&entry);
        }
        let live = self.board.read(|b| serde_json::to_value(b).unwrap());
        assert_eq!(serde_json::to_value(&replayed).unwrap(), live);
    }
}

fn home(name: &str) -> Facility {
    let service = |kind: ServiceKind| Service {
        id: kind.word().parse().unwrap(),
        kind,
        capacity: Some(20),
        bed_cells: Vec::new(),
        sessions: Vec::new(),
    };
    let facility = serde_json::json!({ "id": name, "name": "はまゆう荘", "district": "seihi", "services": [] });
    let services = vec![service(ServiceKind::Tokuyo), service(ServiceKind::GroupHome)];
    Facility { services, ..serde_json::from_value(facility).unwrap() }
}

fn submission(id: EntryId, intent: Intent, text: Option<&str>) -> Submission {
    Submission { id, channel: Channel::Qr, actor: "key:k1".to_owned(), intent, text: text.map(str::to_owned) }
}

fn intent(observations: Vec<Observation>) -> ReportIntent {
    ReportIntent { facility: Some("hamayu".parse().unwrap()), observations, ..ReportIntent::default() }
}

fn beds() -> Aspect {
    Aspect::Vacancy { service: "tokuyo".parse().unwrap(), cell: Cell::ALL_BEDS }
}

fn free(count: u32) -> Observation {
    let level = Thresholds::default().level(count);
    Observation { aspect: beds(), value: Value::Vacancy { level, count: Some(count), total: None } }
}

fn power(state: Power) -> Observation {
    Observation { aspect: Aspect::Power, value: Value::Power { state, hours: None } }
}

fn first(value: FirstReport) -> Observation {
    Observation { aspect: Aspect::FirstReport, value: Value::FirstReport(value) }
}

fn press() -> PressFacts {
    PressFacts { button: "b1".parse().unwrap(), gesture: Gesture::Single, key: None, dedupe: None }
}

fn incident(name: &str, exercise: bool, opened_at: Timestamp) -> Facts {
    Facts::IncidentOpened(Incident {
        id: name.parse().unwrap(),
        name: name.to_owned(),
        hazard: Hazard::Typhoon,
        areas: Vec::new(),
        severity: Severity::Incident,
        exercise,
        opened_at,
        closed_at: None,
    })
}

fn roll_call(name: &str, exercise: bool, opened_at: Timestamp) -> Facts {
    Facts::RollCallOpened(RollCall {
        id: name.parse().unwrap(),
        areas: Vec::new(),
        exercise,
        opened_at,
        closed_at: None,
        answers: imaboard_domain::OrdMap::new(),
    })
}

fn said(receipt: &Receipt) -> &Report {
    match &receipt.entry.facts {
        Facts::Report(report) => report,
        other => panic!("not a report: {other:?}"),
    }
}

fn refusal(outcome: Result<Receipt, SubmitError>) -> Refusal {
    match outcome {
        Err(SubmitError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_same_submission_again_gets_the_same_receipt_and_stands_once() {
    let desk = Desk::with_home().await;
    let same = || submission(id(1), Intent::Report(intent(vec![free(2)])), None);
    let first = desk.recorder.submit(same()).await.unwrap();
    desk.clock.advance(HOUR);
    let again = desk.recorder.submit(same()).await.unwrap();
    assert!(!first.again && again.again);
    assert_eq!(again.entry, first.entry);
    let other = submission(id(1), Intent::Report(intent(vec![free(3)])), None);
    assert!(matches!(desk.recorder.submit(other).await, Err(SubmitError::Conflict)));
    let with_remark = submission(id(1), Intent::Report(intent(vec![free(2)])), Some("本日は満床です"));
    assert!(matches!(desk.recorder.submit(with_remark).await, Err(SubmitError::Conflict)));
    assert_eq!(desk.entries().await.len(), 2);
}

#[tokio::test]
async fn the_same_submission_twice_in_one_batch_stands_once() {
    let desk = Desk::with_home().await;
    let say = |count| desk.recorder.submit(submission(id(1), Intent::Report(intent(vec![free(count)])), None));
    let (new, again, other) = tokio::join!(say(2), say(2), say(3));
    assert!(!new.as_ref().unwrap().again);
    assert_eq!(again.unwrap().entry, new.unwrap().entry);
    assert!(matches!(other, Err(SubmitError::Conflict)));
    assert_eq!(desk.entries().await.len(), 2);
}

#[tokio::test]
async fn many_that_wait_share_a_commit_and_keep_their_order() {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let figures = metrics.handle();
    // The test runs on one thread, the writer too: its figures arrive here.
    let _local = metrics::set_default_local_recorder(&metrics);
    let desk = Desk::with_home().await;
    let commits = || -> u32 {
        let text = figures.render();
        let line = text.lines().find(|l| l.starts_with("imaboard_commit_seconds_count")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let before = commits();
    let receipts = join_all((0..60).map(|n| desk.say(vec![free(n % 9)]))).await;
    let seqs: Vec<u64> = receipts.into_iter().map(|r| r.unwrap().entry.seq).collect();
    assert_eq!(seqs, (2..62).collect::<Vec<u64>>(), "the order of arrival is the order of the log, without gaps");
    assert!(commits() - before <= 6, "60 entries took {} commits", commits() - before);
    let entries = desk.entries().await;
    assert!(entries.is_sorted_by(|a, b| a.seq + 1 == b.seq && a.recorded_at < b.recorded_at));
    desk.assert_replay_is_live().await;
}

#[test]
fn what_depends_on_nothing_that_waits_shares_its_commit() {
    let register = |name: &str| Intent::Control(Box::new(Facts::FacilityRegistered(Box::new(home(name)))));
    let report = |name: &str, confirm: Option<Timestamp>| {
        Intent::Report(ReportIntent { facility: Some(name.parse().unwrap()), confirm, ..intent(vec![free(2)]) })
    };
    let decided = |n: u128, facts: Facts| Decided {
        entry: Entry { seq: 0, id: id(n), recorded_at: morning(), actor: String::new(), channel: Channel::Qr, facts, text: None },
        digest: String::new(),
        reply: oneshot::channel().0,
    };
    let takes = |batch: &Batch, n: u128, intent: Intent| {
        let sort = Sort::of(&intent);
        batch.takes(&submission(id(n), intent, None), sort)
    };
    let key = Intent::Control(Box::new(Facts::KeyRevoked { key: "k1".parse().unwrap() }));

    let mut batch = Batch::default();
    assert!(takes(&batch, 1, key.clone()), "the first always fits");
    batch.add(decided(1, Facts::FacilityRegistered(Box::new(home("a")))), Sort::Register);
    assert!(takes(&batch, 2, register("b")) && takes(&batch, 2, register("a")));
    assert!(!takes(&batch, 1, register("b")), "the same id waits");
    assert!(!takes(&batch, 2, report("a", None)), "a report needs its facility folded");
    assert!(!takes(&batch, 2, key.clone()));

    let mut batch = Batch::default();
    let said = serde_json::json!({ "facility": "a", "observed_at": morning(), "observations": [] });
    batch.add(decided(1, Facts::Report(serde_json::from_value(said).unwrap())), Sort::Reports);
    assert!(takes(&batch, 2, report("a", None)) && takes(&batch, 2, report("b", Some(morning()))));
    assert!(!takes(&batch, 2, report("a", Some(morning()))), "what is confirmed must be folded");
    assert!(!takes(&batch, 2, register("c")) && !takes(&batch, 2, key));
}

#[tokio::test]
async fn a_repetition_among_others_gets_its_receipt_and_costs_the_others_nothing() {
    let desk = Desk::with_home().await;
    let first = desk.recorder.submit(submission(id(1), Intent::Report(intent(vec![free(1)])), None)).await.unwrap();
    // After a restart nobody remembers the ids.
    desk.stop.cancel();
    desk.task.await.unwrap();
    let parts = Parts {
        log: desk.log.clone(),
        board: desk.board.clone(),
        clock: Arc::<ManualClock>::clone(&desk.clock),
        rhythms: Rhythms::default(),
        announce: broadcast::channel(16).0,
        queue_entries: 256,
        batch_entries: 64,
        head: desk.log.head().await.unwrap(),
        last_recorded_at: morning(),
        public_phones: Vec::new(),
        keys: Keys::new([7; 32]),
        trail: Arc::default(),
        checkpoints: Checkpoints::of(&DataFolder::open(desk.folder.path()).unwrap()),
    };
    let (recorder, _task) = Recorder::start(parts, CancellationToken::new());
    let say = |n: u128, count: u32| recorder.submit(submission(id(n), Intent::Report(intent(vec![free(count)])), None));
    let outcomes = join_all([say(2, 2), say(1, 1), say(3, 3), say(4, 4)]).await;
    let receipts: Vec<Receipt> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(receipts.iter().map(|r| r.again).collect::<Vec<_>>(), [false, true, false, false]);
    assert_eq!(receipts[1].entry, first.entry);
    assert!(matches!(say(1, 9).await, Err(SubmitError::Conflict)), "other content under a known id");
    let stored: Vec<EntryId> = desk.log.read(1, 100).await.unwrap().into_iter().map(|r| EntryId(r.id)).collect();
    assert_eq!(stored[1..], [id(1), id(2), id(3), id(4)]);
    assert_eq!(desk.board.read(Board::position), 5);
}

#[tokio::test]
async fn what_was_stored_once_is_answered_with_its_receipt_even_if_it_could_not_be_stored_any_more() {
    let desk = Desk::with_home().await;
    let key = Facts::KeyIssued { key: "k1".parse().unwrap(), facility: "hamayu".parse().unwrap(), label: "玄関".to_owned() };
    let issue = || desk.recorder.submit(submission(id(1), Intent::Control(Box::new(key.clone())), None));
    let first = issue().await.unwrap();
    let again = issue().await.unwrap();
    assert!(again.again && again.entry == first.entry);
    assert!(matches!(refusal(desk.control(key.clone()).await), Refusal::Already(_)), "under an id of its own it is refused");
}

#[tokio::test]
async fn a_full_queue_says_busy_and_stores_nothing_of_what_it_refused() {
    let desk = Desk::with_queue(2, 64).await;
    desk.control(Facts::FacilityRegistered(Box::new(home("hamayu")))).await.unwrap();
    let outcomes = join_all((0..10).map(|n| desk.say(vec![free(n)]))).await;
    let stored: Vec<u64> = outcomes.iter().filter_map(|o| o.as_ref().ok()).map(|r| r.entry.seq).collect();
    let busy = outcomes.iter().filter(|o| matches!(o, Err(SubmitError::Busy { retry_after_s: 1.. }))).count();
    assert_eq!((stored.as_slice(), busy), ([2, 3].as_slice(), 8));
    assert_eq!(desk.entries().await.len(), 3);
    desk.say(vec![free(1)]).await.unwrap();
}

#[tokio::test]
async fn what_is_acknowledged_while_stopping_is_on_the_log_and_nothing_else_is() {
    let desk = Desk::with_queue(64, 4).await;
    desk.control(Facts::FacilityRegistered(Box::new(home("hamayu")))).await.unwrap();
    let submissions = join_all((0..30).map(|n| {
        let one = submission(id(100 + n), Intent::Report(intent(vec![free(n as u32 % 9)])), None);
        async {
            let id = one.id;
            (id, desk.recorder.submit(one).await)
        }
    }));
    let stop = async {
        tokio::task::yield_now().await;
        desk.stop.cancel();
    };
    let (outcomes, ()) = tokio::join!(submissions, stop);
    let acknowledged: BTreeSet<EntryId> = outcomes.iter().filter(|(_, o)| o.is_ok()).map(|(id, _)| *id).collect();
    assert!(matches!(desk.say(vec![free(1)]).await, Err(SubmitError::Busy { .. })), "a stopped recorder takes nothing");
    let stored: BTreeSet<EntryId> = desk.entries().await.iter().skip(1).map(|e| e.id).collect();
    assert_eq!(acknowledged, stored);
    assert_eq!(acknowledged.len(), 30, "what waits is finished");
    desk.assert_replay_is_live().await;
    desk.task.await.unwrap();
    drop(desk.folder);
}

#[tokio::test]
async fn a_confirmation_keeps_the_observation_it_rests_on() {
    let desk = Desk::with_home().await;
    let observed = desk.say(vec![free(2)]).await.unwrap();
    let mut seen = desk.clock.now();
    for _ in 0..2 {
        seen += HOUR;
        desk.clock.set(seen);
        let receipt = desk.report(ReportIntent { confirm: Some(seen), ..intent(vec![]) }).await.unwrap();
        let [confirmed] = said(&receipt).observations.as_slice() else { panic!("{receipt:?}") };
        assert_eq!(confirmed.confirms, Some(observed.entry.id), "a confirmation of a confirmation");
        let standing = desk.standing(&beds()).unwrap();
        assert_eq!((standing.observed_at, standing.confirms), (seen.max(receipt.entry.recorded_at), Some(observed.entry.id)));
    }
}

#[tokio::test]
async fn only_what_was_seen_and_is_not_stale_can_be_confirmed() {
    let desk = Desk::with_home().await;
    desk.say(vec![free(2)]).await.unwrap();
    let seen = desk.clock.now();
    let confirm = || desk.report(ReportIntent { confirm: Some(seen), ..intent(vec![]) });
    desk.clock.advance(MINUTE);
    // Somebody else's report waits in the same batch: the one who confirms cannot have seen it.
    let (other, blind) = tokio::join!(desk.say(vec![free(0)]), confirm());
    other.unwrap();
    assert_eq!(refusal(blind), Refusal::NothingToConfirm);
    assert_eq!(desk.standing(&beds()).unwrap().value, free(0).value);

    let seen = desk.clock.now();
    desk.clock.advance(MINUTE);
    let same = ReportIntent { confirm: Some(seen), ..intent(vec![]) };
    let (confirmed, newer) = tokio::join!(desk.report(same), desk.say(vec![free(4)]));
    assert_eq!(said(&confirmed.unwrap()).observations[0].value, free(0).value);
    newer.unwrap();
    assert_eq!(desk.standing(&beds()).unwrap().value, free(4).value);

    desk.clock.advance(HOUR * 24 * 15);
    let now = desk.clock.now();
    let stale = desk.report(ReportIntent { confirm: Some(now), ..intent(vec![]) }).await;
    assert_eq!(refusal(stale), Refusal::NothingToConfirm, "an unknown cannot stay the same");
}

#[tokio::test]
async fn in_peace_damage_is_not_confirmed_and_what_is_said_anew_is_no_confirmation() {
    let desk = Desk::with_home().await;
    desk.say(vec![free(2), power(Power::None)]).await.unwrap();
    desk.clock.advance(MINUTE);
    let now = desk.clock.now();
    let peace = desk.report(ReportIntent { confirm: Some(now), ..intent(vec![]) }).await.unwrap();
    assert_eq!(said(&peace).observations.len(), 1);
    desk.control(incident("storm", false, now)).await.unwrap();
    desk.clock.advance(MINUTE);
    let now = desk.clock.now();
    let storm = desk.report(ReportIntent { confirm: Some(now), ..intent(vec![free(1)]) }).await.unwrap();
    let confirmed: Vec<(&Aspect, bool)> = said(&storm).observations.iter().map(|o| (&o.aspect, o.confirms.is_some())).collect();
    assert_eq!(confirmed, [(&beds(), false), (&Aspect::Power, true)]);
}

#[tokio::test]
async fn a_wrong_telephone_clock_does_no_harm() {
    let desk = Desk::with_home().await;
    let now = desk.clock.now();
    let at = |observed: SignedDuration, sent: Option<SignedDuration>| {
        let times = ReportIntent { observed_at: Some(now + observed), sent_at: sent.map(|s| now + s), ..intent(vec![free(1)]) };
        async { said(&desk.report(times).await.unwrap()).observed_at }
    };
    let near =
        |at: Timestamp, minutes: i64| at.duration_since(now + MINUTE * minutes as i32).abs() < SignedDuration::from_millis(1);
    assert!(near(at(MINUTE * 5, Some(MINUTE * 10)).await, -5), "ten minutes fast");
    assert!(near(at(-HOUR, Some(-MINUTE * 10)).await, -50), "ten minutes slow");
    assert!(near(at(HOUR, None).await, 0), "nothing is true in the future");
    assert!(near(at(HOUR, Some(MINUTE)).await, 0));
    assert!(near(at(-HOUR, None).await, -60));
    let never = at(SignedDuration::ZERO, Some(Timestamp::MIN.duration_since(now))).await;
    assert!(never <= desk.clock.now() + MINUTE);
}

#[tokio::test]
async fn a_clock_set_back_a_little_never_makes_new_reports_lose() {
    let desk = Desk::with_home().await;
    let mut last = desk.say(vec![free(1)]).await.unwrap().entry.recorded_at;
    for (set_back, count) in [(MINUTE * 30, 2), (MINUTE, 3), (SignedDuration::ZERO, 4)] {
        desk.clock.advance(-set_back);
        let receipt = desk.say(vec![free(count)]).await.unwrap();
        assert!(receipt.entry.recorded_at > last);
        last = receipt.entry.recorded_at;
        assert_eq!(desk.standing(&beds()).unwrap().value, free(count).value);
    }
    // A clock that was a day ahead by mistake is not followed for a day.
    desk.clock.advance(-HOUR * 24);
    let receipt = desk.say(vec![free(5)]).await.unwrap();
    assert_eq!(receipt.entry.recorded_at, desk.clock.now());
}

#[tokio::test]
async fn during_an_exercise_damage_is_practised_unless_somebody_says_it_is_real() {
    let desk = Desk::with_home().await;
    desk.control(incident("drill", true, desk.clock.now())).await.unwrap();
    desk.control(roll_call("rc-drill", true, desk.clock.now())).await.unwrap();
    assert_eq!(refusal(desk.say(vec![first(FirstReport::NeedsHelp)]).await), Refusal::AskRealm);

    let practised = desk.say(vec![power(Power::None), free(2)]).await.unwrap();
    assert!(said(&practised).exercise && said(&practised).roll_call.is_some());
    assert!(desk.standing(&Aspect::Power).is_none());
    assert_eq!(desk.standing(&beds()).unwrap().value, free(2).value, "vacancies are always real");

    let real = ReportIntent { realm: Some(Realm::Real), ..intent(vec![first(FirstReport::NeedsHelp)]) };
    let real = desk.report(real).await.unwrap();
    assert!(!said(&real).exercise && said(&real).roll_call.is_none() && !said(&real).unclear);
    assert!(desk.standing(&Aspect::FirstReport).is_some());

    let button = ReportIntent { press: Some(press()), ..intent(vec![power(Power::Generator)]) };
    let button = desk.report(button).await.unwrap();
    assert!(!said(&button).exercise && said(&button).unclear, "a button cannot say which it means");
    let beds_button = ReportIntent { press: Some(press()), ..intent(vec![free(0)]) };
    assert!(!said(&desk.report(beds_button).await.unwrap()).unclear);
}

#[tokio::test]
async fn practised_damage_that_arrives_after_the_exercise_never_becomes_real() {
    let desk = Desk::with_home().await;
    desk.control(incident("drill", true, desk.clock.now())).await.unwrap();
    desk.control(incident("storm", false, desk.clock.now())).await.unwrap();
    let practised = |o| desk.report(ReportIntent { realm: Some(Realm::Exercise), ..intent(vec![o]) });
    assert_eq!(refusal(practised(power(Power::None)).await), Refusal::AskRealm);
    assert!(desk.standing(&Aspect::Power).is_none());
    practised(free(1)).await.unwrap();
    assert!(matches!(refusal(desk.control(incident("drill-2", true, desk.clock.now())).await), Refusal::Already(_)));
}

#[tokio::test]
async fn what_was_true_before_the_disaster_does_not_answer_its_roll_call() {
    let desk = Desk::with_home().await;
    desk.clock.advance(HOUR);
    let now = desk.clock.now();
    desk.control(incident("storm", false, now)).await.unwrap();
    desk.clock.advance(MINUTE * 10);
    desk.control(roll_call("rc-1", false, desk.clock.now())).await.unwrap();
    let at = |observed_at| ReportIntent { observed_at: Some(observed_at), ..intent(vec![first(FirstReport::Safe)]) };
    assert_eq!(said(&desk.report(at(now - MINUTE)).await.unwrap()).roll_call, None);
    let since = desk.report(at(now + MINUTE)).await.unwrap();
    assert!(said(&since).roll_call.is_some(), "said in the disaster, before somebody asked");
}

#[tokio::test]
async fn a_remark_waits_for_release_and_personal_data_never_reaches_the_log() {
    let desk = Desk::with_home().await;
    let with = |text: &str| desk.recorder.submit(submission(new_id(), Intent::Report(intent(vec![free(1)])), Some(text)));
    assert!(matches!(refusal(with("連絡は 090-1234-5678 まで").await), Refusal::Guarded(_)));
    assert_eq!(refusal(with(&"あ".repeat(101)).await), Refusal::TooLong { most: REMARK_CHARS });
    assert_eq!(desk.entries().await.len(), 1);
    let receipt = with("  本日は相談員が休みです ").await.unwrap();
    assert_eq!(receipt.entry.text.as_deref(), Some("本日は相談員が休みです"));
    let facts = serde_json::to_string(&receipt.entry.facts).unwrap();
    assert!(!facts.contains("相談員"), "typed words stay apart from the facts");
    let state = |desk: &Desk| desk.board.read(|b| b.postings().values().next().map(|p| (p.state, p.text.is_some())));
    assert_eq!(state(&desk), Some((PostingState::Pending, true)));
    desk.recorder.redact(receipt.entry.seq, "誤記".into(), "cli".into()).await.unwrap();
    assert_eq!(state(&desk), Some((PostingState::Pending, false)));
    desk.assert_replay_is_live().await;
}

#[tokio::test]
async fn a_remark_alone_is_a_report_and_nothing_at_all_is_none() {
    let desk = Desk::with_home().await;
    assert_eq!(refusal(desk.say(vec![]).await), Refusal::Empty);
    let blank = desk.recorder.submit(submission(new_id(), Intent::Report(intent(vec![])), Some("  "))).await;
    assert_eq!(refusal(blank), Refusal::Empty);
    desk.recorder.submit(submission(new_id(), Intent::Report(intent(vec![])), Some("駐車場が使えません"))).await.unwrap();
    let nowhere = ReportIntent { facility: Some("nowhere".parse().unwrap()), ..intent(vec![free(1)]) };
    assert_eq!(refusal(desk.report(nowhere).await), Refusal::NoFacility);
}

#[tokio::test]
async fn a_report_taken_back_gives_way_to_what_was_said_before() {
    let desk = Desk::with_home().await;
    desk.control(incident("storm", false, desk.clock.now())).await.unwrap();
    desk.control(roll_call("rc-1", false, desk.clock.now())).await.unwrap();
    let answer = |desk: &Desk| {
        desk.board.read(|b| {
            b.roll_calls()[&"rc-1".parse::<imaboard_domain::RollCallId>().unwrap()].answers.values().next().map(|a| a.report)
        })
    };
    let before = desk.say(vec![free(2), first(FirstReport::Safe)]).await.unwrap();
    desk.clock.advance(MINUTE);
    let wrong = desk.say(vec![free(9), first(FirstReport::Impaired), power(Power::None)]).await.unwrap();
    desk.clock.advance(MINUTE);
    desk.take_back(wrong.entry.id).await.unwrap();
    assert_eq!(desk.standing(&beds()).unwrap().report, before.entry.id);
    assert_eq!(desk.standing(&Aspect::FirstReport).unwrap().report, before.entry.id);
    assert_eq!(desk.standing(&Aspect::Power), None);
    assert_eq!(answer(&desk), Some(before.entry.id));
    let days = desk.board.read(|b| b.facilities().values().next().unwrap().history[&beds()].clone());
    assert_eq!(days.values().map(|d| d.count).collect::<Vec<_>>(), [Some(2)], "the chart forgets it too");

    assert!(matches!(refusal(desk.take_back(wrong.entry.id).await), Refusal::Already(_)));
    assert!(matches!(refusal(desk.take_back(id(404)).await), Refusal::Missing(_)));
    // The withdrawn report does not come back when the one before it goes too.
    let next = desk.say(vec![power(Power::Grid)]).await.unwrap();
    desk.take_back(before.entry.id).await.unwrap();
    assert_eq!(desk.standing(&beds()), None);
    assert_eq!(answer(&desk), Some(next.entry.id), "the first answer that still holds");
    desk.assert_replay_is_live().await;
}

#[tokio::test]
async fn a_correction_sees_what_waits_in_its_own_batch() {
    let desk = Desk::with_home().await;
    let wrong = desk.say(vec![free(9)]).await.unwrap().entry.id;
    desk.clock.advance(MINUTE);
    let older = ReportIntent { observed_at: Some(morning() - HOUR), ..intent(vec![free(3)]) };
    let (late, gone) = tokio::join!(desk.report(older), desk.take_back(wrong));
    gone.unwrap();
    assert_eq!(desk.standing(&beds()).unwrap().report, late.unwrap().entry.id);
}

#[tokio::test]
async fn control_entries_that_cannot_hold_are_refused() {
    let desk = Desk::with_home().await;
    let key = |facility: &str| Facts::KeyIssued {
        key: "k1".parse().unwrap(),
        facility: facility.parse().unwrap(),
        label: "玄関".to_owned(),
    };
    desk.control(Facts::FacilityRegistered(Box::new(home("yuri")))).await.unwrap();
    desk.control(key("hamayu")).await.unwrap();
    assert!(matches!(refusal(desk.control(key("yuri")).await), Refusal::Already(_)), "a key never changes its door");
    assert_eq!(refusal(desk.control(key("nowhere")).await), Refusal::Already("issued"));
    let k1: KeyId = "k1".parse().unwrap();
    let held: FacilityKey = desk.board.read(|b| b.keys()[&k1].clone());
    assert_eq!((held.facility.as_str(), held.revoked), ("hamayu", false));
    desk.control(Facts::KeyRevoked { key: k1.clone() }).await.unwrap();
    assert!(matches!(refusal(desk.control(Facts::KeyRevoked { key: k1 }).await), Refusal::Already(_)));
    let now = desk.clock.now();
    assert!(matches!(refusal(desk.control(roll_call("rc-1", true, now)).await), Refusal::Missing(_)), "no exercise runs");
    desk.control(roll_call("rc-1", false, now)).await.unwrap();
    assert!(matches!(refusal(desk.control(roll_call("rc-1", false, now)).await), Refusal::Already(_)));
    assert!(matches!(refusal(desk.control(Facts::CityFounded { sample: true }).await), Refusal::Already(_)));
    let smuggled = said(&desk.say(vec![free(1)]).await.unwrap()).clone();
    assert!(matches!(refusal(desk.control(Facts::Report(smuggled)).await), Refusal::Missing(_)));
    let draft = Facts::PostingDrafted {
        posting: "p1".parse().unwrap(),
        what: PostingKind::Notice,
        facility: None,
        category: Some(NoticeCategory::General),
        job: None,
        expires_at: None,
        plan: Plan::default(),
    };
    assert_eq!(refusal(desk.control(draft.clone()).await), Refusal::Empty);
    let typed = || submission(new_id(), Intent::Control(Box::new(draft.clone())), Some("お知らせ\n本文"));
    desk.recorder.submit(typed()).await.unwrap();
    assert!(matches!(refusal(desk.recorder.submit(typed()).await), Refusal::Already(_)));
}

/// Anything a city may do in a day, by a dice that always falls the same way.
async fn live_a_day(desk: &Desk, dice: &mut rand::rngs::StdRng) {
    let mut reports: Vec<Entry> = Vec::new();
    for n in 0..160_u32 {
        desk.clock.advance(SignedDuration::from_secs(dice.random_range(-200..900)));
        let now = desk.clock.now();
        let name = ["hamayu", "yuri"][dice.random_range(0..2)];
        let facility: FacilityId = name.parse().unwrap();
        let observed_at = dice.random_bool(0.5).then(|| now - MINUTE * dice.random_range(0..3_000));
        let needs = vec![Need { urgency: Urgency::Now, item: NeedItem::Fuel, quantity: None }];
        let all = [
            free(dice.random_range(0..9)),
            Observation { aspect: beds(), value: Value::Vacancy { level: Level::Full, count: None, total: None } },
            power(Power::ALL[dice.random_range(0..4)]),
            first(FirstReport::ALL[dice.random_range(0..2)]),
            Observation { aspect: Aspect::Operation, value: Value::Operation { state: Operation::Limited, reopens: None } },
            Observation { aspect: Aspect::Water, value: Value::Utility { state: Utility::None, hours: Some(6) } },
            Observation { aspect: Aspect::Building, value: Value::Building(Building::Minor) },
            Observation { aspect: Aspect::Needs, value: Value::Needs(needs) },
        ];
        let from = dice.random_range(1..all.len());
        let intent = ReportIntent {
            facility: Some(facility.clone()),
            observed_at,
            sent_at: dice.random_bool(0.3).then(|| now + MINUTE * dice.random_range(-20..20)),
            observations: all[from..].iter().chain(&all[..1]).take(dice.random_range(1..4)).cloned().collect(),
            confirm: dice.random_bool(0.2).then_some(now),
            press: dice.random_bool(0.1).then(press),
            ..ReportIntent::default()
        };
        let text = dice.random_bool(0.2).then_some("本日は相談員が休みです");
        let moved = Facility {
            latitude: Some(dice.random_range(32.0..34.0)),
            longitude: Some(dice.random_range(129.0..130.0)),
            ..home(name)
        };
        let old = reports.get(dice.random_range(0..reports.len().max(1))).cloned();
        let outcome = match (n % 16, old) {
            (3, Some(old)) => desk.take_back(old.id).await,
            (5, _) => desk.control(Facts::FacilityRegistered(Box::new(moved))).await,
            (7, _) => desk.control(incident(&format!("i{n}"), dice.random_bool(0.6), now)).await,
            (9, _) => desk.control(roll_call(&format!("rc{n}"), dice.random_bool(0.5), now)).await,
            (11, _) => {
                desk.control(Facts::IncidentClosed { incident: format!("i{}", n.saturating_sub(20)).parse().unwrap() }).await
            }
            (13, _) => desk.control(Facts::FacilityRetired { facility }).await,
            (15, Some(old)) => {
                drop(desk.recorder.redact(old.seq, "誤記".into(), "cli".into()).await);
                let posting: PostingId = format!("r-{}", old.id).parse().unwrap();
                desk.control(Facts::PostingPublished { posting, publish_at: None, expires_at: None, pinned: false }).await
            }
            _ => desk.recorder.submit(submission(new_id(), Intent::Report(intent), text)).await,
        };
        match outcome {
            Ok(receipt) if matches!(receipt.entry.facts, Facts::Report(_)) => reports.push(receipt.entry),
            Ok(_) | Err(SubmitError::Refused(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_replay_of_the_log_gives_exactly_the_board_that_was_live() {
    for seed in 0..3 {
        let desk = Desk::with_home().await;
        desk.control(Facts::FacilityRegistered(Box::new(home("yuri")))).await.unwrap();
        live_a_day(&desk, &mut rand::rngs::StdRng::seed_from_u64(seed)).await;
        let kinds: BTreeSet<&str> = desk.entries().await.iter().map(|e| e.facts.kind()).collect();
        assert!(kinds.len() >= 8, "too little happened: {kinds:?}");
        desk.assert_replay_is_live().await;
    }
}

#[tokio::test]
async fn those_who_are_about_to_submit_share_the_next_commit_up_to_its_size() {
    let job = || Job::Redact { seq: 1, why: String::new(), actor: String::new(), reply: oneshot::channel().0 };
    for (most, shared, left) in [(10, 4, 0), (3, 3, 1)] {
        let (queue, mut jobs) = mpsc::channel(8);
        for _ in 0..3 {
            let queue = queue.clone();
            // Woken and not yet run: as senders are after the commit before.
            tokio::spawn(async move { queue.try_send(job()).unwrap() });
        }
        assert_eq!(gather(job(), &mut jobs, most).await.len(), shared);
        assert_eq!(jobs.len(), left, "what does not fit waits for the commit after");
    }
}
