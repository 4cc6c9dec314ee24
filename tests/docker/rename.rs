//! `rename` on a real engine: whatever interrupts it, nothing is lost.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rcompose::engine::{Engine, Filter, Reads};

use crate::stack::{Stack, engine, wait};

const COMPOSE: &str = "
services:
  db: {image: busybox, command: sleep 600, stop_signal: SIGKILL, volumes: ['data:/data', 'second:/second']}
volumes: {data: {labels: {mine: kept}}, second: {}}
";

/// A script that fills a volume with `size` MiB and with whatever makes files differ.
fn fill(size: u32) -> String {
    let half = size / 2;
    format!(
        "cd /data && mkdir -p 'a b/c' && dd if=/dev/urandom of=one bs=1M count={half} 2>/dev/null \
         && dd if=/dev/urandom of='a b/two' bs=1M count={half} 2>/dev/null && echo x > 'a b/c/ü' \
         && for i in $(seq 200); do echo $i > a\\ b/c/$i; done \
         && ln one hard && ln -s ../nowhere soft && chmod 4750 one && chown 12:34 'a b/two' \
         && mkfifo pipe && touch -d '2001-02-03 04:05:06' 'a b/c/ü' && chmod 700 'a b' && chown 7:8 . \
         && echo second > /second/file"
    )
}

/// Everything about the files of a volume, seen by a container.
const INVENTORY: &str = "cd /data && find . -type f -print0 | sort -z | xargs -0 sha256sum \
     && find . -print0 | sort -z | xargs -0 stat -c '%n %A %u %g %s %Y %h' && cat /second/file";

/// What a project's volumes hold.
fn inventory(stack: &Stack, project: &str) -> String {
    let args = ["-p", project, "up", "-d"];
    stack.run(&args).ok();
    let name = format!("{project}-db-1");
    let command = ["sh", "-c", INVENTORY].map(str::to_owned);
    let outcome = wait(async {
        let exec = rcompose::engine::Exec::of(&command);
        engine().exec(&name, &exec).await
    });
    let outcome = outcome.expect("the engine runs it");
    assert_eq!(outcome.code, 0, "{:?}", outcome.output);
    stack.run(&["-p", project, "down", "-t", "0"]).ok();
    String::from_utf8_lossy(&outcome.output).into_owned()
}

/// Projects under other names, whose things are removed whatever happens.
struct Others(Vec<String>);

impl Drop for Others {
    fn drop(&mut self) {
        wait(async {
            let engine = engine();
            let all = engine.containers(&Filter::default()).await;
            for container in all.unwrap_or_default() {
                let owner = container.labels.get("com.docker.compose.project");
                let carried = |it: &String| container.name.contains(&format!(".{it}."));
                if owner.is_some_and(|it| self.0.contains(it)) || self.0.iter().any(carried) {
                    let _ = engine.remove_container(&container.name, true, true).await;
                }
            }
            for project in &self.0 {
                for key in ["data", "second"] {
                    let _ = engine
                        .remove_volume(&format!("{project}_{key}"), true)
                        .await;
                }
                let _ = engine.remove_network(&format!("{project}_default")).await;
            }
        });
    }
}

fn volume_is_there(name: &str) -> bool {
    let found = wait(async { engine().volume(name).await });
    found.expect("the engine answers").is_some()
}

fn filled(name: &str, size: u32) -> Option<(Stack, String)> {
    let stack = Stack::new(name, COMPOSE)?;
    stack.run(&["up", "-d"]).ok();
    let said = stack.exec("db-1", &["sh", "-c", &fill(size)]);
    assert_eq!(said, "");
    let before = stack.exec("db-1", &["sh", "-c", INVENTORY]);
    stack.run(&["down", "-t", "0"]).ok();
    Some((stack, before))
}

#[test]
fn a_project_gets_another_name_with_all_that_is_in_its_volumes() {
    let Some((stack, before)) = filled("mv", 4) else {
        return;
    };
    let old = stack.project.clone();
    let new = format!("{old}-new");
    let _others = Others(vec![new.clone()]);
    stack.run(&["up", "-d"]).ok();
    let ran = stack.run(&["rename", &old, &new, "--format", "json"]).ok();
    let copied = format!("{{\"from\":\"{old}_data\",\"to\":\"{new}_data\",\"files\":");
    assert!(ran.stdout.contains(&copied), "{}", ran.stdout);
    assert!(volume_is_there(&format!("{old}_data")));
    let label = wait(async { engine().volume(&format!("{new}_data")).await });
    let labels = label.expect("it answers").expect("it is there").labels;
    assert_eq!(labels.get("mine").map(String::as_str), Some("kept"));
    // The same command again finds everything as it is, and removes what it was told to.
    let again = stack.run(&["rename", &old, &new, "--remove-old"]).ok();
    assert!(
        again.stderr.contains("was copied already, compared"),
        "{again:?}"
    );
    assert!(!volume_is_there(&format!("{old}_data")));
    assert!(stack.containers().is_empty());
    assert_eq!(inventory(&stack, &new).trim(), before);
}

#[test]
fn a_rename_that_is_killed_anywhere_loses_nothing_and_goes_on() {
    let long = std::env::var("RCOMPOSE_LONG").is_ok_and(|it| it == "1");
    let (size, instants) = if long { (1024, 20) } else { (20, 4) };
    let Some((stack, before)) = filled("mvkill", size) else {
        return;
    };
    let old = stack.project.clone();
    let names: Vec<String> = (0..=instants).map(|it| format!("{old}-n{it}")).collect();
    let _others = Others(names.clone());
    let began = Instant::now();
    stack.run(&["rename", &old, &names[0]]).ok();
    let whole = began.elapsed();
    let mut random = u64::from(std::process::id());
    for (number, new) in names.iter().enumerate().skip(1) {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = u32::try_from(random >> 44).unwrap_or_default() % 1000;
        // One in each part of the time that it takes.
        let part = whole / u32::try_from(instants).unwrap_or(1);
        let instant = part * u32::try_from(number - 1).unwrap_or_default() + part * share / 1000;
        killed_after(
            &stack,
            &["rename", &old, new, "--remove-old"],
            instant,
            &old,
            new,
        );
        let ran = stack.run(&["rename", &old, new]);
        println!(
            "killed after {instant:?} of {whole:?}: {}",
            ran.stderr.replace('\n', "; ")
        );
        let came_through = ran.code == 0 || ran.stderr.contains("there is nothing of a project");
        assert!(came_through, "{ran:?}");
        assert_eq!(
            inventory(&stack, new).trim(),
            before,
            "killed after {instant:?}"
        );
        if volume_is_there(&format!("{old}_data")) {
            stack.run(&["-p", new, "down", "-v", "-t", "0"]).ok();
        } else {
            // It had come as far as the removal: go on from the new name.
            let back = stack.run(&["rename", new, &old, "--remove-old"]);
            assert_eq!(back.code, 0, "{back:?}");
        }
    }
    println!("{size} MiB, {instants} instants: nothing was lost");
}

/// Kills a command; at that moment, one of the two volumes is whole, for only a comparison lets the
/// old one go.
fn killed_after(stack: &Stack, line: &[&str], instant: Duration, old: &str, new: &str) {
    let mut command = stack.command();
    let command = command
        .args(line)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("it runs");
    std::thread::park_timeout(instant);
    child.kill().expect("it can be killed, or has ended");
    child.wait().expect("it has ended");
    let there = |project: &str| volume_is_there(&format!("{project}_data"));
    assert!(there(old) || there(new));
}
