//! `depends_on`: what must be there, and in which condition, before a service starts.

use std::collections::BTreeMap;

use crate::document::merge::Rule;
use crate::document::{Entry, Mapping, Node, Scalar, ScalarKind, Value};
use crate::project::attribute::{Attribute, Data, Hash, Lower, merge, read_table, render_table};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};

/// What a service waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Condition {
    /// The dependency's containers are started.
    #[default]
    Started,
    /// The dependency's health check passes.
    Healthy,
    /// The dependency has ended with exit code 0.
    CompletedSuccessfully,
}

impl Condition {
    const ALL: [Condition; 3] = [
        Condition::Started,
        Condition::Healthy,
        Condition::CompletedSuccessfully,
    ];

    /// The specification's words.
    pub const WORDS: &[&str] = &[
        Condition::Started.word(),
        Condition::Healthy.word(),
        Condition::CompletedSuccessfully.word(),
    ];

    /// The specification's word.
    pub const fn word(self) -> &'static str {
        match self {
            Condition::Started => "service_started",
            Condition::Healthy => "service_healthy",
            Condition::CompletedSuccessfully => "service_completed_successfully",
        }
    }

    /// The condition of a word.
    pub fn from_word(word: &str) -> Option<Condition> {
        Condition::ALL
            .into_iter()
            .find(|condition| condition.word() == word)
    }
}

/// One entry of `depends_on`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// What to wait for.
    pub condition: Condition,
    /// Restart this service when the dependency is restarted or replaced.
    pub restart: bool,
    /// Fail when the dependency cannot be had; otherwise warn and go on.
    pub required: bool,
}

impl Default for Dependency {
    fn default() -> Dependency {
        Dependency {
            condition: Condition::Started,
            restart: false,
            required: true,
        }
    }
}

/// The row of `depends_on`.
pub const ROW: Attribute<Service> = Attribute {
    key: "depends_on",
    about: "Services that start first, and the condition that is waited for.",
    example: "{db: {condition: service_healthy}}",
    shape: Shape::OneOf(&[Shape::DISTINCT, Shape::Named(&ENTRY)]),
    parse: |node, service, reader| service.depends_on = parse(node, reader),
    merge: |rest| {
        if rest.is_empty() {
            Rule::Promote(promote)
        } else {
            Rule::Default
        }
    },
    render: |service| {
        render::mapping(&service.depends_on, |dependency| {
            render_table(TABLE, dependency)
        })
    },
    hash: Hash::Excluded("order of starting is no property of a container"),
    lower: Lower::UsedBy("graph.rs"),
};

const ENTRY: Shape = Shape::requiring(&["condition"], "dependency", || keys(TABLE));

/// The keys of an entry of `depends_on`.
pub const TABLE: &[Attribute<Dependency>] = &[
    Attribute {
        key: "condition",
        about: "`service_started`, `service_healthy` or `service_completed_successfully`.",
        example: "service_healthy",
        shape: Shape::Words(Condition::WORDS),
        parse: |node, dependency, reader| dependency.condition = parse_condition(node, reader),
        merge: merge::default,
        render: |dependency| Some(Data::from(dependency.condition.word())),
        hash: Hash::Excluded("order of starting is no property of a container"),
        lower: Lower::UsedBy("graph.rs"),
    },
    Attribute {
        key: "restart",
        about: "Restart this service when the dependency is restarted or replaced.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, dependency, reader| {
            dependency.restart = reader.boolean(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |dependency| render::flag(dependency.restart),
        hash: Hash::Excluded("order of starting is no property of a container"),
        lower: Lower::UsedBy("graph.rs"),
    },
    Attribute {
        key: "required",
        about: "Fail when the dependency cannot be had (default true).",
        example: "false",
        shape: Shape::Boolean,
        parse: |node, dependency, reader| {
            dependency.required = reader.boolean(node).unwrap_or(true);
        },
        merge: merge::default,
        render: |dependency| Some(Data::Bool(dependency.required)),
        hash: Hash::Excluded("order of starting is no property of a container"),
        lower: Lower::UsedBy("graph.rs"),
    },
];

/// A list of names as a mapping; a missing condition is what the short form means.
fn promote(node: Node) -> Node {
    let Value::Sequence(items) = &node.value else {
        return node;
    };
    let mut mapping = Mapping::new();
    for item in items {
        let Some(name) = item.as_str() else {
            return node;
        };
        // What the short form means is said in full, so that it replaces what a long form said.
        let entry = |value| Entry {
            key_span: item.span,
            value,
        };
        let condition = Node::string(item.span, Condition::Started.word());
        let required = Scalar {
            text: "true".to_owned(),
            kind: ScalarKind::Bool(true),
        };
        let required = Node {
            value: Value::Scalar(required),
            ..Node::null(item.span)
        };
        let long = Mapping::from_iter([
            ("condition".to_owned(), entry(condition)),
            ("required".to_owned(), entry(required)),
        ]);
        let value = Node::mapping(item.span, long);
        mapping.insert(
            name.to_owned(),
            Entry {
                key_span: item.span,
                value,
            },
        );
    }
    Node::mapping(node.span, mapping)
}

fn parse(node: &Node, reader: &mut Reader<'_>) -> BTreeMap<String, Dependency> {
    reader.distinct(node);
    match &node.value {
        Value::Sequence(_) => reader
            .strings(node)
            .into_iter()
            .map(|name| (name, Dependency::default()))
            .collect(),
        Value::Mapping(mapping) => {
            let mut dependencies = BTreeMap::new();
            for (name, entry) in mapping {
                let mut dependency = Dependency::default();
                reader.within(name, |reader| {
                    read_table(&entry.value, TABLE, &mut dependency, reader);
                    if entry.value.as_mapping().is_some() && entry.value.get("condition").is_none()
                    {
                        reader.missing(&entry.value, "condition", "this dependency");
                    }
                });
                dependencies.insert(name.clone(), dependency);
            }
            dependencies
        }
        Value::Scalar(_) => {
            reader.expected(node, "a list or a mapping of services");
            BTreeMap::new()
        }
    }
}

fn parse_condition(node: &Node, reader: &mut Reader<'_>) -> Condition {
    let Some(word) = reader.string(node) else {
        return Condition::default();
    };
    Condition::from_word(&word).unwrap_or_else(|| {
        let words = Condition::WORDS;
        reader.invalid(
            node,
            format!("{word:?} is not a condition"),
            &format!("one of {}", words.join(", ")),
        );
        reader.suggest(&word, words);
        Condition::default()
    })
}
