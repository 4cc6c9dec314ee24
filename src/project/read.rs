//! Reading typed values out of nodes, with a diagnostic for everything that does not fit.
//!
//! A reader never stops at the first problem: it reports, answers a neutral value and goes on, so
//! that one run shows everything that is wrong with a file.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};

use crate::document::diagnostic::{MAX_PROBLEMS, nearest};
use crate::document::{
    Diagnostic, Entry, Mapping, Node, Path, Scalar, ScalarKind, Segment, SourceId, Span, Value,
};
use crate::project::attribute::Data;
use crate::project::render;
use crate::project::unsupported::Note;
use crate::project::value::byte_size::ByteSize;
use crate::project::value::duration::Duration;
use crate::project::value::{command, scalar};

/// What reading needs to know about the world: where relative paths start, and the variables that
/// `KEY` without a value takes its value from.
pub struct Surroundings<'a> {
    /// The folder that relative paths of a source start from; `None` leaves paths as written.
    pub base: &'a dyn Fn(SourceId) -> Option<PathBuf>,
    /// The home directory, for `~`.
    pub home: Option<&'a FilePath>,
    /// The project's environment.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
}

/// Collects problems while values are read.
pub struct Reader<'a> {
    surroundings: &'a Surroundings<'a>,
    /// Where the reader stands. A path is made of it only when somebody asks.
    segments: Vec<Segment>,
    diagnostics: Vec<Diagnostic>,
    notes: Vec<Note>,
    extensions: Vec<(Path, Data)>,
}

impl<'a> Reader<'a> {
    /// A reader that stands at the root.
    pub fn new(surroundings: &'a Surroundings<'a>) -> Reader<'a> {
        Reader {
            surroundings,
            segments: Vec::new(),
            diagnostics: Vec::new(),
            notes: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// Keeps an `x-` key, which means nothing to Compose and is only printed again.
    pub fn extension(&mut self, key: &str, node: &Node) {
        let value = render::node(node);
        self.extensions.push((self.path().key(key), value));
    }

    /// The `x-` keys so far, and where they stand.
    pub fn take_extensions(&mut self) -> Vec<(Path, Data)> {
        std::mem::take(&mut self.extensions)
    }

    /// Notes that what stands here does nothing; see [`crate::project::unsupported`]. What stands
    /// below something that was noted goes without saying: it is read right after it.
    pub fn note(&mut self, span: Span, reason: &'static str, missing: bool) {
        let path = self.path();
        let last = self.notes.last();
        if last.is_some_and(|last| path.segments().starts_with(last.path.segments())) {
            return;
        }
        self.notes.push(Note {
            path,
            span,
            reason,
            missing,
        });
    }

    /// What was noted so far.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Everything that was reported.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        // More of them would only take time; warnings must not push an error out.
        if self.diagnostics.len() > 10 * MAX_PROBLEMS {
            self.diagnostics.sort_by_key(|problem| problem.severity);
            self.diagnostics.truncate(10 * MAX_PROBLEMS);
        }
        self.diagnostics
    }

    /// Whether there are more problems already than anybody is shown: what would make another one
    /// nicer is not worth its time.
    pub fn has_enough(&self) -> bool {
        self.diagnostics.len() > MAX_PROBLEMS
    }

    /// Where the reader stands.
    pub fn path(&self) -> Path {
        let longer = |path: Path, segment: &Segment| match segment {
            Segment::Key(key) => path.key(key),
            Segment::Index(index) => path.index(*index),
        };
        self.segments.iter().fold(Path::default(), longer)
    }

    /// Reads something one key deeper.
    pub fn within<R>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> R) -> R {
        self.deeper(Segment::Key(key.to_owned()), read)
    }

    /// Reads something one list item deeper.
    pub fn within_item<R>(&mut self, index: usize, read: impl FnOnce(&mut Self) -> R) -> R {
        self.deeper(Segment::Index(index), read)
    }

    fn deeper<R>(&mut self, segment: Segment, read: impl FnOnce(&mut Self) -> R) -> R {
        self.segments.push(segment);
        let result = read(self);
        self.segments.pop();
        result
    }

    /// Takes a problem in.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports that a value is not of the wanted kind.
    pub fn expected(&mut self, node: &Node, wanted: &str) {
        let message = format!("`{}` must be {wanted}", self.path());
        self.report(
            Diagnostic::error(message)
                .code("wrong-type")
                .at(node.span, format!("this is {}", node.describe())),
        );
    }

    /// Reports that a value of the right kind makes no sense.
    pub fn invalid(&mut self, node: &Node, reason: impl std::fmt::Display, label: &str) {
        let message = format!("`{}`: {reason}", self.path());
        self.report(
            Diagnostic::error(message)
                .code("invalid-value")
                .at(node.span, label),
        );
    }

    /// Adds the nearest of the valid words to the last problem.
    pub fn suggest(&mut self, written: &str, words: &[&str]) {
        if let Some(near) = nearest(written, words.iter().copied())
            && let Some(last) = self.diagnostics.pop()
        {
            let help = format!("did you mean `{near}`?");
            self.diagnostics.push(last.help(help));
        }
    }

    /// Reports that a value probably does not do what was meant.
    pub fn doubtful(&mut self, node: &Node, reason: impl std::fmt::Display, label: &str) {
        let message = format!("`{}`: {reason}", self.path());
        let warning = Diagnostic::warning(message).code("invalid-value");
        self.report(warning.at(node.span, label));
    }

    /// Reports that a mapping has two keys of which it may have one.
    pub fn exclusive(&mut self, node: &Node, one: &str, other: &str) {
        let message = format!(
            "`{}`: `{one}` and `{other}` exclude each other",
            self.path()
        );
        let mut error = Diagnostic::error(message).code("exclusive-keys");
        for (key, label) in [(one, "this one"), (other, "and this one")] {
            let entry = node.as_mapping().and_then(|mapping| mapping.get(key));
            error = match entry {
                Some(entry) => error.at(entry.key_span, label),
                None => error,
            };
        }
        self.report(error.help("keep one of the two"));
    }

    /// Reports that a mapping lacks a key that it needs.
    pub fn missing(&mut self, node: &Node, key: &str, label: &str) {
        let message = format!("`{}`: `{key}` is missing", self.path());
        let error = Diagnostic::error(message).code("missing-value");
        self.report(error.at(node.span, label));
    }

    /// A mapping.
    pub fn mapping<'n>(&mut self, node: &'n Node) -> Option<&'n Mapping> {
        let mapping = node.as_mapping();
        if mapping.is_none() {
            self.expected(node, "a mapping");
        }
        mapping
    }

    /// A list.
    pub fn sequence<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        if node.as_sequence().is_none() {
            self.expected(node, "a list");
        }
        node.as_sequence().unwrap_or_default()
    }

    /// Each item of a list through a reader; items that do not fit are reported and left out.
    pub fn items<T>(
        &mut self,
        node: &Node,
        mut read: impl FnMut(&Node, &mut Self) -> Option<T>,
    ) -> Vec<T> {
        let items = self.sequence(node).iter().enumerate();
        items
            .filter_map(|(index, item)| self.within_item(index, |reader| read(item, reader)))
            .collect()
    }

    /// Each item of a list through a reader that always answers.
    pub fn each<T>(&mut self, node: &Node, read: impl Fn(&Node, &mut Self) -> T) -> Vec<T> {
        self.items(node, |item, reader| Some(read(item, reader)))
    }

    /// A string; numbers and booleans are refused, as the specification's schema does.
    pub fn string(&mut self, node: &Node) -> Option<String> {
        if let Some(text) = node.as_str() {
            Some(text.to_owned())
        } else {
            self.expected(node, "a string");
            if let Some(scalar) = node.as_scalar().filter(|scalar| !scalar.text.is_empty()) {
                let quoted = format!("put it in quotes: \"{}\"", scalar.text);
                if let Some(last) = self.diagnostics.pop() {
                    self.diagnostics.push(last.help(quoted));
                }
            }
            None
        }
    }

    /// A string, number or boolean, as text.
    pub fn text(&mut self, node: &Node) -> Option<String> {
        match node.as_scalar() {
            Some(found) if !matches!(found.kind, ScalarKind::Null | ScalarKind::Timestamp) => {
                Some(scalar::text(found))
            }
            _ => {
                self.expected(node, "a string or a number");
                None
            }
        }
    }

    /// A string or a whole number, as text.
    pub fn whole_text(&mut self, node: &Node) -> Option<String> {
        let kind = node.as_scalar().map(|scalar| scalar.kind);
        if let Some(ScalarKind::Float(_) | ScalarKind::Bool(_)) = kind {
            self.expected(node, "a string or a whole number");
            return None;
        }
        self.text(node)
    }

    /// A list of strings and whole numbers.
    pub fn whole_texts(&mut self, node: &Node) -> Vec<String> {
        self.items(node, |item, reader| reader.whole_text(item))
    }

    /// A list of strings.
    pub fn strings(&mut self, node: &Node) -> Vec<String> {
        self.items(node, |item, reader| reader.string(item))
    }

    /// A list of strings and numbers.
    pub fn texts(&mut self, node: &Node) -> Vec<String> {
        self.items(node, |item, reader| reader.text(item))
    }

    /// A string, or a list of strings.
    pub fn string_or_list(&mut self, node: &Node) -> Vec<String> {
        match &node.value {
            Value::Sequence(_) => self.strings(node),
            Value::Scalar(_) => self.string(node).into_iter().collect(),
            Value::Mapping(_) => {
                self.expected(node, "a string or a list");
                Vec::new()
            }
        }
    }

    /// A boolean, or a string that spells one.
    pub fn boolean(&mut self, node: &Node) -> Option<bool> {
        let value = match node.as_scalar() {
            Some(Scalar {
                kind: ScalarKind::Bool(value),
                ..
            }) => Some(*value),
            Some(Scalar {
                kind: ScalarKind::String,
                text,
            }) => spelled_boolean(text),
            _ => None,
        };
        if value.is_none() {
            self.expected(node, "true or false");
        }
        value
    }

    /// A whole number, or a string that spells one.
    pub fn integer(&mut self, node: &Node) -> Option<i64> {
        let value = match node.as_scalar() {
            Some(Scalar {
                kind: ScalarKind::Integer(value),
                ..
            }) => Some(*value),
            Some(Scalar {
                kind: ScalarKind::Float(value),
                ..
            }) => whole(*value),
            Some(Scalar {
                kind: ScalarKind::String,
                text,
            }) => text.trim().parse().ok(),
            _ => None,
        };
        if value.is_none() {
            self.expected(node, "a whole number");
        }
        value
    }

    /// A number, or a string that spells one.
    pub fn number(&mut self, node: &Node) -> Option<f64> {
        let value = match node.as_scalar() {
            #[expect(clippy::cast_precision_loss, reason = "limits and factors are small")]
            Some(Scalar {
                kind: ScalarKind::Integer(value),
                ..
            }) => Some(*value as f64),
            Some(Scalar {
                kind: ScalarKind::Float(value),
                ..
            }) => Some(*value),
            Some(Scalar {
                kind: ScalarKind::String,
                text,
            }) => text.trim().parse().ok(),
            _ => None,
        };
        let value = value.filter(|value: &f64| value.is_finite());
        if value.is_none() {
            self.expected(node, "a number");
        }
        value
    }

    /// A whole number in a range.
    pub fn integer_within(
        &mut self,
        node: &Node,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let value = self.integer(node)?;
        if !range.contains(&value) {
            let label = if *range.end() == i64::MAX {
                format!("{} or more", range.start())
            } else {
                format!("{} to {}", range.start(), range.end())
            };
            self.invalid(node, format!("{value} is out of range"), &label);
        }
        Some(value)
    }

    /// A number of which docker compose takes the whole part.
    pub fn whole_part(&mut self, node: &Node) -> Option<i64> {
        let value = node.as_scalar().map(|scalar| scalar.kind);
        match value {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "cutting off is what is wanted"
            )]
            // What does not fit is the smallest number there is, as in Go.
            Some(ScalarKind::Float(value)) => Some(match value {
                -9.223_372_036_854_775e18..=9.223_372_036_854_775e18 => value as i64,
                _ => i64::MIN,
            }),
            _ => self.integer(node),
        }
    }

    /// A number that is not written as a string.
    pub fn plain_number(&mut self, node: &Node) -> Option<i64> {
        if node.as_str().is_some() {
            self.expected(node, "a number without quotes");
            return None;
        }
        self.whole_part(node)
    }

    /// A boolean or a string, as text.
    pub fn switch_or_text(&mut self, node: &Node) -> Option<String> {
        if let Some(ScalarKind::Bool(_) | ScalarKind::String) =
            node.as_scalar().map(|scalar| scalar.kind)
        {
            self.text(node)
        } else {
            self.expected(node, "true, false or a string");
            None
        }
    }

    /// One of a few words.
    pub fn word(&mut self, node: &Node, words: &[&str]) -> Option<String> {
        let text = self.string(node)?;
        if !words.contains(&text.as_str()) {
            let label = format!("one of {}", words.join(", "));
            self.invalid(node, format!("{text:?} has no meaning"), &label);
            self.suggest(&text, words);
        }
        Some(text)
    }

    /// A list in which no item may stand twice.
    pub fn distinct(&mut self, node: &Node) {
        let mut seen: Vec<&Node> = Vec::new();
        for (index, item) in node.as_sequence().unwrap_or_default().iter().enumerate() {
            let Some(scalar) = item.as_scalar() else {
                continue;
            };
            let first = seen.iter().find(|it| it.as_scalar() == Some(scalar));
            if let Some(first) = first {
                let message = format!("`{}[{index}]` is there already", self.path());
                let error = Diagnostic::error(message)
                    .code("duplicate-item")
                    .at(item.span, "a second time");
                self.report(error.at(first.span, "the first time"));
            }
            seen.push(item);
        }
    }

    /// A mapping of options: strings and numbers.
    pub fn options(&mut self, node: &Node) -> BTreeMap<String, String> {
        let mut options = BTreeMap::new();
        for (key, entry) in self.mapping(node).into_iter().flatten() {
            let value = self.within(key, |reader| reader.option(&entry.value));
            options.extend(value.map(|value| (key.clone(), value)));
        }
        options
    }

    /// A mapping of strings and whole numbers, in which nothing stands for nothing in quotes.
    pub fn plain_options(&mut self, node: &Node) -> BTreeMap<String, String> {
        let mut options = BTreeMap::new();
        for (key, entry) in self.mapping(node).into_iter().flatten() {
            let value = self.within(key, |reader| match &entry.value {
                empty if empty.is_null() => Some(String::new()),
                value => reader.whole_text(value),
            });
            options.extend(value.map(|value| (key.clone(), value)));
        }
        options
    }

    /// A mapping of strings.
    pub fn texts_by_key(&mut self, node: &Node) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (key, entry) in self.mapping(node).into_iter().flatten() {
            let value = self.within(key, |reader| reader.string(&entry.value));
            texts.extend(value.map(|value| (key.clone(), value)));
        }
        texts
    }

    /// A string or a number, as text.
    fn option(&mut self, node: &Node) -> Option<String> {
        if let Some(ScalarKind::Bool(_)) = node.as_scalar().map(|scalar| scalar.kind) {
            self.expected(node, "a string or a number");
            return None;
        }
        self.text(node)
    }

    /// A size: a number of bytes, or a string with a unit.
    ///
    /// docker compose makes nothing of a fraction that is not in quotes (`1.5`, but also `1e9`),
    /// without a word.
    pub fn bytes(&mut self, node: &Node) -> Option<ByteSize> {
        match node.as_scalar().map(|scalar| scalar.kind) {
            Some(ScalarKind::Integer(value)) => return Some(ByteSize(value)),
            Some(ScalarKind::Float(_)) => {
                self.without_effect(node, "a size with a point or an exponent needs quotes");
                return None;
            }
            _ => {}
        }
        let text = self.text(node)?;
        let size = ByteSize::parse(&text);
        if size.is_none() {
            self.invalid(
                node,
                format!("{text:?} is not a size"),
                "such as 64m, 1.5gb or a number of bytes",
            );
        }
        size
    }

    /// A size where a fraction is refused outright.
    pub fn whole_bytes(&mut self, node: &Node) -> Option<ByteSize> {
        if let Some(ScalarKind::Float(value)) = node.as_scalar().map(|scalar| scalar.kind)
            && value.fract() != 0.0
        {
            self.expected(node, "a whole number of bytes or a string");
            return None;
        }
        self.bytes(node)
    }

    /// Warns about a key that is nobody's, where docker compose takes any.
    pub fn meaningless(&mut self, key: &str, entry: &Entry) {
        let message = format!("unknown key `{key}` in {} has no effect", self.path());
        let warning = Diagnostic::warning(message).code("unknown-key");
        self.report(warning.at(entry.key_span, "not a key of the Compose Specification"));
    }

    /// Warns about a value that is taken and does nothing.
    fn without_effect(&mut self, node: &Node, label: &str) {
        let message = format!("`{}` has no effect", self.path());
        let warning = Diagnostic::warning(message).code("no-effect");
        self.report(warning.at(node.span, label));
    }

    /// A duration with its unit.
    pub fn duration(&mut self, node: &Node) -> Option<Duration> {
        let text = self.string(node)?;
        let duration = Duration::parse(&text);
        if duration.is_none() {
            let reason = format!("{text:?} is not a duration");
            self.invalid(node, reason, "such as 500ms, 10s or 1m30s");
        }
        duration
    }

    /// Adds to the last problem how an item `- KEY: value` is written.
    fn suggest_pair(&mut self, item: &Node) {
        let entry = item.as_mapping().and_then(|mapping| mapping.first());
        if let Some((key, _)) = entry
            && let Some(last) = self.diagnostics.pop()
        {
            let help = format!("write `- {key}=value`, or leave out all the dashes");
            self.diagnostics.push(last.help(help));
        }
    }

    /// A list of `K=V`, or a mapping; a key without a value is `None`.
    pub fn key_values(&mut self, node: &Node) -> BTreeMap<String, Option<String>> {
        match &node.value {
            Value::Mapping(mapping) => {
                let mut pairs = BTreeMap::new();
                for (key, entry) in mapping {
                    let value = self.within(key, |reader| reader.scalar_or_null(&entry.value));
                    pairs.insert(key.clone(), value);
                }
                pairs
            }
            Value::Sequence(items) => {
                let mut pairs = BTreeMap::new();
                for (index, item) in items.iter().enumerate() {
                    let Some(text) = self.within_item(index, |reader| reader.string(item)) else {
                        self.suggest_pair(item);
                        continue;
                    };
                    match text.split_once('=') {
                        Some((key, value)) => pairs.insert(key.to_owned(), Some(value.to_owned())),
                        None => pairs.insert(text, None),
                    };
                }
                pairs
            }
            Value::Scalar(_) => {
                self.expected(node, "a mapping or a list of KEY=value");
                BTreeMap::new()
            }
        }
    }

    /// A list of `K=V`, or a mapping, where a key without a value means the empty string.
    pub fn labels(&mut self, node: &Node) -> BTreeMap<String, String> {
        self.key_values(node)
            .into_iter()
            .map(|(key, value)| (key, value.unwrap_or_default()))
            .collect()
    }

    fn scalar_or_null(&mut self, node: &Node) -> Option<String> {
        if node.is_null() {
            None
        } else {
            self.text(node)
        }
    }

    /// `None` for null or nothing (the image's own), otherwise the words.
    pub fn command(&mut self, node: &Node) -> Option<Vec<String>> {
        match &node.value {
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Null => None,
            Value::Scalar(_) => {
                let text = self.string(node)?;
                let words = command::split(&text);
                if let Err(error) = &words {
                    let reason = match error {
                        command::SplitError::UnclosedQuote(quote) => {
                            format!("the quote {quote} is never closed")
                        }
                        command::SplitError::TrailingBackslash => {
                            "it ends in a backslash".to_owned()
                        }
                        command::SplitError::Bracket => {
                            "a bracket stands outside quotes".to_owned()
                        }
                    };
                    self.invalid(node, reason, "this command");
                }
                Some(words.unwrap_or_default())
            }
            Value::Sequence(_) => Some(self.strings(node)),
            Value::Mapping(_) => {
                self.expected(node, "a string or a list");
                None
            }
        }
    }

    /// The value of a variable of the project's environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.surroundings.variables)(name)
    }

    /// A path as the engine needs it: `~` expanded, relative ones from the folder of the file
    /// that says them, `.` and `..` in them resolved without looking at the disk.
    pub fn file_path(&self, node: &Node, text: &str) -> String {
        let Some(base) = (self.surroundings.base)(node.span.source) else {
            return text.to_owned();
        };
        // What begins at the root is nobody's to rewrite, not even its last slash.
        if FilePath::new(text).is_absolute() {
            return text.to_owned();
        }
        let path = match (text.strip_prefix('~'), self.surroundings.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            // docker compose takes `~name` for a folder of one's own home, too.
            (Some(rest), Some(home)) => home.join(rest),
            _ => base.join(text),
        };
        clean(&path).to_string_lossy().into_owned()
    }
}

/// Resolves `.` and `..` in an absolute path by text alone.
pub fn clean(path: &FilePath) -> PathBuf {
    use std::path::Component;
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !clean.pop() {
                    clean.push("..");
                }
            }
            other => clean.push(other),
        }
    }
    clean
}

fn spelled_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" => Some(true),
        "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn whole(value: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be whole and in range"
    )]
    (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
}
