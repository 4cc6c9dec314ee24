//! `env_file`: the files' variables joined into each service's `environment`.

use std::collections::BTreeMap;

use super::{Load, environment};
use crate::document::Diagnostic;
use crate::document::diagnostic::nearest;
use crate::project::Project;

/// Reads the files of every service that is wanted; later files win, and `environment` wins over
/// all of them.
pub(super) fn apply(
    load: &mut Load<'_>,
    project: &mut Project,
    variables: &BTreeMap<String, String>,
) {
    for service in project.services.values_mut() {
        let files = std::mem::take(&mut service.env_file);
        let mut joined: BTreeMap<String, Option<String>> = BTreeMap::new();
        for file in files {
            let path = &load.request.current_dir.join(&file.path);
            if let Some(reason) = environment::unreadable(load, path) {
                if file.required {
                    let message = format!(
                        "service `{}`: the environment file {} {reason}",
                        service.name, file.path
                    );
                    let error = Diagnostic::error(message)
                        .code("missing-file")
                        .at(file.span, "asked for here");
                    load.diagnostics
                        .push(error.help("`required: false` makes it optional"));
                }
                continue;
            }
            if let Some(format) = file.format.as_deref().filter(|format| *format != "raw") {
                let error =
                    Diagnostic::error(format!("{format:?} is not a format of environment files"))
                        .code("invalid-value");
                let error = error.at(file.span, "`raw`, or none at all");
                load.diagnostics
                    .push(match nearest(format, ["raw"].into_iter()) {
                        Some(near) => error.help(format!("did you mean `{near}`?")),
                        None => error,
                    });
                continue;
            }
            let lookup = |name: &str| {
                let own = service.environment.get(name).cloned().flatten();
                variables
                    .get(name)
                    .cloned()
                    .or(own)
                    .or_else(|| joined.get(name).cloned().flatten())
            };
            let asked = (file.span, "asked for here");
            let told = load.diagnostics.len();
            let format = file.format.as_deref();
            let read = environment::read_variables(load, (path, asked), format, &lookup);
            for warning in load.diagnostics.iter_mut().skip(told) {
                if warning.code == "unmeant-interpolation" {
                    let help = "`format: raw` beside its `path` keeps all values of the file";
                    warning.help.push(help.to_owned());
                }
            }
            for set in read.into_iter().flatten() {
                if let Some(trace) = &mut load.trace {
                    trace.reads(&service.name, "environment", &set);
                }
                joined.insert(set.name, Some(set.value));
            }
        }
        joined.append(&mut service.environment);
        service.environment = joined;
    }
}
