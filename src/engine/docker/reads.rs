//! Everything that only looks, asked directly.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::stream::{self, Framing};
use super::target::{Target, segment};
use super::{Answer, Docker};
use crate::engine::transport::lost;
use crate::engine::wire::{
    Container, ContainerDetail, Event, Image, Network, Volume, familiar, is_id, list, text,
};
use crate::engine::{
    Answers, ApiVersion, EngineError, EngineInfo, EngineVersion, Filter, LogOptions, Output, Reads,
};

/// From here on the engine says how output is framed.
const FRAMING_IS_TOLD: ApiVersion = ApiVersion::new(1, 42);

/// From here on it can be said what is to be counted.
const USAGE_BY_KIND: ApiVersion = ApiVersion::new(1, 42);

#[async_trait]
impl Reads for Docker {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        Ok(EngineInfo {
            address: self.transport.address().to_string(),
            api: self.transport.api().await?,
        })
    }

    async fn version(&self) -> Result<EngineVersion, EngineError> {
        let answer = self.get(&Target::new("/version")).await?;
        // Podman says there who it stands in for; its own name comes with its parts.
        let named = [
            &answer["Platform"]["Name"],
            &answer["Components"][0]["Name"],
        ];
        let mut named = named.into_iter().map(text);
        Ok(EngineVersion {
            name: named.find(|it| !it.is_empty()).unwrap_or_default(),
            version: text(&answer["Version"]),
            platform: format!("{}/{}", text(&answer["Os"]), text(&answer["Arch"])),
        })
    }

    async fn containers(&self, filter: &Filter) -> Result<Vec<Container>, EngineError> {
        let target = Target::new("/containers/json").with("all", "1");
        let rows = self.get(&target.filtered(filter, "name")).await?;
        let found = list(&rows, Container::from_row);
        Ok(exactly(found, filter, |container| &container.name))
    }

    async fn container(&self, name: &str) -> Result<Option<ContainerDetail>, EngineError> {
        let target = Target::new(format!("/containers/{}/json", segment(name)));
        Ok(self.find(&target).await?.map(ContainerDetail::from_answer))
    }

    async fn networks(&self, filter: &Filter) -> Result<Vec<Network>, EngineError> {
        let target = Target::new("/networks").filtered(filter, "name");
        let found = list(&self.get(&target).await?, Network::from_row);
        Ok(exactly(found, filter, |network| &network.name))
    }

    async fn network(&self, name: &str) -> Result<Option<Network>, EngineError> {
        let target = Target::new(format!("/networks/{}", segment(name)));
        let answer = self.find(&target).await?;
        Ok(answer.map(|answer| Network::from_row(&answer)))
    }

    async fn volumes(&self, filter: &Filter) -> Result<Vec<Volume>, EngineError> {
        let target = Target::new("/volumes").filtered(filter, "name");
        let found = list(&self.get(&target).await?["Volumes"], Volume::from_row);
        Ok(exactly(found, filter, |volume| &volume.name))
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>, EngineError> {
        let target = Target::new(format!("/volumes/{}", segment(name)));
        let answer = self.find(&target).await?;
        Ok(answer.map(|answer| Volume::from_row(&answer)))
    }

    async fn volume_sizes(&self) -> Result<BTreeMap<String, u64>, EngineError> {
        let mut target = Target::new("/system/df");
        if self.transport.api().await? >= USAGE_BY_KIND {
            target = target.with("type", "volume");
        }
        let answer = self.get(&target).await?;
        let rows = list(&answer["Volumes"], |row| {
            // Drivers that cannot count say -1.
            let size = row["UsageData"]["Size"].as_u64()?;
            Some((row["Name"].as_str()?.to_owned(), size))
        });
        Ok(rows.into_iter().flatten().collect())
    }

    async fn get_archive(&self, name: &str, path: &str) -> Result<Answers<Bytes>, EngineError> {
        let target = Target::new(format!("/containers/{}/archive", segment(name)));
        let answer = self.call(Method::GET, &target.with("path", path)).await?;
        let pieces = answer.into_body().into_data_stream();
        Ok(Box::pin(pieces.map_err(|error| lost(&error))))
    }

    async fn images(&self, references: &[String]) -> Result<Vec<Image>, EngineError> {
        if references.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.get(&images_target(references)).await?;
        let mut found = list(&rows, Image::from_row);
        found.retain(|image| references.iter().any(|it| image.goes_by(it)));
        Ok(found)
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError> {
        let target = Target::new(format!("/images/{}/json", segment(reference)));
        let answer = self.find(&target).await?;
        Ok(answer.map(|answer| Image::from_answer(&answer)))
    }

    async fn registry_digest(&self, reference: &str) -> Result<String, EngineError> {
        self.digest(reference).await
    }

    async fn logs(&self, name: &str, options: &LogOptions) -> Result<Answers<Output>, EngineError> {
        let tail = options.tail.map(|lines| lines.to_string());
        let target = Target::new(format!("/containers/{}/logs", segment(name)))
            .with("stdout", "1")
            .with("stderr", "1")
            .flag("follow", options.follow)
            .flag("timestamps", options.timestamps)
            .maybe("tail", tail.as_deref())
            .maybe("since", options.since.as_deref())
            .maybe("until", options.until.as_deref());
        let answer = self.call(Method::GET, &target).await?;
        let framing = self.framing(name, &answer).await?;
        Ok(stream::output(stream::body(answer.into_body()), framing))
    }

    async fn events(
        &self,
        filter: &Filter,
        since: Option<String>,
    ) -> Result<Answers<Event>, EngineError> {
        let mut filters = json!({ "type": ["container"] });
        if !filter.labels.is_empty() {
            filters["label"] = json!(filter.labels);
        }
        if !filter.names.is_empty() {
            filters["container"] = json!(filter.names);
        }
        let target = Target::new("/events")
            .json("filters", &filters)
            .maybe("since", since.as_deref());
        let answer = self.call(Method::GET, &target).await?;
        let read = |message: &Value| Ok(Event::from_message(message));
        Ok(stream::messages(stream::body(answer.into_body()), read))
    }
}

impl Docker {
    /// How the output in an answer is written: as the answer says, or else as the container has a
    /// terminal or not.
    pub(super) async fn framing(
        &self,
        name: &str,
        answer: &Answer,
    ) -> Result<Framing, EngineError> {
        let told = self.transport.api().await? >= FRAMING_IS_TOLD;
        let kind = answer.headers().get(CONTENT_TYPE);
        match kind.and_then(|kind| kind.to_str().ok()) {
            Some("application/vnd.docker.multiplexed-stream") => Ok(Framing::Frames),
            // Before that, engines called both so.
            Some("application/vnd.docker.raw-stream") if told => Ok(Framing::Raw),
            _ => {
                let container = self.container(name).await?;
                let terminal = container.is_some_and(|container| container.tty);
                Ok(if terminal {
                    Framing::Raw
                } else {
                    Framing::Frames
                })
            }
        }
    }
}

/// Engines match names in part, or as patterns; a filter means them exactly.
fn exactly<T>(mut found: Vec<T>, filter: &Filter, name: fn(&T) -> &String) -> Vec<T> {
    if !filter.names.is_empty() {
        found.retain(|thing| filter.names.contains(name(thing)));
    }
    found
}

fn images_target(references: &[String]) -> Target {
    let target = Target::new("/images/json");
    // The engine's filter knows names, not ids.
    if references.iter().any(|reference| is_id(reference)) {
        return target;
    }
    let names: Vec<String> = references.iter().map(|it| familiar(it)).collect();
    target.json("filters", &json!({ "reference": names }))
}
