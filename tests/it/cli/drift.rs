//! Networks and volumes that are not what their file says now, names that are taken, and projects
//! without files, as the command line tells of them.

use pretty_assertions::assert_eq;

use super::Sandbox;

const DEMO: &str = "\
services:
  web: {image: app, networks: [front], depends_on: [db]}
  db: {image: db, networks: [front], volumes: ['data:/data']}
networks: {front: {labels: {made: once}}}
volumes: {data: {}}
";

async fn changed(from: &str, to: &str) -> Sandbox {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    let text = DEMO.replace(from, to);
    assert_ne!(text, DEMO);
    sandbox.files.insert("/work/demo/compose.yaml".into(), text);
    sandbox
}

#[tokio::test(start_paused = true)]
async fn plan_says_which_setting_of_a_network_is_another_and_who_is_connected_anew() {
    let sandbox = changed("made: once", "made: twice").await;
    let ran = sandbox.run("plan").await;
    let expected = "\
Networks
  ~ replace    demo_front  changed: labels
Containers
  ~ reconnect  demo-web-1  network demo_front is made anew
  ~ reconnect  demo-db-1   network demo_front is made anew

1 to replace, 2 to reconnect
";
    assert_eq!((ran.code, ran.stdout.as_str()), (2, expected));
}

#[tokio::test(start_paused = true)]
async fn up_tells_of_a_network_that_is_made_anew_in_docker_composes_words() {
    let sandbox = changed("made: once", "made: twice").await;
    let ran = sandbox.succeed("up -d").await;
    let expected = "
 Container demo-web-1  Stopping
 Container demo-web-1  Stopped
 Container demo-db-1  Stopping
 Container demo-db-1  Stopped
 Network demo_front  Removing
 Network demo_front  Removed
 Network demo_front  Creating
 Network demo_front  Created
 Container demo-db-1  Starting
 Container demo-db-1  Started
 Container demo-web-1  Starting
 Container demo-web-1  Started
";
    assert_eq!(format!("\n{}", ran.stderr), expected);
    let again = sandbox.succeed("plan").await;
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_in_the_network_is_shown_with_the_place_in_the_file() {
    let mut sandbox = changed("made: once", "made: twice").await;
    let mine = sandbox.files.clone();
    let theirs = "name: other\nservices: {x: {image: app, networks: [n]}}\nnetworks: {n: {external: true, name: demo_front}}\n";
    sandbox
        .files
        .insert("/work/demo/compose.yaml".into(), theirs.to_owned());
    sandbox.succeed("up -d").await;
    sandbox.files = mine;
    let ran = sandbox.run("up -d").await;
    assert_eq!(ran.code, 1);
    for part in [
        "error: network demo_front has to be made anew (changed: labels)",
        "other-x-1",
        "compose.yaml:4:12",
        "docker network disconnect demo_front other-x-1",
    ] {
        assert!(ran.stderr.contains(part), "{part}\n{}", ran.stderr);
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_differs_is_kept_and_told_of_with_what_to_do() {
    let sandbox = changed("data: {}", "data: {labels: {a: b}}").await;
    let ran = sandbox.succeed("up -d -y").await;
    let told = "warning: volume demo_data was made with other settings than its file has now; it keeps its data and its old settings: to have it made anew, empty, run `rcompose up --allow-data-loss demo_data`\n";
    assert!(ran.stderr.starts_with(told), "{}", ran.stderr);
    let changes = sandbox.engine.changes();
    assert!(!changes.iter().any(|call| call.starts_with("remove_volume")));
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_differs_is_made_anew_when_its_loss_is_allowed_by_name() {
    for allowed in ["data", "demo_data", "all"] {
        let sandbox = changed("data: {}", "data: {labels: {a: b}}").await;
        let line = format!("--allow-data-loss {allowed}");
        let plan = sandbox.run(&format!("plan {line}")).await;
        assert_eq!(plan.code, 2, "{plan:?}");
        sandbox.engine.forget_calls();
        let ran = sandbox.succeed(&format!("up -d {line}")).await;
        assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
        let expected = [
            "stop_container demo-db-1",
            "remove_container demo-db-1",
            "remove_volume demo_data",
            "create_volume demo_data",
            "create_container demo-db-1",
            "start_container demo-db-1",
        ];
        assert_eq!(sandbox.engine.changes(), expected);
        let again = sandbox.succeed(&format!("plan {line}")).await;
        assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
    }
    let sandbox = changed("data: {}", "data: {labels: {a: b}}").await;
    sandbox.engine.forget_calls();
    sandbox.succeed("up -d -y --allow-data-loss other").await;
    assert_eq!(sandbox.engine.changes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn start_without_files_needs_containers_and_services_that_have_some() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    sandbox.succeed("stop").await;
    sandbox.files.clear();
    let ran = sandbox.run("-p nobody start").await;
    let expected = "\
error: no container found for project \"nobody\"
  help: `rcompose up` makes them
";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
    let ran = sandbox.run("-p demo start wev").await;
    let expected = "\
error: no such service: wev
  help: did you mean `web`?
";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
    let ran = sandbox.succeed("-p demo start web").await;
    let expected = "
 Container demo-db-1  Starting
 Container demo-db-1  Started
 Container demo-web-1  Starting
 Container demo-web-1  Started
";
    assert_eq!(format!("\n{}", ran.stderr), expected);
}

#[tokio::test(start_paused = true)]
async fn down_without_files_removes_the_images_that_containers_were_made_of() {
    let mut sandbox = Sandbox::with(DEMO);
    sandbox.succeed("up -d").await;
    sandbox.files.clear();
    let ran = sandbox.succeed("-p demo down -v --rmi all").await;
    for line in [
        " Image app  Removed\n",
        " Image db  Removed\n",
        " Volume demo_data  Removed\n",
        " Network demo_front  Removed\n",
    ] {
        assert!(ran.stderr.contains(line), "{line}{}", ran.stderr);
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_told_before_anything_is_done() {
    let mut sandbox = changed(
        "web: {image: app",
        "web: {container_name: taken, image: app",
    )
    .await;
    let mine = sandbox.files.clone();
    sandbox.files.insert(
        "/work/demo/compose.yaml".into(),
        "name: other\nservices: {x: {image: app, container_name: taken}}\n".to_owned(),
    );
    sandbox.succeed("up -d").await;
    sandbox.files = mine;
    sandbox.engine.forget_calls();
    let ran = sandbox.run("up -d").await;
    let expected = "\
error: project demo cannot have all its container names; taken is in use by a container that does not belong to it
  help: rename or remove what is in the way: docker rename taken other-name
  help: or give the service another `container_name`
";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
    assert_eq!(sandbox.engine.changes(), [] as [&str; 0]);
}
