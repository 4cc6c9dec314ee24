//! Files to one tree: read, interpolated, included, extended and laid over each other.
//!
//! The order of stages, for every document of every file: variables, `extends`, `include`, then
//! the document goes over all before it. What the values mean is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Load, discover, extends, first_format, include, unmeant};
use crate::document::diagnostic::Label;
use crate::document::interpolate::interpolate_in;
use crate::document::merge::{Rule, merge};
use crate::document::{self, Diagnostic, Node, Segment, SourceId, Span, yaml};
use crate::project;
use crate::project::read::clean;

/// The most files that a project may be read from: two files that include each next one twice
/// would be read as often as there are ways.
const MAX_FILES: usize = 2000;

/// The most steps of the way to a file that a message shows.
const MAX_STEPS: usize = 8;

/// What files that are read together share.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// Where relative paths start, absolute.
    pub(super) directory: PathBuf,
    /// What `${NAME}` stands for.
    pub(super) variables: BTreeMap<String, String>,
    /// The way here through `include`, the outermost first.
    pub(super) chain: Vec<Include>,
}

/// One step of an include chain: a file, and where in it the next one is asked for.
#[derive(Debug, Clone)]
pub(super) struct Include {
    /// The file that includes, absolute; nothing for standard input.
    pub(super) file: Option<PathBuf>,
    /// The entry of its `include`.
    pub(super) span: Span,
}

/// What is known of a text: which file it is, who wanted it, and where its paths start.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// Absolute; nothing for standard input.
    pub(super) file: Option<PathBuf>,
    /// The folder that its relative paths start from.
    pub(super) base: PathBuf,
    /// What asked for it; nothing for a file of the command line.
    pub(super) asked: Option<Asked>,
}

/// The `include` or `extends` that wants a file, and a label for it.
pub(super) type Asked = (Span, &'static str);

impl Load<'_> {
    /// The documents of several files. `None` where any of them cannot be read. Services `known` by
    /// name may stand at the top level of a file without being whole.
    pub(super) fn documents(
        &mut self,
        files: &[discover::Found],
        base: &Path,
        asked: Option<Asked>,
        known: &[&str],
    ) -> Option<Vec<Node>> {
        let mut documents = Some(Vec::new());
        for file in files {
            match (self.parse(file, base, asked), &mut documents) {
                (Some(parsed), Some(documents)) => documents.extend(parsed),
                _ => documents = None,
            }
        }
        let mut documents = documents?;
        let found = first_format::upgrade(&mut documents, known);
        self.first_formats.extend(found);
        let obsolete = documents.iter().filter_map(obsolete_version);
        self.diagnostics.extend(obsolete);
        if let Some(trace) = &mut self.trace {
            trace.documents.extend(documents.iter().cloned());
        }
        Some(documents)
    }

    /// The documents of one file.
    fn parse(
        &mut self,
        file: &discover::Found,
        base: &Path,
        asked: Option<Asked>,
    ) -> Option<Vec<Node>> {
        if self.exhausted() {
            return None;
        }
        let (source, text) = self.text(file, asked)?;
        let origin = Origin {
            file: file.path().map(Path::to_owned),
            base: base.to_owned(),
            asked,
        };
        self.origins.insert(source, origin);
        if self.exhausted() {
            let message = format!("more than {MAX_FILES} files make up this project");
            let error = Diagnostic::error(message).code("too-many-files");
            self.diagnostics.push(match asked {
                Some((span, _)) => error.at(span, "the last one that was read"),
                None => error,
            });
            return None;
        }
        let record = self.trace.as_mut().map(|trace| &mut trace.yaml);
        let documents = match yaml::read(source, &text, record) {
            Ok(text) => {
                self.diagnostics.extend(text.warnings);
                text.documents
            }
            Err(problems) => {
                self.diagnostics.extend(problems);
                return None;
            }
        };
        let odd = documents.iter().find(|it| it.as_mapping().is_none());
        if let Some(odd) = odd {
            let error = Diagnostic::error("a Compose file must be a mapping at the top level")
                .code("wrong-type");
            self.diagnostics
                .push(error.at(odd.span, format!("this is {}", odd.describe())));
            return None;
        }
        Some(documents)
    }

    /// Whether nothing more is read.
    pub(super) fn exhausted(&self) -> bool {
        self.origins.len() > MAX_FILES
    }

    fn text(&mut self, file: &discover::Found, asked: Option<Asked>) -> Option<(SourceId, String)> {
        let read = match file {
            discover::Found::Stdin => self.files.read_stdin(),
            discover::Found::File(path) => self.files.read(path),
        };
        let name = file.shown(&self.request.current_dir);
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(reason) => {
                let error = Diagnostic::error(format!("cannot read {file}: {reason}"))
                    .code("unreadable-file");
                self.diagnostics.push(match asked {
                    Some((span, label)) => error.at(span, label),
                    None if reason.kind() == std::io::ErrorKind::NotFound => {
                        error.help("look at the path given with -f")
                    }
                    None => error,
                });
                return None;
            }
        };
        match self.sources.add_bytes(name, bytes) {
            Ok(source) => {
                let text = self.sources.get(source).text.clone();
                Some((source, text))
            }
            Err(problem) => {
                self.diagnostics.push(asked_by(problem, asked));
                None
            }
        }
    }

    /// Documents laid over each other, in order. `None` after errors that leave nothing to go on
    /// with.
    pub(super) fn joined(&mut self, documents: Vec<Node>, scope: &Scope) -> Option<Node> {
        let mut joined = None;
        let mut broken = false;
        for mut document in documents {
            self.interpolate(&mut document, scope);
            if extends::resolve(self, &mut document, scope).is_none() {
                broken = true;
                continue;
            }
            let Some(included) = include::resolve(self, &mut document, scope) else {
                broken = true;
                continue;
            };
            for layer in included.into_iter().chain([document]) {
                let base = joined.take().unwrap_or_else(|| Node::null(layer.span));
                // Over nothing, too: what a list may hold only once it holds only once.
                joined = self.over(base, layer, &[]);
                broken |= joined.is_none();
            }
        }
        if broken { None } else { joined }
    }

    /// Completes what comes from files of the first format, once all is joined.
    pub(super) fn settle(&mut self, tree: &mut Node) {
        let sources: BTreeSet<SourceId> =
            self.first_formats.iter().map(|it| it.span.source).collect();
        if !sources.is_empty() {
            self.named_volumes = first_format::settle(tree, &sources, &mut self.diagnostics);
        }
    }

    /// Replaces variables.
    pub(super) fn interpolate(&mut self, document: &mut Node, scope: &Scope) {
        if !self.request.skip.interpolation {
            let lookup = |name: &str| scope.variables.get(name).cloned();
            if let Some(trace) = &mut self.trace {
                trace.interpolates(document, &self.request.variables, &lookup);
            }
            self.diagnostics
                .extend(unmeant::in_environment(document, &lookup));
            let problems = interpolate_in(document, &self.sources, &lookup);
            self.diagnostics.extend(problems);
        }
    }

    /// One tree over another; both stand at a path of the document.
    pub(super) fn over(&mut self, base: Node, over: Node, at: &[&str]) -> Option<Node> {
        if let Some(trace) = &mut self.trace {
            trace.merges(&base, &over, at);
        }
        match merge(base, over, &|path| rule(at, path)) {
            Ok(node) => Some(node),
            Err(problems) => {
                self.diagnostics.extend(problems);
                None
            }
        }
    }

    /// A path as written in a file, from a folder on; `~` is the home folder.
    pub(super) fn path_from(&self, directory: &Path, text: &str) -> PathBuf {
        let home = self.request.variables.get("HOME");
        match (text.strip_prefix('~'), home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                clean(&Path::new(home).join(rest.trim_start_matches('/')))
            }
            _ => clean(&directory.join(text)),
        }
    }

    /// The file that a node was written in.
    pub(super) fn file_of(&self, span: Span) -> Option<PathBuf> {
        self.origins.get(&span.source)?.file.clone()
    }

    /// Adds to each message about an included or extended file what asked for that file.
    pub(super) fn explain_origins(&mut self) {
        for diagnostic in &mut self.diagnostics {
            let places: Vec<SourceId> = diagnostic.labels.iter().map(|it| it.span.source).collect();
            for source in places {
                add_way(&self.origins, source, diagnostic);
            }
        }
    }
}

/// Adds what asked for a file that could not even be taken in.
pub(super) fn asked_by(mut problem: Diagnostic, asked: Option<Asked>) -> Diagnostic {
    problem.way.extend(asked.map(|(span, label)| Label {
        span,
        text: label.to_owned(),
    }));
    problem
}

/// What asked for a file, and for the file that asked, as far as it is not told yet.
fn add_way(
    origins: &BTreeMap<SourceId, Origin>,
    mut source: SourceId,
    diagnostic: &mut Diagnostic,
) {
    for _ in 0..MAX_STEPS {
        let asked = origins.get(&source).and_then(|it| it.asked);
        let Some((span, label)) = asked else { break };
        let mut told = diagnostic.labels.iter().chain(&diagnostic.way);
        if told.any(|label| label.span == span) {
            break;
        }
        diagnostic.way.push(Label {
            span,
            text: label.to_owned(),
        });
        source = span.source;
    }
}

fn rule(at: &[&str], path: &document::Path) -> Rule {
    if at.is_empty() {
        return project::merge_rule_for(path.segments());
    }
    let above = at.iter().map(|key| Segment::Key((*key).to_owned()));
    let whole: Vec<Segment> = above.chain(path.segments().iter().cloned()).collect();
    project::merge_rule_for(&whole)
}

/// Whether a path names something that is not on this machine.
pub(super) fn is_remote(path: &str) -> bool {
    path.starts_with("oci://")
        || path.starts_with("git@")
        || path.starts_with("git://")
        || path.starts_with("ssh://")
        || path.starts_with("https://")
        || path.starts_with("http://")
        || path.starts_with("github.com/")
}

/// The error for such a path.
pub(super) fn remote(span: Span) -> Diagnostic {
    Diagnostic::error("files of other machines cannot be read yet")
        .code("remote-file")
        .at(span, "a remote path")
        .help("fetch the file, and name the copy here")
}

/// `version` once chose between formats that have been one for long.
fn obsolete_version(document: &Node) -> Option<Diagnostic> {
    let version = document.as_mapping()?.get("version")?;
    let warning = Diagnostic::warning("`version` has no meaning any more").code("obsolete-version");
    let warning = warning.at(version.key_span, "every file is read the same way");
    Some(warning.help("remove the line"))
}
