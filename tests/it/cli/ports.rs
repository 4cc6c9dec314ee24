//! Ports that are taken: told with who holds them, before anything is touched.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use pretty_assertions::assert_eq;
use rcompose::ops::ports::{Bound, Machine, Process};
use rcompose::ops::up::Host;

use super::Sandbox;

const DEMO: &str = "\
services:
  db: {image: db}
  web: {image: app, ports: ['8080:80'], depends_on: [db]}
";

/// A host with one socket.
struct OneSocket {
    address: IpAddr,
    seen: bool,
}

impl Machine for OneSocket {
    fn exists(&self, _: &std::path::Path) -> bool {
        true
    }

    fn bound(&self) -> Vec<Bound> {
        vec![Bound {
            address: self.address,
            port: 8080,
            protocol: "tcp",
            inode: 7,
        }]
    }

    fn owner(&self, bound: &Bound) -> Option<Process> {
        (self.seen && bound.inode == 7).then(|| Process {
            pid: 4242,
            command: "python3 -m http.server 8080".to_owned(),
        })
    }
}

fn on(address: IpAddr, seen: bool) -> Sandbox {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.host = Host::with(Arc::new(OneSocket { address, seen }));
    sandbox
}

#[tokio::test(start_paused = true)]
async fn a_process_of_the_host_is_named_and_nothing_is_made() {
    for address in [
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv4Addr::LOCALHOST.into(),
        Ipv6Addr::UNSPECIFIED.into(),
    ] {
        for command in ["up -d", "up", "plan"] {
            let sandbox = on(address, true);
            let ran = sandbox.run(command).await;
            let expected = "\
error: service web cannot publish port 8080/tcp: process 4242 of this machine has it (python3 -m http.server 8080)
  help: `kill 4242` ends that process
  help: or publish another port in `ports`
";
            assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
            assert_eq!(sandbox.engine.changes(), [""; 0]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_may_not_be_seen_is_one_all_the_same() {
    let ran = on(Ipv4Addr::UNSPECIFIED.into(), false).run("up -d").await;
    let words = "a program of this machine has it\n  help: `sudo ss -lnp 'sport = :8080'`";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn another_projects_container_is_named() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("-p other up -d").await;
    sandbox.engine.forget_calls();
    let ran = sandbox.run("up -d").await;
    let expected = "\
error: service web cannot publish port 8080/tcp: container other-web-1 of project other has it
  help: `rcompose -p other stop` stops that project
  help: or publish another port in `ports`
";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
    assert_eq!(sandbox.engine.changes(), [""; 0]);
    // What is stopped holds nothing; another address is another port.
    sandbox.succeed("-p other stop").await;
    sandbox.succeed("up -d").await;
    let file = sandbox
        .files
        .get_mut(std::path::Path::new("/work/demo/compose.yaml"));
    let file = file.expect("it is there");
    *file = file.replace("8080:80", "127.0.0.2:8081:80");
    sandbox.succeed("up -d").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_replaced_does_not_stand_in_its_own_way() {
    let sandbox = on(Ipv4Addr::UNSPECIFIED.into(), true);
    let bare = Sandbox {
        host: Host::default(),
        engine: sandbox.engine.clone(),
        ..Sandbox::with(DEMO)
    };
    bare.succeed("up -d").await;
    // The socket is that of the engine's own proxy.
    sandbox.succeed("up -d --force-recreate").await;
    sandbox.succeed("up -d").await;
}

#[tokio::test(start_paused = true)]
async fn two_services_that_want_one_port_are_told_before_anything_is_done() {
    let two = "services: {a: {image: app, ports: ['80:80']}, b: {image: app, ports: ['80:81']}}";
    let sandbox = Sandbox::with(two);
    let ran = sandbox.run("up -d").await;
    let words = "error: service a cannot publish port 80/tcp: service b publishes it too\n";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    assert_eq!(sandbox.engine.changes(), [""; 0]);
    // Either alone can run, and one after the other's end, too.
    sandbox.succeed("up -d a").await;
    sandbox.succeed("config -q").await;
    let after = "\
services:
  a: {image: app, ports: ['80:80'], command: [sh, -c, exit 0]}
  b: {image: app, ports: ['80:81'], depends_on: {a: {condition: service_completed_successfully}}}
";
    Sandbox::with(after).succeed("up -d").await;
}
