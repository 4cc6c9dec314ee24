//! Engine answers, from JSON.
//!
//! Read field by field out of a [`Value`], where a field that is missing, `null` or of another type
//! is simply empty: indexing such a value gives `null` again, so nothing here can fail. A list thus
//! never becomes unreadable for one odd row. The shapes are those of Docker 1.24 to 1.51 and of
//! Podman's Docker API.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Container, ContainerDetail, ContainerState, Endpoint, Event, Health, Image, Mount, Network,
    Pool, Port, Volume,
};
use crate::engine::Progress;

impl Container {
    /// One row of `GET /containers/json`.
    pub(crate) fn from_row(row: &Value) -> Container {
        Container {
            id: text(&row["Id"]),
            name: canonical_name(&row["Names"]),
            image: text(&row["Image"]),
            image_id: text(&row["ImageID"]),
            command: text(&row["Command"]),
            created: number(&row["Created"]),
            state: ContainerState::parse(&text(&row["State"])),
            status: text(&row["Status"]),
            labels: texts_by_key(&row["Labels"]),
            ports: list(&row["Ports"], Port::from_row),
            mounts: list(&row["Mounts"], Mount::from_row),
            networks: by_key(&row["NetworkSettings"]["Networks"], |endpoint| {
                text(&endpoint["NetworkID"])
            }),
            network_mode: text(&row["HostConfig"]["NetworkMode"]),
        }
    }
}

/// The name with a single slash: further ones (`/web/db`) are what links call the container.
fn canonical_name(names: &Value) -> String {
    let names = list(names, text);
    let own = names.iter().find(|name| name.rfind('/').unwrap_or(0) == 0);
    let name = own.or(names.first()).map_or("", String::as_str);
    name.trim_start_matches('/').to_owned()
}

impl ContainerState {
    /// Reads an engine's word.
    pub fn parse(word: &str) -> ContainerState {
        match word {
            // Podman says `configured` and `initialized` before the first start.
            "" | "created" | "configured" | "initialized" => ContainerState::Created,
            "running" => ContainerState::Running,
            "paused" => ContainerState::Paused,
            "restarting" => ContainerState::Restarting,
            "removing" => ContainerState::Removing,
            "exited" | "stopped" => ContainerState::Exited,
            "dead" => ContainerState::Dead,
            other => ContainerState::Other(other.to_owned()),
        }
    }

    /// Docker's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            ContainerState::Created => "created",
            ContainerState::Running => "running",
            ContainerState::Paused => "paused",
            ContainerState::Restarting => "restarting",
            ContainerState::Removing => "removing",
            ContainerState::Exited => "exited",
            ContainerState::Dead => "dead",
            ContainerState::Other(word) => word,
        }
    }
}

impl Health {
    /// Reads an engine's word; `none` and what is unknown are no health.
    pub fn parse(word: &str) -> Option<Health> {
        match word {
            "starting" => Some(Health::Starting),
            "healthy" => Some(Health::Healthy),
            "unhealthy" => Some(Health::Unhealthy),
            _ => None,
        }
    }

    /// Docker's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Health::Starting => "starting",
            Health::Healthy => "healthy",
            Health::Unhealthy => "unhealthy",
        }
    }
}

impl Port {
    fn from_row(row: &Value) -> Port {
        let port = |value: &Value| u16::try_from(number(value)).ok();
        Port {
            ip: text(&row["IP"]),
            private: port(&row["PrivatePort"]).unwrap_or_default(),
            public: port(&row["PublicPort"]).filter(|port| *port != 0),
            protocol: text(&row["Type"]),
        }
    }
}

impl Mount {
    fn from_row(row: &Value) -> Mount {
        Mount {
            kind: text(&row["Type"]),
            name: text(&row["Name"]),
            source: text(&row["Source"]),
            target: text(&row["Destination"]),
            writable: row["RW"].as_bool().unwrap_or_default(),
        }
    }
}

impl ContainerDetail {
    /// The answer of `GET /containers/{name}/json`.
    pub(crate) fn from_answer(raw: Value) -> ContainerDetail {
        let state = &raw["State"];
        let config = &raw["Config"];
        let health = &state["Health"];
        ContainerDetail {
            id: text(&raw["Id"]),
            name: text(&raw["Name"]).trim_start_matches('/').to_owned(),
            image_id: text(&raw["Image"]),
            image: text(&config["Image"]),
            state: ContainerState::parse(&text(&state["Status"])),
            exit_code: number(&state["ExitCode"]),
            oom_killed: state["OOMKilled"].as_bool().unwrap_or_default(),
            error: text(&state["Error"]),
            health: Health::parse(&text(&health["Status"])),
            health_output: last(&health["Log"]).map_or_else(String::new, |it| text(&it["Output"])),
            restart_count: number(&raw["RestartCount"]),
            started_at: text(&state["StartedAt"]),
            finished_at: text(&state["FinishedAt"]),
            tty: config["Tty"].as_bool().unwrap_or_default(),
            labels: texts_by_key(&config["Labels"]),
            mounts: list(&raw["Mounts"], Mount::from_row),
            networks: by_key(&raw["NetworkSettings"]["Networks"], Endpoint::from_value),
            raw,
        }
    }
}

impl Endpoint {
    fn from_value(value: &Value) -> Endpoint {
        Endpoint {
            network_id: text(&value["NetworkID"]),
            aliases: list(&value["Aliases"], text),
            ip_address: text(&value["IPAddress"]),
        }
    }
}

impl Network {
    /// One row of `GET /networks`, or the answer of `GET /networks/{name}`.
    pub(crate) fn from_row(row: &Value) -> Network {
        let containers = by_key(&row["Containers"], |container| text(&container["Name"]));
        Network {
            id: text(&row["Id"]),
            name: text(&row["Name"]),
            driver: text(&row["Driver"]),
            options: texts_by_key(&row["Options"]),
            internal: row["Internal"].as_bool().unwrap_or_default(),
            attachable: row["Attachable"].as_bool().unwrap_or_default(),
            ipv6: row["EnableIPv6"].as_bool().unwrap_or_default(),
            pools: list(&row["IPAM"]["Config"], |pool| Pool {
                subnet: text(&pool["Subnet"]),
                gateway: text(&pool["Gateway"]),
                ip_range: text(&pool["IPRange"]),
            }),
            labels: texts_by_key(&row["Labels"]),
            containers: containers.into_values().collect(),
        }
    }
}

impl Volume {
    /// One of the `Volumes` of `GET /volumes`, or the answer of `GET /volumes/{name}`.
    pub(crate) fn from_row(row: &Value) -> Volume {
        Volume {
            name: text(&row["Name"]),
            driver: text(&row["Driver"]),
            labels: texts_by_key(&row["Labels"]),
            options: texts_by_key(&row["Options"]),
            mountpoint: text(&row["Mountpoint"]),
        }
    }
}

impl Image {
    /// One row of `GET /images/json`.
    pub(crate) fn from_row(row: &Value) -> Image {
        Image {
            id: text(&row["Id"]),
            tags: real_names(&row["RepoTags"]),
            digests: real_names(&row["RepoDigests"]),
            size: number(&row["Size"]),
            created: number(&row["Created"]),
            labels: texts_by_key(&row["Labels"]),
            ..Image::default()
        }
    }

    /// The answer of `GET /images/{name}/json`.
    pub(crate) fn from_answer(answer: &Value) -> Image {
        let created = text(&answer["Created"]).parse::<jiff::Timestamp>();
        Image {
            created: created.map_or(0, jiff::Timestamp::as_second),
            last_tagged: last_tagged(&answer["Metadata"]["LastTagTime"]),
            volumes: by_key(&answer["Config"]["Volumes"], |_| ())
                .into_keys()
                .collect(),
            labels: texts_by_key(&answer["Config"]["Labels"]),
            platform: platform(answer),
            config: answer["Config"].clone(),
            ..Image::from_row(answer)
        }
    }
}

/// Engines give a moment before all time to what was never tagged here.
fn last_tagged(moment: &Value) -> i64 {
    let moment = text(moment).parse::<jiff::Timestamp>();
    moment.map_or(0, jiff::Timestamp::as_second).max(0)
}

/// Names without `<none>:<none>` and `<none>@<none>`, which engines before 25 list for images that have none.
fn real_names(names: &Value) -> Vec<String> {
    let mut names = list(names, text);
    names.retain(|name| !name.starts_with("<none>"));
    names
}

fn platform(answer: &Value) -> String {
    let parts = ["Os", "Architecture", "Variant"].map(|key| text(&answer[key]));
    let known: Vec<&str> = parts
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    known.join("/")
}

impl Event {
    /// One message of `GET /events`.
    pub(crate) fn from_message(message: &Value) -> Event {
        let actor = &message["Actor"];
        let mut attributes = texts_by_key(&actor["Attributes"]);
        if let Some(code) = attributes.remove("containerExitCode") {
            attributes.entry("exitCode".to_owned()).or_insert(code);
        }
        let health = match attributes.get("health_status") {
            Some(health) => health.clone(),
            None => text(&message["HealthStatus"]),
        };
        Event {
            action: docker_action(&text(&message["Action"]), &health),
            container_id: text(&actor["ID"]),
            container_name: attributes.get("name").cloned().unwrap_or_default(),
            time_nano: number(&message["timeNano"]),
            attributes,
        }
    }
}

/// Podman's words in Docker's.
fn docker_action(word: &str, health: &str) -> String {
    match word {
        "died" => "die".to_owned(),
        "remove" => "destroy".to_owned(),
        "exec_died" => "exec_die".to_owned(),
        "health_status" if !health.is_empty() => format!("health_status: {health}"),
        other => other.to_owned(),
    }
}

impl Progress {
    /// One message of a pull, push or build; `Err` holds the engine's words when it is a failure.
    pub(crate) fn from_message(message: &Value) -> Result<Progress, String> {
        let failure = match text(&message["errorDetail"]["message"]) {
            words if words.is_empty() => text(&message["error"]),
            words => words,
        };
        if !failure.is_empty() {
            return Err(failure);
        }
        let count = |value: &Value| value.as_u64();
        let aux = &message["aux"];
        let words = match text(&message["stream"]) {
            stream if stream.is_empty() => text(&message["status"]),
            stream => stream,
        };
        Ok(Progress {
            id: some(text(&message["id"])),
            current: count(&message["progressDetail"]["current"]),
            total: count(&message["progressDetail"]["total"]),
            image_id: some(text(&aux["ID"])),
            digest: some(text(&aux["Digest"]))
                .or_else(|| words.strip_prefix("Digest: ").map(str::to_owned)),
            text: words,
        })
    }
}

/// The short form of an image reference, as engines list it: `docker.io/library/` is left out, a
/// missing tag is `latest`, and a digest stands in for the tag beside it.
pub fn familiar(reference: &str) -> String {
    let name = ["docker.io/", "index.docker.io/"]
        .iter()
        .find_map(|hub| reference.strip_prefix(hub))
        .unwrap_or(reference);
    let name = match name.strip_prefix("library/") {
        Some(official) if !official.contains('/') => official,
        _ => name,
    };
    match split_reference(name) {
        (name, _, Some(digest)) => format!("{name}@{digest}"),
        (name, tag, None) => format!("{name}:{}", tag.unwrap_or("latest")),
    }
}

/// The long form of an image reference, as registries know it: with the registry, and with a tag
/// or a digest.
pub fn full_name(reference: &str) -> String {
    let familiar = familiar(reference);
    match familiar.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => familiar,
        Some(_) => format!("docker.io/{familiar}"),
        None => format!("docker.io/library/{familiar}"),
    }
}

/// Name, tag and digest of an image reference.
pub(crate) fn split_reference(reference: &str) -> (&str, Option<&str>, Option<&str>) {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    match name.rsplit_once(':') {
        // A colon before the last slash belongs to the registry's port.
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag), digest),
        _ => (name, None, digest),
    }
}

/// Whether a reference can be an image id: `sha256:` and hex digits, or at least the twelve of them
/// that lists show. Fewer alone are a name, as `cafe` is one.
pub(crate) fn is_id(reference: &str) -> bool {
    let all_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match reference.strip_prefix("sha256:") {
        Some(digits) => !digits.is_empty() && all_hex(digits),
        None => (12..=64).contains(&reference.len()) && all_hex(reference),
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

pub(crate) fn list<T>(value: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().map(read).collect()
}

fn last(value: &Value) -> Option<&Value> {
    value.as_array()?.last()
}

fn by_key<T>(value: &Value, read: impl Fn(&Value) -> T) -> BTreeMap<String, T> {
    let entries = value.as_object().into_iter().flatten();
    entries
        .map(|(key, value)| (key.clone(), read(value)))
        .collect()
}

fn texts_by_key(value: &Value) -> BTreeMap<String, String> {
    by_key(value, text)
}

#[cfg(test)]
mod tests;
