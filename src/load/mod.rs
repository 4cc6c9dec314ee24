//! Files to a project: which files, in which order they join, and what the environment adds.
//!
//! The process environment, the current folder and the file system are handed in; the engine is
//! not known. The order of stages is [`load`], top to bottom; that of each document is in `tree`.
//! Every text keeps its own folder for relative paths, and what asked for it, for messages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use echoes::without_echoes;

use crate::document::diagnostic::MAX_PROBLEMS;
use crate::document::{Diagnostic, Node, SourceId, Sources};
use crate::graph::Graph;
use crate::project::attribute::Data;
use crate::project::canonical::canonical;
use crate::project::normalize::normalize;
use crate::project::read::{Reader, Surroundings, clean};
use crate::project::validate::validate;
use crate::project::{self, Project};

mod conflicts;
mod contents;
pub mod discover;
pub mod dotenv;
mod echoes;
mod env_files;
mod environment;
mod extends;
pub mod first_format;
mod include;
mod label_files;
mod profiles;
pub mod selection;
pub mod trace;
mod tree;
mod unmeant;

use discover::Found;
pub use discover::project_name;
use first_format::{FirstFormat, NamedVolume};
use trace::Trace;
use tree::{Origin, Scope};

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
    /// What is left out, for `config`.
    pub skip: Skip,
    /// The current folder, absolute.
    pub current_dir: PathBuf,
    /// The process environment.
    pub variables: BTreeMap<String, String>,
}

/// Stages that can be left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skip {
    /// `${…}` stays as written.
    pub interpolation: bool,
    /// What is meant without being written is not filled in.
    pub normalization: bool,
    /// Relative paths stay relative.
    pub paths: bool,
    /// Rules between attributes and services are not checked.
    pub consistency: bool,
    /// `env_file` and `KEY` without a value stay as written.
    pub environment: bool,
    /// What configs and secrets hold is not read.
    pub contents: bool,
}

impl Skip {
    /// What configs and secrets hold, which only those need who make containers.
    pub const CONTENTS: Skip = Skip {
        interpolation: false,
        normalization: false,
        paths: false,
        consistency: false,
        environment: false,
        contents: true,
    };
}

/// The file system, as far as loading needs it.
pub trait Files {
    /// The bytes of a file.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;

    /// Whether there is a regular file (or a link to one).
    fn is_file(&self, path: &Path) -> bool;

    /// Whether there is anything at all, a folder for instance.
    fn exists(&self, path: &Path) -> bool {
        self.is_file(path)
    }

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
    /// The services that the request names, patterns replaced by the names they match. A name or
    /// pattern that matches nothing is kept.
    pub services: Vec<String>,
    /// The project's environment.
    pub variables: BTreeMap<String, String>,
}

/// The files of a project as one tree, before anything is read from it.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The tree.
    pub document: Node,
    /// The same in its long forms, with its variables where they are not replaced.
    pub canonical: Data,
    /// The project's name.
    pub name: String,
    /// The folder that relative paths start from.
    pub directory: PathBuf,
    /// The project's environment.
    pub variables: BTreeMap<String, String>,
    /// The texts that spans refer to.
    pub sources: Sources,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
    /// The file of each Compose text; nothing for standard input.
    pub files: BTreeMap<SourceId, Option<PathBuf>>,
    /// Texts of which only single services are extended.
    pub extended: BTreeSet<SourceId>,
    /// Documents that were of the first format, in the order of reading.
    pub first_formats: Vec<FirstFormat>,
    /// Volumes that files of the first format name, and that had to be declared.
    pub named_volumes: Vec<NamedVolume>,
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
    let mut load = Load::new(request, files);
    let project = load.read().and_then(|read| load.project(read));
    match project {
        Some((project, variables)) if !load.failed() => Ok(Loaded {
            services: selection::named(&project, &request.services),
            project,
            variables,
            warnings: load.explained(),
            sources: load.sources,
        }),
        _ => Err(load.failure()),
    }
}

/// Loads a project and writes down where everything came from.
pub fn load_traced(request: &Request, files: &dyn Files) -> Result<(Loaded, Trace), Failure> {
    let mut load = Load::new(request, files);
    load.trace = Some(Box::default());
    let project = load.read().and_then(|read| {
        let document = read.document.clone();
        let variables = read.scope.variables.clone();
        let (project, _) = load.project(read)?;
        Some((project, document, variables))
    });
    let Some((project, document, variables)) = project.filter(|_| !load.failed()) else {
        return Err(load.failure());
    };
    let mut trace = *load.trace.take().unwrap_or_default();
    trace.finish(document, load.origins.iter(), request);
    let loaded = Loaded {
        services: selection::named(&project, &request.services),
        project,
        variables,
        warnings: load.explained(),
        sources: load.sources,
    };
    Ok((loaded, trace))
}

/// Finds the files of a project: those that are laid over each other.
pub fn found(request: &Request, files: &dyn Files) -> Result<Vec<Found>, Failure> {
    let mut load = Load::new(request, files);
    let found = environment::before_discovery(&mut load)
        .and_then(|variables| discover::discover(&mut load, &variables));
    match found {
        Some(found) if !load.failed() => Ok(found.files),
        _ => Err(load.failure()),
    }
}

/// Reads a project's files into one tree.
pub fn tree(request: &Request, files: &dyn Files) -> Result<Tree, Failure> {
    let mut load = Load::new(request, files);
    match load.read() {
        Some(read) if !load.failed() => Ok(Tree {
            canonical: load.canonical(&read),
            document: read.document,
            name: read.name,
            directory: read.found.directory,
            variables: read.scope.variables,
            warnings: load.explained(),
            sources: load.sources,
            extended: load
                .origins
                .iter()
                .filter(|(_, origin)| origin.asked.is_some_and(|(_, why)| why == extends::ASKED))
                .map(|(source, _)| *source)
                .collect(),
            files: load
                .origins
                .into_iter()
                .map(|(source, origin)| (source, origin.file))
                .collect(),
            first_formats: load.first_formats,
            named_volumes: load.named_volumes,
        }),
        _ => Err(load.failure()),
    }
}

struct Load<'a> {
    request: &'a Request,
    files: &'a dyn Files,
    sources: Sources,
    /// What is known of each Compose file among the sources.
    origins: BTreeMap<SourceId, Origin>,
    first_formats: Vec<FirstFormat>,
    named_volumes: Vec<NamedVolume>,
    diagnostics: Vec<Diagnostic>,
    /// Where things came from, when somebody asks.
    trace: Option<Box<Trace>>,
}

/// All that is read before the model.
struct Read {
    document: Node,
    name: String,
    found: discover::Discovered,
    scope: Scope,
}

impl<'a> Load<'a> {
    fn new(request: &'a Request, files: &'a dyn Files) -> Load<'a> {
        Load {
            request,
            files,
            sources: Sources::default(),
            origins: BTreeMap::new(),
            first_formats: Vec::new(),
            named_volumes: Vec::new(),
            diagnostics: Vec::new(),
            trace: None,
        }
    }

    /// `None` after errors that leave nothing to go on with.
    fn read(&mut self) -> Option<Read> {
        let mut variables = environment::before_discovery(self)?;
        let found = discover::discover(self, &variables)?;
        environment::of_project(self, &found.directory, &mut variables)?;
        let documents = self.documents(&found.files, &found.directory, None, &[])?;
        if documents.iter().all(says_nothing) {
            self.error(
                "empty-file",
                "the Compose files are empty".to_owned(),
                "a project needs at least one service",
            );
            return None;
        }
        let name = discover::name(self, &variables, &documents, &found.directory)?;
        variables.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());
        let scope = Scope {
            directory: found.directory.clone(),
            variables,
            chain: Vec::new(),
        };
        let mut document = self.joined(documents, &scope)?;
        self.settle(&mut document);
        Some(Read {
            document,
            name,
            found,
            scope,
        })
    }

    fn project(&mut self, read: Read) -> Option<(Project, BTreeMap<String, String>)> {
        let variables = read.scope.variables;
        let skip = self.request.skip;
        let mut project = self.read_project(&read.document, &read.found.directory, &variables);
        project.name = read.name;
        project.directory.clone_from(&read.found.directory);
        project.files = read.found.files.iter().map(Found::to_string).collect();
        let env_files = environment::given(self, &variables);
        project.env_files = env_files.iter().map(|file| self.absolute(file)).collect();
        profiles::apply(&mut project, self.request, &variables);
        if !skip.normalization {
            normalize(&mut project, &|name| variables.get(name).cloned());
        }
        // Behind so many problems, more of them are shown to nobody.
        let enough = self.diagnostics.iter().filter(|it| it.is_error()).count() > MAX_PROBLEMS;
        if !skip.consistency && !enough {
            let mut found = validate(&project, &read.document);
            found.extend(Graph::of(&project).cycles());
            let new = without_echoes(&read.document, &project, &self.diagnostics, found);
            self.diagnostics.extend(new);
        }
        if self.failed() {
            return None;
        }
        if !skip.environment {
            env_files::apply(self, &mut project, &variables);
        }
        label_files::apply(self, &mut project);
        if !skip.contents {
            contents::apply(self, &mut project, &variables);
        }
        Some((project, variables))
    }

    fn failed(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    fn explained(&mut self) -> Vec<Diagnostic> {
        let note = first_format::note(&self.first_formats);
        self.diagnostics.extend(note);
        let all = std::mem::take(&mut self.diagnostics);
        self.diagnostics = cut_short(all);
        self.explain_origins();
        std::mem::take(&mut self.diagnostics)
    }

    fn failure(mut self) -> Failure {
        Failure {
            diagnostics: self.explained(),
            sources: self.sources,
        }
    }

    fn absolute(&self, path: &Path) -> String {
        clean(&self.request.current_dir.join(path))
            .to_string_lossy()
            .into_owned()
    }

    fn error(&mut self, code: &'static str, message: String, help: &str) {
        let error = Diagnostic::error(message).code(code);
        self.diagnostics.push(if help.is_empty() {
            error
        } else {
            error.help(help)
        });
    }

    fn canonical(&self, read: &Read) -> Data {
        let complete = !self.request.skip.normalization;
        let (name, variables) = (&read.name, &read.scope.variables);
        self.surrounded(&read.found.directory, variables, |surroundings| {
            canonical(&read.document, name, surroundings, complete)
        })
    }

    fn read_project(
        &mut self,
        document: &Node,
        directory: &Path,
        variables: &BTreeMap<String, String>,
    ) -> Project {
        let (project, problems) = self.surrounded(directory, variables, |surroundings| {
            let mut reader = Reader::new(surroundings);
            let project = project::read(document, &mut reader);
            (project, reader.finish())
        });
        self.diagnostics.extend(problems);
        project
    }

    /// Does something with what reading needs to know about the world.
    fn surrounded<R>(
        &self,
        directory: &Path,
        variables: &BTreeMap<String, String>,
        work: impl FnOnce(&Surroundings<'_>) -> R,
    ) -> R {
        let base = |source: SourceId| {
            let Origin { base, asked, .. } = self.origins.get(&source)?;
            if self.request.skip.paths {
                // Paths of files that are included start from the project's folder even then.
                let included = asked.is_some_and(|(_, how)| how == include::ASKED);
                below(base, directory).or(included.then(PathBuf::new))
            } else {
                Some(base.clone())
            }
        };
        let lookup = |name: &str| variables.get(name).cloned();
        let home = variables.get("HOME").map(PathBuf::from);
        work(&Surroundings {
            base: &base,
            home: home.as_deref(),
            variables: &lookup,
        })
    }
}

/// Whether a document has no key that means anything.
fn says_nothing(document: &Node) -> bool {
    let mut keys = document.as_mapping().into_iter().flat_map(|it| it.keys());
    keys.all(|key| key == "version")
}

/// The first problems, where there are more than anybody reads; errors before warnings then.
fn cut_short(mut all: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if all.len() > MAX_PROBLEMS {
        all.sort_by_key(|problem| problem.severity);
        all.truncate(MAX_PROBLEMS);
        let last = Diagnostic::warning("there are more problems than these");
        all.push(last.code("too-many-problems"));
    }
    all
}

/// A folder from the project's on: nothing for that one itself, so that paths stay as written.
fn below(folder: &Path, directory: &Path) -> Option<PathBuf> {
    match folder.strip_prefix(directory) {
        Ok(below) if below.as_os_str().is_empty() => None,
        Ok(below) => Some(below.to_owned()),
        Err(_) => Some(folder.to_owned()),
    }
}
