//! Images: what has to be pulled or built before containers.
//!
//! As docker compose decides it: an image that is here is used; one that is not is pulled; one
//! that cannot be pulled and has a build section is built. Policies and `--build` change that.

use std::collections::BTreeMap;

use super::{BuildImage, Cause, Observed, Operation, Plan, Step, StepId, labels};
use crate::document::Diagnostic;
use crate::graph::Graph;
use crate::project::validate::span_of;
use crate::project::value::duration::Duration;
use crate::project::{Project, Service};

/// When images are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuildPolicy {
    /// When they are missing.
    #[default]
    IfMissing,
    /// In any case (`--build`).
    Always,
    /// Never (`--no-build`).
    Never,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// In any case.
    Always,
    /// When it is missing.
    Missing,
    /// Never.
    Never,
    /// Never; it is built, in any case.
    Build,
}

impl PullPolicy {
    /// The policy of a service. The windows (`daily`, `weekly`, `every_…`) pull what is missing, and
    /// what is [due](refresh_window).
    pub fn of(service: &Service) -> PullPolicy {
        match service.pull_policy.as_deref() {
            Some("always") => PullPolicy::Always,
            Some("never") => PullPolicy::Never,
            Some("build") => PullPolicy::Build,
            _ => PullPolicy::Missing,
        }
    }
}

/// After how many seconds a service's image is to be pulled anew (`daily`, `weekly`, `every_12h`),
/// counted from the moment that its name was last given to an image here.
pub fn refresh_window(service: &Service) -> Option<i64> {
    let span = match service.pull_policy.as_deref()? {
        "daily" => "1d",
        "weekly" => "1w",
        other => other.strip_prefix("every_")?,
    };
    Some(Duration::parse(span)?.seconds())
}

/// What becomes of one service's image in this plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageStep {
    /// It is here and stays.
    Present,
    /// It is not here, and this step brings it.
    Arrives(StepId),
    /// It is here, and this step may bring another one.
    MayMove(StepId),
}

impl ImageStep {
    /// The step to wait for.
    pub fn step(self) -> Option<StepId> {
        match self {
            ImageStep::Present => None,
            ImageStep::Arrives(step) | ImageStep::MayMove(step) => Some(step),
        }
    }
}

/// The steps for images: by service, and by name those that only hooks need.
pub type Planned<'p> = (BTreeMap<&'p str, ImageStep>, BTreeMap<String, StepId>);

/// Plans the images of the given services and of their hooks.
pub fn plan<'p>(
    project: &'p Project,
    graph: &Graph<'p>,
    services: &[&'p Service],
    observed: &Observed,
    policy: BuildPolicy,
    plan: &mut Plan,
) -> Result<Planned<'p>, Vec<Diagnostic>> {
    let mut planner = Images {
        project,
        graph,
        services,
        observed,
        policy,
        plan,
        by_name: BTreeMap::new(),
        by_service: BTreeMap::new(),
    };
    let mut problems = Vec::new();
    for service in services {
        if let Err(problem) = planner.plan(service) {
            problems.push(problem);
        }
    }
    let mut hooks = BTreeMap::new();
    for service in services {
        hooks.extend(planner.plan_hooks(service));
    }
    if problems.is_empty() {
        Ok((planner.by_service, hooks))
    } else {
        Err(problems)
    }
}

struct Images<'a, 'p> {
    project: &'p Project,
    graph: &'a Graph<'p>,
    services: &'a [&'p Service],
    observed: &'a Observed,
    policy: BuildPolicy,
    plan: &'a mut Plan,
    /// One pull and one build per name, however many services use it.
    by_name: BTreeMap<String, ImageStep>,
    by_service: BTreeMap<&'p str, ImageStep>,
}

impl<'p> Images<'_, 'p> {
    fn plan(&mut self, service: &'p Service) -> Result<(), Diagnostic> {
        let name = service.image_name(&self.project.name);
        let image = match self.by_name.get(&name) {
            Some(found) => *found,
            None => self.decide(self.builder_of(service, &name), &name)?,
        };
        self.by_name.insert(name, image);
        self.by_service.insert(&service.name, image);
        Ok(())
    }

    /// Pulls of the images that a service's hooks name, where they are not here. What a service of
    /// the plan uses or builds comes by that.
    fn plan_hooks(&mut self, service: &'p Service) -> Vec<(String, StepId)> {
        let mut steps = Vec::new();
        for name in service.hook_images() {
            let known = self.by_name.get(name).copied();
            let known = known.or_else(|| {
                let here = self.observed.images.contains_key(name);
                (here || PullPolicy::of(service) == PullPolicy::Never).then_some(ImageStep::Present)
            });
            let image = known.unwrap_or_else(|| {
                let operation = Operation::PullImage {
                    reference: name.to_owned(),
                    platform: service.platform.clone(),
                    optional: false,
                };
                ImageStep::Arrives(self.plan.add(Step {
                    operation,
                    cause: Cause::Missing,
                    service: Some(service.name.clone()),
                    after: Vec::new(),
                    only_if: Vec::new(),
                }))
            });
            self.by_name.insert(name.to_owned(), image);
            steps.extend(image.step().map(|step| (name.to_owned(), step)));
        }
        steps
    }

    /// Of the services with one image, the one that can build it.
    fn builder_of(&self, service: &'p Service, name: &str) -> &'p Service {
        let same = |other: &&&'p Service| {
            other.build.is_some() && other.image_name(&self.project.name) == *name
        };
        self.services.iter().find(same).copied().unwrap_or(service)
    }

    fn wants_build(&self, service: &Service, name: &str) -> bool {
        match self.policy {
            BuildPolicy::Never => false,
            BuildPolicy::Always => true,
            BuildPolicy::IfMissing => {
                PullPolicy::of(service) == PullPolicy::Build
                    || !self.observed.images.contains_key(name)
            }
        }
    }

    fn decide(&mut self, service: &'p Service, name: &str) -> Result<ImageStep, Diagnostic> {
        let builds = service.build.is_some() && self.wants_build(service, name);
        let present = self.observed.images.contains_key(name);
        let forced_build = builds && (present || self.policy == BuildPolicy::Always);
        let pull = self.pull(service, name, present, forced_build);
        let arrives = |step| {
            if present {
                ImageStep::MayMove(step)
            } else {
                ImageStep::Arrives(step)
            }
        };
        if builds {
            let step = self.add_build(service, pull)?;
            return Ok(arrives(step));
        }
        if let Some(step) = pull {
            return Ok(arrives(step));
        }
        if present {
            return Ok(ImageStep::Present);
        }
        Err(Self::unobtainable(service, name))
    }

    /// Whether and how an image is pulled. One without a name of its own can only be built.
    fn pull(
        &mut self,
        service: &Service,
        name: &str,
        present: bool,
        forced_build: bool,
    ) -> Option<StepId> {
        service.image.as_ref()?;
        let wanted = match PullPolicy::of(service) {
            PullPolicy::Always => !forced_build,
            PullPolicy::Missing => !forced_build && (!present || self.is_due(service, name)),
            PullPolicy::Never | PullPolicy::Build => false,
        };
        let cause = match (present, refresh_window(service)) {
            (false, _) => Cause::Missing,
            (true, None) => Cause::Asked("pull_policy: always"),
            (true, Some(_)) => Cause::Asked("pull_policy: due again"),
        };
        wanted.then(|| {
            self.plan.add(Step {
                operation: Operation::PullImage {
                    reference: name.to_owned(),
                    platform: service.platform.clone(),
                    optional: service.build.is_some() && self.policy != BuildPolicy::Never,
                },
                cause,
                service: Some(service.name.clone()),
                after: Vec::new(),
                only_if: Vec::new(),
            })
        })
    }

    fn is_due(&self, service: &Service, name: &str) -> bool {
        let tagged = self.observed.tagged.get(name).copied().unwrap_or_default();
        let window = refresh_window(service);
        window.is_some_and(|window| tagged.saturating_add(window) < self.observed.now)
    }

    fn add_build(
        &mut self,
        service: &'p Service,
        pull: Option<StepId>,
    ) -> Result<StepId, Diagnostic> {
        let cause = match self.policy {
            BuildPolicy::Always => Cause::Asked("--build"),
            _ if PullPolicy::of(service) == PullPolicy::Build => Cause::Asked("pull_policy: build"),
            _ => Cause::Missing,
        };
        let mut after: Vec<StepId> = pull.into_iter().collect();
        for other in self.graph.build_dependencies(&service.name) {
            if let Some(base) = self.project.services.get(other) {
                // It is needed here even when nobody asked to run it.
                self.plan(base)?;
                after.extend(self.by_service.get(other).and_then(|image| image.step()));
            }
        }
        let mut step = build_step(self.project, service, cause);
        after.sort_unstable();
        step.after = after;
        if let Operation::BuildImage(build) = &mut step.operation {
            build.only_if_missing = pull.is_some();
        }
        Ok(self.plan.add(step))
    }

    fn unobtainable(service: &Service, name: &str) -> Diagnostic {
        let message = format!(
            "the image {name} of service `{}` is not here, and must not be fetched",
            service.name
        );
        let policy = service.pull_policy.as_deref().unwrap_or_default();
        let reason = if policy.is_empty() {
            "--no-build".to_owned()
        } else {
            format!("`pull_policy: {policy}`")
        };
        let error = Diagnostic::error(message).code("missing-image");
        let error = match span_of(service, "pull_policy") {
            Some(span) => error.at(span, format!("because of {reason}")),
            None => error,
        };
        error.help(if service.build.is_some() {
            format!("build it: rcompose build {}", service.name)
        } else {
            format!("pull it: docker pull {name}")
        })
    }
}

/// The step that builds a service's image.
pub fn build_step(project: &Project, service: &Service, cause: Cause) -> Step {
    let mut build = service.build.clone().unwrap_or_default();
    build.labels = labels::image(&project.name, service);
    let mut tags = vec![service.image_name(&project.name)];
    tags.extend(build.tags.iter().cloned());
    let platform = service
        .platform
        .clone()
        .or_else(|| build.platforms.first().cloned());
    Step {
        operation: Operation::BuildImage(Box::new(BuildImage {
            build,
            tags,
            platform,
            only_if_missing: false,
        })),
        cause,
        service: Some(service.name.clone()),
        after: Vec::new(),
        only_if: Vec::new(),
    }
}
