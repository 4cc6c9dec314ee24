//! The tests that need no engine, in one binary.

mod build;
mod engine;
mod engine_contract;
mod loader;
mod report;
