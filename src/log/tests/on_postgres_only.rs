//! What the log promises of a server.

use std::error::Error;

use sqlx::postgres::PgConnectOptions;

use super::*;

/// Everything an error says, causes and the words for engineers included.
fn all_words(error: &dyn Error) -> String {
    let mut words = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    words
}

fn place(url: impl Into<String>) -> DatabasePlace {
    DatabasePlace::Postgres(PostgresUrl::new(url))
}

#[tokio::test]
async fn a_second_writer_is_refused_and_told_who_the_first_is() {
    let Some(fixture) = Fixture::postgres() else { return };
    let first = fixture.open().await;
    first.append(vec![record(1)]).await.unwrap();
    match Log::open(&fixture.place, OpenMode::Write).await {
        Err(OpenError::InUse { holder, .. }) => {
            assert!(holder.contains(&format!("imaboard process {}", std::process::id())), "{holder}");
        }
        other => panic!("{other:?}"),
    }
    let reader = Log::open(&fixture.place, OpenMode::Read).await.unwrap();
    assert_eq!(reader.head().await.unwrap().unwrap().0, 1, "who only reads is not in the way");
    assert_eq!(seqs(&first.append(vec![record(2)]).await.unwrap()), [2], "the first goes on");
    first.close().await;
    assert_eq!(seqs(&fixture.open().await.append(vec![record(3)]).await.unwrap()), [3]);
}

#[tokio::test]
async fn a_writer_that_fell_away_is_followed_at_once() {
    let Some(fixture) = Fixture::postgres() else { return };
    for n in 1..=5 {
        let log = fixture.open().await;
        assert_eq!(seqs(&log.append(vec![record(n)]).await.unwrap()), [u64::try_from(n).unwrap()]);
        // Not closed: as after a crash, the server has to notice by itself.
        drop(log);
    }
}

#[tokio::test]
async fn a_writer_whose_session_was_ended_connects_again_and_loses_nothing() {
    let Some(fixture) = Fixture::postgres() else { return };
    let log = fixture.open().await;
    log.append(vec![record(1)]).await.unwrap();
    log.head().await.unwrap();
    fixture.tamper("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'imaboard%' AND datname = current_database()").await;
    assert_eq!(log.head().await.unwrap().unwrap().0, 1, "reading goes on");
    assert_eq!(seqs(&log.append(vec![record(2)]).await.unwrap()), [2]);
}

#[tokio::test]
async fn a_session_that_hangs_in_the_network_is_replaced() {
    let Some(fixture) = Fixture::postgres() else { return };
    let log = fixture.open().await;
    log.append(vec![record(1)]).await.unwrap();
    // Neither closed nor used: as seen from the server, a client behind a network that swallows everything.
    let hanging = log.shared.writer.lock().await.take();
    assert!(hanging.is_some());
    assert_eq!(seqs(&log.append(vec![record(2)]).await.unwrap()), [2]);
    assert!(hanging.unwrap().begin().await.is_err(), "the old session can write no more");
}

#[tokio::test]
async fn a_server_that_commits_too_early_is_put_right() {
    let Some(fixture) = Fixture::postgres() else { return };
    fixture
        .tamper("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$")
        .await;
    let log = fixture.open().await;
    let mut slot = log.shared.writer.lock().await;
    let row = slot.as_mut().unwrap().fetch_optional("SELECT current_setting('synchronous_commit')", &[]).await.unwrap();
    assert_eq!(row.unwrap().column::<String>(0).unwrap(), "on");
}

#[tokio::test]
async fn a_server_that_crashes_loses_nothing_acknowledged_and_is_used_again_when_it_is_back() {
    if !server::is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = server::Postgres::start_in(folder.path().to_owned());
    let url = server.database();
    let log = Log::open(&place(&url), OpenMode::Write).await.unwrap();
    let mut stored = 0;
    for round in 1..=2 {
        stored = log.append(vec![record(round)]).await.unwrap()[0].seq;
        server.stop_immediately();
        let refused = log.append(vec![record(100 + round)]).await;
        assert!(matches!(refused, Err(StoreError::Away { .. })), "{refused:?}");
        assert!(matches!(log.head().await, Err(StoreError::Away { .. })));
        server.start_again();
        // A moment of rest after a failure is part of the promise, so the first question may still fail.
        let started = tokio::time::Instant::now();
        while log.head().await.is_err() {
            assert!(started.elapsed().as_secs() < 30, "never back");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(log.head().await.unwrap().unwrap().0, stored);
    }
    assert_eq!(log.append(vec![record(3)]).await.unwrap()[0].seq, stored + 1);
    assert!(is_verified(&log.verify(None, |_, _| {}).await.unwrap()));
    log.close().await;

    server::sql(&url, "ALTER SYSTEM SET fsync = off");
    server::sql(&url, "SELECT pg_reload_conf()");
    let refused = loop {
        match Log::open(&place(&url), OpenMode::Write).await {
            // The server takes a new configuration in its own time.
            Ok(log) => log.close().await,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, OpenError::Setting { setting: "fsync", .. }), "{refused:?}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let Some(fixture) = Fixture::postgres() else { return };
    let names = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1";
    for sql in [
        "CREATE TABLE entries (x int); CREATE TABLE head (y int)",
        "CREATE TABLE _sqlx_migrations (version bigint); CREATE TABLE meta (name text); CREATE VIEW v AS SELECT 1",
        "CREATE TABLE \"Kunden\" (x int)",
    ] {
        let fixture = fixture.another();
        fixture.tamper(sql).await;
        let before = server::sql(fixture.url(), names);
        for mode in [OpenMode::Write, OpenMode::Read] {
            let refused = Log::open(&fixture.place, mode).await;
            assert!(matches!(refused, Err(OpenError::Foreign { .. })), "{sql}: {refused:?}");
        }
        assert_eq!(server::sql(fixture.url(), names), before, "{sql}");
    }
    // What belongs to an extension belongs to the server.
    fixture.tamper("CREATE EXTENSION pg_stat_statements").await;
    assert_eq!(fixture.open().await.head().await.unwrap(), None);
}

#[tokio::test]
async fn a_database_that_cannot_keep_a_log_is_refused_with_words() {
    let Some(fixture) = Fixture::postgres() else { return };
    fixture.found_with_five().await;
    fixture.tamper("ALTER TABLE entries SET UNLOGGED").await;
    let refused = Log::open(&fixture.place, OpenMode::Write).await;
    assert!(matches!(refused, Err(OpenError::Setting { .. })), "{refused:?}");

    let name = format!("test_{:016x}", rand::random::<u64>());
    server::sql(fixture.url(), &format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0"));
    let (start, options) = fixture.url().split_once('?').unwrap();
    let other = format!("{}/{name}?{options}", start.rsplit_once('/').unwrap().0);
    let refused = Log::open(&place(other), OpenMode::Write).await;
    assert!(matches!(refused, Err(OpenError::Setting { setting: "server_encoding", .. })), "{refused:?}");
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_so_without_the_password() {
    let Some(fixture) = Fixture::postgres() else { return };
    let url = fixture.url();
    let role = format!("guest_{:016x}", rand::random::<u64>());
    server::sql(url, &format!("CREATE ROLE {role} LOGIN PASSWORD 'offen-0815'"));
    let (start, options) = url.split_once('?').unwrap();
    let cases = [
        // A wrong password, a user who may not create tables, a database that is not there, a server that is not there.
        url.replace(server::PASSWORD, "falsch-0815"),
        url.replace("ima:geheim-4711", &format!("{role}:offen-0815")),
        format!("{start}x?{options}"),
        "postgres://ima:falsch-0815@127.0.0.1:1/city".to_owned(),
        "postgres://ima:falsch-0815@127.0.0.1:1/city?sslmode=falsch-0815x".to_owned(),
    ];
    for (case, url) in cases.iter().enumerate() {
        let refused = Log::open(&place(url.as_str()), OpenMode::Write).await.unwrap_err();
        let is_right = match case {
            0 | 1 => matches!(refused, OpenError::Denied { .. }),
            2 => matches!(refused, OpenError::Missing { .. }),
            _ => matches!(refused, OpenError::Away { .. }),
        };
        assert!(is_right, "{refused:?}");
        let words = all_words(&refused);
        for password in [server::PASSWORD, "falsch-0815@", ":offen", ":falsch"] {
            assert!(!words.contains(password), "{words}");
        }
    }
}

#[tokio::test]
async fn a_redaction_leaves_no_old_version_in_the_table() {
    let Some(fixture) = Fixture::postgres() else { return };
    fixture.found_with_five().await;
    let log = fixture.open().await;
    // Somebody who looks at the past, as a dump does, keeps the old version alive.
    let options: PgConnectOptions = fixture.url().parse().unwrap();
    let mut looking = options.connect().await.unwrap();
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM entries").execute(&mut looking).await.unwrap();
    let redaction = log.append_redaction(3, record(9)).await.unwrap();
    assert!(!redaction.is_scrubbed);
    assert!(!log.scrub().await.unwrap());
    looking.close().await.unwrap();

    // The server forgets a session a moment after it was closed.
    let started = tokio::time::Instant::now();
    while !log.scrub().await.unwrap() {
        assert!(started.elapsed().as_secs() < 30, "never cleaned up");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(log.find_meta(SCRUB_PENDING).await.unwrap(), None);
    // Every version of a row that the table still holds, seen by the server's own magnifying glass.
    let versions = server::sql(
        fixture.url(),
        "CREATE EXTENSION pageinspect; SELECT count(*) FROM heap_page_items(get_raw_page('entries', 0)) WHERE lp_flags = 1",
    );
    assert_eq!(versions.trim(), "6", "five entries and the redaction");
}

#[tokio::test]
async fn a_founding_cut_off_by_a_power_cut_is_completed() {
    let Some(fixture) = Fixture::postgres() else { return };
    fixture.found_with_five().await;
    fixture
        .tamper("DROP TABLE entries, head, meta, devices, staff, staff_tokens, passkeys, sessions; DELETE FROM _sqlx_migrations")
        .await;
    let refused = Log::open(&fixture.place, OpenMode::Read).await;
    assert!(matches!(refused, Err(OpenError::Empty { .. })), "{refused:?}");
    assert_eq!(fixture.open().await.head().await.unwrap(), None);
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let steps = |migrator: &sqlx::migrate::Migrator| -> Vec<_> {
        migrator.iter().map(|step| (step.version, step.description.to_string())).collect()
    };
    assert_eq!(steps(&crate::log::sqlite::MIGRATOR), steps(&crate::log::postgres::MIGRATOR), "migrations come in pairs");

    let Some(server) = Fixture::postgres() else { return };
    let file = Fixture::sqlite();
    let mut found = Vec::new();
    for (fixture, sql) in [
        (
            &file,
            "SELECT t.name || ' ' || c.name || ' ' || CASE c.type WHEN 'INTEGER' THEN 'BIGINT' WHEN 'BLOB' THEN 'BYTEA' \
             ELSE c.type END || CASE WHEN c.\"notnull\" = 1 OR c.pk = 1 THEN ' required' ELSE '' END AS said \
             FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT LIKE '~_%' ESCAPE '~' AND t.name NOT LIKE 'sqlite%' ORDER BY said",
        ),
        (
            &server,
            "SELECT (table_name || ' ' || column_name || ' ' || upper(data_type) || CASE is_nullable WHEN 'NO' THEN ' required' \
             ELSE '' END) COLLATE \"C\" AS said FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name NOT LIKE '~_%' ESCAPE '~' ORDER BY said",
        ),
    ] {
        let log = fixture.open().await;
        let rows = log.shared.database.fetch_all(sql, &[]).await.unwrap();
        found.push(rows.iter().map(|row| row.column::<String>(0).unwrap()).collect::<Vec<_>>());
    }
    assert!(found[0].len() > 20, "{found:?}");
    assert_eq!(found[0], found[1]);
}
