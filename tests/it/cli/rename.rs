//! `rename`: what it carries over, what it refuses, and what an interruption leaves.

use pretty_assertions::assert_eq;
use rcompose::engine::memory::PutFile;
use rcompose::engine::{EngineError, Reads};

use super::Sandbox;

const SHOP: &str = "\
services:
  db: {image: db, volumes: ['data:/data', 'named:/named', /scratch]}
volumes: {data: {labels: {a: b}}, named: {name: of-its-own}}
";

fn gold(text: &str) -> PutFile {
    PutFile {
        bytes: text.as_bytes().to_vec(),
        uid: 7,
        gid: 8,
        mode: 0o640,
    }
}

async fn shop() -> Sandbox {
    let sandbox = Sandbox::with(SHOP);
    sandbox.succeed("-p old up -d").await;
    let engine = &sandbox.engine;
    engine.put_volume_file("old_data", "vault", gold("gold"));
    sandbox
}

fn removals(sandbox: &Sandbox) -> Vec<String> {
    let changes = sandbox.engine.changes().into_iter();
    changes
        .filter(|call| call.starts_with("remove_volume"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn volumes_are_carried_over_and_the_old_ones_stay() {
    let sandbox = shop().await;
    let ran = sandbox.succeed("rename old new").await;
    let expected = "
 Container old-db-1  Stopping
 Container old-db-1  Stopped
 Volume old_data → new_data  copied and compared: 1 files, 4B
of-its-own has a name of its own and keeps it; its label still says old
old-db-1 has an unnamed volume at /scratch, which stays with it: `docker cp old-db-1:/scratch .` takes out what is in it
`rcompose -p new up -d` makes the containers of new
Nothing of old was removed: `rcompose -p old down -v` does, when you need it no more
";
    assert_eq!(format!("\n{}", ran.stderr), expected);
    let engine = &sandbox.engine;
    for volume in ["old_data", "new_data"] {
        assert_eq!(engine.volume_file(volume, "vault"), Some(gold("gold")));
    }
    let volume = engine.volume("new_data").await.expect("it answers");
    let labels = volume.expect("it is there").labels;
    assert_eq!(labels["com.docker.compose.project"], "new");
    assert_eq!(labels["dev.rcompose.copy-of"], "old_data");
    assert_eq!(labels["a"], "b");
    let names = engine
        .containers(&rcompose::engine::Filter::default())
        .await;
    let names: Vec<String> = names
        .expect("a list")
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(names, ["old-db-1"]);
    let plan = sandbox.run("-p new plan").await.stdout;
    assert!(
        plan.contains("new-db-1") && !plan.contains("new_data"),
        "{plan}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_left_goes_when_that_is_asked_for() {
    let sandbox = shop().await;
    let ran = sandbox
        .succeed("rename old new --remove-old --format json")
        .await;
    let expected = "{\"volumes\":[{\"from\":\"old_data\",\"to\":\"new_data\",\"files\":1,\"bytes\":4,\"how\":\"copied\"}],\"kept\":[\"of-its-own\"],\"unnamed\":[[\"old-db-1\",\"/scratch\"]]}\n";
    assert_eq!(ran.stdout, expected);
    // The container that has an unnamed volume holds the old volume, too.
    assert_eq!(
        sandbox.engine.volume_file("old_data", "vault"),
        Some(gold("gold"))
    );
    let plain = Sandbox::with(&SHOP.replace(", /scratch", ""));
    plain.succeed("-p old up -d").await;
    plain
        .engine
        .put_volume_file("old_data", "vault", gold("gold"));
    plain.succeed("rename old new --remove-old").await;
    assert_eq!(plain.engine.volume_file("old_data", "vault"), None);
    assert_eq!(
        plain.engine.volume_file("new_data", "vault"),
        Some(gold("gold"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_move_that_broke_off_goes_on_wherever_that_was() {
    // Every call that changes something fails once, one after the other.
    let whole = shop().await;
    whole.engine.forget_calls();
    whole.succeed("rename old new").await;
    let calls = whole.engine.changes();
    assert!(calls.len() > 10, "{calls:?}");
    for (number, call) in calls.iter().enumerate() {
        let sandbox = shop().await;
        let (method, name) = call.split_once(' ').unwrap_or((call, ""));
        let times = calls[..number].iter().filter(|it| *it == call).count();
        if times > 0 {
            continue;
        }
        let lost = EngineError::Broken("the connection was lost".to_owned());
        sandbox.engine.fail_next(method, name, lost);
        assert_eq!(sandbox.run("rename old new").await.code, 1, "{call}");
        assert_eq!(
            sandbox.engine.volume_file("old_data", "vault"),
            Some(gold("gold"))
        );
        let ran = sandbox.run("rename old new").await;
        assert_eq!(ran.code, 0, "{call}: {ran:?}");
        for volume in ["old_data", "new_data"] {
            let found = sandbox.engine.volume_file(volume, "vault");
            assert_eq!(found, Some(gold("gold")), "{call}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_somebody_went_on_with_is_never_replaced() {
    let sandbox = shop().await;
    sandbox.succeed("rename old new").await;
    sandbox
        .engine
        .put_volume_file("new_data", "vault", gold("more gold"));
    sandbox.engine.forget_calls();
    let ran = sandbox.run("rename old new --remove-old").await;
    let expected = "\
error: volume old_data was copied to new_data before, and one of them has been written to since: they differ at volume/vault
  help: to go on with new_data, remove the old one: docker volume rm old_data
  help: to copy it anew, remove the copy: docker volume rm new_data
";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, expected));
    assert_eq!(removals(&sandbox), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_way_is_named() {
    let sandbox = shop().await;
    sandbox.succeed("-p new up -d").await;
    let ran = sandbox.run("rename old new").await;
    let words = "there is a project new already: container new-db-1 belongs to it";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    sandbox.succeed("-p new down").await;
    let ran = sandbox.run("rename old new").await;
    let words = "there is a volume new_data already, which is no copy of old_data";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
    let ran = sandbox.run("rename nobody new").await;
    assert!(ran.stderr.contains("there is nothing of a project nobody"));
    for names in ["Old new", "old new.er", "old old", "old -x"] {
        assert_eq!(sandbox.run(&format!("rename {names}")).await.code, 1);
    }
}
