//! What containers have to say for themselves, to be kept: their logs and all that the engine knows
//! of them, without the values of secret variables.

use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::Value;

use super::autopsy::secrets;
use crate::engine::{Filter, LogOptions, Reads};
use crate::explain::masked::{MASK, is_secret_name};
use crate::plan::labels;

/// Lines of each log that are kept, from its end.
const LINES: u64 = 10_000;

/// One container.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// Its name.
    pub container: String,
    /// Everything that the engine tells of it.
    pub inspected: Value,
    /// What it printed, with times.
    pub log: String,
    /// Values that must not be told anywhere.
    pub secrets: Vec<String>,
}

/// Gathers it from all containers of a project. What cannot be had is left out.
pub async fn gather(reads: &dyn Reads, project: &str) -> Vec<Evidence> {
    let filter = Filter::labels([format!("{}={project}", labels::PROJECT)]);
    let containers = reads.containers(&filter).await.unwrap_or_default();
    let looks = containers.iter().map(|it| look(reads, &it.name));
    join_all(looks).await.into_iter().flatten().collect()
}

async fn look(reads: &dyn Reads, name: &str) -> Option<Evidence> {
    let detail = reads.container(name).await.ok().flatten()?;
    let secrets = secrets(&detail);
    let mut inspected = detail.raw;
    mask_environment(&mut inspected);
    Some(Evidence {
        container: name.to_owned(),
        inspected,
        log: log(reads, name).await,
        secrets,
    })
}

/// Short values, too, which would not be looked for elsewhere.
fn mask_environment(inspected: &mut Value) {
    let Some(pairs) = inspected
        .pointer_mut("/Config/Env")
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    for pair in pairs {
        let name = pair.as_str().and_then(|pair| pair.split_once('='));
        if let Some((name, _)) = name.filter(|(name, _)| is_secret_name(name)) {
            *pair = Value::String(format!("{name}={MASK}"));
        }
    }
}

async fn log(reads: &dyn Reads, name: &str) -> String {
    let options = LogOptions {
        timestamps: true,
        tail: Some(LINES),
        ..LogOptions::default()
    };
    let Ok(mut output) = reads.logs(name, &options).await else {
        return String::new();
    };
    let mut bytes = Vec::new();
    while let Some(Ok(piece)) = output.next().await {
        bytes.extend_from_slice(&piece.bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
