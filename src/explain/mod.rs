//! Where each value of the model came from: its place, what it overrode, which variables it is
//! made of.
//!
//! The model as it is printed, the joined tree with its places, and what loading noted down
//! ([`Trace`]) are laid side by side. Printed and written forms differ (`8080:80` is a mapping
//! when printed), so a value is looked for by what it means ([`locate`]); what is not found was
//! put in, and [`implied`] tells why.
//!
//! Knows neither files nor terminals. What is printed of secrets is decided in [`masked`].

mod history;
mod implied;
mod locate;
pub mod masked;
mod path;

use crate::document::{Path, Segment, Span};
use crate::load::Loaded;
use crate::load::trace::{FromFile, Named, Text, Trace};
pub use crate::load::trace::{Use, VariableSource};
use crate::project::attribute::Data;
use locate::{Found, locate};
pub use path::{Unknown, shown};

/// One value of the model, and all that is known of its origin.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Where it stands in the model.
    pub path: Path,
    /// What it is: a scalar, or an empty list or mapping.
    pub value: Data,
    /// Where it came from.
    pub origin: Origin,
    /// Through which `extends`, aliases and `include` it came, the nearest first.
    pub way: Vec<Step>,
    /// As it was written, where it has variables in it.
    pub written: Option<String>,
    /// The variables in it.
    pub uses: Vec<Use>,
    /// What it took the place of, the first file's value first.
    pub overrode: Vec<Overridden>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It is written here.
    Written(Span),
    /// A file of `env_file` or `label_file` says it here.
    File(Span),
    /// It is named here, and has the value of the variable of the same name.
    Variable(Span, VariableSource),
    /// Nobody wrote it.
    Implied {
        /// What it follows from, where something is written.
        from: Option<Span>,
        /// Why it is there.
        reason: String,
    },
}

impl Origin {
    /// The place, where there is one.
    pub fn span(&self) -> Option<Span> {
        match self {
            Origin::Written(span) | Origin::File(span) | Origin::Variable(span, _) => Some(*span),
            Origin::Implied { from, .. } => *from,
        }
    }
}

/// One step on the way of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// In words: `extended by web`, `included`, `repeated as an alias`.
    pub how: String,
    /// The place that asks for it.
    pub span: Span,
}

/// A value that another one took the place of.
#[derive(Debug, Clone)]
pub struct Overridden {
    /// Its text, in one line.
    pub value: String,
    /// Where it stands.
    pub span: Span,
    /// What kind of layer it belongs to.
    pub layer: Layer,
}

/// What a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// An earlier file or document.
    File,
    /// A service that is extended.
    Extended,
    /// An `env_file` or `label_file`.
    VariableFile,
    /// A mapping that `<<` merges.
    Merged,
}

/// The model with its origins at hand.
pub struct Origins<'a> {
    loaded: &'a Loaded,
    trace: &'a Trace,
    data: Data,
}

impl<'a> Origins<'a> {
    /// Of a project as `config` prints it.
    pub fn new(loaded: &'a Loaded, trace: &'a Trace) -> Origins<'a> {
        Origins {
            loaded,
            trace,
            data: loaded.project.to_yaml_data(),
        }
    }

    /// The model as it is printed.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The part of it at a path.
    pub fn at(&self, path: &Path) -> Option<&Data> {
        path::get(&self.data, path.segments())
    }

    /// Everything at a path (in the syntax of [`path`]) and below it.
    ///
    /// # Errors
    /// A path that leads nowhere, with the nearest that does not.
    pub fn explain(&self, text: &str) -> Result<Vec<Explained>, Unknown> {
        let path = path::find(&self.data, text)?;
        let mut found = Vec::new();
        self.below(&path, &mut found);
        Ok(found)
    }

    fn below(&self, path: &Path, found: &mut Vec<Explained>) {
        match path::get(&self.data, path.segments()) {
            Some(Data::Mapping(mapping)) if !mapping.is_empty() => {
                let keys = mapping.keys().filter_map(Data::as_str);
                keys.for_each(|key| self.below(&path.key(key), found));
            }
            Some(Data::Sequence(items)) if !items.is_empty() => {
                (0..items.len()).for_each(|index| self.below(&path.index(index), found));
            }
            Some(value) => found.push(self.one(path.clone(), value)),
            None => {}
        }
    }

    /// The origin of one value, without its history.
    pub fn origin(&self, path: &Path) -> Origin {
        let segments = path.segments();
        if let [Segment::Key(key)] = segments
            && key == "name"
        {
            return self.origin_of_name();
        }
        let document = self.trace.document.as_ref();
        let found = document.map_or(Found::Nowhere(None), |document| {
            locate(document, &self.data, segments)
        });
        match found {
            Found::Open(node) => {
                let name = last_key(segments);
                let value = self.loaded.variables.get(name).map(String::as_str);
                match path::get(&self.data, segments) {
                    Some(Data::Null) | None => Origin::Written(node.span),
                    Some(_) => Origin::Variable(node.span, self.trace.source(name, value)),
                }
            }
            Found::At(node) => Origin::Written(node.span),
            Found::Nowhere(near) => {
                if let Some(file) = self.files_of(segments).last() {
                    return Origin::File(file.span);
                }
                let (reason, from) = implied::reason(&self.loaded.project, segments);
                let from = from.and_then(|from| self.written_at(&from));
                Origin::Implied {
                    from: from.or(near.map(|node| node.span)),
                    reason,
                }
            }
        }
    }

    /// Where the key or item of a path stands, when anybody wrote it.
    pub fn place(&self, path: &Path) -> Option<Span> {
        let segments = path.segments();
        let document = self.trace.document.as_ref()?;
        if let Some((Segment::Key(key), above)) = segments.split_last()
            && let Found::At(node) = locate(document, &self.data, above)
            && let Some(entry) = node.as_mapping().and_then(|mapping| mapping.get(key))
        {
            return Some(entry.key_span);
        }
        self.written_at(segments)
    }

    /// A value of a path without its secrets.
    pub fn masked(&self, path: &Path, value: &Data) -> Data {
        match value {
            Data::Mapping(mapping) => {
                let entry = |(key, value): (&Data, &Data)| {
                    let path = path.key(key.as_str().unwrap_or_default());
                    (key.clone(), self.masked(&path, value))
                };
                Data::Mapping(mapping.iter().map(entry).collect())
            }
            Data::Sequence(items) => {
                let item = |(index, value)| self.masked(&path.index(index), value);
                Data::Sequence(items.iter().enumerate().map(item).collect())
            }
            scalar => {
                let mut explained = self.one(path.clone(), scalar);
                masked::mask(&mut explained);
                explained.value
            }
        }
    }

    /// The variables in the value of a place.
    pub fn uses_at(&self, span: Span) -> &'a [Use] {
        self.text_at(span).map_or(&[], |text| &text.uses)
    }

    fn one(&self, path: Path, value: &Data) -> Explained {
        let origin = self.origin(&path);
        let place = match &origin {
            Origin::Implied { .. } => None,
            written => written.span(),
        };
        let text = place.and_then(|span| self.text_at(span));
        let mut overrode = match (place, &origin) {
            (Some(_), Origin::File(_)) | (None, _) => Vec::new(),
            (Some(span), _) => history::overridden(self.trace, &self.data, path.segments(), span),
        };
        let mut files: Vec<Overridden> = self
            .files_of(path.segments())
            .filter(|file| Some(file.span) != place)
            .map(|file| Overridden {
                value: file.value.clone(),
                span: file.span,
                layer: Layer::VariableFile,
            })
            .collect();
        files.append(&mut overrode);
        let way = match (place, &origin) {
            (Some(_), Origin::File(_)) | (None, _) => Vec::new(),
            (Some(span), _) => history::way(self.trace, path.segments(), span),
        };
        Explained {
            value: value.clone(),
            way,
            written: text.map(|text| text.written.clone()),
            uses: text.map(|text| text.uses.clone()).unwrap_or_default(),
            overrode: files,
            path,
            origin,
        }
    }

    /// The text with variables that a place lies in.
    fn text_at(&self, span: Span) -> Option<&'a Text> {
        let first = Span {
            end: 0,
            start: 0,
            ..span
        };
        let texts = self.trace.texts.range(first..);
        let mut here = texts.take_while(|(place, _)| place.source == span.source);
        here.find(|(place, _)| contains(**place, span))
            .map(|(_, text)| text)
    }

    /// What files of variables say about a key of `environment` or `labels`.
    fn files_of(&self, segments: &[Segment]) -> impl Iterator<Item = &'a FromFile> {
        let wanted = match segments {
            [
                Segment::Key(section),
                Segment::Key(service),
                Segment::Key(attribute),
                Segment::Key(name),
            ] if section == "services" => Some((service.clone(), attribute.clone(), name.clone())),
            _ => None,
        };
        self.trace.files.iter().filter(move |file| {
            wanted.as_ref().is_some_and(|(service, attribute, name)| {
                file.service == *service && file.attribute == attribute && file.name == *name
            })
        })
    }

    fn written_at(&self, path: &[Segment]) -> Option<Span> {
        match locate(self.trace.document.as_ref()?, &self.data, path) {
            Found::At(node) | Found::Open(node) => Some(node.span),
            Found::Nowhere(_) => None,
        }
    }

    fn origin_of_name(&self) -> Origin {
        let name = |reason: &str| Origin::Implied {
            from: None,
            reason: reason.to_owned(),
        };
        match self.trace.name {
            Named::Given => name("the name given with --project-name"),
            Named::Variable => {
                let key = "COMPOSE_PROJECT_NAME";
                let value = Some(self.loaded.project.name.as_str());
                match self.trace.source(key, value) {
                    VariableSource::File(span) => Origin::Implied {
                        from: Some(span),
                        reason: format!("the variable {key}"),
                    },
                    _ => name("the variable COMPOSE_PROJECT_NAME of the shell"),
                }
            }
            Named::FileOrFolder => {
                let mut documents = self.trace.documents.iter().rev();
                let outer = |span: Span| !self.trace.asked.contains_key(&span.source);
                let written = documents.find_map(|it| {
                    it.get("name")
                        .filter(|name| !name.is_null() && outer(name.span))
                });
                written.map_or_else(
                    || name("the name of the project's folder"),
                    |node| Origin::Written(node.span),
                )
            }
        }
    }
}

fn last_key(segments: &[Segment]) -> &str {
    match segments.last() {
        Some(Segment::Key(key)) => key,
        _ => "",
    }
}

/// Whether one place lies in another.
fn contains(outer: Span, inner: Span) -> bool {
    outer.source == inner.source && outer.start <= inner.start && inner.end <= outer.end
}
