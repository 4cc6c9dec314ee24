//! What waits for what, and what becomes of those that wait in vain.

use crate::both::Both;

const BASE: &str = "
x-sleeper: &sleeper {image: busybox, command: sleep 600, stop_signal: SIGKILL}
";

fn both(name: &str, services: &str) -> Option<Both> {
    Both::new(name, &format!("{BASE}services:\n{services}"))
}

#[test]
fn a_job_that_failed_stops_its_dependents_from_starting() {
    let Some(mut both) = both(
        "failed",
        "
  job: {image: busybox, command: sh -c 'exit 4'}
  web: {<<: *sleeper, depends_on: {job: {condition: service_completed_successfully}}}
",
    ) else {
        return;
    };
    both.run("up -d");
    both.edit("exit 4", "exit 0");
    both.run("up -d");
    both.run("up -d");
}

#[test]
fn a_dependency_that_is_not_required_may_fail() {
    let Some(mut both) = both(
        "optional",
        "
  job: {image: busybox, command: sh -c 'exit 4'}
  sick: {<<: *sleeper, healthcheck: {test: 'false', interval: 100ms, retries: 1}}
  web:
    <<: *sleeper
    depends_on:
      job: {condition: service_completed_successfully, required: false}
      sick: {condition: service_healthy, required: false}
",
    ) else {
        return;
    };
    let told = both.run("up -d");
    assert!(told.stderr.contains("optional"), "{}", told.stderr);
}

#[test]
fn an_unhealthy_dependency_stops_its_dependents_from_starting() {
    let Some(mut both) = both(
        "sick",
        "
  sick: {<<: *sleeper, healthcheck: {test: 'false', interval: 100ms, retries: 1}}
  web: {<<: *sleeper, depends_on: {sick: {condition: service_healthy}}}
",
    ) else {
        return;
    };
    both.run("up -d");
}

#[test]
fn a_dependency_without_a_check_cannot_be_healthy() {
    let Some(mut both) = both(
        "nocheck",
        "
  db: *sleeper
  web: {<<: *sleeper, depends_on: {db: {condition: service_healthy}}}
",
    ) else {
        return;
    };
    both.run("up -d");
}

#[test]
fn a_dependency_that_ended_cannot_become_healthy() {
    let Some(mut both) = both(
        "gone",
        "
  db: {image: busybox, command: sh -c 'exit 0', healthcheck: {test: 'true', interval: 10s}}
  web: {<<: *sleeper, depends_on: {db: {condition: service_healthy}}}
",
    ) else {
        return;
    };
    both.run("up -d");
}

#[test]
fn a_job_that_is_done_is_not_done_again_by_start_but_by_up() {
    let Some(mut both) = both(
        "again",
        "
  job: {image: busybox, command: sh -c 'echo once >> /data/file', volumes: ['data:/data']}
  web: {<<: *sleeper, volumes: ['data:/data'], depends_on: {job: {condition: service_completed_successfully}}}
volumes: {data: {}}
",
    ) else {
        return;
    };
    both.run("up -d");
    both.run("up -d");
    both.run("restart -t 0 web");
    both.run("stop");
    both.run("start");
    let count = std::sync::Mutex::new(Vec::new());
    both.each(|stack| {
        let lines = stack.exec("web-1", &["cat", "/data/file"]).lines().count();
        count.lock().expect("one at a time").push(lines);
    });
    let count = count.into_inner().expect("one at a time");
    assert_eq!(count[0], count[1], "the job has run as often");
}

#[test]
fn every_replica_of_a_job_has_to_end_well() {
    let Some(mut both) = both(
        "replicas",
        "
  job: {image: busybox, command: sh -c 'mkdir /data/only', volumes: ['data:/data'], scale: 1}
  web: {<<: *sleeper, depends_on: {job: {condition: service_completed_successfully}}}
volumes: {data: {}}
",
    ) else {
        return;
    };
    both.run("up -d");
}

#[test]
fn a_circle_is_refused() {
    let Some(mut both) = both(
        "circle",
        "
  a: {<<: *sleeper, depends_on: [b]}
  b: {<<: *sleeper, depends_on: [c]}
  c: {<<: *sleeper, network_mode: 'service:a'}
",
    ) else {
        return;
    };
    both.run("up -d");
}

#[test]
fn stop_ends_dependents_before_what_they_need() {
    let Some(mut both) = both(
        "order",
        "
  db: {image: busybox, command: \"sh -c 'trap \\\"date +%s%N > /data/db; exit 0\\\" TERM; while true; do sleep 0.05; done'\", volumes: ['data:/data']}
  web: {image: busybox, command: \"sh -c 'trap \\\"date +%s%N > /data/web; exit 0\\\" TERM; while true; do sleep 0.05; done'\", volumes: ['data:/data'], depends_on: [db]}
volumes: {data: {}}
",
    ) else {
        return;
    };
    both.run("up -d");
    both.run("stop");
    both.run("stop web");
    both.run("start web");
    both.run("down");
}

#[test]
fn wait_is_kept_by_dependencies_that_end_well() {
    let Some(mut both) = both(
        "waitjob",
        "
  job: {image: busybox, command: 'true'}
  web: {<<: *sleeper, depends_on: {job: {condition: service_completed_successfully}}}
",
    ) else {
        return;
    };
    both.run("up -d --wait");
    both.run("up -d --wait --wait-timeout 20 web");
}

#[test]
fn wait_fails_with_what_is_unhealthy_or_ends_badly() {
    let Some(mut both) = both(
        "waitsick",
        "
  sick: {<<: *sleeper, healthcheck: {test: 'false', interval: 100ms, retries: 1}}
  bad: {image: busybox, command: sh -c 'exit 2'}
",
    ) else {
        return;
    };
    both.run("up -d --wait sick");
    both.run("up -d --wait bad");
    both.run("up -d --wait --wait-timeout 1 sick");
}
