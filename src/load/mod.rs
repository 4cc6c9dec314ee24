//! Files to a project: which files, in which order they join, and what the environment adds.
//!
//! The process environment, the current folder and the file system are handed in; the engine is
//! not known. The order of stages is [`load`], top to bottom.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::document::interpolate::interpolate;
use crate::document::merge::merge;
use crate::document::{Diagnostic, Node, SourceId, Sources, yaml};
use crate::graph::Graph;
use crate::project::normalize::normalize;
use crate::project::read::{Reader, Surroundings, clean};
use crate::project::validate::validate;
use crate::project::{self, Project};

pub mod discover;
pub mod dotenv;
mod env_files;
mod environment;
mod first_format;
mod label_files;
mod profiles;

pub use discover::project_name;

/// What to load, as the command line and the process say.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `--file`, in order; `-` is standard input. Empty means: find them.
    pub files: Vec<String>,
    /// `--project-name`.
    pub project_name: Option<String>,
    /// `--project-directory`.
    pub project_directory: Option<PathBuf>,
    /// `--env-file`, in order. Empty means: `.env` of the project's folder.
    pub env_files: Vec<PathBuf>,
    /// `--profile`. Empty means: `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
    /// Services named on the command line: their profiles count as active.
    pub services: Vec<String>,
    /// Leave `${…}` as written.
    pub no_interpolation: bool,
    /// Leave `env_file` as written instead of joining the files into `environment`: what
    /// `config --no-env-resolution` shows, and `config --hash` hashes.
    pub no_env_resolution: bool,
    /// The current folder, absolute.
    pub current_dir: PathBuf,
    /// The process environment.
    pub variables: BTreeMap<String, String>,
}

/// The file system, as far as loading needs it.
pub trait Files {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;

    /// Whether there is a regular file (or a link to one).
    fn is_file(&self, path: &Path) -> bool;

    /// All of standard input.
    fn read_stdin(&self) -> std::io::Result<Vec<u8>>;
}

/// A project, and what was noticed on the way.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// The texts that spans refer to.
    pub sources: Sources,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
}

/// Why there is no project: all the problems that were found.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// Errors, and warnings beside them.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that spans refer to.
    pub sources: Sources,
}

/// Loads a project.
pub fn load(request: &Request, files: &dyn Files) -> Result<Loaded, Failure> {
    let mut load = Load {
        request,
        files,
        sources: Sources::default(),
        diagnostics: Vec::new(),
    };
    match load.run() {
        Some(project) if !load.has_errors() => Ok(Loaded {
            project,
            sources: load.sources,
            warnings: load.diagnostics,
        }),
        _ => Err(Failure {
            diagnostics: load.diagnostics,
            sources: load.sources,
        }),
    }
}

/// `version` once chose between formats that have been one for long.
fn obsolete_version(document: &Node) -> Option<Diagnostic> {
    let version = document.as_mapping()?.get("version")?;
    let warning = Diagnostic::warning("`version` has no meaning any more");
    let warning = warning.at(version.key_span, "every file is read the same way");
    Some(warning.help("remove the line"))
}

struct Load<'a> {
    request: &'a Request,
    files: &'a dyn Files,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
}

impl Load<'_> {
    /// `None` after errors that leave nothing to go on with.
    fn run(&mut self) -> Option<Project> {
        let mut variables = environment::before_discovery(self)?;
        let found = discover::discover(self, &variables)?;
        environment::of_project(self, &found.directory, &mut variables)?;
        let documents = self.read_documents(&found.files)?;
        let name = discover::name(self, &variables, &documents, &found.directory)?;
        variables.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());
        let document = self.merge_documents(documents, &variables)?;
        let mut project = self.read_project(&document, &found.directory, &variables);
        if self.has_errors() {
            // What could not be read would now be missing, and be told a second time as that.
            return None;
        }
        project.name = name;
        project.directory.clone_from(&found.directory);
        project.files = found.files.iter().map(ToString::to_string).collect();
        let env_files = environment::given(self, &variables);
        project.env_files = env_files.iter().map(|file| self.absolute(file)).collect();
        profiles::apply(&mut project, self.request, &variables);
        normalize(&mut project);
        self.diagnostics.extend(validate(&project));
        self.diagnostics.extend(Graph::of(&project).cycles());
        if !self.request.no_env_resolution {
            env_files::apply(self, &mut project, &variables);
        }
        label_files::apply(self, &mut project);
        Some(project)
    }

    fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    fn absolute(&self, path: &Path) -> String {
        clean(&self.request.current_dir.join(path))
            .to_string_lossy()
            .into_owned()
    }

    fn error(&mut self, message: String, help: &str) {
        let error = Diagnostic::error(message);
        self.diagnostics.push(if help.is_empty() {
            error
        } else {
            error.help(help)
        });
    }

    fn read_documents(&mut self, files: &[discover::Found]) -> Option<Vec<Node>> {
        let mut documents = Vec::new();
        for file in files {
            let Some((source, bytes)) = self.read_text(file) else {
                continue;
            };
            match yaml::parse(source, &bytes) {
                Ok(parsed) => {
                    documents.extend(parsed.into_iter().filter(|document| !document.is_null()));
                }
                Err(problems) => self.diagnostics.extend(problems),
            }
        }
        if self.has_errors() {
            return None;
        }
        if documents.is_empty() {
            self.error(
                "the Compose files are empty".to_owned(),
                "a project needs at least one service",
            );
            return None;
        }
        for document in &mut documents {
            if document.as_mapping().is_none() {
                let error = Diagnostic::error("a Compose file must be a mapping at the top level");
                self.diagnostics
                    .push(error.at(document.span, format!("this is {}", document.describe())));
            }
            first_format::upgrade(document, &mut self.diagnostics);
            self.diagnostics.extend(obsolete_version(document));
        }
        (!self.has_errors()).then_some(documents)
    }

    fn read_text(&mut self, file: &discover::Found) -> Option<(SourceId, String)> {
        let read = match file {
            discover::Found::Stdin => self.files.read_stdin(),
            discover::Found::File(path) => self.files.read(path),
        };
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(reason) => {
                let help = if reason.kind() == std::io::ErrorKind::NotFound {
                    "look at the path given with -f"
                } else {
                    ""
                };
                self.error(format!("cannot read {file}: {reason}"), help);
                return None;
            }
        };
        let name = file.shown(&self.request.current_dir);
        match String::from_utf8(bytes) {
            Ok(text) => {
                let source = self.sources.add(name, text.clone());
                Some((source, text))
            }
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let before = String::from_utf8_lossy(&error.as_bytes()[..at]);
                let line = before.matches('\n').count() + 1;
                self.error(
                    format!("{name}:{line}: the file is not UTF-8 text"),
                    "save it as UTF-8",
                );
                None
            }
        }
    }

    fn merge_documents(
        &mut self,
        documents: Vec<Node>,
        variables: &BTreeMap<String, String>,
    ) -> Option<Node> {
        let mut merged: Option<Node> = None;
        for mut document in documents {
            if !self.request.no_interpolation {
                let problems =
                    interpolate(&mut document, &|name: &str| variables.get(name).cloned());
                self.diagnostics.extend(problems);
            }
            // Over nothing, too: what a list may hold only once it holds only once.
            let base = merged.unwrap_or_else(|| Node::null(document.span));
            let rule = |path: &crate::document::Path| project::merge_rule_for(path.segments());
            match merge(base, document, &rule) {
                Ok(node) => merged = Some(node),
                Err(problems) => {
                    self.diagnostics.extend(problems);
                    return None;
                }
            }
        }
        merged
    }

    fn read_project(
        &mut self,
        document: &Node,
        directory: &Path,
        variables: &BTreeMap<String, String>,
    ) -> Project {
        let base = |_: SourceId| Some(directory.to_owned());
        let lookup = |name: &str| variables.get(name).cloned();
        let home = variables.get("HOME").map(PathBuf::from);
        let surroundings = Surroundings {
            base: &base,
            home: home.as_deref(),
            variables: &lookup,
        };
        let mut reader = Reader::new(&surroundings);
        let project = project::read(document, &mut reader);
        self.diagnostics.extend(reader.finish());
        project
    }
}
