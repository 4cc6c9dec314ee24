//! The engine's classic build endpoint.

use super::{Build, BuildError, BuildEvent, Built};
use crate::engine::Engine;

pub(super) async fn build(
    _engine: &dyn Engine,
    _build: &Build,
    _events: &mut (dyn FnMut(BuildEvent) + Send),
) -> Result<Built, BuildError> {
    Err(BuildError::NeedsBuildKit { what: "everything" })
}
