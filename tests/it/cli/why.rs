//! What is told about changes: `plan` and `why` with old and new values, `--dry-run`, `--timings`.

use pretty_assertions::assert_eq;
use serde_json::Value;

use super::{Ran, Sandbox};

const DEMO: &str = "\
services:
  web:
    image: app
    environment:
      LEVEL: info
      DB_PASSWORD: hunter2
    command: serve --token swordfish
    mem_limit: 1m
  db: {image: db}
";

/// Puts another text into the file.
fn edit(sandbox: &mut Sandbox, from: &str, to: &str) {
    let file = sandbox.files.values_mut().next().expect("a file");
    assert!(file.contains(from), "{from}");
    *file = file.replace(from, to);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_told_with_old_and_new_values_and_their_lines() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    edit(&mut sandbox, "LEVEL: info", "LEVEL: debug");
    edit(
        &mut sandbox,
        "mem_limit: 1m",
        "mem_limit: 2m\n    user: '1'",
    );
    let ran = sandbox.run("plan").await;
    let expected = "\
Containers
  ~ replace  demo-web-1  changed: environment.LEVEL, mem_limit, user
               environment.LEVEL  \"info\" → \"debug\"       compose.yaml:5:14
               mem_limit          \"1048576\" → \"2097152\"  compose.yaml:8:16
               user               (nothing) → \"1\"        compose.yaml:9:11
  = keep     demo-db-1

1 to replace; 1 container stays as it is
";
    assert_eq!((ran.code, ran.stdout.as_str()), (2, expected));
    let ran = sandbox.run("plan --json").await;
    let plan: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        plan["steps"][0]["changes"][0],
        serde_json::json!({
            "path": "environment.LEVEL", "old": "info", "old_is_known": true, "new": "debug",
            "file": "compose.yaml", "line": 5, "column": 14,
        })
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_told_with_the_place_that_it_is_missing_from() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    edit(&mut sandbox, "    mem_limit: 1m\n", "");
    edit(&mut sandbox, "      LEVEL: info\n", "");
    let ran = sandbox.run("plan").await;
    let expected = "
               environment.LEVEL  \"info\" → (nothing)     compose.yaml:4:5
               mem_limit          \"1048576\" → (nothing)  compose.yaml:2:3
";
    assert!(ran.stdout.contains(expected), "{}", ran.stdout);
}

#[tokio::test(start_paused = true)]
async fn another_content_of_a_config_is_told_by_its_digests() {
    let mut sandbox = Sandbox::with(
        "\
services:
  web:
    image: app
    configs: [app]
configs: {app: {file: ./app.conf}}
",
    );
    let file = "/work/demo/app.conf";
    sandbox.files.insert(file.into(), "one".into());
    sandbox.succeed("up -d").await;
    sandbox.files.insert(file.into(), "two".into());
    let ran = sandbox.run("plan").await;
    let expected = "
  ~ replace  demo-web-1  changed: configs.app
               configs.app  \"content 74bbbf\" → \"content 42c0ad\"  compose.yaml:4:15
";
    assert!(ran.stdout.contains(expected), "{}", ran.stdout);
}

#[tokio::test(start_paused = true)]
async fn secrets_are_masked_wherever_changes_are_told() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    edit(&mut sandbox, "hunter2", "hunter3");
    edit(&mut sandbox, "serve --token swordfish", "serve");
    let said = |ran: &Ran| format!("{}{}", ran.stdout, ran.stderr);
    let mut told = String::new();
    for line in [
        "plan",
        "plan --json",
        "why web",
        "why web --json",
        "--dry-run up",
    ] {
        let ran = sandbox.run(line).await;
        assert!(said(&ran).contains("DB_PASSWORD"), "{line}: {ran:?}");
        told += &said(&ran);
    }
    told += &said(&sandbox.succeed("up -d").await);
    told += &said(&sandbox.succeed("why web").await);
    for secret in ["hunter", "swordfish"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn why_tells_the_last_replacement_and_what_would_be_done_now() {
    let mut sandbox = Sandbox::with(DEMO);
    let ran = sandbox.succeed("why web").await;
    assert_eq!(
        ran.stdout,
        "demo-web-1 is not there\n  up would create it: missing\n"
    );
    sandbox.succeed("up -d").await;
    let ran = sandbox.succeed("why web").await;
    let expected = "\
demo-web-1 was made 2 minutes ago; there was none in its place
  up leaves it as it is
";
    assert_eq!(ran.stdout, expected);
    edit(&mut sandbox, "mem_limit: 1m", "mem_limit: 2m");
    sandbox.succeed("up -d").await;
    edit(&mut sandbox, "LEVEL: info", "LEVEL: debug");
    let ran = sandbox.succeed("why web").await;
    let expected = "\
demo-web-1 was made 2 minutes ago in place of another one: changed: mem_limit 1048576 → 2097152
  up would replace it: changed: environment.LEVEL
    environment.LEVEL  \"info\" → \"debug\"  compose.yaml:5:14
";
    assert_eq!(ran.stdout, expected);
    let ran = sandbox.run("why wbe").await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("did you mean `web`?"), "{ran:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_prints_the_plan_and_changes_nothing() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    edit(&mut sandbox, "LEVEL: info", "LEVEL: debug");
    let before = sandbox.engine.changes();
    let replace = "~ replace  demo-web-1  changed: environment.LEVEL\n";
    let remove = "  - remove  demo-web-1";
    for (line, expected) in [
        ("--dry-run up", replace),
        ("up --dry-run -d", replace),
        ("create --dry-run", replace),
        ("scale --dry-run db=2", "+ create  demo-db-2"),
        ("down --dry-run", remove),
        ("rm -sf --dry-run", remove),
        ("rm -s --dry-run", remove),
        ("stop --dry-run", "  . stop  demo-web-1"),
        ("kill --dry-run", "  . kill  demo-web-1"),
        ("restart --dry-run", "  > restart  demo-web-1"),
        ("pause --dry-run", "  . pause  demo-web-1"),
    ] {
        let ran = sandbox.succeed(line).await;
        assert!(ran.stdout.contains(expected), "{line}: {}", ran.stdout);
        assert_eq!(sandbox.engine.changes(), before, "{line}");
    }
    let ran = sandbox.succeed("--progress json --dry-run down").await;
    let plan: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(plan["steps"][0]["action"], "stop");
}

#[tokio::test(start_paused = true)]
async fn timings_tell_the_critical_path_and_what_would_shorten_it() {
    let sandbox = Sandbox::with(
        "\
services:
  web: {image: app, depends_on: {db: {condition: service_healthy}}}
  db: {image: db, healthcheck: {test: 'true', interval: 4s}}
",
    );
    let ran = sandbox.succeed("up -d --timings --probe engine").await;
    let told = ran.stderr.split("\n\n").skip(1).collect::<Vec<_>>();
    let expected = [
        "4.0 s in all\n    4.0 s  demo-db-1: wait until healthy",
        "\
SERVICE        CREATE    START     WAIT
db             0.0 s     0.0 s     4.0 s
demo_default   0.0 s               
web            0.0 s     0.0 s     ",
        "\
What would shorten it
  4.0 s less: demo-db-1 takes 4.0 s until it is healthy; with `condition: service_started`, who waits for it would start beside it
",
    ];
    assert_eq!(told, expected);
    let ran = sandbox.succeed("--progress json down --timings").await;
    let last = ran.stderr.lines().last().expect("a line");
    let told: Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(told["id"], "timings");
    assert!(told["services"]["web"]["stop"].is_number(), "{told}");
}
