//! `pre_start`: containers that run to their end before a service's own start.
//!
//! They run when none of the service's containers does: once, beside the first of those that are
//! about to start, whose volumes and networks they share; those with `per_replica` beside each. One
//! that fails stays, so that its log can be read, and is removed by the next run or by `down`.

use std::collections::BTreeMap;

use bollard::models::{ContainerCreateBody, EndpointSettings, HostConfig, NetworkingConfig};

use super::Converge;
use super::start::Start;
use crate::plan::{Cause, CreateContainer, Operation, StepId, hooks, labels};
use crate::project::Service;
use crate::project::service::hooks::Hook;

impl<'p> Converge<'_, 'p> {
    /// Adds the steps for the containers that are about to start; answers the last of those that
    /// each has to wait for.
    pub(super) fn run_before(
        &mut self,
        service: &'p Service,
        starting: &[Start],
        gates: &[StepId],
    ) -> Vec<Option<StepId>> {
        let stays_up = self.services.get(service.name.as_str()).is_some_and(|it| {
            let mut instances = it.instances.iter();
            instances.any(|it| it.running && it.replaced.is_none() && it.restarted.is_none())
        });
        let mut last = None;
        starting
            .iter()
            .enumerate()
            .map(|(index, start)| {
                for (number, hook) in (1..).zip(&service.pre_start) {
                    let due = hook.per_replica || (index == 0 && !stays_up);
                    if due {
                        let beside = if hook.per_replica {
                            start.name.clone()
                        } else {
                            format!("{}-{}", self.project.name, service.name)
                        };
                        let name = format!("{beside}-pre_start-{number}");
                        let mut after = gates.to_vec();
                        after.extend(&start.ready);
                        after.extend(last);
                        last = Some(self.run_one(service, hook, &name, start, after));
                    }
                }
                last
            })
            .collect()
    }

    fn run_one(
        &mut self,
        service: &Service,
        hook: &Hook,
        name: &str,
        start: &Start,
        mut after: Vec<StepId>,
    ) -> StepId {
        after.extend(self.leftovers_of(service));
        let image = hook.image.as_ref();
        after.extend(image.and_then(|image| self.hook_images.get(image)));
        let create = self.hook_container(service, hook, name, &start.name);
        let operation = Operation::RunContainer(Box::new(create));
        let cause = Cause::NeededBy(service.name.clone());
        self.add(&service.name, operation, cause, after, &start.only_if)
    }

    /// Removes what an earlier run's hooks left, whoever made them.
    fn leftovers_of(&mut self, service: &Service) -> Vec<StepId> {
        let left = self.observed.hooks.iter();
        let left: Vec<String> = left
            .filter(|it| it.service == service.name)
            .map(|it| it.name.clone())
            .collect();
        let mut removed = Vec::new();
        for name in left {
            let step = self.freed.get(&name).copied().unwrap_or_else(|| {
                let operation = Operation::RemoveContainer {
                    name: name.clone(),
                    volumes: true,
                };
                self.add(
                    &service.name,
                    operation,
                    Cause::Replacement,
                    Vec::new(),
                    &[],
                )
            });
            self.freed.insert(name, step);
            removed.push(step);
        }
        removed
    }

    /// A container like the replica that it runs beside, as far as its surroundings go: the same
    /// networks (under no name of the service's), volumes, variables, configs and secrets.
    fn hook_container(
        &mut self,
        service: &Service,
        hook: &Hook,
        name: &str,
        replica: &str,
    ) -> CreateContainer {
        let like = self.create_request(service, replica, 1, None);
        let host = like.body.host_config.unwrap_or_default();
        let networks = like
            .body
            .networking_config
            .and_then(|it| it.endpoints_config);
        let alone = |name: String| (name, EndpointSettings::default());
        let networks = networks.map(|it| it.into_keys().map(alone).collect());
        let mut environment = like.body.env.unwrap_or_default();
        environment.extend(hooks::environment(hook));
        let body = ContainerCreateBody {
            image: hook.image.clone().or(like.body.image),
            cmd: hook.command.clone(),
            user: hook.user.clone().or(like.body.user),
            working_dir: hook.working_dir.clone().or(like.body.working_dir),
            env: (!environment.is_empty()).then_some(environment),
            labels: Some(self.hook_labels(service).into_iter().collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            networking_config: networks.map(|it| NetworkingConfig {
                endpoints_config: Some(it),
            }),
            host_config: Some(HostConfig {
                network_mode: host.network_mode,
                volumes_from: Some(vec![replica.to_owned()]),
                privileged: hook.privileged.then_some(true),
                dns: host.dns,
                extra_hosts: host.extra_hosts,
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        CreateContainer {
            name: name.to_owned(),
            platform: like.platform,
            body,
            connect: like.connect.into_iter().map(|it| alone(it.0)).collect(),
            // What lies in a volume comes with the volume.
            files: like
                .files
                .into_iter()
                .filter(|file| file.base == "/")
                .collect(),
            inherit: Vec::new(),
            stamp_image: false,
        }
    }

    /// Without a hash, so that nobody takes it for one of the service's containers.
    fn hook_labels(&self, service: &Service) -> BTreeMap<String, String> {
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        BTreeMap::from([
            label(labels::PROJECT, &self.project.name),
            label(labels::SERVICE, &service.name),
            label(labels::VERSION, labels::VERSION_VALUE),
            label(labels::HOOK, "pre_start"),
        ])
    }
}
