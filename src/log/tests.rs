//! What the log promises, on both databases: real files, and a real server.
//!
//! *Invariant:* what is promised on both is checked by the same lines on both; what only one of them has, stands below.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use super::append::Commit;
use super::*;

mod copies;
mod on_postgres_only;
mod on_sqlite_only;
#[path = "../../tests/it/support/postgres.rs"]
mod server;

/// Takes back every migration but the first.
const OLDER: &str = "DROP TABLE devices; DROP TABLE staff; DROP TABLE staff_tokens; DROP TABLE passkeys; DROP TABLE sessions; \
     DROP INDEX entries_by_staff; DELETE FROM _sqlx_migrations WHERE version > 1";

/// Faults a test can order.
#[derive(Debug, Default)]
pub(super) struct Faults {
    page_limit: AtomicU32,
    commit: AtomicU32,
}

const COMMIT_LANDS_UNHEARD: u32 = 1;
const COMMIT_IS_LOST: u32 = 2;

impl Faults {
    pub(super) fn page_limit(&self) -> Option<u32> {
        Some(self.page_limit.load(Ordering::SeqCst)).filter(|pages| *pages > 0)
    }

    pub(super) async fn commit(&self, connection: &mut Connection, commit: Commit<'_>) -> Result<(), sqlx::Error> {
        let lost = || Err(sqlx::Error::Io(std::io::Error::other("the answer was lost")));
        match self.commit.swap(0, Ordering::SeqCst) {
            COMMIT_LANDS_UNHEARD => {
                commit.make(connection).await?;
                lost()
            }
            COMMIT_IS_LOST => {
                // There is nothing to roll back when the transaction was to begin and end in one trip.
                drop(connection.roll_back().await);
                lost()
            }
            _ => commit.make(connection).await,
        }
    }
}

impl Log {
    /// Lets the database grow no further than it is, or lifts that again, as a disk that fills and is emptied.
    async fn fill_disk(&self, is_full: bool) {
        // One page is less than there is: SQLite then takes the present size as the limit.
        self.shared.faults.page_limit.store(u32::from(is_full), Ordering::SeqCst);
        if let Some(connection) = self.shared.writer.lock().await.take() {
            connection.close().await.unwrap();
        }
    }
}

/// A place for a log, empty at first.
struct Fixture {
    /// Goes with the fixture.
    folder: TempDir,
    place: DatabasePlace,
}

impl Fixture {
    /// In a SQLite file.
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = DatabasePlace::Sqlite(folder.path().join("imaboard.db"));
        Self { folder, place }
    }

    /// On a PostgreSQL server; `None` where the tests say that there is none.
    fn postgres() -> Option<Self> {
        let url = server::is_here().then(server::database)?;
        Some(Self { folder: tempfile::tempdir().unwrap(), place: DatabasePlace::Postgres(PostgresUrl::new(url)) })
    }

    /// Another one on the same kind of database.
    fn another(&self) -> Self {
        match &self.place {
            DatabasePlace::Sqlite(_) => Self::sqlite(),
            DatabasePlace::Postgres(_) => Self::postgres().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("imaboard.db")
    }

    fn url(&self) -> &str {
        match &self.place {
            DatabasePlace::Postgres(url) => url.reveal(),
            DatabasePlace::Sqlite(path) => panic!("{path:?} is no server"),
        }
    }

    async fn open(&self) -> Log {
        Log::open(&self.place, OpenMode::Write).await.unwrap()
    }

    /// A log of five entries, the third with a typed text, whose writer has gone away.
    async fn found_with_five(&self) {
        let log = self.open().await;
        let mut batch: Vec<_> = (1..=5).map(record).collect();
        batch[2].text = Some(TEXT.to_owned());
        log.append(batch).await.unwrap();
        log.close().await;
    }

    /// Changes the database as somebody with the disk or the server in their hands would.
    async fn tamper(&self, sql: &'static str) {
        match &self.place {
            DatabasePlace::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path).pragma("ignore_check_constraints", "ON");
                let mut connection = options.connect().await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            DatabasePlace::Postgres(url) => drop(server::sql(url.reveal(), sql)),
        }
    }

    async fn verdict(&self, noted: Option<NotedHead>) -> Verdict {
        let log = Log::open(&self.place, OpenMode::Read).await.unwrap();
        let verdict = log.verify(noted, |_, _| {}).await.unwrap();
        log.close().await;
        verdict
    }

    async fn broken_at(&self) -> u64 {
        match self.verdict(None).await {
            Verdict::Broken { seq, .. } => seq,
            verdict @ Verdict::Verified { .. } => panic!("{verdict:?}"),
        }
    }

    fn files_contain(&self, needle: &str) -> bool {
        let mut entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.any(|entry| {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
        })
    }
}

/// Each of these claims, once on a file and once on a server.
macro_rules! on_both {
    ($($claim:ident,)*) => {
        mod on_sqlite {
            use super::Fixture;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $claim() {
                    super::$claim(Fixture::sqlite()).await;
                }
            )*
        }

        mod on_postgres {
            use super::Fixture;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $claim() {
                    if let Some(fixture) = Fixture::postgres() {
                        super::$claim(fixture).await;
                    }
                }
            )*
        }
    };
}

on_both! {
    what_was_appended_is_read_back,
    a_subject_is_listed_newest_first,
    positions_have_no_gaps_across_batches_refusals_and_reopening,
    concurrent_appends_share_one_gapless_order,
    an_append_dropped_half_way_leaves_a_working_log,
    a_commit_whose_answer_was_lost_is_looked_up,
    a_reader_works_beside_a_writer_and_cannot_write,
    only_typed_text_can_be_redacted_and_only_once,
    a_whole_log_verifies_and_reports_progress,
    a_chain_cut_short_consistently_is_found_by_a_noted_head,
    a_database_of_a_newer_program_is_refused,
    an_older_database_is_upgraded_by_a_writer_and_refused_by_a_reader,
    every_statement_can_be_prepared,
    facts_about_the_database_and_its_epoch_are_kept,
    the_newest_health_of_a_device_is_kept,
    a_copy_is_a_whole_log_of_its_own,
    a_redacted_text_is_gone_and_the_chain_whole,
    tampering_is_found_where_it_happened_on_either,
    what_a_sound_database_holds_is_sound,
    a_batch_of_any_size_is_stored_in_its_order,
    an_id_taken_deep_in_a_batch_is_named,
}

const TEXT: &str = "西海太郎さんが203号室にいます";

fn record(n: u128) -> NewRecord {
    NewRecord {
        id: Uuid::from_u128(n),
        recorded_at: "2026-11-23T09:10:00.123456Z".parse().unwrap(),
        actor: "device:entrance".to_owned(),
        channel: "button".to_owned(),
        kind: "report".to_owned(),
        subject: format!("facility:{}", n % 2),
        facts: format!(r#"{{"n":{n}}}"#),
        digest: Some(format!("{n:x}")),
        text: None,
    }
}

fn seqs(appended: &[Appended]) -> Vec<u64> {
    appended.iter().map(|entry| entry.seq).collect()
}

fn is_verified(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Verified { .. })
}

async fn what_was_appended_is_read_back(fixture: Fixture) {
    let log = fixture.open().await;
    assert_eq!(log.head().await.unwrap(), None);
    assert_eq!(log.append(Vec::new()).await.unwrap(), []);

    let mut typed = record(2);
    typed.text = Some("発電機あり".to_owned());
    let appended = log.append(vec![record(1), typed.clone()]).await.unwrap();
    assert_eq!(seqs(&appended), [1, 2]);
    assert_eq!(log.head().await.unwrap(), Some((2, appended[1].hash)));

    let read = log.read(1, 10).await.unwrap();
    assert_eq!(read.len(), 2);
    let found = &read[1];
    assert_eq!((found.seq, found.id, found.recorded_at), (2, typed.id, typed.recorded_at));
    assert_eq!((&found.actor, &found.channel, &found.kind), (&typed.actor, &typed.channel, &typed.kind));
    assert_eq!((&found.subject, &found.facts, &found.digest), (&typed.subject, &typed.facts, &typed.digest));
    assert_eq!((&found.text, found.redacted, found.hash), (&typed.text, false, appended[1].hash));
    assert_eq!((&read[0].text, read[0].text_hash, read[0].redacted), (&None, None, false));
    assert_eq!(log.find_by_id(typed.id).await.unwrap().as_ref(), Some(found));
    assert_eq!(log.find_by_id(Uuid::from_u128(9)).await.unwrap(), None);
    assert_eq!(log.read(2, 10).await.unwrap().len(), 1);
    assert_eq!(log.read(1, 1).await.unwrap().len(), 1);
    assert_eq!(log.read(u64::MAX, 1).await.unwrap(), []);

    let page = log.read_page(1, 10).await.unwrap();
    let said: Vec<_> = page.iter().map(Result::unwrap).collect();
    assert_eq!(said, [read[0].said(), read[1].said()], "what a fold reads is what stands there");
    assert_eq!((page.len(), page.is_empty(), page.last_seq().unwrap()), (2, false, Some(2)));
    assert_eq!(log.read_page(1, 1).await.unwrap().last_seq().unwrap(), Some(1));
    let beyond = log.read_page(u64::MAX, 1).await.unwrap();
    assert_eq!((beyond.is_empty(), beyond.last_seq().unwrap()), (true, None));
}

async fn a_subject_is_listed_newest_first(fixture: Fixture) {
    let log = fixture.open().await;
    let mut batch: Vec<_> = (1..=6).map(record).collect();
    batch[4].kind = "corrected".to_owned();
    log.append(batch).await.unwrap();
    let listed = async |kind, limit| -> Vec<u64> {
        log.list_by_subject("facility:1", kind, limit).await.unwrap().iter().map(|record| record.seq).collect()
    };
    assert_eq!(listed(None, 9).await, [5, 3, 1]);
    assert_eq!(listed(Some("report"), 9).await, [3, 1]);
    assert_eq!(listed(None, 1).await, [5]);
}

async fn positions_have_no_gaps_across_batches_refusals_and_reopening(fixture: Fixture) {
    let log = fixture.open().await;
    log.append(vec![record(1), record(2)]).await.unwrap();
    let refused = log.append(vec![record(3), record(2), record(4)]).await;
    assert!(matches!(refused, Err(StoreError::Conflict { id }) if id == Uuid::from_u128(2)), "{refused:?}");
    let twice = log.append(vec![record(5), record(5)]).await;
    assert!(matches!(twice, Err(StoreError::Conflict { id }) if id == Uuid::from_u128(5)), "{twice:?}");
    assert_eq!(seqs(&log.append(vec![record(3)]).await.unwrap()), [3]);
    log.close().await;

    let log = fixture.open().await;
    assert_eq!(seqs(&log.append(vec![record(4)]).await.unwrap()), [4]);
    assert!(is_verified(&log.verify(None, |_, _| {}).await.unwrap()));
}

async fn concurrent_appends_share_one_gapless_order(fixture: Fixture) {
    let log = fixture.open().await;
    let tasks: Vec<_> = (0..8_u128)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                for n in 0..10 {
                    log.append(vec![record(task * 100 + n + 1)]).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(log.head().await.unwrap().unwrap().0, 80);
    assert!(is_verified(&log.verify(None, |_, _| {}).await.unwrap()));
}

async fn an_append_dropped_half_way_leaves_a_working_log(fixture: Fixture) {
    let log = fixture.open().await;
    for n in 1..60_u128 {
        let batch = (0..50).map(|k| record(n * 1000 + k)).collect();
        // Polled a few times more each round, then dropped: at another point of the transaction, in or after it.
        let mut append = Box::pin(log.append(batch));
        for _ in 0..n * 150 {
            if futures_util::poll!(&mut append).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(append);
    }
    let appended = log.append(vec![record(1)]).await.unwrap();
    assert_eq!(appended[0].seq % 50, 1, "batches are whole or absent");
    assert_eq!(log.head().await.unwrap(), Some((appended[0].seq, appended[0].hash)));
    assert!(is_verified(&log.verify(None, |_, _| {}).await.unwrap()));
}

async fn a_commit_whose_answer_was_lost_is_looked_up(fixture: Fixture) {
    let log = fixture.open().await;
    log.append(vec![record(1)]).await.unwrap();

    log.shared.faults.commit.store(COMMIT_LANDS_UNHEARD, Ordering::SeqCst);
    assert_eq!(seqs(&log.append(vec![record(2), record(3)]).await.unwrap()), [2, 3]);

    log.shared.faults.commit.store(COMMIT_IS_LOST, Ordering::SeqCst);
    let lost = log.append(vec![record(4)]).await;
    assert!(matches!(lost, Err(StoreError::Away { .. })), "{lost:?}");
    assert_eq!(log.find_by_id(Uuid::from_u128(4)).await.unwrap(), None);

    assert_eq!(seqs(&log.append(vec![record(4)]).await.unwrap()), [4]);
    assert!(is_verified(&log.verify(None, |_, _| {}).await.unwrap()));
}

async fn a_reader_works_beside_a_writer_and_cannot_write(fixture: Fixture) {
    let writer = fixture.open().await;
    writer.append(vec![record(1)]).await.unwrap();
    let reader = Log::open(&fixture.place, OpenMode::Read).await.unwrap();
    assert_eq!(reader.epoch(), writer.epoch());
    assert_eq!(reader.head().await.unwrap().unwrap().0, 1);
    writer.append(vec![record(2)]).await.unwrap();
    assert_eq!(reader.read(1, 10).await.unwrap().len(), 2);
    assert!(is_verified(&reader.verify(None, |_, _| {}).await.unwrap()));
    let refused = reader.append(vec![record(3)]).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly { .. })), "{refused:?}");
}

async fn only_typed_text_can_be_redacted_and_only_once(fixture: Fixture) {
    fixture.found_with_five().await;
    let log = fixture.open().await;
    let refused = log.append_redaction(99, record(9)).await;
    assert!(matches!(refused, Err(RedactError::NoSuchEntry { seq: 99 })), "{refused:?}");
    let refused = log.append_redaction(1, record(9)).await;
    assert!(matches!(refused, Err(RedactError::NothingTyped { seq: 1 })), "{refused:?}");
    let refused = log.append_redaction(3, record(1)).await;
    assert!(matches!(refused, Err(RedactError::Store(StoreError::Conflict { .. }))), "{refused:?}");
    assert_eq!(log.read(3, 1).await.unwrap()[0].text.as_deref(), Some(TEXT), "a refused redaction erases nothing");
    log.append_redaction(3, record(9)).await.unwrap();
    let refused = log.append_redaction(3, record(10)).await;
    assert!(matches!(refused, Err(RedactError::AlreadyRedacted { seq: 3 })), "{refused:?}");
}

async fn a_whole_log_verifies_and_reports_progress(fixture: Fixture) {
    fixture.found_with_five().await;
    let log = fixture.open().await;
    log.append((100..1_300).map(record).collect()).await.unwrap();
    let mut last = (0, 0);
    let mut calls = 0;
    let verdict = log
        .verify(None, |done, total| {
            assert!(done >= last.0);
            last = (done, total);
            calls += 1;
        })
        .await
        .unwrap();
    assert!(is_verified(&verdict));
    assert_eq!(last, (1_205, 1_205));
    assert!(calls > 2);
    let empty = fixture.another();
    let verdict = empty.open().await.verify(None, |_, _| {}).await.unwrap();
    assert_eq!(verdict, Verdict::Verified { head: None, redacted: 0 });
}

async fn a_chain_cut_short_consistently_is_found_by_a_noted_head(fixture: Fixture) {
    fixture.found_with_five().await;
    let log = Log::open(&fixture.place, OpenMode::Read).await.unwrap();
    let (seq, hash) = log.head().await.unwrap().unwrap();
    let third = log.read(3, 1).await.unwrap()[0].hash;
    log.close().await;

    let with_seq = NotedHead { seq: Some(seq), hash };
    let without_seq = NotedHead { seq: None, hash };
    let older = NotedHead { seq: None, hash: third };
    for noted in [with_seq, without_seq, older] {
        assert!(is_verified(&fixture.verdict(Some(noted)).await));
    }
    let misplaced = NotedHead { seq: Some(4), hash };
    assert!(!is_verified(&fixture.verdict(Some(misplaced)).await));

    fixture
        .tamper("DELETE FROM entries WHERE seq = 5; UPDATE head SET seq = 4, hash = (SELECT hash FROM entries WHERE seq = 4)")
        .await;
    assert!(is_verified(&fixture.verdict(None).await), "a cut chain is whole in itself");
    assert!(!is_verified(&fixture.verdict(Some(with_seq)).await));
    assert!(!is_verified(&fixture.verdict(Some(without_seq)).await));
    assert!(is_verified(&fixture.verdict(Some(older)).await));
}

async fn a_database_of_a_newer_program_is_refused(fixture: Fixture) {
    for sql in [
        "INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, success, checksum, 0 FROM _sqlx_migrations LIMIT 1",
        "UPDATE meta SET value = '2' WHERE name = 'format'",
    ] {
        let fixture = fixture.another();
        fixture.found_with_five().await;
        fixture.tamper(sql).await;
        for mode in [OpenMode::Write, OpenMode::Read] {
            let refused = Log::open(&fixture.place, mode).await;
            assert!(matches!(refused, Err(OpenError::Newer { .. })), "{sql}: {refused:?}");
        }
    }
}

async fn an_older_database_is_upgraded_by_a_writer_and_refused_by_a_reader(fixture: Fixture) {
    fixture.found_with_five().await;
    fixture.tamper(OLDER).await;
    let refused = Log::open(&fixture.place, OpenMode::Read).await;
    assert!(matches!(refused, Err(OpenError::Older { .. })), "{refused:?}");
    let log = fixture.open().await;
    assert_eq!(log.list_devices().await.unwrap(), []);
    assert_eq!(log.head().await.unwrap().unwrap().0, 5);
}

async fn every_statement_can_be_prepared(fixture: Fixture) {
    use sqlx::{Executor as _, SqlSafeStr as _};

    let log = fixture.open().await;
    let mut slot = log.shared.writer.lock().await;
    let joined = if matches!(log.shared.database, Database::Sqlite(_)) { trip::all() } else { Vec::new() };
    for sql in statements::all().into_iter().chain(joined) {
        match slot.as_mut().unwrap() {
            Connection::Sqlite(connection) => drop(connection.prepare(sql.into_sql_str()).await.unwrap()),
            Connection::Postgres(connection) => drop(connection.prepare(sql.into_sql_str()).await.unwrap()),
        }
    }
}

async fn facts_about_the_database_and_its_epoch_are_kept(fixture: Fixture) {
    let log = fixture.open().await;
    let epoch = log.epoch();
    assert_eq!(epoch.len(), 16);
    log.save_meta("city", "西海市").await.unwrap();
    log.save_meta("city", "西海").await.unwrap();
    log.close().await;

    let log = fixture.open().await;
    assert_eq!(log.epoch(), epoch);
    assert_eq!(log.find_meta("city").await.unwrap().as_deref(), Some("西海"));
    assert_eq!(log.find_meta("none").await.unwrap(), None);
    let renewed = log.renew_epoch().await.unwrap();
    assert_ne!(renewed, epoch);
    assert_eq!(log.epoch(), renewed);
    log.close().await;
    assert_eq!(fixture.open().await.epoch(), renewed);
}

async fn the_newest_health_of_a_device_is_kept(fixture: Fixture) {
    let log = fixture.open().await;
    let state = |device: &str, battery_pct| DeviceState {
        device: device.to_owned(),
        last_heard_at: Some("2026-11-23T09:10:00.123456Z".parse().unwrap()),
        battery_pct,
        availability: Some("online".to_owned()),
        json: "{}".to_owned(),
    };
    log.save_devices(vec![state("b", Some(80)), state("a", None)]).await.unwrap();
    log.save_devices(vec![state("b", Some(79))]).await.unwrap();
    assert_eq!(log.list_devices().await.unwrap(), [state("a", None), state("b", Some(79))]);
    assert_eq!(log.head().await.unwrap(), None, "telemetry is not on the log");
}

async fn a_copy_is_a_whole_log_of_its_own(fixture: Fixture) {
    fixture.found_with_five().await;
    let log = fixture.open().await;
    let target = Fixture::sqlite();
    log.copy_to(&target.path()).await.unwrap();
    assert!(log.copy_to(&target.path()).await.is_err(), "nothing is overwritten");
    let copy = target.open().await;
    assert_eq!(copy.head().await.unwrap(), log.head().await.unwrap());
    assert!(is_verified(&copy.verify(None, |_, _| {}).await.unwrap()));
}

async fn a_redacted_text_is_gone_and_the_chain_whole(fixture: Fixture) {
    fixture.found_with_five().await;
    let log = fixture.open().await;
    let before = log.read(3, 1).await.unwrap().remove(0);
    let redaction = log.append_redaction(3, record(9)).await.unwrap();
    assert_eq!((redaction.appended.seq, redaction.is_scrubbed), (6, true));
    assert_eq!(log.find_meta(SCRUB_PENDING).await.unwrap(), None);
    let after = log.read(3, 1).await.unwrap().remove(0);
    assert_eq!(after, Record { text: None, redacted: true, ..before });
    let told = log.read(6, 1).await.unwrap().remove(0);
    assert_eq!((told.kind.as_str(), told.subject.as_str()), (REDACTED_KIND, "entry:3"));
    let verdict = log.verify(None, |_, _| {}).await.unwrap();
    assert!(matches!(verdict, Verdict::Verified { redacted: 1, .. }), "{verdict:?}");
}

async fn tampering_is_found_where_it_happened_on_either(fixture: Fixture) {
    for (sql, seq) in [
        (r#"UPDATE entries SET facts = '{"n":9}' WHERE seq = 2"#, 2),
        ("UPDATE entries SET recorded_at = recorded_at + 1 WHERE seq = 5", 5),
        ("UPDATE entries SET hash = (SELECT hash FROM entries WHERE seq = 4) WHERE seq = 3", 3),
        ("UPDATE entries SET text = 'x' WHERE seq = 3", 3),
        ("UPDATE entries SET text = NULL, salt = NULL WHERE seq = 3", 3),
        ("DELETE FROM entries WHERE seq = 3", 3),
        ("UPDATE head SET seq = 4, hash = (SELECT hash FROM entries WHERE seq = 4)", 5),
        ("DELETE FROM head", 1),
    ] {
        let fixture = fixture.another();
        fixture.found_with_five().await;
        fixture.tamper(sql).await;
        assert_eq!(fixture.broken_at().await, seq, "{sql}");
    }
}

async fn what_a_sound_database_holds_is_sound(fixture: Fixture) {
    fixture.found_with_five().await;
    let log = Log::open(&fixture.place, OpenMode::Read).await.unwrap();
    log.ensure_sound().await.unwrap();
}

/// Several rows share one statement: none may change places, and no number of rows may fall between the sizes.
async fn a_batch_of_any_size_is_stored_in_its_order(fixture: Fixture) {
    let log = fixture.open().await;
    let mut next: u128 = 1;
    for size in [1, 7, 8, 9, 63, 64, 65, 73, 137, 200] {
        let batch: Vec<_> = (next..next + size).map(record).collect();
        let appended = log.append(batch).await.unwrap();
        let expected: Vec<u64> = (next..next + size).map(|n| u64::try_from(n).unwrap()).collect();
        assert_eq!(seqs(&appended), expected);
        next += size;
    }
    let ids: Vec<u128> = log.read(1, 10_000).await.unwrap().iter().map(|record| record.id.as_u128()).collect();
    assert_eq!(ids, (1..next).collect::<Vec<_>>());
    assert!(is_verified(&log.verify(None, |_, _| {}).await.unwrap()));
}

async fn an_id_taken_deep_in_a_batch_is_named(fixture: Fixture) {
    let log = fixture.open().await;
    log.append(vec![record(70)]).await.unwrap();
    let refused = log.append((1..=100).map(record).collect()).await;
    assert!(matches!(refused, Err(StoreError::Conflict { id }) if id == Uuid::from_u128(70)), "{refused:?}");
    assert_eq!(log.head().await.unwrap().unwrap().0, 1);
    assert_eq!(seqs(&log.append(vec![record(1)]).await.unwrap()), [2]);
}
