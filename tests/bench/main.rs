//! Benches: rcompose beside docker compose, in one run, as ratios.
//!
//! `cargo bench` runs all; `cargo bench -- config` those whose name is given. The peer is docker
//! compose's own binary (`RCOMPOSE_ORACLE`, or where `tests/engine/oracle.sh` puts it), without the
//! docker client in front of it, which would add to its times. The engine is the one that
//! `DOCKER_HOST` names; the issues' figures are of Engine 28.5 (`tests/engine/engine28.sh`). Figures are printed and nothing
//! fails: a limit in a timed test fails on a busy machine and says nothing about the program.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "figures for people"
)]

mod config;
mod engine;
mod measure;
mod raw;

use std::path::{Path, PathBuf};

/// The two programs that are compared.
pub(crate) struct Peer {
    /// Our binary.
    pub(crate) ours: PathBuf,
    /// docker compose's.
    pub(crate) theirs: PathBuf,
}

/// Prints a table.
type Bench = fn(&Peer);

/// The benches by name.
const BENCHES: &[(&str, Bench)] = &[
    ("config", config::run),
    ("noop", engine::noop),
    ("cold", engine::cold),
    ("chain", engine::chain),
    ("build", engine::build),
    ("interval", engine::interval),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if measure::is_the_process_between(&arguments) {
        return;
    }
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|name| BENCHES.iter().all(|(bench, _)| *bench != name.as_str()))
    {
        let known: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        println!(
            "there is no bench `{unknown}`; there are: {}",
            known.join(", ")
        );
        return;
    }
    let peer = Peer {
        ours: PathBuf::from(env!("CARGO_BIN_EXE_rcompose")),
        theirs: std::env::var_os("RCOMPOSE_ORACLE").map_or_else(
            || PathBuf::from("/var/cache/rcompose/oracle/docker-compose"),
            PathBuf::from,
        ),
    };
    if !peer.theirs.exists() {
        println!(
            "no docker compose at {}: run tests/engine/oracle.sh first",
            peer.theirs.display()
        );
        return;
    }
    println!("{} beside {}", peer.ours.display(), version(&peer.theirs));
    for (name, run) in BENCHES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!();
            run(&peer);
        }
    }
}

fn version(program: &Path) -> String {
    let output = std::process::Command::new(program)
        .arg("version")
        .output()
        .expect("docker compose starts");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
