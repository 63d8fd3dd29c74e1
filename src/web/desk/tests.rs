//! What tests of the rooms share: an open city, and somebody who sits at its desk.
#![expect(clippy::unwrap_used, reason = "tests")]

use axum::Extension;
use axum::body::Body;
use axum::http::Method;
use http_body_util::BodyExt;
use imaboard_domain::{Facility, Service, ServiceKind};
use scraper::{Html as Document, Selector};
use tower::ServiceExt;

use super::*;
use crate::data_folder::DataFolder;
use crate::settings::{Settings, Sources};
use crate::wiring::{self, Opened, Purpose};

/// An open city with two facilities (f001 はまゆう荘, f002 西海ホーム) and a seat of each role.
pub(crate) struct City {
    pub(crate) opened: Opened,
    pub(crate) folder: tempfile::TempDir,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }

    /// The texts of all elements.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let html = Document::parse_document(&self.body);
        let selector = Selector::parse(selector).unwrap();
        html.select(&selector).map(|e| e.text().collect::<Vec<_>>().concat().trim().to_owned()).collect()
    }

    /// An attribute of all elements that have it.
    pub(crate) fn values(&self, selector: &str, attribute: &str) -> Vec<String> {
        let html = Document::parse_document(&self.body);
        let selector = Selector::parse(selector).unwrap();
        html.select(&selector).filter_map(|e| e.attr(attribute)).map(str::to_owned).collect()
    }
}

/// A home for the elderly with beds and short stays.
pub(crate) fn home(id: &str, name: &str) -> Facility {
    let service = |kind: ServiceKind, capacity| Service {
        id: kind.word().parse().unwrap(),
        kind,
        capacity: Some(capacity),
        bed_cells: vec![],
        sessions: vec![],
    };
    Facility {
        id: id.parse().unwrap(),
        name: name.into(),
        kana: "ハマユウソウ".into(),
        district: "oseto".parse().unwrap(),
        island: None,
        address: String::new(),
        phone: "0959-00-2345".into(),
        fax: "0959-00-2346".into(),
        url: String::new(),
        operator: String::new(),
        office_number: String::new(),
        latitude: None,
        longitude: None,
        services: vec![service(ServiceKind::Tokuyo, 50), service(ServiceKind::ShortStay, 10)],
        closures: vec![],
    }
}

impl City {
    pub(crate) async fn open() -> Self {
        Self::found(true).await
    }

    /// The same, but a real city.
    pub(crate) async fn real() -> Self {
        Self::found(false).await
    }

    async fn found(sample: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::load(&Sources::default()).unwrap();
        let opened = wiring::open(settings, DataFolder::open(folder.path().join("data")).unwrap(), Purpose::Write).await.unwrap();
        let city = Self { opened, folder };
        city.control(Facts::CityFounded { sample }).await;
        city.control(Facts::FacilityRegistered(Box::new(home("f001", "はまゆう荘")))).await;
        city.control(Facts::FacilityRegistered(Box::new(home("f002", "西海ホーム")))).await;
        city
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.opened.app
    }

    /// Somebody with a role.
    pub(crate) fn member(role: Role) -> Member {
        Member { id: format!("{role}-1"), seat: Seat { name: "福祉課 1番席".to_owned(), role } }
    }

    /// Records facts as the program itself.
    pub(crate) async fn control(&self, facts: Facts) -> Receipt {
        self.control_with_text(facts, None).await
    }

    pub(crate) async fn control_with_text(&self, facts: Facts, text: Option<&str>) -> Receipt {
        let intent = Intent::Control(Box::new(facts));
        let (id, actor, text) = (EntryId(Uuid::now_v7()), "system".to_owned(), text.map(str::to_owned));
        self.app().recorder.submit(Submission { id, channel: Channel::System, actor, intent, text }).await.unwrap()
    }

    /// The rooms, with somebody of this role already inside.
    pub(crate) fn inside(&self, role: Role) -> Router {
        let rooms = routes(self.app());
        rooms.layer(Extension(Self::member(role))).with_state(Arc::clone(self.app()))
    }

    async fn ask(&self, role: Role, request: axum::http::Request<Body>) -> Answer {
        let response = self.inside(role).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as(Role::Admin, path).await
    }

    pub(crate) async fn get_as(&self, role: Role, path: &str) -> Answer {
        self.ask(role, axum::http::Request::builder().uri(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_as(Role::Coordinator, path, fields).await
    }

    pub(crate) async fn post_as(&self, role: Role, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = axum::http::Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body));
        self.ask(role, request.unwrap()).await
    }
}
