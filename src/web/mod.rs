//! The web: everything that speaks HTTP.
//!
//! It exists so that only this room knows axum. Invariant: nothing in here decides what the board believes; it asks
//! the recorder and the views.

pub mod accept;
pub mod desk;
pub mod observe;
pub mod ops;
pub mod public;
pub mod report;
pub mod shared;
pub mod wall;

use std::sync::Arc;

use axum::Router;

use crate::app::App;

/// The public listener: every route by the room that answers it, for so many event streams at once; and what is answered before
/// routing.
pub fn site(app: &Arc<App>, most_streams: usize) -> accept::Site {
    let routes = Router::new().merge(report::routes()).merge(wall::routes(app, most_streams)).merge(desk::routes(app));
    let (pages, ready) = public::routes(app);
    accept::Site { router: observe::observed(routes.with_state(Arc::clone(app)).merge(pages)), ready: Some(ready) }
}

/// Every route of the public listener.
pub fn router(app: &Arc<App>, most_streams: usize) -> Router {
    site(app, most_streams).router
}
