//! The engine contract on the engine in memory.

use std::sync::Arc;

use rcompose::engine::Engine;
use rcompose::engine::memory::MemoryEngine;

use crate::engine_contract::contract;

async fn subject() -> Option<Arc<dyn Engine>> {
    let engine = MemoryEngine::new();
    engine.add_image("busybox");
    Some(Arc::new(engine))
}

contract!(subject);
