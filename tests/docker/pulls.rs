//! When images are fetched: each policy, against a registry that moves on.

use futures_util::TryStreamExt;
use rcompose::engine::{Engine, EngineError, Reads};

use crate::stack::{Stack, engine, until, wait};

/// A registry, a stack whose service runs an image of it, and the image's name. The image is
/// `busybox`, and it is not here.
fn moving(name: &str, attributes: &str) -> Option<(Stack, Stack, String)> {
    let registry = Stack::new(
        &format!("{name}-registry"),
        "services: {registry: {image: 'registry:2', ports: ['127.0.0.1::5000']}}",
    )?;
    registry.run(&["up", "-d"]).ok();
    let port = registry.port("registry-1", 5000);
    until("the registry answers", || crate::stack::fetch(port, "/"));
    let image = format!("localhost:{port}/moving:{}", registry.project);
    push("busybox", &image);
    let stack = Stack::new(
        name,
        &format!(
            "services: {{web: {{image: '{image}', command: sleep 600, stop_signal: SIGKILL{attributes}}}}}"
        ),
    )?;
    Some((registry, stack, image))
}

/// Makes the name mean another image in the registry, and nothing here.
fn push(image: &str, name: &str) {
    wait(async {
        let engine = engine();
        engine.tag_image(image, name).await?;
        let pushed = engine.push_image(name).await?;
        pushed.try_collect::<Vec<_>>().await?;
        engine.remove_image(name, true).await?;
        Ok::<_, EngineError>(())
    })
    .expect("the registry takes it");
}

/// Makes the name mean another image in the registry, and what it meant here.
fn move_on(image: &str, name: &str) {
    push(image, name);
    wait(async { engine().tag_image("busybox", name).await }).expect("busybox is here");
}

fn id(name: &str) -> Option<String> {
    let found = wait(async { engine().image(name).await }).expect("an answer");
    found.map(|image| image.id)
}

fn clean(stack: &Stack, image: &str) {
    stack.run(&["down", "-t", "0"]).ok();
    wait(async { engine().remove_image(image, true).await }).expect("the image goes");
}

#[test]
fn what_is_here_is_not_fetched_again_unless_that_is_asked_for() {
    let Some((_registry, stack, image)) = moving("missing", "") else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let (before, first) = (stack.ids(), id(&image));
    move_on("alpine", &image);
    stack.run(&["up", "-d"]).ok();
    stack.run(&["up", "-d", "--pull", "missing"]).ok();
    assert_eq!((stack.ids(), id(&image)), (before.clone(), first.clone()));
    stack.run(&["up", "-d", "--pull", "always"]).ok();
    assert_ne!(id(&image), first, "it is fetched");
    assert_ne!(stack.ids(), before, "and the container replaced");
    clean(&stack, &image);
}

#[test]
fn a_service_that_wants_it_is_refreshed_each_time() {
    let Some((_registry, stack, image)) = moving("always", ", pull_policy: always") else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), before, "nothing has moved");
    move_on("alpine", &image);
    stack.run(&["up", "-d", "--no-recreate"]).ok();
    assert_eq!(stack.ids(), before);
    stack.run(&["up", "-d"]).ok();
    assert_ne!(stack.ids(), before);
    clean(&stack, &image);
}

#[test]
fn what_may_not_be_fetched_is_missed() {
    let Some((_registry, stack, image)) = moving("never", ", pull_policy: never") else {
        return;
    };
    let ran = stack.run(&["up", "-d"]).fails();
    assert!(ran.stderr.contains(&image), "{}", ran.stderr);
    assert_eq!(id(&image), None);
    stack.edit("compose.yaml", ", pull_policy: never", "");
    stack.run(&["up", "-d", "--pull", "never"]).fails();
    assert_eq!(id(&image), None);
    stack.run(&["up", "-d"]).ok();
    clean(&stack, &image);
}

#[test]
fn what_is_running_stays_when_its_new_image_cannot_be_had() {
    let Some((registry, stack, image)) = moving("gone", "") else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.containers();
    registry.run(&["down", "-t", "0"]).ok();
    stack.run(&["up", "-d", "--pull", "always"]).fails();
    stack.edit("compose.yaml", &image, &format!("{image}-next"));
    stack.run(&["up", "-d"]).fails();
    let after = stack.containers();
    let of = |it: &rcompose::engine::Container| (it.id.clone(), it.state.clone());
    assert!(before.values().map(of).eq(after.values().map(of)));
    stack.edit("compose.yaml", &format!("{image}-next"), &image);
    clean(&stack, &image);
}

#[test]
fn what_cannot_be_fetched_is_built_where_it_can_be() {
    let compose = "
services:
  web:
    image: localhost:1/nowhere/${COMPOSE_PROJECT_NAME}-app
    build: {dockerfile_inline: FROM busybox}
    command: sleep 600
    stop_signal: SIGKILL
";
    let Some(stack) = Stack::new("orbuild", compose) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let image = format!("localhost:1/nowhere/{}-app", stack.project);
    assert!(id(&image).is_some());
    clean(&stack, &image);
    stack.run(&["up", "-d", "--no-build"]).fails();
    assert!(id(&image).is_none());
}
