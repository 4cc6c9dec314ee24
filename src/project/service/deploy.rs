//! `deploy`: how many, with which limits, and when to restart. The rest of the section speaks to
//! a swarm.

use std::collections::BTreeMap;

use crate::document::Node;
use crate::project::attribute::{
    Attribute, Data, Hash, Lower, merge, merge_rule, read_table, render_table,
};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::service::Service;
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
    /// When containers are restarted; overrides `restart`.
    pub restart_policy: Option<RestartPolicy>,
    /// `vip` or `dnsrr`.
    pub endpoint_mode: Option<String>,
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
    parse: |node, service, reader| {
        read_table(node, TABLE, service.deploy.get_or_insert_default(), reader)
    },
    merge: |rest| merge_rule(TABLE, rest),
    render: |service| {
        service
            .deploy
            .as_ref()
            .map(|deploy| render_table(TABLE, deploy))
    },
    hash: Hash::Included,
    lower: Lower::UsedBy("project/service/resources.rs"),
};

const SWARM: &str = "only a swarm acts on it";

const TABLE: &[Attribute<Deploy>] = &[
    Attribute {
        key: "mode",
        about: "`replicated` or `global`.",
        example: "replicated",
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
        parse: |node, deploy, reader| deploy.replicas = reader.integer(node),
        merge: merge::default,
        render: |deploy| deploy.replicas.map(Into::into),
        hash: Hash::Excluded("the number of containers is no property of one"),
        lower: Lower::UsedBy("plan/converge.rs"),
    },
    Attribute {
        key: "labels",
        about: "Labels of the swarm service.",
        example: "{team: web}",
        parse: |node, deploy, reader| deploy.labels = reader.labels(node),
        merge: merge::key_value,
        render: |deploy| render::strings(&deploy.labels),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "resources",
        about: "What a container may use, and what it is promised.",
        example: "{limits: {memory: 64m}}",
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
        parse: |node, deploy, reader| {
            read_table(
                node,
                RESTART,
                deploy.restart_policy.get_or_insert_default(),
                reader,
            )
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
        // docker compose prints and hashes the section even when it is absent.
        parse: |node, _, reader| {
            reader.mapping(node);
        },
        merge: merge::default,
        render: |_| Some(Data::Mapping(serde_yaml::Mapping::new())),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
    Attribute {
        key: "endpoint_mode",
        about: "`vip` or `dnsrr`.",
        example: "dnsrr",
        parse: |node, deploy, reader| deploy.endpoint_mode = reader.string(node),
        merge: merge::default,
        render: |deploy| render::text(deploy.endpoint_mode.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
];

const RESOURCES: &[Attribute<Resources>] = &[
    Attribute {
        key: "limits",
        about: "What a container may use at most.",
        example: "{memory: 64m}",
        parse: |node, resources, reader| {
            read_table(
                node,
                RESOURCE,
                resources.limits.get_or_insert_default(),
                reader,
            )
        },
        merge: merge::default,
        render: |resources| {
            resources
                .limits
                .as_ref()
                .map(|limits| render_table(RESOURCE, limits))
        },
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/resources.rs"),
    },
    Attribute {
        key: "reservations",
        about: "What a container is promised.",
        example: "{memory: 64m}",
        parse: |node, resources, reader| {
            read_table(
                node,
                RESOURCE,
                resources.reservations.get_or_insert_default(),
                reader,
            )
        },
        merge: merge::default,
        render: |resources| {
            resources
                .reservations
                .as_ref()
                .map(|limits| render_table(RESOURCE, limits))
        },
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/resources.rs"),
    },
];

const RESOURCE: &[Attribute<Resource>] = &[
    Attribute {
        key: "cpus",
        about: "Processors, fractions allowed.",
        example: "'0.5'",
        parse: |node, resource, reader| resource.cpus = reader.number(node).unwrap_or_default(),
        merge: merge::default,
        render: |resource| render::fraction(resource.cpus),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/resources.rs"),
    },
    Attribute {
        key: "memory",
        about: "Memory.",
        example: "64m",
        parse: |node, resource, reader| resource.memory = reader.bytes(node),
        merge: merge::default,
        render: |resource| render::bytes(resource.memory),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/resources.rs"),
    },
    Attribute {
        key: "pids",
        about: "Processes.",
        example: "100",
        parse: |node, resource, reader| resource.pids = reader.integer(node).unwrap_or_default(),
        merge: merge::default,
        render: |resource| render::number(resource.pids),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/resources.rs"),
    },
];

const RESTART: &[Attribute<RestartPolicy>] = &[
    Attribute {
        key: "condition",
        about: "`none`, `on-failure` or `any`.",
        example: "on-failure",
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
        parse: |node, policy, reader| policy.max_attempts = reader.integer(node),
        merge: merge::default,
        render: |policy| policy.max_attempts.map(Into::into),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/restart.rs"),
    },
    Attribute {
        key: "window",
        about: "Time after which a restart counts as successful.",
        example: "2m",
        parse: |node, policy, reader| policy.window = reader.duration(node),
        merge: merge::default,
        render: |policy| render::duration(policy.window),
        hash: Hash::Included,
        lower: Lower::NoEffect(SWARM),
    },
];

fn read_condition(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let condition = reader.string(node)?;
    if !matches!(condition.as_str(), "none" | "on-failure" | "any") {
        reader.invalid(
            node,
            format!("{condition:?} is not a condition"),
            "one of none, on-failure, any",
        );
    }
    Some(condition)
}
