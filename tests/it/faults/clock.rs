//! A wrong clock: set back, or far ahead and set right again, under the real recorder on a real log.

use std::sync::Arc;

use imaboard::app::SharedBoard;
use imaboard::checkpoint::Checkpoints;
use imaboard::clock::{Clock, ManualClock};
use imaboard::data_folder::DataFolder;
use imaboard::keys::Keys;
use imaboard::log::{DatabasePlace, Log, OpenMode};
use imaboard::recorder::{Intent, Parts, Recorder, ReportIntent, Submission, entry_of, new_id};
use imaboard_domain::{Aspect, Board, Channel, Freshness, Observation, Operation, Realm, Rhythms, Value};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::FACILITY;
use crate::support::{City, Program};

/// The sample city with a recorder of our own and a clock that is set by hand.
struct House {
    board: SharedBoard,
    recorder: Recorder,
    clock: Arc<ManualClock>,
    _program: Program,
}

impl House {
    async fn open() -> Self {
        let mut program = City::on_a_file().serve().await;
        program.stop().await;
        let log = Log::open(&DatabasePlace::Sqlite(program.data().join("imaboard.db")), OpenMode::Write).await.unwrap();
        let mut board = Board::new();
        let mut last_recorded_at = Timestamp::MIN;
        for record in log.read(1, 100_000).await.unwrap() {
            let entry = entry_of(record).unwrap();
            last_recorded_at = entry.recorded_at;
            board.apply(&entry);
        }
        let board = SharedBoard::new(board);
        let head = log.head().await.unwrap();
        let clock = Arc::new(ManualClock::new(last_recorded_at + SignedDuration::from_secs(1)));
        let parts = Parts {
            log,
            board: board.clone(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            rhythms: Rhythms::default(),
            announce: broadcast::channel(16).0,
            trail: Arc::default(),
            queue_entries: 16,
            batch_entries: 16,
            last_recorded_at,
            head,
            public_phones: Vec::new(),
            keys: Keys::new([7; 32]),
            checkpoints: Checkpoints::of(&DataFolder::open(program.data()).unwrap()),
        };
        let (recorder, _) = Recorder::start(parts, CancellationToken::new());
        Self { board, recorder, clock, _program: program }
    }

    async fn says(&self, state: Operation) {
        let submission = Submission {
            id: new_id(),
            channel: Channel::Qr,
            actor: "key:test".to_owned(),
            intent: Intent::Report(ReportIntent {
                facility: Some(FACILITY.parse().unwrap()),
                observations: vec![Observation { aspect: Aspect::Operation, value: Value::Operation { state, reopens: None } }],
                ..ReportIntent::default()
            }),
            text: None,
        };
        self.recorder.submit(submission).await.unwrap();
    }

    /// The value shown as current, and the age class.
    fn shown(&self) -> (Option<Value>, Option<Freshness>) {
        self.board.look(self.clock.now(), &Rhythms::default(), |m| {
            let held = m.board.find_facility(&FACILITY.parse().unwrap()).unwrap();
            let shown = m.shown(held, &Aspect::Operation, Realm::Real);
            (shown.current().map(|s| s.value.clone()), shown.freshness())
        })
    }
}

fn operation(state: Operation) -> Option<Value> {
    Some(Value::Operation { state, reopens: None })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_clock_was_set_back_half_an_hour_new_reports_still_win() {
    let house = House::open().await;
    house.says(Operation::Normal).await;
    house.clock.set(house.clock.now() - SignedDuration::from_mins(30));
    house.says(Operation::Suspended).await;
    assert_eq!(house.shown().0, operation(Operation::Suspended));
    house.says(Operation::Limited).await;
    assert_eq!(house.shown().0, operation(Operation::Limited));
    house.clock.set(house.clock.now() + SignedDuration::from_mins(40));
    house.says(Operation::Normal).await;
    assert_eq!(house.shown().0, operation(Operation::Normal));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_clock_a_day_ahead_recorded_is_unknown_once_the_clock_is_right() {
    let house = House::open().await;
    let right = house.clock.now();
    house.clock.set(right + SignedDuration::from_hours(24));
    house.says(Operation::Suspended).await;
    assert_eq!(house.shown(), (operation(Operation::Suspended), Some(Freshness::Fresh)));
    house.clock.set(right + SignedDuration::from_mins(1));
    assert_eq!(house.shown(), (None, Some(Freshness::Stale)), "nobody knows how old it is");
}
