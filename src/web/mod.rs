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

/// The public listener: every route by the room that answers it, and what is answered before routing.
pub fn site(app: &Arc<App>) -> accept::Site {
    let routes = Router::new().merge(report::routes()).merge(wall::routes(app));
    let (pages, ready) = public::routes(app);
    accept::Site { router: observe::observed(routes.with_state(Arc::clone(app)).merge(pages)), ready: Some(ready) }
}

/// Every route of the public listener.
pub fn router(app: &Arc<App>) -> Router {
    site(app).router
}
