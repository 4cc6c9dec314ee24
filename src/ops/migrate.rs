//! `migrate`: the files of a project in today's format, proven to mean the same.
//!
//! The texts are edited by [`migrate`]. Then both projects, the one of the files
//! and the one of the new texts, are read and compared; where they differ anywhere, nothing is
//! answered but the place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::document::{
    self, Diagnostic, Entry, Mapping, Node, Segment, SourceId, Sources, Span, Value, yaml,
};
use crate::load::discover::Found;
use crate::load::first_format::NamedVolume;
use crate::load::{self, Failure, Files, Request, Skip, Tree};
use crate::migrate::{self, Facts, FirstFormat, Volume};

/// A file before and after.
#[derive(Debug, Clone)]
pub struct Migrated {
    /// Which one.
    pub file: Found,
    /// It was named or found; the others are what these extend or include.
    pub asked: bool,
    /// Its text as it is.
    pub before: String,
    /// Its text in today's format.
    pub after: String,
}

impl Migrated {
    /// Whether there is anything to write.
    pub fn changes(&self) -> bool {
        self.before != self.after
    }
}

/// The files of a project, and what there is to say about them.
#[derive(Debug, Clone, Default)]
pub struct Migration {
    /// In the order in which they are laid over each other.
    pub files: Vec<Migrated>,
    /// What is left to do by hand.
    pub warnings: Vec<Diagnostic>,
    /// The texts that spans refer to.
    pub sources: Sources,
}

/// The files that the request names or that are found, in today's format; with them what they
/// extend or include, as far as it is of the first format.
pub fn migrate(request: &Request, files: &dyn Files) -> Result<Migration, Failure> {
    let asked = load::found(request, files)?;
    let alone = attempt(request, files, &asked, &[])?;
    if alone.others.is_empty() {
        return Ok(alone.migration);
    }
    let whole = attempt(request, files, &asked, &alone.others);
    // A base that brings a file of today's format something undeclared stays as it is.
    Ok(whole.map_or(alone.migration, |whole| whole.migration))
}

/// What came of migrating some files, and which others are of the first format.
struct Attempt {
    migration: Migration,
    others: Vec<Found>,
}

fn attempt(
    request: &Request,
    files: &dyn Files,
    asked: &[Found],
    others: &[Found],
) -> Result<Attempt, Failure> {
    let found: Vec<Found> = asked.iter().chain(others).cloned().collect();
    let originals = Overlay::of(&found, request, files)?;
    let readable = originals.map(|_, text| migrate::with_single_merges(text));
    let (request, before) = tree(request, &readable)?;
    let facts = facts(&found, asked, &readable, &before);
    let written = readable.map(|file, text| match facts.get(file) {
        Some(facts) => migrate::migrated(text, facts),
        None => text.to_owned(),
    });
    prove(&request, &before, &written)?;
    let others = others_of_first_format(&found, &before);
    let mut migration = Migration {
        warnings: left(&others, &before),
        sources: before.sources,
        ..Migration::default()
    };
    let mut seen = BTreeSet::new();
    for file in found {
        let name = name(&file);
        if let (Some(before), Some(after)) = (originals.texts.get(&name), written.texts.get(&name))
            && seen.insert(name)
        {
            migration.files.push(Migrated {
                asked: asked.contains(&file),
                file,
                before: before.clone(),
                after: after.clone(),
            });
        }
    }
    Ok(Attempt { migration, others })
}

fn others_of_first_format(found: &[Found], tree: &Tree) -> Vec<Found> {
    let sources = tree.first_formats.iter().map(|it| it.span.source);
    let files = sources.filter_map(|source| tree.files.get(&source)?.clone());
    let others: BTreeSet<PathBuf> = files
        .filter(|file| !found.contains(&Found::File(file.clone())))
        .collect();
    others.into_iter().map(Found::File).collect()
}

/// A file's path; nothing for standard input.
type Name = Option<PathBuf>;

fn name(file: &Found) -> Name {
    file.path().map(Path::to_owned)
}

/// Texts in front of the file system.
struct Overlay<'f> {
    texts: BTreeMap<Name, String>,
    files: &'f dyn Files,
}

impl<'f> Overlay<'f> {
    fn of(found: &[Found], request: &Request, files: &'f dyn Files) -> Result<Self, Failure> {
        let mut overlay = Overlay {
            texts: BTreeMap::new(),
            files,
        };
        let mut failure = Failure::default();
        for file in found {
            let bytes = match file {
                Found::Stdin => files.read_stdin(),
                Found::File(path) => files.read(path),
            };
            let shown = file.shown(&request.current_dir);
            let text = match bytes {
                Ok(bytes) => failure.sources.add_bytes(shown, bytes),
                Err(reason) => Err(Diagnostic::error(format!("cannot read {file}: {reason}"))
                    .code("unreadable-file")),
            };
            match text {
                Ok(source) => {
                    let text = failure.sources.get(source).text.clone();
                    overlay.texts.insert(name(file), text);
                }
                Err(problem) => failure.diagnostics.push(problem),
            }
        }
        if failure.diagnostics.is_empty() {
            Ok(overlay)
        } else {
            Err(failure)
        }
    }

    fn map(&self, change: impl Fn(&Name, &str) -> String) -> Overlay<'f> {
        let texts = self.texts.iter();
        Overlay {
            texts: texts
                .map(|(name, text)| (name.clone(), change(name, text)))
                .collect(),
            files: self.files,
        }
    }
}

impl Files for Overlay<'_> {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        match self.texts.get(&Some(path.to_owned())) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => self.files.read(path),
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        self.files.is_file(path)
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.exists(path)
    }

    fn read_stdin(&self) -> std::io::Result<Vec<u8>> {
        match self.texts.get(&None) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => self.files.read_stdin(),
        }
    }
}

/// The tree with the values that variables have now; where one is missing or makes no sense, with
/// variables as they are written. Answers how it was asked for.
fn tree(request: &Request, files: &Overlay<'_>) -> Result<(Request, Tree), Failure> {
    let failure = match load::tree(request, files) {
        Ok(tree) => return Ok((request.clone(), tree)),
        Err(failure) => failure,
    };
    let skip = Skip {
        interpolation: true,
        ..request.skip
    };
    let as_written = Request {
        skip,
        ..request.clone()
    };
    match load::tree(&as_written, files) {
        Ok(tree) => Ok((as_written, tree)),
        Err(_) => Err(failure),
    }
}

/// What is known about each file. Volumes of services that are extended are declared where these
/// are wanted.
fn facts(
    found: &[Found],
    asked: &[Found],
    readable: &Overlay<'_>,
    tree: &Tree,
) -> BTreeMap<Name, Facts> {
    let services = tree.document.get("services").and_then(Node::as_mapping);
    let services: BTreeSet<String> = services
        .into_iter()
        .flat_map(Mapping::keys)
        .cloned()
        .collect();
    let mut facts: BTreeMap<Name, Facts> = BTreeMap::new();
    for file in found {
        let name = name(file);
        let Some(text) = readable.texts.get(&name) else {
            continue;
        };
        let starts = documents(text);
        let first_formats = tree.first_formats.iter();
        let spans = first_formats.filter(|it| tree.files.get(&it.span.source) == Some(&name));
        let numbers: BTreeSet<usize> = spans
            .filter_map(|it| starts.iter().position(|at| *at == it.span.start as usize))
            .collect();
        let first_formats = numbers.into_iter().map(|document| FirstFormat {
            document,
            volumes: Vec::new(),
        });
        facts.entry(name).or_insert_with(|| Facts {
            services: services.clone(),
            first_formats: first_formats.collect(),
        });
    }
    for volume in &tree.named_volumes {
        let place = place(volume.span, readable, tree, &facts);
        let place = place.or_else(|| {
            let mut names = asked.iter().map(name);
            let first = |name: &Name| !facts.get(name).is_none_or(|it| it.first_formats.is_empty());
            Some((names.find(first)?, 0))
        });
        if let Some((name, index)) = place
            && let Some(found) = facts
                .get_mut(&name)
                .and_then(|it| it.first_formats.get_mut(index))
        {
            found.volumes.push(declared(volume, tree));
        }
    }
    facts
}

fn documents(text: &str) -> Vec<usize> {
    let outline = yaml::outline(text).unwrap_or_default();
    outline
        .iter()
        .map(|document| document.range.start)
        .collect()
}

/// The file and the document of the first format that a place lies in.
fn place(
    span: Span,
    readable: &Overlay<'_>,
    tree: &Tree,
    facts: &BTreeMap<Name, Facts>,
) -> Option<(Name, usize)> {
    let name = tree.files.get(&span.source)?;
    if tree.extended.contains(&span.source) {
        return None;
    }
    let starts = documents(readable.texts.get(name)?);
    let number = starts.iter().rposition(|at| *at <= span.start as usize)?;
    let found = &facts.get(name)?.first_formats;
    let index = found.iter().position(|it| it.document == number)?;
    Some((name.clone(), index))
}

fn declared(volume: &NamedVolume, tree: &Tree) -> Volume {
    let driver = volume.driver.as_ref();
    Volume {
        name: volume.name.clone(),
        driver: driver.map(|driver| slice(driver.span, tree).to_owned()),
    }
}

/// A value as it is written.
fn slice(span: Span, tree: &Tree) -> &str {
    let text = tree.sources.find(span.source).map_or("", |it| &it.text);
    let range = span.start as usize..span.end as usize;
    text.get(range).unwrap_or_default()
}

/// Compares what was there with what would be there.
fn prove(request: &Request, before: &Tree, written: &Overlay<'_>) -> Result<(), Failure> {
    let fail = |diagnostic| {
        Err(Failure {
            diagnostics: vec![diagnostic],
            sources: before.sources.clone(),
        })
    };
    let whole = before.document.span;
    let after = match load::tree(request, written) {
        Ok(after) => after,
        Err(failure) => {
            let reason = failure.diagnostics.into_iter().find(Diagnostic::is_error);
            let reason = reason.map_or_else(String::new, |it| format!(": {}", it.message));
            let message = format!("this file cannot be migrated{reason}");
            return fail(by_hand(
                Diagnostic::error(message).code("not-migrated"),
                whole,
            ));
        }
    };
    match difference(&before.document, &after.document, &mut Vec::new()) {
        None => Ok(()),
        Some((path, span)) => {
            let message = format!("`{}` cannot be migrated as it is written", shown(&path));
            fail(by_hand(
                Diagnostic::error(message).code("not-migrated"),
                span,
            ))
        }
    }
}

fn by_hand(error: Diagnostic, span: Span) -> Diagnostic {
    error
        .at(span, "this would not mean the same any more")
        .help(
            "write it plainly (no alias, no variable, no `?`) or in today's format, and try again",
        )
}

fn shown(path: &[Segment]) -> document::Path {
    let root = document::Path::default();
    path.iter().fold(root, |path, segment| match segment {
        Segment::Key(key) => path.key(key),
        Segment::Index(index) => path.index(*index),
    })
}

/// The first place where two trees mean different things; the span is one of the first tree.
fn difference(
    before: &Node,
    after: &Node,
    path: &mut Vec<Segment>,
) -> Option<(Vec<Segment>, Span)> {
    let here = |path: &[Segment]| Some((path.to_vec(), before.span));
    match (&before.value, &after.value) {
        (Value::Scalar(one), Value::Scalar(other)) if one == other => None,
        (Value::Sequence(one), Value::Sequence(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            { pairs }.find_map(|(index, (one, other))| {
                path.push(Segment::Index(index));
                let found = difference(one, other, path);
                path.pop();
                found
            })
        }
        (Value::Mapping(one), Value::Mapping(other)) => {
            let one = as_today(one, path);
            let other = as_today(other, path);
            for (key, entry) in &one {
                path.push(Segment::Key(key.clone()));
                let found = match other.get(key) {
                    Some(same) => difference(&entry.value, &same.value, path),
                    None => Some((path.clone(), entry.key_span)),
                };
                path.pop();
                if found.is_some() {
                    return found;
                }
            }
            match other.keys().find(|key| !one.contains_key(*key)) {
                Some(_) => here(path),
                None => None,
            }
        }
        _ => here(path),
    }
}

/// A mapping without what has no meaning: `version`, and extensions that are parts of services of
/// the first format, which are there to be merged.
fn as_today(mapping: &Mapping, path: &[Segment]) -> Mapping {
    let mut mapping = mapping.clone();
    if path.is_empty() {
        let empty = |entry: &Entry| entry.value.as_mapping().is_some_and(Mapping::is_empty);
        mapping.retain(|key, entry| {
            key != "version" && !key.starts_with("x-") && !(key == "services" && empty(entry))
        });
    }
    let external = mapping.get_mut("external").map(|it| &mut it.value);
    if path.len() == 2
        && let Some(external) = external
        && let Some(inner) = external.as_mapping()
        && let (Some(name), 1) = (inner.get("name").cloned(), inner.len())
    {
        let mut yes = Node::string(external.span, "true");
        if let Value::Scalar(scalar) = &mut yes.value {
            scalar.kind = crate::document::ScalarKind::Bool(true);
        }
        *external = yes;
        mapping.insert("name".to_owned(), name);
    }
    mapping
}

/// What the command does not do.
fn left(others: &[Found], tree: &Tree) -> Vec<Diagnostic> {
    let first: BTreeSet<SourceId> = tree.first_formats.iter().map(|it| it.span.source).collect();
    let mut warnings = Vec::new();
    for one in &tree.first_formats {
        let file = tree.files.get(&one.span.source).and_then(Option::as_ref);
        if file.is_some_and(|file| others.contains(&Found::File(file.clone()))) {
            let message = "another file of this project is in the first Compose format, too";
            let warning = Diagnostic::warning(message)
                .code("first-format")
                .at(one.first, "a service");
            warnings.push(warning.help("migrate it as well, or docker compose cannot read it"));
        }
    }
    for volume in &tree.named_volumes {
        if slice(volume.span, tree).contains('$') {
            let message = format!("the name of volume `{}` comes from a variable", volume.name);
            let warning = Diagnostic::warning(message)
                .code("up-to-a-variable")
                .at(volume.span, "named here");
            let help = "it is declared under the name that it has now; other names have to be, too";
            warnings.push(warning.help(help));
        }
    }
    let services = tree.document.get("services").and_then(Node::as_mapping);
    for entry in services.into_iter().flat_map(Mapping::values) {
        let volumes = entry.value.get("volumes").and_then(Node::as_sequence);
        let unknown = volumes.into_iter().flatten().filter(|item| {
            let text = item.as_str().unwrap_or_default();
            let unknown = text.starts_with(['$', ':']) && slice(item.span, tree).contains('$');
            first.contains(&item.span.source) && unknown && text.contains(':')
        });
        warnings.extend(unknown.map(|item| {
            Diagnostic::warning("whether this is a volume or a folder is up to a variable")
                .code("up-to-a-variable")
                .at(item.span, "the first format took either")
                .help("if the variable holds a volume's name, declare the volume under `volumes:`")
        }));
    }
    warnings
}
