//! `up --atomic` on a real engine: what was there goes on answering, or is put back.

use rcompose::engine::ContainerState;

use crate::stack::Stack;

const STACK: &str = "
services:
  free: {image: busybox, command: '${RUN:-sleep 600}', stop_signal: SIGKILL}
  port: {image: busybox, command: '${RUN:-sleep 600}', stop_signal: SIGKILL, ports: ['127.0.0.1:${PORT}:80']}
  data: {image: busybox, command: '${RUN:-sleep 600}', stop_signal: SIGKILL, volumes: ['data:/data']}
volumes: {data: {}}
";

/// A port of this machine that is free.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener
        .local_addr()
        .expect("it has one")
        .port()
        .to_string()
}

#[test]
fn what_does_not_get_ready_is_put_back_and_what_does_takes_over() {
    let Some(mut stack) = Stack::new("atomic", STACK) else {
        return;
    };
    stack.set("PORT", free_port());
    stack.run(&["up", "-d"]).ok();
    let before = stack.ids();
    stack.set("RUN", "sh -c 'echo broken; exit 3'");
    let ran = stack.run(&["up", "--atomic"]).fails();
    assert!(ran.stderr.contains("is back"), "{}", ran.stderr);
    assert_eq!(stack.ids(), before);
    for (name, container) in stack.containers() {
        assert_eq!(container.state, ContainerState::Running, "{name}");
    }
    stack.set("RUN", "sleep 601");
    stack.run(&["up", "--atomic"]).ok();
    let after = stack.ids();
    assert_eq!(after.len(), 3);
    for (name, id) in &after {
        assert_ne!(before.get(name), Some(id), "{name}");
        let state = stack.container(name).state;
        assert_eq!(state, ContainerState::Running, "{name}");
    }
    stack.run(&["up", "-d"]).ok();
    assert_eq!(stack.ids(), after);
}
