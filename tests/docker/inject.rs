//! Secrets and configs of every source, as the container finds them; where docker compose puts
//! them there as well, both have to do it alike.

use rcompose::engine::ContainerState;

use crate::stack::Stack;

/// Every source but files, in every form of target and owner that docker compose knows.
const FORMS: &str = "
services:
  web:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    secrets:
      - token
      - {source: token, target: short, uid: '1000', gid: '1001', mode: 0400}
      - {source: token, target: /deep/down/token, mode: '0440'}
      - {source: token, target: grouped, gid: '44'}
    configs:
      - app
      - {source: app, target: relative/app.conf}
      - {source: app, target: /etc/app.conf, uid: '7'}
      - variable
secrets: {token: {environment: TOKEN}}
configs: {app: {content: \"port ${PORT}\\n\"}, variable: {environment: TOKEN}}
";

const PATHS: [&str; 8] = [
    "/run/secrets/token",
    "/run/secrets/short",
    "/deep/down/token",
    "/run/secrets/grouped",
    "/app",
    "/relative/app.conf",
    "/etc/app.conf",
    "/variable",
];

/// Owner, mode and kind of files, and of the folders that were made for them.
fn listed(stack: &Stack) -> String {
    let folders = ["/run/secrets", "/deep", "/deep/down", "/relative"];
    let stat = ["stat", "-c", "%n %u:%g %a %F"];
    let command: Vec<&str> = stat.iter().chain(&PATHS).chain(&folders).copied().collect();
    stack.exec("web-1", &command)
}

fn forms(name: &str) -> Option<Stack> {
    let mut stack = Stack::new(name, FORMS)?;
    stack.set("TOKEN", "canary");
    stack.set("PORT", "80");
    Some(stack)
}

#[test]
fn owners_modes_and_targets_are_docker_composes() {
    let (Some(ours), Some(theirs)) = (forms("forms-a"), forms("forms-b")) else {
        return;
    };
    ours.run(&["up", "-d"]).ok();
    let Some(their) = theirs.docker_compose(&["up", "-d"]) else {
        return;
    };
    their.ok();
    assert_eq!(listed(&ours), listed(&theirs));
    assert!(listed(&ours).contains("/run/secrets/short 1000:1001 400 regular file"));
    for (path, text) in [
        ("/run/secrets/token", "canary"),
        ("/etc/app.conf", "port 80"),
    ] {
        assert_eq!(ours.exec("web-1", &["cat", path]), text);
        assert_eq!(theirs.exec("web-1", &["cat", path]), text);
    }
}

/// docker compose gives such files to the user of the container, whatever they ask for.
#[test]
fn files_have_their_owner_whoever_the_container_runs_as() {
    let compose = FORMS.replace("    command", "    user: '1000'\n    command");
    let Some(mut stack) = Stack::new("user", &compose) else {
        return;
    };
    stack.set("TOKEN", "canary");
    stack.set("PORT", "80");
    stack.run(&["up", "-d"]).ok();
    let listed = listed(&stack);
    assert!(listed.contains("/run/secrets/grouped 0:44 444"), "{listed}");
    assert!(listed.contains("/etc/app.conf 7:0 444"), "{listed}");
    let read = stack.exec("web-1", &["cat", "/run/secrets/short"]);
    assert_eq!(read, "canary");
}

#[test]
fn what_they_hold_is_in_no_label_and_no_output() {
    let Some(stack) = forms("quiet") else {
        return;
    };
    let ran = stack.run(&["up", "-d"]).ok();
    let labels = format!("{:?}", stack.container("web-1").labels);
    let plan = stack.run(&["plan", "--json"]).ok();
    let told = ran.stdout + &ran.stderr + &labels + &plan.stdout + &plan.stderr;
    assert!(!told.contains("canary"), "{told}");
    assert!(labels.contains("secrets.token="), "{labels}");
}

#[test]
fn a_change_of_what_they_hold_replaces_who_has_them_and_nobody_else() {
    let Some(mut stack) = Stack::new(
        "change",
        "
services:
  a: &sleeper
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    secrets: [variable]
  b: {<<: *sleeper, secrets: [file]}
  c: {<<: *sleeper, secrets: [{source: file, mode: 0400}]}
  d: {<<: *sleeper, secrets: [], configs: [text]}
  e: {<<: *sleeper, secrets: [], configs: [variable]}
  f: {<<: *sleeper, secrets: [], configs: [file]}
  other: {<<: *sleeper, secrets: []}
secrets: {variable: {environment: ONE}, file: {file: ./one}}
configs: {text: {content: '${TWO}'}, variable: {environment: THREE}, file: {file: ./two}}
",
    ) else {
        return;
    };
    for name in ["ONE", "TWO", "THREE"] {
        stack.set(name, "old");
    }
    stack.write("one", "old");
    stack.write("two", "old");
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before, "nothing has changed");
    let replaced = |stack: &Stack, before: &std::collections::BTreeMap<String, String>| {
        let now = stack.ids();
        let others = now.iter().filter(|(name, id)| before[*name] != **id);
        others.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let mut before = before;
    for (what, services) in [
        ("ONE", vec!["a-1"]),
        ("TWO", vec!["d-1"]),
        ("THREE", vec!["e-1"]),
        ("one", vec!["b-1", "c-1"]),
        ("two", vec!["f-1"]),
    ] {
        if what.starts_with(char::is_uppercase) {
            stack.set(what, "new");
        } else {
            stack.write(what, "new");
        }
        stack.run(&["up", "-d"]).ok();
        assert_eq!(replaced(&stack, &before), services, "{what}");
        before = stack.ids();
        for service in services {
            let found = stack.exec(
                service,
                &[
                    "sh",
                    "-c",
                    "cat /run/secrets/* /text /variable /file 2>/dev/null",
                ],
            );
            assert_eq!(found, "new", "{service}");
        }
    }
}

#[test]
fn containers_of_docker_compose_stay_whatever_they_hold() {
    let Some(mut stack) = forms("interop") else {
        return;
    };
    let Some(ran) = stack.docker_compose(&["up", "-d"]) else {
        return;
    };
    ran.ok();
    let before = stack.ids();
    stack.set("TOKEN", "another");
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before);
}

#[test]
fn what_docker_compose_made_and_did_not_start_gets_its_files() {
    let Some(stack) = forms("created") else {
        return;
    };
    let Some(ran) = stack.docker_compose(&["create"]) else {
        return;
    };
    ran.ok();
    stack.run(&["up", "-d"]).ok();
    assert_eq!(
        stack.exec("web-1", &["cat", "/run/secrets/token"]),
        "canary"
    );
}

#[test]
fn files_have_the_owner_that_is_asked_for() {
    let Some(stack) = Stack::new(
        "owner",
        "
services:
  web:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    secrets: [{source: token, uid: '33', gid: '34', mode: 0440}]
    configs: [token]
secrets: {token: {file: ./token}}
configs: {token: {file: ./token}}
",
    ) else {
        return;
    };
    stack.write("token", "canary");
    stack.run(&["up", "-d"]).ok();
    let stat = ["stat", "-c", "%u:%g %a", "/run/secrets/token"];
    assert_eq!(stack.exec("web-1", &stat), "33:34 440");
    assert_eq!(
        stack.exec("web-1", &["cat", "/run/secrets/token"]),
        "canary"
    );
    // The config asks for nothing, and is the file itself.
    stack.write("token", "edited");
    assert_eq!(stack.exec("web-1", &["cat", "/token"]), "edited");
}

const READ_ONLY: &str = "
services:
  web:
    image: busybox
    command: [sleep, '600']
    stop_signal: SIGKILL
    read_only: true
    secrets: [{source: token, mode: 0400}]
secrets: {token: {environment: TOKEN}}
";

#[test]
fn a_read_only_service_is_refused_before_anything_is_made() {
    let Some(mut stack) = Stack::new("readonly", READ_ONLY) else {
        return;
    };
    stack.set("TOKEN", "canary");
    let ran = stack.run(&["up", "-d"]).fails();
    assert!(
        ran.stderr.contains("volumes: [/run/secrets]"),
        "{}",
        ran.stderr
    );
    assert!(stack.containers().is_empty() && stack.networks().is_empty());
    // docker compose ends alike, with a container and a network left.
    if let Some(ran) = stack.docker_compose(&["up", "-d"]) {
        ran.fails();
    }
}

#[test]
fn a_read_only_service_has_its_secrets_in_a_volume() {
    let Some(mut stack) = Stack::new(
        "volume",
        &READ_ONLY.replace("    secrets:", "    volumes: [/run/secrets]\n    secrets:"),
    ) else {
        return;
    };
    stack.set("TOKEN", "canary");
    stack.run(&["up", "-d"]).ok();
    let stat = ["stat", "-c", "%u:%g %a", "/run/secrets/token"];
    assert_eq!(stack.exec("web-1", &stat), "0:0 400");
    assert_eq!(
        stack.exec("web-1", &["cat", "/run/secrets/token"]),
        "canary"
    );
    stack.set("TOKEN", "another");
    stack.run(&["up", "-d"]).ok();
    assert_eq!(
        stack.exec("web-1", &["cat", "/run/secrets/token"]),
        "another"
    );
}

#[test]
fn a_variable_that_is_not_set_and_a_file_that_is_not_there_end_as_with_docker_compose() {
    for (name, source) in [
        ("unset", "{environment: NOT_SET_HERE}"),
        ("nofile", "{file: ./none}"),
    ] {
        let compose = format!(
            "
services:
  web: {{image: busybox, command: [sleep, '600'], stop_signal: SIGKILL, secrets: [token]}}
secrets: {{token: {source}}}
"
        );
        let Some(stack) = Stack::new(name, &compose) else {
            return;
        };
        let ran = stack.run(&["up", "-d"]).fails();
        assert!(
            ran.stderr.contains("cannot have secret `token`"),
            "{}",
            ran.stderr
        );
        assert!(stack.containers().is_empty());
        stack.run(&["config", "-q"]).ok();
        stack.run(&["down"]).ok();
        if let Some(ran) = stack.docker_compose(&["up", "-d"]) {
            ran.fails();
        }
    }
}

#[test]
fn files_outlive_stops_and_starts() {
    let Some(stack) = forms("outlive") else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = listed(&stack);
    for step in [
        vec!["restart"],
        vec!["stop"],
        vec!["start"],
        vec!["kill"],
        vec!["up", "-d"],
    ] {
        stack.run(&step).ok();
    }
    assert_eq!(stack.container("web-1").state, ContainerState::Running);
    assert_eq!(listed(&stack), before);
}
