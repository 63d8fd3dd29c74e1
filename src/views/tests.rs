#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Barrier;

use imaboard_domain::{FacilityId, ServiceKind};
use imaboard_templates::public::FindQuery;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn rendered(body: &str) -> Rendered {
    Rendered { body: body.to_owned(), content_type: "text/html; charset=utf-8", deadline: at("2026-11-24T05:00:00Z") }
}

fn change(views: &[View]) -> Change {
    Change { seq: 1, views: views.iter().cloned().collect::<BTreeSet<_>>() }
}

/// How often a page was rendered for a series of requests.
struct Counted<'a> {
    views: &'a Views,
    renders: std::cell::Cell<u32>,
}

impl Counted<'_> {
    fn ask(&self, key: &PageKey, now: &str) -> Arc<Page> {
        self.views.page(key, at(now), || {
            self.renders.set(self.renders.get() + 1);
            rendered(&format!("rendering {}", self.renders.get()))
        })
    }
}

fn counted(views: &Views) -> Counted<'_> {
    Counted { views, renders: std::cell::Cell::new(0) }
}

#[test]
fn a_page_is_rendered_once_until_something_it_shows_changes() {
    let views = Views::default();
    let c = counted(&views);
    for _ in 0..5 {
        c.ask(&PageKey::Front, "2026-11-24T01:42:10Z");
    }
    assert_eq!(c.renders.get(), 1);
    views.note(&change(&[View::Pending, View::Keys, View::Buttons, View::Displays, View::ExerciseDamage]));
    c.ask(&PageKey::Front, "2026-11-24T01:42:11Z");
    assert_eq!(c.renders.get(), 1, "nothing of this stands on the front page");
    views.note(&change(&[View::Vacancies(ServiceKind::Tokuyo)]));
    c.ask(&PageKey::Front, "2026-11-24T01:42:12Z");
    assert_eq!(c.renders.get(), 2);
}

#[test]
fn a_page_is_rendered_again_at_its_deadline_and_when_its_minute_is_over() {
    let views = Views::default();
    let c = counted(&views);
    c.ask(&PageKey::Front, "2026-11-24T01:42:10Z");
    c.ask(&PageKey::Front, "2026-11-24T01:42:59.9Z");
    assert_eq!(c.renders.get(), 1);
    c.ask(&PageKey::Front, "2026-11-24T01:43:00Z");
    assert_eq!(c.renders.get(), 2, "the printed minute is over");
    c.ask(&PageKey::Front, "2026-11-24T04:59:30Z");
    c.ask(&PageKey::Front, "2026-11-24T05:00:00Z");
    assert_eq!(c.renders.get(), 4, "the deadline has come");
    c.ask(&PageKey::Front, "2026-11-24T04:58:00Z");
    assert_eq!(c.renders.get(), 5, "the clock was set back");
}

#[test]
fn a_report_of_one_facility_leaves_the_pages_of_all_others_alone() {
    let views = Views::default();
    let c = counted(&views);
    let key = |id: &str| PageKey::Facility(FacilityId::new(id).unwrap());
    let find = |kind: &str| PageKey::Find(Box::new(FindQuery::new("", kind, "", "", "")));
    let keys = [key("a"), key("b"), find("tokuyo"), find("home-help"), PageKey::About, PageKey::Notices(1)];
    for key in &keys {
        c.ask(key, "2026-11-24T01:42:10Z");
    }
    views.note(&change(&[View::Facility(FacilityId::new("a").unwrap()), View::Vacancies(ServiceKind::Tokuyo)]));
    let before = c.renders.get();
    for key in &keys {
        c.ask(key, "2026-11-24T01:42:11Z");
    }
    assert_eq!(c.renders.get() - before, 2, "its own page and the list of its kind");
}

#[test]
fn what_changes_while_a_page_is_rendered_makes_it_old() {
    let views = Views::default();
    let now = at("2026-11-24T01:42:10Z");
    views.page(&PageKey::Front, now, || {
        views.note(&change(&[View::Notices]));
        rendered("maybe old")
    });
    let page = views.page(&PageKey::Front, now, || rendered("new"));
    assert_eq!(page.bytes(Encoding::Identity), "new");
}

#[test]
fn two_requests_at_once_render_once() {
    let views = Views::default();
    let barrier = Barrier::new(8);
    let renders = AtomicU64::new(0);
    let now = at("2026-11-24T01:42:10Z");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                views.page(&PageKey::Front, now, || {
                    renders.fetch_add(1, Ordering::SeqCst);
                    rendered("once")
                })
            });
        }
    });
    assert_eq!(renders.load(Ordering::SeqCst), 1);
}

#[test]
fn memory_stays_within_its_budget_and_the_least_used_pages_go_first() {
    let views = Views::new(100_000);
    let now = at("2026-11-24T01:42:10Z");
    let body = "x".repeat(4_000);
    let renders = std::cell::Cell::new(0);
    let ask = |key: &PageKey| {
        views.page(key, now, || {
            renders.set(renders.get() + 1);
            rendered(&body)
        });
    };
    for i in 0..200 {
        ask(&PageKey::Front);
        ask(&PageKey::Find(Box::new(FindQuery::new(&format!("q{i}"), "", "", "", ""))));
        assert!(views.held_bytes() <= 100_000);
    }
    assert_eq!(renders.get(), 201, "the page everybody reads was never dropped");
}

#[test]
fn tags_follow_the_bytes_and_each_encoding_has_its_own() {
    let views = Views::default();
    let page = |body: &str| views.page(&PageKey::Front, at("2026-11-24T01:42:10Z"), || rendered(body));
    let first = page("a");
    views.note(&change(&[View::Mode]));
    let same = page("a");
    views.note(&change(&[View::Mode]));
    let other = page("b");
    assert_eq!(first.etag(Encoding::Gzip), same.etag(Encoding::Gzip));
    assert_ne!(first.etag(Encoding::Gzip), other.etag(Encoding::Gzip));
    let tags: BTreeSet<&str> =
        [Encoding::Identity, Encoding::Gzip, Encoding::Brotli].into_iter().map(|e| first.etag(e)).collect();
    assert_eq!(tags.len(), 3);
    assert!(tags.iter().all(|t| t.starts_with('"') && t.ends_with('"')), "{tags:?}");
}

#[test]
fn compressed_forms_give_the_same_bytes_back() {
    use std::io::Read;
    let views = Views::default();
    let body = "いまボード ".repeat(2000);
    let page = views.page(&PageKey::Front, at("2026-11-24T01:42:10Z"), || rendered(&body));
    let mut out = String::new();
    flate2::read::GzDecoder::new(&page.bytes(Encoding::Gzip)[..]).read_to_string(&mut out).unwrap();
    assert_eq!(out, body);
    out.clear();
    ::brotli::Decompressor::new(&page.bytes(Encoding::Brotli)[..], 4096).read_to_string(&mut out).unwrap();
    assert_eq!(out, body);
    assert!(page.bytes(Encoding::Brotli).len() < body.len() / 10);
}

#[test]
fn a_cache_may_show_a_page_without_us_only_until_the_next_value_ages() {
    let views = Views::default();
    let page = views.page(&PageKey::Front, at("2026-11-24T04:58:10Z"), || rendered("x"));
    assert_eq!(page.stale_if_error_s(), 60);
    views.forget();
    let page = views.page(&PageKey::Front, at("2026-11-24T04:59:30Z"), || rendered("x"));
    assert_eq!(page.stale_if_error_s(), 0);
}
