//! The JSON Schema of Compose files, made of the rows.
//!
//! For editors: every key with what it is for, an example, and what may be written. Each mapping
//! whose keys are known is a definition of its own, in the order in which they are met.

use std::collections::VecDeque;

use super::attribute::Data;
use super::render;
use super::shape::{Key, Object, Shape};
use super::top_level::FILE;
use crate::document::{Sources, yaml};

/// Whatever has a variable in it may turn out right.
const VARIABLE: &str = r"\$";

/// Names that docker compose allows at the top level.
const NAME: &str = "^[a-zA-Z0-9._-]+$";

/// The schema of a Compose file.
pub fn schema() -> Data {
    let mut definitions = Definitions::default();
    let file = definitions.object(&FILE);
    let mut described = serde_yaml::Mapping::new();
    while let Some(object) = definitions.ahead.pop_front() {
        let definition = definitions.object(&object);
        described.insert(object.name.into(), definition);
    }
    let text = |text: &str| Some(Data::from(text));
    let schema = render::object([
        (
            "$schema",
            text("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("title", text("Compose file")),
        (
            "description",
            text("What rcompose reads; made by `rcompose schema`."),
        ),
    ]);
    joined([
        schema,
        file,
        render::object([("$defs", Some(described.into()))]),
    ])
}

/// The mappings that were met, and those of them that are not described yet.
#[derive(Default)]
struct Definitions {
    met: Vec<&'static str>,
    ahead: VecDeque<Object>,
}

impl Definitions {
    fn object(&mut self, object: &Object) -> Data {
        let mut properties = serde_yaml::Mapping::new();
        for key in (object.keys)() {
            properties.insert(key.key.into(), self.property(&key));
        }
        let required = object.required.iter().copied().map(Data::from);
        let required = (!object.required.is_empty()).then(|| required.collect());
        render::object([
            ("type", Some("object".into())),
            ("properties", Some(properties.into())),
            ("required", required),
            ("patternProperties", Some(single("^x-", Data::Bool(true)))),
            ("additionalProperties", Some(Data::Bool(false))),
        ])
    }

    fn property(&mut self, key: &Key) -> Data {
        let about = single("description", key.about.into());
        let examples = example(key.example).map(|value| Data::Sequence(vec![value]));
        let examples = render::object([("examples", examples)]);
        joined([about, self.describe(&key.shape), examples])
    }

    /// A schema of its own for a shape: of one kind, or any of several.
    fn describe(&mut self, shape: &Shape) -> Data {
        let mut any = self.alternatives(shape);
        if any.len() == 1 {
            any.remove(0)
        } else {
            single("anyOf", Data::Sequence(any))
        }
    }

    /// What a shape may be. Kinds without anything more to say are one alternative.
    fn alternatives(&mut self, shape: &Shape) -> Vec<Data> {
        let mut leaves = Vec::new();
        flatten(shape, &mut leaves);
        let mut kinds: Vec<&str> = Vec::new();
        let mut any = Vec::new();
        let mut words = false;
        for leaf in leaves {
            for kind in plain(leaf) {
                if !kinds.contains(kind) {
                    kinds.push(kind);
                }
            }
            words |= matches!(leaf, Shape::Words(_) | Shape::Pattern(_));
            any.extend(self.special(leaf));
        }
        if words && !kinds.contains(&"string") {
            any.push(text_like(VARIABLE));
        }
        let kinds: Vec<Data> = kinds.into_iter().map(Data::from).collect();
        match kinds.as_slice() {
            [] => {}
            [kind] => any.insert(0, single("type", kind.clone())),
            _ => any.insert(0, single("type", Data::Sequence(kinds))),
        }
        any
    }

    /// A shape that is more than a kind.
    fn special(&mut self, shape: &Shape) -> Option<Data> {
        Some(match shape {
            Shape::Pattern(pattern) => text_like(&format!("^({pattern})$")),
            Shape::Words(words) => {
                let words = words.iter().copied().map(Data::from);
                single("enum", words.collect())
            }
            Shape::Within(least, most) => render::object([
                ("type", Some("integer".into())),
                ("minimum", Some(Data::from(*least))),
                ("maximum", (*most != i64::MAX).then(|| Data::from(*most))),
            ]),
            Shape::List(item) => self.list(item, false),
            Shape::Set(item) => self.list(item, true),
            Shape::Map(value) => render::object([
                ("type", Some("object".into())),
                ("additionalProperties", Some(self.describe(value))),
            ]),
            Shape::Named(value) => render::object([
                ("type", Some("object".into())),
                (
                    "patternProperties",
                    Some(single(NAME, self.describe(value))),
                ),
                ("additionalProperties", Some(Data::Bool(false))),
            ]),
            Shape::Object(object) => self.reference(object),
            _ => return None,
        })
    }

    fn list(&mut self, item: &Shape, unique: bool) -> Data {
        render::object([
            ("type", Some("array".into())),
            ("items", Some(self.describe(item))),
            ("uniqueItems", render::flag(unique)),
        ])
    }

    fn reference(&mut self, object: &Object) -> Data {
        if !self.met.contains(&object.name) {
            self.met.push(object.name);
            self.ahead.push_back(*object);
        }
        single("$ref", format!("#/$defs/{}", object.name).into())
    }
}

/// The kinds of JSON values that a shape is, where it is nothing more.
fn plain(shape: &Shape) -> &'static [&'static str] {
    match shape {
        Shape::String | Shape::Within(..) => &["string"],
        Shape::Boolean => &["boolean", "string"],
        Shape::Integer => &["integer", "string"],
        Shape::Number => &["number", "string"],
        Shape::Scalar => &["string", "number", "boolean"],
        Shape::Null => &["null"],
        _ => &[],
    }
}

fn flatten<'s>(shape: &'s Shape, leaves: &mut Vec<&'s Shape>) {
    if let Shape::OneOf(shapes) = shape {
        for shape in *shapes {
            flatten(shape, leaves);
        }
    } else {
        leaves.push(shape);
    }
}

fn text_like(pattern: &str) -> Data {
    render::object([
        ("type", Some("string".into())),
        ("pattern", Some(pattern.into())),
    ])
}

fn example(text: &str) -> Option<Data> {
    let mut sources = Sources::default();
    let source = sources.add("example", text);
    let documents = yaml::parse(source, &sources.get(source).text).ok()?;
    documents.first().map(render::node)
}

fn single(key: &str, value: Data) -> Data {
    render::object([(key, Some(value))])
}

fn joined<const N: usize>(parts: [Data; N]) -> Data {
    let mappings = parts.into_iter().filter_map(|part| match part {
        Data::Mapping(mapping) => Some(mapping),
        _ => None,
    });
    Data::Mapping(mappings.flatten().collect())
}
