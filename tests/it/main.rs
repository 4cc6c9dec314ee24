//! The tests that need no engine, in one binary.

mod attributes;
mod bad_input;
mod build;
mod cli;
mod codes;
mod document;
mod engine;
mod engine_contract;
mod execute;
mod fuzz;
mod graph;
mod layers;
mod load;
mod loader;
mod parity;
mod plan;
mod report;
mod support;
mod yaml;
