//! Volumes that a new name of the project would leave behind, and volumes that nobody has named.

use std::path::Path;
use std::sync::Arc;

use rcompose::engine::Image;
use rcompose::ops::ports::{Bound, Machine, Process};
use rcompose::ops::up::Host;

use super::Sandbox;

const SHOP: &str = "\
services: {db: {image: db, volumes: ['data:/data']}}
volumes: {data: {}}
";

/// A machine on which one folder is gone.
struct Without(&'static str);

impl Machine for Without {
    fn exists(&self, path: &Path) -> bool {
        path != Path::new(self.0)
    }

    fn bound(&self) -> Vec<Bound> {
        Vec::new()
    }

    fn owner(&self, _: &Bound) -> Option<Process> {
        None
    }
}

/// The same engine, seen from another folder that has the same files.
fn moved(sandbox: &Sandbox, folder: &str, gone: &'static str) -> Sandbox {
    let mut moved = Sandbox::with(SHOP);
    moved.engine = sandbox.engine.clone();
    let file = format!("{folder}/compose.yaml");
    moved.files.insert(file.into(), SHOP.to_owned());
    moved.host = Host::with(Arc::new(Without(gone)));
    moved
}

#[tokio::test(start_paused = true)]
async fn a_renamed_folder_leaves_volumes_behind_which_is_told_even_without_containers() {
    let before = Sandbox::with(SHOP);
    before.succeed("up -d").await;
    before.succeed("down").await;
    let after = moved(&before, "/work/shop", "/work/demo");
    let flags = "--project-directory /work/shop -f /work/shop/compose.yaml";
    let told = "warning: shop begins with empty volumes, and demo_data stay behind: the project was called demo when its folder was /work/demo. To go on with their data, run `rcompose down -v` here and then `rcompose rename demo shop`\n";
    let plan = after.run(&format!("{flags} plan")).await;
    assert!(plan.stderr.contains(told), "{plan:?}");
    let up = after.succeed(&format!("{flags} up -d")).await;
    assert!(up.stderr.contains(told), "{}", up.stderr);
    // Once it has volumes, it is as it is.
    let again = after
        .succeed(&format!("{flags} up -d --force-recreate"))
        .await;
    assert!(!again.stderr.contains("stay behind"), "{}", again.stderr);
}

#[tokio::test(start_paused = true)]
async fn a_second_copy_that_runs_or_whose_folder_is_there_is_no_renamed_one() {
    let flags = "--project-directory /work/shop -f /work/shop/compose.yaml";
    let first = Sandbox::with(SHOP);
    first.succeed("up -d").await;
    for gone in ["/nowhere", "/work/demo"] {
        // With the folder gone, it still runs.
        let second = moved(&first, "/work/shop", gone);
        let ran = second.run(&format!("{flags} plan")).await;
        assert!(!ran.stderr.contains("stay behind"), "{gone} {}", ran.stderr);
    }
    first.succeed("stop").await;
    let second = moved(&first, "/work/shop", "/work/demo");
    let ran = second.run(&format!("{flags} plan")).await;
    assert!(ran.stderr.contains("stay behind"), "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn another_name_for_the_same_folder_is_told_too() {
    let sandbox = Sandbox::with(SHOP);
    sandbox.succeed("up -d").await;
    sandbox.succeed("down").await;
    let ran = sandbox.run("-p other plan").await;
    let words = "demo_data stay behind: this project was called demo before";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn data_in_a_volume_without_a_name_is_pointed_out_once() {
    for pulled in [false, true] {
        let sandbox = Sandbox::with("services: {db: {image: 'pg:1', scale: 2}}");
        if pulled {
            sandbox.engine.publish_like(
                "pg:1",
                Image {
                    volumes: vec!["/var/lib/pg".to_owned()],
                    ..Image::default()
                },
            );
        } else {
            let image = Image {
                volumes: vec!["/var/lib/pg".to_owned()],
                ..Image::default()
            };
            sandbox.engine.add_image_like("pg:1", image);
        }
        let ran = sandbox.succeed("up -d").await;
        let told = "warning: the image of service db keeps data at /var/lib/pg, in a volume without a name, which `down` leaves behind and nobody finds again; a name keeps it: `volumes: [\"pg:/var/lib/pg\"]`\n";
        assert_eq!(ran.stderr.matches(told).count(), 1, "{}", ran.stderr);
        for line in ["up -d", "up -d --force-recreate", "up -d --scale db=3"] {
            let again = sandbox.succeed(line).await;
            let told = again.stderr.contains("without a name");
            assert!(!told, "{line} {}", again.stderr);
        }
    }
}
