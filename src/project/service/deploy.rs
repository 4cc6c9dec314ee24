//! `deploy`: how many, with which limits, and when to restart. The rest of the section speaks to
//! a swarm.

use std::collections::BTreeMap;

use crate::document::Node;
use crate::project::attribute::{
    Attribute, Data, Hash, Lower, merge, merge_rule, read_table, render_table,
};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::service::devices::{self, DeviceRequest};
use crate::project::shape::{Shape, keys};
use crate::project::unsupported::SWARM;
use crate::project::value::byte_size::ByteSize;
use crate::project::value::duration::Duration;

/// A deploy section.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Deploy {
    /// `replicated` or `global`.
    pub mode: Option<String>,
    /// How many containers.
    pub replicas: Option<i64>,
    /// Labels of the swarm service.
    pub labels: BTreeMap<String, String>,
    /// Limits and reservations.
    pub resources: Resources,
    /// How a swarm replaces containers.
    pub update_config: Option<UpdateConfig>,
    /// How a swarm goes back to the containers before.
    pub rollback_config: Option<UpdateConfig>,
    /// When containers are restarted; overrides `restart`.
    pub restart_policy: Option<RestartPolicy>,
    /// Where a swarm places containers.
    pub placement: Placement,
    /// `vip` or `dnsrr`.
    pub endpoint_mode: Option<String>,
}

/// `deploy.update_config` and `deploy.rollback_config`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UpdateConfig {
    /// How many at a time; 0 is all.
    pub parallelism: Option<i64>,
    /// Time between them.
    pub delay: Option<Duration>,
    /// What happens when one fails.
    pub failure_action: Option<String>,
    /// How long each is watched.
    pub monitor: Option<Duration>,
    /// Part that may fail.
    pub max_failure_ratio: f64,
    /// `start-first` or `stop-first`.
    pub order: Option<String>,
}

/// `deploy.placement`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// Conditions on nodes.
    pub constraints: Vec<String>,
    /// What containers are spread over.
    pub preferences: Vec<Preference>,
    /// Containers of the service on one node at most; 0 is any number.
    pub max_replicas_per_node: i64,
}

/// An entry of `deploy.placement.preferences`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preference {
    /// Label of nodes whose values containers are spread over.
    pub spread: Option<String>,
}

/// An entry of `generic_resources`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GenericResource {
    /// What and how much.
    pub discrete_resource_spec: Option<DiscreteResource>,
}

/// `discrete_resource_spec`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiscreteResource {
    /// What.
    pub kind: String,
    /// How much.
    pub value: i64,
}

/// `deploy.resources`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resources {
    /// What a container may use at most.
    pub limits: Option<Resource>,
    /// What a container is promised.
    pub reservations: Option<Resource>,
}

/// One side of `deploy.resources`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// Processors, a fraction.
    pub cpus: f64,
    /// Memory.
    pub memory: Option<ByteSize>,
    /// Processes.
    pub pids: i64,
    /// Devices by what they can do.
    pub devices: Vec<DeviceRequest>,
    /// What only a swarm counts.
    pub generic_resources: Vec<GenericResource>,
}

/// `deploy.restart_policy`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestartPolicy {
    /// `none`, `on-failure`, `any`.
    pub condition: Option<String>,
    /// Time between attempts.
    pub delay: Option<Duration>,
    /// Attempts at most.
    pub max_attempts: Option<i64>,
    /// Time after which a restart counts as successful.
    pub window: Option<Duration>,
}

/// The row of `deploy`.
pub const ROW: Attribute<Service> = Attribute {
    key: "deploy",
    about: "How many containers, with which limits, and when they are restarted.",
    example: "{resources: {limits: {memory: 64m}}}",
    shape: Shape::OneOf(&[Shape::Null, Shape::object("deploy", || keys(TABLE))]),
    parse: |node, service, reader| {
        if !node.is_null() {
            read_table(node, TABLE, service.deploy.get_or_insert_default(), reader);
        }
    },
    merge: |rest| merge_rule(TABLE, rest),
    render: |service| {
        service
            .deploy
            .as_ref()
            .map(|deploy| render_table(TABLE, deploy))
    },
    hash: Hash::Included,
    lower: Lower::Request(lower_devices),
};

/// The keys of `deploy`.
pub const TABLE: &[Attribute<Deploy>] = &[
    Attribute {
        key: "mode",
        about: "`replicated` or `global`.",
        example: "replicated",
        shape: Shape::String,
        parse: |node, deploy, reader| deploy.mode = reader.string(node),
        merge: merge::default,
        render: |deploy| render::text(deploy.mode.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "replicas",
        about: "How many containers (default 1).",
        example: "2",
        shape: Shape::Within(0, i64::MAX),
        parse: |node, deploy, reader| deploy.replicas = reader.integer_within(node, 0..=i64::MAX),
        merge: merge::default,
        render: |deploy| deploy.replicas.map(Into::into),
        hash: Hash::Excluded("the number of containers is no property of one"),
        lower: Lower::UsedBy("plan/converge.rs"),
    },
    Attribute {
        key: "labels",
        about: "Labels of the swarm service.",
        example: "{team: web}",
        shape: Shape::KEY_VALUES,
        parse: |node, deploy, reader| deploy.labels = reader.labels(node),
        merge: merge::key_value,
        render: |deploy| render::strings(&deploy.labels),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "update_config",
        about: "How a swarm replaces containers.",
        example: "{parallelism: 2}",
        shape: Shape::object("update_config", || keys(UPDATE)),
        parse: |node, deploy, reader| {
            let config = deploy.update_config.get_or_insert_default();
            read_table(node, UPDATE, config, reader);
        },
        merge: |rest| merge_rule(UPDATE, rest),
        render: |deploy| {
            let config = deploy.update_config.as_ref()?;
            Some(render_table(UPDATE, config))
        },
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "rollback_config",
        about: "How a swarm goes back to the containers before.",
        example: "{parallelism: 2}",
        shape: Shape::object("update_config", || keys(UPDATE)),
        parse: |node, deploy, reader| {
            let config = deploy.rollback_config.get_or_insert_default();
            read_table(node, UPDATE, config, reader);
        },
        merge: |rest| merge_rule(UPDATE, rest),
        render: |deploy| {
            let config = deploy.rollback_config.as_ref()?;
            Some(render_table(UPDATE, config))
        },
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "resources",
        about: "What a container may use, and what it is promised.",
        example: "{limits: {memory: 64m}}",
        shape: Shape::object("resources", || keys(RESOURCES)),
        parse: |node, deploy, reader| read_table(node, RESOURCES, &mut deploy.resources, reader),
        merge: |rest| merge_rule(RESOURCES, rest),
        render: |deploy| Some(render_table(RESOURCES, &deploy.resources)),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/resources.rs"),
    },
    Attribute {
        key: "restart_policy",
        about: "When containers are restarted; overrides `restart`.",
        example: "{condition: on-failure}",
        shape: Shape::object("restart_policy", || keys(RESTART)),
        parse: |node, deploy, reader| {
            read_table(
                node,
                RESTART,
                deploy.restart_policy.get_or_insert_default(),
                reader,
            );
        },
        merge: |rest| merge_rule(RESTART, rest),
        render: |deploy| {
            deploy
                .restart_policy
                .as_ref()
                .map(|policy| render_table(RESTART, policy))
        },
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/restart.rs"),
    },
    Attribute {
        key: "placement",
        about: "Where a swarm places containers.",
        example: "{max_replicas_per_node: 1}",
        shape: Shape::object("placement", || keys(PLACEMENT)),
        parse: |node, deploy, reader| read_table(node, PLACEMENT, &mut deploy.placement, reader),
        merge: |rest| merge_rule(PLACEMENT, rest),
        // docker compose prints and hashes the section even when it is absent.
        render: |deploy| Some(render_table(PLACEMENT, &deploy.placement)),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "endpoint_mode",
        about: "`vip` or `dnsrr`.",
        example: "dnsrr",
        shape: Shape::String,
        parse: |node, deploy, reader| deploy.endpoint_mode = reader.string(node),
        merge: merge::default,
        render: |deploy| render::text(deploy.endpoint_mode.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
];

/// The keys of `update_config` and `rollback_config`.
pub const UPDATE: &[Attribute<UpdateConfig>] = &[
    Attribute {
        key: "parallelism",
        about: "How many at a time; 0 is all.",
        example: "2",
        shape: Shape::Within(0, i64::MAX),
        parse: |node, config, reader| {
            config.parallelism = reader.integer_within(node, 0..=i64::MAX);
        },
        merge: merge::default,
        render: |config| config.parallelism.map(Into::into),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "delay",
        about: "Time between them.",
        example: "10s",
        shape: Shape::DURATION,
        parse: |node, config, reader| config.delay = reader.duration(node),
        merge: merge::default,
        render: |config| render::duration(config.delay.filter(|it| it.0 != 0)),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "failure_action",
        about: "What happens when one fails: `continue`, `rollback` or `pause`.",
        example: "rollback",
        shape: Shape::String,
        parse: |node, config, reader| config.failure_action = reader.string(node),
        merge: merge::default,
        render: |config| render::text(config.failure_action.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "monitor",
        about: "How long each is watched.",
        example: "5s",
        shape: Shape::DURATION,
        parse: |node, config, reader| config.monitor = reader.duration(node),
        merge: merge::default,
        render: |config| render::duration(config.monitor.filter(|it| it.0 != 0)),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "max_failure_ratio",
        about: "Part that may fail, 0 to 1.",
        example: "0.2",
        shape: Shape::Number,
        parse: |node, config, reader| {
            config.max_failure_ratio = reader.number(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |config| render::fraction(config.max_failure_ratio),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "order",
        about: "`start-first` or `stop-first`.",
        example: "start-first",
        shape: Shape::Words(ORDERS),
        parse: |node, config, reader| config.order = read_order(node, reader),
        merge: merge::default,
        render: |config| render::text(config.order.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
];

/// The keys of `placement`.
pub const PLACEMENT: &[Attribute<Placement>] = &[
    Attribute {
        key: "constraints",
        about: "Conditions on nodes.",
        example: "[node.role == manager]",
        shape: Shape::STRINGS,
        parse: |node, placement, reader| placement.constraints = reader.strings(node),
        merge: merge::default,
        render: |placement| render::list(&placement.constraints),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "preferences",
        about: "What containers are spread over.",
        example: "[{spread: node.labels.zone}]",
        shape: Shape::List(&Shape::object("preference", || keys(PREFERENCE))),
        parse: |node, placement, reader| {
            placement.preferences = reader.each(node, |item, reader| {
                let mut preference = Preference::default();
                read_table(item, PREFERENCE, &mut preference, reader);
                preference
            });
        },
        merge: merge::default,
        render: |placement| {
            render::items(&placement.preferences, |it| render_table(PREFERENCE, it))
        },
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "max_replicas_per_node",
        about: "Containers of the service on one node at most.",
        example: "1",
        shape: Shape::Integer,
        parse: |node, placement, reader| {
            placement.max_replicas_per_node = reader.integer(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |placement| render::number(placement.max_replicas_per_node),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
];

/// The keys of an entry of `preferences`.
pub const PREFERENCE: &[Attribute<Preference>] = &[Attribute {
    key: "spread",
    about: "Label of nodes whose values containers are spread over.",
    example: "node.labels.zone",
    shape: Shape::String,
    parse: |node, preference, reader| preference.spread = reader.string(node),
    merge: merge::default,
    render: |preference| render::text(preference.spread.as_deref()),
    hash: Hash::Included,
    lower: Lower::NoEffect(SWARM),
}];

/// The keys of `resources`.
pub const RESOURCES: &[Attribute<Resources>] = &[
    Attribute {
        key: "limits",
        about: "What a container may use at most.",
        example: "{memory: 64m}",
        shape: Shape::object("limits", || keys(LIMITS)),
        parse: |node, resources, reader| {
            read_table(
                node,
                LIMITS,
                resources.limits.get_or_insert_default(),
                reader,
            );
        },
        merge: merge::default,
        render: |resources| {
            resources
                .limits
                .as_ref()
                .map(|limits| render_table(LIMITS, limits))
        },
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/resources.rs"),
    },
    Attribute {
        key: "reservations",
        about: "What a container is promised.",
        example: "{memory: 64m}",
        shape: Shape::object("reservations", || keys(RESERVATIONS)),
        parse: |node, resources, reader| {
            read_table(
                node,
                RESERVATIONS,
                resources.reservations.get_or_insert_default(),
                reader,
            );
        },
        merge: merge::default,
        render: |resources| {
            resources
                .reservations
                .as_ref()
                .map(|limits| render_table(RESERVATIONS, limits))
        },
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/resources.rs"),
    },
];

/// The keys of `limits`.
pub const LIMITS: &[Attribute<Resource>] = &[CPUS, MEMORY, PIDS];

/// The keys of `reservations`.
pub const RESERVATIONS: &[Attribute<Resource>] = &[
    Attribute {
        lower: Lower::NoEffect(SWARM),
        ..CPUS
    },
    MEMORY,
    Attribute {
        key: "devices",
        about: "Devices by what they can do.",
        example: "[{capabilities: [gpu]}]",
        shape: Shape::List(&RESERVED),
        parse: |node, resource, reader| resource.devices = reader.each(node, read_device),
        merge: merge::default,
        render: |resource| devices::render_requests(&resource.devices),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/deploy.rs"),
    },
    Attribute {
        key: "generic_resources",
        about: "What only a swarm counts.",
        example: "[{discrete_resource_spec: {kind: ssd, value: 2}}]",
        shape: Shape::List(&Shape::object("generic_resource", || keys(GENERIC))),
        parse: |node, resource, reader| {
            resource.generic_resources = reader.each(node, read_generic);
        },
        merge: merge::default,
        render: |resource| {
            render::items(&resource.generic_resources, |it| render_table(GENERIC, it))
        },
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
];

/// The keys of an entry of `generic_resources`.
pub const GENERIC: &[Attribute<GenericResource>] = &[Attribute {
    key: "discrete_resource_spec",
    about: "What and how much.",
    example: "{kind: ssd, value: 2}",
    shape: Shape::object("discrete_resource", || keys(DISCRETE)),
    parse: |node, resource, reader| {
        let spec = resource.discrete_resource_spec.get_or_insert_default();
        read_table(node, DISCRETE, spec, reader);
    },
    merge: |rest| merge_rule(DISCRETE, rest),
    render: |resource| {
        let spec = resource.discrete_resource_spec.as_ref()?;
        Some(render_table(DISCRETE, spec))
    },
    hash: Hash::Included,
    lower: Lower::NoEffect(SWARM),
}];

/// The keys of `discrete_resource_spec`.
pub const DISCRETE: &[Attribute<DiscreteResource>] = &[
    Attribute {
        key: "kind",
        about: "What.",
        example: "ssd",
        shape: Shape::String,
        parse: |node, spec, reader| spec.kind = reader.string(node).unwrap_or_default(),
        merge: merge::default,
        render: |spec| Some(Data::from(spec.kind.as_str())),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "value",
        about: "How much.",
        example: "2",
        shape: Shape::Number,
        parse: |node, spec, reader| spec.value = reader.integer(node).unwrap_or_default(),
        merge: merge::default,
        render: |spec| Some(Data::from(spec.value)),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
];

const CPUS: Attribute<Resource> = Attribute {
    key: "cpus",
    about: "Processors, fractions allowed.",
    example: "'0.5'",
    shape: Shape::Number,
    parse: |node, resource, reader| resource.cpus = reader.number(node).unwrap_or_default(),
    merge: merge::default,
    render: |resource| render::fraction(resource.cpus),
    hash: Hash::Included,
    lower: Lower::UsedBy("project/service/resources.rs"),
};

const MEMORY: Attribute<Resource> = Attribute {
    key: "memory",
    about: "Memory.",
    example: "64m",
    shape: Shape::String,
    parse: |node, resource, reader| resource.memory = read_memory(node, reader),
    merge: merge::default,
    render: |resource| render::bytes(resource.memory),
    hash: Hash::Included,
    lower: Lower::UsedBy("project/service/resources.rs"),
};

const PIDS: Attribute<Resource> = Attribute {
    key: "pids",
    about: "Processes.",
    example: "100",
    shape: Shape::Integer,
    parse: |node, resource, reader| resource.pids = reader.integer(node).unwrap_or_default(),
    merge: merge::default,
    render: |resource| render::number(resource.pids),
    hash: Hash::Included,
    lower: Lower::UsedBy("project/service/resources.rs"),
};

/// The keys of `restart_policy`.
pub const RESTART: &[Attribute<RestartPolicy>] = &[
    Attribute {
        key: "condition",
        about: "`none`, `on-failure` or `any`.",
        example: "on-failure",
        shape: Shape::String,
        parse: |node, policy, reader| policy.condition = read_condition(node, reader),
        merge: merge::default,
        render: |policy| render::text(policy.condition.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/restart.rs"),
    },
    Attribute {
        key: "delay",
        about: "Time between attempts.",
        example: "5s",
        shape: Shape::DURATION,
        parse: |node, policy, reader| policy.delay = reader.duration(node),
        merge: merge::default,
        render: |policy| render::duration(policy.delay),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "max_attempts",
        about: "Attempts at most.",
        example: "3",
        shape: Shape::Within(0, i64::MAX),
        parse: |node, policy, reader| {
            policy.max_attempts = reader.integer_within(node, 0..=i64::MAX);
        },
        merge: merge::default,
        render: |policy| policy.max_attempts.map(Into::into),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/restart.rs"),
    },
    Attribute {
        key: "window",
        about: "Time after which a restart counts as successful.",
        example: "2m",
        shape: Shape::DURATION,
        parse: |node, policy, reader| policy.window = reader.duration(node),
        merge: merge::default,
        render: |policy| render::duration(policy.window),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
];

const ORDERS: &[&str] = &["start-first", "stop-first"];

const RESERVED: Shape = Shape::requiring(&["capabilities"], "reserved_device", || {
    keys(devices::REQUEST)
});

/// A size with its unit: here a number alone is refused.
fn read_memory(node: &Node, reader: &mut Reader<'_>) -> Option<ByteSize> {
    reader.string(node)?;
    reader.bytes(node)
}

fn read_device(node: &Node, reader: &mut Reader<'_>) -> DeviceRequest {
    if node.as_mapping().is_some() && node.get("capabilities").is_none() {
        reader.missing(node, "capabilities", "this device");
    }
    devices::parse_request(node, reader)
}

fn read_generic(node: &Node, reader: &mut Reader<'_>) -> GenericResource {
    let mut resource = GenericResource::default();
    read_table(node, GENERIC, &mut resource, reader);
    resource
}

fn lower_devices(service: &Service, request: &mut Request<'_>) {
    let deploy = service.deploy.as_ref();
    let reserved = deploy.and_then(|deploy| deploy.resources.reservations.as_ref());
    for wanted in reserved.iter().flat_map(|reserved| &reserved.devices) {
        devices::lower_request(wanted, request);
    }
}

fn read_order(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let order = reader.string(node)?;
    if !ORDERS.contains(&order.as_str()) {
        let reason = format!("{order:?} is not an order");
        reader.invalid(node, reason, "`start-first` or `stop-first`");
        reader.suggest(&order, &["start-first", "stop-first"]);
    }
    Some(order)
}

fn read_condition(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    const CONDITIONS: [&str; 3] = ["none", "on-failure", "any"];
    let condition = reader.string(node)?;
    if !CONDITIONS.contains(&condition.as_str()) {
        // The engine is told `always` then, as docker compose does.
        let reason = format!("{condition:?} is not a condition");
        reader.doubtful(node, reason, "one of none, on-failure, any");
        reader.suggest(&condition, &CONDITIONS);
    }
    Some(condition)
}
