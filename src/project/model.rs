//! A language model of the top level, and the table of its attributes.

use crate::document::{Node, ScalarKind, Span};
use crate::project::attribute::{Attribute, Hash, Lower, merge, read_table};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::shape::Shape;

/// A model that services are given the address of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Model {
    /// Where its key stands.
    pub span: Option<Span>,
    /// Name.
    pub name: Option<String>,
    /// What it is: `ai/smollm2`.
    pub model: Option<String>,
    /// Tokens that it takes at most.
    pub context_size: i64,
    /// Flags of the program that runs it.
    pub runtime_flags: Vec<String>,
}

const USED: Lower<Model> = Lower::UsedBy("project/service/models.rs");

const HASH: Hash = Hash::Excluded("what a service says of it counts, not what it is");

/// Every attribute of a model, in the order that printing follows.
pub const TABLE: &[Attribute<Model>] = &[
    Attribute {
        key: "name",
        about: "Name.",
        example: "llm",
        shape: Shape::String,
        parse: |node, model, reader| model.name = reader.string(node),
        merge: merge::default,
        render: |model| render::text(model.name.as_deref()),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "model",
        about: "What it is: `ai/smollm2`.",
        example: "ai/smollm2",
        shape: Shape::String,
        parse: |node, model, reader| model.model = reader.string(node),
        merge: merge::default,
        render: |model| render::text(model.model.as_deref()),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "context_size",
        about: "Tokens that it takes at most.",
        example: "1024",
        shape: Shape::Integer,
        parse: |node, model, reader| {
            model.context_size = read_context_size(node, reader).unwrap_or_default();
        },
        merge: merge::default,
        render: |model| render::number(model.context_size),
        hash: HASH,
        lower: USED,
    },
    Attribute {
        key: "runtime_flags",
        about: "Flags of the program that runs it.",
        example: "[--verbose]",
        shape: Shape::STRINGS,
        parse: |node, model, reader| model.runtime_flags = reader.strings(node),
        merge: merge::default,
        render: |model| render::list(&model.runtime_flags),
        hash: HASH,
        lower: USED,
    },
];

/// A whole number without quotes.
fn read_context_size(node: &Node, reader: &mut Reader<'_>) -> Option<i64> {
    match node.as_scalar().map(|scalar| scalar.kind) {
        Some(ScalarKind::Float(value)) if value.fract() != 0.0 => reader.integer(node),
        _ => reader.plain_number(node),
    }
}

/// Reads a model.
pub fn read(name: &str, key_span: Span, node: &Node, reader: &mut Reader<'_>) -> Model {
    let mut model = Model {
        span: Some(key_span),
        ..Model::default()
    };
    read_table(node, TABLE, &mut model, reader);
    if model.model.is_none() && node.as_mapping().is_some() {
        let reason = format!("model `{name}` does not say what it is: `model` is missing");
        reader.invalid(node, reason, "this model");
    }
    model
}
