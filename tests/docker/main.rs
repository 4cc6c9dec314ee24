//! Tests on a real engine; they pass with a message where there is none, and fail there when
//! `RCOMPOSE_REQUIRE_ENGINE` is set.

#![expect(clippy::print_stdout, reason = "a skipped test says so")]
#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod atomic;
mod both;
mod broken_off;
mod build;
mod cascades;
mod changes;
mod dependencies;
mod drift;
mod dry_run;
#[path = "../../examples/embed.rs"]
#[expect(dead_code, reason = "its main function is not called here")]
mod embed;
mod engine;
#[path = "../it/engine_contract.rs"]
mod engine_contract;
mod failures;
mod hooks;
mod inject;
mod interop;
mod interrupts;
mod lifecycle;
mod nothing_to_do;
mod parity;
mod plans;
mod profiles;
mod proxy;
mod pulls;
mod random;
#[path = "../bench/raw.rs"]
#[expect(dead_code, reason = "benches need more of it")]
mod raw;
mod ready;
mod recreate;
mod registry;
mod rename;
mod scaling;
mod scenarios;
mod stack;
mod staying;
mod stops;
mod storage;
mod timings;
mod two_at_once;
