//! Why the model holds a value that nobody wrote.

use crate::document::{Path, Segment};
use crate::project::Project;
use crate::project::service::Service;
use crate::project::service::{links, volumes_from};

/// The reason, and the path of what it follows from.
pub(super) fn reason(project: &Project, path: &[Segment]) -> (String, Option<Vec<Segment>>) {
    let keys: Vec<&str> = path
        .iter()
        .map(|segment| match segment {
            Segment::Key(key) => key.as_str(),
            Segment::Index(_) => "[]",
        })
        .collect();
    let plain = |text: &str| (text.to_owned(), None);
    match keys.as_slice() {
        ["services", service, "depends_on", on, ..] => match project.services.get(*service) {
            Some(service) => dependency(service, on),
            None => plain(DEFAULT),
        },
        ["services", _, "networks", "default", ..] => {
            plain("a service that names no network joins the project's default network")
        }
        ["networks", "default"] => {
            plain("the project's default network, which services join that name none")
        }
        ["networks" | "volumes" | "configs" | "secrets", key, "name"] => (
            format!("made of the project's name and the key `{key}`"),
            None,
        ),
        ["services", _, "build", "dockerfile"] => plain("the default name of a Dockerfile"),
        ["services", _, "build", "context"] => {
            plain("a build without a context uses the folder of its file")
        }
        ["services", _, "ports", "[]", "mode" | "protocol"] => {
            plain("what a port has that does not say otherwise")
        }
        ["services", _, "volumes", "[]", ..] => plain("what the short form of a mount stands for"),
        [
            "services",
            _,
            "networks" | "configs" | "secrets" | "env_file",
            ..,
        ] => plain("what the short form stands for"),
        _ => plain(DEFAULT),
    }
}

const DEFAULT: &str = "the default";

/// Which attribute makes one service depend on another.
fn dependency(service: &Service, on: &str) -> (String, Option<Vec<Segment>>) {
    let base = Path::default().key("services").key(&service.name);
    let because = |attribute: &str, path: Path| {
        let reason = format!("follows from `{attribute}`");
        (reason, Some(path.segments().to_vec()))
    };
    let link = service
        .links
        .iter()
        .position(|link| links::split(link).0 == on);
    if let Some(index) = link {
        return because("links", base.key("links").index(index));
    }
    let modes = [
        ("network_mode", &service.network_mode),
        ("ipc", &service.ipc),
        ("pid", &service.pid),
        ("uts", &service.uts),
        ("cgroup", &service.cgroup),
    ];
    for (attribute, mode) in modes {
        let target = mode
            .as_deref()
            .and_then(|mode| mode.strip_prefix("service:"));
        if target == Some(on) {
            return because(attribute, base.key(attribute));
        }
    }
    let from = service.volumes_from.iter().position(|entry| {
        matches!(volumes_from::split(entry).0, volumes_from::Target::Service(name) if name == on)
    });
    match from {
        Some(index) => because("volumes_from", base.key("volumes_from").index(index)),
        None => (
            "what the short form of a dependency stands for".to_owned(),
            None,
        ),
    }
}
