//! The flags in front of every command.

use pretty_assertions::assert_eq;

use super::Sandbox;

const DEMO: &str = "services: {web: {image: 'app:${TAG:-none}'}}";

/// What `config --images` prints in a sandbox: which files and variables counted.
async fn images(sandbox: &Sandbox, flags: &str) -> String {
    let ran = sandbox.succeed(&format!("{flags} config --images")).await;
    ran.stdout
}

#[tokio::test]
async fn environment_files_give_variables_and_stand_in_for_the_default_one() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox
        .files
        .insert("/work/demo/.env".into(), "TAG=default\n".to_owned());
    sandbox
        .files
        .insert("/work/other.env".into(), "TAG=other\n".to_owned());
    assert_eq!(images(&sandbox, "").await, "app:default\n");
    assert_eq!(
        images(&sandbox, "--env-file ../other.env").await,
        "app:other\n"
    );
    let ran = sandbox.run("--env-file nowhere.env config").await;
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("nowhere.env"), "{}", ran.stderr);
}

#[tokio::test]
async fn the_project_directory_is_searched_and_gives_the_name() {
    let mut sandbox = Sandbox::with(DEMO);
    let elsewhere = "services: {api: {build: ./src}}".to_owned();
    sandbox
        .files
        .insert("/work/elsewhere/compose.yaml".into(), elsewhere);
    let ran = sandbox
        .succeed("--project-directory ../elsewhere config")
        .await;
    assert!(
        ran.stdout.starts_with("name: elsewhere\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("context: /work/elsewhere/src\n"),
        "{}",
        ran.stdout
    );
}

#[tokio::test]
async fn files_are_joined_in_the_order_given_and_the_name_is_chosen() {
    let mut sandbox = Sandbox::with(DEMO);
    let over = "services: {web: {image: 'app:over'}}".to_owned();
    sandbox.files.insert("/work/demo/over.yaml".into(), over);
    assert_eq!(
        images(&sandbox, "-f compose.yaml -f over.yaml").await,
        "app:over\n"
    );
    assert_eq!(
        images(&sandbox, "-f over.yaml -f compose.yaml").await,
        "app:none\n"
    );
    let ran = sandbox.succeed("-p chosen config").await;
    assert!(ran.stdout.starts_with("name: chosen\n"), "{}", ran.stdout);
}

#[tokio::test]
async fn profiles_bring_services_up() {
    let sandbox =
        Sandbox::with("services: {web: {image: app}, tool: {image: db, profiles: [debug]}}");
    sandbox.succeed("up -d").await;
    let services = |ran: super::Ran| ran.stdout;
    assert_eq!(services(sandbox.succeed("ps --services").await), "web\n");
    sandbox.succeed("--profile debug up -d").await;
    assert_eq!(
        services(sandbox.succeed("--profile debug ps --services").await),
        "tool\nweb\n"
    );
}

#[tokio::test]
async fn colours_come_when_asked_for_and_only_then() {
    let sandbox = Sandbox::with("services: {web: {image: app}}");
    let coloured = |text: &str| text.contains('\u{1b}');
    assert!(coloured(&sandbox.run("--ansi always plan").await.stdout));
    assert!(!coloured(&sandbox.run("--ansi never plan").await.stdout));
    assert!(
        !coloured(&sandbox.run("plan").await.stdout),
        "this is no terminal"
    );
}

#[tokio::test]
async fn progress_is_plain_silent_or_objects_and_always_on_stderr() {
    let up = |how: &'static str| async move {
        let sandbox = Sandbox::with("services: {web: {image: app}}");
        let ran = sandbox.succeed(&format!("--progress {how} up -d")).await;
        assert_eq!(ran.stdout, "", "{how}");
        ran.stderr
    };
    assert!(
        up("plain")
            .await
            .contains(" Container demo-web-1  Started\n")
    );
    assert_eq!(up("quiet").await, "");
    let json = up("json").await;
    let objects = json.lines().map(serde_json::from_str::<serde_json::Value>);
    assert!(
        objects
            .collect::<Result<Vec<_>, _>>()
            .is_ok_and(|all| !all.is_empty()),
        "{json}"
    );
}

#[tokio::test]
async fn bad_input_ends_with_1_one_place_and_nothing_asked_of_the_engine() {
    let cases = [
        ("services: {web: {image: app", "", "compose.yaml:1:"),
        ("services: {web: {imgae: app}}", "", "compose.yaml:1:18"),
        ("services: {web: {image: [app]}}", "", "compose.yaml:1:25"),
        (
            "services:\n  a: {image: app, depends_on: [b]}\n  b: {image: app, links: [a]}\n",
            "",
            "services depend on each other: a → b → a",
        ),
        (
            "services: {web: {image: app}}",
            "wbe",
            "no such service: wbe",
        ),
    ];
    for (compose, service, told) in cases {
        for command in ["up -d", "build", "plan", "create"] {
            let sandbox = Sandbox::with(compose);
            let ran = sandbox.run(&format!("{command} {service}")).await;
            assert_eq!(
                (ran.code, ran.stdout.as_str()),
                (1, ""),
                "{command}: {compose}"
            );
            assert!(ran.stderr.contains(told), "{command}: {}", ran.stderr);
            assert_eq!(
                sandbox.engine.calls(),
                [] as [&str; 0],
                "{command}: {compose}"
            );
        }
    }
    let missing = Sandbox::with(DEMO).run("-f nowhere.yaml up -d").await;
    assert_eq!(missing.code, 1);
    assert!(
        missing.stderr.contains("nowhere.yaml"),
        "{}",
        missing.stderr
    );
}
