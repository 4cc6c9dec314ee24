//! `up --atomic`, its first half: what is new is made and started beside what is there, and nothing
//! that is there is removed, so that it can be put back. What the outcome leads to is in
//! [`crate::plan::atomic`].
//!
//! A replacement runs under its temporary name while its predecessor goes on answering, where both
//! can be there at once. They cannot where they would want the same thing: a port of the host, a
//! fixed address, or a volume or folder that both may write to (two databases over one folder are
//! worse than none for a moment). There the predecessor is stopped first, and started again when
//! the trial fails.
//!
//! What shares another service's network or volumes follows when the trial is over: it has to join
//! the container that stays.

use std::collections::BTreeMap;

use super::judged::Slot;
use super::{Converge, Instance};
use crate::document::Diagnostic;
use crate::plan::containers::{Verdict, shared_services};
use crate::plan::observed::Container;
use crate::plan::resources::Drifted;
use crate::plan::{Cause, Plan, naming};
use crate::project::Service;
use crate::project::service::networks::Attachment;

impl<'p> Converge<'_, 'p> {
    /// The plan of a trial.
    pub(super) fn tried(
        mut self,
        services: &[&'p Service],
        drifted: &[Drifted],
    ) -> Result<Plan, Vec<Diagnostic>> {
        self.problems = self.not_to_be_tried(drifted);
        self.judge_all(services);
        for service in services {
            self.try_containers(service);
        }
        for service in services {
            self.start_containers(service);
        }
        self.wait_for_all(services);
        if self.problems.is_empty() {
            Ok(self.plan)
        } else {
            Err(self.problems)
        }
    }

    /// What cannot be tried out: a network that is made anew, which stops everything in it; and
    /// what a killed run left, of which it is not known who should stay.
    fn not_to_be_tried(&self, drifted: &[Drifted]) -> Vec<Diagnostic> {
        let refuse = |message: String, help: &str| {
            Diagnostic::error(message)
                .code("not-atomic")
                .help(help.to_owned())
        };
        let network = |network: &Drifted| {
            refuse(
                format!(
                    "network {} has changed and has to be made anew, which cannot be taken back",
                    network.old_name
                ),
                "run `rcompose up` without --atomic",
            )
        };
        let containers = self.observed.containers.iter();
        let halves = containers.filter(|it| naming::final_name(&it.name) != it.name);
        let half = |it: &Container| {
            refuse(
                format!(
                    "a run was killed before it had replaced a container: {}",
                    it.name
                ),
                "finish that first: `rcompose up`, or `rcompose doctor --fix`",
            )
        };
        drifted
            .iter()
            .map(network)
            .chain(halves.map(half))
            .collect()
    }

    /// Whoever gives its name up cannot be there as it was, if that is to be taken back.
    pub(super) fn cannot_swap(name: &str) -> Diagnostic {
        let message = format!("another service takes the name {name} over, which cannot be tried");
        Diagnostic::error(message)
            .code("not-atomic")
            .help("run `rcompose up` without --atomic".to_owned())
    }

    /// Makes and starts the services' new containers, and stops those that are in their way.
    fn try_containers(&mut self, service: &'p Service) {
        let judged = self
            .judged
            .remove(service.name.as_str())
            .unwrap_or_default();
        let shared = shared_services(service);
        let mut planned = super::Planned::default();
        for slot in &judged.kept {
            planned.instances.push(match &slot.verdict {
                Verdict::Replace(cause) if shared.is_empty() => {
                    self.try_replacement(service, slot, cause)
                }
                _ => self.keep(service, slot),
            });
        }
        for number in judged.made {
            planned.instances.push(self.make(service, number));
        }
        self.services.insert(&service.name, planned);
    }

    fn try_replacement(&mut self, service: &'p Service, slot: &Slot, cause: &Cause) -> Instance {
        let old = &slot.container;
        let last = naming::container(&self.project.name, service, slot.number);
        let (name, made) = self.create_replacement(service, slot, &last, cause, &[]);
        let mut ready = vec![made];
        if old.holds_processes() && !can_both_run(service, old) {
            ready.push(self.stop(old, cause, vec![made], &[]));
        }
        Instance {
            name,
            running: old.is_up(),
            files: Vec::new(),
            ready,
            replaced: Some(Vec::new()),
            restarted: None,
            cause: cause.clone(),
            observed: Some(slot.index),
        }
    }
}

/// Whether a container and its successor want nothing that only one can have.
fn can_both_run(service: &Service, old: &Container) -> bool {
    let fixed_port = service.ports.iter().any(|port| port.published.is_some());
    let of_the_host = service.network_mode.as_deref() == Some("host");
    let attachments = service.networks.iter().flat_map(BTreeMap::values);
    let fixed_address = service.mac_address.is_some() || attachments.flatten().any(is_fixed);
    let mut mounts = service.volumes.iter();
    let writes = mounts.any(|it| !it.read_only && !["tmpfs", "image"].contains(&it.kind.as_str()))
        || old
            .mounts
            .iter()
            .any(|it| !it.read_only && it.kind != "tmpfs");
    !(fixed_port || of_the_host || fixed_address || writes)
}

fn is_fixed(attachment: &Attachment) -> bool {
    attachment.ipv4_address.is_some()
        || attachment.ipv6_address.is_some()
        || attachment.mac_address.is_some()
        || !attachment.link_local_ips.is_empty()
}
