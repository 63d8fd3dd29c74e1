//! Copies of a city from one database to another.

use std::sync::Arc;

use tokio::sync::Notify;

use super::*;

/// Everything in a log, with salts, as it stands in the database.
async fn everything(log: &Log) -> (Vec<(Record, Option<Vec<u8>>)>, Vec<DeviceState>, String, Option<String>) {
    let rows = log.shared.database.fetch_all(statements::ENTRIES_FROM, &[1.into(), i64::MAX.into()]).await.unwrap();
    let entries = rows.iter().map(|row| record_of(row).unwrap()).collect();
    (entries, log.list_devices().await.unwrap(), log.epoch(), log.find_meta("city").await.unwrap())
}

/// A city with a redacted text, a device, and so many entries more.
async fn city(fixture: &Fixture, more: u128) -> Log {
    fixture.found_with_five().await;
    let log = fixture.open().await;
    let typed = NewRecord { text: Some("発電機あり".to_owned()), ..record(6) };
    log.append(vec![typed]).await.unwrap();
    log.append_redaction(3, record(7)).await.unwrap();
    log.append((1_000..1_000 + more).map(record).collect()).await.unwrap();
    log.save_meta("city", "西海市").await.unwrap();
    let device = DeviceState {
        device: "entrance".to_owned(),
        last_heard_at: Some("2026-11-23T09:10:00.123456Z".parse().unwrap()),
        battery_pct: Some(80),
        availability: None,
        json: "{}".to_owned(),
    };
    log.save_devices(vec![device]).await.unwrap();
    log
}

async fn is_moved_whole(from: Fixture, to: Fixture) {
    let source = city(&from, 3_000).await;
    let mut last = (0, 0);
    let copied = copy(&source, &to.place, |progress| match progress {
        Progress::Copied(done, _) => last.0 = done,
        Progress::Verified(done, _) => last.1 = done,
    })
    .await
    .unwrap();
    assert_eq!(copied, Copied { head: source.head().await.unwrap(), found: 0 });
    assert_eq!(last, (3_007, 3_007));

    let target = to.open().await;
    assert_eq!(everything(&target).await, everything(&source).await);
    assert!(is_verified(&target.verify(None, |_, _| {}).await.unwrap()));
    assert_eq!(seqs(&target.append(vec![record(9)]).await.unwrap()), [3_008], "the city goes on there");
    target.close().await;

    let before = everything(&source).await;
    let refused = copy(&source, &to.place, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty { .. })), "{refused:?}");
    let refused = copy(&source, &from.place, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty { .. })), "{refused:?}");
    assert_eq!(everything(&source).await, before);
}

#[tokio::test]
async fn a_city_is_moved_whole_from_file_to_server() {
    let Some(server) = Fixture::postgres() else { return };
    is_moved_whole(Fixture::sqlite(), server).await;
}

#[tokio::test]
async fn a_city_is_moved_whole_from_server_to_file() {
    let Some(server) = Fixture::postgres() else { return };
    is_moved_whole(server, Fixture::sqlite()).await;
}

#[tokio::test]
async fn a_city_is_moved_whole_from_file_to_file() {
    is_moved_whole(Fixture::sqlite(), Fixture::sqlite()).await;
}

/// Cuts a copy off as soon as something stands in the target.
async fn cut_off(source: &Log, target: &DatabasePlace) {
    let begun = Arc::new(Notify::new());
    let telling = Arc::clone(&begun);
    let copying = copy(source, target, move |progress| {
        if let Progress::Copied(1.., _) = progress {
            telling.notify_one();
        }
    });
    tokio::select! {
        () = begun.notified() => {}
        copied = copying => panic!("it was too quick: {copied:?}"),
    }
}

async fn is_no_city_until_it_is_whole(target: Fixture) {
    let from = Fixture::sqlite();
    let source = city(&from, 5_000).await;
    cut_off(&source, &target.place).await;
    for mode in [OpenMode::Write, OpenMode::Read] {
        let refused = Log::open(&target.place, mode).await;
        assert!(matches!(refused, Err(OpenError::HalfCopy { .. })), "{refused:?}");
    }

    let other = Fixture::sqlite();
    let stranger = city(&other, 5_000).await;
    let refused = copy(&stranger, &target.place, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::AnotherCopy { .. })), "{refused:?}");

    // Erased between the two halves of the copy: the text must not survive in the target.
    source.append_redaction(6, record(8)).await.unwrap();
    source.append(vec![record(9)]).await.unwrap();
    let copied = copy(&source, &target.place, |_| {}).await.unwrap();
    assert!(copied.found > 0, "it went on where it stopped");
    let target = target.open().await;
    assert_eq!(everything(&target).await, everything(&source).await);
    assert_eq!(target.read(6, 1).await.unwrap()[0].text, None);
}

#[tokio::test]
async fn a_copy_to_a_file_that_was_cut_off_is_no_city_until_it_is_whole() {
    is_no_city_until_it_is_whole(Fixture::sqlite()).await;
}

#[tokio::test]
async fn a_copy_to_a_server_that_was_cut_off_is_no_city_until_it_is_whole() {
    let Some(server) = Fixture::postgres() else { return };
    is_no_city_until_it_is_whole(server).await;
}

async fn a_target_left_between_two_migrations_is_gone_on_with(from: Fixture, to: Fixture) {
    let source = city(&from, 1).await;
    to.open().await.close().await;
    to.tamper(/* as a copy leaves it that was killed between two migrations */ OLDER).await;
    assert!(matches!(Log::open(&to.place, OpenMode::Read).await, Err(OpenError::Older { .. })));
    copy(&source, &to.place, |_| {}).await.unwrap();
    let target = to.open().await;
    assert_eq!(target.head().await.unwrap(), source.head().await.unwrap());
    target.close().await;

    let lived_in = to.another();
    lived_in.found_with_five().await;
    lived_in.tamper(/* as a copy leaves it that was killed between two migrations */ OLDER).await;
    let refused = copy(&source, &lived_in.place, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_file_left_between_two_migrations_is_gone_on_with() {
    a_target_left_between_two_migrations_is_gone_on_with(Fixture::sqlite(), Fixture::sqlite()).await;
}

#[tokio::test]
async fn a_server_left_between_two_migrations_is_gone_on_with() {
    let Some(server) = Fixture::postgres() else { return };
    a_target_left_between_two_migrations_is_gone_on_with(Fixture::sqlite(), server).await;
}

#[tokio::test]
async fn a_text_erased_while_it_is_copied_is_erased_in_the_copy_and_the_chain_whole() {
    let (from, to) = (Fixture::sqlite(), Fixture::sqlite());
    let source = city(&from, 3_000).await;
    let beside = source.clone();
    let mut redacted = false;
    copy(&source, &to.place, |progress| {
        // After the head was looked at, before its page is read.
        if progress == Progress::Copied(0, 3_007) && !redacted {
            redacted = true;
            let log = beside.clone();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        log.append(vec![record(8)]).await.unwrap();
                        log.append_redaction(6, record(9)).await.unwrap();
                    });
                });
            });
        }
    })
    .await
    .unwrap();
    assert!(redacted);
    let target = to.open().await;
    assert_eq!(target.head().await.unwrap(), source.head().await.unwrap());
    assert_eq!(target.read(6, 1).await.unwrap()[0].text, None);
}

#[tokio::test]
async fn what_a_server_cannot_keep_is_named_before_anything_is_lost() {
    let Some(server) = Fixture::postgres() else { return };
    let file = Fixture::sqlite();
    let source = file.open().await;
    source.append(vec![record(1), NewRecord { text: Some("a\0b".to_owned()), ..record(2) }]).await.unwrap();
    let refused = copy(&source, &server.place, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::Unstorable { seq: 2 })), "{refused:?}");
    source.append_redaction(2, record(3)).await.unwrap();
    copy(&source, &server.place, |_| {}).await.unwrap();
}

#[tokio::test]
async fn an_entry_changed_in_the_source_is_found_in_the_copy() {
    let (from, to) = (Fixture::sqlite(), Fixture::sqlite());
    from.found_with_five().await;
    from.tamper(r#"UPDATE entries SET facts = '{"n":9}' WHERE seq = 2"#).await;
    let source = Log::open(&from.place, OpenMode::Read).await.unwrap();
    let refused = copy(&source, &to.place, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::Broken { seq: 2, .. })), "{refused:?}");
    let refused = Log::open(&to.place, OpenMode::Read).await;
    assert!(matches!(refused, Err(OpenError::HalfCopy { .. })), "{refused:?}");
}
