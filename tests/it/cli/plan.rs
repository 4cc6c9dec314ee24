//! `plan`.

use pretty_assertions::assert_eq;

use super::Sandbox;

const DEMO: &str = "\
services:
  web: {image: app, depends_on: {db: {condition: service_healthy}}}
  db: {image: db, healthcheck: {test: 'true', interval: 1s}}
";

#[tokio::test(start_paused = true)]
async fn the_exit_code_says_whether_there_is_something_to_do() {
    let sandbox = Sandbox::with(DEMO);
    let ran = sandbox.run("plan").await;
    let expected = "\
Networks
  + create  demo_default  missing
Containers
  + create  demo-db-1     missing
  + create  demo-web-1    missing; starts once demo-db-1 is healthy

3 to create
";
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (2, expected, "")
    );
    assert_eq!(sandbox.engine.changes(), Vec::<String>::new());
    sandbox.succeed("up -d").await;
    let ran = sandbox.succeed("plan").await;
    let expected = "\
Containers
  = keep  demo-db-1
  = keep  demo-web-1

Nothing to do: 2 containers stay as they are
";
    assert_eq!(ran.stdout, expected);
    assert_eq!(sandbox.run("plan nope").await.code, 1);
}

#[tokio::test(start_paused = true)]
async fn causes_are_told() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    let changed = DEMO.replace("image: db,", "image: db, environment: {A: b},");
    sandbox
        .files
        .insert("/work/demo/compose.yaml".into(), changed);
    let ran = sandbox.run("plan").await;
    assert!(
        ran.stdout
            .contains("~ replace  demo-db-1   changed: environment"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .ends_with("\n1 to replace; 1 container stays as it is\n"),
        "{}",
        ran.stdout
    );
}

#[tokio::test(start_paused = true)]
async fn json_has_every_step() {
    let ran = Sandbox::with("services: {web: {image: app}}")
        .run("plan --json")
        .await;
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(plan["steps"][1]["action"], "create");
    assert_eq!(plan["steps"][1]["name"], "demo-web-1");
    assert_eq!(plan["steps"][1]["cause"]["kind"], "missing");
    assert_eq!(plan["steps"][1]["after"], serde_json::json!([1]));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_effect_is_noted_and_part_of_the_json() {
    let sandbox = Sandbox::with(
        "\
version: '3'
services:
  web:
    image: app
    deploy: {mode: global}
    models: [llm]
models: {llm: {model: ai/llm}}
",
    );
    let ran = sandbox.run("plan").await;
    let expected = "\
warning: `version` has no meaning any more
 --> compose.yaml:1:1
  |
1 | version: '3'
  | ^^^^^^^ every file is read the same way
  |
  = help: remove the line
warning: `services.web.models` has no effect: this version of rcompose does not run models yet
 --> compose.yaml:6:5
  |
6 |     models: [llm]
  |     ^^^^^^ set here
note: services.web.deploy.mode has no effect (compose.yaml:5:14): only a swarm acts on it
";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, expected));
    let ran = sandbox.run("plan --json").await;
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let paths: Vec<&str> = plan["unsupported"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|note| note["path"].as_str())
        .collect();
    let expected = ["version", "services.web.deploy.mode", "services.web.models"];
    assert_eq!(paths, expected);
}
