//! What the log promises, checked on real files.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

use super::*;

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

    pub(super) async fn commit(&self, transaction: sqlx::Transaction<'_, sqlx::Sqlite>) -> Result<(), sqlx::Error> {
        let lost = || Err(sqlx::Error::Io(std::io::Error::other("the answer was lost")));
        match self.commit.swap(0, Ordering::SeqCst) {
            COMMIT_LANDS_UNHEARD => {
                transaction.commit().await?;
                lost()
            }
            COMMIT_IS_LOST => {
                transaction.rollback().await?;
                lost()
            }
            _ => transaction.commit().await,
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

struct Fixture {
    folder: TempDir,
    place: DatabasePlace,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = DatabasePlace::Sqlite(folder.path().join("imaboard.db"));
        Self { folder, place }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("imaboard.db")
    }

    async fn open(&self) -> Log {
        Log::open(&self.place, OpenMode::Write).await.unwrap()
    }

    /// A log of five entries, the third with a typed text, whose writer has gone away.
    async fn with_five() -> Self {
        let fixture = Self::new();
        let log = fixture.open().await;
        let mut batch: Vec<_> = (1..=5).map(record).collect();
        batch[2].text = Some(TEXT.to_owned());
        log.append(batch).await.unwrap();
        log.close().await;
        fixture
    }

    /// Changes the database as somebody with the disk in their hands would.
    async fn tamper(&self, sql: &'static str) {
        let mut connection =
            SqliteConnectOptions::new().filename(self.path()).pragma("ignore_check_constraints", "ON").connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
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

#[tokio::test]
async fn what_was_appended_is_read_back() {
    let fixture = Fixture::new();
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
}

#[tokio::test]
async fn a_subject_is_listed_newest_first() {
    let fixture = Fixture::new();
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

#[tokio::test]
async fn positions_have_no_gaps_across_batches_refusals_and_reopening() {
    let fixture = Fixture::new();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_share_one_gapless_order() {
    let fixture = Fixture::new();
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

#[tokio::test]
async fn an_append_dropped_half_way_leaves_a_working_log() {
    let fixture = Fixture::new();
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

#[tokio::test]
async fn a_log_whose_file_was_taken_away_stores_nothing() {
    let fixture = Fixture::new();
    let log = fixture.open().await;
    log.append(vec![record(1)]).await.unwrap();
    let aside = fixture.folder.path().join("aside.db");
    std::fs::rename(fixture.path(), &aside).unwrap();
    let refused = log.append(vec![record(2)]).await;
    assert!(matches!(refused, Err(StoreError::Away { .. })), "{refused:?}");
    std::fs::copy(&aside, fixture.path()).unwrap();
    let refused = log.append(vec![record(2)]).await;
    assert!(matches!(refused, Err(StoreError::Away { .. })), "{refused:?}");
    std::fs::rename(&aside, fixture.path()).unwrap();
    assert_eq!(seqs(&log.append(vec![record(2)]).await.unwrap()), [2]);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_looked_up() {
    let fixture = Fixture::new();
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

fn bulky(n: u128) -> NewRecord {
    NewRecord { facts: format!(r#"{{"n":{n},"pad":"{}"}}"#, "x".repeat(20_000)), ..record(n) }
}

#[tokio::test]
async fn a_full_database_refuses_whole_batches_and_recovers_by_itself() {
    let fixture = Fixture::new();
    let log = fixture.open().await;
    log.append(vec![record(1)]).await.unwrap();

    log.fill_disk(true).await;
    for _ in 0..3 {
        let refused = log.append((2..8).map(bulky).collect()).await;
        assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    }
    assert_eq!(log.read(1, 10).await.unwrap().len(), 1, "reading goes on, and nothing half-written is seen");

    log.fill_disk(false).await;
    assert_eq!(seqs(&log.append((2..8).map(bulky).collect()).await.unwrap()), [2, 3, 4, 5, 6, 7]);
    assert!(is_verified(&log.verify(None, |_, _| {}).await.unwrap()));
}

/// A small disk of its own; unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("NOT CHECKED: this machine does not let the test mount a small disk");
        }
        mounted.then_some(Self(folder))
    }

    fn remount_read_only(&self) -> bool {
        let status = std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(self.0.path()).status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: connections of a failed test may still be closing.
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_really_full_disk_refuses_and_the_log_recovers_when_there_is_space() {
    let Some(disk) = SmallDisk::mount() else { return };
    let place = DatabasePlace::Sqlite(disk.0.path().join("imaboard.db"));
    let log = Log::open(&place, OpenMode::Write).await.unwrap();
    log.append(vec![record(1)]).await.unwrap();
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![1; 500_000]).unwrap();

    let mut stored = 1;
    let refused = loop {
        match log.append(vec![bulky(u128::from(stored) + 1)]).await {
            Ok(appended) => {
                stored += 1;
                assert_eq!(appended[0].seq, stored);
            }
            Err(error) => break error,
        }
        assert!(stored < 200, "one megabyte cannot hold this");
    };
    assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
    let again = log.append(vec![bulky(u128::from(stored) + 1)]).await;
    assert!(matches!(again, Err(StoreError::Full { .. })), "{again:?}");
    assert_eq!(log.head().await.unwrap().unwrap().0, stored);

    std::fs::remove_file(&ballast).unwrap();
    assert_eq!(log.append(vec![bulky(u128::from(stored) + 1)]).await.unwrap()[0].seq, stored + 1);
    assert!(is_verified(&log.verify(None, |_, _| {}).await.unwrap()));
    log.close().await;
}

#[tokio::test]
async fn a_disk_too_small_for_a_new_log_is_called_full() {
    let Some(disk) = SmallDisk::mount() else { return };
    std::fs::write(disk.0.path().join("ballast"), vec![1; (1 << 20) - 3 * 4096]).unwrap();
    let place = DatabasePlace::Sqlite(disk.0.path().join("imaboard.db"));
    let refused = Log::open(&place, OpenMode::Write).await;
    assert!(matches!(refused, Err(OpenError::Full { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_read_only_disk_can_be_read_and_is_refused_for_writing() {
    let Some(disk) = SmallDisk::mount() else { return };
    let place = DatabasePlace::Sqlite(disk.0.path().join("imaboard.db"));
    let log = Log::open(&place, OpenMode::Write).await.unwrap();
    log.append(vec![record(1)]).await.unwrap();
    log.close().await;
    assert!(disk.remount_read_only());

    let refused = Log::open(&place, OpenMode::Write).await;
    assert!(matches!(refused, Err(OpenError::ReadOnly { .. })), "{refused:?}");
    let log = Log::open(&place, OpenMode::Read).await.unwrap();
    assert_eq!(log.read(1, 10).await.unwrap().len(), 1);
    log.close().await;
}

#[tokio::test]
async fn waiting_entries_on_a_read_only_disk_are_never_passed_over() {
    let Some(disk) = SmallDisk::mount() else { return };
    let fixture = Fixture::new();
    let log = fixture.open().await;
    log.append(vec![record(1)]).await.unwrap();
    // As after a power cut: the entry stands only in the WAL.
    for name in ["imaboard.db", "imaboard.db-wal"] {
        std::fs::copy(fixture.folder.path().join(name), disk.0.path().join(name)).unwrap();
    }
    assert!(disk.remount_read_only());
    let place = DatabasePlace::Sqlite(disk.0.path().join("imaboard.db"));
    match Log::open(&place, OpenMode::Read).await {
        Ok(log) => assert_eq!(log.read(1, 10).await.unwrap().len(), 1),
        Err(OpenError::WalUnreadable { .. }) => {}
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_copy_taken_as_by_a_power_cut_opens_with_everything_acknowledged() {
    let fixture = Fixture::new();
    let log = fixture.open().await;
    let appended = log.append((1..=20).map(record).collect()).await.unwrap();
    let after = Fixture::new();
    for name in ["imaboard.db", "imaboard.db-wal"] {
        std::fs::copy(fixture.folder.path().join(name), after.folder.path().join(name)).unwrap();
    }
    let log = after.open().await;
    assert_eq!(log.head().await.unwrap(), Some((20, appended[19].hash)));
}

#[tokio::test]
async fn a_reader_works_beside_a_writer_and_cannot_write() {
    let fixture = Fixture::new();
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

#[tokio::test]
async fn a_redaction_leaves_nothing_in_any_file_and_the_chain_whole() {
    let fixture = Fixture::new();
    let log = fixture.open().await;
    for n in 1..=200 {
        let text = if n == 77 { TEXT.to_owned() } else { format!("備考{}", "あ".repeat(n as usize * 3)) };
        log.append(vec![NewRecord { text: Some(text), ..record(n) }]).await.unwrap();
    }
    assert!(fixture.files_contain(TEXT));
    let before = log.read(77, 1).await.unwrap().remove(0);

    let redaction = log.append_redaction(77, record(1000)).await.unwrap();
    assert_eq!(redaction.appended.seq, 201);
    assert!(redaction.is_scrubbed);
    assert!(!fixture.files_contain(TEXT));
    assert!(!fixture.files_contain("203号室"));

    let after = log.read(77, 1).await.unwrap().remove(0);
    assert_eq!(after, Record { text: None, redacted: true, ..before });
    let told = log.read(201, 1).await.unwrap().remove(0);
    assert_eq!((told.kind.as_str(), told.subject.as_str()), (REDACTED_KIND, "entry:77"));
    let verdict = log.verify(None, |_, _| {}).await.unwrap();
    assert!(matches!(verdict, Verdict::Verified { redacted: 1, .. }), "{verdict:?}");
}

#[tokio::test]
async fn a_long_text_leaves_nothing_either() {
    let fixture = Fixture::new();
    let log = fixture.open().await;
    let text = format!("{TEXT}{}花子", "。長い備考です".repeat(3_000));
    log.append(vec![record(1), NewRecord { text: Some(text), ..record(2) }, record(3)]).await.unwrap();
    assert!(log.append_redaction(2, record(4)).await.unwrap().is_scrubbed);
    for needle in [TEXT, "花子", "長い備考"] {
        assert!(!fixture.files_contain(needle), "{needle}");
    }
}

#[tokio::test]
async fn what_older_page_moves_left_behind_is_removed_too() {
    let fixture = Fixture::new();
    let log = fixture.open().await;
    log.append((1..=3).map(|n| NewRecord { text: Some(TEXT.repeat(n as usize)), ..record(n) }).collect()).await.unwrap();
    // A table dropped without overwriting stands for any trace in free space.
    {
        let mut slot = log.shared.writer.lock().await;
        let connection = slot.as_mut().unwrap();
        sqlx::raw_sql(
            "PRAGMA secure_delete = OFF; CREATE TABLE moved AS SELECT text FROM entries WHERE seq = 1; DROP TABLE moved; \
             PRAGMA secure_delete = ON; UPDATE entries SET text = NULL, salt = NULL WHERE seq IN (2, 3);",
        )
        .execute(connection)
        .await
        .unwrap();
    }
    assert!(log.append_redaction(1, record(9)).await.unwrap().is_scrubbed);
    assert!(!fixture.files_contain(TEXT));
}

#[tokio::test]
async fn a_redaction_stopped_before_its_clean_up_is_finished_at_the_next_start() {
    let fixture = Fixture::with_five().await;
    let log = fixture.open().await;
    {
        let mut slot = log.shared.writer.lock().await;
        let mut connection = slot.take().unwrap();
        let record = NewRecord { kind: REDACTED_KIND.to_owned(), subject: redaction_subject(3), ..record(9) };
        assert!(log.redact_on(&mut connection, 3, &record).await.is_ok());
        connection.close().await.unwrap();
    }
    log.close().await;
    let log = fixture.open().await;
    assert!(log.scrub().await.unwrap());
    assert_eq!(log.find_meta(SCRUB_PENDING).await.unwrap(), None);
    assert!(!fixture.files_contain(TEXT));
    assert!(is_verified(&log.verify(None, |_, _| {}).await.unwrap()));
}

#[tokio::test]
async fn a_redaction_held_up_by_a_reader_is_finished_later() {
    let fixture = Fixture::with_five().await;
    let log = fixture.open().await;
    log.append(vec![record(6)]).await.unwrap();
    let mut reading = SqliteConnectOptions::new()
        .filename(fixture.path())
        .read_only(true)
        .busy_timeout(Duration::from_millis(1))
        .connect()
        .await
        .unwrap();
    let mut snapshot = reading.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM entries").fetch_one(&mut *snapshot).await.unwrap();

    // Waiting five seconds for the reader, as the real thing does, would be a sleep.
    {
        let mut slot = log.shared.writer.lock().await;
        sqlx::query("PRAGMA busy_timeout = 1").fetch_one(slot.as_mut().unwrap()).await.unwrap();
    }
    let redaction = log.append_redaction(3, record(9)).await.unwrap();
    assert!(!redaction.is_scrubbed);
    assert!(!log.scrub().await.unwrap());

    snapshot.rollback().await.unwrap();
    assert!(log.scrub().await.unwrap());
    assert!(!fixture.files_contain(TEXT));
}

#[tokio::test]
async fn only_typed_text_can_be_redacted_and_only_once() {
    let fixture = Fixture::with_five().await;
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

#[tokio::test]
async fn a_whole_log_verifies_and_reports_progress() {
    let fixture = Fixture::with_five().await;
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
    let empty = Fixture::new();
    let verdict = empty.open().await.verify(None, |_, _| {}).await.unwrap();
    assert_eq!(verdict, Verdict::Verified { head: None, redacted: 0 });
}

#[tokio::test]
async fn tampering_is_found_where_it_happened() {
    for (sql, seq) in [
        (r#"UPDATE entries SET facts = '{"n":9}' WHERE seq = 2"#, 2),
        ("UPDATE entries SET actor = 'device:other' WHERE seq = 4", 4),
        ("UPDATE entries SET channel = 'phone' WHERE seq = 1", 1),
        ("UPDATE entries SET kind = 'redacted' WHERE seq = 1", 1),
        ("UPDATE entries SET subject = 'facility:7' WHERE seq = 1", 1),
        ("UPDATE entries SET digest = NULL WHERE seq = 1", 1),
        ("UPDATE entries SET recorded_at = recorded_at + 1 WHERE seq = 5", 5),
        ("UPDATE entries SET id = randomblob(16) WHERE seq = 5", 5),
        ("UPDATE entries SET hash = randomblob(32) WHERE seq = 3", 3),
        ("UPDATE entries SET text = 'x' WHERE seq = 3", 3),
        ("UPDATE entries SET salt = randomblob(16) WHERE seq = 3", 3),
        ("UPDATE entries SET text_hash = randomblob(32) WHERE seq = 3", 3),
        ("UPDATE entries SET text = 'new', salt = randomblob(16) WHERE seq = 1", 1),
        ("UPDATE entries SET text = NULL, salt = NULL WHERE seq = 3", 3),
        ("UPDATE entries SET facts = CAST('x' AS BLOB) WHERE seq = 2", 2),
        (
            "UPDATE entries SET seq = 99 WHERE seq = 2; UPDATE entries SET seq = 2 WHERE seq = 4; UPDATE entries SET seq = 4 WHERE seq = 99",
            2,
        ),
        ("DELETE FROM entries WHERE seq = 3", 3),
        ("DELETE FROM entries WHERE seq = 5", 5),
        ("DELETE FROM entries", 1),
        ("DELETE FROM entries WHERE seq = 5; UPDATE head SET seq = 4", 4),
        ("UPDATE head SET seq = 4, hash = (SELECT hash FROM entries WHERE seq = 4)", 5),
        ("UPDATE head SET hash = randomblob(32)", 5),
        ("DELETE FROM head", 1),
        (
            "INSERT INTO entries SELECT 6, randomblob(16), recorded_at, actor, channel, kind, subject, facts, digest, text, \
             salt, text_hash, hash FROM entries WHERE seq = 5; UPDATE head SET seq = 6",
            6,
        ),
    ] {
        let fixture = Fixture::with_five().await;
        assert!(is_verified(&fixture.verdict(None).await));
        fixture.tamper(sql).await;
        assert_eq!(fixture.broken_at().await, seq, "{sql}");
    }
}

#[tokio::test]
async fn a_chain_cut_short_consistently_is_found_by_a_noted_head() {
    let fixture = Fixture::with_five().await;
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

#[tokio::test]
async fn a_file_of_another_kind_is_refused_and_left_alone() {
    let fixture = Fixture::new();
    for (content, mode) in [("hello, this is a letter", OpenMode::Write), ("SQL", OpenMode::Read)] {
        std::fs::write(fixture.path(), content).unwrap();
        let refused = Log::open(&fixture.place, mode).await;
        assert!(matches!(refused, Err(OpenError::NotADatabase { .. })), "{refused:?}");
        assert_eq!(std::fs::read_to_string(fixture.path()).unwrap(), content);
    }
    let folder = DatabasePlace::Sqlite(fixture.folder.path().to_owned());
    let refused = Log::open(&folder, OpenMode::Write).await;
    assert!(matches!(refused, Err(OpenError::NotADatabase { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    for sql in ["CREATE TABLE entries (x); CREATE TABLE head (y)", "PRAGMA application_id = 7", "CREATE TABLE t (x)"] {
        let fixture = Fixture::new();
        let mut connection =
            SqliteConnectOptions::new().filename(fixture.path()).create_if_missing(true).connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let before = std::fs::read(fixture.path()).unwrap();
        for mode in [OpenMode::Write, OpenMode::Read] {
            let refused = Log::open(&fixture.place, mode).await;
            assert!(matches!(refused, Err(OpenError::Foreign { .. })), "{sql}: {refused:?}");
        }
        assert_eq!(std::fs::read(fixture.path()).unwrap(), before, "{sql}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    for sql in [
        "INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, success, checksum, 0 FROM _sqlx_migrations LIMIT 1",
        "UPDATE meta SET value = '2' WHERE name = 'format'",
    ] {
        let fixture = Fixture::with_five().await;
        fixture.tamper(sql).await;
        for mode in [OpenMode::Write, OpenMode::Read] {
            let refused = Log::open(&fixture.place, mode).await;
            assert!(matches!(refused, Err(OpenError::Newer { .. })), "{sql}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn an_older_database_is_upgraded_by_a_writer_and_refused_by_a_reader() {
    let fixture = Fixture::with_five().await;
    fixture.tamper("DROP TABLE devices; DELETE FROM _sqlx_migrations WHERE version = 2").await;
    let refused = Log::open(&fixture.place, OpenMode::Read).await;
    assert!(matches!(refused, Err(OpenError::Older { .. })), "{refused:?}");
    let log = fixture.open().await;
    assert_eq!(log.list_devices().await.unwrap(), []);
    assert_eq!(log.head().await.unwrap().unwrap().0, 5);
}

#[tokio::test]
async fn a_creation_interrupted_by_a_power_cut_is_completed() {
    let fixture = Fixture::new();
    std::fs::write(fixture.path(), "").unwrap();
    let log = fixture.open().await;
    log.append(vec![record(1)]).await.unwrap();
    log.close().await;

    let fixture = Fixture::with_five().await;
    fixture
        .tamper("DROP TABLE entries; DROP TABLE head; DROP TABLE meta; DROP TABLE devices; DELETE FROM _sqlx_migrations; PRAGMA application_id = 0")
        .await;
    assert_eq!(fixture.open().await.head().await.unwrap(), None);
}

#[tokio::test]
async fn a_place_that_does_not_exist_is_called_missing() {
    let fixture = Fixture::new();
    let refused = Log::open(&fixture.place, OpenMode::Read).await;
    assert!(matches!(refused, Err(OpenError::Missing { .. })), "{refused:?}");
    assert!(!fixture.path().exists(), "a reader creates nothing");
    let nowhere = DatabasePlace::Sqlite(fixture.folder.path().join("nowhere").join("imaboard.db"));
    let refused = Log::open(&nowhere, OpenMode::Write).await;
    assert!(matches!(refused, Err(OpenError::Missing { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_refused() {
    // The kernel's own tree: closed even for root.
    let place = DatabasePlace::Sqlite(PathBuf::from("/sys/imaboard.db"));
    let refused = Log::open(&place, OpenMode::Write).await;
    assert!(matches!(refused, Err(OpenError::ReadOnly { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_damaged_database_is_called_damaged() {
    let fixture = Fixture::new();
    let log = fixture.open().await;
    log.append((1..=400).map(record).collect()).await.unwrap();
    log.ensure_sound().await.unwrap();
    log.close().await;
    let mut bytes = std::fs::read(fixture.path()).unwrap();
    // The later half; schema, head and the small tables stand before it.
    let half = bytes.len() / 2;
    bytes[half..].fill(0xA5);
    std::fs::write(fixture.path(), &bytes).unwrap();

    let log = Log::open(&fixture.place, OpenMode::Read).await.unwrap();
    assert!(matches!(log.verify(None, |_, _| {}).await.unwrap(), Verdict::Broken { .. }));
    let damaged = log.ensure_sound().await;
    assert!(matches!(damaged, Err(StoreError::Corrupt { .. })), "{damaged:?}");
    let damaged = log.read(1, 400).await;
    assert!(matches!(damaged, Err(StoreError::Corrupt { .. })), "{damaged:?}");
    log.close().await;

    bytes[4096..].fill(0xA5);
    std::fs::write(fixture.path(), &bytes).unwrap();
    for mode in [OpenMode::Write, OpenMode::Read] {
        let refused = Log::open(&fixture.place, mode).await;
        assert!(matches!(refused, Err(OpenError::Corrupt { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    use sqlx::{Executor as _, SqlSafeStr as _};

    let fixture = Fixture::new();
    let log = fixture.open().await;
    for sql in statements::ALL {
        log.shared.readers.prepare(sql.into_sql_str()).await.unwrap();
    }
}

#[tokio::test]
async fn facts_about_the_database_and_its_epoch_are_kept() {
    let fixture = Fixture::new();
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

#[tokio::test]
async fn the_newest_health_of_a_device_is_kept() {
    let fixture = Fixture::new();
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

#[tokio::test]
async fn a_copy_is_a_whole_log_of_its_own() {
    let fixture = Fixture::with_five().await;
    let log = fixture.open().await;
    let target = Fixture::new();
    log.copy_to(&target.path()).await.unwrap();
    assert!(log.copy_to(&target.path()).await.is_err(), "nothing is overwritten");
    let copy = target.open().await;
    assert_eq!(copy.head().await.unwrap(), log.head().await.unwrap());
    assert!(is_verified(&copy.verify(None, |_, _| {}).await.unwrap()));
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;

    let fixture = Fixture::new();
    let log = fixture.open().await;
    log.append(vec![record(1)]).await.unwrap();
    for name in ["imaboard.db", "imaboard.db-wal"] {
        let mode = std::fs::metadata(fixture.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
