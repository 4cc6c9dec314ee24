//! Volumes that a new name of the project would leave behind.
//!
//! A project is named after its folder. When that is renamed, the next `up` begins with empty
//! volumes, and those with the data stay under the old name. That is noticed when a project is about
//! to get its first volumes, and another one that does not run has volumes of the same keys, and
//! came from this very folder, or from one beside it that is not there any more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Error;
use super::ports::Host;
use crate::engine::{Container, ContainerState, Filter, Reads, Volume};
use crate::plan::{Observed, Operation, Plan, labels};
use crate::project::Project;

/// Adds what is noticed to the plan's warnings. Asks the engine only when the project is about to
/// get its first volumes.
pub(super) async fn notice(
    reads: &dyn Reads,
    project: &Project,
    observed: &Observed,
    plan: &mut Plan,
    host: &Host,
) -> Result<(), Error> {
    let keys = new_keys(plan);
    let own = |it: &crate::plan::observed::Volume| it.project.as_deref() == Some(&*project.name);
    let known = !observed.containers.is_empty() || observed.volumes.values().any(own);
    if keys.is_empty() || known {
        return Ok(());
    }
    let looking = Error::engine("look for volumes of another name of the project");
    let volumes = reads.volumes(&Filter::labels([labels::VOLUME])).await;
    let others = others(volumes.map_err(&looking)?, &project.name, &keys);
    if others.is_empty() {
        return Ok(());
    }
    let containers = reads.containers(&Filter::labels([labels::PROJECT])).await;
    let containers = containers.map_err(&looking)?;
    for (other, volumes) in others {
        let containers: Vec<&Container> = containers
            .iter()
            .filter(|it| it.labels.get(labels::PROJECT) == Some(&other))
            .collect();
        let runs = containers
            .iter()
            .any(|it| it.state == ContainerState::Running);
        let from = places(&volumes, &containers)
            .into_iter()
            .find(|place| is_here(place, &project.directory, host));
        if let Some(from) = from.filter(|_| !runs) {
            plan.warnings.push(words(project, &other, &from, &volumes));
        }
    }
    Ok(())
}

/// Keys of the volumes that the plan makes.
fn new_keys(plan: &Plan) -> BTreeSet<String> {
    let made = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::CreateVolume(body) => body.labels.as_ref()?.get(labels::VOLUME).cloned(),
        _ => None,
    });
    made.collect()
}

/// Other projects that have volumes of all these keys, named after the project.
fn others(
    volumes: Vec<Volume>,
    own: &str,
    keys: &BTreeSet<String>,
) -> BTreeMap<String, Vec<Volume>> {
    let mut others: BTreeMap<String, Vec<Volume>> = BTreeMap::new();
    for volume in volumes {
        let label = |key: &str| volume.labels.get(key).cloned().unwrap_or_default();
        let (project, key) = (label(labels::PROJECT), label(labels::VOLUME));
        let named_after = volume.name == format!("{project}_{key}");
        if project != own && named_after && keys.contains(&key) {
            others.entry(project).or_default().push(volume);
        }
    }
    others.retain(|_, volumes| volumes.len() == keys.len());
    others
}

/// Folders that a project came from, as far as labels tell.
fn places(volumes: &[Volume], containers: &[&Container]) -> BTreeSet<PathBuf> {
    let volumes = volumes.iter().map(|it| it.labels.get(labels::FOLDER));
    let containers = containers
        .iter()
        .map(|it| it.labels.get(labels::WORKING_DIR));
    let places = volumes.chain(containers).flatten();
    places.map(PathBuf::from).collect()
}

fn is_here(place: &Path, folder: &Path, host: &Host) -> bool {
    let beside = place.parent() == folder.parent();
    place == folder || (beside && host.exists(place) == Some(false))
}

fn words(project: &Project, other: &str, from: &Path, volumes: &[Volume]) -> String {
    let names: Vec<&str> = volumes.iter().map(|it| it.name.as_str()).collect();
    let (name, names) = (&project.name, names.join(", "));
    let how = if from == project.directory {
        format!("this project was called {other} before")
    } else {
        format!(
            "the project was called {other} when its folder was {}",
            from.display()
        )
    };
    format!(
        "{name} begins with empty volumes, and {names} stay behind: {how}. To go on with their data, run `rcompose down -v` here and then `rcompose rename {other} {name}`"
    )
}
