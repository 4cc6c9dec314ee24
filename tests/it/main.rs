//! The tests that need no engine, in one binary.

mod attributes;
mod build;
mod engine;
mod engine_contract;
mod parity;
