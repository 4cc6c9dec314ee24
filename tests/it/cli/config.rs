//! `config`.

use pretty_assertions::assert_eq;

use futures_util::StreamExt;
use rcompose::engine::{Engine, Reads};

use super::Sandbox;

const DEMO: &str = "\
services:
  web:
    image: app
    command: [sh, -c, 'echo $$HOME']
    environment: {PORT: 80, ANSWER: 'yes'}
    depends_on: [db]
  db:
    image: db
    volumes: [data:/data]
  tool:
    image: app
    profiles: [debug]
volumes:
  data:
";

#[tokio::test]
async fn the_model_is_printed_as_docker_compose_prints_it() {
    let ran = Sandbox::with(DEMO).succeed("config").await;
    let expected = "\
name: demo
services:
  db:
    image: db
    networks:
      default: null
    volumes:
      - type: volume
        source: data
        target: /data
        volume: {}
  web:
    command:
      - sh
      - -c
      - echo $$HOME
    depends_on:
      db:
        condition: service_started
        required: true
    environment:
      ANSWER: \"yes\"
      PORT: \"80\"
    image: app
    networks:
      default: null
networks:
  default:
    name: demo_default
volumes:
  data:
    name: demo_data
";
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (expected, ""));
}

#[tokio::test]
async fn what_is_printed_loads_again_and_prints_the_same() {
    let first = Sandbox::with(DEMO).succeed("config").await.stdout;
    let second = Sandbox::with(&first).succeed("config").await.stdout;
    assert_eq!(first, second);
}

#[tokio::test]
async fn parts_are_printed_one_a_line() {
    let sandbox = Sandbox::with(DEMO);
    let parts = [
        ("config --services", "db\nweb\n"),
        ("config --images", "db\napp\n"),
        ("config --volumes", "data\n"),
        ("config --networks", "default\n"),
        ("config --profiles", "debug\n"),
        ("--profile debug config --services", "db\ntool\nweb\n"),
        ("config -q", ""),
    ];
    for (line, expected) in parts {
        assert_eq!(sandbox.succeed(line).await.stdout, expected, "{line}");
    }
}

#[tokio::test]
async fn a_service_comes_with_what_it_needs() {
    let sandbox = Sandbox::with(DEMO);
    assert!(!sandbox.succeed("config db").await.stdout.contains("web:"));
    assert!(sandbox.succeed("config web").await.stdout.contains("db:"));
    let ran = sandbox.run("config nope").await;
    let expected = "\
error: no such service: nope
  help: the services are: db, web
";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
}

#[tokio::test]
async fn json_is_indented_and_sorted_at_the_top() {
    let ran = Sandbox::with("services: {web: {image: app}}");
    let text = ran.succeed("config --format json").await.stdout;
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["services"]["web"]["image"], "app");
    assert!(
        text.starts_with("{\n  \"name\": \"demo\",\n  \"networks\": {\n"),
        "{text}"
    );
}

#[tokio::test]
async fn hashes_are_printed_by_service() {
    let sandbox = Sandbox::with(DEMO);
    let all = sandbox.succeed("config --hash *").await.stdout;
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with("db ") && lines[0].len() == "db ".len() + 64,
        "{all}"
    );
    let one = sandbox.succeed("config --hash web").await.stdout;
    assert_eq!(one.trim(), lines[1]);
}

#[tokio::test]
async fn a_problem_in_a_file_is_shown_with_its_place() {
    let ran = Sandbox::with("services:\n  web:\n    imagee: app\n")
        .run("config")
        .await;
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("imagee"), "{}", ran.stderr);
    assert!(ran.stderr.contains("compose.yaml:3:5"), "{}", ran.stderr);
}

#[tokio::test]
async fn without_a_file_there_is_one_message() {
    let mut sandbox = Sandbox::with("");
    sandbox.files.clear();
    let ran = sandbox.run("config").await;
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert_eq!(ran.stderr.matches("error").count(), 1, "{}", ran.stderr);
}

#[tokio::test]
async fn standard_input_is_a_file_too() {
    let ran = Sandbox::with("").succeed("-f - config --services").await;
    assert_eq!(ran.stdout, "stdin\n");
}

const SWARM: &str = "\
version: '3.8'
services:
  web:
    image: app
    deploy: {mode: global, update_config: {parallelism: 2}}
    models: [llm]
  db:
    image: db
    ports: [{target: 80, mode: host}]
  tool:
    image: app
    profiles: [debug]
    deploy: {mode: global}
configs:
  unused: {file: ./x, template_driver: golang}
models: {llm: {model: ai/llm}}
";

#[tokio::test]
async fn what_has_no_effect_is_listed_with_place_and_reason() {
    let sandbox = Sandbox::with(SWARM);
    let expected = "\
KEY                                 PLACE               WHY IT HAS NO EFFECT
version                             compose.yaml:1:1    it has been without meaning since Compose 1.27
services.web.deploy.mode            compose.yaml:5:14   only a swarm acts on it
services.web.deploy.update_config   compose.yaml:5:28   only a swarm acts on it
services.web.models                 compose.yaml:6:5    this version of rcompose does not run models yet
services.db.ports[0].mode           compose.yaml:9:26   a single engine publishes on the host in either mode
";
    let ran = sandbox.succeed("config --unsupported").await;
    assert_eq!(ran.stdout, expected);
    let ran = sandbox.succeed("config --unsupported db").await;
    assert!(!ran.stdout.contains("services.web"), "{}", ran.stdout);
    let ran = Sandbox::with("services: {web: {image: app}}");
    let ran = ran.succeed("config --unsupported").await;
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
}

#[tokio::test]
async fn what_has_no_effect_is_told_to_programs_too() {
    let ran = Sandbox::with(SWARM);
    let text = ran.succeed("config --unsupported --format json").await;
    let notes: serde_json::Value = serde_json::from_str(&text.stdout).expect("JSON");
    let kinds: Vec<_> = notes.as_array().expect("a list").iter().collect();
    assert_eq!(kinds.len(), 5);
    let expected = serde_json::json!({
        "path": "services.web.models",
        "service": "web",
        "file": "compose.yaml",
        "line": 6,
        "column": 5,
        "kind": "not_yet",
        "reason": "this version of rcompose does not run models yet",
    });
    assert_eq!(kinds[3], &expected);
    assert_eq!(kinds[0]["service"], serde_json::Value::Null);
    assert_eq!(kinds[0]["kind"], "no_effect");
}

#[tokio::test]
async fn models_are_what_services_use_and_not_what_they_are_called() {
    let sandbox = Sandbox::with(
        "\
services:
  web: {image: app, models: [small]}
  api: {image: app, models: {large: {endpoint_var: URL}}}
  tool: {image: app, models: [other], profiles: [debug]}
models:
  small: {model: ai/small, name: llm}
  large: {model: '${LARGE:-ai/large}'}
  other: {model: ai/other}
  unused: {model: ai/unused}
",
    );
    let parts = [
        ("config --models", "ai/large\nai/small\n"),
        ("config --models -q", "ai/large\nai/small\n"),
        ("config --models --format json", "ai/large\nai/small\n"),
        ("config --models web", "ai/large\nai/small\n"),
        ("config --models --services", "api\nweb\n"),
        ("config --models --profiles", "ai/large\nai/small\n"),
        (
            "--profile debug config --models",
            "ai/large\nai/other\nai/small\n",
        ),
        (
            "config --models --no-interpolate",
            "${LARGE:-ai/large}\nai/other\nai/small\n",
        ),
    ];
    for (line, expected) in parts {
        assert_eq!(sandbox.succeed(line).await.stdout, expected, "{line}");
    }
}

#[tokio::test]
async fn images_are_pinned_to_what_their_registry_has() {
    let sandbox = Sandbox::with("services: {web: {image: app}, made: {build: .}}");
    let mut progress = sandbox.engine.push_image("app").await.expect("pushed");
    while let Some(step) = progress.next().await {
        step.expect("no failure");
    }
    let digest = sandbox.engine.registry_digest("app").await;
    let image = format!("docker.io/library/app:latest@{}", digest.expect("known"));
    let ran = sandbox.succeed("config --lock-image-digests").await;
    let locked = format!("services:\n  made: {{}}\n  web:\n    image: {image}\n");
    assert_eq!(ran.stdout, locked);
    let ran = sandbox.succeed("config --resolve-image-digests").await;
    assert!(
        ran.stdout.contains(&format!("\n    image: {image}\n")),
        "{}",
        ran.stdout
    );
}

#[tokio::test]
async fn an_image_that_no_registry_knows_is_named_with_its_service() {
    let sandbox = Sandbox::with("services: {web: {image: 'app:9'}}");
    let ran = sandbox.run("config --resolve-image-digests").await;
    let expected = "error: cannot find the digest of `app:9`, the image of service `web`: manifest unknown: manifest unknown\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
}
