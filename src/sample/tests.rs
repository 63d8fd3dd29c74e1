#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use imaboard_domain::{BedRoom, BedSex, Board, Cell, Grid, PostingKind, PostingState, ServiceKind, Session, Shown};

use super::*;
use crate::data_folder::DataFolder;
use crate::intake::register;
use crate::settings::{Overrides, Settings, Sources};
use crate::wiring::{self, Opened, Purpose};

fn settings() -> Settings {
    Settings::load(&Sources::of_process(None, None, Overrides::default())).unwrap()
}

pub(super) fn data() -> Data {
    Data::read(&wiring::city_of(&settings().city)).unwrap()
}

async fn open(folder: &std::path::Path) -> Opened {
    wiring::open(settings(), DataFolder::open(folder).unwrap(), Purpose::Write).await.unwrap()
}

#[test]
fn the_sample_covers_every_kind_grid_split_district_and_island() {
    let data = data();
    let facilities = &data.facilities;
    assert_eq!(facilities.len(), 60);
    let services: Vec<&Service> = facilities.iter().flat_map(|f| &f.services).collect();
    let kinds: BTreeSet<ServiceKind> = services.iter().map(|s| s.kind).collect();
    assert_eq!(
        kinds.len(),
        ServiceKind::ALL.len(),
        "missing: {:?}",
        ServiceKind::ALL.iter().filter(|k| !kinds.contains(k)).collect::<Vec<_>>()
    );
    assert_eq!(kinds.iter().filter_map(|k| k.grid()).collect::<BTreeSet<Grid>>().len(), Grid::ALL.len());

    let cells: BTreeSet<Cell> = services.iter().flat_map(|s| s.bed_cells.clone()).collect();
    for sex in [None].into_iter().chain(BedSex::ALL.iter().copied().map(Some)) {
        for room in [None].into_iter().chain(BedRoom::ALL.iter().copied().map(Some)) {
            let undivided = sex.is_none() && room.is_none();
            assert!(undivided || cells.contains(&Cell::Beds { sex, room }), "no service tells {sex:?} {room:?} apart");
        }
    }
    assert!(services.iter().any(|s| s.kind.grid() == Some(Grid::Beds) && s.bed_cells.is_empty()));
    let sessions: BTreeSet<Session> = services.iter().flat_map(|s| s.sessions.clone()).collect();
    assert_eq!(sessions.len(), Session::ALL.len());

    for district in &wiring::city_of(&settings().city).districts {
        assert!(facilities.iter().any(|f| f.district == district.id), "nothing in {}", district.name);
        for island in &district.islands {
            assert!(facilities.iter().any(|f| f.island.as_ref() == Some(island)), "nothing on {island}");
        }
    }
    for f in facilities {
        assert!(!f.kana.is_empty() && f.latitude.is_some() && f.address.contains("西海市"), "{}", f.id);
        assert!(f.phone.starts_with("0959-00-"), "an exchange that could ring: {}", f.phone);
        assert_eq!(f.island.is_some(), ["松島", "平島", "江島"].iter().any(|i| f.address.contains(i)), "{}", f.id);
    }
    let phones: BTreeSet<&str> = facilities.iter().map(|f| f.phone.as_str()).collect();
    let names: BTreeSet<&str> = facilities.iter().map(|f| f.name.as_str()).collect();
    assert_eq!((phones.len(), names.len()), (60, 60));
    assert!(facilities.iter().filter(|f| f.name.chars().count() >= 20).count() >= 3, "no long names");
    assert!(facilities.iter().all(|f| f.name.chars().count() <= 24));
    assert!(facilities.iter().filter(|f| f.services.len() >= 2).count() >= 10);
}

#[test]
fn the_sample_register_is_what_an_export_would_write() {
    let written = register::write(&data().facilities).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(data::FACILITIES.to_vec()).unwrap());
}

#[tokio::test]
async fn the_sample_city_is_lively_and_loading_it_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path()).await;
    let app = &opened.app;
    let started = std::time::Instant::now();
    assert!(wiring::found(app, true).await.unwrap());
    load(app).await.unwrap();
    eprintln!("loaded in {:?}, {} entries", started.elapsed(), app.board.read(Board::position));

    app.look(|m| {
        let (fresh, all) = m.reporting();
        assert!(fresh >= 26 && fresh < all, "{fresh} of {all} fresh");
        assert!(m.facilities().filter(|f| f.last_report.is_some()).count() >= 45);
        assert!(m.facilities().any(|f| f.last_report.is_none()), "somebody should never have reported");
        let mut classes = [0; 4];
        for f in m.facilities() {
            for now in f.facility.services.iter().filter_map(|s| m.service_now(f, s)) {
                classes[match now.shown {
                    Shown::Fresh(_) => 0,
                    Shown::Aging(_) => 1,
                    Shown::Stale(_) => 2,
                    Shown::Missing => 3,
                }] += 1;
            }
        }
        assert!(classes[0] > 30 && classes[1..].iter().all(|n| *n >= 2), "fresh, aging, stale, never: {classes:?}");
        let channels: BTreeSet<Channel> = m.facilities().flat_map(|f| f.real.values().map(|s| s.channel)).collect();
        for channel in [Channel::Form, Channel::Qr, Channel::Button, Channel::Phone, Channel::Fax, Channel::Api] {
            assert!(channels.contains(&channel), "nothing came by {channel}");
        }
        let chart = m.free_by_day(30);
        let days_with =
            |kind: ServiceKind| chart.iter().filter(|d| d.free.iter().any(|(k, n)| *k == kind && n.is_some())).count();
        assert!(days_with(ServiceKind::Tokuyo) == 30 && days_with(ServiceKind::WardGeneral) == 30);
        let count = |kind: PostingKind, state: PostingState| {
            m.board.postings().values().filter(|p| p.kind == kind && p.state == state).count()
        };
        assert_eq!((m.public_postings(PostingKind::Notice).len(), m.public_postings(PostingKind::Job).len()), (6, 5));
        assert_eq!(count(PostingKind::Notice, PostingState::Pending) + count(PostingKind::Job, PostingState::Pending), 2);
        assert_eq!((m.board.buttons().len(), m.board.displays().len()), (3, 2));
        assert!(m.facilities().any(|f| f.facility.is_closed_on(m.today())));
        assert!(m.incident().is_none() && m.exercise().is_none());
        for b in m.board.buttons().values() {
            let facility = &m.board.find_facility(&b.facility).unwrap().facility;
            let rules = Rules { today: m.today(), thresholds: app.thresholds, incident: true };
            for setting in &b.sets {
                Observation::parse(std::slice::from_ref(&setting.sets), facility, rules).unwrap();
            }
        }
    });

    let position = app.board.read(Board::position);
    load(app).await.unwrap();
    assert_eq!(app.board.read(Board::position), position);
    opened.close().await;
    // And after a restart it is the same city.
    let again = open(folder.path()).await;
    assert!(!wiring::found(&again.app, true).await.unwrap());
    load(&again.app).await.unwrap();
    assert_eq!(again.app.board.read(Board::position), position);
    again.close().await;
}
