//! Small grammars that several attributes share: sizes, durations, scalars as Go prints them.

pub mod byte_size;
pub mod command;
pub mod duration;
pub mod natural;
pub mod scalar;
pub mod timestamp;
