//! Tests.

mod build;
