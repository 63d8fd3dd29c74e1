//! The public board through its real router, on a real log in a throw-away folder.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Read;

use axum::http::Request;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http_body_util::BodyExt;
use imaboard_domain::{Aspect, Cell, Channel, EntryId, Facility, Facts, Level, Observation, Plan, Service, Value};
use jiff::SignedDuration;
use tower::ServiceExt;
use uuid::Uuid;

use super::*;
use crate::data_folder::DataFolder;
use crate::recorder::{Intent, ReportIntent, Submission};
use crate::settings::{Settings, Sources};
use crate::wiring::{self, Opened, Purpose};

struct City {
    opened: Opened,
    router: Router,
    ready: Arc<dyn Ready>,
    _folder: tempfile::TempDir,
}

fn home(number: usize) -> Facility {
    let kinds =
        [ServiceKind::Tokuyo, ServiceKind::GroupHome, ServiceKind::DayCare, ServiceKind::ShortStay, ServiceKind::HomeHelp];
    let districts = ["seihi", "saikai", "oshima", "sakito", "oseto"];
    let kind = kinds[number % kinds.len()];
    let service = Service { id: kind.word().parse().unwrap(), kind, capacity: Some(20), bed_cells: vec![], sessions: vec![] };
    Facility {
        id: format!("f{number:03}").parse().unwrap(),
        name: format!("はまゆう荘{number}"),
        kana: String::new(),
        district: districts[number / 2 % 5].parse().unwrap(),
        island: None,
        address: String::new(),
        phone: format!("0959-00-{number:04}"),
        fax: String::new(),
        url: String::new(),
        operator: String::new(),
        office_number: String::new(),
        latitude: None,
        longitude: None,
        services: vec![service],
        closures: vec![],
    }
}

impl City {
    async fn open(facilities: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::load(&Sources::default()).unwrap();
        let data = DataFolder::open(folder.path().join("data")).unwrap();
        let opened = wiring::open(settings, data, Purpose::Write).await.unwrap();
        let (router, ready) = routes(&opened.app);
        let city = Self { opened, router, ready, _folder: folder };
        city.control(Facts::CityFounded { sample: true }).await;
        for number in 0..facilities {
            city.control(Facts::FacilityRegistered(Box::new(home(number)))).await;
        }
        city
    }

    async fn submit(&self, intent: Intent, text: Option<&str>) {
        let submission = Submission {
            id: EntryId(Uuid::now_v7()),
            channel: Channel::System,
            actor: "system".into(),
            intent,
            text: text.map(Into::into),
        };
        self.opened.app.recorder.submit(submission).await.unwrap();
    }

    async fn control(&self, facts: Facts) {
        self.submit(Intent::Control(Box::new(facts)), None).await;
    }

    async fn beds(&self, facility: usize, level: Level) {
        let held = home(facility);
        let today = imaboard_domain::city_date(self.opened.app.clock.now());
        let service = &held.services[0];
        let observations = service.cells(today).into_iter().map(|cell: Cell| Observation {
            aspect: Aspect::Vacancy { service: service.id.clone(), cell },
            value: Value::Vacancy { level, count: None, total: None },
        });
        let intent =
            ReportIntent { facility: Some(held.id.clone()), observations: observations.collect(), ..ReportIntent::default() };
        self.submit(Intent::Report(intent), None).await;
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, String) {
        let (status, headers, body) = self.send(Request::get(path).body(Body::empty()).unwrap()).await;
        (status, headers, String::from_utf8(body).unwrap())
    }

    async fn get_as(&self, path: &str, encoding: &str) -> (HeaderMap, Vec<u8>) {
        let request = Request::get(path).header(ACCEPT_ENCODING, encoding).body(Body::empty()).unwrap();
        let (_, headers, body) = self.send(request).await;
        (headers, body)
    }
}

#[tokio::test]
async fn what_was_recorded_stands_on_the_very_next_page() {
    let city = City::open(1).await;
    let (_, _, before) = city.get("/facilities/f000").await;
    assert!(before.contains("まだ報告がありません"));
    for (level, word) in [(Level::Available, "空きあり"), (Level::Full, "空きなし"), (Level::Plenty, "余裕あり")] {
        city.beds(0, level).await;
        let (_, _, page) = city.get("/facilities/f000").await;
        let headline = page.split("class=\"share\"").nth(1).unwrap().split("</p>").next().unwrap().to_owned();
        assert!(headline.contains(word), "{headline}");
        assert_eq!(headline.contains("#m-available"), level == Level::Available);
        let (_, _, text) = city.get("/text").await;
        assert!(text.contains(imaboard_templates::text::sign(Some(level))));
    }
}

#[tokio::test]
async fn what_lies_ready_is_the_answer_of_the_route_until_something_changes() {
    let city = City::open(1).await;
    let asking: HeaderMap = [(ACCEPT_ENCODING, axum::http::HeaderValue::from_static("gzip"))].into_iter().collect();
    let ready = |path: &str| city.ready.find(&Method::GET, path, &asking);
    for path in ["/", "/text"] {
        assert!(ready(path).is_none(), "nobody has asked yet, and nothing is rendered at this door");
        // A page is made anew every minute; one of two tries in a row lies within one.
        let mut found = None;
        for _ in 0..3 {
            let (mut headers, body) = city.get_as(path, "gzip").await;
            // The router says how long a body is; of one that lies ready the connection says it.
            headers.remove(axum::http::header::CONTENT_LENGTH);
            if let Some(same) = ready(path) {
                assert_eq!(same.headers(), &headers);
                assert_eq!(same.into_body().collect().await.unwrap().to_bytes(), body);
                found = headers.get(ETAG).cloned();
                break;
            }
        }
        let tag = found.expect("a rendered page never lies ready");
        city.beds(0, Level::Full).await;
        assert!(ready(path).is_none(), "what was recorded is not on it");
        let (headers, _) = city.get_as(path, "gzip").await;
        assert_ne!(headers[ETAG], tag);
        city.beds(0, Level::Available).await;
    }
    assert!(city.ready.find(&Method::POST, "/", &asking).is_none() && ready("/about").is_none());
}

#[tokio::test]
async fn every_address_of_the_contract_answers_and_unknown_ones_are_kindly_lost() {
    let city = City::open(2).await;
    let posting: PostingId = "n1".parse().unwrap();
    let drafted = Facts::PostingDrafted {
        posting: posting.clone(),
        what: PostingKind::Notice,
        facility: None,
        category: None,
        job: None,
        expires_at: None,
        plan: Plan::default(),
    };
    city.submit(Intent::Control(Box::new(drafted)), Some("船は通常どおり")).await;
    assert_eq!(city.get("/notices/n1").await.0, StatusCode::NOT_FOUND, "what waits for release is not there");
    city.control(Facts::PostingPublished { posting, publish_at: None, expires_at: None, pinned: false }).await;
    for path in [
        "/",
        "/text",
        "/find",
        "/find?kind=tokuyo&district=seihi&page=1",
        "/find?q=%FF&page=1&page=2",
        "/facilities/f000",
        "/notices",
        "/notices/n1",
        "/notices?page=99",
        "/jobs",
        "/charts/free",
        "/about",
        "/rule",
        "/guide/contact",
        "/guide/glossary",
    ] {
        let (status, headers, body) = city.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let wanted = if path == "/text" { TEXT } else { HTML };
        assert_eq!(headers[CONTENT_TYPE], wanted, "{path}");
        assert!(body.contains("見本"), "{path}");
    }
    for path in
        ["/facilities/none", "/facilities/..%2f", "/notices/none", "/jobs/n1", "/incidents/x", "/nothing", "/assets/public.css"]
    {
        let (status, headers, body) = city.get(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(body.contains("ページが見つかりません") && headers.contains_key("content-security-policy"), "{path}");
    }
}

#[tokio::test]
async fn the_front_page_of_sixty_facilities_fits_into_fourteen_kilobytes() {
    let city = City::open(60).await;
    for facility in 0..60 {
        city.beds(facility, [Level::Plenty, Level::Available, Level::Few, Level::Full][facility % 4]).await;
    }
    let (headers, body) = city.get_as("/", "gzip").await;
    assert_eq!(headers[CONTENT_ENCODING], "gzip");
    // One round trip of ten packets (RFC 6928); the issue's bound.
    assert!(body.len() <= 14 * 1024, "{} bytes", body.len());
    let mut page = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut page).unwrap();
    assert!(page.contains("特別養護老人ホーム"));
}

#[tokio::test]
async fn a_visitor_who_has_the_page_gets_304_until_it_changes() {
    let city = City::open(1).await;
    let ask = |tag: String| {
        let request = Request::get("/about").header(ACCEPT_ENCODING, "br").header(IF_NONE_MATCH, tag);
        city.send(request.body(Body::empty()).unwrap())
    };
    // The minute may turn between two requests; then the page is another one, and is asked for again.
    for _ in 0..3 {
        let (headers, _) = city.get_as("/about", "br").await;
        let tag = headers[ETAG].to_str().unwrap().to_owned();
        let (status, again, body) = ask(tag.clone()).await;
        if status == StatusCode::NOT_MODIFIED {
            assert!(body.is_empty() && again[ETAG] == tag.as_str());
            let mut other = home(0);
            other.name = "みかん荘".into();
            city.control(Facts::FacilityRegistered(Box::new(other))).await;
            assert_eq!(ask(tag).await.0, StatusCode::OK);
            return;
        }
    }
    unreachable!("three minutes turned in a row");
}

#[tokio::test]
async fn a_head_request_says_what_a_get_request_would_without_the_bytes() {
    let city = City::open(1).await;
    let (status, headers, body) = city.send(Request::head("/").body(Body::empty()).unwrap()).await;
    let (_, _, page) = city.get("/").await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
    assert_eq!(headers["content-length"].to_str().unwrap(), page.len().to_string());
    assert!(headers.contains_key(ETAG));
}

#[tokio::test]
async fn the_style_sheet_is_compressed_and_kept_for_ever() {
    let city = City::open(0).await;
    let (_, _, page) = city.get("/").await;
    let css = page.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (headers, body) = city.get_as(&css, "gzip, br").await;
    assert_eq!(headers[CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(headers[CONTENT_ENCODING], "br");
    assert!(body.len() < 6 * 1024, "{} bytes", body.len());
    let tag = headers[ETAG].to_str().unwrap();
    let again = Request::get(&css).header(ACCEPT_ENCODING, "gzip, br").header(IF_NONE_MATCH, tag);
    assert_eq!(city.send(again.body(Body::empty()).unwrap()).await.0, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_cache_is_told_the_deadline_of_the_board() {
    let city = City::open(1).await;
    let (_, headers, _) = city.get("/").await;
    let rule = headers[CACHE_CONTROL].to_str().unwrap();
    let now = city.opened.app.clock.now();
    let until = city.opened.app.look(|m| m.next_deadline());
    match rule.split("stale-if-error=").nth(1) {
        Some(seconds) => {
            let outlives = now + SignedDuration::from_secs(seconds.parse().unwrap());
            assert!(outlives <= until, "{rule} reaches beyond {until}");
        }
        None => assert!(rule.contains("must-revalidate"), "{rule}"),
    }
}
