//! A registry that wants a name and a password.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcompose::engine::docker::Credentials;
use rcompose::engine::{Engine, Reads};

use crate::stack::{Stack, engine, until, wait};
use futures_util::TryStreamExt;

/// `ada` with the password `open-sesame`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "ada:$2a$04$KpE7dpqLopLVH2XHNX7yPOZt0PsySLa44U9mNTPn2VLYUH0EFhrIy\n";

const REGISTRY: &str = "
services:
  registry:
    image: registry:2
    ports: ['127.0.0.1::5000']
    environment:
      REGISTRY_AUTH: htpasswd
      REGISTRY_AUTH_HTPASSWD_REALM: here
      REGISTRY_AUTH_HTPASSWD_PATH: /htpasswd
    volumes: ['./htpasswd:/htpasswd:ro']
";

/// A stack with the registry, and the name of an image that is in it and not here.
fn registry(name: &str) -> Option<(Stack, String)> {
    let stack = Stack::empty(name)?;
    stack.write("htpasswd", HTPASSWD);
    stack.write("compose.yaml", REGISTRY);
    stack.run(&["up", "-d"]).ok();
    let port = stack.port("registry-1", 5000);
    until("the registry answers", || crate::stack::fetch(port, "/"));
    let image = format!("localhost:{port}/busybox:{}", stack.project);
    write_config(&stack, &image);
    let variables = [("DOCKER_CONFIG".to_owned(), stack.dir.display().to_string())];
    let docker = engine().with_credentials(Credentials::of(&variables.into_iter().collect()));
    wait(async {
        docker.tag_image("busybox", &image).await?;
        let pushed = docker.push_image(&image).await?;
        pushed.try_collect::<Vec<_>>().await?;
        docker.remove_image(&image, true).await
    })
    .expect("the image is pushed with the credentials of the file");
    let web = format!("services:\n  web: {{image: '{image}', command: 'true'}}\n");
    stack.write("web.yaml", &web);
    Some((stack, image))
}

fn write_config(stack: &Stack, image: &str) {
    let host = image.split('/').next().expect("a host");
    let auth = BASE64_STANDARD.encode("ada:open-sesame");
    let config = format!(r#"{{"auths": {{"{host}": {{"auth": "{auth}"}}}}}}"#);
    stack.write("config.json", &config);
}

/// Runs `up` on the service whose image is in the registry, and removes image and container.
fn up(stack: &Stack, image: &str) -> crate::stack::Ran {
    let ran = stack.run(&["-f", "web.yaml", "up", "-d"]);
    stack.run(&["-f", "web.yaml", "rm", "-sf", "web"]).ok();
    wait(async { engine().remove_image(image, true).await }).expect("the image goes");
    ran
}

#[test]
fn an_image_of_a_private_registry_is_pulled_with_the_credentials_of_docker() {
    let Some((mut stack, image)) = registry("private") else {
        return;
    };
    stack.set("DOCKER_CONFIG", "/nonexistent");
    let refused = up(&stack, &image).fails();
    assert!(
        refused.stderr.contains("no basic auth credentials"),
        "{}",
        refused.stderr
    );
    stack.set("DOCKER_CONFIG", stack.dir.display().to_string());
    up(&stack, &image).ok();
}

#[test]
fn a_helper_that_is_not_installed_is_named_when_the_registry_refuses() {
    let Some((mut stack, image)) = registry("helperless") else {
        return;
    };
    stack.write("config.json", r#"{"credsStore": "not-installed"}"#);
    stack.set("DOCKER_CONFIG", stack.dir.display().to_string());
    let refused = up(&stack, &image).fails();
    assert!(
        refused
            .stderr
            .contains("cannot ask docker-credential-not-installed for credentials"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_build_starts_from_an_image_of_a_private_registry() {
    let Some((mut stack, image)) = registry("buildfrom") else {
        return;
    };
    stack.write("Dockerfile", &format!("FROM {image}\nLABEL from=private\n"));
    stack.write(
        "web.yaml",
        "services:\n  web: {build: ., command: 'true'}\n",
    );
    stack.set("DOCKER_CONFIG", "/nonexistent");
    up(&stack, &image).fails();
    stack.set("DOCKER_CONFIG", stack.dir.display().to_string());
    up(&stack, &image).ok();
    let built = format!("{}-web", stack.project);
    let labels = wait(async { engine().image(&built).await }).expect("an answer");
    assert!(labels.is_some(), "{built} is there");
    wait(async { engine().remove_image(&built, true).await }).expect("the image goes");
}
