//! The public board: every page from shared bytes, and the browser's own files.
//!
//! A handler names a page and how it is rendered; [`Views`] decides whether that is needed. Invariant: what the recorder
//! announced before a request came is in the answer to it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::routing::get;
use imaboard_display::{assets, chart};
use imaboard_domain::{FacilityId, FreeOnDay, GuidePage, IncidentId, Moment, Posting, PostingId, PostingKind, ServiceKind};
use imaboard_templates::layout::Frame;
use imaboard_templates::public::{self, Drawings, FindQuery, Imprint};
use imaboard_templates::words::JA;
use maud::{Markup, PreEscaped};
use serde::Deserialize;
use tokio::sync::broadcast::{self, error::TryRecvError};

use super::accept::Ready;
use super::observe::OfRoute;
use super::shared::{self, Prepared};
use crate::app::App;
use crate::recorder::Announcement;
use crate::views::{Page, PageKey, Rendered, Views};

/// The days of the chart of free places (domain: the last 30 days).
const CHART_DAYS: i32 = 30;

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// What the public pages share.
#[derive(Debug)]
struct Public {
    app: Arc<App>,
    views: Views,
    /// What was folded and not yet noted. Emptied by whoever asks next, so no page is handed out that an announced entry made
    /// old; a lock, because a receiver is read by one at a time, and it is empty nearly always.
    changes: Mutex<broadcast::Receiver<Arc<Announcement>>>,
}

/// The routes of the public board, and its pages that are ready without routing.
pub fn routes(app: &Arc<App>) -> (Router, Arc<dyn Ready>) {
    let public = Public { app: Arc::clone(app), views: Views::default(), changes: Mutex::new(app.announcements.subscribe()) };
    let public = Arc::new(public);
    let most_read = [("/", PageKey::Front), ("/text", PageKey::Text)].map(|(path, key)| Copies {
        path,
        key,
        prepared: Mutex::default(),
        figures: OfRoute::new(path),
    });
    let ready = Arc::new(MostRead { public: Arc::clone(&public), pages: most_read });
    let router = Router::new()
        .route("/", get(front))
        .route("/text", get(text))
        .route("/find", get(find))
        .route("/facilities/{id}", get(facility))
        .route("/notices", get(notices))
        .route("/notices/{id}", get(notice))
        .route("/jobs", get(jobs))
        .route("/jobs/{id}", get(job))
        .route("/incidents/{id}", get(incident))
        .route("/charts/free", get(free_places))
        .route("/about", get(about))
        .route("/rule", get(rule))
        .route("/guide/{page}", get(guide))
        .route("/assets/{name}", get(asset))
        .fallback(lost)
        .with_state(public);
    (router, ready)
}

/// The pages that most visitors ask for. While one is true it is handed out as it lies, without routing, span or number: nothing
/// is rendered and nothing can fail, so there is nothing to log. Whatever is not at hand takes the way of all requests.
struct MostRead {
    public: Arc<Public>,
    pages: [Copies; 2],
}

/// One page, prepared.
struct Copies {
    path: &'static str,
    key: PageKey,
    /// Replaced when the page is; a lock because all connections share it, held to take a reference.
    prepared: Mutex<Option<Arc<Prepared>>>,
    figures: OfRoute,
}

impl Ready for MostRead {
    fn find(&self, method: &Method, path: &str, request: &HeaderMap) -> Option<Response<Body>> {
        let copies = self.pages.iter().find(|copies| copies.path == path).filter(|_| method == Method::GET)?;
        self.public.catch_up();
        let page = self.public.views.find(&copies.key, self.public.app.clock.now())?;
        let prepared = {
            let mut held = copies.prepared.lock().unwrap_or_else(PoisonError::into_inner);
            match held.as_ref().filter(|prepared| prepared.is_of(&page)) {
                Some(prepared) => Arc::clone(prepared),
                None => Arc::clone(held.insert(Arc::new(Prepared::new(page)))),
            }
        };
        let response = prepared.answer(request);
        copies.figures.count("GET", response.status().as_u16());
        Some(response)
    }
}

impl Public {
    /// Notes what was announced since the last request.
    fn catch_up(&self) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match changes.try_recv() {
                Ok(announced) => self.views.note(&announced.change),
                Err(TryRecvError::Lagged(_)) => self.views.forget(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn page(&self, key: &PageKey, content_type: &'static str, body: impl FnOnce(&Frame<'_>) -> String) -> Arc<Page> {
        self.catch_up();
        let now = self.app.clock.now();
        self.views.page(key, now, || {
            self.app.board.look(now, &self.app.rhythms, |moment| {
                let frame = self.frame(moment);
                Rendered { body: body(&frame), content_type, deadline: moment.next_deadline() }
            })
        })
    }

    fn frame<'a>(&'a self, moment: Moment<'a>) -> Frame<'a> {
        Frame { city: &self.app.city, moment, words: &JA, css: assets::url("public.css") }
    }

    fn html(&self, key: &PageKey, request: &HeaderMap, body: impl FnOnce(&Frame<'_>) -> Markup) -> Response<Body> {
        let page = self.page(key, HTML, |frame| body(frame).into_string());
        shared::answer(&page, request, StatusCode::OK)
    }

    fn lost(&self, request: &HeaderMap) -> Response<Body> {
        let page = self.page(&PageKey::Lost, HTML, |frame| public::lost(frame).into_string());
        shared::answer(&page, request, StatusCode::NOT_FOUND)
    }

    /// Whether the board has something now; asked before a page is made for it, so that made-up addresses fill no memory.
    fn has(&self, find: impl FnOnce(Moment<'_>) -> bool) -> bool {
        self.app.look(find)
    }
}

type Asked = State<Arc<Public>>;

async fn front(State(public): Asked, request: HeaderMap) -> Response<Body> {
    public.html(&PageKey::Front, &request, public::front)
}

async fn text(State(public): Asked, request: HeaderMap) -> Response<Body> {
    let page = public.page(&PageKey::Text, TEXT, imaboard_templates::text::board);
    shared::answer(&page, &request, StatusCode::OK)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FindParts {
    q: String,
    kind: String,
    district: String,
    on: String,
    page: String,
}

async fn find(State(public): Asked, parts: Result<Query<FindParts>, QueryRejection>, request: HeaderMap) -> Response<Body> {
    // What cannot be read is left out: a list beats an error.
    let parts = parts.map(|Query(p)| p).unwrap_or_default();
    let query = FindQuery::new(&parts.q, &parts.kind, &parts.district, &parts.on, &parts.page);
    let key = PageKey::Find(Box::new(query.clone()));
    public.html(&key, &request, |frame| public::find(frame, &query))
}

async fn facility(State(public): Asked, Path(id): Path<String>, request: HeaderMap) -> Response<Body> {
    match FacilityId::new(id) {
        Ok(id) if public.has(|m| m.board.find_facility(&id).is_some()) => {
            public.html(&PageKey::Facility(id.clone()), &request, |frame| match frame.moment.board.find_facility(&id) {
                Some(held) => public::facility(frame, held),
                // Retired between the question and the rendering.
                None => public::lost(frame),
            })
        }
        _ => public.lost(&request),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PageNo {
    page: String,
}

impl PageNo {
    /// The page number, from 1; never beyond the last page of `len` postings, so that addresses fill no memory.
    fn within(&self, len: usize) -> u32 {
        let last = u32::try_from(len.div_ceil(public::PAGE_LEN)).unwrap_or(u32::MAX).max(1);
        self.page.parse().unwrap_or(1).clamp(1, last)
    }
}

async fn notices(State(public): Asked, no: Result<Query<PageNo>, QueryRejection>, request: HeaderMap) -> Response<Body> {
    let len = public.app.look(|m| m.public_postings(PostingKind::Notice).len());
    let no = no.map(|Query(n)| n).unwrap_or_default().within(len);
    public.html(&PageKey::Notices(no), &request, |frame| public::notices(frame, no))
}

async fn jobs(State(public): Asked, no: Result<Query<PageNo>, QueryRejection>, request: HeaderMap) -> Response<Body> {
    let len = public.app.look(|m| m.public_postings(PostingKind::Job).len());
    let no = no.map(|Query(n)| n).unwrap_or_default().within(len);
    public.html(&PageKey::Jobs(no), &request, |frame| public::jobs(frame, no))
}

/// The posting, if the public may read it now.
fn find_posting<'a>(moment: Moment<'a>, id: &PostingId, kind: PostingKind) -> Option<&'a Posting> {
    moment.board.postings().get(id).map(Arc::as_ref).filter(|p| p.kind == kind && p.is_public(moment.now))
}

async fn notice(State(public): Asked, Path(id): Path<String>, request: HeaderMap) -> Response<Body> {
    match PostingId::new(id) {
        Ok(id) if public.has(|m| find_posting(m, &id, PostingKind::Notice).is_some()) => {
            public.html(&PageKey::Notice(id.clone()), &request, |frame| {
                match find_posting(frame.moment, &id, PostingKind::Notice) {
                    Some(posting) => public::notice(frame, posting),
                    None => public::lost(frame),
                }
            })
        }
        _ => public.lost(&request),
    }
}

async fn job(State(public): Asked, Path(id): Path<String>, request: HeaderMap) -> Response<Body> {
    match PostingId::new(id) {
        Ok(id) if public.has(|m| find_posting(m, &id, PostingKind::Job).is_some()) => {
            public.html(&PageKey::Job(id.clone()), &request, |frame| match find_posting(frame.moment, &id, PostingKind::Job) {
                Some(posting) => public::job(frame, posting),
                None => public::lost(frame),
            })
        }
        _ => public.lost(&request),
    }
}

async fn incident(State(public): Asked, Path(id): Path<String>, request: HeaderMap) -> Response<Body> {
    match IncidentId::new(id) {
        Ok(id) if public.has(|m| m.board.incidents().contains_key(&id)) => {
            public.html(&PageKey::Incident(id.clone()), &request, |frame| match frame.moment.board.incidents().get(&id) {
                Some(incident) => public::incident(frame, incident),
                None => public::lost(frame),
            })
        }
        _ => public.lost(&request),
    }
}

async fn free_places(State(public): Asked, request: HeaderMap) -> Response<Body> {
    public.html(&PageKey::FreePlaces, &request, |frame| {
        let days = frame.moment.free_by_day(CHART_DAYS);
        let (wide, narrow) = (drawn(&days, chart::WIDE), drawn(&days, chart::NARROW));
        public::free_places(frame, &days, Drawings { wide: &wide, narrow: &narrow })
    })
}

fn drawn(days: &[FreeOnDay], size: chart::Size) -> Markup {
    let words = chart::ChartWords {
        title: JA.t("public.chart.title"),
        description: JA.t("public.chart.description"),
        others: JA.t("public.chart.others"),
    };
    PreEscaped(chart::free_places(days, |kind: ServiceKind| kind.name_ja().to_owned(), words, size))
}

async fn about(State(public): Asked, request: HeaderMap) -> Response<Body> {
    let head = public.app.recorder.head().map(|(seq, hash)| (seq, data_encoding::HEXLOWER.encode(&hash)));
    public.html(&PageKey::About, &request, |frame| {
        // Only a hash that belongs to the position printed beside it.
        let head_hash = head.as_ref().filter(|(seq, _)| *seq == frame.moment.board.position()).map(|(_, hash)| hash.as_str());
        public::about(frame, Imprint { head_hash, version: env!("CARGO_PKG_VERSION") })
    })
}

async fn rule(State(public): Asked, request: HeaderMap) -> Response<Body> {
    public.html(&PageKey::Rule, &request, public::rule)
}

async fn guide(State(public): Asked, Path(page): Path<String>, request: HeaderMap) -> Response<Body> {
    match page.parse::<GuidePage>() {
        Ok(page) => public.html(&PageKey::Guide(page), &request, |frame| public::guide_page(frame, page)),
        Err(_) => public.lost(&request),
    }
}

async fn asset(State(public): Asked, Path(name): Path<String>, request: HeaderMap) -> Response<Body> {
    match assets::find(&name) {
        Some(found) => shared::asset(found, &request),
        None => public.lost(&request),
    }
}

async fn lost(State(public): Asked, request: HeaderMap) -> Response<Body> {
    public.lost(&request)
}

#[cfg(test)]
mod tests;
