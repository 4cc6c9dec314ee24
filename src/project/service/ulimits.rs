//! `ulimits`: resource limits of processes, one number or a soft and a hard one.

use std::collections::BTreeMap;

use bollard::models::ResourcesUlimits;

use crate::document::merge::Rule;
use crate::document::{Node, ScalarKind, Value};
use crate::project::attribute::{Attribute, Data, Hash, Lower, unknown_key};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::{Key, Shape};

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ulimit {
    /// Soft and hard alike.
    Both(i64),
    /// One each.
    Each {
        /// What processes start with.
        soft: i64,
        /// How far they may raise it.
        hard: i64,
    },
}

/// The row of `ulimits`.
pub const ROW: Attribute<Service> = Attribute {
    key: "ulimits",
    about: "Limits of processes by name: a number, or `soft` and `hard`.",
    example: "{nofile: {soft: 1000, hard: 2000}}",
    shape: SHAPE,
    parse: |node, service, reader| service.ulimits = parse(node, reader),
    merge: |rest| {
        if rest.len() == 1 {
            Rule::Replace
        } else {
            Rule::Default
        }
    },
    render: |service| render::mapping(&service.ulimits, print),
    hash: Hash::Included,
    lower: Lower::Request(lower),
};

/// What may be written for limits.
pub const SHAPE: Shape = Shape::Map(&Shape::OneOf(&[
    Shape::Integer,
    Shape::requiring(&["soft", "hard"], "ulimit", || KEYS.to_vec()),
]));

/// The keys of a limit in the long form.
const KEYS: &[Key] = &[
    Key {
        key: "soft",
        about: "What processes start with.",
        example: "1000",
        shape: Shape::Integer,
    },
    Key {
        key: "hard",
        about: "How far processes may raise it.",
        example: "2000",
        shape: Shape::Integer,
    },
];

/// A limit as it is printed. A single nothing is a pair of them in docker compose.
pub fn print(limit: &Ulimit) -> Data {
    match *limit {
        Ulimit::Both(0) => print(&Ulimit::Each { soft: 0, hard: 0 }),
        Ulimit::Both(value) => Data::from(value),
        Ulimit::Each { soft, hard } => render::object([
            ("soft", Some(Data::from(soft))),
            ("hard", Some(Data::from(hard))),
        ]),
    }
}

/// JSON, and so the hash, leaves a limit of nothing out of its pair: `core: 0` is `{}` there.
pub(crate) fn json_form(service: &mut Data) {
    let build = service
        .get_mut("build")
        .and_then(|build| build.get_mut("ulimits"));
    without_zeros(build);
    without_zeros(service.get_mut("ulimits"));
}

fn without_zeros(limits: Option<&mut Data>) {
    for (_, limit) in limits.and_then(Data::as_mapping_mut).into_iter().flatten() {
        if let Data::Mapping(sides) = limit {
            sides.retain(|_, side| side.as_i64() != Some(0));
        }
    }
}

/// Limits by name of a build, where docker compose takes no quotes.
pub fn parse_unquoted(node: &Node, reader: &mut Reader<'_>) -> BTreeMap<String, Ulimit> {
    for (name, entry) in node.as_mapping().into_iter().flatten() {
        let sides = ["soft", "hard"].map(|side| entry.value.get(side));
        for number in sides.into_iter().flatten().chain([&entry.value]) {
            if number.as_str().is_some() {
                reader.within(name, |reader| {
                    reader.expected(number, "a whole number without quotes");
                });
            }
        }
    }
    parse(node, reader)
}

/// Limits by name.
fn parse(node: &Node, reader: &mut Reader<'_>) -> BTreeMap<String, Ulimit> {
    let mut limits = BTreeMap::new();
    let Some(mapping) = reader.mapping(node) else {
        return limits;
    };
    for (name, entry) in mapping {
        let limit = reader.within(name, |reader| parse_limit(&entry.value, reader));
        limits.extend(limit.map(|limit| (name.clone(), limit)));
    }
    limits
}

fn parse_limit(node: &Node, reader: &mut Reader<'_>) -> Option<Ulimit> {
    let Value::Mapping(mapping) = &node.value else {
        return limit(node, reader).map(Ulimit::Both);
    };
    for (key, entry) in mapping {
        if !["soft", "hard"].contains(&key.as_str()) && !key.starts_with("x-") {
            unknown_key(key, entry, ["soft", "hard"].into_iter(), reader);
        }
    }
    let mut side = |key: &str| {
        if let Some(value) = node.get(key) {
            reader.within(key, |reader| limit(value, reader))
        } else {
            reader.missing(node, key, "this limit");
            None
        }
    };
    let (soft, hard) = (side("soft"), side("hard"));
    Some(Ulimit::Each {
        soft: soft?,
        hard: hard?,
    })
}

/// A limit; `1e3` and `2.0` are none.
fn limit(node: &Node, reader: &mut Reader<'_>) -> Option<i64> {
    if let Some(ScalarKind::Float(_)) = node.as_scalar().map(|scalar| scalar.kind) {
        reader.expected(node, "a whole number");
        return None;
    }
    reader.integer(node)
}

fn lower(service: &Service, request: &mut Request<'_>) {
    let limit = |(name, limit): (&String, &Ulimit)| {
        let (soft, hard) = match *limit {
            Ulimit::Both(value) => (value, value),
            Ulimit::Each { soft, hard } => (soft, hard),
        };
        ResourcesUlimits {
            name: Some(name.clone()),
            soft: Some(soft),
            hard: Some(hard),
        }
    };
    let limits: Vec<_> = service.ulimits.iter().map(limit).collect();
    request.host.ulimits = (!limits.is_empty()).then_some(limits);
}
