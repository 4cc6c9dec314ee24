//! Wrong and right usage, before any command does anything.

use pretty_assertions::assert_eq;

use super::Sandbox;

const DEMO: &str = "services: {web: {image: app}}";

#[tokio::test]
async fn without_a_command_help_is_printed_and_that_is_no_error() {
    let ran = Sandbox::with(DEMO).succeed("").await;
    assert!(ran.stdout.contains("Usage: rcompose"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "");
}

#[tokio::test]
async fn wrong_usage_ends_with_1_and_speaks_on_stderr() {
    let sandbox = Sandbox::with(DEMO);
    let lines = [
        "--nope",
        "nope",
        "up --watch",
        "up --force-recreate --no-recreate",
        "up --build --no-build",
        "up --always-recreate-deps --no-recreate",
        "up -V --no-recreate",
        "up --scale web",
        "up -t soon",
        "up -d --attach-dependencies",
        "--progress loud ps",
        "--progress tty --ansi never ps",
        "--progress plain --ansi always ps",
        "logs --index 1",
        "logs --since yesterday",
        "logs -n few",
        "ps --format yaml",
        "ps --status fine",
    ];
    for line in lines {
        let ran = sandbox.run(line).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{line}");
        assert!(ran.stderr.starts_with("error: "), "{line}: {}", ran.stderr);
    }
    assert_eq!(sandbox.engine.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn the_version_is_printed_in_every_form() {
    let sandbox = Sandbox::with(DEMO);
    let number = env!("CARGO_PKG_VERSION");
    let pretty = format!("rcompose version {number}\n");
    let forms = [
        ("-v", pretty.clone()),
        ("--version", pretty.clone()),
        ("version", pretty),
        ("version --short", format!("{number}\n")),
        ("version -f json", format!("{{\"version\":\"{number}\"}}\n")),
    ];
    for (line, expected) in forms {
        assert_eq!(sandbox.succeed(line).await.stdout, expected, "{line}");
    }
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_one_message_with_advice() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.reachable = false;
    let ran = sandbox.run("up -d").await;
    let expected = "\
error: cannot reach the container engine: no container engine answers at unix:///var/run/docker.sock: No such file or directory
  help: start it (`systemctl start docker`), or set DOCKER_HOST to where it is
";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
    let ran = sandbox.run("--progress json up -d").await;
    assert!(
        ran.stderr
            .starts_with(r#"{"error":true,"message":"cannot reach"#),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn variables_stand_in_for_flags() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox
        .variables
        .insert("COMPOSE_PROGRESS".into(), "json".into());
    let ran = sandbox.succeed("up -d").await;
    assert!(
        ran.stderr.starts_with(r#"{"id":"Network demo_default""#),
        "{}",
        ran.stderr
    );
    sandbox
        .variables
        .insert("COMPOSE_PROGRESS".into(), "loud".into());
    let ran = sandbox.run("ps").await;
    let expected = "\
error: COMPOSE_PROGRESS is set to `loud`
  help: it can be auto, tty, plain, json, quiet
";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
}
