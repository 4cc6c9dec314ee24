//! `build`: images out of files, each after the images that it starts from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Error, check_services, finished};
use crate::engine::Engine;
use crate::event::Sink;
use crate::execute::{Options, execute};
use crate::graph::Graph;
use crate::plan::images::build_step;
use crate::plan::{Cause, Operation, Plan, StepId};
use crate::project::Project;

/// What `build` is asked for.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// Services; all that have a build section when empty.
    pub services: Vec<String>,
    /// Do not use the cache.
    pub no_cache: bool,
    /// Look for newer base images.
    pub pull: bool,
    /// `ARG`s over those of the files.
    pub args: BTreeMap<String, Option<String>>,
}

/// What `build` would do.
pub fn plan(project: &Project, options: &BuildOptions) -> Result<Plan, Error> {
    check_services(project, &options.services)?;
    let graph = Graph::of(project);
    let mut wanted: BTreeSet<&str> = project
        .services
        .values()
        .filter(|service| service.build.is_some())
        .filter(|service| options.services.is_empty() || options.services.contains(&service.name))
        .map(|service| service.name.as_str())
        .collect();
    let mut ahead: Vec<&str> = wanted.iter().copied().collect();
    while let Some(name) = ahead.pop() {
        ahead.extend(
            graph
                .build_dependencies(name)
                .into_iter()
                .filter(|needed| wanted.insert(needed)),
        );
    }
    let mut plan = Plan::default();
    let mut steps: BTreeMap<&str, StepId> = BTreeMap::new();
    for name in graph
        .order()
        .into_iter()
        .filter(|name| wanted.contains(name))
    {
        let Some(service) = project.services.get(name) else {
            continue;
        };
        let mut step = build_step(project, service, Cause::Asked("build"));
        step.after = graph
            .build_dependencies(name)
            .iter()
            .filter_map(|needed| steps.get(needed).copied())
            .collect();
        if let Operation::BuildImage(build) = &mut step.operation {
            build.build.no_cache |= options.no_cache;
            build.build.pull |= options.pull;
            build.build.args.extend(options.args.clone());
        }
        steps.insert(name, plan.add(step));
    }
    if plan.is_empty() {
        plan.warnings.push("no services to build".to_owned());
    }
    Ok(plan)
}

/// Builds.
pub async fn build(
    engine: &dyn Engine,
    project: &Project,
    options: &BuildOptions,
    cancel: &CancellationToken,
    events: &mut dyn Sink,
) -> Result<(), Error> {
    let plan = Arc::new(plan(project, options)?);
    let execution = Options {
        cancel: cancel.clone(),
        attach: None,
        ..Options::default()
    };
    finished(&execute(engine, &plan, &execution, events).await)
}
