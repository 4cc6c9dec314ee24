//! Which files, which folder, which name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::Load;
use crate::document::interpolate::expand;
use crate::document::{Diagnostic, Node};
use crate::project::read::clean;

/// Names of Compose files, the preferred first.
const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
/// Names of files that are laid over it without being asked for.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// One Compose file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Standard input.
    Stdin,
    /// A file, absolute.
    File(PathBuf),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Stdin => f.write_str("-"),
            Found::File(path) => path.display().fmt(f),
        }
    }
}

impl Found {
    /// The file, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Found::Stdin => None,
            Found::File(path) => Some(path),
        }
    }

    /// The name that messages show: relative where that is shorter.
    pub fn shown(&self, current_dir: &Path) -> String {
        match self {
            Found::Stdin => "<stdin>".to_owned(),
            Found::File(path) => path
                .strip_prefix(current_dir)
                .unwrap_or(path)
                .to_string_lossy()
                .into_owned(),
        }
    }
}

/// The files of a project and the folder that its relative paths start from.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// In the order in which they are laid over each other.
    pub files: Vec<Found>,
    /// Absolute.
    pub directory: PathBuf,
}

/// Finds the files: those given, those of `COMPOSE_FILE`, or the first folder upwards with one.
pub(super) fn discover(
    load: &mut Load<'_>,
    variables: &BTreeMap<String, String>,
) -> Option<Discovered> {
    let given = given(load, variables);
    let files = if given.is_empty() {
        search(load)?
    } else {
        given
    };
    let first = files.iter().find_map(|file| match file {
        Found::File(path) => path.parent().map(Path::to_owned),
        Found::Stdin => None,
    });
    let current_dir = &load.request.current_dir;
    let directory = match &load.request.project_directory {
        Some(directory) => clean(&current_dir.join(directory)),
        None => first.unwrap_or_else(|| current_dir.clone()),
    };
    Some(Discovered { files, directory })
}

fn given(load: &Load<'_>, variables: &BTreeMap<String, String>) -> Vec<Found> {
    let current_dir = &load.request.current_dir;
    let found = |name: &str| match name {
        "-" => Found::Stdin,
        name => Found::File(clean(&current_dir.join(name))),
    };
    if !load.request.files.is_empty() {
        return load.request.files.iter().map(|name| found(name)).collect();
    }
    let separator = variables
        .get("COMPOSE_PATH_SEPARATOR")
        .filter(|text| !text.is_empty())
        .map_or(":", String::as_str);
    let list = variables.get("COMPOSE_FILE").map_or("", String::as_str);
    list.split(separator)
        .filter(|name| !name.is_empty())
        .map(found)
        .collect()
}

/// The folder where the search begins: as given, or the current one.
pub(super) fn start(load: &Load<'_>) -> PathBuf {
    let current_dir = &load.request.current_dir;
    load.request.project_directory.as_ref().map_or_else(
        || current_dir.clone(),
        |given| clean(&current_dir.join(given)),
    )
}

fn search(load: &mut Load<'_>) -> Option<Vec<Found>> {
    let start = start(load);
    for directory in start.ancestors() {
        let present = |names: &[&str]| -> Vec<PathBuf> {
            names
                .iter()
                .map(|name| directory.join(name))
                .filter(|path| load.files.is_file(path))
                .collect()
        };
        let (files, overrides) = (present(&NAMES), present(&OVERRIDES));
        let Some(file) = files.first() else { continue };
        for (kind, candidates) in [("Compose files", &files), ("override files", &overrides)] {
            if let [used, _, ..] = candidates.as_slice() {
                let names: Vec<_> = candidates
                    .iter()
                    .filter_map(|path| path.file_name())
                    .map(|n| n.to_string_lossy())
                    .collect();
                let message = format!(
                    "several {kind} in {}: {}",
                    directory.display(),
                    names.join(", ")
                );
                let help = format!("{} is used; -f chooses another", used.display());
                load.diagnostics.push(
                    Diagnostic::warning(message)
                        .code("several-files")
                        .help(help),
                );
            }
        }
        let chosen = [Some(file), overrides.first()].into_iter().flatten();
        return Some(chosen.map(|path| Found::File(path.clone())).collect());
    }
    let message = format!(
        "no Compose file in {} or any folder above it",
        start.display()
    );
    load.error("missing-file", message, "it looks for compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml; -f names another");
    None
}

/// The project's name: as given, of the environment, of the files, or of the folder.
pub(super) fn name(
    load: &mut Load<'_>,
    variables: &BTreeMap<String, String>,
    documents: &[Node],
    directory: &Path,
) -> Option<String> {
    let from_environment = variables
        .get("COMPOSE_PROJECT_NAME")
        .filter(|name| !name.is_empty());
    if let Some(name) = load.request.project_name.as_ref().or(from_environment) {
        if *name == project_name(name) {
            return Some(name.clone());
        }
        let message = format!("{name:?} cannot be a project's name");
        let near = project_name(name);
        let rule =
            "lower-case letters, digits, hyphens and underscores, the first a letter or a digit";
        load.error(
            "invalid-name",
            message,
            &if near.is_empty() {
                rule.to_owned()
            } else {
                format!("{rule}: such as {near:?}")
            },
        );
        return None;
    }
    let written = documents
        .iter()
        .rev()
        .filter_map(|document| document.get("name")?.as_str())
        .find(|name| !name.is_empty());
    let lookup = |name: &str| variables.get(name).cloned();
    let name = match written {
        Some(written) if load.request.skip.interpolation => project_name(written),
        Some(written) => match expand(written, &lookup) {
            // Without normalization a name stays as it is written.
            Ok(text) if load.request.skip.normalization && !text.is_empty() => text,
            Ok(text) => project_name(&text),
            // What is wrong with it is told with its place, when the whole file is filled in.
            Err(_) => "unknown".to_owned(),
        },
        None => project_name(&directory.file_name().unwrap_or_default().to_string_lossy()),
    };
    if name.is_empty() {
        let whose = match written {
            Some(_) => "what `name` says",
            None => "the folder's name",
        };
        load.error(
            "invalid-name",
            format!("the project has no name: {whose} has no letter or digit in it"),
            "give one with -p",
        );
        return None;
    }
    Some(name)
}

/// A text as a project's name: lower case, and only what names may consist of.
pub fn project_name(text: &str) -> String {
    let lower = text.to_lowercase();
    let allowed = lower
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'));
    allowed
        .collect::<String>()
        .trim_start_matches(['_', '-'])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::project_name;

    #[test]
    fn names_are_folded_to_what_is_allowed() {
        for (text, name) in [
            ("My Proj.Dir", "myprojdir"),
            ("_-x", "x"),
            ("demo", "demo"),
            ("...", ""),
        ] {
            assert_eq!(project_name(text), name);
        }
    }
}
