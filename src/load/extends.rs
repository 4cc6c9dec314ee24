//! `extends`: a service that begins as another one, of the same document or of another file.
//!
//! | written | the base |
//! |---|---|
//! | `extends: base` | service `base` of this document |
//! | `extends: {service: base}` | the same |
//! | `extends: {service: base, file: other.yaml}` | service `base` of that file |
//!
//! - The extending service goes over the base by the rules of merging; `!reset` and `!override`
//!   take away from the base, and from earlier files.
//! - The base may extend another one. Of its file nothing else is read: no `include`, no other
//!   services, no networks or volumes.
//! - `file` starts from the project's folder; in a file that is itself extended, from that file's
//!   folder. Relative paths within the base start from the folder of its file.
//! - Variables in the base are those of the extending file.
//! - What the document includes is not there yet: docker compose 2.40.3 finds no included base
//!   without `file`, either (later versions do).

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Load;
use super::discover::Found;
use super::tree::{Scope, is_remote, remote};
use crate::document::diagnostic::nearest;
use crate::document::{Diagnostic, Entry, Mapping, Node, Span, Tag, Value};
use crate::project::service::EXTENDED_KEYS;

/// The longest chain that is followed.
const MAX_CHAIN: usize = 200;

/// What a file is wanted for, as messages say it.
pub(super) const ASKED: &str = "extended here";

/// Completes the services of a document. `None` when any base is missing.
pub(super) fn resolve(load: &mut Load<'_>, document: &mut Node, scope: &Scope) -> Option<()> {
    // What is wrong with `services` is said when it is read.
    let services = document.get("services").and_then(Node::as_mapping);
    let extending: Vec<String> = services
        .into_iter()
        .flatten()
        .filter(|(_, entry)| entry.value.get("extends").is_some())
        .map(|(name, _)| name.clone())
        .collect();
    if extending.is_empty() {
        return Some(());
    }
    let file = load.file_of(document.span);
    let mut resolver = Resolver {
        load,
        scope,
        places: vec![Place {
            file: file.clone(),
            directory: scope.directory.clone(),
            services: known(document),
            span: document.span,
        }],
        resolved: BTreeMap::new(),
        chain: Vec::new(),
    };
    let mut complete = Some(());
    for name in extending {
        match resolver.extended(document, &name) {
            Some(service) => put(document, &name, service),
            None => complete = None,
        }
    }
    complete
}

/// What can be extended without naming a file.
fn known(document: &Node) -> Mapping {
    let services = document.get("services").and_then(Node::as_mapping);
    services.cloned().unwrap_or_default()
}

fn put(document: &mut Node, name: &str, service: Node) {
    if let Value::Mapping(sections) = &mut document.value
        && let Some(section) = sections.get_mut("services")
        && let Value::Mapping(services) = &mut section.value.value
        && let Some(entry) = services.get_mut(name)
    {
        entry.value = service;
    }
}

/// One text with services.
struct Place {
    file: Option<PathBuf>,
    /// Where `file` of its `extends` starts.
    directory: PathBuf,
    services: Mapping,
    span: Span,
}

/// One `extends` on the way.
struct Step {
    file: Option<PathBuf>,
    service: String,
    span: Span,
}

struct Resolver<'r, 'l> {
    load: &'r mut Load<'l>,
    scope: &'r Scope,
    /// The document first, then files as they are asked for.
    places: Vec<Place>,
    /// By place and name; nothing for one that failed, which has been told.
    resolved: BTreeMap<(usize, String), Option<Node>>,
    chain: Vec<Step>,
}

/// What an `extends` says.
struct Wanted {
    service: String,
    service_span: Span,
    file: Option<(String, Span)>,
    span: Span,
}

impl Resolver<'_, '_> {
    /// A service of the document with its base under it; its tags stay, for earlier files.
    fn extended(&mut self, document: &Node, name: &str) -> Option<Node> {
        let service = document.get("services")?.get(name)?.clone();
        let own = without_extends(service.clone());
        let mut whole = self.on_base(0, name, service)?;
        retag(&own, &mut whole);
        complete_build(&mut whole, document.span);
        Some(whole)
    }

    /// A service over what it extends.
    fn on_base(&mut self, place: usize, name: &str, service: Node) -> Option<Node> {
        let Some(extends) = service.get("extends") else {
            return self.settled(without_extends(service), name);
        };
        let wanted = self.read(extends)?;
        let file = self.places[place].file.clone();
        if let Some(begin) = self
            .chain
            .iter()
            .position(|step| step.service == name && step.file == file && file.is_some())
            .or_else(|| self.turns(place, name))
        {
            self.circular(begin);
            return None;
        }
        if self.chain.len() >= MAX_CHAIN {
            let message = format!("more than {MAX_CHAIN} services extend each other in a row");
            self.refuse(
                Diagnostic::error(message)
                    .code("extends-too-deep")
                    .at(wanted.span, "this one goes too far"),
            );
            return None;
        }
        self.chain.push(Step {
            file,
            service: name.to_owned(),
            span: wanted.span,
        });
        let base = self.base(place, &wanted);
        self.chain.pop();
        let own = without_extends(service);
        let base = base?;
        if let Some(trace) = &mut self.load.trace {
            trace.extends(name, wanted.span, &wanted.service);
        }
        if base.is_null() {
            return self.settled(own, name);
        }
        self.load.over(base, own, &["services", name])
    }

    /// Without a file to compare (standard input), a circle shows in the first place only.
    fn turns(&self, place: usize, name: &str) -> Option<usize> {
        let nameless = place == 0 && self.places[0].file.is_none();
        let same = |step: &Step| step.file.is_none() && step.service == name;
        nameless.then(|| self.chain.iter().position(same))?
    }

    fn settled(&mut self, service: Node, name: &str) -> Option<Node> {
        let nothing = Node::null(service.span);
        self.load.over(nothing, service, &["services", name])
    }

    fn base(&mut self, place: usize, wanted: &Wanted) -> Option<Node> {
        let place = match &wanted.file {
            None => place,
            Some((file, span)) => self.open(place, file, *span, &wanted.service)?,
        };
        let key = (place, wanted.service.clone());
        if let Some(known) = self.resolved.get(&key) {
            return known.clone();
        }
        let found = self.look_up(place, wanted)?;
        let base = self.on_base(place, &wanted.service, found);
        self.resolved.insert(key, base.clone());
        base
    }

    fn look_up(&mut self, place: usize, wanted: &Wanted) -> Option<Node> {
        let found = self.places[place].services.get(&wanted.service);
        let found = found.map(|entry| entry.value.clone());
        if found.is_none() {
            self.unknown(place, wanted);
        }
        found
    }

    /// The place behind a file's name.
    fn open(&mut self, from: usize, file: &str, span: Span, service: &str) -> Option<usize> {
        if is_remote(file) {
            self.load.diagnostics.push(remote(span));
            return None;
        }
        let path = self.load.path_from(&self.places[from].directory, file);
        let opened = self.places.iter().skip(1);
        if let Some(known) = opened
            .clone()
            .position(|it| it.file.as_ref() == Some(&path))
        {
            return Some(known + 1);
        }
        let directory = path.parent().unwrap_or(&path).to_owned();
        let found = [Found::File(path.clone())];
        let asked = Some((span, ASKED));
        let mut documents = self.load.documents(&found, &directory, asked, &[service])?;
        for document in &mut documents {
            self.load.interpolate(document, self.scope);
        }
        let mut joined: Option<Node> = None;
        for document in documents {
            joined = match joined {
                None => Some(document),
                Some(base) => Some(self.load.over(base, document, &[])?),
            };
        }
        let Some(joined) = joined else {
            let error = Diagnostic::error(format!("{} is empty", found[0])).code("empty-file");
            self.load
                .diagnostics
                .push(error.at(span, "a service of this file is wanted"));
            return None;
        };
        self.places.push(Place {
            file: Some(path),
            directory,
            services: known(&joined),
            span: joined.span,
        });
        Some(self.places.len() - 1)
    }

    fn read(&mut self, node: &Node) -> Option<Wanted> {
        if let Some(name) = node.as_str() {
            return Some(Wanted {
                service: name.to_owned(),
                service_span: node.span,
                file: None,
                span: node.span,
            });
        }
        let Some(mapping) = node.as_mapping() else {
            let error = Diagnostic::error("`extends` must be a service's name or a mapping")
                .code("wrong-type");
            self.refuse(error.at(node.span, format!("this is {}", node.describe())));
            return None;
        };
        for (key, entry) in mapping {
            let known = EXTENDED_KEYS.iter().map(|it| it.key);
            if !known.clone().any(|it| it == key) && !key.starts_with("x-") {
                let error = Diagnostic::error(format!("unknown key `{key}` in `extends`"))
                    .code("unknown-key");
                let error = error.at(entry.key_span, "it has `service` and `file`");
                let near = nearest(key, known);
                self.refuse(match near {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                });
                return None;
            }
        }
        let service = self.text(node, "service")?;
        let file = match node.get("file") {
            None => None,
            Some(file) if file.is_null() => None,
            Some(_) => Some(self.text(node, "file")?),
        };
        Some(Wanted {
            service: service.0,
            service_span: service.1,
            file,
            span: node.span,
        })
    }

    fn text(&mut self, node: &Node, key: &str) -> Option<(String, Span)> {
        let value = node.get(key);
        if let Some(text) = value.and_then(Node::as_str) {
            return Some((text.to_owned(), value?.span));
        }
        let error = Diagnostic::error(format!("`extends` needs a `{key}` that is a string"))
            .code("wrong-type");
        self.refuse(match value {
            Some(value) => error.at(value.span, format!("this is {}", value.describe())),
            None => error.at(node.span, format!("`{key}` is missing")),
        });
        None
    }

    fn refuse(&mut self, error: Diagnostic) {
        self.load.diagnostics.push(error);
    }

    fn unknown(&mut self, place: usize, wanted: &Wanted) {
        let from = self.chain.last().map_or("", |step| step.service.as_str());
        let name = &wanted.service;
        let message = format!("service `{from}` extends `{name}`, which is not there");
        let looked = &self.places[place];
        let mut error = Diagnostic::error(message)
            .code("undefined-reference")
            .at(wanted.service_span, "no such service");
        if wanted.file.is_some() {
            error = error.at(beginning(looked.span), "it is looked for in this file");
        }
        if let Some(near) = nearest(name, looked.services.keys().map(String::as_str)) {
            error = error.help(format!("did you mean `{near}`?"));
        } else if place == 0 {
            error =
                error.help("a service of another file is extended with `file` beside `service`");
        }
        self.resolved.insert((place, name.clone()), None);
        self.refuse(error);
    }

    fn circular(&mut self, begin: usize) {
        let circle = &self.chain[begin..];
        let names = circle.iter().chain(circle.first());
        let names: Vec<&str> = names.map(|step| step.service.as_str()).collect();
        let message = format!(
            "services extend each other in a circle: {}",
            names.join(" → ")
        );
        let mut error = Diagnostic::error(message).code("extends-cycle");
        for (step, next) in circle.iter().zip(names.iter().skip(1)) {
            error = error.at(step.span, format!("`{}` extends `{next}`", step.service));
        }
        let error = error.help("put what they share into a service that extends none of them");
        for (place, here) in self.places.iter().enumerate() {
            for step in self.chain.iter().filter(|step| step.file == here.file) {
                self.resolved.insert((place, step.service.clone()), None);
            }
        }
        self.refuse(error);
    }
}

/// Where a text begins, for a label without a long underline.
fn beginning(span: Span) -> Span {
    Span {
        end: span.start,
        ..span
    }
}

fn without_extends(mut service: Node) -> Node {
    if let Value::Mapping(mapping) = &mut service.value {
        mapping.shift_remove("extends");
    }
    service
}

/// A build without a context is one of the extending file's folder, wherever the rest of it comes
/// from.
fn complete_build(service: &mut Node, here: Span) {
    if let Value::Mapping(attributes) = &mut service.value
        && let Some(build) = attributes.get_mut("build")
        && build.value.span.source != here.source
        && let Value::Mapping(parts) = &mut build.value.value
        && !parts.contains_key("context")
    {
        let value = Node::string(beginning(here), ".");
        let key_span = value.span;
        parts.insert("context".to_owned(), Entry { key_span, value });
    }
}

/// Gives a tree the tags of the one that went into it.
fn retag(over: &Node, whole: &mut Node) {
    whole.tag = over.tag;
    let (Value::Mapping(above), Value::Mapping(mapping)) = (&over.value, &mut whole.value) else {
        return;
    };
    for (key, entry) in above {
        if entry.value.tag == Some(Tag::Reset) {
            mapping.insert(key.clone(), entry.clone());
        } else if let Some(merged) = mapping.get_mut(key) {
            retag(&entry.value, &mut merged.value);
        }
    }
}
