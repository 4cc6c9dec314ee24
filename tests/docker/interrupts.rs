//! Ctrl-C on a terminal, at random instants of an attached `up`: whatever it was doing, nothing is
//! left running, the exit code says so, and the terminal is as it was.
//!
//! The instants come from a seed, which is printed; `RCOMPOSE_SEED` sets it. There are 20 of them,
//! or 100 with `RCOMPOSE_LONG`.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, ExitStatus, PtySize, native_pty_system};
use rcompose::engine::ContainerState;

use crate::random::Random;
use crate::stack::{Stack, until};

/// Eight services that depend on each other, wait, talk, end, and are deaf to a plain stop.
const EIGHT: &str = "
x-service: &service {image: busybox, init: true, command: sleep 600}
services:
  db: {<<: *service, healthcheck: {test: test -e /ready || touch /ready, interval: 100ms}, volumes: ['data:/data']}
  cache: *service
  migrate: {<<: *service, command: 'true', depends_on: {db: {condition: service_healthy}}}
  api:
    <<: *service
    command: sh -c 'while true; do echo working; sleep 0.05; done'
    scale: 2
    depends_on: {migrate: {condition: service_completed_successfully}, cache: {condition: service_started}}
  worker: {<<: *service, depends_on: [api], restart: always}
  looping: {<<: *service, command: sh -c 'echo again; exit 1', restart: always}
  side: {<<: *service, network_mode: 'service:cache'}
  deaf: {image: busybox, command: sleep 600, stop_grace_period: 100ms, depends_on: [cache]}
volumes: {data: {}}
";

/// How a command on a terminal went.
struct Seen {
    status: ExitStatus,
    output: String,
    terminal_is_as_before: bool,
}

/// Runs `up` on a terminal and presses Ctrl-C after a while.
fn interrupted(stack: &Stack, after: Duration) -> Seen {
    let size = PtySize {
        rows: 40,
        cols: 120,
        ..PtySize::default()
    };
    let pair = native_pty_system()
        .openpty(size)
        .expect("a terminal can be had");
    let before = pair.master.get_termios().expect("a terminal has settings");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_rcompose"));
    command.args(["-p", &stack.project, "up"]);
    command.cwd(&stack.dir);
    command.env("TERM", "xterm");
    let mut child = pair.slave.spawn_command(command).expect("the binary runs");
    let output = Arc::new(Mutex::new(Vec::new()));
    let mut reader = pair.master.try_clone_reader().expect("it can be read");
    let read = Arc::clone(&output);
    let reading = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = reader.read(&mut buffer) {
            let mut read = read.lock().expect("no thread panics with it");
            read.extend_from_slice(&buffer[..length]);
        }
    });
    let mut writer = pair.master.take_writer().expect("it can be written to");
    std::thread::park_timeout(after);
    writer.write_all(b"\x03").expect("the key arrives");
    let status = until("the end after Ctrl-C", || {
        child.try_wait().expect("it is our child")
    });
    let terminal_is_as_before = pair.master.get_termios() == Some(before);
    // The reader hears the end of the terminal only when nobody holds its other side.
    drop(pair.slave);
    reading.join().expect("it only reads");
    let output = output.lock().expect("no thread panicked with it");
    Seen {
        status,
        output: String::from_utf8_lossy(&output).into_owned(),
        terminal_is_as_before,
    }
}

/// The shell sees 130 either way: a process that has not begun yet dies of the signal itself.
fn ended_by_the_interrupt(status: &ExitStatus) -> bool {
    status.exit_code() == 130 || status.signal().is_some_and(|it| it.contains("Interrupt"))
}

fn cursor_is_shown(output: &str) -> bool {
    output.rfind("\x1b[?25l") <= output.rfind("\x1b[?25h")
}

fn still_running(stack: &Stack) -> Vec<String> {
    let containers = stack.containers().into_iter();
    let on = |state: &ContainerState| {
        !matches!(
            state,
            ContainerState::Exited | ContainerState::Created | ContainerState::Dead
        )
    };
    containers
        .filter(|(_, it)| on(&it.state))
        .map(|(name, it)| format!("{name} {:?}", it.state))
        .collect()
}

#[test]
fn ctrl_c_at_any_instant_leaves_nothing_running_and_the_terminal_as_it_was() {
    let Some(stack) = Stack::new("ctrlc", EIGHT) else {
        return;
    };
    let begin = Instant::now();
    stack.run(&["up", "-d"]).ok();
    let whole = begin.elapsed();
    stack.run(&["down", "-v"]).ok();
    let mut random = Random::of_environment();
    let count = if std::env::var_os("RCOMPOSE_LONG").is_some() {
        100
    } else {
        20
    };
    for number in 0..count {
        // A little beyond the end of coming up, where it only stays.
        let after = whole.mul_f64(random.next() * 1.3);
        let seen = interrupted(&stack, after);
        let told = || {
            format!(
                "interrupt {number}, after {after:?} of {whole:?} ({random}); {:?}\n{}",
                seen.status, seen.output
            )
        };
        let running = still_running(&stack);
        assert!(running.is_empty(), "{running:?} {}", told());
        assert!(ended_by_the_interrupt(&seen.status), "{}", told());
        assert!(seen.terminal_is_as_before, "{}", told());
        assert!(cursor_is_shown(&seen.output), "{}", told());
        // Half of them begin with nothing, half with what the one before left.
        if number % 2 == 0 {
            stack.run(&["down", "-v", "-t", "0"]).ok();
        }
    }
    println!("{count} interrupts within {whole:?}, {random}");
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.containers().len(), 9);
}
