//! What every engine does: the contract behind `Reads` and `Engine`.
//!
//! One list of behaviours, run on `MemoryEngine` always and on a real engine when there is one, so
//! that the one cannot drift from the other. Images needed: `busybox:latest`. Containers run `sh`
//! with `echo`, `exit`, `sleep` and `trap` alone, which is as much as the memory engine understands.
//!
//! Everything made carries a label of its own behaviour and is removed by it, also after a failure.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, NetworkCreateRequest,
    NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum, VolumeCreateRequest,
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use rcompose::engine::{
    Answers, BuildRequest, Channel, Container, ContainerState, Engine, EngineError, Event, Exec,
    Filter, Health, LogOptions, Output, Progress,
};

/// Longest that one behaviour may take.
const DEADLINE: Duration = Duration::from_secs(90);

const IMAGE: &str = "busybox:latest";

/// Makes a test of every behaviour, on the engine that `$subject().await` gives (`None` skips it).
macro_rules! contract {
    ($subject:path) => {
        $crate::engine_contract::contract! { @ $subject:
            the_address_and_a_version_are_known
            a_created_container_is_found_by_its_labels
            a_name_in_a_filter_is_meant_exactly
            what_is_not_there_is_none
            a_name_that_is_taken_is_a_conflict
            a_container_of_an_unknown_image_is_not_found
            an_unknown_container_is_not_found_by_verbs
            starting_and_stopping_twice_is_no_error
            a_stop_answers_when_the_container_has_stopped
            removing_what_is_gone_is_no_error
            a_running_container_is_removed_by_force_alone
            a_renamed_container_answers_to_its_new_name
            a_kill_ends_a_container_or_is_handled_by_it
            a_paused_container_is_frozen_until_it_goes_on
            a_paused_container_cannot_be_started_but_stopped_killed_and_removed
            a_restart_runs_the_command_again
            waiting_gives_the_exit_code
            a_failing_container_is_restarted_as_its_policy_says
            a_command_inside_gives_its_code_and_output
            a_command_inside_can_have_variables_of_its_own
            files_of_an_archive_are_in_the_container_when_it_starts
            a_read_only_root_takes_no_archive_but_a_volume_in_it_does
            a_volume_goes_from_one_container_to_another_without_either_being_started
            a_log_keeps_both_channels_apart
            a_log_can_be_cut_to_its_tail_and_dated
            a_followed_log_ends_with_its_container
            the_log_of_a_terminal_is_one_raw_stream
            an_attachment_before_the_start_loses_nothing
            an_attachment_to_a_terminal_is_raw
            an_attachment_and_a_followed_log_end_with_the_run_not_with_the_container
            events_since_a_moment_are_replayed
            events_arrive_as_they_happen
            health_is_seen_in_lists_details_and_events
            failing_health_tells_its_output
            networks_are_found_and_removed_once
            a_network_in_use_stays
            containers_join_and_leave_networks_under_aliases
            a_container_joins_the_network_it_was_created_with
            a_container_can_be_created_in_several_networks
            a_network_can_be_shared_by_name_across_a_rename
            volumes_are_found_and_removed_once
            a_volume_in_use_stays_and_outlives_its_container
            anonymous_volumes_go_when_asked
            published_ports_are_listed_and_cannot_be_published_twice
            images_are_found_by_any_of_their_names
            tags_come_and_go
            a_build_makes_an_image
            a_failing_build_shows_why_and_ends_in_an_error
            a_context_that_breaks_off_breaks_the_build
            an_image_says_which_volumes_it_has
            pulling_what_no_registry_has_fails
        }
    };
    (@ $subject:path: $($behaviour:ident)*) => {$(
        #[tokio::test]
        async fn $behaviour() {
            if let Some(engine) = $subject().await {
                $crate::engine_contract::check(engine, $crate::engine_contract::$behaviour).await;
            }
        }
    )*};
}
pub(crate) use contract;

/// Runs one behaviour and removes what it made, whether it held or not.
pub(crate) async fn check<F>(engine: Arc<dyn Engine>, behaviour: impl FnOnce(Arc<World>) -> F)
where
    F: Future<Output = ()>,
{
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("rcontract-{}-{number}", std::process::id());
    let world = Arc::new(World { engine, prefix });
    let run = tokio::time::timeout(DEADLINE, behaviour(Arc::clone(&world)));
    let outcome = AssertUnwindSafe(run).catch_unwind().await;
    world.clean().await;
    match outcome {
        Ok(in_time) => in_time.expect("the behaviour shows before its deadline"),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The engine, and a prefix for the names of what one behaviour makes.
pub(crate) struct World {
    engine: Arc<dyn Engine>,
    prefix: String,
}

impl World {
    fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    fn label(&self) -> (String, String) {
        ("rcontract".to_owned(), self.prefix.clone())
    }

    fn mine(&self) -> Filter {
        Filter::labels([format!("rcontract={}", self.prefix)])
    }

    /// A container that runs a shell script.
    fn body(&self, script: &str) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(IMAGE.to_owned()),
            cmd: Some(["sh", "-c", script].map(str::to_owned).to_vec()),
            labels: Some(HashMap::from([self.label()])),
            ..ContainerCreateBody::default()
        }
    }

    async fn create(&self, name: &str, body: ContainerCreateBody) -> String {
        let name = self.name(name);
        let created = self.engine.create_container(&name, None, body).await;
        created.expect("the container is created");
        name
    }

    async fn created(&self, name: &str, script: &str) -> String {
        self.create(name, self.body(script)).await
    }

    async fn started(&self, name: &str, script: &str) -> String {
        let name = self.created(name, script).await;
        self.start(&name).await;
        name
    }

    async fn start(&self, name: &str) {
        let started = self.engine.start_container(name).await;
        started.expect("the container starts");
    }

    async fn row(&self, name: &str) -> Container {
        let filter = Filter {
            names: vec![name.to_owned()],
            ..self.mine()
        };
        let mut rows = self.engine.containers(&filter).await.expect("a list");
        assert_eq!(rows.len(), 1, "one container is called {name}");
        rows.remove(0)
    }

    async fn wait(&self, name: &str) -> i64 {
        let code = self.engine.wait_container(name).await;
        code.expect("the container ends")
    }

    async fn log(&self, name: &str, options: LogOptions) -> Answers<Output> {
        let log = self.engine.logs(name, &options).await;
        log.expect("the container has a log")
    }

    async fn network(&self, name: &str) -> String {
        let name = self.name(name);
        let created = self.engine.create_network(self.network_body(&name)).await;
        assert!(!created.expect("the network is created").is_empty());
        name
    }

    fn network_body(&self, name: &str) -> NetworkCreateRequest {
        NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            labels: Some(HashMap::from([self.label()])),
            ..NetworkCreateRequest::default()
        }
    }

    async fn volume(&self, name: &str) -> String {
        let name = self.name(name);
        let created = self.engine.create_volume(self.volume_body(&name)).await;
        created.expect("the volume is created");
        name
    }

    fn volume_body(&self, name: &str) -> VolumeCreateRequest {
        VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(HashMap::from([self.label()])),
            ..VolumeCreateRequest::default()
        }
    }

    async fn built(&self, name: &str, dockerfile: &str) -> Vec<Result<Progress, EngineError>> {
        let request = BuildRequest {
            dockerfile: "Dockerfile".to_owned(),
            tags: vec![format!("{}:latest", self.name(name))],
            labels: BTreeMap::from([self.label()]),
            no_cache: true,
            ..BuildRequest::default()
        };
        let context = stream::iter([Ok(context(dockerfile))]);
        let built = self.engine.build_image(&request, Box::pin(context)).await;
        built.expect("the build begins").collect().await
    }

    async fn clean(&self) {
        let mine = self.mine();
        for container in self.engine.containers(&mine).await.unwrap_or_default() {
            let _ = self
                .engine
                .remove_container(&container.id, true, true)
                .await;
        }
        for network in self.engine.networks(&mine).await.unwrap_or_default() {
            let _ = self.engine.remove_network(&network.id).await;
        }
        for volume in self.engine.volumes(&mine).await.unwrap_or_default() {
            let _ = self.engine.remove_volume(&volume.name, true).await;
        }
        for name in ["image", "other"] {
            let _ = self.engine.remove_image(&self.name(name), true).await;
        }
    }
}

fn context(dockerfile: &str) -> Bytes {
    archive("Dockerfile", dockerfile)
}

fn archive(path: &str, text: &str) -> Bytes {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    let added = tar.append_data(&mut header, path, text.as_bytes());
    added.expect("memory takes it");
    Bytes::from(tar.into_inner().expect("memory takes it"))
}

/// What came on stdout and on stderr.
async fn both(mut answers: Answers<Output>) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(piece) = answers.next().await {
        let piece = piece.expect("the output goes on");
        match piece.channel {
            Channel::Stdout => out.extend_from_slice(&piece.bytes),
            Channel::Stderr => err.extend_from_slice(&piece.bytes),
        }
    }
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    (text(out), text(err))
}

async fn next_action(events: &mut Answers<Event>, action: &str) -> Event {
    loop {
        let event = events.next().await.expect("events go on");
        let event = event.expect("it is an event");
        if event.action == action {
            return event;
        }
    }
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

macro_rules! assert_conflict {
    ($result:expr) => {
        let result = $result;
        assert!(
            matches!(result, Err(EngineError::Conflict(_))),
            "{result:?}"
        );
    };
}

macro_rules! assert_not_found {
    ($result:expr) => {
        let result = $result;
        assert!(
            matches!(result, Err(EngineError::NotFound(_))),
            "{result:?}"
        );
    };
}

pub(crate) async fn the_address_and_a_version_are_known(world: Arc<World>) {
    let info = world.engine.info().await.expect("it answers");
    assert!(!info.address.is_empty());
    assert!(
        info.api.major == 1 && (24..=51).contains(&info.api.minor),
        "{info:?}"
    );
}

pub(crate) async fn a_created_container_is_found_by_its_labels(world: Arc<World>) {
    let mut body = world.body("sleep 3600");
    let labels = body.labels.get_or_insert_default();
    labels.insert("colour".to_owned(), "red".to_owned());
    let name = world.create("web", body).await;
    world.created("other", "sleep 3600").await;

    let mut filter = world.mine();
    filter.labels.push("colour=red".to_owned());
    let rows = world.engine.containers(&filter).await.expect("a list");
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(row.name, name);
    assert_eq!(row.id.len(), 64);
    assert_eq!(row.image, IMAGE);
    assert!(row.image_id.starts_with("sha256:"));
    assert_eq!(row.state, ContainerState::Created);
    assert_eq!(row.labels["colour"], "red");
    assert_eq!((row.health(), row.exit_code()), (None, None));

    filter.labels = vec!["colour".to_owned(), world.mine().labels[0].clone()];
    let rows = world.engine.containers(&filter).await.expect("a list");
    assert_eq!(rows.len(), 1, "a label's key alone matches too");
}

pub(crate) async fn a_name_in_a_filter_is_meant_exactly(world: Arc<World>) {
    for name in ["db", "db-1", "my-db"] {
        world.created(name, "exit 0").await;
        world.network(name).await;
        world.volume(name).await;
    }
    let filter = Filter {
        names: vec![world.name("db"), world.name("my-db")],
        ..Filter::default()
    };
    let expected = [world.name("db"), world.name("my-db")];
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let containers = world.engine.containers(&filter).await.expect("a list");
    let names = containers.into_iter().map(|it| it.name).collect();
    assert_eq!(sorted(names), expected);
    let networks = world.engine.networks(&filter).await.expect("a list");
    assert_eq!(
        sorted(networks.into_iter().map(|it| it.name).collect()),
        expected
    );
    let volumes = world.engine.volumes(&filter).await.expect("a list");
    assert_eq!(
        sorted(volumes.into_iter().map(|it| it.name).collect()),
        expected
    );
}

pub(crate) async fn what_is_not_there_is_none(world: Arc<World>) {
    let name = world.name("nothing");
    let engine = &world.engine;
    assert_eq!(engine.container(&name).await.expect("an answer"), None);
    assert_eq!(engine.network(&name).await.expect("an answer"), None);
    assert_eq!(engine.volume(&name).await.expect("an answer"), None);
    assert_eq!(engine.image(&name).await.expect("an answer"), None);
    assert_eq!(engine.images(&[name]).await.expect("an answer"), []);
    assert_eq!(engine.images(&[]).await.expect("an answer"), []);
    assert_eq!(engine.containers(&world.mine()).await.expect("a list"), []);
    assert_eq!(engine.networks(&world.mine()).await.expect("a list"), []);
    assert_eq!(engine.volumes(&world.mine()).await.expect("a list"), []);
}

pub(crate) async fn a_name_that_is_taken_is_a_conflict(world: Arc<World>) {
    let name = world.created("web", "exit 0").await;
    let body = world.body("exit 0");
    assert_conflict!(world.engine.create_container(&name, None, body).await);
    let network = world.network("net").await;
    let body = world.network_body(&network);
    assert_conflict!(world.engine.create_network(body).await);
}

pub(crate) async fn a_container_of_an_unknown_image_is_not_found(world: Arc<World>) {
    let mut body = world.body("exit 0");
    body.image = Some("rcontract/no-such-image:1".to_owned());
    let name = world.name("web");
    let created = world.engine.create_container(&name, None, body);
    let error = created.await.expect_err("there is no such image");
    assert!(matches!(error, EngineError::NotFound(_)), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("No such image: rcontract/no-such-image:1"),
        "{error}"
    );
}

pub(crate) async fn an_unknown_container_is_not_found_by_verbs(world: Arc<World>) {
    let name = world.name("nothing");
    let engine = &world.engine;
    assert_not_found!(engine.start_container(&name).await);
    assert_not_found!(engine.stop_container(&name, None).await);
    assert_not_found!(engine.restart_container(&name, None).await);
    assert_not_found!(engine.kill_container(&name, None).await);
    assert_not_found!(engine.rename_container(&name, &world.name("new")).await);
    assert_not_found!(engine.wait_container(&name).await);
    assert_not_found!(engine.exec(&name, &Exec::of(&texts(["true"]))).await);
    assert_not_found!(engine.attach_container(&name).await.map(drop));
    assert_not_found!(engine.logs(&name, &LogOptions::default()).await.map(drop));
}

pub(crate) async fn starting_and_stopping_twice_is_no_error(world: Arc<World>) {
    let name = world.started("web", "sleep 3600").await;
    world.start(&name).await;
    for _ in 0..2 {
        let stopped = world.engine.stop_container(&name, Some(0)).await;
        stopped.expect("it stops, or has");
    }
}

pub(crate) async fn a_stop_answers_when_the_container_has_stopped(world: Arc<World>) {
    let name = world.started("web", "sleep 3600").await;
    let stopped = world.engine.stop_container(&name, Some(0)).await;
    stopped.expect("it stops");
    let row = world.row(&name).await;
    assert_eq!(row.state, ContainerState::Exited);
    assert_eq!(row.exit_code(), Some(137), "{}", row.status);
    let handled = world
        .started("polite", "trap 'exit 3' TERM; echo up; sleep 3600 & wait")
        .await;
    let options = LogOptions {
        follow: true,
        ..LogOptions::default()
    };
    let mut log = world.log(&handled, options).await;
    // Only then is the signal handled.
    log.next().await.expect("a line").expect("no error");
    let stopped = world.engine.stop_container(&handled, Some(60)).await;
    stopped.expect("it stops");
    assert_eq!(world.row(&handled).await.exit_code(), Some(3));
}

pub(crate) async fn removing_what_is_gone_is_no_error(world: Arc<World>) {
    let name = world.name("nothing");
    let engine = &world.engine;
    engine
        .remove_container(&name, false, false)
        .await
        .expect("fine");
    engine
        .remove_container(&name, true, true)
        .await
        .expect("fine");
    engine.remove_network(&name).await.expect("fine");
    engine.remove_volume(&name, false).await.expect("fine");
    engine.remove_volume(&name, true).await.expect("fine");
    engine.remove_image(&name, false).await.expect("fine");
    engine.remove_image(&name, true).await.expect("fine");
}

pub(crate) async fn a_running_container_is_removed_by_force_alone(world: Arc<World>) {
    let name = world.started("web", "sleep 3600").await;
    assert_conflict!(world.engine.remove_container(&name, false, false).await);
    let (first, second) = tokio::join!(
        world.engine.remove_container(&name, true, false),
        world.engine.remove_container(&name, true, false),
    );
    first.expect("one removes it");
    second.expect("the other waits for that");
    assert_eq!(
        world.engine.container(&name).await.expect("an answer"),
        None
    );
}

pub(crate) async fn a_renamed_container_answers_to_its_new_name(world: Arc<World>) {
    let old = world.started("old", "sleep 3600").await;
    let taken = world.created("taken", "exit 0").await;
    let new = world.name("new");
    let id = world.row(&old).await.id;
    assert_conflict!(world.engine.rename_container(&old, &taken).await);
    let renamed = world.engine.rename_container(&old, &new).await;
    renamed.expect("the name is free");
    assert_eq!(world.row(&new).await.id, id);
    assert_eq!(world.engine.container(&old).await.expect("an answer"), None);
    let again = world
        .engine
        .create_container(&old, None, world.body("exit 0"));
    again.await.expect("the old name is free again");
    let detail = world.engine.container(&id).await.expect("an answer");
    assert_eq!(detail.expect("it is found by id").name, new);
}

pub(crate) async fn a_kill_ends_a_container_or_is_handled_by_it(world: Arc<World>) {
    let name = world.started("web", "sleep 3600").await;
    world
        .engine
        .kill_container(&name, None)
        .await
        .expect("it runs");
    assert_eq!(world.wait(&name).await, 137);
    assert_conflict!(world.engine.kill_container(&name, None).await);

    let handled = world
        .started("polite", "trap 'exit 7' USR1; echo up; sleep 3600 & wait")
        .await;
    let options = LogOptions {
        follow: true,
        ..LogOptions::default()
    };
    let mut log = world.log(&handled, options).await;
    log.next().await.expect("a line").expect("no error");
    let killed = world.engine.kill_container(&handled, Some("SIGUSR1")).await;
    killed.expect("it runs");
    assert_eq!(world.wait(&handled).await, 7);
}

pub(crate) async fn a_restart_runs_the_command_again(world: Arc<World>) {
    let name = world.started("web", "echo up; sleep 3600").await;
    let before = world.engine.container(&name).await.expect("an answer");
    let restarted = world.engine.restart_container(&name, Some(0)).await;
    restarted.expect("it restarts");
    let after = world.engine.container(&name).await.expect("an answer");
    let (before, after) = (before.expect("it is there"), after.expect("it is there"));
    assert_eq!(after.state, ContainerState::Running);
    assert!(after.started_at > before.started_at);
    assert_eq!(
        after.restart_count, 0,
        "only the engine's own restarts count"
    );
    let stopped = world.engine.stop_container(&name, Some(0)).await;
    stopped.expect("it stops");
    let (out, _) = both(world.log(&name, LogOptions::default()).await).await;
    assert_eq!(out, "up\nup\n");
    let restarted = world.engine.restart_container(&name, Some(0)).await;
    restarted.expect("a stopped one is started");
    assert_eq!(world.row(&name).await.state, ContainerState::Running);
}

pub(crate) async fn a_paused_container_is_frozen_until_it_goes_on(world: Arc<World>) {
    let name = world.started("web", "sleep 3600").await;
    let engine = &world.engine;
    engine.pause_container(&name).await.expect("it runs");
    let row = world.row(&name).await;
    assert_eq!(row.state, ContainerState::Paused);
    assert!(row.status.ends_with("(Paused)"), "{}", row.status);
    let again = engine.pause_container(&name).await;
    let words = again.expect_err("it is paused").to_string();
    assert!(words.ends_with("is already paused"), "{words}");
    let inside = engine.exec(&name, &Exec::of(&texts(["true"]))).await;
    assert!(inside.is_err(), "nothing runs in it");
    engine.unpause_container(&name).await.expect("it is paused");
    assert_eq!(world.row(&name).await.state, ContainerState::Running);
    let again = engine.unpause_container(&name).await;
    let words = again.expect_err("it runs").to_string();
    assert!(words.ends_with("is not paused"), "{words}");
}

pub(crate) async fn a_paused_container_cannot_be_started_but_stopped_killed_and_removed(
    world: Arc<World>,
) {
    let engine = &world.engine;
    let stopped = world.started("stopped", "sleep 3600").await;
    let killed = world.started("killed", "sleep 3600").await;
    for name in [&stopped, &killed] {
        engine.pause_container(name).await.expect("it runs");
    }
    let started = engine.start_container(&stopped).await;
    let words = started.expect_err("it is paused").to_string();
    let expected = "cannot start a paused container, try unpause instead";
    assert_eq!(words, expected);
    let stop = engine.stop_container(&stopped, Some(1)).await;
    stop.expect("a paused container can be stopped");
    let kill = engine.kill_container(&killed, None).await;
    kill.expect("a paused container can be killed");
    for name in [&stopped, &killed] {
        world.wait(name).await;
        let error = engine.pause_container(name).await;
        assert!(error.is_err(), "it does not run");
        let removed = engine.remove_container(name, false, false).await;
        removed.expect("it has ended");
    }
}

pub(crate) async fn waiting_gives_the_exit_code(world: Arc<World>) {
    let name = world.created("web", "exit 3").await;
    world.start(&name).await;
    assert_eq!(world.wait(&name).await, 3);
    assert_eq!(world.wait(&name).await, 3, "also when it has ended before");
    let detail = world.engine.container(&name).await.expect("an answer");
    let detail = detail.expect("it is there");
    assert_eq!(
        (detail.state, detail.exit_code),
        (ContainerState::Exited, 3)
    );
    assert_eq!(world.row(&name).await.exit_code(), Some(3));
}

pub(crate) async fn a_failing_container_is_restarted_as_its_policy_says(world: Arc<World>) {
    let mut body = world.body("echo up; exit 1");
    body.host_config = Some(HostConfig {
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::ON_FAILURE),
            maximum_retry_count: Some(2),
        }),
        ..HostConfig::default()
    });
    let name = world.create("web", body).await;
    let mut events = world
        .engine
        .events(&world.mine(), None)
        .await
        .expect("events");
    world.start(&name).await;
    for _ in 0..3 {
        next_action(&mut events, "die").await;
    }
    world.wait(&name).await;
    let detail = world.engine.container(&name).await.expect("an answer");
    let detail = detail.expect("it is there");
    assert_eq!((detail.restart_count, detail.exit_code), (2, 1));
    let (out, _) = both(world.log(&name, LogOptions::default()).await).await;
    assert_eq!(out, "up\nup\nup\n");
}

pub(crate) async fn a_command_inside_gives_its_code_and_output(world: Arc<World>) {
    let name = world.started("web", "sleep 3600").await;
    let command = texts(["sh", "-c", "echo hello; exit 4"]);
    let outcome = world
        .engine
        .exec(&name, &Exec::of(&command))
        .await
        .expect("it runs");
    assert_eq!((outcome.code, &*outcome.output), (4, &b"hello\n"[..]));
    let command = texts(["sh", "-c", "echo oops >&2"]);
    let outcome = world
        .engine
        .exec(&name, &Exec::of(&command))
        .await
        .expect("it runs");
    assert_eq!((outcome.code, &*outcome.output), (0, &b"oops\n"[..]));
    let stopped = world.engine.stop_container(&name, Some(0)).await;
    stopped.expect("it stops");
    assert_conflict!(world.engine.exec(&name, &Exec::of(&command)).await);
}

pub(crate) async fn a_command_inside_can_have_variables_of_its_own(world: Arc<World>) {
    let name = world.started("web", "sleep 3600").await;
    let exec = Exec {
        command: texts(["sh", "-c", "echo $COLOUR"]),
        environment: texts(["COLOUR=red"]),
        user: Some("0".to_owned()),
        privileged: false,
        working_dir: Some("/tmp".to_owned()),
    };
    let outcome = world.engine.exec(&name, &exec).await.expect("it runs");
    assert_eq!((outcome.code, &*outcome.output), (0, &b"red\n"[..]));
}

pub(crate) async fn files_of_an_archive_are_in_the_container_when_it_starts(world: Arc<World>) {
    let name = world.created("web", "sleep 3600").await;
    let put = world
        .engine
        .put_archive(&name, "/", archive("run/secrets/token", "first"));
    put.await.expect("it is unpacked");
    // What is there already is replaced.
    let put = world
        .engine
        .put_archive(&name, "/run", archive("secrets/token", "second"));
    put.await.expect("it is unpacked once more");
    world.start(&name).await;
    let cat = Exec::of(&texts(["cat", "/run/secrets/token"]));
    let outcome = world.engine.exec(&name, &cat).await.expect("it runs");
    assert_eq!((outcome.code, &*outcome.output), (0, &b"second"[..]));
    let missing = world.name("missing");
    let put = world.engine.put_archive(&missing, "/", archive("x", "y"));
    assert_not_found!(put.await);
}

pub(crate) async fn a_read_only_root_takes_no_archive_but_a_volume_in_it_does(world: Arc<World>) {
    let mut body = world.body("sleep 3600");
    body.volumes = Some(texts(["/run/secrets"]));
    body.host_config = Some(HostConfig {
        readonly_rootfs: Some(true),
        ..HostConfig::default()
    });
    let name = world.create("web", body).await;
    let put = world
        .engine
        .put_archive(&name, "/", archive("etc/token", "x"));
    let refused = put.await.expect_err("the root is read-only");
    assert!(refused.to_string().contains("read-only"), "{refused}");
    let put = world
        .engine
        .put_archive(&name, "/run/secrets", archive("token", "x"));
    put.await.expect("a volume can be written");
    world.start(&name).await;
    let cat = Exec::of(&texts(["cat", "/run/secrets/token"]));
    let outcome = world.engine.exec(&name, &cat).await.expect("it runs");
    assert_eq!((outcome.code, &*outcome.output), (0, &b"x"[..]));
}

pub(crate) async fn a_volume_goes_from_one_container_to_another_without_either_being_started(
    world: Arc<World>,
) {
    let mut names = Vec::new();
    for role in ["from", "to"] {
        let (volume, labels) = (world.name(role), HashMap::from([world.label()]));
        let request = VolumeCreateRequest {
            name: Some(volume.clone()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        world.engine.create_volume(request).await.expect("a volume");
        let mut body = world.body("sleep 3600");
        body.host_config = Some(HostConfig {
            binds: Some(vec![format!("{volume}:/carried")]),
            ..HostConfig::default()
        });
        names.push((world.create(role, body).await, volume));
    }
    let [(from, _), (to, target)] = names.as_slice() else {
        panic!("two of them");
    };
    let put = world
        .engine
        .put_archive(from, "/", archive("carried/token", "kept"));
    put.await.expect("it is unpacked");
    let tar = world.engine.get_archive(from, "/carried").await;
    let put = world
        .engine
        .stream_archive(to, "/", tar.expect("an archive"));
    put.await.expect("it is unpacked");
    world.start(to).await;
    let cat = Exec::of(&texts(["cat", "/carried/token"]));
    let outcome = world.engine.exec(to, &cat).await.expect("it runs");
    assert_eq!((outcome.code, &*outcome.output), (0, &b"kept"[..]));
    let sizes = world.engine.volume_sizes().await.expect("sizes");
    assert_eq!(sizes.get(target), Some(&4));
    let missing = world.engine.get_archive(from, "/nowhere").await;
    assert_not_found!(missing.map(drop));
}

pub(crate) async fn a_log_keeps_both_channels_apart(world: Arc<World>) {
    let name = world.started("web", "echo out; echo err >&2").await;
    assert_eq!(world.wait(&name).await, 0);
    let (out, err) = both(world.log(&name, LogOptions::default()).await).await;
    assert_eq!((out.as_str(), err.as_str()), ("out\n", "err\n"));
}

pub(crate) async fn a_log_can_be_cut_to_its_tail_and_dated(world: Arc<World>) {
    let name = world.started("web", "echo one; echo two; echo three").await;
    world.wait(&name).await;
    let options = LogOptions {
        tail: Some(2),
        ..LogOptions::default()
    };
    assert_eq!(
        both(world.log(&name, options).await).await.0,
        "two\nthree\n"
    );
    let options = LogOptions {
        timestamps: true,
        ..LogOptions::default()
    };
    let (out, _) = both(world.log(&name, options).await).await;
    assert_eq!(out.lines().count(), 3);
    let (time, line) = out.split_once(' ').expect("time, space, line");
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    assert!(line.starts_with("one\n"));
}

pub(crate) async fn a_followed_log_ends_with_its_container(world: Arc<World>) {
    let name = world.started("web", "echo one; sleep 1; echo two").await;
    let options = LogOptions {
        follow: true,
        ..LogOptions::default()
    };
    let (out, _) = both(world.log(&name, options).await).await;
    assert_eq!(out, "one\ntwo\n");
}

pub(crate) async fn the_log_of_a_terminal_is_one_raw_stream(world: Arc<World>) {
    let mut body = world.body("echo out; echo err >&2");
    body.tty = Some(true);
    let name = world.create("web", body).await;
    world.start(&name).await;
    world.wait(&name).await;
    let (out, err) = both(world.log(&name, LogOptions::default()).await).await;
    assert_eq!((out.as_str(), err.as_str()), ("out\r\nerr\r\n", ""));
}

pub(crate) async fn an_attachment_before_the_start_loses_nothing(world: Arc<World>) {
    let name = world.created("web", "echo out; echo err >&2; exit 5").await;
    let attached = world.engine.attach_container(&name).await;
    let attached = attached.expect("it can be attached to before it starts");
    world.start(&name).await;
    let (out, err) = both(attached).await;
    assert_eq!((out.as_str(), err.as_str()), ("out\n", "err\n"));
    assert_eq!(world.wait(&name).await, 5);
}

pub(crate) async fn an_attachment_to_a_terminal_is_raw(world: Arc<World>) {
    let mut body = world.body("echo out; echo err >&2");
    body.tty = Some(true);
    let name = world.create("web", body).await;
    let attached = world.engine.attach_container(&name).await;
    let attached = attached.expect("it can be attached to before it starts");
    world.start(&name).await;
    let (out, err) = both(attached).await;
    assert_eq!((out.as_str(), err.as_str()), ("out\r\nerr\r\n", ""));
}

pub(crate) async fn an_attachment_and_a_followed_log_end_with_the_run_not_with_the_container(
    world: Arc<World>,
) {
    let mut body = world.body("echo up; sleep 1; exit 1");
    body.host_config = Some(HostConfig {
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::ON_FAILURE),
            maximum_retry_count: Some(1),
        }),
        ..HostConfig::default()
    });
    let name = world.create("web", body).await;
    let attached = world.engine.attach_container(&name).await;
    let attached = attached.expect("it can be attached to before it starts");
    world.start(&name).await;
    let (out, _) = both(attached).await;
    assert_eq!(out, "up\n");
    let detail = world.engine.container(&name).await.expect("an answer");
    assert!(detail.expect("it is there").restart_count <= 1);
    world.wait(&name).await;
    let (out, _) = both(world.log(&name, LogOptions::default()).await).await;
    assert_eq!(out, "up\nup\n");
}

pub(crate) async fn events_since_a_moment_are_replayed(world: Arc<World>) {
    let name = world.started("web", "exit 6").await;
    let id = world.row(&name).await.id;
    world.wait(&name).await;
    let removed = world.engine.remove_container(&name, false, false).await;
    removed.expect("it has ended");
    let since = Some("1".to_owned());
    let events = world.engine.events(&world.mine(), since).await;
    let mut events = events.expect("events");
    let mut actions = Vec::new();
    while actions.last().is_none_or(|last| last != "destroy") {
        let event = events.next().await.expect("more").expect("no error");
        assert_eq!((&event.container_id, &event.container_name), (&id, &name));
        assert!(event.time_nano > 0);
        if event.action == "die" {
            assert_eq!(event.attributes["exitCode"], "6");
        }
        actions.push(event.action);
    }
    assert_eq!(actions, ["create", "start", "die", "destroy"]);
}

pub(crate) async fn events_arrive_as_they_happen(world: Arc<World>) {
    let events = world.engine.events(&world.mine(), None).await;
    let mut events = events.expect("events");
    let name = world.created("web", "sleep 3600").await;
    assert_eq!(
        next_action(&mut events, "create").await.container_name,
        name
    );
    world.start(&name).await;
    next_action(&mut events, "start").await;
    let new_name = world.name("new");
    let renamed = world.engine.rename_container(&name, &new_name).await;
    renamed.expect("the name is free");
    let event = next_action(&mut events, "rename").await;
    assert_eq!(event.container_name, new_name);
    assert_eq!(event.attributes["oldName"], format!("/{name}"));
    let killed = world.engine.kill_container(&new_name, None).await;
    killed.expect("it runs");
    assert_eq!(
        next_action(&mut events, "kill").await.attributes["signal"],
        "9"
    );
    assert_eq!(
        next_action(&mut events, "die").await.attributes["exitCode"],
        "137"
    );
}

fn checked(world: &World, test: &str) -> ContainerCreateBody {
    ContainerCreateBody {
        healthcheck: Some(HealthConfig {
            test: Some(texts(["CMD-SHELL", test])),
            interval: Some(100_000_000),
            timeout: Some(10_000_000_000),
            retries: Some(2),
            ..HealthConfig::default()
        }),
        ..world.body("sleep 3600")
    }
}

pub(crate) async fn health_is_seen_in_lists_details_and_events(world: Arc<World>) {
    let name = world.create("web", checked(&world, "exit 0")).await;
    let events = world.engine.events(&world.mine(), None).await;
    let mut events = events.expect("events");
    world.start(&name).await;
    next_action(&mut events, "health_status: healthy").await;
    assert_eq!(world.row(&name).await.health(), Some(Health::Healthy));
    let detail = world.engine.container(&name).await.expect("an answer");
    assert_eq!(detail.expect("it is there").health, Some(Health::Healthy));
}

pub(crate) async fn failing_health_tells_its_output(world: Arc<World>) {
    let name = world
        .create("web", checked(&world, "echo broken; exit 1"))
        .await;
    let events = world.engine.events(&world.mine(), None).await;
    let mut events = events.expect("events");
    world.start(&name).await;
    assert_eq!(world.row(&name).await.health(), Some(Health::Starting));
    next_action(&mut events, "health_status: unhealthy").await;
    let row = world.row(&name).await;
    assert_eq!(row.health(), Some(Health::Unhealthy), "{}", row.status);
    let detail = world.engine.container(&name).await.expect("an answer");
    assert_eq!(detail.expect("it is there").health_output, "broken\n");
}

pub(crate) async fn networks_are_found_and_removed_once(world: Arc<World>) {
    let name = world.network("net").await;
    let found = world.engine.networks(&world.mine()).await.expect("a list");
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].name, &*found[0].driver), (&name, "bridge"));
    assert_eq!(found[0].labels["rcontract"], world.prefix);
    let network = world.engine.network(&name).await.expect("an answer");
    assert_eq!(network.expect("it is there").id, found[0].id);
    world
        .engine
        .remove_network(&name)
        .await
        .expect("it is unused");
    assert_eq!(world.engine.network(&name).await.expect("an answer"), None);
    world.engine.remove_network(&name).await.expect("fine");
}

async fn joined(world: &World, name: &str, network: &str) -> String {
    let mut body = world.body("sleep 3600");
    body.host_config = Some(HostConfig {
        network_mode: Some(network.to_owned()),
        ..HostConfig::default()
    });
    body.networking_config = Some(NetworkingConfig {
        endpoints_config: Some(HashMap::from([(network.to_owned(), aliased("first"))])),
    });
    world.create(name, body).await
}

fn aliased(alias: &str) -> EndpointSettings {
    EndpointSettings {
        aliases: Some(vec![alias.to_owned()]),
        ..EndpointSettings::default()
    }
}

pub(crate) async fn a_network_in_use_stays(world: Arc<World>) {
    let network = world.network("net").await;
    let name = joined(&world, "web", &network).await;
    world.start(&name).await;
    assert_conflict!(world.engine.remove_network(&network).await);
    let found = world.engine.network(&network).await.expect("an answer");
    assert_eq!(
        found.expect("it is there").containers,
        std::slice::from_ref(&name)
    );
    let stopped = world.engine.stop_container(&name, Some(0)).await;
    stopped.expect("it stops");
    let removed = world.engine.remove_network(&network).await;
    removed.expect("stopped containers do not keep a network");
    assert_not_found!(world.engine.start_container(&name).await);
}

pub(crate) async fn containers_join_and_leave_networks_under_aliases(world: Arc<World>) {
    let network = world.network("net").await;
    let name = world.created("web", "sleep 3600").await;
    let engine = &world.engine;
    let connected = engine
        .connect_network(&network, &name, aliased("second"))
        .await;
    connected.expect("before the start");
    world.start(&name).await;
    let id = engine.network(&network).await.expect("an answer");
    let id = id.expect("it is there").id;
    assert_eq!(world.row(&name).await.networks[&network], id);
    let detail = engine.container(&name).await.expect("an answer");
    let endpoint = detail.expect("it is there").networks[&network].clone();
    assert_eq!(endpoint.network_id, id);
    assert!(
        endpoint.aliases.contains(&"second".to_owned()),
        "{endpoint:?}"
    );
    assert!(!endpoint.ip_address.is_empty());

    assert_conflict!(engine.connect_network(&network, &name, aliased("x")).await);
    let left = engine.disconnect_network(&network, &name, false).await;
    left.expect("it is connected");
    let again = engine.disconnect_network(&network, &name, false).await;
    again.expect("it is not connected already");
    assert!(!world.row(&name).await.networks.contains_key(&network));
    let again = engine
        .connect_network(&network, &name, aliased("third"))
        .await;
    again.expect("while it runs");
    assert!(world.row(&name).await.networks.contains_key(&network));
    let missing = world.name("nothing");
    assert_not_found!(engine.connect_network(&missing, &name, aliased("x")).await);
    assert_not_found!(
        engine
            .connect_network(&network, &missing, aliased("x"))
            .await
    );
}

pub(crate) async fn a_container_joins_the_network_it_was_created_with(world: Arc<World>) {
    let network = world.network("net").await;
    let name = joined(&world, "web", &network).await;
    assert_eq!(world.row(&name).await.network_mode, network);
    world.start(&name).await;
    let networks = world.row(&name).await.networks;
    assert_eq!(networks.keys().collect::<Vec<_>>(), [&network]);
    let detail = world.engine.container(&name).await.expect("an answer");
    let aliases = &detail.expect("it is there").networks[&network].aliases;
    assert!(aliases.contains(&"first".to_owned()), "{aliases:?}");
}

pub(crate) async fn a_container_can_be_created_in_several_networks(world: Arc<World>) {
    let (first, second) = (world.network("one").await, world.network("two").await);
    let endpoints = [(&first, "a"), (&second, "b")];
    let endpoints = endpoints.map(|(network, alias)| (network.clone(), aliased(alias)));
    let body = ContainerCreateBody {
        host_config: Some(HostConfig {
            network_mode: Some(first.clone()),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from(endpoints)),
        }),
        ..world.body("sleep 3600")
    };
    let name = world.create("web", body).await;
    world.start(&name).await;
    let detail = world.engine.container(&name).await.expect("an answer");
    let networks = detail.expect("it is there").networks;
    let aliases = [&networks[&first].aliases, &networks[&second].aliases];
    assert!(aliases[0].contains(&"a".to_owned()), "{aliases:?}");
    assert!(aliases[1].contains(&"b".to_owned()), "{aliases:?}");
}

pub(crate) async fn a_network_can_be_shared_by_name_across_a_rename(world: Arc<World>) {
    let owner = world.started("owner", "sleep 3600").await;
    let mut body = world.body("sleep 3600");
    body.host_config = Some(HostConfig {
        network_mode: Some(format!("container:{owner}")),
        ..HostConfig::default()
    });
    let guest = world.create("guest", body).await;
    let id = world.row(&owner).await.id;
    assert_eq!(
        world.row(&guest).await.network_mode,
        format!("container:{id}")
    );
    let renamed = world
        .engine
        .rename_container(&owner, &world.name("renamed"))
        .await;
    renamed.expect("the name is free");
    world.start(&guest).await;
    assert_eq!(world.row(&guest).await.state, ContainerState::Running);
}

pub(crate) async fn volumes_are_found_and_removed_once(world: Arc<World>) {
    let name = world.volume("data").await;
    let again = world.engine.create_volume(world.volume_body(&name)).await;
    again.expect("the one that exists is the answer");
    let found = world.engine.volumes(&world.mine()).await.expect("a list");
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].name, &*found[0].driver), (&name, "local"));
    assert_eq!(found[0].labels["rcontract"], world.prefix);
    let volume = world.engine.volume(&name).await.expect("an answer");
    assert_eq!(volume.as_ref(), Some(&found[0]));
    world
        .engine
        .remove_volume(&name, false)
        .await
        .expect("it is unused");
    assert_eq!(world.engine.volume(&name).await.expect("an answer"), None);
}

async fn bound(world: &World, name: &str, binds: Vec<String>) -> String {
    let mut body = world.body("sleep 3600");
    body.host_config = Some(HostConfig {
        binds: Some(binds),
        ..HostConfig::default()
    });
    world.create(name, body).await
}

pub(crate) async fn a_volume_in_use_stays_and_outlives_its_container(world: Arc<World>) {
    let volume = world.volume("data").await;
    let name = bound(&world, "web", vec![format!("{volume}:/data")]).await;
    assert_conflict!(world.engine.remove_volume(&volume, false).await);
    assert_conflict!(world.engine.remove_volume(&volume, true).await);
    let mounts = world.row(&name).await.mounts;
    assert_eq!(mounts.len(), 1);
    assert_eq!((&*mounts[0].kind, &mounts[0].name), ("volume", &volume));
    assert_eq!((&*mounts[0].target, mounts[0].writable), ("/data", true));
    let removed = world.engine.remove_container(&name, true, true).await;
    removed.expect("it is removed");
    let found = world.engine.volume(&volume).await.expect("an answer");
    assert!(found.is_some(), "named volumes stay");
}

pub(crate) async fn anonymous_volumes_go_when_asked(world: Arc<World>) {
    for asked in [true, false] {
        let mut body = world.body("sleep 3600");
        body.volumes = Some(vec!["/data".to_owned()]);
        let name = world.create("web", body).await;
        world.start(&name).await;
        let mounts = world.row(&name).await.mounts;
        assert_eq!(mounts.len(), 1);
        assert_eq!((&*mounts[0].target, mounts[0].name.len()), ("/data", 64));
        let removed = world.engine.remove_container(&name, true, asked).await;
        removed.expect("it is removed");
        let left = world
            .engine
            .volume(&mounts[0].name)
            .await
            .expect("an answer");
        assert_eq!(left.is_none(), asked);
        if let Some(left) = left {
            let removed = world.engine.remove_volume(&left.name, false).await;
            removed.expect("nobody uses it");
        }
    }
}

async fn published(world: &World, name: &str, port: &str) -> String {
    let binding = PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(port.to_owned()),
    };
    let mut body = world.body("sleep 3600");
    body.exposed_ports = Some(vec!["80/tcp".to_owned()]);
    body.host_config = Some(HostConfig {
        port_bindings: Some(HashMap::from([("80/tcp".to_owned(), Some(vec![binding]))])),
        ..HostConfig::default()
    });
    world.create(name, body).await
}

pub(crate) async fn published_ports_are_listed_and_cannot_be_published_twice(world: Arc<World>) {
    let first = published(&world, "first", "").await;
    world.start(&first).await;
    let ports = world.row(&first).await.ports;
    assert_eq!(ports.len(), 1, "{ports:?}");
    let port = ports[0].public.expect("the engine has chosen one");
    assert_eq!(
        (&*ports[0].ip, ports[0].private, &*ports[0].protocol),
        ("127.0.0.1", 80, "tcp")
    );
    let second = published(&world, "second", &port.to_string()).await;
    let error = world.engine.start_container(&second).await;
    let error = error.expect_err("the port is taken");
    assert!(
        error.to_string().contains("port is already allocated"),
        "{error}"
    );
    assert_eq!(world.row(&second).await.state, ContainerState::Created);
    let stopped = world.engine.stop_container(&first, Some(0)).await;
    stopped.expect("it stops");
    world.start(&second).await;
}

pub(crate) async fn images_are_found_by_any_of_their_names(world: Arc<World>) {
    let missing = world.name("nothing");
    let id = world.engine.image(IMAGE).await.expect("an answer");
    let id = id.expect("it is here").id;
    let names = [
        "busybox",
        "busybox:latest",
        "docker.io/library/busybox",
        &id,
    ];
    for name in names {
        let references = [name.to_owned(), missing.clone()];
        let found = world.engine.images(&references).await.expect("a list");
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].id, id, "{name}");
        assert!(found[0].tags.contains(&IMAGE.to_owned()), "{name}");
        assert!(
            found[0].goes_by(name) && !found[0].goes_by(&missing),
            "{name}"
        );
        let found = world.engine.image(name).await.expect("an answer");
        assert_eq!(found.expect("it is here").id, id, "{name}");
    }
}

pub(crate) async fn tags_come_and_go(world: Arc<World>) {
    let engine = &world.engine;
    let name = world.name("image");
    engine
        .tag_image(IMAGE, &name)
        .await
        .expect("busybox is here");
    let image = engine.image(&name).await.expect("an answer");
    let image = image.expect("it is tagged");
    assert!(image.goes_by(&name) && image.goes_by(IMAGE));
    engine
        .remove_image(&name, false)
        .await
        .expect("it is a tag");
    assert_eq!(engine.image(&name).await.expect("an answer"), None);
    assert!(engine.image(IMAGE).await.expect("an answer").is_some());
    assert_not_found!(engine.tag_image(&name, &world.name("other")).await);
}

pub(crate) async fn a_build_makes_an_image(world: Arc<World>) {
    let dockerfile = "FROM busybox\nRUN echo from-the-build\n";
    let progress = world.built("image", dockerfile).await;
    let progress: Vec<_> = progress
        .into_iter()
        .map(|it| it.expect("no failure"))
        .collect();
    let output: String = progress.iter().map(|it| it.text.as_str()).collect();
    assert!(output.contains("from-the-build\n"), "{output}");
    let announced = progress.iter().find_map(|it| it.image_id.clone());
    let image = world
        .engine
        .image(&world.name("image"))
        .await
        .expect("an answer");
    let image = image.expect("it is tagged");
    assert_eq!(announced.as_ref(), Some(&image.id));
    assert_eq!(image.labels["rcontract"], world.prefix);
    assert!(image.platform.starts_with("linux/"), "{}", image.platform);
    assert!(image.created > 0);
}

pub(crate) async fn a_failing_build_shows_why_and_ends_in_an_error(world: Arc<World>) {
    let dockerfile = "FROM busybox\nRUN echo the-reason; exit 9\n";
    let mut progress = world.built("image", dockerfile).await;
    let failure = progress.pop().expect("a last item");
    let failure = failure.expect_err("the build fails").to_string();
    assert!(failure.contains("returned a non-zero code: 9"), "{failure}");
    let output: Vec<String> = progress.into_iter().flatten().map(|it| it.text).collect();
    assert!(output.concat().contains("the-reason\n"), "{output:?}");
    let image = world.engine.image(&world.name("image")).await;
    assert_eq!(image.expect("an answer"), None);
}

pub(crate) async fn a_context_that_breaks_off_breaks_the_build(world: Arc<World>) {
    let request = BuildRequest {
        tags: vec![world.name("image")],
        ..BuildRequest::default()
    };
    let whole = context("FROM busybox\n");
    let reason = EngineError::NotFound("the file has gone".to_owned());
    let pieces = [Ok(whole.slice(..100)), Err(reason)];
    let built = world
        .engine
        .build_image(&request, Box::pin(stream::iter(pieces)))
        .await;
    let error = built.map(drop).expect_err("its context has an end");
    assert_eq!(error.to_string(), "the file has gone");
}

pub(crate) async fn an_image_says_which_volumes_it_has(world: Arc<World>) {
    let dockerfile = "FROM busybox\nVOLUME /data\n";
    for progress in world.built("image", dockerfile).await {
        progress.expect("no failure");
    }
    let image = world
        .engine
        .image(&world.name("image"))
        .await
        .expect("an answer");
    assert_eq!(image.expect("it is tagged").volumes, ["/data"]);
    let mut body = world.body("exit 0");
    body.image = Some(world.name("image"));
    let name = world.create("web", body).await;
    let mounts = world.row(&name).await.mounts;
    assert_eq!((mounts.len(), mounts[0].name.len()), (1, 64), "{mounts:?}");
}

pub(crate) async fn pulling_what_no_registry_has_fails(world: Arc<World>) {
    // Nothing listens there, on any machine.
    let reference = "localhost:1/rcontract/nothing:1";
    let error = match world.engine.pull_image(reference, None).await {
        Err(error) => Some(error),
        Ok(progress) => {
            let progress: Vec<_> = progress.collect().await;
            progress.into_iter().find_map(Result::err)
        }
    };
    let error = error.expect("it cannot be pulled");
    assert!(!error.to_string().is_empty());
    assert_eq!(
        world.engine.image(reference).await.expect("an answer"),
        None
    );
}
