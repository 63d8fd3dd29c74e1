#![expect(clippy::unwrap_used, reason = "tests")]

use std::io;
use std::sync::{Arc, Mutex};

use super::*;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::get;
use tower::ServiceExt;
use tracing::subscriber::DefaultGuard;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn logging(&self) -> DefaultGuard {
        let paper = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || paper.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn router() -> Router {
    observed(
        Router::new()
            .route(
                "/r/{key}",
                get(|| async {
                    tracing::info!("showing");
                    ""
                }),
            )
            .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR })),
    )
}

async fn ask(path: &str) -> axum::response::Response {
    let request = Request::get(path).header(REQUEST_ID, "KEY").header("referer", "http://a/r/KEY").body(Body::empty()).unwrap();
    router().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn nothing_that_is_logged_holds_the_report_key() {
    let paper = Paper::default();
    let _logging = paper.logging();
    ask("/r/KEY?again=KEY").await;
    ask("/easy/r/KEY/absent").await;
    ask("/broken").await;
    let text = paper.text();
    assert!(text.contains("showing") && text.contains("/r/…") && text.contains("answered") && text.contains("failed"), "{text}");
    assert!(!text.contains("KEY"), "{text}");
}

#[tokio::test]
async fn every_answer_carries_its_own_number() {
    let (first, second) = (ask("/r/a").await, ask("/absent").await);
    let number = |response: &axum::response::Response| response.headers()[REQUEST_ID].to_str().unwrap().to_owned();
    assert_eq!(number(&first).len(), 36);
    assert_ne!(number(&first), number(&second));
}

#[tokio::test]
async fn figures_name_the_route_and_never_the_address() {
    let figures = crate::telemetry::install_metrics();
    ask("/r/KEY").await;
    ask("/absent-KEY").await;
    let text = figures.render();
    assert!(text.contains(r#"imaboard_http_requests_total{method="GET",route="/r/{key}",status="200"}"#), "{text}");
    assert!(text.contains(r#"route="other",status="404""#), "{text}");
    assert!(!text.contains("KEY"), "{text}");
}
