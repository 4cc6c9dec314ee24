//! What secrets hold is seen by the container that has them, and by nobody else.

use std::fmt::Write as _;

use rcompose::engine::{Filter, Reads};

use super::Sandbox;

const CANARY: &str = "canary-5f1c";

const SECRETS: &str = "\
services:
  web:
    image: app
    secrets: [variable, {source: file, uid: '33', mode: 0400}, mounted]
    configs: [text]
    post_start: [{command: [login, canary-5f1c], environment: {PASSWORD: canary-5f1c}}]
secrets:
  variable: {environment: TOKEN}
  file: {file: ./file}
  mounted: {file: ./file}
configs:
  text: {content: 'canary-5f1c'}
";

fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::with(SECRETS);
    let variables = &mut sandbox.variables;
    variables.insert("TOKEN".to_owned(), CANARY.to_owned());
    let files = &mut sandbox.files;
    files.insert("/work/demo/file".into(), CANARY.to_owned());
    sandbox
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_what_secrets_hold() {
    let mut sandbox = sandbox();
    let mut told = String::new();
    let up = ["plain", "json", "quiet", "tty"];
    for progress in up {
        let lines = [
            "plan".to_owned(),
            "plan --json".to_owned(),
            format!("--progress {progress} up -d"),
            "ps -a".to_owned(),
            "ps -a --format json".to_owned(),
            format!("--progress {progress} stop"),
            format!("--progress {progress} down"),
        ];
        for line in lines {
            let ran = sandbox.run(&line).await;
            assert!([0, 2].contains(&ran.code), "{line}: {ran:?}");
            told += &ran.stdout;
            told += &ran.stderr;
            let containers = sandbox.engine.containers(&Filter::default()).await;
            for container in containers.expect("a list") {
                let _ = write!(told, "{container:?}");
                let detail = sandbox.engine.container(&container.name).await;
                let detail = detail.expect("an answer").expect("it is there");
                told += &detail.raw.to_string();
            }
        }
    }
    // A failure is where one is tempted to tell all.
    let error = rcompose::engine::EngineError::Broken("the cable".to_owned());
    sandbox.engine.fail_next("put_archive", "*", error);
    let ran = sandbox.run("up -d").await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let _ = write!(told, "{ran:?}");
    sandbox.variables.remove("TOKEN");
    let ran = sandbox.run("up -d").await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let _ = write!(told, "{ran:?}");
    assert!(told.contains("secrets.variable"), "{told}");
    // The plain text of a config is in the file itself; what a diagnostic shows of that is no leak.
    assert!(!told.contains(CANARY), "{told}");
}

#[tokio::test(start_paused = true)]
async fn secrets_are_in_the_container_that_has_them() {
    let sandbox = sandbox();
    sandbox.succeed("up -d").await;
    let file = |path: &str| sandbox.engine.file("demo-web-1", path);
    let variable = file("/run/secrets/variable").expect("it is there");
    assert_eq!(variable.bytes, CANARY.as_bytes());
    assert_eq!((variable.uid, variable.gid, variable.mode), (0, 0, 0o444));
    let owned = file("/run/secrets/file").expect("it is there");
    assert_eq!((owned.uid, owned.gid, owned.mode), (33, 0, 0o400));
    assert_eq!(file("/text").expect("it is there").bytes, CANARY.as_bytes());
    // It is mounted, and not written.
    assert_eq!(file("/run/secrets/mounted"), None);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_not_set_is_told_with_its_places_before_anything_is_made() {
    let mut sandbox = sandbox();
    sandbox.variables.remove("TOKEN");
    let ran = sandbox.run("up -d").await;
    let expected = "\
error: service `web` cannot have secret `variable`: the variable TOKEN is not set
 --> compose.yaml:4:14
  |
4 |     secrets: [variable, {source: file, uid: '33', mode: 0400}, mounted]
  |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ asked for here
...
8 |   variable: {environment: TOKEN}
  |   -------- declared here
  |
  = help: set it in the environment or in `.env`; `TOKEN=` makes it empty
";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
    assert_eq!(sandbox.engine.changes(), [] as [&str; 0]);
    // What makes nothing does not need it.
    for line in ["config", "ps", "stop", "down"] {
        sandbox.succeed(line).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_secret_replaces_who_has_it_and_says_why() {
    let mut sandbox = sandbox();
    sandbox.succeed("up -d").await;
    let ran = sandbox.run("plan").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let variables = &mut sandbox.variables;
    variables.insert("TOKEN".to_owned(), "another".to_owned());
    let ran = sandbox.run("plan").await;
    assert!(ran.stdout.contains("changed: secrets.variable"), "{ran:?}");
    sandbox.succeed("up -d").await;
    let file = sandbox.engine.file("demo-web-1", "/run/secrets/variable");
    assert_eq!(file.expect("it is there").bytes, b"another");
    sandbox.succeed("plan").await;
}
