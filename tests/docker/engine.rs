//! The engine contract on the engine that `DOCKER_HOST` names, or the one on the default socket,
//! in the API version that `DOCKER_API_VERSION` names, and what only a real engine can show.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::models::{ContainerCreateBody, HostConfig, PortBinding};
use futures_util::StreamExt;
use rcompose::engine::docker::Docker;
use rcompose::engine::{
    Answers, ApiVersion, Container, Engine, EngineError, Filter, Progress, Reads,
};

use crate::engine_contract::contract;

#[expect(clippy::print_stdout, reason = "a skipped test should say so")]
async fn docker() -> Option<Docker> {
    let address = std::env::var("DOCKER_HOST").ok();
    let version = std::env::var("DOCKER_API_VERSION").ok();
    let version = version.and_then(|version| ApiVersion::parse(&version));
    let docker = Docker::connect(address.as_deref(), version).expect("the address is one");
    match docker.containers(&Filter::labels(["rcontract"])).await {
        Ok(_) => Some(docker),
        Err(error) if std::env::var_os("RCOMPOSE_REQUIRE_ENGINE").is_some() => {
            panic!("cannot reach an engine: {error}")
        }
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

async fn subject() -> Option<Arc<dyn Engine>> {
    Some(Arc::new(docker().await?))
}

contract!(subject);

#[tokio::test]
async fn a_pushed_image_can_be_pulled_again() {
    let Some(docker) = docker().await else { return };
    if docker
        .image("registry:2")
        .await
        .expect("an answer")
        .is_none()
    {
        assert!(
            std::env::var_os("RCOMPOSE_REQUIRE_ENGINE").is_none(),
            "the image registry:2 is required, but is not here"
        );
        println!("skipped: there is no image registry:2 to push to");
        return;
    }
    let name = format!("rcontract-{}-registry", std::process::id());
    let outcome = pushed_and_pulled(&docker, &name).await;
    let removed = docker.remove_container(&name, true, true).await;
    removed.expect("the registry goes");
    outcome.expect("the image is pushed and pulled");
}

async fn pushed_and_pulled(docker: &Docker, registry: &str) -> Result<(), EngineError> {
    let anywhere = PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: None,
    };
    let body = ContainerCreateBody {
        image: Some("registry:2".to_owned()),
        exposed_ports: Some(vec!["5000/tcp".to_owned()]),
        host_config: Some(HostConfig {
            port_bindings: Some(HashMap::from([(
                "5000/tcp".to_owned(),
                Some(vec![anywhere]),
            )])),
            ..HostConfig::default()
        }),
        labels: Some(HashMap::from([(
            "rcontract".to_owned(),
            registry.to_owned(),
        )])),
        ..ContainerCreateBody::default()
    };
    docker.create_container(registry, None, body).await?;
    docker.start_container(registry).await?;
    let rows = docker
        .containers(&Filter::labels([format!("rcontract={registry}")]))
        .await?;
    let port = rows.first().and_then(published).expect("it is published");

    let name = format!("localhost:{port}/{registry}:1");
    docker.tag_image("busybox", &name).await?;
    let pushed = loop {
        // The registry needs a moment until it listens; engines themselves try a few times.
        if let Ok(digest) = digest(docker.push_image(&name).await).await {
            break digest;
        }
    };
    docker.remove_image(&name, false).await?;
    let pulled = digest(docker.pull_image(&name, None).await).await?;
    assert_eq!(pulled, pushed);
    let image = docker.image(&name).await?.expect("it is here again");
    let by_digest = format!("localhost:{port}/{registry}@{}", pulled.expect("a digest"));
    assert!(image.goes_by(&by_digest), "{image:?}");
    assert_eq!(
        docker.images(std::slice::from_ref(&by_digest)).await?.len(),
        1
    );
    docker.remove_image(&by_digest, true).await?;
    docker.remove_image(&name, true).await
}

fn published(row: &Container) -> Option<u16> {
    row.ports.iter().find_map(|port| port.public)
}

async fn digest(
    progress: Result<Answers<Progress>, EngineError>,
) -> Result<Option<String>, EngineError> {
    let mut progress = progress?;
    let mut digest = None;
    while let Some(message) = progress.next().await {
        digest = message?.digest.or(digest);
    }
    Ok(digest)
}
