//! Names that one container gives up and another takes: two services may even swap theirs. Whoever
//! is in the way and is to go later in the plan makes way under a temporary name.

use super::Converge;
use crate::plan::containers::Verdict;
use crate::plan::observed::Container;
use crate::plan::{Cause, Operation, StepId, naming};

impl Converge<'_, '_> {
    /// The step after which a name can be taken, if somebody has it and goes in this plan. Whoever
    /// makes way does so after `before`: not before it has to.
    pub(super) fn clear_name(&mut self, name: &str, before: &[StepId]) -> Option<StepId> {
        if let Some(freed) = self.freed.get(name) {
            return Some(*freed);
        }
        let (service, container) = self.leaving(name)?;
        if self.options.trial {
            self.problems.push(Self::cannot_swap(name));
            return None;
        }
        let away = naming::temporary(&container.id, name);
        let mut after = before.to_vec();
        after.extend(self.restarted.get(name));
        after.extend(self.renewed.left(name));
        let operation = Operation::RenameContainer {
            from: name.to_owned(),
            to: away.clone(),
        };
        let moved = self.add(&service, operation, Cause::Replacement, after, &[]);
        self.freed.insert(name.to_owned(), moved);
        self.moved.insert(away.clone(), moved);
        if let Some(stopped) = self.restarted.remove(name) {
            self.restarted.insert(away.clone(), stopped);
        }
        self.rename_judged(name, &away);
        Some(moved)
    }

    /// The container of a name that is certain to go, and has not gone yet in this plan.
    fn leaving(&self, name: &str) -> Option<(String, Container)> {
        for (service, judged) in &self.judged {
            let replaced = judged.kept.iter();
            let replaced = replaced.filter(|slot| matches!(slot.verdict, Verdict::Replace(_)));
            let going = replaced.map(|slot| &slot.container);
            let mut going = going.chain(&judged.surplus).chain(&judged.leftovers);
            if let Some(found) = going.find(|container| container.name == name) {
                return Some(((*service).to_owned(), found.clone()));
            }
        }
        None
    }

    fn rename_judged(&mut self, name: &str, away: &str) {
        for judged in self.judged.values_mut() {
            let kept = judged.kept.iter_mut().map(|slot| &mut slot.container);
            let all = kept.chain(&mut judged.surplus).chain(&mut judged.leftovers);
            for container in all.filter(|container| container.name == name) {
                away.clone_into(&mut container.name);
            }
        }
    }
}
