//! rcompose.
pub mod build;
pub mod document;
pub mod engine;
