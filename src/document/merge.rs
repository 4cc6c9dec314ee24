//! One tree laid over another.
//!
//! How two values at a path combine is asked of the caller ([`Rule`]); this module knows the rules
//! but not the paths. Common to all of them:
//!
//! - `!reset` takes the value away, below and here; on a list item, only here.
//! - `!override` takes the value below away, then stands for itself.
//! - An empty value over another keeps the other, except under [`Rule::Replace`].
//! - Lists that hold a key only once are made so even where nothing lies below, so a first tree is
//!   laid over nothing: `merge(Node::null(..), first, rule)`.
//! - A value keeps the place where it was written. A key has the place of the value's file.

use std::mem;

use super::{
    Diagnostic, Entry, Mapping, Node, Path, Scalar, ScalarKind, Segment, Span, Tag, Value,
};

/// How two values at one path combine.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Mappings merge key by key, lists are appended, a scalar is replaced. Anything else over a
    /// mapping or list is an error.
    Default,
    /// The later value stands, even an empty one.
    Replace,
    /// Mappings or lists of `KEY=VALUE`: by key, in the earlier position. A list item without `=`
    /// becomes a key with an empty value.
    KeyValue,
    /// A single value counts as a list of one; lists are appended.
    StringOrList,
    /// Short forms become mappings first, then mappings merge. Values that the function leaves
    /// something else combine as under [`Rule::Default`].
    Promote(fn(Node) -> Node),
    /// Lists, or single values, in which a later item replaces an earlier one with the same key,
    /// in its place. Items without a key are appended.
    Unique(fn(&Node) -> Option<String>),
    /// Lists, or mappings read as `KEY=VALUE`, appended without exact repetitions.
    Exact,
    /// Anything else: earlier value, later value. Not asked where only one is there.
    Custom(fn(Node, Node) -> Result<Node, Vec<Diagnostic>>),
}

/// Lays `over` over `base`.
///
/// # Errors
/// Values that cannot be combined, with both places.
pub fn merge(
    base: Node,
    over: Node,
    rule: &dyn Fn(&Path) -> Rule,
) -> Result<Node, Vec<Diagnostic>> {
    let mut merger = Merger {
        rule,
        path: Path::default(),
        problems: Vec::new(),
    };
    let span = over.span;
    let merged = match over.tag {
        Some(Tag::Reset) => Node::null(span),
        _ => merger.merge(base, over),
    };
    if merger.problems.is_empty() {
        Ok(merged)
    } else {
        Err(merger.problems)
    }
}

struct Merger<'a> {
    rule: &'a dyn Fn(&Path) -> Rule,
    path: Path,
    problems: Vec<Diagnostic>,
}

impl Merger<'_> {
    fn merge(&mut self, base: Node, over: Node) -> Node {
        if over.tag == Some(Tag::Override) {
            return self.settle(over);
        }
        let rule = (self.rule)(&self.path);
        if over.is_null() {
            return if matches!(rule, Rule::Replace) {
                over
            } else {
                base
            };
        }
        if base.is_null() {
            return self.settle(over);
        }
        match rule {
            Rule::Default => self.default(base, over),
            Rule::Replace => self.settle(over),
            Rule::KeyValue => self.key_value(base, over),
            Rule::StringOrList => self.append(listed(base), listed(over)),
            Rule::Promote(promote) => self.default(promote(base), promote(over)),
            Rule::Unique(key) => {
                let list = self.append(listed(base), listed(over));
                unique(list, key)
            }
            Rule::Exact => {
                let list = self.append(pairs(base), pairs(over));
                exact(list)
            }
            Rule::Custom(combine) => self.custom(base, over, combine),
        }
    }

    fn default(&mut self, mut base: Node, over: Node) -> Node {
        match (&mut base.value, over.value) {
            (Value::Mapping(below), Value::Mapping(above)) => {
                self.mappings(below, above);
                base
            }
            (Value::Sequence(_), Value::Sequence(items)) => {
                let over = Node {
                    value: Value::Sequence(items),
                    ..over
                };
                self.append(base, over)
            }
            (Value::Scalar(_), value) => self.settle(Node { value, ..over }),
            (_, value) => {
                let over = Node { value, ..over };
                self.cannot_override(&base, &over);
                base
            }
        }
    }

    fn mappings(&mut self, below: &mut Mapping, above: Mapping) {
        for (key, entry) in above {
            if entry.value.tag == Some(Tag::Reset) {
                below.shift_remove(&key);
                continue;
            }
            self.path.0.push(Segment::Key(key));
            let merged = match self.taken(below) {
                Some(earlier) => {
                    let value = self.merge(earlier.value, entry.value);
                    let same_file = value.span.source == entry.key_span.source;
                    Entry {
                        key_span: if same_file {
                            entry.key_span
                        } else {
                            earlier.key_span
                        },
                        value,
                    }
                }
                None => Entry {
                    key_span: entry.key_span,
                    value: self.fresh(entry.value),
                },
            };
            if let Some(Segment::Key(key)) = self.path.0.pop() {
                below.insert(key, merged);
            }
        }
    }

    /// The entry at the end of the path, leaving its place in the mapping to be filled again.
    fn taken(&self, below: &mut Mapping) -> Option<Entry> {
        let Some(Segment::Key(key)) = self.path.0.last() else {
            return None;
        };
        let slot = below.get_mut(key)?;
        let hollow = Node::null(slot.key_span);
        Some(Entry {
            key_span: slot.key_span,
            value: mem::replace(&mut slot.value, hollow),
        })
    }

    /// A value with nothing below it.
    fn fresh(&mut self, node: Node) -> Node {
        let settled = self.settle(node);
        match (self.rule)(&self.path) {
            Rule::Unique(key) => unique(settled, key),
            Rule::Exact => exact(settled),
            _ => settled,
        }
    }

    /// A value of the upper tree as it stands: its own tags have done their work.
    fn settle(&mut self, mut node: Node) -> Node {
        node.tag = None;
        match &mut node.value {
            Value::Scalar(_) => {}
            Value::Sequence(items) => *items = self.items(mem::take(items), 0),
            Value::Mapping(mapping) => {
                let above = mem::take(mapping);
                self.mappings(mapping, above);
            }
        }
        node
    }

    fn items(&mut self, items: Vec<Node>, first: usize) -> Vec<Node> {
        let kept = items
            .into_iter()
            .filter(|item| item.tag != Some(Tag::Reset));
        let mut settled = Vec::new();
        for (index, item) in kept.enumerate() {
            self.path.0.push(Segment::Index(first + index));
            settled.push(self.fresh(item));
            self.path.0.pop();
        }
        settled
    }

    fn append(&mut self, mut base: Node, mut over: Node) -> Node {
        let (Value::Sequence(below), Value::Sequence(above)) = (&mut base.value, &mut over.value)
        else {
            self.cannot_override(&base, &over);
            return base;
        };
        let above = self.items(mem::take(above), below.len());
        below.extend(above);
        base
    }

    fn key_value(&mut self, base: Node, over: Node) -> Node {
        if matches!(base.value, Value::Scalar(_)) {
            return self.settle(over);
        }
        let (mut base, over) = (self.keyed(base), self.keyed(over));
        match (&mut base.value, over.value) {
            (Value::Mapping(below), Value::Mapping(above)) => {
                for (key, entry) in above {
                    if entry.value.tag == Some(Tag::Reset) {
                        below.shift_remove(&key);
                    } else {
                        // An empty value is one too: it means "from the environment".
                        below.insert(key, entry);
                    }
                }
                base
            }
            (_, value) => {
                let over = Node { value, ..over };
                self.cannot_override(&base, &over);
                base
            }
        }
    }

    /// A list of `KEY=VALUE` as a mapping.
    fn keyed(&mut self, mut node: Node) -> Node {
        let Value::Sequence(items) = node.value else {
            return node;
        };
        let mut mapping = Mapping::new();
        for item in items {
            if item.tag == Some(Tag::Reset) {
                continue;
            }
            match pair(&item) {
                Some((key, entry)) => {
                    mapping.insert(key, entry);
                }
                None => self.problems.push(
                    Diagnostic::error(format!("{} is a list of KEY=VALUE", self.path))
                        .at(item.span, format!("this is {}", item.describe())),
                ),
            }
        }
        node.value = Value::Mapping(mapping);
        node
    }

    fn custom(
        &mut self,
        base: Node,
        over: Node,
        combine: fn(Node, Node) -> Result<Node, Vec<Diagnostic>>,
    ) -> Node {
        let place = base.span;
        match combine(base, over) {
            // Its inner tags and lists are nobody's work so far.
            Ok(node) => self.settle(node),
            Err(problems) => {
                self.problems.extend(problems);
                Node::null(place)
            }
        }
    }

    fn cannot_override(&mut self, base: &Node, over: &Node) {
        let problem = Diagnostic::error(format!("cannot override {}", self.path))
            .at(over.span, format!("this is {}", over.describe()))
            .at(base.span, format!("but here it is {}", base.describe()))
            .help("give both the same form, or write `!override` in front of the later value");
        self.problems.push(problem);
    }
}

/// A single value as a list of one.
fn listed(node: Node) -> Node {
    if matches!(node.value, Value::Scalar(_)) {
        Node::sequence(node.span, vec![node])
    } else {
        node
    }
}

/// A mapping as a list of `KEY=VALUE`.
fn pairs(node: Node) -> Node {
    let Value::Mapping(mapping) = node.value else {
        return listed(node);
    };
    let mut items = Vec::new();
    for (key, entry) in mapping {
        match entry.value.value {
            Value::Scalar(scalar) => {
                let text = format!("{key}={}", scalar.text);
                items.push(tagged_string(entry.value.span, entry.value.tag, text));
            }
            Value::Sequence(values) => items.extend(values.into_iter().map(|value| {
                let text = value.as_scalar().map_or("", |scalar| &scalar.text);
                tagged_string(value.span, value.tag, format!("{key}={text}"))
            })),
            Value::Mapping(_) => items.push(entry.value),
        }
    }
    Node::sequence(node.span, items)
}

fn tagged_string(span: Span, tag: Option<Tag>, text: String) -> Node {
    Node {
        tag,
        ..Node::string(span, text)
    }
}

/// `KEY=VALUE` as key and value, each with its own place where the text lies open.
fn pair(item: &Node) -> Option<(String, Entry)> {
    let scalar = item.as_scalar()?;
    let text = &scalar.text;
    let key_length = text.find('=').unwrap_or(text.len());
    let key_span = within(item.span, scalar, 0, key_length);
    let value = match text.get(key_length + 1..) {
        None => Node::null(item.span),
        Some(value) => Node::string(within(item.span, scalar, key_length + 1, text.len()), value),
    };
    Some((text[..key_length].to_owned(), Entry { key_span, value }))
}

/// A part of a scalar, as far as its text is what stands in the file, with or without quotes.
fn within(span: Span, scalar: &Scalar, start: usize, end: usize) -> Span {
    let written = span.end.saturating_sub(span.start) as usize;
    let quote = match written.checked_sub(scalar.text.len()) {
        Some(0) => 0,
        Some(2) if scalar.kind == ScalarKind::String => 1,
        _ => return span,
    };
    let offset = |at: usize| {
        let at = u32::try_from(at + quote).unwrap_or(u32::MAX);
        span.start.saturating_add(at).min(span.end)
    };
    Span {
        start: offset(start),
        end: offset(end),
        ..span
    }
}

/// Leaves one item for each key: the last one, in the place of the first.
fn unique(mut node: Node, key: fn(&Node) -> Option<String>) -> Node {
    if let Value::Sequence(items) = &mut node.value {
        let mut places = indexmap::IndexMap::<String, usize>::new();
        let mut kept: Vec<Node> = Vec::with_capacity(items.len());
        for item in mem::take(items) {
            match key(&item).map(|key| places.entry(key)) {
                Some(indexmap::map::Entry::Occupied(earlier)) => kept[*earlier.get()] = item,
                Some(indexmap::map::Entry::Vacant(free)) => {
                    free.insert(kept.len());
                    kept.push(item);
                }
                None => kept.push(item),
            }
        }
        *items = kept;
    }
    node
}

/// Leaves the first of several equal scalars.
fn exact(mut node: Node) -> Node {
    if let Value::Sequence(items) = &mut node.value {
        let mut seen = indexmap::IndexSet::new();
        items.retain(|item| match item.as_scalar() {
            Some(scalar) => seen.insert(scalar.text.clone()),
            None => true,
        });
    }
    node
}
