//! Labels of everything that is created: docker compose's, so that either tool recognises what
//! the other made, and one of our own.

use std::collections::BTreeMap;

use crate::project::service::depends_on::{Condition, Dependency};
use crate::project::{Project, Service, hash, record};

/// What docker compose's labels begin with.
pub const PREFIX: &str = "com.docker.compose.";
/// The project that something belongs to.
pub const PROJECT: &str = "com.docker.compose.project";
/// The service that a container or image belongs to.
pub const SERVICE: &str = "com.docker.compose.service";
/// Version of the tool that made it.
pub const VERSION: &str = "com.docker.compose.version";
/// The project's folder.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// The project's files, joined by commas.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// Files given by `--env-file`, joined by commas.
pub const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
/// `True` for containers made by `run`.
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
/// A container's number among its service's.
pub const NUMBER: &str = "com.docker.compose.container-number";
/// docker compose's hash of the configuration.
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// What the service depends on: `service:condition:restart`, joined by commas.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// Id of the image that a container was made of.
pub const IMAGE: &str = "com.docker.compose.image";
/// What a replacement replaces.
pub const REPLACE: &str = "com.docker.compose.replace";
/// On containers that run a hook: which one.
pub const HOOK: &str = "com.docker.compose.hook";
/// A network's key.
pub const NETWORK: &str = "com.docker.compose.network";
/// A volume's key.
pub const VOLUME: &str = "com.docker.compose.volume";
/// Ours: `attribute=hash` pairs joined by commas, so that a difference can be named; and a pair like
/// `secrets.NAME=digest` for what each config and secret held.
pub const ATTRIBUTES: &str = "dev.rcompose.attributes";

/// Ours: the service that a container was made from, as [`record`] writes it.
pub const RECORD: &str = "dev.rcompose.service";
/// Ours, on a container that took another one's place: why, as [`Cause`](super::Cause) words it.
pub const CAUSE: &str = "dev.rcompose.cause";
/// Ours, on volumes: the folder of the project that made it, which containers have in
/// [`WORKING_DIR`]. It outlives them.
pub const FOLDER: &str = "dev.rcompose.folder";

/// The version that is written: docker compose shows it, nothing depends on it.
pub const VERSION_VALUE: &str = env!("CARGO_PKG_VERSION");

/// The labels of a container. The user's come first and lose where they clash.
pub fn container(
    project: &Project,
    service: &Service,
    number: u32,
    config_hash: &str,
) -> BTreeMap<String, String> {
    let mut labels = service.labels.clone();
    let mut add = |key: &str, value: String| labels.insert(key.to_owned(), value);
    add(PROJECT, project.name.clone());
    add(SERVICE, service.name.clone());
    add(VERSION, VERSION_VALUE.to_owned());
    add(
        WORKING_DIR,
        project.directory.to_string_lossy().into_owned(),
    );
    add(CONFIG_FILES, project.files.join(","));
    if !project.env_files.is_empty() {
        add(ENVIRONMENT_FILE, project.env_files.join(","));
    }
    add(ONE_OFF, "False".to_owned());
    add(NUMBER, number.to_string());
    add(CONFIG_HASH, config_hash.to_owned());
    add(DEPENDS_ON, depends_on(project, service));
    add(ATTRIBUTES, write_attributes(service));
    add(RECORD, record::write(&project.name, service));
    labels
}

/// The labels of a network or volume; `kind` is [`NETWORK`] or [`VOLUME`].
pub fn resource(
    project: &Project,
    kind: &str,
    key: &str,
    own: &BTreeMap<String, String>,
    config_hash: &str,
) -> BTreeMap<String, String> {
    let mut labels = own.clone();
    labels.insert(kind.to_owned(), key.to_owned());
    labels.insert(PROJECT.to_owned(), project.name.clone());
    labels.insert(VERSION.to_owned(), VERSION_VALUE.to_owned());
    labels.insert(CONFIG_HASH.to_owned(), config_hash.to_owned());
    if kind == VOLUME {
        let folder = project.directory.to_string_lossy();
        labels.insert(FOLDER.to_owned(), folder.into_owned());
    }
    labels
}

/// The labels of an image that is built. Unlike docker compose's they leave the tool's version out,
/// which would make every image another one, and replace every container, with each release.
pub fn image(project: &str, service: &Service) -> BTreeMap<String, String> {
    let mut labels = service
        .build
        .as_ref()
        .map(|build| build.labels.clone())
        .unwrap_or_default();
    labels.insert(PROJECT.to_owned(), project.to_owned());
    labels.insert(SERVICE.to_owned(), service.name.clone());
    labels
}

/// Without those that are not there, which only those who do not require them name.
fn depends_on(project: &Project, service: &Service) -> String {
    let entry = |(name, dependency): (&String, &Dependency)| {
        format!(
            "{name}:{}:{}",
            dependency.condition.word(),
            dependency.restart
        )
    };
    service
        .depends_on
        .iter()
        .filter(|(name, _)| project.services.contains_key(*name))
        .map(entry)
        .collect::<Vec<_>>()
        .join(",")
}

fn write_attributes(service: &Service) -> String {
    let attributes = hash::attributes(service).into_iter();
    let attributes = attributes.map(|(key, hash)| format!("{key}={hash}"));
    let contents = hash::contents(service).into_iter();
    let contents = contents.map(|(key, digest)| format!("{key}={digest}"));
    attributes.chain(contents).collect::<Vec<_>>().join(",")
}

/// Reads [`ATTRIBUTES`] back.
pub fn read_attributes(label: &str) -> BTreeMap<String, String> {
    let pair = |pair: &str| {
        pair.split_once('=')
            .map(|(key, hash)| (key.to_owned(), hash.to_owned()))
    };
    label.split(',').filter_map(pair).collect()
}

/// Reads [`DEPENDS_ON`] back. What an entry does not say is as docker compose takes it: it restarts
/// along, and it is required, which a label never says.
pub fn read_depends_on(label: &str) -> BTreeMap<String, Dependency> {
    let mut dependencies = BTreeMap::new();
    for entry in label.split(',') {
        let mut parts = entry.split(':');
        let name = parts.next().unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        let condition = parts.next().and_then(Condition::from_word);
        let dependency = Dependency {
            condition: condition.unwrap_or_default(),
            restart: parts.next() != Some("false"),
            required: true,
        };
        dependencies.insert(name.to_owned(), dependency);
    }
    dependencies
}
