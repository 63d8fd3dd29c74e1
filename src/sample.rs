//! The sample city.
use std::sync::Arc;

use crate::app::App;
use crate::commands::Failed;

/// Loads the sample city.
pub async fn load(_app: &Arc<App>) -> Result<(), Failed> {
    Ok(())
}

/// Simulated life.
pub async fn live(_app: Arc<App>, _mqtt_url: Option<String>) {}
