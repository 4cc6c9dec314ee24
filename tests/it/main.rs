//! Tests.

mod engine;
mod engine_contract;
