//! The tests that need no engine, in one binary.

mod build;
mod cli;
mod document;
mod engine;
mod engine_contract;
mod parity;
mod report;
