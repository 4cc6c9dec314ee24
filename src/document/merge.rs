//! One tree laid over another.
//!
//! Which rule holds at a path is asked of the caller; everything not special joins as mappings do
//! (key by key), lists append, scalars replace, and a null keeps what was there.

use super::{Diagnostic, Entry, Mapping, Node, Path, Span, Tag, Value};
use crate::document::{Scalar, ScalarKind};

/// How two values at one path join.
#[derive(Clone, Copy)]
pub enum Rule {
    /// Mappings join, lists append, scalars replace.
    Default,
    /// The later value stands alone.
    Replace,
    /// Mappings or `K=V` lists, joined by key; a later value takes the earlier one's place.
    KeyValue,
    /// A string counts as a list of one; lists append.
    StringOrList,
    /// The short form is turned into a mapping first; mappings join.
    Promote(fn(Node) -> Node),
    /// Lists append, but a later item takes the place of an earlier one with the same key.
    Unique(fn(&Node) -> Option<String>),
    /// Lists append without repeating an item.
    Exact,
    /// Whatever this function makes of the two.
    Custom(fn(Node, Node) -> Node),
}

/// The rule for a path.
pub type Rules<'a> = &'a dyn Fn(&Path) -> Rule;

/// Lays `over` over `base`.
pub fn merge(base: Node, over: Node, rules: Rules<'_>) -> Result<Node, Vec<Diagnostic>> {
    let mut merge = Merge {
        rules,
        problems: Vec::new(),
    };
    let merged = merge.nodes(base, over, &Path::default());
    if merge.problems.is_empty() {
        Ok(merged)
    } else {
        Err(merge.problems)
    }
}

struct Merge<'a> {
    rules: Rules<'a>,
    problems: Vec<Diagnostic>,
}

impl Merge<'_> {
    fn nodes(&mut self, base: Node, over: Node, path: &Path) -> Node {
        if over.tag == Some(Tag::Override) {
            return Node { tag: None, ..over };
        }
        if over.is_null() {
            return base;
        }
        if base.is_null() {
            return over;
        }
        match (self.rules)(path) {
            Rule::Default => self.plain(base, over, path),
            Rule::Replace => over,
            Rule::KeyValue => self.key_values(base, over, path),
            Rule::StringOrList => self.plain(listed(base), listed(over), path),
            Rule::Promote(promote) => self.plain(promote(base), promote(over), path),
            Rule::Unique(key) => self.unique(base, over, path, key),
            Rule::Exact => self.unique(listed(base), listed(over), path, |item| {
                item.as_scalar().map(|s| s.text.clone())
            }),
            Rule::Custom(join) => join(base, over),
        }
    }

    fn plain(&mut self, base: Node, over: Node, path: &Path) -> Node {
        let spans = (base.span, over.span);
        let kinds = (base.describe(), over.describe());
        match (base.value, over.value) {
            (Value::Mapping(base), Value::Mapping(over)) => {
                Node::mapping(spans.1, self.mappings(base, over, path))
            }
            (Value::Sequence(mut base), Value::Sequence(over)) => {
                base.extend(over);
                Node::sequence(spans.1, base)
            }
            (Value::Scalar(_), Value::Scalar(over)) => Node {
                span: spans.1,
                tag: None,
                value: Value::Scalar(over),
            },
            (_, over) => {
                self.problems.push(
                    Diagnostic::error(format!(
                        "`{path}` cannot be merged: one file gives {}, another {}",
                        kinds.0, kinds.1
                    ))
                    .at(spans.1, format!("{} here", kinds.1))
                    .at(spans.0, format!("{} here", kinds.0))
                    .help("`!override` in front of the later value replaces the earlier one"),
                );
                Node {
                    span: spans.1,
                    tag: None,
                    value: over,
                }
            }
        }
    }

    fn mappings(&mut self, mut base: Mapping, over: Mapping, path: &Path) -> Mapping {
        for (key, entry) in over {
            if entry.value.tag == Some(Tag::Reset) {
                base.shift_remove(&key);
                continue;
            }
            match base.get_mut(&key) {
                None => {
                    let value = untagged(entry.value);
                    base.insert(key, Entry { value, ..entry });
                }
                Some(found) => {
                    let placeholder = Node::null(found.value.span);
                    let earlier = std::mem::replace(&mut found.value, placeholder);
                    found.value = self.nodes(earlier, entry.value, &path.key(&key));
                    found.key_span = entry.key_span;
                }
            }
        }
        base
    }

    fn unique(
        &mut self,
        base: Node,
        over: Node,
        path: &Path,
        key: fn(&Node) -> Option<String>,
    ) -> Node {
        let joined = self.plain(base, over, path);
        let span = joined.span;
        let Value::Sequence(items) = joined.value else {
            return joined;
        };
        let mut kept: Vec<(Option<String>, Node)> = Vec::new();
        for item in items {
            let name = key(&item);
            match kept
                .iter_mut()
                .find(|(found, _)| name.is_some() && *found == name)
            {
                Some((_, earlier)) => *earlier = item,
                None => kept.push((name, item)),
            }
        }
        Node::sequence(span, kept.into_iter().map(|(_, item)| item).collect())
    }

    fn key_values(&mut self, base: Node, over: Node, path: &Path) -> Node {
        match (&base.value, &over.value) {
            (Value::Mapping(_), Value::Mapping(_)) => self.plain(base, over, path),
            _ => self.plain(keyed(base), keyed(over), path),
        }
    }
}

/// A tag has done its work when there is nothing earlier for it to act on.
fn untagged(node: Node) -> Node {
    Node { tag: None, ..node }
}

fn listed(node: Node) -> Node {
    if node.as_scalar().is_none() {
        return node;
    }
    let span = node.span;
    Node::sequence(span, vec![node])
}

/// A list of `K=V` as a mapping. Anything else stays, for the reader of types to complain about.
fn keyed(node: Node) -> Node {
    let Value::Sequence(items) = &node.value else {
        return node;
    };
    let mut mapping = Mapping::new();
    for item in items {
        let Some(scalar) = item.as_scalar() else {
            return node;
        };
        let (key, value) = pair(scalar, item.span);
        mapping.insert(
            key,
            Entry {
                key_span: item.span,
                value,
            },
        );
    }
    Node::mapping(node.span, mapping)
}

fn pair(scalar: &Scalar, span: Span) -> (String, Node) {
    match scalar.text.split_once('=') {
        Some((key, value)) => (key.to_owned(), Node::string(span, value)),
        None => {
            let null = Scalar {
                text: String::new(),
                kind: ScalarKind::Null,
            };
            (
                scalar.text.clone(),
                Node {
                    span,
                    tag: None,
                    value: Value::Scalar(null),
                },
            )
        }
    }
}
