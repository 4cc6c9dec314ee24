//! nearest.
