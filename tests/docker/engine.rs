//! The engine contract on the engine that `DOCKER_HOST` names, or the one on the default socket.

use std::sync::Arc;

use rcompose::engine::docker::Docker;
use rcompose::engine::{Engine, Reads};

use crate::engine_contract::contract;

async fn subject() -> Option<Arc<dyn Engine>> {
    let address = std::env::var("DOCKER_HOST").ok();
    let docker = Docker::connect(address.as_deref(), None).expect("the address is one");
    match docker.info().await {
        Ok(_) => Some(Arc::new(docker)),
        Err(error) if std::env::var_os("RCOMPOSE_REQUIRE_ENGINE").is_some() => {
            panic!("cannot reach an engine: {error}")
        }
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

contract!(subject);
