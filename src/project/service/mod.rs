//! A service, and the table of its attributes.
//!
//! The table's order is the order of docker compose's `config` output and of its configuration
//! hash; do not sort it. An attribute with a syntax of its own has a file of the same name.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{HostConfigCgroupnsModeEnum, HostConfigIsolationEnum};

use crate::api_version::ApiVersion;
use crate::document::{Node, Span, Value};
use crate::project::attribute::{Attribute, Data, Hash, Lower, merge};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::shape::{Key, Shape};
use crate::project::value::byte_size::ByteSize;
use crate::project::value::duration::Duration;

pub mod blkio;
pub mod build;
pub mod credential_spec;
pub mod depends_on;
pub mod deploy;
pub mod develop;
pub mod devices;
pub mod env_file;
pub mod healthcheck;
pub mod hooks;
pub mod label_file;
pub mod links;
pub mod logging;
pub mod models;
pub mod mounts;
pub mod networks;
pub mod ports;
pub mod provider;
pub mod resources;
pub mod restart;
pub mod ulimits;
pub mod volumes;
pub mod volumes_from;

/// A service as its files describe it. Field names are the specification's keys; their meaning
/// and defaults are in [`TABLE`].
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(
    missing_docs,
    reason = "each field is the attribute of its name, and the table tells what that is"
)]
pub struct Service {
    /// Its key under `services`.
    pub name: String,
    /// Where its key stands.
    pub span: Option<Span>,
    /// Where each attribute's value stands.
    pub spans: BTreeMap<&'static str, Span>,

    pub annotations: BTreeMap<String, String>,
    pub attach: Option<bool>,
    pub build: Option<build::Build>,
    pub develop: Option<develop::Develop>,
    pub blkio_config: Option<blkio::BlkioConfig>,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub cgroup_parent: Option<String>,
    pub cgroup: Option<String>,
    pub cpu_count: i64,
    pub cpu_percent: i64,
    pub cpu_period: i64,
    pub cpu_quota: i64,
    pub cpu_rt_period: i64,
    pub cpu_rt_runtime: i64,
    pub cpus: f64,
    pub cpuset: Option<String>,
    pub cpu_shares: i64,
    pub command: Option<Vec<String>>,
    pub configs: Vec<mounts::FileReference>,
    pub container_name: Option<String>,
    pub credential_spec: Option<credential_spec::CredentialSpec>,
    pub deploy: Option<deploy::Deploy>,
    pub depends_on: BTreeMap<String, depends_on::Dependency>,
    pub device_cgroup_rules: Vec<String>,
    pub devices: Vec<devices::Device>,
    pub dns: Vec<String>,
    pub dns_opt: Vec<String>,
    pub dns_search: Vec<String>,
    pub domainname: Option<String>,
    pub entrypoint: Option<Vec<String>>,
    pub provider: Option<provider::Provider>,
    pub environment: BTreeMap<String, Option<String>>,
    pub env_file: Vec<env_file::EnvFile>,
    pub expose: Vec<String>,
    pub external_links: Vec<String>,
    pub extra_hosts: Vec<String>,
    pub group_add: Vec<String>,
    pub gpus: Vec<devices::DeviceRequest>,
    pub hostname: Option<String>,
    pub healthcheck: Option<healthcheck::Healthcheck>,
    pub image: Option<String>,
    pub init: Option<bool>,
    pub ipc: Option<String>,
    pub isolation: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub label_file: Vec<label_file::LabelFile>,
    pub links: Vec<String>,
    pub logging: Option<logging::Logging>,
    pub mem_limit: Option<ByteSize>,
    pub mem_reservation: Option<ByteSize>,
    pub memswap_limit: Option<ByteSize>,
    pub mem_swappiness: Option<ByteSize>,
    pub mac_address: Option<String>,
    pub models: BTreeMap<String, Option<models::ModelUse>>,
    pub network_mode: Option<String>,
    pub networks: Option<BTreeMap<String, Option<networks::Attachment>>>,
    pub oom_kill_disable: bool,
    pub oom_score_adj: i64,
    pub pid: Option<String>,
    pub pids_limit: i64,
    pub platform: Option<String>,
    pub ports: Vec<ports::Port>,
    pub privileged: bool,
    pub profiles: Vec<String>,
    pub pull_policy: Option<String>,
    pub read_only: bool,
    pub restart: Option<String>,
    pub runtime: Option<String>,
    pub scale: Option<i64>,
    pub secrets: Vec<mounts::FileReference>,
    pub security_opt: Vec<String>,
    pub shm_size: Option<ByteSize>,
    pub stdin_open: bool,
    pub stop_grace_period: Option<Duration>,
    pub stop_signal: Option<String>,
    pub storage_opt: BTreeMap<String, String>,
    pub sysctls: BTreeMap<String, String>,
    pub tmpfs: Vec<String>,
    pub tty: bool,
    pub ulimits: BTreeMap<String, ulimits::Ulimit>,
    pub use_api_socket: bool,
    pub user: Option<String>,
    pub userns_mode: Option<String>,
    pub uts: Option<String>,
    pub volumes: Vec<volumes::Mount>,
    pub volumes_from: Vec<String>,
    pub working_dir: Option<String>,
    pub pre_start: Vec<hooks::Hook>,
    pub post_start: Vec<hooks::Hook>,
    pub pre_stop: Vec<hooks::Hook>,
}

/// Every attribute of a service, in the order that printing and hashing follow.
#[expect(
    clippy::assigning_clones,
    reason = "a row is read more often than it is run"
)]
pub const TABLE: &[Attribute<Service>] = &[
    Attribute {
        key: "profiles",
        about: "Start it only when one of these profiles is asked for.",
        example: "[debug]",
        shape: Shape::STRINGS,
        parse: |node, service, reader| service.profiles = reader.strings(node),
        merge: merge::unique,
        render: |service| render::list(&service.profiles),
        hash: Hash::Excluded("whether it is started is no property of a container"),
        lower: Lower::UsedBy("load/profiles.rs"),
    },
    Attribute {
        key: "annotations",
        about: "Annotations for the runtime.",
        example: "{a: b}",
        shape: Shape::KEY_VALUES,
        parse: |node, service, reader| service.annotations = reader.labels(node),
        merge: merge::key_value,
        render: |service| render::strings(&service.annotations),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            if !service.annotations.is_empty() {
                request.require(ApiVersion::new(1, 43), "annotations", "24.0");
                request.host.annotations = Some(service.annotations.clone().into_iter().collect());
            }
        }),
    },
    Attribute {
        key: "attach",
        about: "Whether `up` and `logs` show its output without being asked (default true).",
        example: "false",
        shape: Shape::Boolean,
        parse: |node, service, reader| service.attach = reader.boolean(node),
        merge: merge::default,
        render: |service| render::option(service.attach),
        hash: Hash::Included,
        lower: Lower::UsedBy("ops/logs.rs"),
    },
    build::ROW,
    develop::ROW,
    blkio::ROW,
    Attribute {
        key: "cap_add",
        about: "Capabilities on top of the default ones.",
        example: "[NET_ADMIN]",
        shape: Shape::STRINGS,
        parse: |node, service, reader| service.cap_add = reader.strings(node),
        merge: merge::unique,
        render: |service| render::list(&service.cap_add),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.cap_add = capabilities(&service.cap_add);
        }),
    },
    Attribute {
        key: "cap_drop",
        about: "Capabilities taken away.",
        example: "[ALL]",
        shape: Shape::STRINGS,
        parse: |node, service, reader| service.cap_drop = reader.strings(node),
        merge: merge::unique,
        render: |service| render::list(&service.cap_drop),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.cap_drop = capabilities(&service.cap_drop);
        }),
    },
    Attribute {
        key: "cgroup_parent",
        about: "Parent of the container's control group.",
        example: "m-executor",
        shape: Shape::String,
        parse: |node, service, reader| service.cgroup_parent = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.cgroup_parent.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.cgroup_parent = service.cgroup_parent.clone();
        }),
    },
    Attribute {
        key: "cgroup",
        about: "Namespace of control groups: `host` or `private`.",
        example: "host",
        shape: Shape::Words(CGROUPS),
        parse: |node, service, reader| service.cgroup = reader.word(node, CGROUPS),
        merge: merge::default,
        render: |service| render::text(service.cgroup.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.cgroupns_mode = match service.cgroup.as_deref() {
                Some("host") => Some(HostConfigCgroupnsModeEnum::HOST),
                Some("private") => Some(HostConfigCgroupnsModeEnum::PRIVATE),
                _ => None,
            }
        }),
    },
    Attribute {
        key: "cpu_count",
        about: "Processors (Windows).",
        example: "1000",
        shape: Shape::Within(0, i64::MAX),
        parse: |node, service, reader| {
            service.cpu_count = reader
                .integer_within(node, 0..=i64::MAX)
                .unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::number(service.cpu_count),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.cpu_count = Some(service.cpu_count).filter(|value| *value != 0);
        }),
    },
    Attribute {
        key: "cpu_percent",
        about: "Share of the processors in percent (Windows).",
        example: "50",
        shape: Shape::Within(0, 100),
        parse: |node, service, reader| {
            service.cpu_percent = reader.integer_within(node, 0..=100).unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::number(service.cpu_percent),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            // docker compose sends hundredths of a percent, which is what Windows counts in.
            let hundredths = service.cpu_percent.saturating_mul(100);
            request.host.cpu_percent = Some(hundredths).filter(|value| *value != 0);
        }),
    },
    Attribute {
        key: "cpu_period",
        about: "Microseconds of one scheduling period.",
        example: "1000",
        shape: Shape::Number,
        parse: |node, service, reader| {
            service.cpu_period = reader.whole_part(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::number(service.cpu_period),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.cpu_period = Some(service.cpu_period).filter(|value| *value != 0);
        }),
    },
    Attribute {
        key: "cpu_quota",
        about: "Microseconds of processor time in one period.",
        example: "1000",
        shape: Shape::Number,
        parse: |node, service, reader| {
            service.cpu_quota = reader.whole_part(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::number(service.cpu_quota),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.cpu_quota = Some(service.cpu_quota).filter(|value| *value != 0);
        }),
    },
    Attribute {
        key: "cpu_rt_period",
        about: "Microseconds of one real-time period.",
        example: "1000",
        shape: Shape::Number,
        parse: |node, service, reader| {
            service.cpu_rt_period = reader.whole_part(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::number(service.cpu_rt_period),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.cpu_realtime_period =
                Some(service.cpu_rt_period).filter(|value| *value != 0);
        }),
    },
    Attribute {
        key: "cpu_rt_runtime",
        about: "Microseconds of real-time processing in one period.",
        example: "1000",
        shape: Shape::Number,
        parse: |node, service, reader| {
            service.cpu_rt_runtime = reader.whole_part(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::number(service.cpu_rt_runtime),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.cpu_realtime_runtime =
                Some(service.cpu_rt_runtime).filter(|value| *value != 0);
        }),
    },
    resources::CPUS,
    Attribute {
        key: "cpuset",
        about: "Processors that may be used: `0-2,4`.",
        example: "'0'",
        shape: Shape::String,
        parse: |node, service, reader| service.cpuset = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.cpuset.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.host.cpuset_cpus = service.cpuset.clone()),
    },
    Attribute {
        key: "cpu_shares",
        about: "Weight against other containers (engine's default 1024).",
        example: "512",
        shape: Shape::Number,
        parse: |node, service, reader| {
            service.cpu_shares = reader.whole_part(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::number(service.cpu_shares),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.cpu_shares = Some(service.cpu_shares).filter(|value| *value != 0);
        }),
    },
    Attribute {
        key: "command",
        about: "What runs; the image's own when absent.",
        example: "[sleep, '60']",
        shape: Shape::COMMAND,
        parse: |node, service, reader| service.command = reader.command(node),
        merge: merge::replace,
        render: |service| Some(render::command(service.command.as_deref())),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.body.cmd = service.command.clone()),
    },
    mounts::CONFIGS,
    Attribute {
        key: "container_name",
        about: "Name instead of `PROJECT-SERVICE-NUMBER`; then there can be only one.",
        example: "my-db",
        shape: Shape::String,
        parse: |node, service, reader| service.container_name = read_container_name(node, reader),
        merge: merge::default,
        render: |service| render::text(service.container_name.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/naming.rs"),
    },
    credential_spec::ROW,
    depends_on::ROW,
    deploy::ROW,
    Attribute {
        key: "device_cgroup_rules",
        about: "Rules for devices.",
        example: "['c 1:3 mr']",
        shape: Shape::DISTINCT,
        parse: |node, service, reader| {
            reader.distinct(node);
            service.device_cgroup_rules = reader.strings(node);
        },
        merge: merge::default,
        render: |service| render::list(&service.device_cgroup_rules),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.device_cgroup_rules = filled(&service.device_cgroup_rules);
        }),
    },
    devices::ROW,
    Attribute {
        key: "dns",
        about: "Name servers.",
        example: "[10.0.0.53]",
        shape: Shape::STRING_OR_LIST,
        parse: |node, service, reader| {
            service.dns = reader.string_or_list(node);
            service.dns.retain(|address| !address.is_empty());
        },
        merge: merge::unique,
        render: |service| render::list(&service.dns),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.host.dns = filled(&service.dns)),
    },
    Attribute {
        key: "dns_opt",
        about: "Options for `/etc/resolv.conf`.",
        example: "['ndots:2']",
        shape: Shape::STRINGS,
        parse: |node, service, reader| service.dns_opt = reader.strings(node),
        merge: merge::unique,
        render: |service| render::list(&service.dns_opt),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.dns_options = filled(&service.dns_opt);
        }),
    },
    Attribute {
        key: "dns_search",
        about: "Search domains.",
        example: "[example.com]",
        shape: Shape::STRING_OR_LIST,
        parse: |node, service, reader| service.dns_search = reader.string_or_list(node),
        merge: merge::unique,
        render: |service| render::list(&service.dns_search),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.dns_search = filled(&service.dns_search);
        }),
    },
    Attribute {
        key: "domainname",
        about: "Domain of the container.",
        example: "example.com",
        shape: Shape::String,
        parse: |node, service, reader| service.domainname = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.domainname.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.body.domainname = service.domainname.clone();
        }),
    },
    Attribute {
        key: "entrypoint",
        about: "What the command is given to; the image's own when absent.",
        example: "[/entry]",
        shape: Shape::COMMAND,
        parse: |node, service, reader| service.entrypoint = reader.command(node),
        merge: merge::replace,
        render: |service| Some(render::command(service.entrypoint.as_deref())),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.body.entrypoint = service.entrypoint.clone();
        }),
    },
    provider::ROW,
    Attribute {
        key: "environment",
        about: "Variables; a name alone takes the value of the project's environment.",
        example: "{KEY: value}",
        shape: Shape::KEY_VALUES,
        parse: |node, service, reader| service.environment = read_environment(node, reader),
        merge: merge::key_value,
        render: |service| render::nullable(&service.environment),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.body.env = filled(&environment(service))),
    },
    env_file::ROW,
    Attribute {
        key: "expose",
        about: "Ports that other containers may use (a note: they always may).",
        example: "['80']",
        shape: Shape::TEXTS,
        parse: |node, service, reader| service.expose = reader.whole_texts(node),
        merge: merge::unique,
        render: |service| render::list(&service.expose),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            // As written, without a protocol, too: it is a note, and engines take it as one.
            request.expose(service.expose.iter().cloned());
        }),
    },
    EXTENDS,
    links::EXTERNAL,
    Attribute {
        key: "extra_hosts",
        about: "More entries of `/etc/hosts`.",
        example: "['db:10.0.0.1']",
        shape: EXTRA_HOSTS,
        parse: |node, service, reader| service.extra_hosts = extra_hosts(node, reader),
        merge: merge::joined,
        render: |service| render::list(&service.extra_hosts),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            // An empty list is sent, too, as docker compose does: engines keep the difference.
            request.host.extra_hosts = Some(host_entries(&service.extra_hosts));
        }),
    },
    Attribute {
        key: "group_add",
        about: "More groups of the process.",
        example: "['1000']",
        shape: Shape::Set(&Shape::Scalar),
        parse: |node, service, reader| {
            reader.distinct(node);
            service.group_add = reader.whole_texts(node);
        },
        merge: merge::default,
        render: |service| render::list(&service.group_add),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.group_add = filled(&service.group_add);
        }),
    },
    devices::GPUS,
    Attribute {
        key: "hostname",
        about: "Name that the container calls itself.",
        example: "db1",
        shape: Shape::String,
        parse: |node, service, reader| service.hostname = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.hostname.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.body.hostname = service.hostname.clone()),
    },
    healthcheck::ROW,
    Attribute {
        key: "image",
        about: "What the container is made of; `PROJECT-SERVICE` when it is built and not named.",
        example: "redis:7",
        shape: Shape::String,
        parse: |node, service, reader| {
            service.image = reader.string(node).filter(|name| !name.is_empty());
        },
        merge: merge::default,
        render: |service| render::text(service.image.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/images.rs"),
    },
    Attribute {
        key: "init",
        about: "Run a small init as process 1.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, service, reader| service.init = reader.boolean(node),
        merge: merge::default,
        render: |service| render::option(service.init),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.host.init = service.init),
    },
    Attribute {
        key: "ipc",
        about: "Namespace of shared memory: `host`, `service:NAME`, `container:NAME` and more.",
        example: "host",
        shape: Shape::String,
        parse: |node, service, reader| service.ipc = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.ipc.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.ipc_mode = service
                .ipc
                .as_deref()
                .map(|mode| request.container_reference(mode));
        }),
    },
    Attribute {
        key: "isolation",
        about: "How containers are isolated (Windows).",
        example: "default",
        shape: Shape::String,
        parse: |node, service, reader| service.isolation = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.isolation.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.isolation = match service.isolation.as_deref() {
                Some("default") => Some(HostConfigIsolationEnum::DEFAULT),
                Some("process") => Some(HostConfigIsolationEnum::PROCESS),
                Some("hyperv") => Some(HostConfigIsolationEnum::HYPERV),
                _ => None,
            }
        }),
    },
    Attribute {
        key: "labels",
        about: "Labels of the container.",
        example: "{team: web}",
        shape: Shape::KEY_VALUES,
        parse: |node, service, reader| service.labels = reader.labels(node),
        merge: merge::key_value,
        render: |service| render::strings(&service.labels),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/labels.rs"),
    },
    label_file::ROW,
    links::ROW,
    logging::ROW,
    resources::MEM_LIMIT,
    resources::MEM_RESERVATION,
    resources::MEMSWAP_LIMIT,
    Attribute {
        key: "mem_swappiness",
        about: "How readily memory is swapped, 0 to 100.",
        example: "10",
        shape: Shape::SIZE,
        parse: |node, service, reader| service.mem_swappiness = reader.whole_bytes(node),
        merge: merge::default,
        render: |service| render::bytes(service.mem_swappiness),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            let swappiness = service.mem_swappiness.map(|value| value.0);
            request.host.memory_swappiness = swappiness.filter(|value| *value != 0);
        }),
    },
    networks::MAC_ADDRESS,
    models::ROW,
    networks::MODE,
    networks::ROW,
    Attribute {
        key: "oom_kill_disable",
        about: "Never kill for want of memory.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, service, reader| {
            service.oom_kill_disable = reader.boolean(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::flag(service.oom_kill_disable),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.oom_kill_disable = Some(service.oom_kill_disable);
        }),
    },
    Attribute {
        key: "oom_score_adj",
        about: "How likely it is killed for want of memory, -1000 to 1000.",
        example: "100",
        shape: Shape::Within(-1000, 1000),
        parse: |node, service, reader| {
            service.oom_score_adj = reader
                .integer_within(node, -1000..=1000)
                .unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::number(service.oom_score_adj),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.oom_score_adj = Some(service.oom_score_adj).filter(|value| *value != 0);
        }),
    },
    Attribute {
        key: "pid",
        about: "Namespace of processes: `host`, `service:NAME`, `container:NAME`.",
        example: "host",
        shape: Shape::OneOf(&[Shape::String, Shape::Null]),
        parse: |node, service, reader| service.pid = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.pid.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.pid_mode = service
                .pid
                .as_deref()
                .map(|mode| request.container_reference(mode));
        }),
    },
    resources::PIDS_LIMIT,
    Attribute {
        key: "platform",
        about: "Platform of the image: `os/arch`.",
        example: "linux/amd64",
        shape: Shape::String,
        parse: |node, service, reader| service.platform = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.platform.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("plan/converge.rs"),
    },
    ports::ROW,
    Attribute {
        key: "privileged",
        about: "Give it (almost) everything that the host can do.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, service, reader| {
            service.privileged = reader.boolean(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::flag(service.privileged),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.privileged = Some(service.privileged);
        }),
    },
    Attribute {
        key: "pull_policy",
        about: "When its image is pulled: `always`, `missing`, `never`, `build` and more.",
        example: "always",
        shape: PULL_POLICY,
        parse: |node, service, reader| service.pull_policy = read_pull_policy(node, reader),
        merge: merge::default,
        render: |service| render::text(service.pull_policy.as_deref()),
        hash: Hash::Excluded("what was pulled shows in the image's digest"),
        lower: Lower::UsedBy("plan/images.rs"),
    },
    Attribute {
        key: "pull_refresh_after",
        about: "In the specification, and without a meaning so far.",
        example: "24h",
        shape: Shape::String,
        parse: |node, _, reader| drop(reader.string(node)),
        merge: merge::default,
        render: |_| None,
        hash: Hash::Excluded("docker compose drops it"),
        lower: Lower::NoEffect("docker compose drops it too"),
    },
    Attribute {
        key: "read_only",
        about: "Mount its root read-only.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, service, reader| service.read_only = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |service| render::flag(service.read_only),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.readonly_rootfs = Some(service.read_only);
        }),
    },
    restart::ROW,
    Attribute {
        key: "runtime",
        about: "Runtime of the engine.",
        example: "runc",
        shape: Shape::String,
        parse: |node, service, reader| service.runtime = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.runtime.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.host.runtime = service.runtime.clone()),
    },
    Attribute {
        key: "scale",
        about: "How many containers (default 1).",
        example: "2",
        shape: Shape::Integer,
        parse: |node, service, reader| service.scale = reader.integer(node),
        merge: merge::default,
        render: |service| service.scale.map(Into::into),
        hash: Hash::Excluded("the number of containers is no property of one"),
        lower: Lower::UsedBy("plan/converge.rs"),
    },
    mounts::SECRETS,
    Attribute {
        key: "security_opt",
        about: "Options of security modules.",
        example: "[no-new-privileges]",
        shape: Shape::DISTINCT,
        parse: |node, service, reader| {
            reader.distinct(node);
            service.security_opt = reader.strings(node);
        },
        merge: merge::default,
        render: |service| render::list(&service.security_opt),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.security_opt = filled(&service.security_opt);
        }),
    },
    resources::SHM_SIZE,
    Attribute {
        key: "stdin_open",
        about: "Keep its standard input open.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, service, reader| {
            service.stdin_open = reader.boolean(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |service| render::flag(service.stdin_open),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.body.open_stdin = Some(service.stdin_open);
        }),
    },
    Attribute {
        key: "stop_grace_period",
        about: "How long it may take to stop before it is killed (default 10s).",
        example: "30s",
        shape: Shape::DURATION,
        parse: |node, service, reader| service.stop_grace_period = reader.duration(node),
        merge: merge::default,
        render: |service| render::duration(service.stop_grace_period),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.body.stop_timeout = service.stop_grace_period.map(Duration::seconds);
        }),
    },
    Attribute {
        key: "stop_signal",
        about: "Signal that stops it (default SIGTERM).",
        example: "SIGINT",
        shape: Shape::String,
        parse: |node, service, reader| service.stop_signal = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.stop_signal.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.body.stop_signal = service.stop_signal.clone();
        }),
    },
    Attribute {
        key: "storage_opt",
        about: "Options of the storage driver.",
        example: "{size: 1G}",
        shape: Shape::OPTIONS,
        parse: |node, service, reader| service.storage_opt = reader.plain_options(node),
        merge: merge::default,
        render: |service| render::strings(&service.storage_opt),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.storage_opt = entries(&service.storage_opt);
        }),
    },
    Attribute {
        key: "sysctls",
        about: "Kernel parameters.",
        example: "{net.core.somaxconn: '1024'}",
        shape: Shape::KEY_VALUES,
        parse: |node, service, reader| service.sysctls = reader.labels(node),
        merge: merge::key_value,
        render: |service| render::strings(&service.sysctls),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.host.sysctls = entries(&service.sysctls)),
    },
    Attribute {
        key: "tmpfs",
        about: "Folders in memory: `path` or `path:options`.",
        example: "[/run]",
        shape: Shape::STRING_OR_LIST,
        parse: |node, service, reader| service.tmpfs = reader.string_or_list(node),
        merge: merge::unique,
        render: |service| render::list(&service.tmpfs),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.tmpfs = entries(&tmpfs_entries(&service.tmpfs));
        }),
    },
    Attribute {
        key: "tty",
        about: "Give it a terminal.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, service, reader| service.tty = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |service| render::flag(service.tty),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.body.tty = Some(service.tty)),
    },
    ulimits::ROW,
    volumes::API_SOCKET,
    Attribute {
        key: "user",
        about: "User (and group) of the process.",
        example: "'1000:1000'",
        shape: Shape::String,
        parse: |node, service, reader| service.user = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.user.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.body.user = service.user.clone()),
    },
    Attribute {
        key: "userns_mode",
        about: "Namespace of users: `host`.",
        example: "host",
        shape: Shape::String,
        parse: |node, service, reader| service.userns_mode = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.userns_mode.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.host.userns_mode = service.userns_mode.clone();
        }),
    },
    Attribute {
        key: "uts",
        about: "Namespace of host names: `host`.",
        example: "host",
        shape: Shape::String,
        parse: |node, service, reader| service.uts = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.uts.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| request.host.uts_mode = service.uts.clone()),
    },
    volumes::ROW,
    volumes_from::ROW,
    Attribute {
        key: "working_dir",
        about: "Folder that the process starts in.",
        example: "/app",
        shape: Shape::String,
        parse: |node, service, reader| service.working_dir = reader.string(node),
        merge: merge::default,
        render: |service| render::text(service.working_dir.as_deref()),
        hash: Hash::Included,
        lower: Lower::Request(|service, request| {
            request.body.working_dir = service.working_dir.clone();
        }),
    },
    hooks::PRE_START,
    hooks::POST_START,
    hooks::PRE_STOP,
];

const CGROUPS: &[&str] = &["host", "private"];

const PULL_POLICIES: &[&str] = &[
    "always",
    "never",
    "build",
    "if_not_present",
    "missing",
    "refresh",
    "daily",
    "weekly",
];

const PULL_POLICY: Shape = Shape::OneOf(&[
    Shape::Words(PULL_POLICIES),
    Shape::Pattern("every_([0-9]+[wdhms])+"),
]);

/// What may be written for `extra_hosts`.
pub(crate) const EXTRA_HOSTS: Shape =
    Shape::OneOf(&[Shape::Map(&Shape::STRING_OR_LIST), Shape::DISTINCT]);

const EXTENDED: Shape = Shape::requiring(&["service"], "extends", || EXTENDED_KEYS.to_vec());

/// The keys of `extends`.
pub const EXTENDED_KEYS: &[Key] = &[
    Key {
        key: "service",
        about: "The service that this one starts from.",
        example: "base",
        shape: Shape::String,
    },
    Key {
        key: "file",
        about: "The file that has it; this one when absent.",
        example: "./common.yaml",
        shape: Shape::String,
    },
];

/// A base of the service. The loader resolves it, so that it never gets here.
const EXTENDS: Attribute<Service> = Attribute {
    key: "extends",
    about: "Another service, of this file or another one, that this one starts from.",
    example: "{service: base}",
    shape: Shape::OneOf(&[Shape::String, EXTENDED]),
    parse: |_, _, _| {},
    merge: merge::default,
    render: |_| None,
    hash: Hash::Excluded("it is resolved before anything is hashed"),
    lower: Lower::UsedBy("load/extends.rs"),
};

impl Service {
    /// How many containers are wanted: `deploy.replicas`, `scale`, or one.
    pub fn replicas(&self) -> u32 {
        let deployed = self.deploy.as_ref().and_then(|deploy| deploy.replicas);
        let wanted = self.scale.or(deployed).unwrap_or(1);
        u32::try_from(wanted).unwrap_or_default()
    }

    /// Name of the service's image: as given, or `PROJECT-SERVICE` for one that is built.
    pub fn image_name(&self, project: &str) -> String {
        self.image
            .clone()
            .unwrap_or_else(|| format!("{project}-{}", self.name))
    }
}

impl Service {
    /// Images that its `pre_start` hooks name, other than its own.
    pub fn hook_images(&self) -> impl Iterator<Item = &str> {
        let named = self
            .pre_start
            .iter()
            .filter_map(|hook| hook.image.as_deref());
        named.filter(|name| self.image.as_deref() != Some(name))
    }
}

/// A printed service as docker compose writes it in JSON, and so hashes it.
pub fn json_form(service: &mut Data) {
    blkio::json_names(service);
    env_file::json_form(service);
    ulimits::json_form(service);
}

/// Reads a service, and remembers where each of its attributes stands.
pub fn read(name: &str, key_span: Span, node: &Node, reader: &mut Reader<'_>) -> Service {
    let mut service = Service {
        name: name.to_owned(),
        span: Some(key_span),
        ..Service::default()
    };
    crate::project::attribute::read_table(node, TABLE, &mut service, reader);
    for (key, entry) in node.as_mapping().into_iter().flatten() {
        if let Some(row) = TABLE.iter().find(|row| row.key == key) {
            service.spans.insert(row.key, entry.value.span);
        }
    }
    service
}

/// Values left open (`KEY`, `KEY:`) are taken from the project's environment; what that does not
/// have stays open, which removes the image's own value.
fn read_environment(node: &Node, reader: &mut Reader<'_>) -> BTreeMap<String, Option<String>> {
    let read = reader.key_values(node);
    if let Some(key) = read
        .keys()
        .find(|key| key.ends_with([' ', '\t']) && node.as_mapping().is_none())
    {
        reader.invalid(
            node,
            format!("the name {key:?} ends in a space"),
            "remove it",
        );
    }
    read.into_iter()
        .map(|(key, value)| {
            let value = value.or_else(|| reader.variable(&key));
            (key, value)
        })
        .collect()
}

fn read_container_name(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let name = reader.string(node)?;
    let letter = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| letter(c) || "_.-".contains(c);
    let valid = name.len() > 1 && name.starts_with(letter) && name.chars().all(inner);
    if !valid {
        let label = "a letter or digit, then letters, digits, `_`, `.` and `-`";
        let reason = format!("{name:?} cannot be a container's name");
        // docker compose is content where a part of it can; the engine then is not.
        let pairs = name.chars().zip(name.chars().skip(1));
        if pairs
            .into_iter()
            .any(|(first, next)| letter(first) && inner(next))
        {
            reader.doubtful(node, reason, label);
        } else {
            reader.invalid(node, reason, label);
        }
    }
    Some(name)
}

fn read_pull_policy(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let policy = reader.string(node)?;
    let every = policy.strip_prefix("every_").is_some_and(|time| {
        time.starts_with(|c: char| c.is_ascii_digit()) && time.ends_with(['w', 'd', 'h', 'm', 's'])
    });
    if !every && !PULL_POLICIES.contains(&policy.as_str()) {
        let label = format!("one of {}, every_12h", PULL_POLICIES.join(", "));
        reader.invalid(node, format!("{policy:?} is not a pull policy"), &label);
        reader.suggest(&policy, PULL_POLICIES);
    }
    Some(policy)
}

fn environment(service: &Service) -> Vec<String> {
    let pair = |(key, value): (&String, &Option<String>)| match value {
        Some(value) => format!("{key}={value}"),
        None => key.clone(),
    };
    service.environment.iter().map(pair).collect()
}

/// `host=ip` entries, sorted; each list item or mapping entry may name several addresses.
pub(crate) fn extra_hosts(node: &Node, reader: &mut Reader<'_>) -> Vec<String> {
    let mut hosts = Vec::new();
    if let Value::Mapping(mapping) = &node.value {
        for (host, entry) in mapping {
            let addresses = reader.within(host, |reader| reader.string_or_list(&entry.value));
            hosts.extend(
                addresses
                    .iter()
                    .map(|address| format!("{host}={}", bare_address(address))),
            );
        }
    } else {
        reader.distinct(node);
        for item in reader.strings(node) {
            match item.split_once('=').or_else(|| item.split_once(':')) {
                Some((host, addresses)) => {
                    hosts.extend(
                        addresses
                            .split(',')
                            .map(|address| format!("{host}={}", bare_address(address))),
                    );
                }
                None => reader.invalid(
                    node,
                    format!("{item:?} has no address"),
                    "`host:address` is needed",
                ),
            }
        }
    }
    hosts.sort();
    hosts
}

fn bare_address(address: &str) -> &str {
    address
        .strip_prefix('[')
        .and_then(|address| address.strip_suffix(']'))
        .unwrap_or(address)
}

fn host_entries(hosts: &[String]) -> Vec<String> {
    hosts
        .iter()
        .map(|entry| entry.replacen('=', ":", 1))
        .collect()
}

fn tmpfs_entries(tmpfs: &[String]) -> BTreeMap<String, String> {
    let split = |entry: &String| {
        let (path, options) = entry.split_once(':').unwrap_or((entry, ""));
        (path.to_owned(), options.to_owned())
    };
    tmpfs.iter().map(split).collect()
}

/// Capabilities in the one spelling that engines store: `CAP_` in front of all but `ALL`, sorted.
fn capabilities(names: &[String]) -> Option<Vec<String>> {
    let spelled = names.iter().map(|name| {
        let name = name.trim().to_uppercase();
        if name == "ALL" || name.starts_with("CAP_") {
            name
        } else {
            format!("CAP_{name}")
        }
    });
    let spelled: BTreeSet<String> = spelled.collect();
    (!spelled.is_empty()).then(|| spelled.into_iter().collect())
}

fn filled(values: &[String]) -> Option<Vec<String>> {
    (!values.is_empty()).then(|| values.to_vec())
}

fn entries(values: &BTreeMap<String, String>) -> Option<std::collections::HashMap<String, String>> {
    (!values.is_empty()).then(|| values.clone().into_iter().collect())
}
