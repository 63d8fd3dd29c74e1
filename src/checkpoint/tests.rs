//! What checkpoints promise, on real files and a real log.

#![expect(clippy::unwrap_used, reason = "tests")]

// The city and the generators of the domain's own tests: what may happen there may stand in a checkpoint.
#[expect(dead_code, reason = "the domain's tests use all of it")]
#[path = "../../domain/tests/claims/support.rs"]
mod support;

use std::io::{Seek as _, Write as _};

use imaboard_domain::{Board, Entry, Facts, Report, ServiceKind};
use jiff::SignedDuration;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::log::{DatabasePlace, NewRecord, OpenMode};
use crate::recorder::record_of;
use crate::replay::{Replayed, replay};
use support::{beds, entry, facility, free, id, morning, report, service, session};

fn header(seq: u64) -> Header {
    Header {
        fold: format::FINGERPRINT.to_owned(),
        epoch: "e".to_owned(),
        seq,
        hash: "00".to_owned(),
        made_at: "2026-11-23T00:00:00Z".parse().unwrap(),
    }
}

fn written(header: &Header, folded: &Folded) -> Vec<u8> {
    let mut bytes = Vec::new();
    let size = format::write(&mut bytes, header, folded, &mut || Ok(())).unwrap();
    assert_eq!(size, bytes.len() as u64);
    bytes
}

fn read_back(bytes: &[u8]) -> Result<(Header, Folded), Unusable> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    format::read(&mut file)
}

fn fold_all(entries: &[Entry]) -> Folded {
    let mut folded = Folded::default();
    for e in entries {
        folded.apply(e);
    }
    folded
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn a_checkpoint_and_the_rest_give_what_all_entries_give(entries in session(40), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(entries.len()) + 1;
        let start = fold_all(&entries[..cut]);
        let (header, mut folded) = read_back(&written(&header(cut as u64), &start)).unwrap();
        prop_assert_eq!(header.seq, cut as u64);
        prop_assert_eq!(&folded, &start);
        for e in &entries[cut..] {
            folded.apply(e);
        }
        prop_assert_eq!(folded, fold_all(&entries));
    }
}

/// One report of hamayu: so many beds are free.
fn said(seq: u64, count: u32, text: Option<&str>) -> Entry {
    let at = morning() + SignedDuration::from_mins(i64::try_from(seq).unwrap());
    let said = report("hamayu", at, vec![(beds(ServiceKind::Tokuyo), free(count))]);
    let remark = text.map(|_| id(&format!("r-{seq}")));
    Entry { text: text.map(str::to_owned), ..entry(seq, at, Facts::Report(Report { remark, ..said })) }
}

#[test]
fn a_checkpoint_larger_than_what_is_unpacked_at_once_comes_back_too() {
    let home = facility("hamayu", vec![service(ServiceKind::Tokuyo)]);
    let words = "断水のため給水車を待っています。".repeat(20);
    let said = (2..9_000).map(|seq| said(seq, 1, Some(&words)));
    let folded = fold_all(
        &std::iter::once(entry(1, morning(), Facts::FacilityRegistered(Box::new(home)))).chain(said).collect::<Vec<_>>(),
    );
    assert!(rmp_serde::to_vec_named(&folded).unwrap().len() > format::MOST_UNPACKED_BYTES);
    let header = header(folded.board.position());
    assert_eq!(read_back(&written(&header, &folded)).unwrap(), (header, folded));
}

/// A data folder with a log, and what the running program would have in memory.
struct House {
    place: TempDir,
    folder: DataFolder,
    checkpoints: Checkpoints,
    log: Log,
    board: SharedBoard,
}

const REMARK: &str = "本日は相談員が休みです。ミサキへ電話を";

impl House {
    async fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path().join("data")).unwrap();
        let log = Log::open(&DatabasePlace::Sqlite(folder.database()), OpenMode::Write).await.unwrap();
        let house = Self { checkpoints: Checkpoints::of(&folder), board: SharedBoard::default(), place, folder, log };
        let home = facility("hamayu", vec![service(ServiceKind::Tokuyo)]);
        house.store(entry(1, morning(), Facts::FacilityRegistered(Box::new(home)))).await;
        house
    }

    async fn store(&self, entry: Entry) {
        let record: NewRecord = record_of(&entry, None);
        let appended = self.log.append(vec![record]).await.unwrap();
        assert_eq!(appended[0].seq, entry.seq);
        self.board.apply(&entry);
    }

    fn position(&self) -> u64 {
        self.board.read(Board::position)
    }

    async fn says(&self, count: u32) {
        self.store(said(self.position() + 1, count, None)).await;
    }

    async fn save(&self) -> Saved {
        self.checkpoints.save(&self.log, &self.board, morning()).await.unwrap().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.checkpoints())
            .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    fn newest_file(&self) -> PathBuf {
        self.checkpoints.list().remove(0)
    }

    /// What a new process would load, and how many entries it had to read after it.
    async fn start(&self) -> (u64, Folded) {
        let checkpoints = Checkpoints::of(&self.folder);
        checkpoints.clean_up();
        let start = checkpoints.load(&self.log).await.unwrap().unwrap_or_default();
        let Replayed { folded, entries, .. } = replay(&self.log, start, self.position()).await.unwrap();
        (entries, folded)
    }

    /// A start must give the board that is there, and read this many entries.
    async fn starts_reading(&self, entries: u64) {
        let (read, folded) = self.start().await;
        assert_eq!(folded, self.board.snapshot());
        assert_eq!(read, entries, "entries read at the start");
    }
}

#[tokio::test]
async fn a_start_reads_only_what_came_after_the_newest_checkpoint() {
    let house = House::new().await;
    house.starts_reading(1).await;
    house.says(2).await;
    assert_eq!(house.save().await.seq, 2);
    house.starts_reading(0).await;
    for count in 0..5 {
        house.says(count).await;
    }
    house.starts_reading(5).await;
    let unchanged = house.save().await;
    assert_eq!(unchanged.seq, 7);
    assert_eq!(house.checkpoints.save(&house.log, &house.board, morning()).await.unwrap(), None, "nothing new");
}

#[tokio::test]
async fn a_damaged_checkpoint_only_costs_time() {
    let house = House::new().await;
    for count in 0..40 {
        house.says(count % 7).await;
    }
    house.save().await;
    let path = house.newest_file();
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        assert!(read_back(&bytes).is_err(), "a changed bit at {at} was believed");
    }
    for length in 0..whole.len() {
        assert!(read_back(&whole[..length]).is_err(), "{length} bytes of {} were believed", whole.len());
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(read_back(&longer).is_err(), "something behind the seal was believed");

    let middle = whole.len() / 2;
    let damages: [Vec<u8>; 4] = [Vec::new(), whole[..middle].to_vec(), b"not ours at all".to_vec(), {
        let mut bytes = whole.clone();
        bytes[middle] ^= 0x40;
        bytes
    }];
    for bytes in damages {
        fs::write(&path, bytes).unwrap();
        house.starts_reading(41).await;
    }
    fs::write(&path, whole).unwrap();
    house.starts_reading(0).await;
}

#[tokio::test]
async fn when_the_newest_is_damaged_the_one_before_is_used_and_the_next_save_removes_the_bad_one() {
    let house = House::new().await;
    house.save().await;
    house.says(1).await;
    house.save().await;
    house.says(2).await;
    fs::write(house.newest_file(), b"imaboard-fold-1\n").unwrap();
    house.starts_reading(2).await;

    let after = Checkpoints::of(&house.folder);
    after.load(&house.log).await.unwrap().unwrap();
    after.save(&house.log, &house.board, morning()).await.unwrap().unwrap();
    assert_eq!(house.names(), ["00000000000000000001.fold", "00000000000000000003.fold"]);
    house.starts_reading(0).await;
}

#[tokio::test]
async fn two_are_kept_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = House::new().await;
    for count in 0..4 {
        house.says(count).await;
        house.save().await;
    }
    assert_eq!(house.names(), ["00000000000000000004.fold", "00000000000000000005.fold"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&house.newest_file()), 0o600);
    assert_eq!(mode(&house.folder.checkpoints()), 0o700);
}

#[tokio::test]
async fn a_checkpoint_of_another_fold_is_passed_over() {
    let house = House::new().await;
    house.says(3).await;
    house.save().await;
    let (header, folded) = read_back(&fs::read(house.newest_file()).unwrap()).unwrap();
    fs::write(house.newest_file(), written(&Header { fold: "another".to_owned(), ..header }, &folded)).unwrap();
    assert!(matches!(house.checkpoints.newest(), Some(Err(Unusable::OtherVersion))));
    house.starts_reading(2).await;
}

#[tokio::test]
async fn a_checkpoint_of_another_log_is_passed_over() {
    let house = House::new().await;
    house.says(3).await;
    house.save().await;
    let file = house.newest_file();

    // The same positions with other entries: an older database was put back, and the city went on.
    let other = House::new().await;
    other.says(4).await;
    fs::create_dir_all(other.folder.checkpoints()).unwrap();
    let (header, folded) = read_back(&fs::read(&file).unwrap()).unwrap();
    let place = |name: &str, header: &Header| {
        fs::write(other.folder.checkpoints().join(name), written(header, &folded)).unwrap();
    };
    place("00000000000000000002.fold", &header);
    other.starts_reading(2).await;
    place("00000000000000000002.fold", &Header { epoch: other.log.epoch(), ..header.clone() });
    other.starts_reading(2).await;

    // Beyond the end: an older database was put back.
    place("00000000000000000009.fold", &Header { epoch: other.log.epoch(), seq: 9, ..header });
    other.starts_reading(2).await;
}

#[tokio::test]
async fn a_new_epoch_makes_old_checkpoints_foreign() {
    let house = House::new().await;
    house.save().await;
    house.log.renew_epoch().await.unwrap();
    house.starts_reading(1).await;
}

#[tokio::test]
async fn a_checkpoint_cut_off_while_written_is_removed_at_the_next_start() {
    let house = House::new().await;
    house.save().await;
    house.says(1).await;
    fs::write(house.folder.checkpoints().join("00000000000000000002.partial"), b"imaboard-fold-1\nhalf").unwrap();
    house.starts_reading(1).await;
    assert_eq!(house.names(), ["00000000000000000001.fold"]);
}

#[tokio::test]
async fn where_nothing_can_be_written_only_the_checkpoint_is_missing() {
    let house = House::new().await;
    // Even root cannot make a folder where a file stands.
    fs::write(house.folder.checkpoints(), b"in the way").unwrap();
    let error = house.checkpoints.save(&house.log, &house.board, morning()).await.unwrap_err();
    assert!(matches!(error, SaveError::Io(_)), "{error}");
    assert_eq!(house.checkpoints.last(), None);
    house.says(1).await;
    house.starts_reading(2).await;
}

#[test]
fn a_disk_that_fills_up_while_it_is_written_stops_it() {
    let folded = fold_all(&[said(1, 1, None)]);
    let full = || io::Error::from(io::ErrorKind::StorageFull);
    let refused = format::write(io::sink(), &header(1), &folded, &mut || Err(full())).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
}

/// The unpacked bytes of every checkpoint, because packing may hide a text from a plain search.
fn hold(house: &House, words: &str) -> bool {
    house.names().iter().any(|name| {
        let bytes = fs::read(house.folder.checkpoints().join(name)).unwrap();
        read_back(&bytes).is_ok_and(|(_, folded)| serde_json::to_string(&folded.board).unwrap().contains(words))
    })
}

#[tokio::test]
async fn erasing_leaves_no_checkpoint_with_the_words_and_lets_none_come_into_being() {
    let house = House::new().await;
    house.store(said(2, 1, Some(REMARK))).await;
    house.save().await;
    house.says(2).await;
    house.save().await;
    assert!(hold(&house, REMARK), "the test must see the words where they are");
    let before = house.checkpoints.shared.erasures.load(Ordering::SeqCst);

    let erasing = house.checkpoints.erase().await.unwrap();
    assert_eq!(house.names(), [""; 0]);
    let meanwhile = house.checkpoints.save(&house.log, &house.board, morning()).await.unwrap_err();
    assert!(matches!(meanwhile, SaveError::Erased), "{meanwhile}");
    house.store(entry(4, morning(), Facts::Redacted { seq: 2, why: "名前".into() })).await;
    drop(erasing);

    // One that was begun before the erasure and comes to its end after it.
    let (_, folded) = read_back(&written(&header(3), &fold_all(&[said(3, 1, Some(REMARK))]))).unwrap();
    let late = house.checkpoints.write(&header(3), folded, before).unwrap_err();
    assert!(matches!(late, SaveError::Erased), "{late}");
    assert_eq!(house.names(), [""; 0]);

    house.save().await;
    assert!(!hold(&house, REMARK));
    assert_eq!(house.names().len(), 1);
    drop(house.place);
}

#[tokio::test]
async fn a_replay_says_that_something_was_erased_before_its_start() {
    let house = House::new().await;
    house.store(said(2, 1, Some(REMARK))).await;
    house.store(said(3, 1, Some(REMARK))).await;
    let start = house.board.snapshot();
    house.store(entry(4, morning(), Facts::Redacted { seq: 2, why: "名前".into() })).await;
    assert!(replay(&house.log, start, 4).await.unwrap().erases_earlier);
    assert!(!replay(&house.log, Folded::default(), 4).await.unwrap().erases_earlier, "nothing was saved before");
}

#[tokio::test]
async fn checkpoints_saved_while_entries_come_in_lose_none_of_them() {
    let house = House::new().await;
    let storing = async {
        for count in 0..150 {
            house.says(count % 9).await;
        }
    };
    let saving = async {
        let mut seen = Vec::new();
        loop {
            if let Some(saved) = house.checkpoints.save(&house.log, &house.board, morning()).await.unwrap() {
                seen.push(saved.seq);
                if saved.seq == 151 {
                    return seen;
                }
            }
            tokio::task::yield_now().await;
        }
    };
    let ((), seen) = tokio::join!(storing, saving);
    assert!(seen.is_sorted());
    house.starts_reading(0).await;
}

#[tokio::test]
async fn a_replay_of_many_pages_is_the_fold_of_all_entries() {
    let house = House::new().await;
    let entries: Vec<Entry> = (2..=2_345).map(|seq| said(seq, u32::try_from(seq % 11).unwrap(), None)).collect();
    for chunk in entries.chunks(500) {
        house.log.append(chunk.iter().map(|e| record_of(e, None)).collect()).await.unwrap();
        for e in chunk {
            house.board.apply(e);
        }
    }
    house.starts_reading(2_345).await;
}

#[tokio::test]
async fn an_entry_of_a_newer_program_stops_the_replay_with_its_position() {
    let house = House::new().await;
    let record = NewRecord { facts: r#"{"kind":"report","of":"the future"}"#.to_owned(), ..record_of(&said(2, 1, None), None) };
    house.log.append(vec![record]).await.unwrap();
    let error = replay(&house.log, Folded::default(), 2).await.unwrap_err();
    assert!(format!("{error:?}").contains("entry 2"), "{error:?}");
}

#[test]
fn a_checkpoint_is_due_after_enough_entries_or_enough_time_and_never_for_nothing() {
    let pace = Pace { entries: 100, interval: Duration::from_secs(3600) };
    let last = Some(Saved { seq: 1_000, made_at: morning(), bytes: 1 });
    let after = |minutes| morning() + SignedDuration::from_mins(minutes);
    assert!(!pace.is_due(1_000, last, after(600)), "nothing new");
    assert!(!pace.is_due(1_099, last, after(59)));
    assert!(pace.is_due(1_100, last, after(0)));
    assert!(pace.is_due(1_001, last, after(60)));
    assert!(pace.is_due(1_001, last, after(-600)), "the clock was set back");
    assert!(pace.is_due(1, None, morning()) && !pace.is_due(0, None, morning()));
    assert!(!pace.is_due_by_entries(99, None) && pace.is_due_by_entries(100, None));
}
