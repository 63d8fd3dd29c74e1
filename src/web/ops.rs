//! The operations listener: whether the board lives, whether it is able to do its main job, and its figures.
//!
//! It exists on a door of its own, so that neither the public can read the figures nor a crowd can delay the health
//! check. Invariant: `/readyz` answers 200 only if a press would be heard *and* stored.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::telemetry::Metrics;

/// One condition of being ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is checked: `store`, `buttons`, …
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// A sentence for the person on call: since when, why.
    pub detail: String,
}

/// Someone who knows whether the board can do its main job.
pub trait Readiness: Send + Sync + 'static {
    /// All conditions, from what is known already: an answer must not wait for a disk or a broker.
    fn checks(&self) -> Vec<Check>;
}

impl<F: Fn() -> Vec<Check> + Send + Sync + 'static> Readiness for F {
    fn checks(&self) -> Vec<Check> {
        self()
    }
}

/// Someone who sets the figures that are levels and not events: queue lengths, positions, devices.
pub trait Levels: Send + Sync + 'static {
    /// Sets them to what is now; called for every reading, so it must not wait for a disk or a broker.
    fn measure(&self);
}

impl<F: Fn() + Send + Sync + 'static> Levels for F {
    fn measure(&self) {
        self();
    }
}

#[derive(Clone)]
struct Ops {
    // Shared with every request for as long as the listener runs.
    readiness: Arc<dyn Readiness>,
    levels: Arc<dyn Levels>,
    metrics: Metrics,
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    checks: Vec<Check>,
}

/// The routes of the operations listener.
pub fn router(readiness: Arc<dyn Readiness>, levels: Arc<dyn Levels>, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(readiness_report))
        .route("/metrics", get(figures))
        .with_state(Ops { readiness, levels, metrics })
}

async fn health() -> &'static str {
    "ok\n"
}

async fn readiness_report(State(ops): State<Ops>) -> Response {
    let checks = ops.readiness.checks();
    // No checks at all would be a fault of the wiring, not a reason to send people here.
    let ready = !checks.is_empty() && checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(Report { ready, checks })).into_response()
}

async fn figures(State(ops): State<Ops>) -> Response {
    ops.levels.measure();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], ops.metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    async fn ask(path: &str, store_ok: bool) -> (StatusCode, String, String) {
        let checks = move || {
            vec![
                Check { name: "store", ok: store_ok, detail: "disk".to_owned() },
                Check { name: "buttons", ok: true, detail: "listening".to_owned() },
            ]
        };
        let router = router(Arc::new(checks), Arc::new(|| ()), crate::telemetry::install_metrics());
        let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_living_process_is_healthy_even_if_it_cannot_store() {
        assert_eq!(ask("/healthz", false).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn ready_means_every_check_holds() {
        assert_eq!(ask("/readyz", true).await.0, StatusCode::OK);
        let (status, _, body) = ask("/readyz", false).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["ready"], json!(false));
        assert_eq!(body["checks"][0], json!({"name": "store", "ok": false, "detail": "disk"}));
    }

    #[tokio::test]
    async fn figures_are_prometheus_text_with_their_meaning() {
        crate::telemetry::install_metrics();
        metrics::counter!("imaboard_presses_total", "outcome" => "stored").increment(1);
        let (status, kind, body) = ask("/metrics", true).await;
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/plain; version=0.0.4"));
        assert!(body.contains("# TYPE imaboard_presses_total counter"), "{body}");
        assert!(body.contains(r#"imaboard_presses_total{outcome="stored"}"#), "{body}");
    }
}
