//! Tests on a real engine; they pass with a message where there is none.

mod build;
mod engine;
#[path = "../it/engine_contract.rs"]
mod engine_contract;
