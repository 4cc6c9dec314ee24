//! `logs`.

use std::time::Duration;

use pretty_assertions::assert_eq;

use super::Sandbox;

const DEMO: &str = "\
services:
  web: {image: app, command: [sh, -c, 'echo one; sleep 2; echo three; sleep 2; echo five >&2']}
  db: {image: db, command: [sh, -c, 'sleep 1; echo two; sleep 2; echo four']}
";

async fn ended() -> Sandbox {
    let sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    sandbox
}

#[tokio::test(start_paused = true)]
async fn the_past_is_printed_in_the_order_of_its_time() {
    let ran = ended().await.succeed("logs").await;
    let expected = "\
web-1  | one
db-1   | two
web-1  | three
db-1   | four
";
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        (expected, "web-1  | five\n")
    );
}

#[tokio::test(start_paused = true)]
async fn lines_can_be_chosen_and_bare() {
    let sandbox = ended().await;
    let chosen = [
        ("logs --no-log-prefix db", "two\nfour\n"),
        ("logs --no-log-prefix -n 1 db", "four\n"),
        ("logs --tail 0 db", ""),
        ("logs --index 2 db", ""),
    ];
    for (line, expected) in chosen {
        assert_eq!(sandbox.succeed(line).await.stdout, expected, "{line}");
    }
    let stamped = sandbox.succeed("logs -t --no-log-prefix db").await.stdout;
    let first = stamped.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("2023-11-14T") && first.ends_with("Z two"),
        "{first}"
    );
}

#[tokio::test(start_paused = true)]
async fn following_ends_when_nothing_runs_any_more() {
    let sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    let ran = sandbox.succeed("logs -f").await;
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "db-1   | four",
            "db-1   | two",
            "web-1  | one",
            "web-1  | three"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn following_takes_in_what_starts_later_and_can_be_broken_off() {
    let mut sandbox = Sandbox::with(
        "services: {web: {image: app}, late: {image: app, command: [sh, -c, 'echo late; sleep 1000']}}",
    );
    sandbox.succeed("up -d web").await;
    sandbox.interrupts = vec![Duration::from_secs(50)];
    let late = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let quick = Sandbox {
            interrupts: Vec::new(),
            engine: sandbox.engine.clone(),
            files: sandbox.files.clone(),
            variables: sandbox.variables.clone(),
            ..Sandbox::with("")
        };
        quick.succeed("up -d late").await;
    };
    let (ran, ()) = tokio::join!(sandbox.run("logs -f"), late);
    assert_eq!((ran.code, ran.stdout.as_str()), (130, "late-1  | late\n"));
}
