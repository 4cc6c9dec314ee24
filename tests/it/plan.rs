//! Planner cases: `compose.yaml` and `observed.yaml` to the printed plan.
//!
//! A case is a folder of `tests/cases/plan`:
//!
//! - `compose.yaml`: the files as they are now; `before.yaml`: as they were when the containers
//!   were made, where that differs.
//! - `observed.yaml`: what is on the engine. `made: true` puts everything but containers there as
//!   `up` makes it. A container that is `like: SERVICE` is as `up` made it, except for the keys
//!   beside; `made_by` says that another tool did. Scalars of the form `@hash:SERVICE`,
//!   `@hash-2.40:SERVICE`, `@attributes:SERVICE` stand for what that service hashes to.
//! - `options.yaml`: the command (`up` when absent) and its flags; the environment and the files of
//!   the project, now and when the containers were made.
//! - `plan.txt`: what comes out. `RCOMPOSE_REFRESH=1` writes it.
//!
//! Whatever the case, every plan has to keep the promises of [`invariants`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rcompose::document::diagnostic::render;
use rcompose::load::{self, Loaded};
use rcompose::plan::containers::Recreate;
use rcompose::plan::converge::{self, converge};
use rcompose::plan::images::BuildPolicy;
use rcompose::plan::{Observed, Operation, Plan, signals, start, teardown};
use serde::Deserialize;

use crate::support::{self, Tree};

mod invariants;
mod observed;

/// The command and its flags.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    command: Command,
    /// The command knows the project's name only.
    without_files: bool,
    services: Vec<String>,
    profiles: Vec<String>,
    scale: BTreeMap<String, i64>,
    no_dependencies: bool,
    recreate: Option<Policy>,
    recreate_dependencies: Option<Policy>,
    renew_anonymous_volumes: bool,
    remove_orphans: bool,
    ignore_orphans: bool,
    no_start: bool,
    timeout: Option<i32>,
    build: Option<Policy>,
    wait: bool,
    trial: bool,
    volumes: bool,
    stop: bool,
    signal: Option<String>,
    rmi: Option<Rmi>,
    now: World,
    then: Option<World>,
}

/// What a project finds around it.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct World {
    variables: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rmi {
    Local,
    All,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Command {
    #[default]
    Up,
    Down,
    Stop,
    Start,
    Restart,
    Rm,
    Kill,
    Pause,
    Unpause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    Always,
    Force,
    Never,
}

#[test]
fn plans_are_as_their_cases_say() {
    let mut problems = Vec::new();
    for (name, case) in support::cases("plan") {
        let owned = [
            "compose.yaml",
            "before.yaml",
            "observed.yaml",
            "options.yaml",
            "plan.txt",
        ];
        let unowned = support::unowned(&case, &owned);
        problems.extend(
            unowned
                .iter()
                .map(|file| format!("{name}/{file} is read by nobody")),
        );
        let options: Options = read_yaml(&case.join("options.yaml"));
        let compose = case.join("compose.yaml");
        let loaded = load_file(&compose, &options, &options.now);
        let before = case.join("before.yaml");
        let before = if before.exists() {
            let then = options.then.as_ref().unwrap_or(&options.now);
            Some(load_file(&before, &options, then))
        } else {
            let then = options.then.as_ref();
            then.map(|then| load_file(&compose, &options, then))
        };
        let made_of = &before.as_ref().unwrap_or(&loaded).project;
        let text = fs::read_to_string(case.join("observed.yaml")).unwrap_or_default();
        let observed = observed::read(&text, made_of, &loaded.project);
        let text = match plan(&loaded, &observed, &options) {
            Ok(plan) => {
                let downs = options.command == Command::Down && options.volumes;
                let broken = invariants::broken(&plan, &observed, downs);
                problems.extend(broken.iter().map(|promise| format!("{name}: {promise}")));
                shown(&plan)
            }
            Err(text) => text,
        };
        problems.extend(support::compare(&case.join("plan.txt"), &text).err());
    }
    support::all_well(&problems);
}

fn read_yaml<T: Default + for<'de> Deserialize<'de>>(path: &Path) -> T {
    let Ok(text) = fs::read_to_string(path) else {
        return T::default();
    };
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A case's file as the project `demo`.
fn load_file(path: &Path, options: &Options, world: &World) -> Loaded {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let request = load::Request {
        current_dir: "/demo".into(),
        profiles: options.profiles.clone(),
        services: options.services.clone(),
        variables: world.variables.clone(),
        ..load::Request::default()
    };
    let mut tree = Tree::default().with("/demo/compose.yaml", &text);
    for (path, text) in &world.files {
        tree = tree.with(path, text);
    }
    let mut loaded = match load::load(&request, &tree) {
        Ok(loaded) => loaded,
        Err(failure) => panic!("{}: {}", path.display(), support::rendered(&failure)),
    };
    for (name, count) in &options.scale {
        let service = loaded.project.services.get_mut(name);
        service.expect("a service that can be scaled").scale = Some(*count);
    }
    loaded
}

fn plan(loaded: &Loaded, observed: &Observed, options: &Options) -> Result<Plan, String> {
    let project = (!options.without_files).then_some(&loaded.project);
    let farewell = project.map_or_else(
        || teardown::farewell_observed(observed),
        teardown::farewell_of,
    );
    let services = &options.services;
    Ok(match options.command {
        Command::Up => {
            return converge(&loaded.project, observed, &up_options(options))
                .map_err(|problems| render(&problems, &loaded.sources, support::STYLE));
        }
        Command::Down => teardown::down(
            project,
            observed,
            &teardown::DownOptions {
                services: services.clone(),
                remove_orphans: options.remove_orphans,
                volumes: options.volumes,
                images: options.rmi.map(|rmi| match rmi {
                    Rmi::Local => teardown::RemovedImages::Local,
                    Rmi::All => teardown::RemovedImages::All,
                }),
                timeout: options.timeout,
            },
        ),
        Command::Stop => teardown::stop(observed, &farewell, services, options.timeout),
        Command::Start => start::start(project, observed, services, options.wait),
        Command::Restart => start::restart(
            project,
            observed,
            &start::RestartOptions {
                services: services.clone(),
                no_dependents: options.no_dependencies,
                timeout: options.timeout,
            },
        ),
        Command::Kill => signals::kill(
            project,
            observed,
            &signals::KillOptions {
                services: services.clone(),
                signal: options.signal.clone(),
                remove_orphans: options.remove_orphans,
            },
        ),
        Command::Pause => signals::pause(project, observed, services),
        Command::Unpause => signals::unpause(project, observed, services),
        Command::Rm => teardown::remove(
            observed,
            &farewell,
            &teardown::RemoveOptions {
                services: services.clone(),
                stop: options.stop,
                volumes: options.volumes,
            },
        ),
    })
}

fn up_options(options: &Options) -> converge::Options {
    let recreate = |policy: Option<Policy>| match policy {
        Some(Policy::Never) => Recreate::Never,
        Some(_) => Recreate::Force,
        None => Recreate::Diverged,
    };
    converge::Options {
        services: options.services.clone(),
        no_dependencies: options.no_dependencies,
        recreate: recreate(options.recreate),
        recreate_dependencies: recreate(options.recreate_dependencies),
        renew_anonymous_volumes: options.renew_anonymous_volumes,
        remove_orphans: options.remove_orphans,
        ignore_orphans: options.ignore_orphans,
        no_start: options.no_start,
        timeout: options.timeout,
        build: match options.build {
            Some(Policy::Never) => BuildPolicy::Never,
            Some(_) => BuildPolicy::Always,
            None => BuildPolicy::IfMissing,
        },
        wait: options.wait,
        trial: options.trial,
    }
}

/// The plan, and below it what its lines do not tell.
fn shown(plan: &Plan) -> String {
    let mut text = plan.to_string();
    for step in &plan.steps {
        if let Operation::ConnectNetwork { name, endpoint, .. } = &step.operation {
            let endpoint = serde_json::to_string(endpoint).expect("an endpoint is JSON");
            let _ = writeln!(text, "endpoint: {name} {endpoint}");
        }
        let (Operation::CreateContainer(create) | Operation::RunContainer(create)) =
            &step.operation
        else {
            continue;
        };
        for file in &create.files {
            let (uid, gid, mode) = (file.uid, file.gid, file.mode);
            let _ = writeln!(
                text,
                "puts: {} at {} below {} into {}, {uid}:{gid} {mode:04o}",
                file.source, file.target, file.base, create.name
            );
        }
        for mount in &create.inherit {
            let _ = writeln!(
                text,
                "inherits: {} {} at {}",
                create.name, mount.volume, mount.target
            );
        }
        for (network, _) in &create.connect {
            let _ = writeln!(text, "connects: {} to {network}", create.name);
        }
        let host = create.body.host_config.as_ref();
        let mode = host.and_then(|host| host.network_mode.as_deref());
        if let Some(mode) = mode.filter(|mode| mode.contains(':')) {
            let _ = writeln!(text, "shares: {} {mode}", create.name);
        }
    }
    for name in &plan.untouched {
        let _ = writeln!(text, "untouched: {name}");
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    if text.is_empty() {
        "nothing to do\n".to_owned()
    } else {
        text
    }
}
