//! `config` on files of 20, 100 and 500 services: time and peak memory beside docker compose's own
//! binary, and how the time grows with the file.
//!
//! Wanted (issue 3): at least 15 times faster, under a fifth of the memory, growth no faster than
//! the file's.

use crate::Peer;
use crate::measure::{Program, in_turn, milliseconds};
use std::fmt::Write as _;
use std::path::Path;

/// Services in the files.
const SIZES: [usize; 3] = [20, 100, 500];

/// Prints the table.
pub(crate) fn run(peer: &Peer) {
    for (name, file) in [
        (
            "small services (image, volume, dependency)",
            small as fn(usize) -> String,
        ),
        ("large services (25 lines each, anchors, variables)", large),
    ] {
        println!("config, {name}");
        let mut last = None;
        for services in SIZES {
            let folder = tempfile::tempdir().expect("a temporary folder");
            std::fs::write(folder.path().join("compose.yaml"), file(services))
                .expect("it is written");
            last = Some(row(peer, folder.path(), services, last));
        }
        println!();
    }
}

/// One size; returns our time for it, in seconds per service.
fn row(peer: &Peer, folder: &Path, services: usize, last: Option<f64>) -> f64 {
    let ours = Program::new(&peer.ours, &["config"], folder);
    let theirs = Program::new(&peer.theirs, &["config"], folder);
    let rounds = if services > 100 { 9 } else { 21 };
    let pair = in_turn(rounds, || ours.time(), || theirs.time());
    let (our_peak, their_peak) = (ours.peak(), theirs.peak());
    let each = pair.ours.as_secs_f64() / services as f64;
    println!(
        "  {services:>4} services  {:>9} / {:>9}  {:>5.1}x   {:>5.1} / {:>5.1} MiB  1/{:.1}   {:>5.1} us a service{}",
        milliseconds(pair.ours),
        milliseconds(pair.theirs),
        pair.ratio(),
        our_peak as f64 / 1024.0,
        their_peak as f64 / 1024.0,
        their_peak as f64 / our_peak as f64,
        each * 1e6,
        last.map_or_else(String::new, |last| format!(
            ", {:.2} of the size before",
            each / last
        )),
    );
    each
}

/// The stack that the peer's published figures are of.
pub(crate) fn small(services: usize) -> String {
    let mut text = String::from("name: bench\nservices:\n");
    for i in 0..services {
        let _ = write!(
            text,
            "  s{i}:\n    image: busybox\n    command: sleep infinity\n    volumes:\n      - v{i}:/data\n"
        );
        if let Some(parent) = i.checked_sub(5) {
            let _ = write!(text, "    depends_on:\n      - s{parent}\n");
        }
    }
    text.push_str("volumes:\n");
    for i in 0..services {
        let _ = writeln!(text, "  v{i}: {{}}");
    }
    text
}

/// What people write.
fn large(services: usize) -> String {
    let mut text = String::from(concat!(
        "name: bench\n",
        "x-common: &common\n",
        "  restart: unless-stopped\n",
        "  logging: {driver: json-file, options: {max-size: 10m}}\n",
        "services:\n",
    ));
    for i in 0..services {
        let _ = write!(
            text,
            r#"  svc{i}:
    <<: *common
    image: registry.example.com/team/app{i}:${{TAG:-1.{i}}}
    command: ["serve", "--port", "8080"]
    environment:
      LOG_LEVEL: ${{LOG_LEVEL:-info}}
      SERVICE: svc{i}
      DATABASE_URL: postgres://db:5432/app
      RETRIES: 3
    ports:
      - "{port}:8080"
    volumes:
      - data{i}:/var/lib/data
      - ./conf:/etc/app:ro
    networks: [front, back]
    labels:
      traefik.http.routers.svc{i}.rule: Host(`svc{i}.example.com`)
      team: core
    healthcheck:
      test: [CMD, curl, -f, http://localhost:8080/health]
      interval: 10s
      timeout: 5s
      retries: 3
    deploy:
      resources:
        limits: {{cpus: '0.5', memory: 256M}}
"#,
            port = 10_000 + i
        );
        if i > 0 {
            let _ = write!(
                text,
                "    depends_on:\n      svc{}:\n        condition: service_healthy\n",
                (i - 1) / 2
            );
        }
    }
    text.push_str("networks:\n  front:\n  back:\nvolumes:\n");
    for i in 0..services {
        let _ = writeln!(text, "  data{i}:");
    }
    text
}
