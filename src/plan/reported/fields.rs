//! The fields that requests and reports have in common, each with the attributes that are written
//! into it, and what engines fill in where a request says nothing.

use serde_json::Value;

use super::is_nothing;

/// A field of requests and reports.
pub(super) struct Field {
    /// Below `HostConfig`, or else `Config`.
    pub(super) host: bool,
    /// Its name there.
    pub(super) name: &'static str,
    /// The attributes that are written into it; the first that the service has is named.
    pub(super) attributes: &'static [&'static str],
    /// How its values are compared.
    pub(super) shape: Shape,
}

/// How a field's value is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As a whole.
    Whole,
    /// Entry by entry, each with a path of its own.
    Entries,
    /// The same of a list of `KEY=VALUE`.
    Pairs,
    /// Item by item of a list without order.
    Items,
}

const fn config(name: &'static str, shape: Shape, attributes: &'static [&'static str]) -> Field {
    Field {
        host: false,
        name,
        attributes,
        shape,
    }
}

const fn host(name: &'static str, shape: Shape, attributes: &'static [&'static str]) -> Field {
    Field {
        host: true,
        name,
        attributes,
        shape,
    }
}

use Shape::{Entries, Items, Pairs, Whole};

/// All of them.
pub(super) const FIELDS: &[Field] = &[
    config("Image", Whole, &["image"]),
    config("Hostname", Whole, &["hostname"]),
    config("Domainname", Whole, &["domainname"]),
    config("User", Whole, &["user"]),
    config("Tty", Whole, &["tty"]),
    config("OpenStdin", Whole, &["stdin_open"]),
    config("Env", Pairs, &["environment"]),
    config("Cmd", Whole, &["command"]),
    config("Entrypoint", Whole, &["entrypoint"]),
    config("Healthcheck", Entries, &["healthcheck"]),
    config("WorkingDir", Whole, &["working_dir"]),
    config("Volumes", Entries, &["volumes"]),
    config("StopSignal", Whole, &["stop_signal"]),
    config("StopTimeout", Whole, &["stop_grace_period"]),
    config("Labels", Entries, &["labels"]),
    host("Binds", Items, &["volumes", "configs", "secrets"]),
    host("Mounts", Items, &["volumes", "tmpfs", "configs", "secrets"]),
    host("VolumesFrom", Items, &["volumes_from"]),
    host("NetworkMode", Whole, &["network_mode", "networks"]),
    host("PortBindings", Entries, &["ports"]),
    host(
        "RestartPolicy",
        Whole,
        &["restart", "deploy.restart_policy"],
    ),
    host("CapAdd", Items, &["cap_add"]),
    host("CapDrop", Items, &["cap_drop"]),
    host("Cgroup", Whole, &["cgroup"]),
    host("CgroupnsMode", Whole, &["cgroup"]),
    host("CgroupParent", Whole, &["cgroup_parent"]),
    host("Dns", Whole, &["dns"]),
    host("DnsOptions", Whole, &["dns_opt"]),
    host("DnsSearch", Whole, &["dns_search"]),
    host("ExtraHosts", Items, &["extra_hosts"]),
    host("GroupAdd", Items, &["group_add"]),
    host("IpcMode", Whole, &["ipc"]),
    host("Links", Items, &["links", "external_links"]),
    host("OomScoreAdj", Whole, &["oom_score_adj"]),
    host("OomKillDisable", Whole, &["oom_kill_disable"]),
    host("PidMode", Whole, &["pid"]),
    host("Privileged", Whole, &["privileged"]),
    host("ReadonlyRootfs", Whole, &["read_only"]),
    host("SecurityOpt", Items, &["security_opt", "credential_spec"]),
    host("StorageOpt", Entries, &["storage_opt"]),
    host("Tmpfs", Entries, &["tmpfs"]),
    host("UTSMode", Whole, &["uts"]),
    host("UsernsMode", Whole, &["userns_mode"]),
    host("ShmSize", Whole, &["shm_size"]),
    host("Sysctls", Entries, &["sysctls"]),
    host("Runtime", Whole, &["runtime"]),
    host("Isolation", Whole, &["isolation"]),
    host("Init", Whole, &["init"]),
    host("Annotations", Entries, &["annotations"]),
    host("LogConfig", Whole, &["logging"]),
    host("Ulimits", Items, &["ulimits"]),
    host("Devices", Items, &["devices"]),
    host("DeviceCgroupRules", Items, &["device_cgroup_rules"]),
    host(
        "DeviceRequests",
        Items,
        &["gpus", "deploy.resources.reservations.devices"],
    ),
    host("CpuShares", Whole, &["cpu_shares"]),
    host("NanoCpus", Whole, &["cpus", "deploy.resources.limits.cpus"]),
    host("CpuPeriod", Whole, &["cpu_period"]),
    host("CpuQuota", Whole, &["cpu_quota"]),
    host("CpuRealtimePeriod", Whole, &["cpu_rt_period"]),
    host("CpuRealtimeRuntime", Whole, &["cpu_rt_runtime"]),
    host("CpusetCpus", Whole, &["cpuset"]),
    host("CpuCount", Whole, &["cpu_count"]),
    host("CpuPercent", Whole, &["cpu_percent"]),
    host(
        "Memory",
        Whole,
        &["mem_limit", "deploy.resources.limits.memory"],
    ),
    host(
        "MemoryReservation",
        Whole,
        &["mem_reservation", "deploy.resources.reservations.memory"],
    ),
    host("MemorySwap", Whole, &["memswap_limit"]),
    host("MemorySwappiness", Whole, &["mem_swappiness"]),
    host(
        "PidsLimit",
        Whole,
        &["pids_limit", "deploy.resources.limits.pids"],
    ),
    host("BlkioWeight", Whole, &["blkio_config.weight"]),
    host("BlkioWeightDevice", Whole, &["blkio_config.weight_device"]),
    host(
        "BlkioDeviceReadBps",
        Whole,
        &["blkio_config.device_read_bps"],
    ),
    host(
        "BlkioDeviceWriteBps",
        Whole,
        &["blkio_config.device_write_bps"],
    ),
    host(
        "BlkioDeviceReadIOps",
        Whole,
        &["blkio_config.device_read_iops"],
    ),
    host(
        "BlkioDeviceWriteIOps",
        Whole,
        &["blkio_config.device_write_iops"],
    ),
];

/// What engines fill in where a request says nothing.
pub(super) fn filled_in(name: &str, report: &Value, value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let host = &report["HostConfig"];
    match name {
        "Hostname" => report["Id"].as_str().is_some_and(|id| id.starts_with(text)),
        "ShmSize" => value == 67_108_864,
        "MemorySwap" => {
            let memory = host["Memory"].as_i64().unwrap_or_default();
            value.as_i64() == Some(-1) || value.as_i64() == Some(memory * 2)
        }
        "MemorySwappiness" | "PidsLimit" => value == -1,
        "Runtime" => text == "runc",
        "CgroupnsMode" => matches!(text, "host" | "private"),
        "IpcMode" => matches!(text, "private" | "shareable"),
        "Isolation" | "NetworkMode" => text == "default",
        "StopSignal" => text == "SIGTERM",
        "RestartPolicy" => value["Name"] == "no" || value["Name"] == "",
        "LogConfig" => value["Type"] == "json-file" && is_nothing(&value["Config"]),
        _ => false,
    }
}
