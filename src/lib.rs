//! rcompose.
pub mod document;
pub mod engine;
pub mod load;
