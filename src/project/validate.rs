//! Rules between attributes and between services, each a small function in a list.
//!
//! They run on the finished model, all of them, and each reports every breach it finds.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::service::build;
use super::service::volumes_from::{self, Target};
use super::service::{Service, links};
use super::value::byte_size::ByteSize;
use super::{Project, Span, places};
use crate::document::diagnostic::{MAX_PROBLEMS, nearest};
use crate::document::{Diagnostic, Node};

/// What the rules look at.
#[derive(Clone, Copy)]
struct Subject<'a> {
    project: &'a Project,
    /// The tree that the project was read from.
    document: &'a Node,
    /// How many names have been compared with all others, which takes its time.
    compared: &'a Cell<usize>,
}

const RULES: &[fn(Subject<'_>, &mut Vec<Diagnostic>)] = &[
    every_service_has_an_image_or_a_build,
    networks_and_network_mode_exclude_each_other,
    used_networks_are_declared,
    used_volumes_are_declared,
    used_configs_and_secrets_are_declared,
    used_models_are_declared,
    dependencies_exist,
    build_contexts_of_other_services_exist,
    a_named_container_is_alone,
    container_names_are_unique,
    mount_targets_are_unique,
    replicas_and_scale_agree,
    limits_agree,
    ports_are_published_once,
];

/// Checks a whole project.
///
/// The document is the tree that it was read from, for the places of single items.
pub fn validate(project: &Project, document: &Node) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let subject = Subject {
        project,
        document,
        compared: &Cell::new(0),
    };
    for rule in RULES {
        rule(subject, &mut problems);
    }
    problems
}

/// An error at one of a service's attributes, or at its key when the attribute has no place.
fn problem(service: &Service, attribute: &str, message: String, label: &str) -> Diagnostic {
    at(
        Diagnostic::error(message),
        span_of(service, attribute),
        label,
    )
}

fn at(error: Diagnostic, span: Option<Span>, label: &str) -> Diagnostic {
    match span {
        Some(span) => error.at(span, label),
        None => error,
    }
}

impl Subject<'_> {
    /// The places of an attribute's items that a word names; else that of the attribute.
    fn items(self, service: &Service, attribute: &str, word: &str) -> Vec<Span> {
        let found = places::of_items(self.document, &service.name, attribute, word);
        if found.is_empty() {
            span_of(service, attribute).into_iter().collect()
        } else {
            found
        }
    }

    /// The name that was probably meant; the first few times that it is asked for.
    fn near(self, name: &str, known: impl Iterator<Item = impl AsRef<str>>) -> Option<String> {
        self.compared.set(self.compared.get() + 1);
        if self.compared.get() > MAX_PROBLEMS {
            return None;
        }
        let known: Vec<String> = known.map(|name| name.as_ref().to_owned()).collect();
        nearest(name, known.iter().map(String::as_str)).map(str::to_owned)
    }

    fn undefined(
        self,
        service: &Service,
        attribute: &str,
        what: &str,
        name: &str,
        known: impl Iterator<Item = impl AsRef<str>>,
    ) -> Diagnostic {
        let message = format!(
            "service `{}` refers to undefined {what} `{name}`",
            service.name
        );
        let place = self.items(service, attribute, name).first().copied();
        let error = Diagnostic::error(message).code("undefined-reference");
        let error = at(error, place, "referred to here");
        match self.near(name, known) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        }
    }
}

fn every_service_has_an_image_or_a_build(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    for service in subject
        .project
        .services
        .values()
        .filter(|service| service.image.is_none() && service.build.is_none())
        .filter(|service| service.provider.is_none())
    {
        let message = format!(
            "service `{}` has neither an image nor a build",
            service.name
        );
        let error = problem(service, "", message, "one of `image` and `build` is needed")
            .code("missing-image-or-build");
        // A name with a typo in an override file makes a service of its own.
        let others = subject.project.services.keys();
        let near = subject.near(&service.name, others.filter(|it| **it != service.name));
        problems.push(match near {
            Some(near) => error.help(format!("did you mean the service `{near}`?")),
            None => error,
        });
    }
}

fn networks_and_network_mode_exclude_each_other(
    subject: Subject<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    for service in subject.project.services.values() {
        let joined = service
            .networks
            .as_ref()
            .is_some_and(|networks| !networks.is_empty());
        if joined && service.network_mode.is_some() {
            let message = format!(
                "service `{}` has both `network_mode` and `networks`",
                service.name
            );
            let mut error = problem(service, "network_mode", message, "connected this way")
                .code("exclusive-keys");
            if let Some(span) = service.spans.get("networks") {
                error = error.at(*span, "and to these networks");
            }
            problems.push(error.help("keep one of the two"));
        }
    }
}

fn used_networks_are_declared(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    for service in subject.project.services.values() {
        for name in service.networks.iter().flat_map(BTreeMap::keys) {
            if !subject.project.networks.contains_key(name) {
                problems.push(subject.undefined(
                    service,
                    "networks",
                    "network",
                    name,
                    subject.project.networks.keys(),
                ));
            }
        }
    }
}

fn used_volumes_are_declared(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    for service in subject.project.services.values() {
        for mount in service
            .volumes
            .iter()
            .filter(|mount| mount.kind == "volume")
        {
            let Some(name) = &mount.source else { continue };
            if !subject.project.volumes.contains_key(name) {
                let error = subject.undefined(
                    service,
                    "volumes",
                    "volume",
                    name,
                    subject.project.volumes.keys(),
                );
                let help = format!("declare it at the top level: `volumes: {{{name}: }}`");
                problems.push(
                    error
                        .help(help)
                        .help("a folder beside this file is written with `./`"),
                );
            }
        }
    }
}

fn used_configs_and_secrets_are_declared(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    for service in subject.project.services.values() {
        for file in &service.configs {
            if !subject.project.configs.contains_key(&file.source) {
                let known = subject.project.configs.keys();
                problems.push(subject.undefined(service, "configs", "config", &file.source, known));
            }
        }
        for file in &service.secrets {
            if !subject.project.secrets.contains_key(&file.source) {
                let known = subject.project.secrets.keys();
                problems.push(subject.undefined(service, "secrets", "secret", &file.source, known));
            }
        }
        for file in service.build.iter().flat_map(|build| &build.secrets) {
            if !subject.project.secrets.contains_key(&file.source) {
                let known = subject.project.secrets.keys();
                problems.push(subject.undefined(service, "build", "secret", &file.source, known));
            }
        }
    }
}

fn used_models_are_declared(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    for service in subject.project.services.values() {
        for name in service.models.keys() {
            if !subject.project.models.contains_key(name) {
                let known = subject.project.models.keys();
                problems.push(subject.undefined(service, "models", "model", name, known));
            }
        }
    }
}

fn dependencies_exist(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    for service in subject.project.services.values() {
        for (name, dependency) in &service.depends_on {
            let attribute = attribute_behind(service, name);
            if subject.project.services.contains_key(name) {
                continue;
            }
            if let Some(disabled) = subject.project.disabled.get(name) {
                if dependency.required {
                    let message = format!(
                        "service `{}` depends on `{name}`, which no active profile starts",
                        service.name
                    );
                    let help = format!(
                        "activate one of its profiles: --profile {}",
                        disabled.profiles.join(", --profile ")
                    );
                    problems.push(
                        problem(service, attribute, message, "depends on it here")
                            .code("inactive-dependency")
                            .help(help),
                    );
                }
                continue;
            }
            problems.push(subject.undefined(
                service,
                attribute,
                "service",
                name,
                subject.project.services.keys(),
            ));
        }
    }
}

/// The attribute through which a service depends on another.
pub fn attribute_behind(service: &Service, dependency: &str) -> &'static str {
    if service
        .links
        .iter()
        .any(|link| links::split(link).0 == dependency)
    {
        return "links";
    }
    let from = |entry: &String| volumes_from::split(entry).0 == Target::Service(dependency);
    if service.volumes_from.iter().any(from) {
        return "volumes_from";
    }
    let modes = [
        ("network_mode", &service.network_mode),
        ("ipc", &service.ipc),
        ("pid", &service.pid),
        ("uts", &service.uts),
        ("cgroup", &service.cgroup),
    ];
    for (attribute, mode) in modes {
        if mode
            .as_deref()
            .and_then(|mode| mode.strip_prefix("service:"))
            == Some(dependency)
        {
            return attribute;
        }
    }
    "depends_on"
}

fn build_contexts_of_other_services_exist(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    for service in subject.project.services.values() {
        let Some(build) = &service.build else {
            continue;
        };
        for name in contexts_of_services(build) {
            match subject
                .project
                .services
                .get(name)
                .or_else(|| subject.project.disabled.get(name))
            {
                None => problems.push(subject.undefined(
                    service,
                    "build",
                    "service",
                    name,
                    subject.project.services.keys(),
                )),
                Some(other) if other.build.is_none() => {
                    let message = format!(
                        "service `{}` builds from service `{name}`, which has no build",
                        service.name
                    );
                    problems.push(
                        problem(service, "build", message, "built from it here")
                            .code("missing-build"),
                    );
                }
                Some(_) => {}
            }
        }
    }
}

/// Services whose images a build starts from (`additional_contexts: {x: service:NAME}`).
pub fn contexts_of_services(build: &build::Build) -> impl Iterator<Item = &str> {
    let contexts = build.additional_contexts.values().map(String::as_str);
    contexts
        .chain([build.context.as_str()])
        .filter_map(|context| context.strip_prefix("service:"))
}

fn a_named_container_is_alone(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    for service in subject.project.services.values() {
        if let (Some(name), 2..) = (&service.container_name, service.replicas()) {
            let message = format!(
                "service `{}` asks for {} containers, but all would be named `{name}`",
                service.name,
                service.replicas()
            );
            problems.push(
                subject
                    .with_value(
                        problem(service, "container_name", message, "one name for several"),
                        service,
                        match service.scale {
                            Some(_) => (&["scale"], "asked for here"),
                            None => (&["deploy", "replicas"], "asked for here"),
                        },
                    )
                    .code("name-for-several-containers")
                    .help("remove `container_name`"),
            );
        }
    }
}

fn container_names_are_unique(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &Service> = BTreeMap::new();
    for service in subject.project.services.values() {
        let Some(name) = service.container_name.as_deref() else {
            continue;
        };
        if let Some(first) = seen.insert(name, service) {
            let message = format!(
                "services `{}` and `{}` have one container name",
                first.name, service.name
            );
            let mut error = problem(service, "container_name", message, "taken already")
                .code("duplicate-container-name");
            if let Some(span) = first.spans.get("container_name") {
                error = error.at(*span, "by this one");
            }
            problems.push(error);
        }
    }
}

impl Subject<'_> {
    /// Two mounts of a service on one target, wherever each of them is written.
    fn twice(self, service: &Service, target: &str, message: String) -> Diagnostic {
        let of = |attribute| places::of_items(self.document, &service.name, attribute, target);
        let mut mounts: Vec<Span> = of("volumes");
        mounts.extend(of("tmpfs"));
        let error = Diagnostic::error(message).code("duplicate-target");
        match mounts.as_slice() {
            [first, .., last] => error
                .at(*last, "mounted here as well")
                .at(*first, "mounted first here"),
            _ => at(error, span_of(service, "volumes"), "in this list"),
        }
    }
}

fn mount_targets_are_unique(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    for service in subject.project.services.values() {
        let mounts = service.volumes.iter().map(|mount| mount.target.as_str());
        let tmpfs = service
            .tmpfs
            .iter()
            .map(|entry| entry.split(':').next().unwrap_or_default());
        let mut seen = std::collections::BTreeSet::new();
        for target in mounts.chain(tmpfs) {
            if !seen.insert(target) {
                let message = format!("service `{}` mounts two things on `{target}`", service.name);
                problems.push(subject.twice(service, target, message));
            }
        }
    }
}

fn replicas_and_scale_agree(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    for service in subject.project.services.values() {
        let replicas = service.deploy.as_ref().and_then(|deploy| deploy.replicas);
        if let (Some(scale), Some(replicas)) = (service.scale, replicas)
            && scale != replicas
        {
            let message = format!(
                "service `{}` has `scale: {scale}` and `deploy.replicas: {replicas}`",
                service.name
            );
            problems.push(
                subject
                    .with_value(
                        problem(service, "scale", message, "they must be equal"),
                        service,
                        (&["deploy", "replicas"], "this one, too"),
                    )
                    .code("contradiction")
                    .help("keep one of the two"),
            );
        }
        if service.scale.or(replicas).is_some_and(|count| count < 0) {
            let message = format!(
                "service `{}` asks for fewer than no containers",
                service.name
            );
            problems.push(problem(service, "scale", message, "0 or more").code("invalid-value"));
        }
    }
}

/// What is said twice must be the same; where `deploy` sets limits at all, those that it leaves out
/// count as said, as in docker compose.
fn limits_agree(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    let bytes = |size: Option<ByteSize>| size.map_or(0, |size| size.0);
    for service in subject.project.services.values() {
        let resources = service.deploy.as_ref().map(|deploy| &deploy.resources);
        if let Some(limits) = resources.and_then(|resources| resources.limits.as_ref()) {
            #[expect(clippy::float_cmp, reason = "both were read from text")]
            let cpus = service.cpus == 0.0 || service.cpus == limits.cpus;
            let (memory, limit) = (bytes(service.mem_limit), bytes(limits.memory));
            let pids = service.pids_limit == 0 || service.pids_limit == limits.pids;
            let mut disagree = |names, agree| subject.disagree(service, names, agree, problems);
            disagree(("cpus", "limits.cpus"), cpus);
            let memory = memory == 0 || memory == limit;
            disagree(("mem_limit", "limits.memory"), memory);
            disagree(("pids_limit", "limits.pids"), pids);
        }
        if let Some(reserved) = resources.and_then(|resources| resources.reservations.as_ref()) {
            let (memory, limit) = (bytes(service.mem_reservation), bytes(reserved.memory));
            let names = ("mem_reservation", "reservations.memory");
            subject.disagree(service, names, memory == 0 || memory == limit, problems);
        }
    }
}

impl Subject<'_> {
    fn disagree(
        self,
        service: &Service,
        (own, deployed): (&str, &str),
        agree: bool,
        problems: &mut Vec<Diagnostic>,
    ) {
        if agree {
            return;
        }
        let message = format!(
            "service `{}`: `{own}` and `deploy.resources.{deployed}` differ",
            service.name
        );
        let error = problem(service, own, message, "said here").code("contradiction");
        let path: Vec<&str> = ["deploy", "resources"]
            .into_iter()
            .chain(deployed.split('.'))
            .collect();
        let error = self.with_value(error, service, (&path, "and here"));
        problems.push(error.help(format!("say it in `deploy.resources.{deployed}` alone")));
    }

    /// Adds the place of another value of the service, where it is written.
    fn with_value(
        self,
        error: Diagnostic,
        service: &Service,
        (path, label): (&[&str], &str),
    ) -> Diagnostic {
        at(
            error,
            places::of_value(self.document, &service.name, path),
            label,
        )
    }
}

/// Two services that publish one port of one address can never both run. (docker compose finds
/// out when the second one starts.)
fn ports_are_published_once(subject: Subject<'_>, problems: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<(String, String, String), &Service> = BTreeMap::new();
    for service in subject.project.services.values() {
        for port in &service.ports {
            let Some(published) = port
                .published
                .clone()
                .filter(|port| !port.contains('-') && port != "0")
            else {
                continue;
            };
            let address = port.host_ip.clone().unwrap_or_else(|| "0.0.0.0".to_owned());
            let Some(first) =
                seen.insert((address, published.clone(), port.protocol.clone()), service)
            else {
                continue;
            };
            let message = if first.name == service.name {
                format!(
                    "service `{}` publishes port {published} twice",
                    service.name
                )
            } else {
                format!(
                    "services `{}` and `{}` both publish port {published}",
                    first.name, service.name
                )
            };
            let own = subject.items(service, "ports", &published);
            let others = subject.items(first, "ports", &published);
            let mut warning = Diagnostic::warning(message).code("duplicate-port");
            warning = at(warning, own.last().copied(), "this one cannot start beside");
            if let Some(other) = others.first().filter(|other| Some(*other) != own.last()) {
                warning = warning.at(*other, "this one");
            }
            problems.push(warning);
        }
    }
}

/// Where a span of a service stands, for callers that word their own problems.
pub fn span_of(service: &Service, attribute: &str) -> Option<Span> {
    service.spans.get(attribute).copied().or(service.span)
}
