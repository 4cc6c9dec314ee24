//! `provider`: a program that stands in for the service's containers.

use std::collections::BTreeMap;

use crate::document::{Node, Value};
use crate::project::attribute::{
    Attribute, Hash, Lower, merge, merge_rule, read_table, render_table,
};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};

/// A section `provider`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provider {
    /// Name of the program.
    pub kind: String,
    /// What it is told; several values repeat the option.
    pub options: BTreeMap<String, Vec<String>>,
}

/// The row of `provider`.
pub const ROW: Attribute<Service> = Attribute {
    key: "provider",
    about: "A program that stands in for the service's containers.",
    example: "{type: awesomecloud}",
    shape: Shape::requiring(&["type"], "provider", || keys(TABLE)),
    parse: |node, service, reader| service.provider = Some(parse(node, reader)),
    merge: |rest| merge_rule(TABLE, rest),
    render: |service| {
        let provider = service.provider.as_ref()?;
        Some(render_table(TABLE, provider))
    },
    hash: Hash::Included,
    lower: Lower::NotYet("this version of rcompose does not run providers yet"),
};

/// The keys of `provider`.
pub const TABLE: &[Attribute<Provider>] = &[
    Attribute {
        key: "type",
        about: "Name of the program.",
        example: "awesomecloud",
        shape: Shape::String,
        parse: |node, provider, reader| provider.kind = reader.string(node).unwrap_or_default(),
        merge: merge::default,
        render: |provider| render::text(Some(&provider.kind)),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/provider.rs"),
    },
    Attribute {
        key: "options",
        about: "What it is told.",
        example: "{size: small}",
        shape: Shape::Map(&Shape::OneOf(&[Shape::Scalar, Shape::TEXTS])),
        parse: |node, provider, reader| provider.options = read_options(node, reader),
        merge: merge::default,
        render: |provider| {
            let strings = |values: &Vec<String>| render::list(values).unwrap_or_default();
            render::mapping(&provider.options, strings)
        },
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/provider.rs"),
    },
];

fn parse(node: &Node, reader: &mut Reader<'_>) -> Provider {
    let mut provider = Provider::default();
    read_table(node, TABLE, &mut provider, reader);
    if node.as_mapping().is_some() && node.get("type").is_none() {
        reader.missing(node, "type", "this provider");
    }
    provider
}

fn read_options(node: &Node, reader: &mut Reader<'_>) -> BTreeMap<String, Vec<String>> {
    let mut options = BTreeMap::new();
    for (name, entry) in reader.mapping(node).into_iter().flatten() {
        let values = reader.within(name, |reader| match &entry.value.value {
            Value::Sequence(_) => reader.texts(&entry.value),
            _ => reader.text(&entry.value).into_iter().collect(),
        });
        if !values.is_empty() {
            options.insert(name.clone(), values);
        }
    }
    options
}
