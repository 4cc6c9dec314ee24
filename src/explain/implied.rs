//! Why the model holds a value that nobody wrote.

use crate::document::{Path, Segment};
use crate::project::Project;
use crate::project::service::Service;
use crate::project::service::links;
use crate::project::service::volumes_from::{self, Target};
use crate::project::validate::attribute_behind;

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

/// Which attribute makes one service depend on another, down to the item of a list.
fn dependency(service: &Service, on: &str) -> (String, Option<Vec<Segment>>) {
    let attribute = attribute_behind(service, on);
    let index = match attribute {
        "depends_on" => {
            let reason = "what the short form of a dependency stands for";
            return (reason.to_owned(), None);
        }
        "links" => service
            .links
            .iter()
            .position(|link| links::split(link).0 == on),
        "volumes_from" => service
            .volumes_from
            .iter()
            .position(|entry| volumes_from::split(entry).0 == Target::Service(on)),
        _ => None,
    };
    let path = Path::default().key("services").key(&service.name);
    let mut path = path.key(attribute);
    if let Some(index) = index {
        path = path.index(index);
    }
    let reason = format!("follows from `{attribute}`");
    (reason, Some(path.segments().to_vec()))
}
