//! `links` and `external_links`: other containers by a name of one's own choosing.
//!
//! A link also makes the target a dependency (`graph`). On a network it is an alias that only
//! this container sees.

use crate::document::merge::Rule;
use crate::project::attribute::{Attribute, Hash, Lower, merge};
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::Shape;

/// The row of `links`.
pub const ROW: Attribute<Service> = Attribute {
    key: "links",
    about: "Services that are started first and reachable by an alias: `service` or `service:alias`.",
    example: "['db:database']",
    shape: Shape::STRINGS,
    parse: |node, service, reader| service.links = reader.strings(node),
    merge: |rest| {
        if rest.is_empty() {
            Rule::Exact
        } else {
            Rule::Default
        }
    },
    render: |service| render::list(&service.links),
    hash: Hash::Included,
    lower: Lower::UsedBy("project/service/networks.rs"),
};

/// The row of `external_links`.
pub const EXTERNAL: Attribute<Service> = Attribute {
    key: "external_links",
    about: "Containers outside this project by an alias: `container` or `container:alias`.",
    example: "['other_db_1:db']",
    shape: Shape::DISTINCT,
    parse: |node, service, reader| {
        reader.distinct(node);
        service.external_links = reader.strings(node);
    },
    merge: merge::default,
    render: |service| render::list(&service.external_links),
    hash: Hash::Included,
    lower: Lower::UsedBy("project/service/networks.rs"),
};

/// Service (or container) and alias of one entry.
pub fn split(link: &str) -> (&str, &str) {
    link.split_once(':').unwrap_or((link, link))
}

/// The links of one endpoint as the engine takes them, `container:alias`. For every container of
/// a linked service: the alias, and the names that old Compose versions gave it.
pub fn for_endpoint(service: &Service, request: &Request<'_>) -> Option<Vec<String>> {
    let mut links = Vec::new();
    for link in &service.links {
        let (target, alias) = split(link);
        for container in request.with.replicas.get(target).into_iter().flatten() {
            links.push(format!("{container}:{alias}"));
            links.push(format!("{container}:{target}-{}", request.with.number));
            links.push(format!(
                "{container}:{}-{target}-{}",
                request.with.project, request.with.number
            ));
        }
    }
    for link in &service.external_links {
        let (container, alias) = split(link);
        links.push(format!("{container}:{alias}"));
    }
    (!links.is_empty()).then_some(links)
}
