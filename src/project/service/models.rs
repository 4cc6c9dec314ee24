//! `models`: language models that a service is given the address of.

use std::collections::BTreeMap;

use crate::document::merge::Rule;
use crate::document::{Node, Value};
use crate::project::attribute::{
    Attribute, Data, Hash, Lower, merge, merge_rule, read_table, render_table,
};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};

/// Which variables tell the service about a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelUse {
    /// Variable for the address; `<MODEL>_URL` when absent.
    pub endpoint_var: Option<String>,
    /// Variable for the name; `<MODEL>_MODEL` when absent.
    pub model_var: Option<String>,
}

/// The row of `models`.
pub const ROW: Attribute<Service> = Attribute {
    key: "models",
    about: "Language models whose addresses it gets as variables.",
    example: "[llm]",
    shape: Shape::OneOf(&[Shape::DISTINCT, Shape::Map(&USE)]),
    parse: |node, service, reader| service.models = parse(node, reader),
    merge: |rest| match rest {
        [] => Rule::Promote(super::networks::promote),
        [_, below @ ..] => merge_rule(TABLE, below),
    },
    render: |service| {
        render::mapping(&service.models, |used| {
            used.as_ref()
                .map_or(Data::Null, |used| render_table(TABLE, used))
        })
    },
    hash: Hash::Included,
    lower: Lower::NotYet("this version of rcompose does not run models yet"),
};

const USE: Shape = Shape::OneOf(&[Shape::Null, Shape::object("service_model", || keys(TABLE))]);

/// The keys of a use of a model.
pub const TABLE: &[Attribute<ModelUse>] = &[
    Attribute {
        key: "endpoint_var",
        about: "Variable for the address (default `<MODEL>_URL`).",
        example: "LLM_URL",
        shape: Shape::String,
        parse: |node, used, reader| used.endpoint_var = reader.string(node),
        merge: merge::default,
        render: |used| render::text(used.endpoint_var.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/models.rs"),
    },
    Attribute {
        key: "model_var",
        about: "Variable for the name (default `<MODEL>_MODEL`).",
        example: "LLM_NAME",
        shape: Shape::String,
        parse: |node, used, reader| used.model_var = reader.string(node),
        merge: merge::default,
        render: |used| render::text(used.model_var.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/models.rs"),
    },
];

fn parse(node: &Node, reader: &mut Reader<'_>) -> BTreeMap<String, Option<ModelUse>> {
    if let Value::Sequence(_) = node.value {
        let names = reader.strings(node).into_iter();
        return names.map(|name| (name, None)).collect();
    }
    let mut models = BTreeMap::new();
    for (name, entry) in reader.mapping(node).into_iter().flatten() {
        let used = reader.within(name, |reader| parse_use(&entry.value, reader));
        models.insert(name.clone(), used);
    }
    models
}

fn parse_use(node: &Node, reader: &mut Reader<'_>) -> Option<ModelUse> {
    if node.is_null() {
        return None;
    }
    let mut used = ModelUse::default();
    read_table(node, TABLE, &mut used, reader);
    Some(used)
}
