//! What the log promises of files on a disk.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_log_whose_file_was_taken_away_stores_nothing() {
    let fixture = Fixture::sqlite();
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
async fn a_commit_is_one_only_if_every_statement_of_it_answers() {
    let mut connection = Fixture::sqlite().open().await.shared.database.connect_writer(None).await.unwrap();
    let text = "BEGIN IMMEDIATE; UPDATE head SET seq = seq + ? WHERE one = 1; ROLLBACK";
    connection.execute_each(text, &[0.into()], 3).await.unwrap();
    let more = connection.execute_each(text, &[0.into()], 4).await;
    assert!(matches!(more, Err(sqlx::Error::WorkerCrashed)), "{more:?}");
    let wrong = connection.execute_each("BEGIN IMMEDIATE; INSERT INTO head SELECT 1, 0; COMMIT", &[], 3).await;
    assert!(matches!(wrong, Err(sqlx::Error::Database(_))), "{wrong:?}");
}

fn bulky(n: u128) -> NewRecord {
    NewRecord { facts: format!(r#"{{"n":{n},"pad":"{}"}}"#, "x".repeat(20_000)), ..record(n) }
}

#[tokio::test]
async fn a_full_database_refuses_whole_batches_and_recovers_by_itself() {
    let fixture = Fixture::sqlite();
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
    let fixture = Fixture::sqlite();
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
    let fixture = Fixture::sqlite();
    let log = fixture.open().await;
    let appended = log.append((1..=20).map(record).collect()).await.unwrap();
    let after = Fixture::sqlite();
    for name in ["imaboard.db", "imaboard.db-wal"] {
        std::fs::copy(fixture.folder.path().join(name), after.folder.path().join(name)).unwrap();
    }
    let log = after.open().await;
    assert_eq!(log.head().await.unwrap(), Some((20, appended[19].hash)));
}

#[tokio::test]
async fn a_redaction_leaves_nothing_in_any_file_and_the_chain_whole() {
    let fixture = Fixture::sqlite();
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
    let fixture = Fixture::sqlite();
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
    let fixture = Fixture::sqlite();
    let log = fixture.open().await;
    log.append((1..=3).map(|n| NewRecord { text: Some(TEXT.repeat(n as usize)), ..record(n) }).collect()).await.unwrap();
    // A table dropped without overwriting stands for any trace in free space.
    {
        let mut slot = log.shared.writer.lock().await;
        let Some(Connection::Sqlite(connection)) = slot.as_mut() else { panic!("no writer") };
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
    let fixture = Fixture::sqlite();
    fixture.found_with_five().await;
    let log = fixture.open().await;
    {
        let mut slot = log.shared.writer.lock().await;
        let mut connection = log.begin(&mut slot).await.unwrap();
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
    let fixture = Fixture::sqlite();
    fixture.found_with_five().await;
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
        slot.as_mut().unwrap().fetch_all("PRAGMA busy_timeout = 1", &[]).await.unwrap();
    }
    let redaction = log.append_redaction(3, record(9)).await.unwrap();
    assert!(!redaction.is_scrubbed);
    assert!(!log.scrub().await.unwrap());

    snapshot.rollback().await.unwrap();
    assert!(log.scrub().await.unwrap());
    assert!(!fixture.files_contain(TEXT));
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
        let fixture = Fixture::sqlite();
        fixture.found_with_five().await;
        assert!(is_verified(&fixture.verdict(None).await));
        fixture.tamper(sql).await;
        assert_eq!(fixture.broken_at().await, seq, "{sql}");
    }
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused_and_left_alone() {
    let fixture = Fixture::sqlite();
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
        let fixture = Fixture::sqlite();
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
async fn a_creation_interrupted_by_a_power_cut_is_completed() {
    let fixture = Fixture::sqlite();
    std::fs::write(fixture.path(), "").unwrap();
    let log = fixture.open().await;
    log.append(vec![record(1)]).await.unwrap();
    log.close().await;

    let fixture = Fixture::sqlite();
    fixture.found_with_five().await;
    fixture
        .tamper("DROP TABLE entries; DROP TABLE head; DROP TABLE meta; DROP TABLE devices; DROP TABLE staff; DROP TABLE staff_tokens; DROP TABLE passkeys; DROP TABLE sessions; DELETE FROM _sqlx_migrations; PRAGMA application_id = 0")
        .await;
    assert_eq!(fixture.open().await.head().await.unwrap(), None);
}

#[tokio::test]
async fn a_place_that_does_not_exist_is_called_missing() {
    let fixture = Fixture::sqlite();
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
    let fixture = Fixture::sqlite();
    let log = fixture.open().await;
    log.append((1..=1_600).map(record).collect()).await.unwrap();
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
    let damaged = log.read(1, 1_600).await;
    assert!(matches!(damaged, Err(StoreError::Corrupt { .. })), "{damaged:?}");
    log.close().await;

    bytes[4096..].fill(0xA5);
    std::fs::write(fixture.path(), &bytes).unwrap();
    for mode in [OpenMode::Write, OpenMode::Read] {
        let refused = Log::open(&fixture.place, mode).await;
        assert!(matches!(refused, Err(OpenError::Corrupt { .. })), "{refused:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;

    let fixture = Fixture::sqlite();
    let log = fixture.open().await;
    log.append(vec![record(1)]).await.unwrap();
    for name in ["imaboard.db", "imaboard.db-wal"] {
        let mode = std::fs::metadata(fixture.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn the_past_is_read_backwards_from_indexes_and_nothing_is_sorted() {
    use crate::log::statements::{ACTS_BEFORE, ENTRIES_BEFORE, NEXT_ACTOR, SUBJECT_BEFORE};

    let fixture = Fixture::sqlite();
    let log = fixture.open().await;
    for sql in [ENTRIES_BEFORE, SUBJECT_BEFORE, ACTS_BEFORE, NEXT_ACTOR] {
        let question: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {sql}").into_boxed_str());
        for row in log.shared.database.fetch_all(question, &[]).await.unwrap() {
            let step: String = row.column(3).unwrap();
            assert!(step.starts_with("SEARCH"), "{step}: {sql}");
        }
    }
}
