//! `volumes_from`: all mounts of another service's container.

use crate::project::attribute::{Attribute, Hash, Lower, merge};
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::Shape;

/// The row of `volumes_from`.
pub const ROW: Attribute<Service> = Attribute {
    key: "volumes_from",
    about: "Mounts of another service (`service[:ro]`) or container (`container:name[:ro]`).",
    example: "['data:ro']",
    shape: Shape::DISTINCT,
    parse: |node, service, reader| {
        reader.distinct(node);
        service.volumes_from = reader.strings(node);
    },
    merge: merge::default,
    render: |service| render::list(&service.volumes_from),
    hash: Hash::Included,
    lower: Lower::Request(lower),
};

/// Whose mounts an entry means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A service of the project.
    Service(&'a str),
    /// A container outside it.
    Container(&'a str),
}

/// Target and mode of an entry.
pub fn split(entry: &str) -> (Target<'_>, Option<&str>) {
    let (target, rest) = match entry.strip_prefix("container:") {
        Some(rest) => (true, rest),
        None => (false, entry),
    };
    let (name, mode) = match rest.rsplit_once(':') {
        Some((name, mode)) => (name, Some(mode)),
        None => (rest, None),
    };
    (
        if target {
            Target::Container(name)
        } else {
            Target::Service(name)
        },
        mode,
    )
}

/// Unlike docker compose, which drops it, the mode is passed on.
fn lower(service: &Service, request: &mut Request<'_>) {
    let mut volumes_from = Vec::new();
    for entry in &service.volumes_from {
        let (target, mode) = split(entry);
        let container = match target {
            Target::Container(name) => Some(name.to_owned()),
            Target::Service(name) => request
                .with
                .replicas
                .get(name)
                .and_then(|names| names.first().cloned()),
        };
        let mode = mode.map_or_else(String::new, |mode| format!(":{mode}"));
        volumes_from.extend(container.map(|container| format!("{container}{mode}")));
    }
    request.host.volumes_from = (!volumes_from.is_empty()).then_some(volumes_from);
}
