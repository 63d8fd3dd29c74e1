//! What engineers may see of web requests: a number, a method, a path without secrets, a status, a duration.
//!
//! It exists as one place, because a report key in a log line is a right to report that anyone with the log has.
//! Invariant: paths reach the log only through [`loggable_path`], and queries not at all.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;
use axum::routing::Route;
use metrics::{Counter, Histogram};
use tower::{Layer, Service};
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::telemetry::loggable_path;

/// The header that carries a request's number, so that a visitor can quote it. A page that is handed out as it lies carries
/// none: nothing is logged about it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives every request of `router` a number, a span and a place in the figures.
///
/// One layer and not one each: a layer costs a request an allocation or two, and this stands before every answer.
pub fn observed(router: Router) -> Router {
    router.layer(Observing { figures: Arc::default() })
}

#[derive(Clone)]
struct Observing {
    figures: Arc<Figures>,
}

impl Layer<Route> for Observing {
    type Service = Observed;

    fn layer(&self, inner: Route) -> Observed {
        Observed { inner, figures: Arc::clone(&self.figures) }
    }
}

#[derive(Clone)]
struct Observed {
    inner: Route,
    figures: Arc<Figures>,
}

impl Service<Request> for Observed {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.inner, cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // A number sent by the visitor is not taken over: it could be anything, also somebody's key.
        let number = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
        let span = span(&request, number);
        let method = counted(request.method());
        let route = self.figures.route(request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str));
        let began = Instant::now();
        let answering = span.in_scope(|| self.inner.call(request));
        let answering = async move {
            let mut response = answering.await?;
            let status = response.status();
            if status.is_server_error() {
                tracing::warn!(status = status.as_u16(), took_ms = began.elapsed().as_millis(), "failed");
            } else {
                tracing::debug!(status = status.as_u16(), took_ms = began.elapsed().as_millis(), "answered");
            }
            if let Ok(number) = HeaderValue::from_str(number.hyphenated().encode_lower(&mut Uuid::encode_buffer())) {
                response.headers_mut().insert(REQUEST_ID, number);
            }
            route.count(method, status.as_u16());
            route.seconds.record(began.elapsed());
            Ok(response)
        };
        Box::pin(answering.instrument(span))
    }
}

/// The span of one request: everything logged while it is answered carries these fields.
fn span(request: &Request, id: Uuid) -> Span {
    tracing::info_span!("request", %id, method = %request.method(), path = loggable_path(request.uri().path()))
}

/// Labels come from short lists only: what visitors make up would grow without end.
fn counted(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        _ => "other",
    }
}

/// The figures that were needed so far: looking one up by its labels costs more than counting it.
#[derive(Default)]
struct Figures {
    // A lock for many readers: written once for each route.
    routes: RwLock<HashMap<String, Arc<OfRoute>>>,
}

impl Figures {
    fn route(&self, name: &str) -> Arc<OfRoute> {
        if let Some(known) = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(known);
        }
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(name.to_owned()).or_insert_with(|| Arc::new(OfRoute::new(name))))
    }
}

/// The figures of one route.
pub struct OfRoute {
    name: String,
    /// How long answers took.
    seconds: Histogram,
    /// By method and status; a route has a handful.
    answers: RwLock<Vec<((&'static str, u16), Counter)>>,
}

impl OfRoute {
    /// The figures of a route by its pattern.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let seconds = metrics::histogram!("imaboard_http_request_seconds", "route" => name.to_owned());
        Self { name: name.to_owned(), seconds, answers: RwLock::default() }
    }

    /// Counts one answer.
    pub fn count(&self, method: &'static str, status: u16) {
        let known = |answers: &[((&str, u16), Counter)]| {
            answers.iter().find(|(labels, _)| *labels == (method, status)).map(|(_, counter)| counter.increment(1))
        };
        if known(&self.answers.read().unwrap_or_else(PoisonError::into_inner)).is_some() {
            return;
        }
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        if known(&answers).is_some() {
            return;
        }
        let (route, status_word) = (self.name.clone(), status.to_string());
        let counter =
            metrics::counter!("imaboard_http_requests_total", "method" => method, "route" => route, "status" => status_word);
        counter.increment(1);
        answers.push(((method, status), counter));
    }
}

#[cfg(test)]
mod tests;
