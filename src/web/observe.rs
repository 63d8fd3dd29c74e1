//! What engineers may see of web requests: a number, a method, a path without secrets, a status, a duration.
//!
//! It exists as one place, because a report key in a log line is a right to report that anyone with the log has.
//! Invariant: paths reach the log only through [`loggable_path`], and queries not at all.

use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, Response};
use axum::middleware::{self, Next};
use tower::ServiceBuilder;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::telemetry::loggable_path;

/// The header that carries a request's number, also in the answer, so that a visitor can quote it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives every request of `router` a number, a span and a place in the figures.
pub fn observed(router: Router) -> Router {
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(|response: &Response<_>, took: Duration, _span: &Span| {
            tracing::debug!(status = response.status().as_u16(), took_ms = took.as_millis(), "answered");
        })
        .on_failure(|failure, took: Duration, _span: &Span| {
            tracing::warn!(%failure, took_ms = took.as_millis(), "failed");
        })
        .on_body_chunk(())
        .on_eos(());
    let router = router.layer(middleware::from_fn(count));
    router.layer(
        ServiceBuilder::new()
            // A number sent by the visitor is not taken over: it could be anything, also somebody's key.
            .map_request(|mut request: Request| {
                request.headers_mut().remove(REQUEST_ID);
                request
            })
            .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
            .layer(trace)
            .layer(PropagateRequestIdLayer::new(REQUEST_ID)),
    )
}

/// The span of one request: everything logged while it is answered carries these fields.
fn span(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = loggable_path(request.uri().path()))
}

async fn count(request: Request, next: Next) -> axum::response::Response {
    // Labels come from short lists only: what visitors make up would grow without end.
    let method = match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        _ => "other",
    };
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let began = std::time::Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("imaboard_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("imaboard_http_request_seconds", "route" => route).record(began.elapsed());
    response
}

#[cfg(test)]
mod tests;
