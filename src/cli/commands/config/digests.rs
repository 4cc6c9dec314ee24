//! `config --resolve-image-digests` and `--lock-image-digests`: what registries have under the
//! names of images, asked through the engine.

use serde_yaml::{Mapping, Value};

use super::Format;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::engine::wire::full_name;

/// Puts the digest behind the name of every service's image. A name with a digest is only
/// written out.
pub(super) async fn pin(data: &mut Value, context: &Context<'_>) -> Result<(), Failure> {
    let Some(Value::Mapping(services)) = data.get_mut("services") else {
        return Ok(());
    };
    for (service, attributes) in services.iter_mut() {
        let Some(image) = attributes.get_mut("image") else {
            continue;
        };
        let Some(name) = image.as_str().filter(|name| !name.is_empty()) else {
            continue;
        };
        *image = pinned(service.as_str().unwrap_or_default(), name, context)
            .await?
            .into();
    }
    Ok(())
}

async fn pinned(service: &str, image: &str, context: &Context<'_>) -> Result<String, Failure> {
    let full = full_name(image);
    if full.contains('@') {
        return Ok(full);
    }
    let engine = context.engine()?;
    let digest = engine.registry_digest(&full).await;
    let digest = digest.map_err(|error| {
        let attempt = format!("find the digest of `{image}`, the image of service `{service}`");
        Failure::engine(&attempt, &error)
    })?;
    Ok(format!("{full}@{digest}"))
}

/// Services with their images alone. As JSON there is an empty name, and the commands that are
/// never left out of it.
pub(super) fn images_only(data: &Value, format: Format) -> Value {
    let services = data.get("services").and_then(Value::as_mapping);
    let of = |attributes: &Value| {
        let mut kept = Mapping::new();
        if let Format::Json = format {
            kept.insert("command".into(), Value::Null);
            kept.insert("entrypoint".into(), Value::Null);
        }
        if let Some(image) = attributes.get("image") {
            kept.insert("image".into(), image.clone());
        }
        Value::Mapping(kept)
    };
    let services: Mapping = services
        .into_iter()
        .flatten()
        .map(|(name, attributes)| (name.clone(), of(attributes)))
        .collect();
    let mut document = Mapping::new();
    if let Format::Json = format {
        document.insert("name".into(), "".into());
    }
    document.insert("services".into(), Value::Mapping(services));
    Value::Mapping(document)
}
