//! Any files at all: they load, or they are refused with a reason; nothing panics or hangs.

#![no_main]

#[path = "../digest.rs"]
mod digest;

libfuzzer_sys::fuzz_target!(|input: &[u8]| digest::digest(input));
