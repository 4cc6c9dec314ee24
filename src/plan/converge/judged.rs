//! What is to become of each container that exists, before a single step is planned: the steps of
//! one service depend on what becomes of others.

use std::collections::{BTreeMap, BTreeSet};

use super::Converge;
use crate::plan::containers::{Recreate, Verdict, Wanted, judge, shared_services};
use crate::plan::images::ImageStep;
use crate::plan::naming;
use crate::plan::observed::Container;
use crate::plan::{Cause, ImageMoved};
use crate::project::Service;

/// What becomes of one service's containers.
#[derive(Default)]
pub(super) struct Judged {
    /// Those that stay or are replaced, by number.
    pub(super) kept: Vec<Slot>,
    /// Those that are more than asked for.
    pub(super) surplus: Vec<Container>,
    /// What a killed run left beside the others.
    pub(super) leftovers: Vec<Container>,
    /// Numbers of those that have to be made.
    pub(super) made: Vec<u32>,
}

/// A place among a service's containers, and who has it.
pub(super) struct Slot {
    /// Number.
    pub(super) number: u32,
    /// Which of the observed containers it is.
    pub(super) index: usize,
    /// The container.
    pub(super) container: Container,
    /// What becomes of it.
    pub(super) verdict: Verdict,
}

impl Slot {
    /// Whether it was made to replace another container, and the run was killed before it did.
    pub(super) fn is_successor(&self) -> bool {
        naming::final_name(&self.container.name) != self.container.name
    }

    /// The more there is to lose, the better: a running container that is as wanted comes first.
    fn rank(&self) -> (u8, bool, bool) {
        let verdict = rank(&self.verdict);
        (verdict, !self.container.is_up(), self.is_successor())
    }
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Keep => 0,
        Verdict::ReplaceIf(_) => 1,
        Verdict::Replace(_) => 2,
    }
}

impl Judged {
    /// The verdict that those who share this service's namespaces or volumes have to follow.
    fn overall(&self) -> Verdict {
        if self.kept.is_empty() && !self.made.is_empty() {
            // Whoever shared with it shares with nobody now.
            return Verdict::Replace(Cause::Missing);
        }
        let mut moved: Vec<ImageMoved> = Vec::new();
        for slot in &self.kept {
            // They still share with its predecessor.
            if slot.is_successor() {
                return Verdict::Replace(Cause::Replacement);
            }
            match &slot.verdict {
                Verdict::Keep => {}
                Verdict::Replace(cause) => return Verdict::Replace(cause.clone()),
                Verdict::ReplaceIf(images) => moved.extend(images.iter().cloned()),
            }
        }
        if moved.is_empty() {
            Verdict::Keep
        } else {
            Verdict::ReplaceIf(moved)
        }
    }
}

impl<'p> Converge<'_, 'p> {
    /// Judges the containers of all services, each after what it needs, and knows the names of
    /// all containers then.
    pub(super) fn judge_all(&mut self, services: &[&'p Service]) {
        let mut verdicts: BTreeMap<&str, Verdict> = BTreeMap::new();
        for service in services {
            let judged = self.judge_service(service, &verdicts);
            verdicts.insert(&service.name, judged.overall());
            self.judged.insert(&service.name, judged);
        }
        for service in self.project.services.values() {
            let names = self.names_of(service);
            self.replicas.insert(service.name.clone(), names);
        }
    }

    fn judge_service(&self, service: &'p Service, verdicts: &BTreeMap<&str, Verdict>) -> Judged {
        let shared = shared_services(service);
        let parents = verdicts
            .iter()
            .filter(|(name, _)| shared.contains(**name))
            .map(|(name, verdict)| (*name, verdict.clone()))
            .collect();
        let image = self.images.get(service.name.as_str()).copied();
        let wanted = Wanted {
            project: self.project,
            service,
            image: image.unwrap_or(ImageStep::Present),
            recreate: self.recreate_policy(service),
            api: self.api(),
            renewed: &self.renewed.old_names,
            networks: &self.names.networks,
            volumes: &self.names.volumes,
            parents: &parents,
        };
        let mut slots = self.slots(service, &wanted);
        let mut judged = Judged::default();
        for slot in &mut slots {
            let best = slot.remove(0);
            judged
                .leftovers
                .extend(slot.drain(..).map(|it| it.container));
            judged.kept.push(best);
        }
        // Those that may stay come first, so that scaling down removes the outdated ones.
        judged
            .kept
            .sort_by_key(|slot| (rank(&slot.verdict), slot.number));
        let count = service.replicas() as usize;
        let surplus = judged.kept.split_off(judged.kept.len().min(count));
        judged.surplus = surplus.into_iter().map(|slot| slot.container).collect();
        judged.kept.sort_by_key(|slot| slot.number);
        // Free numbers are taken first, so that what a failed run could not make gets the name
        // that it was to have. (docker compose counts on from the highest.)
        let taken: BTreeSet<u32> = judged.kept.iter().map(|slot| slot.number).collect();
        let free = (1..).filter(|number| !taken.contains(number));
        judged.made = free.take(count - judged.kept.len()).collect();
        judged
    }

    /// A service's containers by number, the best of each number first.
    fn slots(&self, service: &Service, wanted: &Wanted<'_>) -> Vec<Vec<Slot>> {
        let own = self.observed.containers.iter().enumerate();
        let own = own.filter(|(_, it)| it.service == service.name && !it.one_off);
        let mut highest = own
            .clone()
            .map(|(_, it)| it.number)
            .max()
            .unwrap_or_default();
        let mut slots: BTreeMap<u32, Vec<Slot>> = BTreeMap::new();
        for (index, container) in own {
            // One that another tool left without a number gets the next.
            let number = if container.number == 0 {
                highest += 1;
                highest
            } else {
                container.number
            };
            slots.entry(number).or_default().push(Slot {
                number,
                index,
                container: container.clone(),
                verdict: judge(container, wanted, self.observed),
            });
        }
        for slot in slots.values_mut() {
            slot.sort_by_key(Slot::rank);
        }
        slots.into_values().collect()
    }

    fn recreate_policy(&self, service: &Service) -> Recreate {
        let options = self.options;
        if options.services.is_empty() || options.services.contains(&service.name) {
            options.recreate
        } else {
            options.recreate_dependencies
        }
    }

    /// The names that a service's containers will have when all is done; those of a service that
    /// is left alone, as they are.
    fn names_of(&self, service: &Service) -> Vec<String> {
        let project = &self.project.name;
        if let Some(judged) = self.judged.get(service.name.as_str()) {
            let kept = judged.kept.iter().map(|slot| self.slot_name(service, slot));
            let made = judged.made.iter();
            let made = made.map(|number| naming::container(project, service, *number));
            return kept.chain(made).collect();
        }
        let mut own: Vec<&Container> = self.observed.containers.iter().collect();
        own.retain(|container| container.service == service.name && !container.one_off);
        own.sort_by_key(|container| container.number);
        if own.is_empty() {
            let numbers = 1..=service.replicas();
            return numbers
                .map(|number| naming::container(project, service, number))
                .collect();
        }
        own.into_iter()
            .map(|container| container.name.clone())
            .collect()
    }

    /// The name that the container of a slot will have. One that stays keeps the name that it has,
    /// unless that is a temporary one, left by a killed run.
    pub(super) fn slot_name(&self, service: &Service, slot: &Slot) -> String {
        let present = &slot.container.name;
        let stays = !matches!(slot.verdict, Verdict::Replace(_));
        if stays && naming::final_name(present) == present {
            present.clone()
        } else {
            naming::container(&self.project.name, service, slot.number)
        }
    }
}
