//! What configs and secrets hold: their texts out of files, variables and the Compose files.
//!
//! Each reference of a service learns what becomes of it. A file on this machine is mounted, as
//! docker compose does it, unless an owner or a mode is asked for: what is mounted has those that
//! it has here, so then it is written into the container, as everything is that is no file.
//!
//! What cannot be had is no error of loading: a service that is not made does not need it. It is
//! written down, and told by whoever wants to make a container of it.

use std::collections::BTreeMap;
use std::path::Path;

use super::Load;
use crate::project::content::Content;
use crate::project::service::mounts::{FileReference, Origin, Problem};
use crate::project::{Project, hash};

/// Where a config or secret says that its text is.
#[derive(Clone, Copy)]
enum Source<'a> {
    File(&'a str),
    Variable(&'a str),
    Text(&'a str),
    Nowhere,
}

/// Reads what the services that are wanted refer to.
pub(super) fn apply(load: &Load<'_>, project: &mut Project, variables: &BTreeMap<String, String>) {
    let Project {
        name,
        services,
        configs,
        secrets,
        ..
    } = project;
    for service in services.values_mut() {
        for file in &mut service.configs {
            let config = configs.get(&file.source);
            let source = config.map_or(Source::Nowhere, |it| {
                of(
                    it.file.as_ref(),
                    it.environment.as_ref(),
                    it.content.as_ref(),
                )
            });
            settle(load, file, source, variables, &[name, "configs"]);
        }
        for file in &mut service.secrets {
            let secret = secrets.get(&file.source);
            let source = secret.map_or(Source::Nowhere, |it| {
                of(it.file.as_ref(), it.environment.as_ref(), None)
            });
            settle(load, file, source, variables, &[name, "secrets"]);
        }
    }
}

fn of<'a>(
    file: Option<&'a String>,
    variable: Option<&'a String>,
    text: Option<&'a String>,
) -> Source<'a> {
    match (file, variable, text) {
        (Some(path), _, _) => Source::File(path),
        (None, Some(name), _) => Source::Variable(name),
        (None, None, Some(text)) => Source::Text(text),
        (None, None, None) => Source::Nowhere,
    }
}

fn settle(
    load: &Load<'_>,
    file: &mut FileReference,
    source: Source<'_>,
    variables: &BTreeMap<String, String>,
    salt: &[&str],
) {
    let key = file.source.clone();
    let salt = [salt, &[key.as_str()]].concat();
    let content = match source {
        Source::Nowhere => return,
        Source::File(path) if !file.has_owner() => return settle_mount(load, file, path, &salt),
        Source::File(path) => read(load, path),
        Source::Variable(name) => variables.get(name).map_or_else(
            || Err(Problem::variable(name)),
            |value| Ok(Content::new(value.as_bytes())),
        ),
        Source::Text(text) => Ok(Content::new(text.as_bytes())),
    };
    match content {
        Ok(content) => {
            file.digest = Some(hash::content(&salt, content.bytes()));
            file.origin = Origin::Content(content);
        }
        Err(problem) => {
            file.origin = Origin::Elsewhere;
            file.problem = Some(problem);
        }
    }
}

/// A mounted file counts with its path: one that is somewhere else now is another mount. What
/// only the engine may read, or what is no plain file, is mounted and not looked into.
fn settle_mount(load: &Load<'_>, file: &mut FileReference, path: &str, salt: &[&str]) {
    if !load.files.exists(Path::new(path)) {
        file.problem = Some(Problem::missing(path));
    } else if load.files.is_file(Path::new(path))
        && let Ok(bytes) = load.files.read(Path::new(path))
    {
        let salt = [salt, &[path]].concat();
        file.digest = Some(hash::content(&salt, &bytes));
    }
}

fn read(load: &Load<'_>, path: &str) -> Result<Content, Problem> {
    if !load.files.exists(Path::new(path)) {
        return Err(Problem::missing(path));
    }
    if !load.files.is_file(Path::new(path)) {
        return Err(Problem::unreadable(path, "it is not a plain file"));
    }
    let bytes = load.files.read(Path::new(path));
    let bytes = bytes.map_err(|error| Problem::unreadable(path, &error.to_string()))?;
    Ok(Content::new(bytes))
}
