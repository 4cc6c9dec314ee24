//! Which problems only repeat another one.
//!
//! What could not be read is missing from the model, and the rules of the model would tell of it
//! a second time: a misspelt `image` is an unknown key, and then a service without an image. So of
//! what the rules find, only that is kept which lies in services that were read without a problem.

use std::collections::BTreeSet;

use crate::document::{Diagnostic, Node, Span};
use crate::project::Project;

/// What `found` adds to the `earlier` errors.
pub(super) fn without_echoes(
    document: &Node,
    project: &Project,
    earlier: &[Diagnostic],
    found: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let services = Services::of(document, project);
    let errors = earlier.iter().filter(|problem| problem.is_error());
    let mut broken = BTreeSet::new();
    for error in errors {
        let place = error.labels.first();
        match place.and_then(|label| services.at(label.span)) {
            Some(service) => broken.insert(service),
            // Outside the services: any of them may refer to what was not read.
            None => return Vec::new(),
        };
    }
    let is_new = |problem: &Diagnostic| {
        let place = problem.labels.first();
        let service = place.and_then(|label| services.at(label.span));
        broken.is_empty() || service.is_some_and(|service| !broken.contains(service))
    };
    found.into_iter().filter(is_new).collect()
}

/// The services by their places.
struct Services<'p> {
    section: Option<Span>,
    /// Keys in the order of their places.
    begun: Vec<(Span, &'p str)>,
}

impl<'p> Services<'p> {
    fn of(document: &Node, project: &'p Project) -> Services<'p> {
        let services = project.services.values().chain(project.disabled.values());
        let mut begun: Vec<(Span, &str)> = services
            .filter_map(|service| Some((service.span?, service.name.as_str())))
            .collect();
        begun.sort_by_key(|(key, _)| (key.source, key.start));
        Services {
            section: document.get("services").map(|section| section.span),
            begun,
        }
    }

    /// The service that a place lies in: the last one that begins before it.
    fn at(&self, place: Span) -> Option<&'p str> {
        let section = self.section?;
        let inside = section.source == place.source
            && section.start <= place.start
            && place.start < section.end;
        let before = self
            .begun
            .partition_point(|(key, _)| (key.source, key.start) <= (place.source, place.start));
        let (key, name) = self.begun[..before].last()?;
        (inside && key.source == place.source).then_some(*name)
    }
}
