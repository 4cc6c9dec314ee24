//! Services that are only there when their profile is.

use crate::both::Both;

const PROFILES: &str = "
x-sleeper: &sleeper {image: busybox, command: sleep 600, stop_signal: SIGKILL}
services:
  web: *sleeper
  debug: {<<: *sleeper, profiles: [debug], depends_on: [web], volumes: ['debug:/data']}
  tools: {<<: *sleeper, profiles: [tools, debug], networks: [tools]}
  both: {<<: *sleeper, profiles: [other], depends_on: [tools]}
volumes: {debug: {}}
networks: {tools: {}}
";

#[test]
fn a_service_comes_with_its_profile_and_is_no_orphan_without() {
    let Some(mut both) = Both::new("profile", PROFILES) else {
        return;
    };
    both.run("up -d");
    both.run("--profile debug up -d");
    let told = both.run("up -d --remove-orphans");
    assert!(!told.stderr.contains("orphan"), "{}", told.stderr);
    both.run("stop");
    both.run("--profile debug start");
    both.run("down -t 0");
    both.run("--profile debug down -v -t 0");
}

#[test]
fn a_service_that_is_named_needs_no_profile() {
    let Some(mut both) = Both::new("namedone", PROFILES) else {
        return;
    };
    both.run("up -d debug");
    both.run("stop debug");
    both.run("rm -f debug");
    both.run("down -t 0");
}

#[test]
fn a_dependency_in_another_profile_is_missing() {
    let Some(mut both) = Both::new("missing", PROFILES) else {
        return;
    };
    both.run("--profile other up -d");
    both.run("up -d both");
}

#[test]
fn a_star_stands_for_all_profiles() {
    let Some(both) = Both::new("star", PROFILES) else {
        return;
    };
    let mut both = both.with("COMPOSE_PROFILES", "debug,other");
    both.run("up -d");
    let mut both = both.with("COMPOSE_PROFILES", "");
    both.run("--profile * up -d");
    both.run("--profile * down -t 0");
}
