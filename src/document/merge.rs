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

use super::diagnostic::MAX_PROBLEMS;
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
    /// The same, but what stands alone keeps its repetitions.
    Joined,
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
    let tree = match over.tag {
        Some(Tag::Reset) => Node::null(span),
        _ => merger.merge(base, over),
    };
    if merger.problems.is_empty() {
        Ok(tree)
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
            return self.fresh(over);
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
            return self.fresh(over);
        }
        match rule {
            Rule::Default => self.default(base, over),
            Rule::Replace => self.fresh(over),
            Rule::KeyValue => self.key_value(base, over),
            Rule::StringOrList => self.append(listed(base), listed(over)),
            Rule::Promote(promote) => self.default(promote(base), promote(over)),
            Rule::Unique(key) => {
                let list = self.append(listed(base), listed(over));
                unique(list, key)
            }
            Rule::Exact | Rule::Joined => {
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
            (Value::Sequence(below), Value::Sequence(above)) => {
                below.extend(self.items(above, below.len()));
                base
            }
            (Value::Scalar(_), value) => self.fresh(Node { value, ..over }),
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
                    let later = entry.value.span;
                    let value = self.merge(earlier.value, entry.value);
                    let key_span = if value.span == later {
                        entry.key_span
                    } else {
                        earlier.key_span
                    };
                    Entry { key_span, value }
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
            return self.default(base, over);
        };
        below.extend(self.items(mem::take(above), below.len()));
        base
    }

    fn key_value(&mut self, base: Node, over: Node) -> Node {
        if matches!(base.value, Value::Scalar(_)) {
            return self.fresh(over);
        }
        // docker compose looks for what is taken away by its path, and a list has no keys.
        let has_keys = matches!(base.value, Value::Mapping(_));
        let (mut base, over) = (self.keyed(base), self.keyed(over));
        match (&mut base.value, over.value) {
            (Value::Mapping(below), Value::Mapping(above)) => {
                for (key, mut entry) in above {
                    if entry.value.tag == Some(Tag::Reset) {
                        if has_keys {
                            below.shift_remove(&key);
                        }
                    } else {
                        // An empty value replaces too: it means "from the environment".
                        entry.value = self.settle(entry.value);
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
                None => self.problem(
                    Diagnostic::error(format!("{} is a list of KEY=VALUE", self.path))
                        .code("wrong-type")
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
            .code("merge-conflict")
            .at(over.span, format!("this is {}", over.describe()))
            .at(base.span, format!("but here it is {}", base.describe()))
            .help("give both the same form, or write `!override` in front of the later value");
        self.problem(problem);
    }

    fn problem(&mut self, problem: Diagnostic) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{SourceId, Sources, yaml};
    use pretty_assertions::assert_eq;

    /// The tree in one line.
    fn line(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Null => "null".to_owned(),
            Value::Scalar(scalar) => scalar.text.clone(),
            Value::Sequence(items) => {
                let items: Vec<_> = items.iter().map(line).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Mapping(mapping) => {
                let entries = mapping.iter();
                let entries: Vec<_> = entries
                    .map(|(key, entry)| format!("{key}: {}", line(&entry.value)))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    fn read(source: u32, text: &str) -> Node {
        let mut documents = yaml::parse(SourceId(source), text).expect("readable");
        documents.swap_remove(0)
    }

    fn promote(node: Node) -> Node {
        match &node.value {
            Value::Scalar(scalar) => {
                let entry = Entry {
                    key_span: node.span,
                    value: Node::string(node.span, &scalar.text),
                };
                let mapping = Mapping::from_iter([("context".to_owned(), entry)]);
                Node::mapping(node.span, mapping)
            }
            _ => node,
        }
    }

    /// What stands before the colon; a number stands for nothing in particular.
    fn before_colon(node: &Node) -> Option<String> {
        let text = node.as_str()?;
        Some(text.split(':').next().unwrap_or(text).to_owned())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape of a custom rule")]
    fn longer(base: Node, over: Node) -> Result<Node, Vec<Diagnostic>> {
        Ok(if line(&base).len() > line(&over).len() {
            base
        } else {
            over
        })
    }

    /// Rules by the name of the last key.
    fn rule(path: &Path) -> Rule {
        match path.segments().last() {
            Some(Segment::Key(key)) => match key.as_str() {
                "replace" => Rule::Replace,
                "pairs" => Rule::KeyValue,
                "strings" => Rule::StringOrList,
                "build" => Rule::Promote(promote),
                "unique" => Rule::Unique(before_colon),
                "exact" => Rule::Exact,
                "custom" => Rule::Custom(longer),
                _ => Rule::Default,
            },
            _ => Rule::Default,
        }
    }

    fn merged(base: &str, over: &str) -> String {
        match merge(read(0, base), read(1, over), &rule) {
            Ok(node) => line(&node),
            Err(problems) => {
                let messages: Vec<_> = problems.into_iter().map(|p| p.message).collect();
                messages.join("; ")
            }
        }
    }

    fn check(table: &[(&str, &str, &str)]) {
        for (base, over, expected) in table {
            assert_eq!(merged(base, over), *expected, "{base} and {over}");
        }
    }

    // The tables are what docker compose 2.40.3 makes of the same values under a key that has the
    // rule in question.

    #[test]
    fn by_default_mappings_merge_lists_append_and_scalars_replace() {
        check(&[
            ("a: 1", "a: 2", "{a: 2}"),
            ("a: 1\nb: 2", "c: 3\na: 4", "{a: 4, b: 2, c: 3}"),
            ("a: 1", "a: {b: 1}", "{a: {b: 1}}"),
            ("a: 1", "a: [1]", "{a: [1]}"),
            ("a: null", "a: {b: 1}", "{a: {b: 1}}"),
            (
                "a: [1, {a: 1}]",
                "a: [1, {a: 2}]",
                "{a: [1, {a: 1}, 1, {a: 2}]}",
            ),
            (
                "b: {c: 1, d: 2}",
                "b: {c: 3, e: 4}",
                "{b: {c: 3, d: 2, e: 4}}",
            ),
        ]);
    }

    #[test]
    fn nothing_over_something_keeps_it() {
        check(&[
            ("a: 1", "a:", "{a: 1}"),
            ("a: [1]", "a: null", "{a: [1]}"),
            ("a: {b: 1}", "a: ~", "{a: {b: 1}}"),
            ("unique: [1]", "unique:", "{unique: [1]}"),
            ("pairs: {A: 1}", "pairs:", "{pairs: {A: 1}}"),
            ("replace: [a]", "replace:", "{replace: null}"),
        ]);
    }

    #[test]
    fn another_form_over_a_mapping_or_list_is_an_error() {
        check(&[
            ("a: {b: 1}", "a: 1", "cannot override a"),
            ("a: {b: 1}", "a: [1]", "cannot override a"),
            ("a: [1]", "a: {b: 1}", "cannot override a"),
            (
                "a: {b: [1], c: {d: 1}}",
                "a: {b: 2, c: 3}",
                "cannot override a.b; cannot override a.c",
            ),
        ]);
    }

    #[test]
    fn reset_removes_below_and_here() {
        check(&[
            ("b: {c: 1, d: 2}", "b: {c: !reset 1}", "{b: {d: 2}}"),
            ("b: {c: 1, d: 2}", "b: !reset", "{}"),
            ("b: 1", "b: !reset 1\nc: 2", "{c: 2}"),
            ("b: 1", "x: {c: !reset 1, d: 1}", "{b: 1, x: {d: 1}}"),
            ("b: [1, {c: 2}]", "b: [!reset 3, 4]", "{b: [1, {c: 2}, 4]}"),
            (
                "b: [1, {c: 2}]",
                "b: [{d: !reset 1, e: 1}]",
                "{b: [1, {c: 2}, {e: 1}]}",
            ),
            ("unique: [a:1, b:1]", "unique: !reset []", "{}"),
            (
                "unique: [a:1, b:1]",
                "unique: [!reset a:1, c:1]",
                "{unique: [a:1, b:1, c:1]}",
            ),
            ("pairs: {A: 1}", "pairs: {A: !reset }", "{pairs: {}}"),
            // A stays, as in docker compose, which knows a list's items by their position only.
            ("pairs: [A=1]", "pairs: {A: !reset }", "{pairs: {A: 1}}"),
            ("a: 1", "b: {<<: {c: !reset 1, d: 1}}", "{a: 1, b: {d: 1}}"),
        ]);
    }

    #[test]
    fn override_replaces_what_is_below() {
        check(&[
            ("b: {c: 1}", "b: !override {e: 1}", "{b: {e: 1}}"),
            ("b: {c: 1}", "!override {e: 1}", "{e: 1}"),
            ("b: [1]", "b: !override {e: 1}", "{b: {e: 1}}"),
            ("b: {c: 1}", "b: !override", "{b: null}"),
            (
                "unique: [a:1]",
                "unique: !override [b:1, b:2]",
                "{unique: [b:2]}",
            ),
            (
                "pairs: {A: 1}",
                "pairs: !override {B: 1}",
                "{pairs: {B: 1}}",
            ),
            (
                "b: {c: 1}",
                "b: !override {c: !override 2, d: !reset 1}",
                "{b: {c: 2}}",
            ),
        ]);
    }

    #[test]
    fn pairs_merge_by_key_in_either_form() {
        check(&[
            (
                "pairs: {A: 1, B: 2}",
                "pairs: [A=3, C=4]",
                "{pairs: {A: 3, B: 2, C: 4}}",
            ),
            (
                "pairs: [A=1, B=2]",
                "pairs: {A: 3, C: null}",
                "{pairs: {A: 3, B: 2, C: null}}",
            ),
            ("pairs: [A=1, A=2]", "pairs: [B=3]", "{pairs: {A: 2, B: 3}}"),
            (
                "pairs: {a: 1}",
                "pairs: [a=2, b]",
                "{pairs: {a: 2, b: null}}",
            ),
            ("pairs: [A=1=2]", "pairs: [B]", "{pairs: {A: 1=2, B: null}}"),
            (
                "pairs: {A: 1}",
                "pairs: [{B: 1}]",
                "pairs is a list of KEY=VALUE",
            ),
            ("pairs: {A: 1}", "pairs: x", "cannot override pairs"),
        ]);
    }

    #[test]
    fn a_string_is_a_list_of_one() {
        check(&[
            ("strings: a", "strings: [b, a]", "{strings: [a, b, a]}"),
            ("strings: a", "strings: b", "{strings: [a, b]}"),
            ("unique: a", "unique: [b, a]", "{unique: [a, b]}"),
        ]);
    }

    #[test]
    fn short_forms_become_mappings() {
        check(&[
            (
                "build: .",
                "build: {target: x}",
                "{build: {context: ., target: x}}",
            ),
            (
                "build: {target: x}",
                "build: .",
                "{build: {target: x, context: .}}",
            ),
            ("build: a", "build: b", "{build: {context: b}}"),
        ]);
    }

    #[test]
    fn unique_lists_hold_the_later_item_in_the_earlier_place() {
        check(&[
            ("unique: [A, B]", "unique: [B, C]", "{unique: [A, B, C]}"),
            (
                "unique: [a:1, b:1]",
                "unique: [c:1, a:2]",
                "{unique: [a:2, b:1, c:1]}",
            ),
            (
                "unique: [1, {a: 1}]",
                "unique: [1]",
                "{unique: [1, {a: 1}, 1]}",
            ),
            ("x: 1", "unique: [A, A]", "{x: 1, unique: [A]}"),
        ]);
    }

    #[test]
    fn exact_lists_drop_repetitions_only() {
        check(&[
            (
                "exact: [\"a:1\"]",
                "exact: [\"a:1\", \"a:2\"]",
                "{exact: [a:1, a:2]}",
            ),
            ("exact: {a: 1}", "exact: [a=1, a=2]", "{exact: [a=1, a=2]}"),
            (
                "exact: {a: [1, 2]}",
                "exact: {a: 3}",
                "{exact: [a=1, a=2, a=3]}",
            ),
        ]);
    }

    #[test]
    fn a_custom_rule_is_asked_only_where_two_values_meet() {
        check(&[
            ("custom: long", "custom: x", "{custom: long}"),
            ("x: 1", "custom: y", "{x: 1, custom: y}"),
            ("custom: long", "custom: !override x", "{custom: x}"),
        ]);
    }

    #[test]
    fn a_first_tree_is_laid_over_nothing() {
        let first = read(0, "a: !override {b: !reset 1, c: 1}\nunique: [a:1, a:2]");
        let nothing = Node::null(first.span);
        let settled = merge(nothing, first, &rule).expect("no conflict");
        assert_eq!(line(&settled), "{a: {c: 1}, unique: [a:2]}");
    }

    #[test]
    fn values_and_keys_keep_their_places() {
        let mut sources = Sources::default();
        let base = "pairs: [A=1, 'B=2']\nmap:\n  x: 1\nlist: [1]\n";
        let over = "\n\nmap: {x: 2}\nlist: [2]\npairs:\n  B: 3\n  C: 4\n";
        let (low, high) = (sources.add("base", base), sources.add("over", over));
        let tree = merge(read(low.0, base), read(high.0, over), &rule).expect("no conflict");
        let place = |span| sources.place(span).to_string();
        let entry = |path: [&str; 2]| &tree.get(path[0]).unwrap().as_mapping().unwrap()[path[1]];
        assert_eq!(place(entry(["pairs", "A"]).key_span), "base:1:9");
        assert_eq!(place(entry(["pairs", "A"]).value.span), "base:1:11");
        assert_eq!(place(entry(["pairs", "B"]).value.span), "over:6:6");
        assert_eq!(place(entry(["map", "x"]).key_span), "over:3:7");
        let root = tree.as_mapping().unwrap();
        assert_eq!(place(root["map"].key_span), "base:2:1");
        let items = tree.get("list").unwrap().as_sequence().unwrap();
        assert_eq!(place(items[0].span), "base:4:8");
        assert_eq!(place(items[1].span), "over:4:8");
    }

    #[test]
    fn a_conflict_shows_both_places() {
        let problems = merge(read(0, "a: [1]"), read(1, "a: 1"), &rule).expect_err("a conflict");
        let sources: Vec<_> = problems[0]
            .labels
            .iter()
            .map(|label| label.span.source.0)
            .collect();
        assert_eq!(sources, [1, 0]);
    }
}
