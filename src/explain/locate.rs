//! A value of the printed model, found in the tree that was written.
//!
//! | printed | written | found by |
//! |---|---|---|
//! | mapping | mapping | key |
//! | mapping | list of `KEY=VALUE`, or of names | the part in front of `=` or `:` |
//! | list | list | the item that says the same; else the same place |
//! | anything | a short form (`8080:80`, `./dir`) | whether the text can have said it |

use super::path::get;
use crate::document::{Entry, Node, Segment, Value};
use crate::project::attribute::Data;

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'n> {
    /// Here.
    At(&'n Node),
    /// A name without a value stands here.
    Open(&'n Node),
    /// Nobody wrote it; the short form that it was implied by, if one is written.
    Nowhere(Option<&'n Node>),
}

/// Finds what a path of the printed model leads to.
pub(super) fn locate<'n>(tree: &'n Node, data: &Data, path: &[Segment]) -> Found<'n> {
    let mut node = tree;
    for (at, segment) in path.iter().enumerate() {
        let (here, below) = (get(data, &path[..at]), get(data, &path[..=at]));
        let next = match (&node.value, segment) {
            (Value::Mapping(mapping), Segment::Key(key)) => {
                mapping.get(key).map(|entry| &entry.value)
            }
            (Value::Sequence(items), Segment::Index(index)) => {
                counterpart(items, here, below, *index)
            }
            (Value::Sequence(items), Segment::Key(key)) => match keyed(items, key) {
                Some(item) if at + 1 == path.len() => return short_pair(item, key),
                Some(item) => return implied_or_said(item, data, path),
                None => None,
            },
            (Value::Mapping(mapping), Segment::Index(_)) => {
                let text = below.and_then(Data::as_str).unwrap_or_default();
                let entry = mapping
                    .iter()
                    .find(|(key, _)| starts_with_key(text, key))
                    .map(|(_, Entry { value, .. })| value);
                return entry.map_or(Found::Nowhere(None), Found::At);
            }
            (Value::Scalar(_), _) if node.is_null() => None,
            (Value::Scalar(_), Segment::Index(_)) => return Found::At(node),
            (Value::Scalar(_), Segment::Key(_)) => return implied_or_said(node, data, path),
        };
        match next {
            Some(next) => node = next,
            None => return Found::Nowhere(None),
        }
    }
    if node.is_null() {
        Found::Open(node)
    } else {
        Found::At(node)
    }
}

/// `KEY=VALUE`, or the name alone.
fn short_pair<'n>(item: &'n Node, key: &str) -> Found<'n> {
    match item.as_scalar() {
        Some(scalar) if scalar.text == key => Found::Open(item),
        _ => Found::At(item),
    }
}

/// The item of a list that stands for a key.
fn keyed<'n>(items: &'n [Node], key: &str) -> Option<&'n Node> {
    // The last one of several counts.
    items.iter().rev().find(|item| {
        item.as_scalar()
            .is_some_and(|scalar| scalar.text == key || starts_with_key(&scalar.text, key))
    })
}

fn starts_with_key(text: &str, key: &str) -> bool {
    text.strip_prefix(key)
        .is_some_and(|rest| rest.starts_with(['=', ':']))
}

/// The written item that a printed one was read from.
fn counterpart<'n>(
    items: &'n [Node],
    all: Option<&Data>,
    printed: Option<&Data>,
    index: usize,
) -> Option<&'n Node> {
    let printed = printed?;
    if all.and_then(Data::as_sequence).map(Vec::len) == Some(items.len())
        && items
            .get(index)
            .is_some_and(|item| likeness(item, printed) > 0)
    {
        return items.get(index);
    }
    let scored = items.iter().map(|item| (likeness(item, printed), item));
    let best = scored.max_by_key(|(score, _)| *score)?;
    if best.0 > 0 {
        return Some(best.1);
    }
    items.get(index)
}

/// How many of the texts of a printed value occur in a written one; the whole counts most.
fn likeness(written: &Node, printed: &Data) -> usize {
    let mut said = Vec::new();
    texts(written, &mut said);
    let mut wanted = Vec::new();
    leaves(printed, &mut wanted);
    if let ([said], [wanted]) = (said.as_slice(), wanted.as_slice())
        && said == wanted
    {
        return usize::MAX;
    }
    let occurs = |text: &&String| {
        let relative = text.rsplit('/').next().unwrap_or(text);
        said.iter().any(|said| said.contains(relative))
    };
    wanted
        .iter()
        .filter(|text| !text.is_empty())
        .filter(occurs)
        .count()
}

fn texts<'n>(node: &'n Node, found: &mut Vec<&'n str>) {
    match &node.value {
        Value::Scalar(scalar) => found.push(&scalar.text),
        Value::Sequence(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Mapping(mapping) => {
            mapping
                .values()
                .for_each(|entry| texts(&entry.value, found));
        }
    }
}

fn leaves(data: &Data, found: &mut Vec<String>) {
    match data {
        Data::Sequence(items) => items.iter().for_each(|item| leaves(item, found)),
        Data::Mapping(mapping) => mapping.values().for_each(|value| leaves(value, found)),
        scalar => found.extend(text(scalar)),
    }
}

/// The text of a printed scalar.
fn text(data: &Data) -> Option<String> {
    match data {
        Data::String(text) => Some(text.clone()),
        Data::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a short form can have said what is printed below it.
fn implied_or_said<'n>(short: &'n Node, data: &Data, path: &[Segment]) -> Found<'n> {
    let said = short.as_scalar().map_or("", |scalar| scalar.text.as_str());
    let key = match path.last() {
        Some(Segment::Key(key)) => key.as_str(),
        _ => return Found::At(short),
    };
    // What only a short form's position or flag says.
    if matches!(
        key,
        "target" | "published" | "source" | "context" | "path" | "read_only"
    ) {
        return Found::At(short);
    }
    match get(data, path).and_then(text) {
        Some(text) if !text.is_empty() && said.contains(&text) => Found::At(short),
        _ => Found::Nowhere(Some(short)),
    }
}
