//! One function per operation.

use std::time::Duration;

use bollard::models::{ContainerCreateBody, Mount, MountType};

use super::{
    Attach, Attached, Options, Reporter, StepResult, adopt, files, hooks, ports, stop, wait,
};
use crate::build::{self, Build, BuildEvent, Context, Dockerfile};
use crate::engine::{ContainerState, Engine, EngineError, Filter, Image};
use crate::event::{Outcome, Progress};
use crate::plan::{
    BuildImage, Cause, CreateContainer, ImageMoved, InheritedMount, Operation, Step, labels,
    unnamed,
};

/// Does a step.
pub(super) async fn run(
    engine: &dyn Engine,
    step: &Step,
    options: &Options,
    reporter: Reporter,
) -> StepResult {
    let operation = &step.operation;
    if !step.only_if.is_empty() && !any_moved(engine, &step.only_if).await? {
        if let Operation::StartContainer { name } = operation {
            // It goes on running, and its output is wanted all the same.
            attach_to(engine, name, options.attach.as_ref()).await?;
        }
        return Ok(Outcome::Unchanged);
    }
    let failed = |error: EngineError| format!("cannot {}: {error}", crate::plan::describe(step));
    let done = match operation {
        Operation::CreateNetwork(body) => {
            let made = engine.create_network((**body).clone()).await;
            adopt::network(engine, body, made).await
        }
        Operation::RemoveNetwork {
            name,
            required: true,
        } => engine.remove_network(name).await,
        Operation::ConnectNetwork {
            network,
            name,
            endpoint,
        } => {
            let endpoint = (**endpoint).clone();
            connected_is_fine(engine.connect_network(network, name, endpoint).await)
        }
        Operation::DisconnectNetwork { network, name } => {
            engine.disconnect_network(network, name, true).await
        }
        Operation::RemoveNetwork { name, .. } => {
            let removed = remove_network(engine, name, &reporter).await;
            return removed.map_err(failed);
        }
        Operation::CreateVolume(body) => engine.create_volume((**body).clone()).await,
        Operation::RemoveVolume { name } => {
            return remove_volume(engine, name, &reporter).await.map_err(failed);
        }
        Operation::PullImage {
            reference,
            platform,
            optional,
        } => {
            return pull(engine, reference, platform.as_deref(), *optional, &reporter)
                .await
                .map_err(failed);
        }
        Operation::BuildImage(build) => return build_image(engine, build, &reporter).await,
        Operation::RemoveImage { reference } => {
            return remove_image(engine, reference, &reporter)
                .await
                .map_err(failed);
        }
        Operation::CreateContainer(create) => {
            let told = |image: &Image| tell_of_unnamed(step, create, image, &reporter);
            create_container(engine, create, &told).await
        }
        Operation::StartContainer { name } => {
            return start(engine, name, options.attach.as_ref())
                .await
                .map(|()| Outcome::Done);
        }
        Operation::RunContainer(create) => {
            return hooks::run_container(engine, create, options, &reporter).await;
        }
        Operation::RunHook(hook) => return hooks::run(engine, hook, &reporter).await,
        Operation::PutFiles { name, files } => files::put(engine, name, files).await,
        Operation::StopContainer { name, timeout } => {
            stop::stop(engine, name, *timeout, &reporter).await
        }
        Operation::RestartContainer { name, timeout } => {
            engine.restart_container(name, *timeout).await
        }
        Operation::KillContainer { name, signal } => {
            ended_is_fine(engine.kill_container(name, Some(signal)).await)
        }
        Operation::PauseContainer { name } => engine.pause_container(name).await,
        Operation::UnpauseContainer { name } => engine.unpause_container(name).await,
        Operation::RemoveContainer { name, volumes } => {
            engine.remove_container(name, true, *volumes).await
        }
        Operation::RenameContainer { from, to } => {
            let renamed = engine.rename_container(from, to).await;
            adopt::renamed(engine, (from, to), renamed).await
        }
        Operation::Wait {
            containers,
            goal,
            required,
        } => {
            let wait = wait::Wait {
                engine,
                goal: *goal,
                options,
            };
            return wait.run(containers, *required, &reporter).await;
        }
    };
    done.map(|()| Outcome::Done).map_err(failed)
}

/// A container that was to be killed may have ended by itself in between.
fn ended_is_fine(killed: Result<(), EngineError>) -> Result<(), EngineError> {
    match killed {
        Err(EngineError::Conflict(words)) if words.contains("is not running") => Ok(()),
        Err(EngineError::NotFound(_)) => Ok(()),
        result => result,
    }
}

/// Engines do not list the networks of everything that does not run: it may be connected already.
fn connected_is_fine(connected: Result<(), EngineError>) -> Result<(), EngineError> {
    match connected {
        Err(EngineError::Conflict(words) | EngineError::Refused { message: words, .. })
            if words.contains("already exists in network")
                || words.contains("is already connected") =>
        {
            Ok(())
        }
        result => result,
    }
}

/// Whether an operation may take long without changing anything that a later run could miss.
pub(super) fn takes_long(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::PullImage { .. }
            | Operation::BuildImage(_)
            | Operation::Wait { .. }
            | Operation::RunHook(_)
            | Operation::StopContainer { .. }
            | Operation::RestartContainer { .. }
    )
}

/// Whether one of the images is another one by now.
async fn any_moved(engine: &dyn Engine, images: &[ImageMoved]) -> Result<bool, String> {
    for moved in images {
        let image = engine.image(&moved.reference).await;
        let image =
            image.map_err(|error| format!("cannot look at image {}: {error}", moved.reference))?;
        if image.is_none_or(|image| image.id != moved.from) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An engine that has much to do tells that a container is gone before its network has let it go.
const LETTING_GO: Duration = Duration::from_millis(200);
/// So many times is it asked again. (Docker Engine 20.10 can lose count of what is connected when
/// much is started and stopped at once; no time is long enough for that.)
const ATTEMPTS: usize = 15;

/// A network that others still use is left alone, and said so: `down` has done its part. (One
/// that nobody uses and that the engine keeps is a failure, as with docker compose.)
async fn remove_network(
    engine: &dyn Engine,
    name: &str,
    reporter: &Reporter,
) -> Result<Outcome, EngineError> {
    let mut attempts = 0;
    loop {
        let refused = match engine.remove_network(name).await {
            Err(error @ (EngineError::Conflict(_) | EngineError::Refused { status: 403, .. })) => {
                error
            }
            ended => return ended.map(|()| Outcome::Done),
        };
        attempts += 1;
        if is_used(engine, name).await? {
            reporter.warning(format!(
                "network {name} is still in use and stays: {refused}"
            ));
            return Ok(Outcome::Tolerated);
        }
        if attempts == ATTEMPTS {
            return Err(EngineError::Conflict(format!(
                "{refused}; no container is connected to it, so the engine has lost count: restart the engine"
            )));
        }
        tokio::time::sleep(LETTING_GO).await;
    }
}

/// Whether there is a container that is connected to a network, and stays.
async fn is_used(engine: &dyn Engine, network: &str) -> Result<bool, EngineError> {
    let containers = engine.containers(&Filter::default()).await?;
    let goes = [ContainerState::Removing, ContainerState::Dead];
    let staying = containers.iter().filter(|it| !goes.contains(&it.state));
    let mut networks = staying.flat_map(|it| it.networks.keys());
    Ok(networks.any(|name| name == network))
}

/// The same of a volume.
async fn remove_volume(
    engine: &dyn Engine,
    name: &str,
    reporter: &Reporter,
) -> Result<Outcome, EngineError> {
    match engine.remove_volume(name, false).await {
        Ok(()) => Ok(Outcome::Done),
        Err(EngineError::Conflict(reason)) => {
            reporter.warning(format!("volume {name} is still in use and stays: {reason}"));
            Ok(Outcome::Tolerated)
        }
        Err(error) => Err(error),
    }
}

/// The same of an image.
async fn remove_image(
    engine: &dyn Engine,
    reference: &str,
    reporter: &Reporter,
) -> Result<Outcome, EngineError> {
    match engine.remove_image(reference, false).await {
        Ok(()) => Ok(Outcome::Done),
        Err(EngineError::Conflict(reason)) => {
            reporter.warning(format!(
                "image {reference} is still in use and stays: {reason}"
            ));
            Ok(Outcome::Tolerated)
        }
        Err(error) => Err(error),
    }
}

async fn pull(
    engine: &dyn Engine,
    reference: &str,
    platform: Option<&str>,
    optional: bool,
    reporter: &Reporter,
) -> Result<Outcome, EngineError> {
    match pull_whole(engine, reference, platform, reporter).await {
        Err(error) if optional => {
            reporter.progress(Progress::Line(error.to_string()));
            Ok(Outcome::Tolerated)
        }
        result => result.map(|()| Outcome::Done),
    }
}

async fn pull_whole(
    engine: &dyn Engine,
    reference: &str,
    platform: Option<&str>,
    reporter: &Reporter,
) -> Result<(), EngineError> {
    use futures_util::StreamExt;
    let mut answers = engine.pull_image(reference, platform).await?;
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        reporter.progress(match answer.id {
            Some(id) => Progress::Transfer {
                id,
                text: answer.text,
                current: answer.current.unwrap_or_default(),
                total: answer.total.unwrap_or_default(),
            },
            None => Progress::Line(answer.text),
        });
    }
    Ok(())
}

async fn build_image(engine: &dyn Engine, wanted: &BuildImage, reporter: &Reporter) -> StepResult {
    let name = wanted.tags.first().map_or("", String::as_str);
    if wanted.only_if_missing {
        let found = engine
            .image(name)
            .await
            .map_err(|error| format!("cannot look at image {name}: {error}"))?;
        if found.is_some() {
            return Ok(Outcome::Unchanged);
        }
    }
    let mut tell = |event: BuildEvent| match event {
        BuildEvent::Line(line) => reporter.progress(Progress::Line(line)),
        BuildEvent::ContextSent { bytes, .. } => {
            let id = "context".to_owned();
            let text = "sent".to_owned();
            reporter.progress(Progress::Transfer {
                id,
                text,
                current: bytes,
                total: bytes,
            });
        }
    };
    let built = build::build(engine, &instructions(wanted), &mut tell).await;
    built
        .map(|_| Outcome::Done)
        .map_err(|error| format!("cannot build {name}: {error}"))
}

/// The plan's words for a build in the builder's.
fn instructions(wanted: &BuildImage) -> Build {
    let section = &wanted.build;
    let context = if wanted.is_remote() {
        Context::Remote(section.context.clone())
    } else {
        Context::Local(section.context.clone().into())
    };
    Build {
        context,
        dockerfile: match (&section.dockerfile_inline, &section.dockerfile) {
            (Some(text), _) => Dockerfile::Inline(text.clone()),
            (None, Some(path)) => Dockerfile::Path(path.into()),
            (None, None) => Dockerfile::default(),
        },
        args: section.args.clone(),
        labels: section.labels.clone(),
        tags: wanted.tags.clone(),
        target: section.target.clone(),
        network: section.network.clone(),
        no_cache: section.no_cache,
        pull: section.pull,
        extra_hosts: section
            .extra_hosts
            .iter()
            .map(|host| host.replacen('=', ":", 1))
            .collect(),
        cache_from: section.cache_from.clone(),
        shm_size: section.shm_size.map(|size| size.0),
        platform: wanted.platform.clone(),
    }
}

/// Of an image that was not here when it was planned.
fn tell_of_unnamed(step: &Step, create: &CreateContainer, image: &Image, reporter: &Reporter) {
    let first = step.cause == Cause::Missing && create.stamp_image;
    let paths = unnamed::paths(&create.body, &image.volumes);
    if let (true, Some(service), false) = (first, &step.service, paths.is_empty()) {
        reporter.warning(unnamed::words(service, &paths));
    }
}

/// Makes a container; `seen` is told the image, where it had to be looked at.
pub(super) async fn create_container(
    engine: &dyn Engine,
    create: &CreateContainer,
    seen: &(dyn Fn(&Image) + Sync),
) -> Result<(), EngineError> {
    let mut body = create.body.clone();
    if create.stamp_image || !create.inherit.is_empty() {
        let reference = body.image.clone().unwrap_or_default();
        let missing = || EngineError::NotFound(format!("there is no image {reference}"));
        let image = engine.image(&reference).await?.ok_or_else(missing)?;
        seen(&image);
        body.labels
            .get_or_insert_default()
            .insert(labels::IMAGE.to_owned(), image.id.clone());
        for mount in &create.inherit {
            inherit(&mut body, mount, &image);
        }
    }
    let made = engine
        .create_container(&create.name, create.platform.as_deref(), body)
        .await;
    let own = made.is_ok();
    adopt::container(engine, create, made).await?;
    let completed = complete(engine, create).await;
    if completed.is_err() && own {
        // Half connected, or without its files, it would look finished to the next run.
        let _ = engine.remove_container(&create.name, true, true).await;
    }
    completed
}

/// What a container needs beyond the request that makes it.
async fn complete(engine: &dyn Engine, create: &CreateContainer) -> Result<(), EngineError> {
    for (network, endpoint) in &create.connect {
        let connected = engine.connect_network(network, &create.name, endpoint.clone());
        connected_is_fine(connected.await)?;
    }
    files::put(engine, &create.name, &create.files).await
}

/// Mounts an unnamed volume of the predecessor where the service asks for an unnamed volume, or
/// where the image declares one. Elsewhere the new image has something of its own.
fn inherit(body: &mut ContainerCreateBody, mount: &InheritedMount, image: &Image) {
    let host = body.host_config.get_or_insert_default();
    let anonymous = host.mounts.iter_mut().flatten().find(|found| {
        found.target.as_deref() == Some(mount.target.as_str())
            && found.typ == Some(MountType::VOLUME)
            && found.source.is_none()
    });
    if let Some(anonymous) = anonymous {
        anonymous.source = Some(mount.volume.clone());
        // They say how a new volume is made, and docker compose leaves them out here, too.
        anonymous.volume_options = None;
    } else if image.volumes.contains(&mount.target) {
        host.mounts.get_or_insert_default().push(Mount {
            typ: Some(MountType::VOLUME),
            source: Some(mount.volume.clone()),
            target: Some(mount.target.clone()),
            read_only: mount.read_only.then_some(true),
            ..Mount::default()
        });
    }
}

/// Attaches first, when somebody wants the output, so that not a line is lost.
async fn start(engine: &dyn Engine, name: &str, attach: Option<&Attach>) -> Result<(), String> {
    attach_to(engine, name, attach).await?;
    match engine.start_container(name).await {
        Ok(()) => Ok(()),
        Err(error) => {
            let holder = ports::explain(engine, &error).await.unwrap_or_default();
            Err(format!("cannot start container {name}: {error}{holder}"))
        }
    }
}

/// Hands a container's output over to whoever asked for it.
async fn attach_to(engine: &dyn Engine, name: &str, attach: Option<&Attach>) -> Result<(), String> {
    let Some(attach) = attach.filter(|attach| attach.containers.contains(name)) else {
        return Ok(());
    };
    let output = engine.attach_container(name).await;
    let output = output.map_err(|error| format!("cannot attach to container {name}: {error}"))?;
    // Nobody listens any more when the user has left; the container is started all the same.
    let _ = attach.attached.send(Attached {
        container: name.to_owned(),
        output,
    });
    Ok(())
}
