//! A network of the top level, and the table of its attributes.

use std::collections::BTreeMap;

use crate::document::merge::Rule;
use crate::document::{Diagnostic, Node, Segment, Span, Value};
use crate::project::attribute::{
    Attribute, Data, Hash, Lower, merge, merge_rule, read_table, render_table, unknown_key,
};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::shape::{Key, Shape, keys};

/// A network as its files describe it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// Where its key stands; `None` for the default network, which nobody has to write.
    pub span: Option<Span>,
    /// Name on the engine; `PROJECT_KEY` when not given.
    pub name: Option<String>,
    /// Driver; the engine's default when absent.
    pub driver: Option<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Addresses.
    pub ipam: Ipam,
    /// Made by somebody else: it must exist and is never touched.
    pub external: bool,
    /// Without a way out.
    pub internal: bool,
    /// Containers outside any service may join (swarm).
    pub attachable: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// IPv4 addresses are assigned.
    pub enable_ipv4: Option<bool>,
    /// IPv6 addresses are assigned.
    pub enable_ipv6: Option<bool>,
}

/// How addresses are assigned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ipam {
    /// Driver of address management.
    pub driver: Option<String>,
    /// Pools.
    pub config: Vec<Pool>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

/// A pool of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pool {
    /// `10.1.0.0/16`.
    pub subnet: Option<String>,
    /// Address of the gateway.
    pub gateway: Option<String>,
    /// Part of the subnet that containers get addresses from.
    pub ip_range: Option<String>,
    /// Addresses that are taken by others, by name.
    pub aux_addresses: BTreeMap<String, String>,
}

const USED: Lower<Network> = Lower::UsedBy("plan/resources.rs");

/// Every attribute of a network, in the order that printing and hashing follow.
pub const TABLE: &[Attribute<Network>] = &[
    Attribute {
        key: "name",
        about: "Name on the engine (default `PROJECT_KEY`).",
        example: "shared",
        shape: Shape::String,
        parse: |node, network, reader| network.name = reader.string(node),
        merge: merge::default,
        render: |network| render::text(network.name.as_deref()),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "driver",
        about: "`bridge`, `overlay`, `macvlan`, …; the engine's default when absent.",
        example: "bridge",
        shape: Shape::String,
        parse: |node, network, reader| network.driver = reader.string(node),
        merge: merge::default,
        render: |network| render::text(network.driver.as_deref()),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "driver_opts",
        about: "Options of the driver.",
        example: "{com.docker.network.driver.mtu: '1450'}",
        shape: Shape::OPTIONS,
        parse: |node, network, reader| network.driver_opts = reader.options(node),
        merge: merge::default,
        render: |network| render::strings(&network.driver_opts),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "ipam",
        about: "How addresses are assigned.",
        example: "{config: [{subnet: 10.1.0.0/16}]}",
        shape: Shape::object("ipam", || keys(IPAM)),
        parse: |node, network, reader| read_table(node, IPAM, &mut network.ipam, reader),
        merge: |rest| merge_rule(IPAM, rest),
        render: |network| Some(render_table(IPAM, &network.ipam)),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "external",
        about: "Made by somebody else: it must exist and is never touched.",
        example: "true",
        shape: EXTERNAL,
        parse: |node, network, reader| {
            network.external = read_external(node, &mut network.name, reader);
        },
        merge: merge::default,
        render: |network| render::flag(network.external),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "internal",
        about: "Without a way out.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, network, reader| network.internal = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |network| render::flag(network.internal),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "attachable",
        about: "Containers outside any service may join (swarm).",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, network, reader| {
            network.attachable = reader.boolean(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |network| render::flag(network.attachable),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "labels",
        about: "Labels of the network.",
        example: "{team: web}",
        shape: Shape::KEY_VALUES,
        parse: |node, network, reader| network.labels = reader.labels(node),
        merge: merge::key_value,
        render: |network| render::strings(&network.labels),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "enable_ipv4",
        about: "Assign IPv4 addresses (default true; Docker 28).",
        example: "false",
        shape: Shape::Boolean,
        parse: |node, network, reader| network.enable_ipv4 = reader.boolean(node),
        merge: merge::default,
        render: |network| render::option(network.enable_ipv4),
        hash: Hash::Included,
        lower: USED,
    },
    Attribute {
        key: "enable_ipv6",
        about: "Assign IPv6 addresses.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, network, reader| network.enable_ipv6 = reader.boolean(node),
        merge: merge::default,
        render: |network| render::option(network.enable_ipv6),
        hash: Hash::Included,
        lower: USED,
    },
];

/// The keys of `ipam`.
pub const IPAM: &[Attribute<Ipam>] = &[
    Attribute {
        key: "driver",
        about: "Driver of address management.",
        example: "default",
        shape: Shape::String,
        parse: |node, ipam, reader| ipam.driver = reader.string(node),
        merge: merge::default,
        render: |ipam| render::text(ipam.driver.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/resources.rs"),
    },
    Attribute {
        key: "config",
        about: "Pools of addresses.",
        example: "[{subnet: 10.1.0.0/16}]",
        shape: Shape::List(&POOL_SHAPE),
        parse: |node, ipam, reader| ipam.config = reader.each(node, read_pool),
        merge: merge_pools,
        render: |ipam| render::items(&ipam.config, |pool| render_table(POOL, pool)),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/resources.rs"),
    },
    Attribute {
        key: "options",
        about: "Options of address management.",
        example: "{a: b}",
        shape: Shape::Map(&Shape::String),
        parse: |node, ipam, reader| ipam.options = reader.texts_by_key(node),
        merge: merge::default,
        render: |ipam| render::strings(&ipam.options),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/resources.rs"),
    },
];

const POOL_SHAPE: Shape = Shape::object("pool", || keys(POOL));

/// The keys of a pool of addresses.
pub const POOL: &[Attribute<Pool>] = &[
    Attribute {
        key: "subnet",
        about: "The pool: `10.1.0.0/16`.",
        example: "10.1.0.0/16",
        shape: Shape::String,
        parse: |node, pool, reader| pool.subnet = reader.string(node),
        merge: merge::default,
        render: |pool| render::text(pool.subnet.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/resources.rs"),
    },
    Attribute {
        key: "gateway",
        about: "Address of the gateway.",
        example: "10.1.0.1",
        shape: Shape::String,
        parse: |node, pool, reader| pool.gateway = reader.string(node),
        merge: merge::default,
        render: |pool| render::text(pool.gateway.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/resources.rs"),
    },
    Attribute {
        key: "ip_range",
        about: "Part of the pool that containers get addresses from.",
        example: "10.1.5.0/24",
        shape: Shape::String,
        parse: |node, pool, reader| pool.ip_range = reader.string(node),
        merge: merge::default,
        render: |pool| render::text(pool.ip_range.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/resources.rs"),
    },
    Attribute {
        key: "aux_addresses",
        about: "Addresses that others have, by name.",
        example: "{router: 10.1.0.2}",
        shape: Shape::Map(&Shape::String),
        parse: |node, pool, reader| pool.aux_addresses = reader.labels(node),
        merge: merge::default,
        render: |pool| render::strings(&pool.aux_addresses),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/resources.rs"),
    },
];

fn merge_pools(rest: &[Segment]) -> Rule {
    if rest.is_empty() {
        Rule::Custom(join_pools)
    } else {
        Rule::Default
    }
}

/// Pools of one subnet are one pool; the others are added.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a rule")]
fn join_pools(base: Node, over: Node) -> Result<Node, Vec<Diagnostic>> {
    let over_span = over.span;
    let (mut base, over) = match (base.value, over.value) {
        (Value::Sequence(base), Value::Sequence(over)) => (base, over),
        (_, value) => return Ok(Node { value, ..over }),
    };
    let subnet = |pool: &Node| pool.get("subnet").and_then(Node::as_str).map(str::to_owned);
    for pool in over {
        let wanted = subnet(&pool);
        let found = base
            .iter_mut()
            .find(|it| wanted.is_some() && subnet(it) == wanted);
        match (found.map(|it| &mut it.value), pool.value) {
            (Some(Value::Mapping(earlier)), Value::Mapping(later)) => earlier.extend(later),
            (_, value) => base.push(Node { value, ..pool }),
        }
    }
    Ok(Node::sequence(over_span, base))
}

fn read_pool(node: &Node, reader: &mut Reader<'_>) -> Pool {
    let mut pool = Pool::default();
    read_table(node, POOL, &mut pool, reader);
    pool
}

/// What may be written for `external`.
pub(crate) const EXTERNAL: Shape = Shape::OneOf(&[
    Shape::Boolean,
    Shape::object("external", || vec![EXTERNAL_NAME]),
]);

const EXTERNAL_NAME: Key = Key {
    key: "name",
    about: "Name on the engine; today it is written beside `external`.",
    example: "shared",
    shape: Shape::String,
};

/// `external: true`, or the deprecated `external: {name: NAME}`.
pub(crate) fn read_external(
    node: &Node,
    name: &mut Option<String>,
    reader: &mut Reader<'_>,
) -> bool {
    if let Value::Mapping(mapping) = &node.value {
        for (key, entry) in mapping {
            if key != "name" && !key.starts_with("x-") {
                unknown_key(key, entry, ["name"].into_iter(), reader);
            }
        }
        if let Some(inner) = node.get("name") {
            let inner_name = reader.within("name", |reader| reader.string(inner));
            if name.is_some() && *name != inner_name {
                reader.invalid(
                    node,
                    "two names are given",
                    "one in here, another beside it",
                );
            }
            *name = inner_name;
        }
        return true;
    }
    reader.boolean(node).unwrap_or_default()
}

/// Reads a network; nothing at all means all defaults.
pub fn read(_: &str, key_span: Span, node: &Node, reader: &mut Reader<'_>) -> Network {
    let mut network = Network {
        span: Some(key_span),
        ..Network::default()
    };
    if !node.is_null() {
        read_table(node, TABLE, &mut network, reader);
    }
    network
}

impl Network {
    /// Name on the engine.
    pub fn engine_name(&self, project: &str, key: &str) -> String {
        engine_name(self.name.as_deref(), self.external, project, key)
    }
}

/// The name given, else the key of what is external, else `PROJECT_KEY`.
pub(crate) fn engine_name(name: Option<&str>, external: bool, project: &str, key: &str) -> String {
    match name {
        Some(name) => name.to_owned(),
        None if external => key.to_owned(),
        None => format!("{project}_{key}"),
    }
}

/// Whether nothing is said about addresses.
pub fn is_default(ipam: &Ipam) -> bool {
    render_table(IPAM, ipam) == Data::Mapping(serde_yaml::Mapping::new())
}
