//! `up`, `create`, `scale`: from what is there to what is asked for.
//!
//! The order of a replacement is docker compose's: the new container is made under a temporary
//! name, then the old one is stopped and removed, then the new one gets the name and is started.
//! No container is stopped before every image that the plan needs is there.
//!
//! A run that was killed leaves containers under temporary names beside those that they were to
//! replace. The next plan goes on with the best of them and removes the others; whatever takes a
//! name comes after the removal of whoever has it.

use std::collections::{BTreeMap, BTreeSet};

use drift::Renewed;
use judged::Judged;

use super::containers::Recreate;
use super::hooks;
use super::images::{self, BuildPolicy, ImageStep};
use super::observed::Container;
use super::request::Names;
use super::resources::{self, MissingExternal, Resources};
use super::{Cause, Goal, ImageMoved, Observed, Operation, Plan, Step, StepId};
use crate::document::Diagnostic;
use crate::graph::Graph;
use crate::project::content::InjectedFile;
use crate::project::validate::span_of;
use crate::project::{Project, Service};

mod before;
mod drift;
mod judged;
mod make;
mod names;
mod orphans;
mod start;
mod trial;

/// What is asked for, beyond the files.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub struct Options {
    /// Services named by the user; all when empty.
    pub services: Vec<String>,
    /// Leave the dependencies of the named services alone.
    pub no_dependencies: bool,
    /// When the named services' containers are replaced.
    pub recreate: Recreate,
    /// When the containers of their dependencies are.
    pub recreate_dependencies: Recreate,
    /// Do not carry anonymous volumes over to a replacement.
    pub renew_anonymous_volumes: bool,
    /// Remove containers of services that are in no file.
    pub remove_orphans: bool,
    /// Say nothing about orphans.
    pub ignore_orphans: bool,
    /// Make containers without starting them.
    pub no_start: bool,
    /// Seconds until a container that has to stop is killed.
    pub timeout: Option<i32>,
    /// When images are built.
    pub build: BuildPolicy,
    /// Wait at the end until all services are healthy or running.
    pub wait: bool,
    /// Make and start what is new beside what is there, and remove nothing.
    pub trial: bool,
}

/// Plans everything between what is observed and what is asked for. Problems are errors in the
/// project that only show beside the engine (externals that are missing, images that cannot be had).
pub fn converge(
    project: &Project,
    observed: &Observed,
    options: &Options,
) -> Result<Plan, Vec<Diagnostic>> {
    let graph = Graph::of(project);
    let services = selected(project, &graph, options);
    let providers = providers(&services);
    if !providers.is_empty() {
        return Err(providers);
    }
    let mut plan = Plan::default();
    let resources = resources::plan(project, services.iter().copied(), observed, &mut plan)
        .map_err(|missing| missing.iter().map(missing_external).collect::<Vec<_>>())?;
    let (images, hook_images) = images::plan(
        project,
        &graph,
        &services,
        observed,
        options.build,
        &mut plan,
    )?;
    let image_steps = images.values().filter_map(|image| image.step());
    let image_steps = image_steps.chain(hook_images.values().copied()).collect();
    let mut converge = Converge {
        project,
        observed,
        options,
        graph: &graph,
        names: Names::of(project),
        replicas: BTreeMap::new(),
        resources,
        images,
        hook_images,
        image_steps,
        plan,
        judged: BTreeMap::new(),
        services: BTreeMap::new(),
        freed: BTreeMap::new(),
        renewed: Renewed::default(),
        moved: BTreeMap::new(),
        restarted: BTreeMap::new(),
        waits: BTreeMap::new(),
        problems: Vec::new(),
    };
    let drifted = std::mem::take(&mut converge.resources.drifted);
    let strangers = converge.strangers(&drifted);
    if !strangers.is_empty() {
        return Err(strangers);
    }
    if options.trial {
        return converge.tried(&services, &drifted);
    }
    converge.note_renewed(&drifted);
    converge.judge_all(&services);
    converge.renew_networks(drifted);
    converge.remove_orphans();
    let bystanders = converge.bystanders(&services);
    for service in &bystanders {
        converge.carry_along(service);
    }
    for service in &services {
        converge.make_containers(service);
    }
    converge.remove_renamed();
    if !options.no_start {
        for service in in_order(&graph, &services, bystanders) {
            converge.start_containers(service);
        }
        if options.wait {
            converge.wait_for_all(&services);
        }
    }
    if converge.problems.is_empty() {
        Ok(converge.plan)
    } else {
        Err(converge.problems)
    }
}

/// The services to work on, each after what it needs.
fn selected<'p>(project: &'p Project, graph: &Graph<'p>, options: &Options) -> Vec<&'p Service> {
    let named: BTreeSet<&str> = options.services.iter().map(String::as_str).collect();
    let wanted: BTreeSet<&str> = match (named.is_empty(), options.no_dependencies) {
        (true, _) => project.services.keys().map(String::as_str).collect(),
        (false, true) => named,
        (false, false) => graph.closure(named),
    };
    graph
        .order()
        .into_iter()
        .filter(|name| wanted.contains(name))
        .filter_map(|name| project.services.get(name))
        .collect()
}

/// Services to start, each after what it needs.
fn in_order<'p>(
    graph: &Graph<'p>,
    services: &[&'p Service],
    bystanders: Vec<&'p Service>,
) -> Vec<&'p Service> {
    let order: BTreeMap<&str, usize> = graph.order().into_iter().zip(0..).collect();
    let mut all: Vec<&Service> = services.iter().copied().chain(bystanders).collect();
    all.sort_by_key(|service| {
        order
            .get(service.name.as_str())
            .copied()
            .unwrap_or(usize::MAX)
    });
    all
}

/// Services that another program stands in for. Without it they are not there, and what depends
/// on them must not be started as if they were.
fn providers(services: &[&Service]) -> Vec<Diagnostic> {
    let provided = services.iter().filter(|service| service.provider.is_some());
    let refuse = |service: &&Service| {
        let message = format!(
            "service `{}` is provided by another program, which this version cannot run",
            service.name
        );
        let error = Diagnostic::error(message).code("not-supported-yet");
        match span_of(service, "provider") {
            Some(span) => error.at(span, "by this one"),
            None => error,
        }
    };
    provided.map(refuse).collect()
}

fn missing_external(missing: &MissingExternal) -> Diagnostic {
    let MissingExternal {
        kind,
        key,
        name,
        span,
    } = missing;
    let error = Diagnostic::error(format!(
        "{kind} {name} is declared as external, but does not exist"
    ))
    .code("missing-external");
    let error = match span {
        Some(span) => error.at(*span, format!("`{key}` is declared here")),
        None => error,
    };
    error.help(format!("make it: docker {kind} create {name}"))
}

/// One container of a service in this plan.
struct Instance {
    /// Its final name.
    name: String,
    /// It exists and runs now.
    running: bool,
    /// Files that it may not have got when it was made.
    files: Vec<InjectedFile>,
    /// It is there (in its final shape and name) after these steps.
    ready: Vec<StepId>,
    /// It is replaced: always when `Some` and empty, else if one of these images moves.
    replaced: Option<Vec<ImageMoved>>,
    /// It is stopped before a dependency is replaced: the same.
    restarted: Option<Vec<ImageMoved>>,
    /// Why it is made, replaced or started.
    cause: Cause,
    /// The container that is there now.
    observed: Option<usize>,
}

/// What this plan does to one service.
#[derive(Default)]
struct Planned {
    instances: Vec<Instance>,
    /// Starts (and restarts), for dependents to wait for.
    started: Vec<StepId>,
}

struct Converge<'a, 'p> {
    project: &'p Project,
    observed: &'a Observed,
    options: &'a Options,
    graph: &'a Graph<'p>,
    names: Names,
    /// Names of all containers of each service when the plan is done.
    replicas: BTreeMap<String, Vec<String>>,
    resources: Resources,
    images: BTreeMap<&'p str, ImageStep>,
    /// Pulls of images that only hooks need.
    hook_images: BTreeMap<String, StepId>,
    /// All pulls and builds: what has to be there before anything is stopped.
    image_steps: Vec<StepId>,
    plan: Plan,
    judged: BTreeMap<&'p str, Judged>,
    services: BTreeMap<&'p str, Planned>,
    /// The steps after which a container that is there now has lost its name.
    freed: BTreeMap<String, StepId>,
    /// Networks that are made anew.
    renewed: Renewed,
    /// The steps that moved a container out of the way of a name, by the name it has since.
    moved: BTreeMap<String, StepId>,
    /// Stops of containers that restart along with a dependency, by the container's present name.
    restarted: BTreeMap<String, StepId>,
    waits: BTreeMap<(String, Goal), StepId>,
    /// Why containers cannot be made.
    problems: Vec<Diagnostic>,
}

impl Converge<'_, '_> {
    fn add(
        &mut self,
        service: &str,
        operation: Operation,
        cause: Cause,
        after: Vec<StepId>,
        only_if: &[ImageMoved],
    ) -> StepId {
        let mut after = after;
        after.sort_unstable();
        after.dedup();
        self.plan.add(Step {
            operation,
            cause,
            service: Some(service.to_owned()),
            after,
            only_if: only_if.to_vec(),
        })
    }

    /// Stops (when it runs) and removes a container that is not wanted any more.
    fn remove(&mut self, container: &Container, cause: &Cause, after: &[StepId]) {
        let service = container.service.as_str();
        let mut after = after.to_vec();
        after.extend(self.moved.get(&container.name));
        let left = self.renewed.left(&container.name);
        after.extend(left);
        if container.holds_processes() && left.is_empty() {
            after.extend(&self.image_steps);
            after = vec![self.stop(container, cause, after, &[])];
        }
        let operation = Operation::RemoveContainer {
            name: container.name.clone(),
            volumes: false,
        };
        let removed = self.add(service, operation, cause.clone(), after, &[]);
        self.freed.insert(container.name.clone(), removed);
    }

    /// Stops a container, after the hooks that its service wants to run before.
    fn stop(
        &mut self,
        container: &Container,
        cause: &Cause,
        after: Vec<StepId>,
        only_if: &[ImageMoved],
    ) -> StepId {
        let Container { service, name, .. } = container;
        let hooks = self.service(service).filter(|_| container.is_up());
        let hooks = hooks.map(|it| hooks::before_stop(&it.pre_stop, name, false));
        let stop = Operation::StopContainer {
            name: name.clone(),
            timeout: self.options.timeout,
        };
        let operations = hooks.into_iter().flatten().chain([stop]);
        self.add_all(service, operations, cause, after, only_if)
    }

    /// Adds steps, each after the one before, and answers the last.
    fn add_all(
        &mut self,
        service: &str,
        operations: impl IntoIterator<Item = Operation>,
        cause: &Cause,
        mut after: Vec<StepId>,
        only_if: &[ImageMoved],
    ) -> StepId {
        let mut last = StepId(0);
        for operation in operations {
            last = self.add(service, operation, cause.clone(), after, only_if);
            after = vec![last];
        }
        last
    }

    /// A step that was planned for fewer cases is done in these too.
    fn widen(&mut self, step: StepId, only_if: &[ImageMoved]) {
        let step = &mut self.plan.steps[step.0];
        step.only_if = either([step.only_if.as_slice(), only_if]);
    }
}

/// A step for several reasons: unconditional as soon as one of them is.
fn either<'m>(conditions: impl IntoIterator<Item = &'m [ImageMoved]>) -> Vec<ImageMoved> {
    let mut all = BTreeSet::new();
    for condition in conditions {
        if condition.is_empty() {
            return Vec::new();
        }
        all.extend(condition.iter().cloned());
    }
    all.into_iter().collect()
}
