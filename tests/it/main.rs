//! The tests that need no engine, in one binary.

mod api_versions;
mod attributes;
mod bad_input;
mod build;
mod cli;
mod codes;
mod document;
mod engine;
mod engine_contract;
mod execute;
mod flags;
mod fuzz;
mod graph;
mod layers;
mod load;
mod loader;
mod migrate;
mod parity;
mod plan;
mod report;
mod schema;
mod support;
mod yaml;
