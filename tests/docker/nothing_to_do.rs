//! What is as it should be is left alone: no container is replaced, nothing is written, and the
//! engine is asked a handful of questions however many services there are.

use crate::proxy::Proxy;
use crate::stack::Stack;

/// The ways to ask for what is there already.
const PATHS: &[&[&str]] = &[
    &["up", "-d"],
    &["up", "-d", "s07"],
    &["create"],
    &["start"],
    &["start", "s11"],
    &["up", "-d", "--no-recreate"],
    &["up", "-d", "--scale", "s03=1"],
    &["up", "-d", "--remove-orphans"],
    &["up", "--no-start"],
    &["scale", "s05=1"],
];

/// So many times in all.
const TIMES: usize = 200;
/// So many questions at most, each time.
const QUESTIONS: usize = 6;

fn twenty() -> String {
    let service = |number: usize| {
        let needs = if number.is_multiple_of(4) {
            String::new()
        } else {
            format!(", depends_on: [s{:02}]", number - 1)
        };
        format!(
            "  s{number:02}: {{image: busybox, command: sleep 600, stop_signal: SIGKILL, volumes: ['v{number:02}:/data', /scratch]{needs}}}\n"
        )
    };
    let volume = |number: usize| format!("  v{number:02}:\n");
    let services: String = (0..20).map(service).collect();
    let volumes: String = (0..20).map(volume).collect();
    format!("services:\n{services}volumes:\n{volumes}")
}

#[test]
fn two_hundred_times_nothing_to_do_is_nothing_done() {
    let Some(mut stack) = Stack::new("noop", &twenty()) else {
        return;
    };
    stack.run(&["up", "-d"]).ok();
    let before = stack.containers();
    let proxy = Proxy::start(&stack.dir);
    stack.set("DOCKER_HOST", proxy.address());
    let mut noted = 0;
    for path in PATHS.iter().cycle().take(TIMES) {
        stack.run(path).ok();
        let requests = proxy.requests().split_off(noted);
        noted += requests.len();
        let writes = |it: &String| !it.starts_with("GET ") && !it.starts_with("HEAD ");
        assert!(!requests.iter().any(writes), "{path:?}: {requests:#?}");
        assert!(!requests.is_empty(), "{path:?} was seen");
        assert!(
            requests.len() <= QUESTIONS,
            "{path:?}: {} questions, {requests:#?}",
            requests.len()
        );
    }
    let of = |it: &rcompose::engine::Container| (it.id.clone(), it.state.clone());
    let after = stack.containers();
    assert!(before.values().map(of).eq(after.values().map(of)));
}
