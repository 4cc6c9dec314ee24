//! Everything that only looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::state::{Held, Line, matches};
use super::{MemoryEngine, Shared};
use crate::engine::transport::NEWEST;
use crate::engine::wire::{Container, ContainerDetail, Event, Health, Image, Network, Volume};
use crate::engine::{
    Answers, EngineError, EngineInfo, EngineVersion, Filter, LogOptions, Output, Reads,
};

#[async_trait]
impl Reads for MemoryEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.called("info", "").await?;
        Ok(EngineInfo {
            address: "memory://".to_owned(),
            api: NEWEST,
        })
    }

    async fn version(&self) -> Result<EngineVersion, EngineError> {
        self.called("version", "").await?;
        Ok(EngineVersion {
            name: "engine in memory".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            platform: "linux/amd64".to_owned(),
        })
    }

    async fn containers(&self, filter: &Filter) -> Result<Vec<Container>, EngineError> {
        self.called("containers", "").await?;
        let state = self.shared.lock();
        let rows = state
            .rows()
            .filter(|row| matches(filter, &row.name, &row.labels));
        Ok(rows.collect())
    }

    async fn container(&self, name: &str) -> Result<Option<ContainerDetail>, EngineError> {
        self.called("container", name).await?;
        let state = self.shared.lock();
        let held = state.container(name).ok();
        Ok(held.map(|held| ContainerDetail::from_answer(inspection(held))))
    }

    async fn networks(&self, filter: &Filter) -> Result<Vec<Network>, EngineError> {
        self.called("networks", "").await?;
        let networks = self.shared.lock().networks.clone();
        let wanted = |it: &Network| matches(filter, &it.name, &it.labels);
        Ok(networks.into_iter().filter(wanted).collect())
    }

    async fn network(&self, name: &str) -> Result<Option<Network>, EngineError> {
        self.called("network", name).await?;
        let state = self.shared.lock();
        let network = state.network(name).ok();
        Ok(network.map(|network| Network {
            containers: state.active_in(&network.name),
            ..network.clone()
        }))
    }

    async fn volumes(&self, filter: &Filter) -> Result<Vec<Volume>, EngineError> {
        self.called("volumes", "").await?;
        let volumes = self.shared.lock().volumes.clone();
        let wanted = |it: &Volume| matches(filter, &it.name, &it.labels);
        Ok(volumes.into_values().filter(wanted).collect())
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>, EngineError> {
        self.called("volume", name).await?;
        Ok(self.shared.lock().volumes.get(name).cloned())
    }

    async fn volume_sizes(&self) -> Result<BTreeMap<String, u64>, EngineError> {
        self.called("volume_sizes", "").await?;
        let state = self.shared.lock();
        let names = state.volumes.keys().cloned();
        Ok(names.map(|name| state.sized(name)).collect())
    }

    async fn get_archive(&self, name: &str, path: &str) -> Result<Answers<Bytes>, EngineError> {
        self.called("get_archive", name).await?;
        let tar = self.shared.lock().pack(name, path)?;
        Ok(Box::pin(stream::iter([Ok(tar)])))
    }

    async fn images(&self, references: &[String]) -> Result<Vec<Image>, EngineError> {
        self.called("images", "").await?;
        let images = self.shared.lock().images.clone();
        let wanted = |image: &Image| references.iter().any(|it| image.goes_by(it));
        let images = images.into_iter().filter(wanted);
        Ok(images
            .map(|image| Image {
                volumes: Vec::new(),
                platform: String::new(),
                ..image
            })
            .collect())
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError> {
        self.called("image", reference).await?;
        Ok(self.shared.lock().image(reference).cloned())
    }

    async fn registry_digest(&self, reference: &str) -> Result<String, EngineError> {
        self.called("registry_digest", reference).await?;
        self.shared.lock().registry_digest(reference)
    }

    async fn logs(&self, name: &str, options: &LogOptions) -> Result<Answers<Output>, EngineError> {
        self.called("logs", name).await?;
        let state = self.shared.lock();
        let held = state.container(name)?;
        let since = options.since.as_deref().map_or(0, nanos);
        let until = options.until.as_deref().map_or(i64::MAX, nanos);
        let wanted = |line: &&Line| (since..=until).contains(&line.time_nano);
        let mut lines: Vec<Line> = held.log.iter().filter(wanted).cloned().collect();
        if let Some(tail) = options.tail {
            let tail = usize::try_from(tail).unwrap_or(usize::MAX);
            lines.drain(..lines.len().saturating_sub(tail));
        }
        let dated = options.timestamps;
        let past = stream::iter(lines).map(move |line| Ok(output(&line, dated)));
        if !options.follow || !held.is_up() {
            return Ok(Box::pin(past));
        }
        let future = self.follow(held, held.ended_runs);
        Ok(Box::pin(
            past.chain(future.map(move |line| Ok(output(&line, dated)))),
        ))
    }

    async fn events(
        &self,
        filter: &Filter,
        since: Option<String>,
    ) -> Result<Answers<Event>, EngineError> {
        self.called("events", "").await?;
        let state = self.shared.lock();
        // Subscribed under the lock: what is not in the history yet will be sent.
        let receiver = self.shared.events.subscribe();
        let mut past = Vec::new();
        if let Some(since) = since {
            let since = nanos(&since);
            let later = state
                .history
                .iter()
                .filter(|event| event.time_nano >= since);
            past = later.cloned().collect();
        }
        let future = stream::unfold(receiver, |mut receiver| async {
            loop {
                match receiver.recv().await {
                    Ok(event) => return Some((event, receiver)),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        });
        let filter = filter.clone();
        let events = stream::iter(past).chain(future);
        let wanted = events.filter(move |event| {
            let wanted = matches(&filter, &event.container_name, &event.attributes);
            std::future::ready(wanted)
        });
        Ok(Box::pin(wanted.map(Ok)))
    }
}

impl MemoryEngine {
    /// The lines that a container writes from now on, until a run ends after `ended_runs` of them.
    pub(super) fn follow(
        &self,
        held: &Held,
        ended_runs: u64,
    ) -> impl Stream<Item = Line> + Send + use<> {
        let from = Following {
            shared: Arc::clone(&self.shared),
            id: held.id.clone(),
            seen: held.log.len(),
            ended_runs,
        };
        stream::unfold(from, |mut following| async {
            let line = following.next().await?;
            Some((line, following))
        })
    }
}

struct Following {
    shared: Arc<Shared>,
    id: String,
    seen: usize,
    ended_runs: u64,
}

impl Following {
    async fn next(&mut self) -> Option<Line> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            {
                let state = self.shared.lock();
                let held = state.container(&self.id).ok()?;
                // A restart is another run, and whoever wants to hear of it has to ask again.
                let run = usize::try_from(self.ended_runs).unwrap_or(usize::MAX);
                let end = held.run_ends.get(run);
                if end.is_some_and(|end| self.seen >= *end) {
                    return None;
                }
                if let Some(line) = held.log.get(self.seen) {
                    self.seen += 1;
                    return Some(line.clone());
                }
            }
            changed.changed().await.ok()?;
        }
    }
}

pub(super) fn output(line: &Line, dated: bool) -> Output {
    let text = if dated {
        format!("{} {}", rfc3339(line.time_nano), line.text)
    } else {
        line.text.clone()
    };
    Output {
        channel: line.channel,
        bytes: Bytes::from(text),
    }
}

/// Unix seconds, maybe with a fraction, in nanoseconds.
fn nanos(seconds: &str) -> i64 {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let whole: i64 = whole.parse().unwrap_or_default();
    let fraction: i64 = format!("{fraction:0<9}")[..9].parse().unwrap_or_default();
    whole.saturating_mul(1_000_000_000).saturating_add(fraction)
}

fn rfc3339(nanos: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or_default();
    format!("{time:.9}")
}

/// What `docker inspect` prints of a container, as far as it is held.
fn inspection(held: &Held) -> Value {
    let never = "0001-01-01T00:00:00Z".to_owned();
    let time = |nanos: Option<i64>| nanos.map_or_else(|| never.clone(), rfc3339);
    let mut config = json!(held.body);
    let mut host = json!({});
    if let Some(config) = config.as_object_mut() {
        host = config.remove("HostConfig").unwrap_or(host);
        config.remove("NetworkingConfig");
    }
    host["NetworkMode"] = json!(held.network_mode);
    let networks: serde_json::Map<String, Value> = held
        .endpoints
        .iter()
        .map(|(name, endpoint)| {
            let endpoint = json!({
                "NetworkID": endpoint.network_id,
                "Aliases": endpoint.aliases,
                "IPAddress": endpoint.ip_address,
            });
            (name.clone(), endpoint)
        })
        .collect();
    let mounts: Vec<Value> = held
        .mounts
        .iter()
        .map(|mount| {
            json!({
                "Type": mount.kind, "Name": mount.name, "Source": mount.source,
                "Destination": mount.target, "RW": mount.writable,
            })
        })
        .collect();
    json!({
        "Id": held.id,
        "Name": format!("/{}", held.name),
        "Image": held.image_id,
        "Created": rfc3339(held.created_nano),
        "RestartCount": held.restart_count,
        "State": {
            "Status": held.state.as_str(),
            "Running": held.is_up(),
            "ExitCode": held.exit_code,
            "StartedAt": time(held.started_nano),
            "FinishedAt": time(held.finished_nano),
            "Health": held.health.map(|health| json!({
                "Status": Health::as_str(health),
                "Log": [{ "Output": held.health_output }],
            })),
        },
        "Config": config,
        "HostConfig": host,
        "NetworkSettings": { "Networks": networks },
        "Mounts": mounts,
    })
}
