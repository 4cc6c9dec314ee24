//! Loading cases: several files, an environment and a request to a model, or to what is wrong.
//!
//! A case is a folder of `tests/cases/load`. `request.yaml` is what the command line and the
//! process say, `out.txt` what comes out (`RCOMPOSE_REFRESH=1` writes it); every other file is
//! there for the loader, below `/demo`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rcompose::document::diagnostic::render;
use rcompose::load::{self, Loaded};
use serde::Deserialize;

use crate::support::{self, Tree};

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Request {
    files: Vec<String>,
    project_name: Option<String>,
    project_directory: Option<PathBuf>,
    env_files: Vec<PathBuf>,
    profiles: Vec<String>,
    services: Vec<String>,
    no_interpolation: bool,
    /// Below `/demo`.
    current_dir: PathBuf,
    variables: BTreeMap<String, String>,
    stdin: String,
}

#[test]
fn projects_load_as_their_cases_say() {
    let mut problems = Vec::new();
    for (_, case) in support::cases("load") {
        let text = fs::read_to_string(case.join("request.yaml")).unwrap_or_default();
        let request: Request = serde_yaml::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        let mut tree = Tree {
            stdin: request.stdin.clone().into_bytes(),
            ..Tree::default()
        };
        plant(&case, &case, &mut tree);
        let request = load::Request {
            files: request.files,
            project_name: request.project_name,
            project_directory: request.project_directory,
            env_files: request.env_files,
            profiles: request.profiles,
            services: request.services,
            skip: load::Skip {
                interpolation: request.no_interpolation,
                ..load::Skip::default()
            },
            // Joining nothing would leave a slash at the end.
            current_dir: Path::new("/demo")
                .components()
                .chain(request.current_dir.components())
                .collect(),
            variables: request.variables,
        };
        let shown = match load::load(&request, &tree) {
            Ok(loaded) => shown(&loaded),
            Err(failure) => support::rendered(&failure),
        };
        problems.extend(support::compare(&case.join("out.txt"), &shown).err());
    }
    support::all_well(&problems);
}

/// Puts a case's files into the tree.
fn plant(root: &Path, folder: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(folder).expect("the case can be read") {
        let path = entry.expect("its entries can be read").path();
        let name = path
            .strip_prefix(root)
            .expect("it is in the case")
            .to_owned();
        if path.is_dir() {
            plant(root, &path, tree);
        } else if name != Path::new("request.yaml") && name != Path::new("out.txt") {
            let bytes = fs::read(&path).expect("a case's file can be read");
            tree.files.insert(Path::new("/demo").join(name), bytes);
        }
    }
}

/// The model as `config` prints it, what it was made of, and warnings.
fn shown(loaded: &Loaded) -> String {
    let project = &loaded.project;
    let mut text = format!(
        "# in {}, of {}\n",
        project.directory.display(),
        project.files.join(", ")
    );
    if !project.env_files.is_empty() {
        let _ = writeln!(text, "# with {}", project.env_files.join(", "));
    }
    if !project.disabled.is_empty() {
        let names: Vec<&str> = project.disabled.keys().map(String::as_str).collect();
        let _ = writeln!(text, "# without {}", names.join(", "));
    }
    text += &serde_yaml::to_string(&project.to_data()).expect("plain data is YAML");
    text + &render(&loaded.warnings, &loaded.sources, support::STYLE)
}
