//! `stop`, `start`, `restart`, `rm`, `down`, `build`.

use pretty_assertions::assert_eq;

use super::Sandbox;

const DEMO: &str = "services: {web: {image: app, volumes: ['data:/data']}}\nvolumes: {data: {}}";

async fn brought_up() -> Sandbox {
    let sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    sandbox
}

#[tokio::test(start_paused = true)]
async fn containers_stop_start_and_restart() {
    let sandbox = brought_up().await;
    let ran = sandbox.succeed("stop -t 1").await;
    assert_eq!(
        ran.stderr,
        " Container demo-web-1  Stopping\n Container demo-web-1  Stopped\n"
    );
    let ran = sandbox.succeed("start").await;
    assert_eq!(
        ran.stderr,
        " Container demo-web-1  Starting\n Container demo-web-1  Started\n"
    );
    let ran = sandbox.succeed("restart web").await;
    assert_eq!(
        ran.stderr,
        " Container demo-web-1  Restarting\n Container demo-web-1  Started\n"
    );
    for command in ["stop", "start", "restart", "rm -f", "down"] {
        let ran = sandbox.run(&format!("{command} nope")).await;
        assert_eq!(ran.code, 1, "{command}");
        assert!(
            ran.stderr.starts_with("error: no such service: nope\n"),
            "{}",
            ran.stderr
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rm_asks_and_takes_silence_for_a_no() {
    let mut sandbox = brought_up().await;
    let ran = sandbox.succeed("rm").await;
    assert_eq!(ran.stderr, "No stopped containers\n");
    sandbox.succeed("stop").await;
    let ran = sandbox.run("rm").await;
    let expected = "\
error: rm asks before it removes, and there is no terminal to ask on
  help: `rcompose rm -f` removes without asking
";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
    sandbox.terminals.stdin = true;
    let question = "Going to remove demo-web-1\nContinue? [y/N] ";
    assert_eq!(sandbox.succeed("rm").await.stderr, question);
    assert_eq!(sandbox.succeed("ps -aq").await.stdout.lines().count(), 1);
    sandbox.answer = "y\n";
    let ran = sandbox.succeed("rm").await;
    let removed = " Container demo-web-1  Removing\n Container demo-web-1  Removed\n";
    assert_eq!(ran.stderr, format!("{question}{removed}"));
    assert_eq!(sandbox.succeed("ps -aq").await.stdout, "");
}

#[tokio::test(start_paused = true)]
async fn rm_with_force_and_stop_asks_nothing() {
    let sandbox = brought_up().await;
    sandbox.succeed("rm -fs").await;
    assert_eq!(sandbox.succeed("ps -aq").await.stdout, "");
}

#[tokio::test(start_paused = true)]
async fn down_removes_and_says_when_there_was_nothing() {
    let sandbox = brought_up().await;
    let ran = sandbox.succeed("down -v").await;
    for line in [
        " Container demo-web-1  Removed\n",
        " Network demo_default  Removed\n",
        " Volume demo_data  Removed\n",
    ] {
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    }
    let ran = sandbox.succeed("down").await;
    assert_eq!(
        ran.stderr,
        "warning: no resource found to remove for project demo\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_project_can_be_taken_down_by_its_name_alone() {
    let mut sandbox = brought_up().await;
    sandbox.files.clear();
    assert_eq!(sandbox.run("down").await.code, 1);
    let ran = sandbox.succeed("-p demo down").await;
    assert!(
        ran.stderr.contains(" Container demo-web-1  Removed\n"),
        "{}",
        ran.stderr
    );
}

#[tokio::test(start_paused = true)]
async fn build_without_anything_to_build_says_so() {
    let ran = Sandbox::with(DEMO).succeed("build").await;
    assert_eq!(ran.stderr, "warning: no services to build\n");
}
