//! Containers that belong to the project and to none of its services.

use super::Converge;
use crate::plan::Cause;
use crate::plan::observed::{Container, State};

impl Converge<'_, '_> {
    /// Removes orphans when asked to, or tells of them.
    pub(super) fn remove_orphans(&mut self) {
        let containers = self.observed.containers.iter();
        let orphans: Vec<&Container> = containers.filter(|it| self.is_orphan(it)).collect();
        if self.options.remove_orphans {
            for container in orphans {
                self.remove(container, &Cause::Orphan, &[]);
            }
            return;
        }
        // One that `run` left behind is nobody's mistake.
        let told = orphans.iter().filter(|container| !container.one_off);
        let names: Vec<&str> = told.map(|container| container.name.as_str()).collect();
        if !self.options.ignore_orphans && !names.is_empty() {
            self.plan.warnings.push(format!(
                "found orphan containers ({}) of services that are in no file; `--remove-orphans` removes them",
                names.join(", ")
            ));
        }
    }

    /// Of a service that is in no file, or made by `run` and over.
    fn is_orphan(&self, container: &Container) -> bool {
        let name = &container.service;
        let known =
            self.project.services.contains_key(name) || self.project.disabled.contains_key(name);
        if container.one_off {
            matches!(container.state, State::Exited | State::Dead)
        } else {
            !known
        }
    }
}
