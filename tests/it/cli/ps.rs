//! `ps`.

use pretty_assertions::assert_eq;

use super::Sandbox;

const DEMO: &str = "\
services:
  web: {image: app, ports: ['8080:80']}
  job: {image: app, command: [sh, -c, 'exit 3']}
";

async fn brought_up() -> Sandbox {
    let sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    sandbox.engine.forget_calls();
    sandbox
}

#[tokio::test(start_paused = true)]
async fn running_containers_are_listed_with_one_call() {
    let sandbox = brought_up().await;
    let ran = sandbox.succeed("ps").await;
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.stdout);
    assert!(
        lines[0].starts_with("NAME         IMAGE     COMMAND "),
        "{}",
        lines[0]
    );
    assert!(lines[1].starts_with("demo-web-1   app "), "{}", lines[1]);
    assert!(lines[1].contains("8080->80/tcp"), "{}", lines[1]);
    assert_eq!(
        sandbox.engine.calls().len(),
        1,
        "{:?}",
        sandbox.engine.calls()
    );
}

#[tokio::test(start_paused = true)]
async fn all_states_and_services_can_be_chosen() {
    let sandbox = brought_up().await;
    let chosen = [
        ("ps --services", "web\n"),
        ("ps -a --services", "job\nweb\n"),
        ("ps --status exited --services", "job\n"),
        ("ps -a --services web", "web\n"),
        ("-p other ps -a --services", ""),
        ("-p demo ps -a --services", "job\nweb\n"),
    ];
    for (line, expected) in chosen {
        assert_eq!(sandbox.succeed(line).await.stdout, expected, "{line}");
    }
    let ran = sandbox.run("ps nope").await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.starts_with("error: no such service: nope\n"),
        "{}",
        ran.stderr
    );
}

#[tokio::test(start_paused = true)]
async fn json_is_an_object_a_line() {
    let sandbox = brought_up().await;
    let ran = sandbox.succeed("ps -a --format json").await;
    let rows: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["Service"], &rows[0]["ExitCode"]),
        (&"job".into(), &3.into())
    );
    assert_eq!(
        (&rows[1]["Service"], &rows[1]["State"]),
        (&"web".into(), &"running".into())
    );
    assert_eq!(rows[1]["Publishers"][0]["PublishedPort"], 8080);
}
