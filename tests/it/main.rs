//! The tests that need no engine, in one binary.

mod build;
mod engine;
mod engine_contract;
mod execute;
mod graph;
mod layers;
mod plan;
mod report;
mod support;
