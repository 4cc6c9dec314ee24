//! `label_file`: the files' labels joined into each service's `labels`.

use std::collections::BTreeMap;

use super::{Load, environment};
use crate::document::Diagnostic;
use crate::project::{Project, Service};

/// Reads the files of every service that is wanted; later files win, and `labels` wins over all of
/// them. A value may refer to labels that were read before it, and to nothing else.
pub(super) fn apply(load: &mut Load<'_>, project: &mut Project) {
    for service in project.services.values_mut() {
        join(load, service);
    }
}

fn join(load: &mut Load<'_>, service: &mut Service) {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for file in std::mem::take(&mut service.label_file) {
        let path = &load.request.current_dir.join(&file.path);
        if let Some(reason) = environment::unreadable(load, path) {
            let message = format!(
                "service `{}`: the label file {} {reason}",
                service.name, file.path
            );
            let error = Diagnostic::error(message)
                .code("missing-file")
                .at(file.span, "asked for here");
            load.diagnostics.push(error);
            continue;
        }
        let lookup = |name: &str| joined.get(name).cloned();
        let asked = (file.span, "asked for here");
        let read = environment::read_variables(load, (path, asked), None, &lookup);
        for set in read.into_iter().flatten() {
            if let Some(trace) = &mut load.trace {
                trace.reads(&service.name, "labels", &set);
            }
            joined.insert(set.name, set.value);
        }
    }
    joined.append(&mut service.labels);
    service.labels = joined;
}
