//! What is to be made and is there already, because somebody else made it in between: another
//! tool, or the last calls of a run that was killed, which engines carry out all the same.
//!
//! When it is what was to be made, that is as good as having made it. Anything else keeps the
//! engine's refusal.

use std::collections::HashMap;

use bollard::models::NetworkCreateRequest;

use crate::engine::{Engine, EngineError};
use crate::plan::{CreateContainer, labels};

/// What two containers have in common that were made for the same place from the same files.
const CONTAINER: [&str; 4] = [
    labels::PROJECT,
    labels::SERVICE,
    labels::NUMBER,
    labels::CONFIG_HASH,
];
/// The same of networks.
const NETWORK: [&str; 3] = [labels::PROJECT, labels::NETWORK, labels::CONFIG_HASH];

/// Whether the container is there that could not be made.
pub(super) async fn container(
    engine: &dyn Engine,
    create: &CreateContainer,
    made: Result<String, EngineError>,
) -> Result<(), EngineError> {
    let Err(EngineError::Conflict(_)) = &made else {
        return made.map(drop);
    };
    let found = engine.container(&create.name).await?;
    let same = found.is_some_and(|it| same(&CONTAINER, create.body.labels.as_ref(), &it.labels));
    if same { Ok(()) } else { made.map(drop) }
}

/// The same of a network.
pub(super) async fn network(
    engine: &dyn Engine,
    body: &NetworkCreateRequest,
    made: Result<String, EngineError>,
) -> Result<(), EngineError> {
    let Err(EngineError::Conflict(_)) = &made else {
        return made.map(drop);
    };
    let found = engine.network(&body.name).await?;
    let same = found.is_some_and(|it| same(&NETWORK, body.labels.as_ref(), &it.labels));
    if same { Ok(()) } else { made.map(drop) }
}

/// Whether a container has its new name that could not be given one: it has lost the old one, and
/// a container of a service has the new one.
pub(super) async fn renamed(
    engine: &dyn Engine,
    (from, to): (&str, &str),
    renamed: Result<(), EngineError>,
) -> Result<(), EngineError> {
    let Err(EngineError::Conflict(_) | EngineError::NotFound(_)) = &renamed else {
        return renamed;
    };
    let (old, new) = (engine.container(from).await?, engine.container(to).await?);
    let has_it = new.is_some_and(|it| it.labels.contains_key(labels::SERVICE));
    if old.is_none() && has_it {
        Ok(())
    } else {
        renamed
    }
}

fn same<'l>(
    keys: &[&str],
    wanted: Option<&HashMap<String, String>>,
    found: impl IntoIterator<Item = (&'l String, &'l String)>,
) -> bool {
    let Some(wanted) = wanted else {
        return false;
    };
    let found: HashMap<&String, &String> = found.into_iter().collect();
    keys.iter().all(|key| {
        let key = (*key).to_owned();
        wanted.contains_key(&key) && wanted.get(&key) == found.get(&key).copied()
    })
}
