//! Containers that share something of another are replaced when that one is.

use crate::both::Both;
use crate::stack::Stack;

/// A service that others share something of, one of which does so at second hand.
fn shares(how: &str) -> String {
    format!(
        "
x-sleeper: &sleeper {{image: busybox, command: sleep 600, stop_signal: SIGKILL}}
services:
  base: {{<<: *sleeper, ipc: shareable, volumes: [/shared], environment: {{V: '1'}}}}
  near: {{<<: *sleeper, {how}}}
  far: {{<<: *sleeper, depends_on: [near]}}
  apart: *sleeper
"
    )
}

fn cascade(name: &str, how: &str) {
    let Some(mut both) = Both::new(name, &shares(how)) else {
        return;
    };
    both.run("up -d");
    both.run("up -d");
    both.edit("V: '1'", "V: '2'");
    both.run("up -d");
    both.run("up -d");
    both.run("up -d --force-recreate base");
    both.run("up -d");
    both.run("down -t 0");
}

#[test]
fn who_uses_its_network_is_replaced_along() {
    cascade("net", "network_mode: 'service:base'");
}

#[test]
fn who_uses_its_ipc_is_replaced_along() {
    cascade("ipc", "ipc: 'service:base'");
}

#[test]
fn who_uses_its_processes_is_replaced_along() {
    cascade("pid", "pid: 'service:base'");
}

#[test]
fn who_uses_its_volumes_is_replaced_along() {
    cascade("from", "volumes_from: [base]");
}

#[test]
fn a_chain_of_sharing_is_replaced_link_by_link() {
    let compose = "
x-sleeper: &sleeper {image: busybox, command: sleep 600, stop_signal: SIGKILL}
services:
  a: {<<: *sleeper, environment: {V: '1'}}
  b: {<<: *sleeper, network_mode: 'service:a'}
  c: {<<: *sleeper, pid: 'service:b'}
  d: {<<: *sleeper, volumes_from: [c]}
";
    let Some(mut both) = Both::new("chain", compose) else {
        return;
    };
    both.run("up -d");
    both.edit("V: '1'", "V: '2'");
    both.run("up -d");
    both.run("restart -t 0 a");
    both.run("stop a");
    both.run("start a");
}

#[test]
fn a_dependent_with_restart_is_started_anew_and_one_without_is_left_alone() {
    let compose = "
x-sleeper: &sleeper {image: busybox, command: sleep 600, stop_signal: SIGKILL}
services:
  db: {<<: *sleeper, environment: {V: '1'}}
  with: {<<: *sleeper, depends_on: {db: {condition: service_started, restart: true}}}
  without: {<<: *sleeper, depends_on: [db]}
";
    let Some(stack) = Stack::new("restarts", compose) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let started = |name: &str| stack.exec(name, &["stat", "-c", "%Z", "/proc/1"]);
    let (with, without) = (started("with-1"), started("without-1"));
    let ids = stack.ids();
    std::thread::park_timeout(std::time::Duration::from_millis(1100));
    stack.edit("compose.yaml", "V: '1'", "V: '2'");
    stack.run(&["up", "-d"]).ok();
    assert_ne!(ids["db-1"], stack.ids()["db-1"]);
    assert_eq!(ids["with-1"], stack.ids()["with-1"], "it is not replaced");
    assert_ne!(with, started("with-1"), "but started anew");
    assert_eq!(without, started("without-1"));
}

#[test]
fn who_shares_a_network_reaches_its_owner_by_localhost_after_a_replacement() {
    let compose = "
services:
  web: {image: busybox, command: httpd -f -p 80 -h /, stop_signal: SIGKILL}
  side: {image: busybox, command: sleep 600, stop_signal: SIGKILL, network_mode: 'service:web'}
";
    let Some(stack) = Stack::new("localhost", compose) else {
        return;
    };
    let reads = || {
        let page = ["wget", "-qO-", "http://127.0.0.1/etc/hostname"];
        crate::stack::until("the page", || {
            Some(stack.exec("side-1", &page)).filter(|page| page.len() == 12)
        })
    };
    stack.run(&["up", "-d"]).ok();
    let before = reads();
    stack.run(&["up", "-d", "--force-recreate", "web"]).ok();
    stack.run(&["up", "-d"]).ok();
    assert_ne!(before, reads());
}
