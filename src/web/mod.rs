//! The web: everything that speaks HTTP.
//!
//! It exists so that only this room knows axum. Invariant: nothing in here decides what the board believes; it asks
//! the recorder and the views.

pub mod accept;
pub mod observe;
pub mod ops;
pub mod public;
pub mod report;
pub mod shared;
pub mod wall;

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// Every route of the public listener, by the room that answers it; for so many event streams at once.
pub fn router(app: &Arc<App>, most_streams: usize) -> Router {
    let routes = Router::new().merge(report::routes()).merge(wall::routes(app, most_streams));
    observe::observed(routes.with_state(Arc::clone(app)).merge(public::routes(app)))
}
