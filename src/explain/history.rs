//! What a value took the place of, and on which way it came.

use super::locate::{Found, locate};
use super::{Layer, Overridden, Step, contains};
use crate::document::merge::Rule;
use crate::document::{Node, Segment, Span, Tag, Value};
use crate::load::trace::{Extends, Merge, Trace};
use crate::project::attribute::Data;
use crate::project::merge_rule_for;

/// The most steps of a way that are shown.
const MAX_STEPS: usize = 20;

/// The values that the one at a place took the place of, the lowest first.
pub(super) fn overridden(
    trace: &Trace,
    data: &Data,
    path: &[Segment],
    winner: Span,
) -> Vec<Overridden> {
    let mut found: Vec<Overridden> = Vec::new();
    let mut winner = winner;
    let mut merges = trace.merges.as_slice();
    loop {
        merged_away(trace, winner, &mut found);
        let earlier = merges.iter().enumerate().rev().find_map(|(at, merge)| {
            let node = below(merge, data, path, winner)?;
            let layer = if merge.at.is_empty() {
                Layer::File
            } else {
                Layer::Extended
            };
            Some((at, node, layer))
        });
        let Some((at, node, layer)) = earlier else {
            found.reverse();
            return found;
        };
        merges = &merges[..at];
        winner = node.span;
        if !node.is_null() {
            found.push(Overridden {
                value: one_line(&node),
                span: node.span,
                layer,
            });
        }
    }
}

/// What `<<` would have brought.
fn merged_away(trace: &Trace, winner: Span, found: &mut Vec<Overridden>) {
    let hidden = trace.yaml.hidden.iter();
    for hidden in hidden.filter(|hidden| contains(hidden.by, winner)) {
        if found.iter().all(|known| known.span != hidden.value.span) {
            found.push(Overridden {
                value: one_line(&hidden.value),
                span: hidden.value.span,
                layer: Layer::Merged,
            });
        }
    }
}

/// The value of a merge's lower tree that the one at a place stands over.
fn below(merge: &Merge, data: &Data, path: &[Segment], winner: Span) -> Option<Node> {
    let depth = merge.at.len();
    let (Some(Segment::Key(section)), true) = (path.first(), path.len() >= depth) else {
        return None;
    };
    if depth > 0 && merge.at.first() != Some(section) {
        return None;
    }
    // A service that is extended goes by its own name; the place tells whether it is the one.
    let at = merge.at.iter().map(|key| Segment::Key(key.clone()));
    let whole: Vec<Segment> = at.chain(path[depth..].iter().cloned()).collect();
    let inner = super::path::get(data, &path[..depth])?;
    let pair = Pair {
        path: &whole,
        depth,
        data: inner,
        winner,
    };
    pair.descend(merge.base.clone(), merge.over.clone(), depth)
}

struct Pair<'a> {
    /// From the root, as the rules are asked.
    path: &'a [Segment],
    /// Where both trees begin.
    depth: usize,
    /// The printed model from there on.
    data: &'a Data,
    winner: Span,
}

impl Pair<'_> {
    fn descend(&self, base: Node, over: Node, at: usize) -> Option<Node> {
        let rest = &self.path[at..];
        let rule = merge_rule_for(&self.path[..at]);
        let (base, over) = match rule {
            Rule::Promote(promote) if !rest.is_empty() => (promote(base), promote(over)),
            _ => (base, over),
        };
        let whole = rest.is_empty()
            || over.tag == Some(Tag::Override) && !matches!(over.value, Value::Mapping(_))
            || matches!(rule, Rule::Replace) && !matches!(over.value, Value::Mapping(_));
        if whole {
            let stands = says(&over, self.winner) && !says(&base, self.winner);
            return (stands && !over.is_null()).then_some(base);
        }
        let (base, over) = match (&rest[0], &base.value, &over.value) {
            (Segment::Key(key), Value::Mapping(_), Value::Mapping(_)) => {
                (base.get(key).cloned()?, over.get(key).cloned()?)
            }
            (Segment::Key(_), ..) => return self.keyed(&base, &over, at),
            (Segment::Index(_), ..) => return self.item(&base, &over, rule),
        };
        self.descend(base, over, at + 1)
    }

    /// One of the two is a list of `KEY=VALUE`.
    fn keyed(&self, base: &Node, over: &Node, at: usize) -> Option<Node> {
        let data = super::path::get(self.data, &self.path[self.depth..at])?;
        let find = |tree| match locate(tree, data, &self.path[at..]) {
            Found::At(node) | Found::Open(node) => Some(node),
            Found::Nowhere(_) => None,
        };
        let (base, over) = (find(base)?, find(over)?);
        let stands = contains(over.span, self.winner) && !contains(base.span, self.winner);
        stands.then(|| base.clone())
    }

    /// Items of lists take each other's place where they have the same key.
    fn item(&self, base: &Node, over: &Node, rule: Rule) -> Option<Node> {
        let Rule::Unique(key) = rule else {
            return None;
        };
        let winner = items(over).iter().find(|item| says(item, self.winner))?;
        let name = key(winner)?;
        let mut earlier = items(base).iter();
        let found = earlier.find(|item| key(item).as_ref() == Some(&name))?;
        (!says(found, self.winner)).then(|| found.clone())
    }
}

fn items(node: &Node) -> &[Node] {
    node.as_sequence().unwrap_or(std::slice::from_ref(node))
}

/// Whether a tree holds the value of a place.
fn says(node: &Node, place: Span) -> bool {
    match &node.value {
        Value::Scalar(_) => contains(node.span, place),
        Value::Sequence(items) => items.iter().any(|item| says(item, place)),
        Value::Mapping(mapping) => mapping.values().any(|entry| says(&entry.value, place)),
    }
}

/// A value in one line, as one would write it.
fn one_line(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => scalar.text.clone(),
        Value::Sequence(items) => {
            let items: Vec<String> = items.iter().map(one_line).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Mapping(mapping) => {
            let pairs = mapping.iter();
            let pairs: Vec<String> = pairs
                .map(|(key, entry)| format!("{key}: {}", one_line(&entry.value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// The way of a value: `extends`, then aliases, then what asked for its file.
pub(super) fn way(trace: &Trace, path: &[Segment], place: Span) -> Vec<Step> {
    let mut steps = Vec::new();
    let service = match path {
        [Segment::Key(section), Segment::Key(name), ..] if section == "services" => Some(name),
        _ => None,
    };
    let extended = service.map_or_else(Vec::new, |name| extensions(trace, name, place));
    let owner = extended
        .first()
        .map(|it| it.base.as_str())
        .or(service.map(String::as_str));
    if let Some(alias) = alias(trace, path, owner, place) {
        steps.push(Step {
            how: "repeated through an alias".to_owned(),
            span: alias,
        });
    }
    for extends in extended {
        steps.push(Step {
            how: format!("extended by `{}`", extends.service),
            span: extends.span,
        });
    }
    let last = steps.last().map_or(place, |step| step.span);
    let mut source = last.source;
    for _ in 0..MAX_STEPS {
        let Some((span, label)) = trace.asked.get(&source) else {
            break;
        };
        steps.push(Step {
            how: (*label).to_owned(),
            span: *span,
        });
        source = span.source;
    }
    steps
}

/// The chain of `extends` from the service that a place belongs to up to the one that has it.
fn extensions<'t>(trace: &'t Trace, service: &str, place: Span) -> Vec<&'t Extends> {
    if is_in(trace, service, place) {
        return Vec::new();
    }
    let mut chains: Vec<Vec<&Extends>> = vec![Vec::new()];
    for _ in 0..MAX_STEPS {
        let mut longer = Vec::new();
        for chain in chains {
            let from = chain
                .first()
                .map_or(service, |it: &&Extends| it.base.as_str());
            for extends in trace.extends.iter().filter(|it| it.service == from) {
                let chain: Vec<&Extends> = std::iter::once(extends)
                    .chain(chain.iter().copied())
                    .collect();
                if is_in(trace, &extends.base, place) {
                    return chain;
                }
                longer.push(chain);
            }
        }
        chains = longer;
        if chains.len() > 1000 {
            break;
        }
    }
    Vec::new()
}

/// Whether a place lies in the text of a service of that name.
fn is_in(trace: &Trace, service: &str, place: Span) -> bool {
    let path = ["services", service].map(|key| Segment::Key(key.to_owned()));
    let documents = trace.documents.iter();
    documents
        .filter(|it| it.span.source == place.source)
        .any(|it| {
            range(it, &path).is_some_and(|range| contains(range, place))
                || super::locate::locate(it, &Data::Null, &path).holds(place)
        })
}

impl Found<'_> {
    fn holds(self, place: Span) -> bool {
        matches!(self, Found::At(node) if says(node, place))
    }
}

/// The alias through which a place's value came to a path.
fn alias(trace: &Trace, path: &[Segment], owner: Option<&str>, place: Span) -> Option<Span> {
    let mut path = path.to_vec();
    if let (Some(owner), Some(Segment::Key(name))) = (owner, path.get_mut(1)) {
        owner.clone_into(name);
    }
    let brings = |alias: &&(Span, Span)| contains(alias.1, place) && !contains(alias.1, alias.0);
    let aliases: Vec<&(Span, Span)> = trace.yaml.aliases.iter().filter(brings).collect();
    if aliases.is_empty() {
        return None;
    }
    let mut documents = trace.documents.iter();
    documents.find_map(|document| {
        // The narrowest part of the path's text that holds one of them, and not the value.
        (1..=path.len()).rev().find_map(|length| {
            let range = range(document, &path[..length])?;
            let mut inside = aliases.iter().filter(|alias| contains(range, alias.0));
            inside
                .next()
                .filter(|_| !contains(range, place))
                .map(|alias| alias.0)
        })
    })
}

/// The text of an entry: from its key to the end of its value, or to the next key.
fn range(document: &Node, path: &[Segment]) -> Option<Span> {
    let mut node = document;
    let mut range = None;
    let mut end = u32::MAX;
    for segment in path {
        let (Value::Mapping(mapping), Segment::Key(key)) = (&node.value, segment) else {
            return range;
        };
        let entry = mapping.get(key)?;
        let start = entry.key_span.start;
        let later = mapping.values().map(|it| it.key_span);
        let later = later.filter(|it| it.source == entry.key_span.source && it.start > start);
        end = later.map(|it| it.start).min().unwrap_or(end).min(end);
        range = Some(Span {
            end,
            ..entry.key_span
        });
        node = &entry.value;
    }
    range
}
