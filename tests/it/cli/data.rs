//! Data is lost only by who says so: `down -v`, `--allow-data-loss`.

use pretty_assertions::assert_eq;
use rcompose::engine::memory::PutFile;

use super::{Ran, Sandbox};
use rcompose::cli::Terminals;

const DEMO: &str = "\
services:
  db: {image: db, volumes: ['data:/data', 'cache:/cache', /scratch]}
volumes: {data: {}, cache: {}}
";

const LIST: &str = "\
Asking the engine how large the volumes are, which may take a while …
These volumes would be deleted, with everything that is in them:
  demo_cache  0B
  demo_data   5B
  unnamed     0B, /scratch of demo-db-1
";

async fn on_a_terminal(answer: &'static str) -> Sandbox {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    let file = PutFile {
        bytes: b"gold\n".to_vec(),
        ..PutFile::default()
    };
    sandbox.engine.put_volume_file("demo_data", "vault", file);
    sandbox.engine.forget_calls();
    sandbox.answer = answer;
    sandbox.terminals = Terminals {
        stdin: true,
        stdout: true,
        stderr: true,
    };
    sandbox
}

async fn plainly(sandbox: &Sandbox, line: &str) -> Ran {
    sandbox
        .run(&format!("--progress plain --ansi never {line}"))
        .await
}

#[tokio::test(start_paused = true)]
async fn down_with_volumes_lists_them_and_takes_no_answer_for_a_no() {
    for answer in ["", "\n", "n\n", "maybe\n"] {
        let sandbox = on_a_terminal(answer).await;
        let ran = plainly(&sandbox, "down -v").await;
        let expected = format!("{LIST}Delete them? [y/N] Nothing was removed.\n");
        assert_eq!((ran.code, ran.stderr), (1, expected));
        assert_eq!(sandbox.engine.changes(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_yes_deletes_them() {
    let sandbox = on_a_terminal("y\n").await;
    let ran = plainly(&sandbox, "down -v").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let start = format!("{LIST}Delete them? [y/N]");
    assert!(ran.stderr.starts_with(&start), "{}", ran.stderr);
    assert!(ran.stderr.contains(" Volume demo_data  Removed\n"));
    assert_eq!(sandbox.engine.volume_file("demo_data", "vault"), None);
}

#[tokio::test(start_paused = true)]
async fn what_may_be_lost_can_be_said_beforehand() {
    let some = "down -v --allow-data-loss data --allow-data-loss demo_cache";
    let sandbox = on_a_terminal("").await;
    // The unnamed one was not named.
    assert_eq!(plainly(&sandbox, some).await.code, 1);
    let sandbox = on_a_terminal("").await;
    let ran = plainly(&sandbox, "down -v --allow-data-loss all").await;
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_where_nobody_is() {
    let mut sandbox = on_a_terminal("").await;
    sandbox.terminals.stdin = false;
    let ran = sandbox.succeed("down -v").await;
    assert!(!ran.stderr.contains("would be deleted"), "{}", ran.stderr);
    let mut sandbox = on_a_terminal("").await;
    sandbox.variables.insert("CI".to_owned(), "true".to_owned());
    let ran = plainly(&sandbox, "down -v").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("would be deleted"), "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn down_without_volumes_asks_nothing() {
    let sandbox = on_a_terminal("").await;
    assert_eq!(plainly(&sandbox, "down").await.code, 0);
    let calls = sandbox.engine.calls();
    assert!(!calls.iter().any(|it| it == "volume_sizes"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn who_else_uses_a_volume_is_told_and_it_stays() {
    let mut sandbox = on_a_terminal("y\n").await;
    let mine = sandbox.files.clone();
    let theirs = "\
name: other
services: {spy: {image: app, volumes: ['data:/x']}}
volumes: {data: {external: true, name: demo_data}}
";
    sandbox
        .files
        .insert("/work/demo/compose.yaml".into(), theirs.to_owned());
    sandbox.succeed("up -d").await;
    sandbox.files = mine;
    let ran = plainly(&sandbox, "down -v").await;
    let line = "  demo_data   5B; stays while other-spy-1 of project other uses it\n";
    assert!(ran.stderr.contains(line), "{}", ran.stderr);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("demo_data is still in use and stays"));
    assert!(sandbox.engine.volume_file("demo_data", "vault").is_some());
}
