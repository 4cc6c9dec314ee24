//! Where everything came from: what loading notes down when somebody asks, and forgets otherwise.
//!
//! The tree keeps the place of every value. What it does not keep is noted here, stage by stage:
//! texts before variables were replaced, both sides of every merge, what files of variables set,
//! which service extends which. What it all means for one value is not decided here.

use std::collections::BTreeMap;

use super::Request;
use super::environment::Set;
use super::tree::Origin;
use crate::document::interpolate::{Used, used};
use crate::document::{Node, SourceId, Span, Value, yaml};

/// Everything that was noted.
#[derive(Debug, Default)]
pub struct Trace {
    /// The joined tree that the model was read from.
    pub document: Option<Node>,
    /// The documents as they were written, in the order of reading.
    pub documents: Vec<Node>,
    /// What anchors and `<<` did.
    pub yaml: yaml::Record,
    /// Texts with variables, by the place of the value.
    pub texts: BTreeMap<Span, Text>,
    /// Every time that one tree went over another, in order.
    pub merges: Vec<Merge>,
    /// Which service extends which.
    pub extends: Vec<Extends>,
    /// What `env_file` and `label_file` brought, in order.
    pub files: Vec<FromFile>,
    /// What asked for a file that the command line does not name: the place, and in which way.
    pub asked: BTreeMap<SourceId, (Span, &'static str)>,
    /// How the project got its name, where no file says it.
    pub name: Named,
    /// Variables of `.env` and `--env-file`, in the order in which they came to count.
    assigned: Vec<Assigned>,
    /// The process environment.
    shell: BTreeMap<String, String>,
}

/// A text before and while its variables are replaced.
#[derive(Debug, Clone)]
pub struct Text {
    /// As it is written.
    pub written: String,
    /// The variables that have a part in it.
    pub uses: Vec<Use>,
}

/// One variable of a text.
#[derive(Debug, Clone)]
pub struct Use {
    /// The variable.
    pub used: Used,
    /// Where its value came from.
    pub source: VariableSource,
}

/// Where a variable's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableSource {
    /// The process environment.
    Shell,
    /// An assignment in `.env` or a file of `--env-file`.
    File(Span),
    /// Loading itself: the project's name, the current folder.
    Project,
    /// It has no value.
    Unset,
}

/// One tree over another.
#[derive(Debug, Clone)]
pub struct Merge {
    /// The section and name that both are the value of; empty for whole documents.
    pub at: Vec<String>,
    /// The lower one.
    pub base: Node,
    /// The upper one.
    pub over: Node,
}

/// A service that begins as another one.
#[derive(Debug, Clone)]
pub struct Extends {
    /// The service that extends.
    pub service: String,
    /// Where it says so.
    pub span: Span,
    /// The service that it extends.
    pub base: String,
}

/// One variable of an `env_file`, or one label of a `label_file`.
#[derive(Debug, Clone)]
pub struct FromFile {
    /// The service whose file it is.
    pub service: String,
    /// `environment` or `labels`.
    pub attribute: &'static str,
    /// The key.
    pub name: String,
    /// The value.
    pub value: String,
    /// The assignment.
    pub span: Span,
}

/// How a project gets its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Named {
    /// By `--project-name`.
    Given,
    /// By `COMPOSE_PROJECT_NAME`.
    Variable,
    /// By `name` in a file, or else by its folder.
    #[default]
    FileOrFolder,
}

#[derive(Debug, Clone)]
struct Assigned {
    name: String,
    value: String,
    span: Span,
}

impl Trace {
    /// Where the value of a variable came from, as far as is known by now.
    pub fn source(&self, name: &str, value: Option<&str>) -> VariableSource {
        let Some(value) = value else {
            return VariableSource::Unset;
        };
        if self.shell.get(name).is_some_and(|known| known == value) {
            return VariableSource::Shell;
        }
        let mut latest = self.assigned.iter().rev();
        latest
            .find(|it| it.name == name && it.value == value)
            .map_or(VariableSource::Project, |it| VariableSource::File(it.span))
    }

    /// A variable of `.env` or `--env-file` comes to count.
    pub(super) fn assigns(&mut self, name: &str, value: &str, span: Span) {
        self.assigned.push(Assigned {
            name: name.to_owned(),
            value: value.to_owned(),
            span,
        });
    }

    /// The variables of a document are about to be replaced.
    pub(super) fn interpolates(
        &mut self,
        node: &Node,
        shell: &BTreeMap<String, String>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) {
        if self.shell.is_empty() {
            self.shell.clone_from(shell);
        }
        match &node.value {
            Value::Mapping(mapping) => {
                for entry in mapping.values() {
                    self.interpolates(&entry.value, shell, lookup);
                }
            }
            Value::Sequence(items) => {
                for item in items {
                    self.interpolates(item, shell, lookup);
                }
            }
            Value::Scalar(scalar) => {
                if node.as_str().is_some_and(|text| text.contains('$')) {
                    let text = self.text(&scalar.text, lookup);
                    self.texts.insert(node.span, text);
                }
            }
        }
    }

    fn text(&self, written: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Text {
        let found = used(written, lookup).into_iter();
        let uses = found.map(|used| Use {
            source: self.source(&used.name, used.value.as_deref()),
            used,
        });
        Text {
            written: written.to_owned(),
            uses: uses.collect(),
        }
    }

    /// One tree is about to go over another.
    pub(super) fn merges(&mut self, base: &Node, over: &Node, at: &[&str]) {
        if !base.is_null() {
            self.merges.push(Merge {
                at: at.iter().map(|key| (*key).to_owned()).collect(),
                base: base.clone(),
                over: over.clone(),
            });
        }
    }

    /// A service goes over another one.
    pub(super) fn extends(&mut self, service: &str, span: Span, base: &str) {
        self.extends.push(Extends {
            service: service.to_owned(),
            span,
            base: base.to_owned(),
        });
    }

    /// A file of a service sets something.
    pub(super) fn reads(&mut self, service: &str, attribute: &'static str, set: &Set) {
        self.files.push(FromFile {
            service: service.to_owned(),
            attribute,
            name: set.name.clone(),
            value: set.value.clone(),
            span: set.span,
        });
    }

    /// What is known at the end only.
    pub(super) fn finish<'o>(
        &mut self,
        document: Node,
        origins: impl Iterator<Item = (&'o SourceId, &'o Origin)>,
        request: &Request,
    ) {
        self.document = Some(document);
        self.shell.clone_from(&request.variables);
        self.asked = origins
            .filter_map(|(source, origin)| Some((*source, origin.asked?)))
            .collect();
        let by_variable = self
            .shell
            .get("COMPOSE_PROJECT_NAME")
            .is_some_and(|name| !name.is_empty())
            || self
                .assigned
                .iter()
                .any(|it| it.name == "COMPOSE_PROJECT_NAME");
        self.name = match &request.project_name {
            Some(_) => Named::Given,
            None if by_variable => Named::Variable,
            None => Named::FileOrFolder,
        };
    }
}
