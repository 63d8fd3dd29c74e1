#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::data_folder::DataFolder;
use crate::recorder::{Intent, ReportIntent, Submission, new_id};
use crate::settings::{Settings, Sources};
use crate::wiring::{self, Opened, Purpose};
use axum::body::BodyDataStream;
use axum::http::Request;
use futures_util::StreamExt;
use imaboard_domain::{Aspect, Channel as Way, Level, Value};
use tower::ServiceExt;

const STREAM: &str = "/wall/cityhall/events?layout=landscape";
const DEADLINE: Duration = Duration::from_secs(60);

/// A sample city and its walls, without a socket.
struct City {
    opened: Opened,
    router: Router,
    _folder: tempfile::TempDir,
}

impl City {
    async fn open(most_streams: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::load(&Sources::default()).unwrap();
        let opened = wiring::open(settings, DataFolder::open(folder.path().join("data")).unwrap(), Purpose::Write).await.unwrap();
        wiring::found(&opened.app, true).await.unwrap();
        crate::sample::load(&opened.app).await.unwrap();
        let router = routes(&opened.app, most_streams).with_state(Arc::clone(&opened.app));
        Self { opened, router, _folder: folder }
    }

    async fn ask(&self, visitor: Option<&str>) -> Response {
        let mut request = Request::get(STREAM).body(Body::empty()).unwrap();
        request.extensions_mut().insert(Visitor(visitor.map(|v| v.parse().unwrap())));
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn stream(&self) -> BodyDataStream {
        let response = self.ask(None).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().into_data_stream()
    }

    /// Sets one value that stands on the wall; gives its position.
    async fn report(&self, open: bool) -> u64 {
        let (level, count) = if open { (Level::Plenty, 9) } else { (Level::Full, 0) };
        let value = Value::Vacancy { level, count: Some(count), total: None };
        let aspect = self.opened.app.look(|m| {
            let service = &m.board.find_facility(&"f003".parse().unwrap()).unwrap().facility.services[0];
            Aspect::Vacancy { service: service.id.clone(), cell: service.cells(m.today()).remove(0) }
        });
        let report = ReportIntent {
            facility: Some("f003".parse().unwrap()),
            observations: vec![imaboard_domain::Observation { aspect, value }],
            ..ReportIntent::default()
        };
        let submission =
            Submission { id: new_id(), channel: Way::Qr, actor: "test".into(), intent: Intent::Report(report), text: None };
        self.opened.app.recorder.submit(submission).await.unwrap().entry.seq
    }
}

async fn event(stream: &mut BodyDataStream) -> String {
    let bytes = tokio::time::timeout(DEADLINE, stream.next()).await.expect("no event").expect("the stream ended").unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The next event that is no ping.
async fn news(stream: &mut BodyDataStream) -> String {
    loop {
        let event = event(stream).await;
        if !event.contains("event: ping") {
            return event;
        }
    }
}

fn seq_of(event: &str) -> u64 {
    let id = event.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    id.rsplit_once('-').unwrap().1.parse().unwrap()
}

#[test]
fn a_position_of_another_epoch_or_of_no_form_is_unknown() {
    assert_eq!(position("a-b-17", "a-b"), Some(17));
    for id in ["a-17", "b-a-17", "17", "a-b-", "a-b-x", "a-b--1", ""] {
        assert_eq!(position(id, "a-b"), None, "{id}");
    }
}

#[tokio::test]
async fn a_screen_that_does_not_read_gets_everything_anew_and_never_a_gap() {
    let city = City::open(10).await;
    let (mut lagging, mut current) = (city.stream().await, city.stream().await);
    assert!(event(&mut lagging).await.contains("event: snapshot"));
    assert!(news(&mut current).await.contains("event: snapshot"));
    let mut last = 0;
    for number in 0..BACKLOG_EVENTS + 10 {
        last = city.report(number % 2 == 0).await;
        // Each of them is an event of its own, because somebody else has seen it.
        while seq_of(&news(&mut current).await) < last {}
    }
    let first = news(&mut lagging).await;
    assert!(first.contains("event: snapshot"), "{}", &first[..first.len().min(200)]);
    assert_eq!(seq_of(&first), last);
    last = city.report(true).await;
    let next = news(&mut lagging).await;
    assert!(next.contains("event: change") && seq_of(&next) == last, "after it the changes go on: {next}");
}

#[tokio::test]
async fn a_thousand_screens_that_come_at_once_share_the_bytes_of_their_first_picture() {
    let city = City::open(2_000).await;
    let mut pictures = Vec::new();
    let mut streams = Vec::new();
    for _ in 0..1_000 {
        let mut stream = city.stream().await;
        pictures.push(stream.next().await.unwrap().unwrap());
        streams.push(stream);
    }
    let distinct: std::collections::BTreeSet<usize> = pictures.iter().map(|bytes| bytes.as_ptr() as usize).collect();
    // One a second, however slow the machine.
    assert!(distinct.len() <= 60, "{} copies of the picture", distinct.len());
    // And what is said later is the same bytes for all of them, in every lane.
    city.report(false).await;
    let mut said = std::collections::BTreeSet::new();
    for stream in streams.iter_mut().take(2 * LANES) {
        let change = loop {
            let bytes = tokio::time::timeout(DEADLINE, stream.next()).await.unwrap().unwrap().unwrap();
            if bytes.windows(13).any(|w| w == b"event: change") {
                break bytes;
            }
        };
        said.insert(change.as_ptr() as usize);
    }
    assert_eq!(said.len(), 1);
}

#[tokio::test]
async fn one_address_cannot_take_the_seats_of_others() {
    let city = City::open(1_200).await;
    let share = city.opened.app.settings.wall.max_streams_per_address.size();
    let mut open = Vec::new();
    for _ in 0..share {
        let response = city.ask(Some("192.0.2.1")).await;
        assert_eq!(response.status(), StatusCode::OK);
        open.push(response);
    }
    let refused = city.ask(Some("192.0.2.1")).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "10");
    assert_eq!(city.ask(Some("192.0.2.2")).await.status(), StatusCode::OK);
    open.clear();
    assert_eq!(city.ask(Some("192.0.2.1")).await.status(), StatusCode::OK);
}
