//! What `down -v` would delete for good: volumes, with how much is in them and who else uses them.

use std::collections::{BTreeMap, BTreeSet};

use super::lifecycle::{DownOptions, planned_down};
use super::{Error, Target};
use crate::engine::{Container, Filter, Reads};
use crate::plan::{Observed, Operation, Plan, labels};

/// A volume that would be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Its name.
    pub volume: String,
    /// Of an unnamed one, the container and the path in it that it is mounted at.
    pub unnamed: Option<(String, String)>,
    /// Bytes, where the engine knows.
    pub size: Option<u64>,
    /// Containers that use it and would stay, with their projects. The volume stays then, too.
    pub others: Vec<String>,
}

/// What would be lost. Asks for sizes, which engines may have to count.
pub async fn losses(
    reads: &dyn Reads,
    target: Target<'_>,
    options: &DownOptions,
) -> Result<Vec<Loss>, Error> {
    let (plan, observed) = planned_down(reads, target, options).await?;
    let doomed = doomed(&plan, &observed);
    if doomed.is_empty() {
        return Ok(Vec::new());
    }
    let (sizes, filter) = (reads.volume_sizes(), Filter::default());
    let (sizes, containers) = tokio::join!(sizes, reads.containers(&filter));
    let containers = containers.map_err(Error::engine("look at who uses the volumes"))?;
    // Without sizes the rest is worth telling all the same.
    let sizes = sizes.unwrap_or_default();
    let removed = removed(&plan);
    let loss = |(volume, unnamed): (String, Option<(String, String)>)| Loss {
        size: sizes.get(&volume).copied(),
        others: others(&containers, &removed, &volume),
        volume,
        unnamed,
    };
    Ok(doomed.into_iter().map(loss).collect())
}

/// Volumes that the plan removes by name, and those without names that go with their containers.
fn doomed(plan: &Plan, observed: &Observed) -> BTreeMap<String, Option<(String, String)>> {
    let mut doomed = BTreeMap::new();
    for step in &plan.steps {
        match &step.operation {
            Operation::RemoveVolume { name } => {
                doomed.insert(name.clone(), None);
            }
            Operation::RemoveContainer {
                name,
                volumes: true,
            } => {
                let container = observed.containers.iter().find(|it| it.name == *name);
                let mounts = container.into_iter().flat_map(|it| &it.mounts);
                for mount in mounts.filter(|it| it.kind == "volume" && is_unnamed(&it.name)) {
                    let place = (name.clone(), mount.target.clone());
                    doomed.entry(mount.name.clone()).or_insert(Some(place));
                }
            }
            _ => {}
        }
    }
    doomed
}

/// Whether a volume of a project is among those whose data may be lost: named by its whole name or
/// without the project's, or with all of them.
pub fn is_allowed(allowed: &[String], project: &str, volume: &str) -> bool {
    allowed
        .iter()
        .any(|it| it == "all" || it == volume || format!("{project}_{it}") == volume)
}

/// Engines name volumes that nobody has named by 64 digits.
pub(super) fn is_unnamed(volume: &str) -> bool {
    volume.len() == 64 && volume.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn removed(plan: &Plan) -> BTreeSet<&str> {
    let names = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::RemoveContainer { name, .. } => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

fn others(containers: &[Container], removed: &BTreeSet<&str>, volume: &str) -> Vec<String> {
    let uses = |it: &&Container| it.mounts.iter().any(|mount| mount.name == volume);
    let others = containers
        .iter()
        .filter(|it| !removed.contains(it.name.as_str()))
        .filter(uses);
    let told = others.map(|it| match it.labels.get(labels::PROJECT) {
        Some(project) => format!("{} of project {project}", it.name),
        None => it.name.clone(),
    });
    told.collect()
}
