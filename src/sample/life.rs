//! Simulated life.
use crate::app::App;
use std::sync::Arc;
/// Simulated life.
pub async fn live(_app: Arc<App>, _mqtt_url: Option<String>) {}
