//! `rename`: gives a project another name, with what is in its volumes.
//!
//! Engines cannot rename a volume, so its content goes into a new one and is compared there, entry
//! by entry. Nothing of the old project is removed by [`rename`]; that is [`remove_old`]'s, which is
//! called when the user agrees. Whatever interrupts it, the old volumes are whole until then, and the
//! same call goes on: what was carried over and is the same stays, what is not is carried anew.
//!
//! What is known of a move stands on the engine alone: each new volume says by a label which one it
//! was copied from, and a mark (see [`carrier`]) is there until it has been compared. Without the
//! mark a volume is never filled or removed, for somebody may have gone on with it.
//!
//! - Containers of the old project are stopped first, so that nothing is written on the way; `up`
//!   makes them anew under the new name.
//! - Volumes whose `name` the files give stay what they are: they do not follow the project's name.
//! - A volume that only points elsewhere (a folder of the host, a network file system) is made anew
//!   with the same options: what it points to is not touched.
//! - Unnamed volumes stay with the old containers, and are told of.

use std::collections::BTreeMap;

use carrier::Carrier;
pub use content::Content;

use super::lifecycle::{DownOptions, StopOptions, stop};
use super::lock::Lock;
use super::{Error, Target, lifecycle, loss};
use crate::engine::{Container, Engine, EngineError, Filter, Reads, Volume};
use crate::event::Sink;
use crate::plan::labels;
use crate::project::{Project, hash};

mod carrier;
mod content;

/// On a volume: which one its content was copied from.
pub const COPY_OF: &str = "dev.rcompose.copy-of";

/// A project's volume on its way.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Moved {
    /// Its name so far.
    pub from: String,
    /// Its name from now on.
    pub to: String,
    /// Files that were compared.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// How it came there.
    pub how: How,
}

/// How a volume's content came to its new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// It was copied and compared.
    Copied,
    /// An earlier run had copied it; it was compared.
    Compared,
    /// It points elsewhere, and so does the new one.
    Linked,
}

/// What a move came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Renamed {
    /// Volumes that have a new name.
    pub volumes: Vec<Moved>,
    /// Volumes that have a name of their own and keep it.
    pub kept: Vec<String>,
    /// Containers with unnamed volumes, and where those are mounted: they stay where they are.
    pub unnamed: Vec<(String, String)>,
}

/// Takes each volume as it is done.
pub type Tell<'t> = &'t mut (dyn FnMut(&Moved) + Send);

/// Moves volumes to the names that they have under the project's new name, and compares them. The
/// project's files, where they are at hand, say what the new volumes are to look like.
pub async fn rename(
    engine: &dyn Engine,
    (from, to): (&str, &str),
    project: Option<&Project>,
    tell: Tell<'_>,
    events: &mut dyn Sink,
) -> Result<Renamed, Error> {
    let carrier = Carrier {
        engine,
        prefix: prefix(from, to),
    };
    let containers = all_containers(engine).await?;
    let volumes = volumes_of(engine, from).await?;
    let own: Vec<&Container> = containers.iter().filter(|it| belongs(it, from)).collect();
    if own.is_empty() && volumes.is_empty() {
        return Err(Error::refused(
            format!("there is nothing of a project {from}"),
            Some("`docker volume ls --filter label=com.docker.compose.project` shows the volumes of all projects".to_owned()),
        ));
    }
    refuse_what_is_in_use(&containers, &volumes, (from, to), &carrier)?;
    let stopping = StopOptions::default();
    stop(
        engine,
        Target::Name(from),
        &stopping,
        &Lock::default(),
        events,
    )
    .await?;
    let names: Vec<String> = containers.iter().map(|it| it.name.clone()).collect();
    let moving = Error::engine("move the volumes");
    carrier.clean(&names).await.map_err(&moving)?;
    carrier.prepare().await.map_err(&moving)?;
    let mut renamed = Renamed {
        unnamed: unnamed(&own),
        ..Renamed::default()
    };
    for volume in &volumes {
        let Some(new_name) = new_name(volume, from, to) else {
            renamed.kept.push(volume.name.clone());
            continue;
        };
        let labels = labels_of(volume, to, project);
        let marked = names.contains(&carrier.mark_of(&new_name));
        let moved = move_one(&carrier, volume, (&new_name, marked), labels).await?;
        tell(&moved);
        renamed.volumes.push(moved);
    }
    carrier.dismiss().await.map_err(&moving)?;
    Ok(renamed)
}

/// Removes what is left under the old name: containers, networks and the volumes that were moved.
/// Containers that have unnamed volumes stay, with them.
pub async fn remove_old(
    engine: &dyn Engine,
    from: &str,
    renamed: &Renamed,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let removing = Error::engine("remove what is left of the old project");
    if renamed.unnamed.is_empty() {
        let options = DownOptions {
            remove_orphans: true,
            ..DownOptions::default()
        };
        let lock = Lock::default();
        lifecycle::down(engine, Target::Name(from), &options, &lock, events).await?;
    } else {
        for container in all_containers(engine).await? {
            let keeps = renamed
                .unnamed
                .iter()
                .any(|(name, _)| *name == container.name);
            if belongs(&container, from) && !keeps {
                let gone = engine.remove_container(&container.name, true, false).await;
                gone.map_err(&removing)?;
            }
        }
    }
    for moved in &renamed.volumes {
        match engine.remove_volume(&moved.from, false).await {
            // One of the containers that stay has it.
            Ok(()) | Err(EngineError::Conflict(_)) => {}
            Err(error) => return Err(removing(error)),
        }
    }
    Ok(())
}

/// Names of projects have no dots, so that this leads to one move only.
fn prefix(from: &str, to: &str) -> String {
    format!("rcompose.rename.{from}.{to}.")
}

async fn all_containers(reads: &dyn Reads) -> Result<Vec<Container>, Error> {
    let containers = reads.containers(&Filter::default()).await;
    containers.map_err(Error::engine("look at the containers"))
}

async fn volumes_of(reads: &dyn Reads, project: &str) -> Result<Vec<Volume>, Error> {
    let filter = Filter::labels([format!("{}={project}", labels::PROJECT)]);
    let volumes = reads.volumes(&filter).await;
    let volumes = volumes.map_err(Error::engine("look at the volumes"))?;
    let keyed = volumes.into_iter();
    Ok(keyed
        .filter(|it| it.labels.contains_key(labels::VOLUME))
        .collect())
}

fn belongs(container: &Container, project: &str) -> bool {
    let owner = container.labels.get(labels::PROJECT);
    owner.is_some_and(|owner| owner == project)
}

/// What a volume is called under the new name; `None` when its name does not come from the
/// project's.
fn new_name(volume: &Volume, from: &str, to: &str) -> Option<String> {
    let key = volume.labels.get(labels::VOLUME)?;
    (volume.name == format!("{from}_{key}")).then(|| format!("{to}_{key}"))
}

fn labels_of(volume: &Volume, to: &str, project: Option<&Project>) -> BTreeMap<String, String> {
    let mut labels = volume.labels.clone();
    labels.insert(labels::PROJECT.to_owned(), to.to_owned());
    labels.insert(COPY_OF.to_owned(), volume.name.clone());
    // Without a hash it counts as what its files say.
    labels.remove(labels::CONFIG_HASH);
    let key = volume.labels.get(labels::VOLUME);
    let declared = key.and_then(|key| Some((key, project?.volumes.get(key)?)));
    if let Some((key, declared)) = declared {
        let hash = hash::volume(to, key, declared);
        labels.insert(labels::CONFIG_HASH.to_owned(), hash);
    }
    labels
}

/// Nothing is moved out of the way of anybody else.
fn refuse_what_is_in_use(
    containers: &[Container],
    volumes: &[Volume],
    (from, to): (&str, &str),
    carrier: &Carrier<'_>,
) -> Result<(), Error> {
    if let Some(container) = containers.iter().find(|it| belongs(it, to)) {
        let words = format!(
            "there is a project {to} already: container {} belongs to it",
            container.name
        );
        let help = format!("`rcompose -p {to} down` removes its containers, and keeps its volumes");
        return Err(Error::refused(words, Some(help)));
    }
    for volume in volumes {
        let new = new_name(volume, from, to);
        let uses = |it: &&Container| {
            let mut names = it.mounts.iter().map(|mount| &mount.name);
            let runs = !matches!(it.state.as_str(), "created" | "exited" | "dead");
            names.any(|name| {
                (*name == volume.name && runs && !belongs(it, from)) || Some(name) == new.as_ref()
            })
        };
        let others = containers.iter().filter(|it| !carrier.owns(&it.name));
        if let Some(container) = others.filter(|_| new.is_some()).find(uses) {
            let words = format!(
                "volume {} cannot be moved while container {} uses it or its new name",
                volume.name, container.name
            );
            let help = format!(
                "stop or remove that container: docker stop {}",
                container.name
            );
            return Err(Error::refused(words, Some(help)));
        }
    }
    Ok(())
}

/// Containers with unnamed volumes, and where those are mounted.
fn unnamed(containers: &[&Container]) -> Vec<(String, String)> {
    let mounts = containers.iter().flat_map(|container| {
        let mounts = container.mounts.iter();
        let mounts = mounts.filter(|it| it.kind == "volume" && loss::is_unnamed(&it.name));
        mounts.map(|mount| (container.name.clone(), mount.target.clone()))
    });
    mounts.collect()
}

async fn move_one(
    carrier: &Carrier<'_>,
    volume: &Volume,
    (new_name, marked): (&str, bool),
    labels: BTreeMap<String, String>,
) -> Result<Moved, Error> {
    let failed = Error::engine("move a volume");
    let engine = carrier.engine;
    let moved = |content: &Content, how| Moved {
        from: volume.name.clone(),
        to: new_name.to_owned(),
        files: content.files,
        bytes: content.bytes,
        how,
    };
    let request = carrier::like(volume, new_name, labels);
    let there = engine.volume(new_name).await.map_err(&failed)?;
    if there.is_some_and(|it| it.labels.get(COPY_OF) != Some(&volume.name)) {
        return Err(no_copy(volume, new_name));
    }
    // What a volume with a device holds is not the engine's.
    if volume.options.contains_key("device") {
        engine.create_volume(request).await.map_err(&failed)?;
        return Ok(moved(&Content::default(), How::Linked));
    }
    if engine.volume(new_name).await.map_err(&failed)?.is_some() {
        let contents = (carrier.content(&volume.name), carrier.content(new_name));
        let (old, new) = tokio::try_join!(contents.0, contents.1).map_err(&failed)?;
        let Some(path) = old.difference(&new) else {
            carrier.unmark(new_name).await.map_err(&failed)?;
            return Ok(moved(&old, How::Compared));
        };
        if !marked && !new.is_empty() {
            return Err(gone_on_with(volume, new_name, path));
        }
        let removed = engine.remove_volume(new_name, false).await;
        removed.map_err(&failed)?;
    }
    carrier.mark(new_name).await.map_err(&failed)?;
    engine.create_volume(request).await.map_err(&failed)?;
    let carried = carrier.carry(&volume.name, new_name).await;
    let carried = carried.map_err(&failed)?;
    let found = carrier.content(new_name).await.map_err(&failed)?;
    if let Some(path) = carried.difference(&found) {
        return Err(Error::refused(
            format!(
                "the copy of {} in {new_name} differs at {path}",
                volume.name
            ),
            Some("nothing was removed; run it again, or copy it by hand".to_owned()),
        ));
    }
    carrier.unmark(new_name).await.map_err(&failed)?;
    Ok(moved(&carried, How::Copied))
}

fn no_copy(volume: &Volume, new_name: &str) -> Error {
    Error::refused(
        format!(
            "there is a volume {new_name} already, which is no copy of {}",
            volume.name
        ),
        Some(format!(
            "look at it, and remove what is not needed: docker volume inspect {new_name}"
        )),
    )
}

/// A complete copy that is another one now: somebody has written to one of the two.
fn gone_on_with(volume: &Volume, new_name: &str, path: &str) -> Error {
    let old_name = &volume.name;
    Error::Refused {
        message: format!(
            "volume {old_name} was copied to {new_name} before, and one of them has been written to since: they differ at {path}"
        ),
        help: vec![
            format!("to go on with {new_name}, remove the old one: docker volume rm {old_name}"),
            format!("to copy it anew, remove the copy: docker volume rm {new_name}"),
        ],
    }
}
