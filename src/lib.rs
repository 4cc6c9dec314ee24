//! rcompose.
pub mod document;
pub mod engine;
