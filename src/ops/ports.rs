//! Whether the ports that are to be published are free, asked before anything is touched; and who
//! holds those that are not.
//!
//! Containers are found in the engine's list. Processes of the host are found only where the
//! caller can see them ([`Host`]): on the engine's own machine. What cannot be known beforehand
//! (ranges, that a process binds one family of addresses alone) is left to the engine.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use super::Error;
use crate::engine::{Container, EngineError, Filter, Reads};
use crate::graph::Graph;
use crate::plan::{Operation, Plan, labels};
use crate::project::Project;
use crate::project::service::depends_on::Condition;

/// Addresses of engines that may be on another machine.
const ELSEWHERE: [&str; 4] = ["tcp:", "http", "ssh:", "npipe:"];

/// What can be seen of the machine that this runs on.
pub trait Machine: Send + Sync {
    /// Whether there is something at a path.
    fn exists(&self, path: &Path) -> bool;

    /// The sockets, where they are the engine's, too.
    fn bound(&self) -> Vec<Bound>;

    /// Who has it; nobody when that may not be seen.
    fn owner(&self, bound: &Bound) -> Option<Process>;
}

/// A socket that other sockets must keep clear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The address; all of its family when it is unspecified.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// The kernel's number for it.
    pub inode: u64,
}

/// A process of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its command line.
    pub command: String,
}

/// This machine, or nothing where it is not to be looked at.
#[derive(Clone, Default)]
pub struct Host(Option<Arc<dyn Machine>>);

impl Host {
    /// A machine that can be looked at.
    pub fn with(machine: Arc<dyn Machine>) -> Host {
        Host(Some(machine))
    }

    /// Whether there is something at a path, where that can be told.
    pub fn exists(&self, path: &Path) -> Option<bool> {
        self.0.as_ref().map(|machine| machine.exists(path))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.0.is_some()).finish()
    }
}

/// A port that a service is about to publish.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted<'p> {
    service: &'p str,
    /// All addresses of both families when absent.
    address: Option<IpAddr>,
    port: u16,
    protocol: &'p str,
}

/// Refuses a plan that would start what cannot be started, for want of a port. Asks the engine
/// only when there are ports.
pub(super) async fn check(
    reads: &dyn Reads,
    project: &Project,
    plan: &Plan,
    host: &Host,
) -> Result<(), Error> {
    let wanted = wanted(project, plan);
    if wanted.is_empty() {
        return Ok(());
    }
    let containers = containers(reads).await;
    let containers = containers.map_err(Error::engine("look at the ports in use"))?;
    let local = match reads.info().await {
        Ok(info) => !ELSEWHERE.iter().any(|it| info.address.starts_with(it)),
        Err(_) => false,
    };
    let sockets = host.0.as_deref().filter(|_| local);
    let mut refused = in_one_file(project, &wanted);
    let bound = sockets.map(Machine::bound).unwrap_or_default();
    for wanted in &wanted {
        let holders = containers.iter().filter(|it| wanted.meets(it));
        let holders: Vec<&Container> = holders.collect();
        let stays = holders.iter().find(|it| !goes(plan, &it.name));
        let owner = if let Some(container) = stays {
            Some(Owner::of(container, &project.name))
        } else if holders.is_empty() {
            let found = bound.iter().find(|bound| wanted.clashes(bound));
            found.map(|bound| Owner::process(sockets.and_then(|it| it.owner(bound)), wanted))
        } else {
            None
        };
        refused.extend(owner.map(|owner| (wanted.refusal(&owner.who), owner.help)));
    }
    refuse(refused)
}

async fn containers(reads: &dyn Reads) -> Result<Vec<Container>, EngineError> {
    reads.containers(&Filter::default()).await
}

fn refuse(refused: Vec<(String, String)>) -> Result<(), Error> {
    if refused.is_empty() {
        return Ok(());
    }
    let (messages, help): (Vec<_>, Vec<_>) = refused.into_iter().unzip();
    let mut all: Vec<String> = Vec::new();
    for line in help {
        if !all.contains(&line) {
            all.push(line);
        }
    }
    all.push("or publish another port in `ports`".to_owned());
    Err(Error::Refused {
        message: messages.join("\n"),
        help: all,
    })
}

/// The fixed ports of the services that the plan starts.
fn wanted<'p>(project: &'p Project, plan: &Plan) -> BTreeSet<Wanted<'p>> {
    let starts = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::StartContainer { .. } => step.service.as_deref(),
        _ => None,
    });
    let services: BTreeSet<&str> = starts.collect();
    let services = services
        .into_iter()
        .filter_map(|name| project.services.get(name));
    let mut wanted = BTreeSet::new();
    for service in services.filter(|it| it.network_mode.is_none()) {
        for port in &service.ports {
            let fixed = port.published.as_deref().and_then(|it| it.parse().ok());
            let Some(number) = fixed.filter(|number| *number != 0) else {
                continue;
            };
            let address = port.host_ip.as_deref().filter(|it| !it.is_empty());
            wanted.insert(Wanted {
                service: &service.name,
                address: address.and_then(|it| it.parse().ok()),
                port: number,
                protocol: &port.protocol,
            });
        }
    }
    wanted
}

/// Services that want one port at the same time.
fn in_one_file(project: &Project, wanted: &BTreeSet<Wanted<'_>>) -> Vec<(String, String)> {
    let graph = Graph::of(project);
    let mut found = Vec::new();
    for (index, one) in wanted.iter().enumerate() {
        for other in wanted.iter().skip(index + 1) {
            let same = one.port == other.port && one.protocol == other.protocol;
            let both = one.service != other.service && same && meet(one.address, other.address);
            let apart = comes_after_the_end(&graph, one.service, other.service)
                || comes_after_the_end(&graph, other.service, one.service);
            if both && !apart {
                let who = format!("service {} publishes it too", other.service);
                let help = format!("give {} and {} a port each", one.service, other.service);
                found.push((one.refusal(&who), help));
            }
        }
    }
    found
}

/// Whether a service starts only when the other one has ended.
fn comes_after_the_end<'p>(graph: &Graph<'p>, service: &'p str, other: &str) -> bool {
    let mut before = graph.closure([service]);
    before.insert(service);
    before.into_iter().any(|name| {
        let dependencies = graph.dependencies(name);
        let dependency = dependencies.get(other);
        dependency.is_some_and(|it| it.condition == Condition::CompletedSuccessfully)
    })
}

/// Whether the plan takes a container away before it starts anything in its place, or starts this
/// very one: engines leave ports with a container whose last start has failed.
fn goes(plan: &Plan, container: &str) -> bool {
    plan.steps.iter().any(|step| match &step.operation {
        Operation::StopContainer { name, .. }
        | Operation::RemoveContainer { name, .. }
        | Operation::StartContainer { name } => name == container,
        _ => false,
    })
}

/// Whether two addresses cannot both be bound; none stands for all.
fn meet(one: Option<IpAddr>, other: Option<IpAddr>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            let everywhere = one.is_unspecified() || other.is_unspecified();
            one == other || (everywhere && one.is_ipv4() == other.is_ipv4())
        }
        _ => true,
    }
}

impl Wanted<'_> {
    fn meets(&self, container: &Container) -> bool {
        container.ports.iter().any(|held| {
            let same = held.public == Some(self.port) && held.protocol == self.protocol;
            same && meet(self.address, held.ip.parse().ok())
        })
    }

    fn clashes(&self, bound: &Bound) -> bool {
        let same = bound.port == self.port && bound.protocol == self.protocol;
        same && meet(self.address, Some(bound.address))
    }

    fn refusal(&self, who: &str) -> String {
        let Wanted {
            service,
            address,
            port,
            protocol,
        } = self;
        let at = address.map_or_else(String::new, |address| format!(" of {address}"));
        format!("service {service} cannot publish port {port}/{protocol}{at}: {who}")
    }
}

/// Who holds a port, and how to make them let go.
struct Owner {
    who: String,
    help: String,
}

impl Owner {
    fn of(container: &Container, project: &str) -> Owner {
        let name = &container.name;
        let owner = container.labels.get(labels::PROJECT);
        match owner {
            Some(owner) if owner != project => Owner {
                who: format!("container {name} of project {owner} has it"),
                help: format!("`rcompose -p {owner} stop` stops that project"),
            },
            _ => Owner {
                who: format!("container {name} has it"),
                help: format!("`docker stop {name}` stops that container"),
            },
        }
    }

    fn process(process: Option<Process>, wanted: &Wanted<'_>) -> Owner {
        match process {
            Some(Process { pid, command }) => Owner {
                who: format!("process {pid} of this machine has it ({command})"),
                help: format!("`kill {pid}` ends that process"),
            },
            None => Owner {
                who: "a program of this machine has it".to_owned(),
                help: format!("`sudo ss -lnp 'sport = :{}'` shows which", wanted.port),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Cause, Step};

    #[test]
    fn a_container_that_the_plan_starts_or_takes_away_is_no_obstacle() {
        let name = || "demo-web-1".to_owned();
        let plan_of = |operation| {
            let mut plan = Plan::default();
            plan.add(Step {
                operation,
                cause: Cause::Missing,
                service: Some("web".to_owned()),
                after: Vec::new(),
                only_if: Vec::new(),
            });
            plan
        };
        let starts = plan_of(Operation::StartContainer { name: name() });
        let removes = plan_of(Operation::RemoveContainer {
            name: name(),
            volumes: false,
        });
        for plan in [starts, removes] {
            assert!(goes(&plan, "demo-web-1"), "{plan:?}");
            assert!(!goes(&plan, "demo-db-1"), "{plan:?}");
        }
        assert!(!goes(&Plan::default(), "demo-web-1"));
    }

    #[test]
    fn addresses_meet_where_one_stands_for_the_other() {
        let ip = |text: &str| text.parse::<IpAddr>().ok();
        for (one, other, expected) in [
            ("", "10.0.0.1", true),
            ("0.0.0.0", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("0.0.0.0", "::", false),
            ("::", "::1", true),
        ] {
            assert_eq!(meet(ip(one), ip(other)), expected, "{one} {other}");
        }
    }
}
