//! rcompose.
pub mod api_version;
pub mod build;
pub mod cli;
pub mod document;
pub mod engine;
pub mod event;
pub mod execute;
pub mod graph;
pub mod load;
pub mod ops;
pub mod plan;
pub mod project;
pub mod report;
