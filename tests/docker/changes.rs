//! One attribute changed, among dozens of services: the plan names exactly that attribute, with
//! the line of its new value, and touches no other service. Of containers that docker compose
//! made, too, as far as the engine tells. Every eighth of the changes, or all with `RCOMPOSE_LONG`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::stack::Stack;

/// One change of one service.
struct Change {
    /// What the service says before.
    before: &'static str,
    /// What it says after.
    after: &'static str,
    /// What the plan has to name.
    path: &'static str,
    /// What it has to name of a container that docker compose made; nothing where no engine tells.
    reported: Option<&'static str>,
}

const fn change(before: &'static str, after: &'static str, path: &'static str) -> Change {
    Change {
        before,
        after,
        path,
        reported: Some(path),
    }
}

impl Change {
    /// The engine tells less than our record does.
    const fn coarse(self, reported: &'static str) -> Change {
        Change {
            reported: Some(reported),
            ..self
        }
    }

    /// This never reaches the engine.
    const fn untold(self) -> Change {
        Change {
            reported: None,
            ..self
        }
    }
}

const CHANGES: &[Change] = &[
    change("image: busybox", "image: alpine", "image"),
    change("command: sleep 1", "command: sleep 2", "command"),
    change("", "command: sleep 2", "command"),
    change("entrypoint: [sh]", "entrypoint: [sh, -e]", "entrypoint"),
    change(
        "environment: {A: 1, B: 2}",
        "environment: {A: 1, B: 3}",
        "environment.B",
    ),
    change(
        "environment: {A: 1}",
        "environment: {A: 1, B: 2}",
        "environment.B",
    ),
    change(
        "environment: {A: 1, B: 2}",
        "environment: {A: 1}",
        "environment.B",
    ),
    change(
        "environment: [A=1, B=2]",
        "environment: [A=0, B=2]",
        "environment.A",
    ),
    change("labels: {x: 1, y: 1}", "labels: {x: 1, y: 2}", "labels.y"),
    change("labels: {x: 1}", "labels: {x: 1, y.z: 2}", "labels.y.z"),
    change(
        "annotations: {x: 1}",
        "annotations: {x: 2}",
        "annotations.x",
    )
    .untold(),
    change("ports: ['81:80']", "ports: ['82:80']", "ports[0].published").coarse("ports[0]"),
    change("ports: ['83:80']", "ports: ['83:80', '84:90']", "ports[1]"),
    change("ports: ['85:80', '86:90']", "ports: ['85:80']", "ports[1]").coarse("ports"),
    change("expose: [90]", "expose: [90, 91]", "expose[1]").coarse("expose"),
    change(
        "volumes: ['/tmp:/a']",
        "volumes: ['/var:/a']",
        "volumes[0].source",
    )
    .coarse("volumes[0]"),
    change(
        "volumes: ['/tmp:/a']",
        "volumes: ['/tmp:/a:ro']",
        "volumes[0].read_only",
    )
    .coarse("volumes[0]"),
    change(
        "volumes: ['/tmp:/a']",
        "volumes: ['/tmp:/a', '/tmp:/b']",
        "volumes[1]",
    ),
    change(
        "volumes: ['data:/a']",
        "volumes: ['data:/b']",
        "volumes[0].target",
    )
    .coarse("volumes[0]"),
    change("tmpfs: [/a]", "tmpfs: [/b]", "tmpfs[0]").coarse("tmpfs"),
    change("cap_add: [NET_ADMIN]", "cap_add: [NET_RAW]", "cap_add[0]").coarse("cap_add"),
    change("", "cap_drop: [MKNOD]", "cap_drop"),
    change("cgroup_parent: /a", "cgroup_parent: /b", "cgroup_parent"),
    change("cpu_shares: 100", "cpu_shares: 200", "cpu_shares"),
    change("cpuset: '0'", "cpuset: '0,1'", "cpuset"),
    change("cpus: 0.5", "cpus: 0.75", "cpus"),
    change("cpu_quota: 20000", "cpu_quota: 30000", "cpu_quota"),
    change("cpu_period: 20000", "cpu_period: 30000", "cpu_period"),
    change("mem_limit: 32m", "mem_limit: 48m", "mem_limit"),
    change("mem_limit: 32m", "", "mem_limit"),
    change(
        "mem_reservation: 16m",
        "mem_reservation: 24m",
        "mem_reservation",
    ),
    change(
        "{mem_limit: 32m, memswap_limit: 40m}",
        "{mem_limit: 32m, memswap_limit: 48m}",
        "memswap_limit",
    ),
    change("mem_swappiness: 10", "mem_swappiness: 20", "mem_swappiness"),
    change("pids_limit: 10", "pids_limit: 20", "pids_limit"),
    change("oom_score_adj: 10", "oom_score_adj: 20", "oom_score_adj"),
    change(
        "deploy: {resources: {limits: {memory: 32m}}}",
        "deploy: {resources: {limits: {memory: 48m}}}",
        "deploy.resources.limits.memory",
    ),
    change(
        "deploy: {resources: {limits: {pids: 10}}}",
        "deploy: {resources: {limits: {pids: 20}}}",
        "deploy.resources.limits.pids",
    ),
    change(
        "device_cgroup_rules: ['c 1:1 r']",
        "device_cgroup_rules: ['c 1:1 rw']",
        "device_cgroup_rules[0]",
    )
    .coarse("device_cgroup_rules"),
    change(
        "devices: ['/dev/null:/dev/x']",
        "devices: ['/dev/zero:/dev/x']",
        "devices[0].source",
    )
    .coarse("devices"),
    change("dns: 1.1.1.1", "dns: 1.1.1.2", "dns[0]").coarse("dns"),
    change("dns_opt: ['ndots:1']", "dns_opt: ['ndots:2']", "dns_opt[0]").coarse("dns_opt"),
    change(
        "dns_search: a.example",
        "dns_search: b.example",
        "dns_search[0]",
    )
    .coarse("dns_search"),
    change(
        "domainname: a.example",
        "domainname: b.example",
        "domainname",
    ),
    change("hostname: a", "hostname: b", "hostname"),
    change("", "hostname: b", "hostname"),
    change(
        "extra_hosts: {a: 10.0.0.1}",
        "extra_hosts: {a: 10.0.0.2}",
        "extra_hosts[0]",
    )
    .coarse("extra_hosts"),
    change("group_add: [10]", "group_add: [11]", "group_add[0]").coarse("group_add"),
    change(
        "healthcheck: {test: 'true', interval: 5s}",
        "healthcheck: {test: 'true', interval: 6s}",
        "healthcheck.interval",
    ),
    change(
        "healthcheck: {test: 'true'}",
        "healthcheck: {test: 'false'}",
        "healthcheck.test",
    ),
    change(
        "healthcheck: {test: 'true', retries: 2}",
        "healthcheck: {test: 'true', retries: 3}",
        "healthcheck.retries",
    ),
    change("init: true", "", "init"),
    change("ipc: host", "ipc: shareable", "ipc"),
    change(
        "logging: {options: {max-size: 1m}}",
        "logging: {options: {max-size: 2m}}",
        "logging.options.max-size",
    )
    .coarse("logging"),
    change(
        "logging: {driver: json-file}",
        "logging: {driver: none}",
        "logging.driver",
    )
    .coarse("logging"),
    change(
        "networks: {default: {aliases: [a]}}",
        "networks: {default: {aliases: [b]}}",
        "networks.default.aliases[0]",
    )
    .coarse("networks.default.aliases"),
    change(
        "",
        "networks: {default: {aliases: [b]}}",
        "networks.default.aliases",
    ),
    change("network_mode: none", "network_mode: host", "network_mode"),
    change("", "pid: host", "pid"),
    change("", "privileged: true", "privileged"),
    change("", "read_only: true", "read_only"),
    change("restart: always", "restart: unless-stopped", "restart"),
    change("restart: on-failure:2", "restart: on-failure:3", "restart"),
    change("", "security_opt: ['label:disable']", "security_opt"),
    change("shm_size: 32m", "shm_size: 48m", "shm_size"),
    change("", "stdin_open: true", "stdin_open"),
    change("", "tty: true", "tty"),
    change("stop_signal: SIGINT", "stop_signal: SIGQUIT", "stop_signal"),
    change(
        "stop_grace_period: 2s",
        "stop_grace_period: 3s",
        "stop_grace_period",
    ),
    change(
        "sysctls: {net.core.somaxconn: 512}",
        "sysctls: {net.core.somaxconn: 1024}",
        "sysctls.net.core.somaxconn",
    ),
    change(
        "ulimits: {nofile: 100}",
        "ulimits: {nofile: 200}",
        "ulimits.nofile",
    )
    .coarse("ulimits"),
    change("user: '1'", "user: '2'", "user"),
    change("", "userns_mode: host", "userns_mode"),
    change("", "uts: host", "uts"),
    change("working_dir: /a", "working_dir: /b", "working_dir"),
    change(
        "blkio_config: {weight: 100}",
        "blkio_config: {weight: 200}",
        "blkio_config.weight",
    ),
    change("", "external_links: [a]", "external_links").untold(),
    change("attach: false", "", "attach").untold(),
    change(
        "develop: {watch: [{path: /a, action: rebuild}]}",
        "develop: {watch: [{path: /b, action: rebuild}]}",
        "develop.watch[0].path",
    )
    .untold(),
    change(
        "post_start: [{command: 'true'}]",
        "post_start: [{command: 'false'}]",
        "post_start[0].command",
    )
    .untold(),
];

fn key(index: usize) -> String {
    format!("s{index:02}")
}

/// The file with everything as before, but for one service.
fn file(changed: Option<usize>) -> String {
    let mut text = "x-base: &base {image: busybox}\nvolumes: {data: }\nservices:\n".to_owned();
    for (index, change) in CHANGES.iter().enumerate() {
        let lines = attribute_lines(if changed == Some(index) {
            change.after
        } else {
            change.before
        });
        let _ = write!(text, "  {}:\n    <<: *base\n{lines}", key(index));
    }
    text
}

/// An attribute a line; `{a: 1, b: 2}` are two.
fn attribute_lines(said: &str) -> String {
    match said
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        Some(several) => format!("    {}\n", several.replace(", ", "\n    ")),
        None if said.is_empty() => String::new(),
        None => format!("    {said}\n"),
    }
}

/// The line that the plan has to name: of the attribute, or of its service when it is gone.
fn line_of(text: &str, index: usize) -> usize {
    let change = &CHANGES[index];
    let top = change.path.split(['.', '[']).next().unwrap_or_default();
    let head = format!("  {}:", key(index));
    let mut lines = text
        .lines()
        .enumerate()
        .skip_while(|(_, line)| *line != head);
    let (service, _) = lines.next().expect("the service is in the file");
    let own = lines.take_while(|(_, line)| line.starts_with("    "));
    let mut own = own.filter(|(_, line)| line.trim_start().starts_with(&format!("{top}:")));
    own.next().map_or(service, |(number, _)| number) + 1
}

/// What a plan says about each service that it does more to than start it.
fn touched(plan: &Value) -> BTreeSet<String> {
    let steps = plan["steps"].as_array().expect("a list").iter();
    let steps = steps.filter(|step| step["cause"]["kind"] != "not_running");
    steps.map(|step| step["service"].to_string()).collect()
}

fn changes_of(plan: &Value) -> Vec<(String, u64)> {
    let steps = plan["steps"].as_array().expect("a list").iter();
    let changes = steps
        .filter_map(|step| step["changes"].as_array())
        .flatten();
    changes
        .map(|it| {
            let path = it["path"].as_str().expect("a path").to_owned();
            (path, it["line"].as_u64().unwrap_or_default())
        })
        .collect()
}

/// Changes one service after the other and compares what the plan names.
fn check(stack: &Stack, wanted: impl Fn(&Change) -> Option<&'static str>) {
    let clean = stack.run(&["plan", "--json"]);
    let clean: Value = serde_json::from_str(&clean.stdout).expect("JSON");
    assert_eq!(touched(&clean), BTreeSet::new(), "before anything changed");
    let mut wrong = Vec::new();
    let long = std::env::var_os("RCOMPOSE_LONG").is_some();
    let step = if long { 1 } else { 8 };
    for (index, change) in CHANGES.iter().enumerate().step_by(step) {
        let text = file(Some(index));
        stack.write("compose.yaml", &text);
        let ran = stack.run(&["plan", "--json"]);
        let what = format!("{:?} → {:?}", change.before, change.after);
        let Ok(plan) = serde_json::from_str::<Value>(&ran.stdout) else {
            wrong.push(format!("{what}: {}", ran.stderr));
            continue;
        };
        let services = BTreeSet::from([format!("{:?}", key(index))]);
        if ran.code != 2 || touched(&plan) != services {
            wrong.push(format!(
                "{what}: code {}, touches {:?}",
                ran.code,
                touched(&plan)
            ));
        }
        let line = line_of(&text, index) as u64;
        let expected: Vec<(String, u64)> = wanted(change)
            .map(|it| (it.to_owned(), line))
            .into_iter()
            .collect();
        let told = changes_of(&plan);
        if told != expected {
            wrong.push(format!("{what}: {told:?}, not {expected:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        CHANGES.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_change_of_one_attribute_is_named_with_its_line_and_nothing_else_is_touched() {
    let Some(stack) = Stack::new("changes", &file(None)) else {
        return;
    };
    stack.run(&["up", "--no-start"]).ok();
    check(&stack, |change| Some(change.path));
}

#[test]
fn of_containers_that_docker_compose_made_the_engine_tells_what_changed() {
    let Some(stack) = Stack::new("reported", &file(None)) else {
        return;
    };
    let Some(made) = stack.docker_compose(&["create"]) else {
        return;
    };
    made.ok();
    check(&stack, |change| change.reported);
}
