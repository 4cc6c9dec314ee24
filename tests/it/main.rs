//! Tests.

mod document;
