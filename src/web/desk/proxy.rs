//! The desk's room `proxy` over HTTP.

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// The routes of the room.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
}
