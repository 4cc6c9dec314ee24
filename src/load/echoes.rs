//! Which problems only repeat another one.
//!
//! What could not be read is missing from the model, and the rules of the model would tell of it
//! a second time: a misspelt `image` is an unknown key, and then a service without an image. So of
//! what the rules find, only that is kept which lies in services that were read without a problem.

use crate::document::{Diagnostic, Node, Span};
use crate::project::Project;

/// What `found` adds to the `earlier` errors.
pub(super) fn without_echoes(
    document: &Node,
    project: &Project,
    earlier: &[Diagnostic],
    found: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let errors = earlier.iter().filter(|problem| problem.is_error());
    let mut broken = Vec::new();
    for error in errors {
        match error
            .labels
            .first()
            .and_then(|label| service_at(document, project, label.span))
        {
            Some(service) => broken.push(service),
            // Outside the services: any of them may refer to what was not read.
            None => return Vec::new(),
        }
    }
    let is_new = |problem: &Diagnostic| {
        let place = problem.labels.first().map(|label| label.span);
        let service = place.and_then(|place| service_at(document, project, place));
        broken.is_empty() || service.is_some_and(|service| !broken.contains(&service))
    };
    found.into_iter().filter(is_new).collect()
}

/// The service that a place lies in: the last one that begins before it.
fn service_at<'p>(document: &Node, project: &'p Project, place: Span) -> Option<&'p str> {
    let section = document.get("services")?.span;
    let inside =
        section.source == place.source && section.start <= place.start && place.start < section.end;
    let services = project.services.values().chain(project.disabled.values());
    let begun = services.filter(|service| {
        service
            .span
            .is_some_and(|key| key.source == place.source && key.start <= place.start)
    });
    let last = begun.max_by_key(|service| service.span.map(|key| key.start));
    last.filter(|_| inside).map(|service| service.name.as_str())
}
