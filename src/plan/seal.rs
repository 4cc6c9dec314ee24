//! A plan that is to be carried out as it was shown: what it stands on, in a form that can be
//! written down and compared later.
//!
//! The plan itself is not stored. Planning is deterministic, so the same files and the same engine
//! give it again; and a file with complete requests would hold every secret of the project. What is
//! kept are short digests, and names and states of what is on the engine, so that whoever compares
//! can say what has moved.
//!
//! Waits are left out of the comparison: whether a container has been up long enough not to be
//! waited for changes by itself, and a wait changes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{CreateContainer, Observed, Operation, Plan, Step, describe, short};
use crate::project::{Project, hash};

/// What a plan stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Name of the project.
    pub project: String,
    /// Digest of what the files say.
    pub files: String,
    /// What is on the engine: `container demo-web-1` to its id and state, and so on.
    pub engine: BTreeMap<String, String>,
    /// The steps, for people.
    pub steps: Vec<String>,
    /// Digest of the steps with everything that is asked of the engine.
    pub digest: String,
}

impl Seal {
    /// Of a plan that was just made.
    pub fn of(project: &Project, observed: &Observed, plan: &Plan) -> Seal {
        let acts: Vec<&Step> = plan
            .steps
            .iter()
            .filter(|step| !matches!(step.operation, Operation::Wait { .. }))
            .collect();
        let steps = acts.iter().map(|step| describe(step));
        let complete: Vec<Value> = acts.iter().map(|step| complete(step)).collect();
        let digest =
            |what: &str, text: &str| hash::content(&[&project.name, "plan", what], text.as_bytes());
        Seal {
            project: project.name.clone(),
            files: digest("files", &hash::go_json(&project.to_yaml_data())),
            engine: seen(observed),
            steps: steps.collect(),
            digest: digest("steps", &Value::Array(complete).to_string()),
        }
    }

    /// What has moved since; empty when the plan still is the same.
    pub fn moved(&self, now: &Seal) -> Vec<String> {
        let mut moved = Vec::new();
        if self.project != now.project {
            moved.push(format!("it was made for project {}", self.project));
        }
        if self.files != now.files {
            moved.push("the files say something else now".to_owned());
        }
        let gone = self
            .engine
            .keys()
            .filter(|it| !now.engine.contains_key(*it));
        moved.extend(gone.map(|it| format!("{it} is gone")));
        for (what, state) in &now.engine {
            match self.engine.get(what) {
                None => moved.push(format!("{what} was not there")),
                Some(then) if then != state => {
                    moved.push(format!("{what} was {then} and is {state}"));
                }
                Some(_) => {}
            }
        }
        if moved.is_empty() && (self.digest != now.digest || self.steps != now.steps) {
            moved.push("another plan follows from it now".to_owned());
        }
        moved
    }
}

/// What a plan depends on, by name.
fn seen(observed: &Observed) -> BTreeMap<String, String> {
    let containers = observed.containers.iter().map(|it| {
        let state = format!("{:?}", it.state).to_lowercase();
        let value = format!("{} ({state})", short(&it.id));
        (format!("container {}", it.name), value)
    });
    let networks = observed.networks.iter();
    let networks = networks.map(|(name, it)| (format!("network {name}"), short(&it.id).to_owned()));
    let volumes = observed.volumes.iter().map(|(name, it)| {
        let hash = it.config_hash.as_deref().unwrap_or("there");
        (format!("volume {name}"), short(hash).to_owned())
    });
    let images = observed.images.iter();
    let images = images.map(|(name, id)| (format!("image {name}"), short(id).to_owned()));
    containers
        .chain(networks)
        .chain(volumes)
        .chain(images)
        .collect()
}

/// A step with everything that is asked of the engine.
fn complete(step: &Step) -> Value {
    let request = match &step.operation {
        Operation::CreateContainer(create) | Operation::RunContainer(create) => request(create),
        Operation::CreateNetwork(body) => json!(body),
        Operation::CreateVolume(body) => json!(body),
        Operation::ConnectNetwork { endpoint, .. } => json!(endpoint),
        other => json!(format!("{other:?}")),
    };
    json!([
        describe(step),
        step.cause.to_string(),
        step.service,
        request
    ])
}

fn request(create: &CreateContainer) -> Value {
    let CreateContainer {
        name,
        platform,
        body,
        connect,
        files,
        inherit,
        stamp_image,
    } = create;
    let files = format!("{files:?}");
    let inherit = format!("{inherit:?}");
    json!([name, platform, body, connect, files, inherit, stamp_image])
}
