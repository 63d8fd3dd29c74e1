//! The door of the desk: who may come in.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::Member;
use crate::app::App;

/// Where somebody without a seat is led.
pub const LOGIN: &str = "/desk/login";

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
}

/// The routes before the door.
pub fn outside() -> Router<Arc<App>> {
    Router::new()
}

/// Lets nobody in without a session.
pub async fn door(State(_app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if request.extensions().get::<Member>().is_none() {
        return Redirect::to(LOGIN).into_response();
    }
    next.run(request).await
}
