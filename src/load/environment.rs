//! The project's environment: the process's, over the files given by `--env-file`, or over `.env`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::tree::{Asked, Origin, asked_by};
use super::{Load, discover, dotenv};
use crate::document::{Diagnostic, Severity, SourceId, Span};

/// The environment as far as it is known before the Compose files are found (they may be named in it).
pub(super) fn before_discovery(load: &mut Load<'_>) -> Option<BTreeMap<String, String>> {
    let mut variables = load.request.variables.clone();
    let current_dir = load.request.current_dir.to_string_lossy().into_owned();
    variables.entry("PWD".to_owned()).or_insert(current_dir);
    let given = given(load, &variables);
    if given.is_empty() {
        let directory = directory_before_discovery(load);
        default_file(load, &directory, &mut variables)?;
    }
    let current_dir = load.request.current_dir.to_string_lossy().into_owned();
    let given = given.iter().map(|file| file.to_string_lossy());
    let paths: Vec<_> = given
        .map(|file| (load.path_from(Path::new(&current_dir), &file), None))
        .collect();
    read_files(load, &paths, &mut variables)?;
    Some(variables)
}

/// The project's own `.env` adds what is still missing.
pub(super) fn of_project(
    load: &mut Load<'_>,
    directory: &Path,
    variables: &mut BTreeMap<String, String>,
) -> Option<()> {
    if given(load, variables).is_empty() && directory != directory_before_discovery(load) {
        default_file(load, directory, variables)?;
    }
    Some(())
}

/// The files that were asked for, by `--env-file` or `COMPOSE_ENV_FILES`.
pub(super) fn given(load: &Load<'_>, variables: &BTreeMap<String, String>) -> Vec<PathBuf> {
    if !load.request.env_files.is_empty() {
        return load.request.env_files.clone();
    }
    let list = variables
        .get("COMPOSE_ENV_FILES")
        .map_or("", String::as_str);
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect()
}

fn directory_before_discovery(load: &Load<'_>) -> PathBuf {
    let first = load.request.files.iter().find(|file| *file != "-");
    match (&load.request.project_directory, first) {
        (None, Some(file)) => {
            let path = load.request.current_dir.join(file);
            path.parent()
                .map_or_else(|| load.request.current_dir.clone(), Path::to_owned)
        }
        _ => discover::start(load),
    }
}

fn default_file(
    load: &mut Load<'_>,
    directory: &Path,
    variables: &mut BTreeMap<String, String>,
) -> Option<()> {
    let path = directory.join(".env");
    if is_disabled(load, variables)? || !load.files.is_file(&path) {
        return Some(());
    }
    let before = variables.clone();
    read_files(load, &[(path, None)], variables)?;
    // A file that says so itself is read for what is meant for Compose.
    if is_disabled(load, variables)? {
        variables.retain(|name, _| before.contains_key(name) || name.starts_with("COMPOSE_"));
    }
    Some(())
}

/// Whether `.env` is to be left alone.
fn is_disabled(load: &mut Load<'_>, variables: &BTreeMap<String, String>) -> Option<bool> {
    let word = variables.get("COMPOSE_DISABLE_ENV_FILE");
    match word.map_or("", String::as_str) {
        "" | "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
        other => {
            let message = format!("COMPOSE_DISABLE_ENV_FILE is set to {other:?}");
            load.error("invalid-value", message, "it can be true or false");
            None
        }
    }
}

/// Adds the variables of files. Earlier values stay, such as the shell's; among the files, a later
/// one wins.
pub(super) fn read_files(
    load: &mut Load<'_>,
    paths: &[(PathBuf, Option<Asked>)],
    variables: &mut BTreeMap<String, String>,
) -> Option<()> {
    let mut added: BTreeMap<String, String> = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (path, asked) in paths {
        let (source, text) = read_text(load, path, *asked)?;
        let own = names(&text, variables);
        let lookup = |name: &str| {
            let earlier = || added.get(name).filter(|_| !own.contains(name));
            variables.get(name).or_else(earlier).cloned()
        };
        let parsed = dotenv::parse(source, &text, &lookup);
        let set = taken(load, parsed)?;
        if load.trace.is_some() {
            places.extend(set.iter().map(|it| (it.name.clone(), it.span)));
        }
        added.extend(set.into_iter().map(|it| (it.name, it.value)));
    }
    for (name, value) in added {
        if let (Some(trace), Some(span)) = (&mut load.trace, places.get(&name))
            && !variables.contains_key(&name)
        {
            trace.assigns(&name, &value, *span);
        }
        variables.entry(name).or_insert(value);
    }
    Some(())
}

/// The names that a file assigns: within it they mean its own values, not those of files before.
fn names(text: &str, variables: &BTreeMap<String, String>) -> BTreeSet<String> {
    let lookup = |name: &str| variables.get(name).cloned();
    let parsed = dotenv::parse(SourceId(0), text, &lookup);
    let assigned = parsed.into_iter().flatten();
    assigned.map(|variable| variable.name).collect()
}

/// A variable that a file sets.
pub(super) struct Set {
    pub(super) name: String,
    pub(super) value: String,
    /// From the name to the end of the value.
    pub(super) span: Span,
}

/// The variables of a file, in order.
pub(super) fn read_variables(
    load: &mut Load<'_>,
    (path, asked): (&Path, Asked),
    format: Option<&str>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Option<Vec<Set>> {
    let (source, text) = read_text(load, path, Some(asked))?;
    let parsed = match format {
        Some("raw") => dotenv::parse_raw(source, &text, lookup),
        _ => dotenv::parse(source, &text, lookup),
    };
    taken(load, parsed)
}

/// A file's text, read once: it may be a pipe.
fn read_text(load: &mut Load<'_>, path: &Path, asked: Option<Asked>) -> Option<(SourceId, String)> {
    let bytes = match load.files.read(path) {
        Ok(bytes) => bytes,
        Err(reason) => {
            let file = path.display();
            let missing = reason.kind() == std::io::ErrorKind::NotFound;
            let reason = if missing {
                "it does not exist".to_owned()
            } else {
                reason.to_string()
            };
            let message = format!("cannot read the environment file {file}: {reason}");
            let error = Diagnostic::error(message).code("unreadable-file");
            load.diagnostics.push(match asked {
                Some((span, label)) => error.at(span, label),
                // Other files than those of the command line are looked for first.
                None if missing => error.help("look at the path given with --env-file"),
                None => error,
            });
            return None;
        }
    };
    let shown = path
        .strip_prefix(&load.request.current_dir)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned();
    let (source, problem) = match load.sources.add_bytes(shown, bytes) {
        Ok(source) => (source, None),
        Err(problem) => (problem.labels.first()?.span.source, Some(problem)),
    };
    // Passwords live in such files, and error messages end up in logs.
    load.sources.keep_secret(source);
    if asked.is_some() {
        let origin = Origin {
            file: Some(path.to_owned()),
            base: path.to_owned(),
            asked,
        };
        load.origins.insert(source, origin);
    }
    match problem {
        // docker compose reads on.
        Some(problem) if problem.code == "not-utf-8" => load.diagnostics.push(Diagnostic {
            severity: Severity::Warning,
            ..problem
        }),
        Some(problem) => {
            load.diagnostics.push(asked_by(problem, asked));
            return None;
        }
        None => {}
    }
    let text = load.sources.get(source).text.clone();
    Some((source, text))
}

/// The file that stands for none.
pub(super) const NO_FILE: &str = "/dev/null";

/// Why a file of variables or labels cannot be read, if it is known before.
pub(super) fn unreadable(load: &Load<'_>, path: &Path) -> Option<String> {
    if load.files.is_file(path) {
        return None;
    }
    if path == Path::new(NO_FILE) {
        return None;
    }
    match load.files.read(path) {
        Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => {
            Some("does not exist".to_owned())
        }
        Err(reason) if reason.kind() == std::io::ErrorKind::IsADirectory => {
            Some("is a folder".to_owned())
        }
        Err(reason) => Some(format!("cannot be read: {reason}")),
        Ok(_) => Some("is not a file".to_owned()),
    }
}

/// Values that are set; warnings and errors go their way.
fn taken(
    load: &mut Load<'_>,
    parsed: Result<Vec<dotenv::Variable>, Vec<Diagnostic>>,
) -> Option<Vec<Set>> {
    let variables = match parsed {
        Ok(variables) => variables,
        Err(problems) => {
            load.diagnostics.extend(problems);
            return None;
        }
    };
    let mut set = Vec::new();
    let mut unmeant: Vec<(String, Diagnostic)> = Vec::new();
    for variable in variables {
        let (changes, others): (Vec<_>, Vec<_>) = variable
            .warnings
            .into_iter()
            .partition(|warning| warning.code == "unmeant-interpolation");
        load.diagnostics.extend(others);
        unmeant.extend(changes.into_iter().map(|it| (variable.name.clone(), it)));
        let (name, span) = (variable.name, variable.span);
        if name.is_empty() {
            continue;
        }
        set.extend(variable.value.map(|value| Set { name, value, span }));
    }
    load.diagnostics.extend(once(unmeant));
    Some(set)
}

/// Most values that one warning names.
const NAMED: usize = 5;

/// One warning for all values of a file that change alike.
fn once(unmeant: Vec<(String, Diagnostic)>) -> Option<Diagnostic> {
    let names: Vec<String> = unmeant.iter().map(|(name, _)| name.clone()).collect();
    let more = names.len().saturating_sub(NAMED);
    let mut warnings = unmeant.into_iter().map(|(_, warning)| warning);
    let mut first = warnings.next()?;
    if names.len() > 1 {
        first.message = format!(
            "the values of {} change where they hold a dollar sign",
            names[..names.len() - more].join(", ")
        );
        first
            .labels
            .extend(warnings.take(NAMED - 1).flat_map(|it| it.labels));
    }
    Some(if more > 0 {
        first.help(format!("so do {more} more of this file"))
    } else {
        first
    })
}
