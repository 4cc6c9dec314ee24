//! What differs about each container that a plan replaces: old and new, attribute by attribute.
//!
//! A container that we made has a [record](crate::project::record) of the service that it was made
//! from; what the record leaves out, and everything about a container without one, the engine is
//! asked for. All of it only looks.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Error;
use crate::document::{Path, Segment};
use crate::engine::Reads;
use crate::plan::observed::Container;
use crate::plan::reported::{self, Report};
use crate::plan::{Cause, CreateContainer, Observed, Operation, Plan, naming};
use crate::project::attribute::Data;
use crate::project::record::{self, Change, Old};
use crate::project::{Project, Service};

/// What differs, by the name that the container will have.
pub type Changes = BTreeMap<String, Replaced>;

/// A container that is replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct Replaced {
    /// Its service.
    pub service: String,
    /// What differs; empty when nobody can tell.
    pub changes: Vec<Change>,
}

/// The differences behind a plan's replacements.
pub async fn changes(
    reads: &dyn Reads,
    project: &Project,
    plan: &Plan,
    observed: &Observed,
) -> Result<Changes, Error> {
    let mut all = Changes::new();
    for step in &plan.steps {
        let Operation::CreateContainer(create) = &step.operation else {
            continue;
        };
        if !matches!(step.cause, Cause::ConfigChanged(_) | Cause::ConfigDiffers) {
            continue;
        }
        let name = naming::final_name(&create.name);
        let replaced = |it: &&Container| naming::temporary(&it.id, name) == create.name;
        let container = observed.containers.iter().find(replaced);
        let service = step.service.as_ref();
        let service = service.and_then(|it| project.services.get(it));
        if let (Some(container), Some(service)) = (container, service) {
            let found = of_one(reads, &project.name, service, container, create).await;
            let mut changes = found.map_err(Error::engine("look at the engine"))?;
            let stored = container.attributes.iter();
            changes.extend(stored.flat_map(|stored| record::contents(stored, service)));
            let replaced = Replaced {
                service: service.name.clone(),
                changes,
            };
            all.insert(name.to_owned(), replaced);
        }
    }
    Ok(all)
}

async fn of_one(
    reads: &dyn Reads,
    project: &str,
    service: &Service,
    container: &Container,
    create: &CreateContainer,
) -> Result<Vec<Change>, crate::engine::EngineError> {
    let stored = container.record.as_deref();
    let recorded = stored.and_then(|stored| record::changes(stored, project, service));
    let kept = |change: &Change| change.old != Old::Untold;
    if let Some(changes) = &recorded
        && changes.iter().all(kept)
    {
        return Ok(recorded.unwrap_or_default());
    }
    let Some(detail) = reads.container(&container.id).await? else {
        return Ok(recorded.unwrap_or_default());
    };
    if let Some(mut changes) = recorded {
        for change in changes.iter_mut().filter(|it| !kept(it)) {
            if let Some(text) = text_at(&detail.raw, &change.path) {
                change.old = Old::Value(text);
            }
        }
        return Ok(changes);
    }
    let made_of = reads.image(&detail.image_id).await?;
    let next = reads.image(&service.image_name(project)).await?;
    let [made_of, next] =
        [made_of, next].map(|image| image.map(|image| image.config).unwrap_or_default());
    let report = Report {
        container: detail.raw,
        image: made_of,
        next_image: next,
        api: reads.info().await?.api,
    };
    Ok(reported::changes(create, service, &report))
}

/// The text of an attribute that records leave out, as the engine has it.
fn text_at(report: &Value, path: &Path) -> Option<Data> {
    let keys: Vec<&str> = path
        .segments()
        .iter()
        .map(|segment| match segment {
            Segment::Key(key) => key.as_str(),
            Segment::Index(_) => "",
        })
        .collect();
    let (config, host) = (&report["Config"], &report["HostConfig"]);
    let found = match keys.as_slice() {
        ["command"] => &config["Cmd"],
        ["entrypoint"] => &config["Entrypoint"],
        ["healthcheck", "test"] => &config["Healthcheck"]["Test"],
        ["labels", key] => &config["Labels"][key],
        ["annotations", key] => &host["Annotations"][key],
        ["logging", "options", key] => &host["LogConfig"]["Config"][key],
        ["environment", key] => {
            let variables = config["Env"].as_array()?.iter().filter_map(Value::as_str);
            let mut variables = variables.filter_map(|pair| pair.split_once('='));
            let (_, value) = variables.find(|(name, _)| name == key)?;
            return Some(value.into());
        }
        _ => return None,
    };
    (!found.is_null()).then(|| serde_yaml::to_value(found).unwrap_or_default())
}
