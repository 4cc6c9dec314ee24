//! YAML text to a tree in which every key and value knows its place.
//!
//! The only module that knows the YAML parser. It reads events one by one into frames on a stack,
//! so that a text nested without end overflows nothing, and takes these decisions:
//!
//! - Scalars mean what they mean to Go ([`resolve`]).
//! - Keys are strings. Anything else is an error, because Compose rejects it too and because
//!   `{{ template }}` is, to YAML, a mapping used as a key.
//! - Aliases are copies. A copy keeps the place where it was written.
//! - `<<` merges when it is written plainly (or tagged `!!merge`); `"<<"` is a key like any other.
//!   Local keys win, then the first of several merged mappings.
//! - A key twice in one mapping is an error, and so is `<<`.
//! - Of the tags, `!reset` and `!override` stay on their node and YAML's own are applied. Others
//!   mean nothing, as in docker compose, and are worth a warning; a scalar with one is a string.
//!
//! Problems are collected; only a syntax error ends the reading.

mod lenient;
pub mod outline;
mod scalar;
mod syntax;

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use granit_parser::{Event, Parser, ScalarStyle, ScanError, StructureStyle};
use indexmap::map::Entry as Slot;

use super::diagnostic::{MAX_PROBLEMS, nearest};
use super::{
    Diagnostic, Entry, Mapping, Node, Path, Scalar, ScalarKind, SourceId, Span, Tag, Value,
};

use lenient::{Lenient, Repair};
pub use scalar::resolve;
pub(super) use syntax::too_large;

/// The longest text that is read, in bytes.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

/// The most keys and values that one text may come to, counted after aliases are expanded.
pub const MAX_NODES: usize = 300_000;

/// How deep mappings and lists may lie in one another.
pub const MAX_DEPTH: usize = 128;

/// Anchors that are considered for "did you mean".
const MAX_NAMES: usize = 1000;

/// Reads a text: one node for each of its documents, none for a text without any.
///
/// # Errors
/// Everything that is wrong with the text, as far as it could be read.
pub fn parse(source: SourceId, text: &str) -> Result<Vec<Node>, Vec<Diagnostic>> {
    read(source, text, None).map(|text| text.documents)
}

/// What a text holds, and what is odd about it.
#[derive(Debug, Clone)]
pub struct Text {
    /// One node for each document.
    pub documents: Vec<Node>,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
}

/// What a tree does not say of the text that it was read from.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Aliases: where each stands, and what it stands for.
    pub aliases: Vec<(Span, Span)>,
    /// Values of merged mappings that another value of the same key keeps out.
    pub hidden: Vec<Hidden>,
}

/// A value that `<<` would have brought.
#[derive(Debug, Clone)]
pub struct Hidden {
    /// The value.
    pub value: Node,
    /// The one that stands in its place.
    pub by: Span,
}

/// Reads a text, as [`parse`] does, and tells what is odd about it; on demand with a record of what
/// anchors and `<<` did.
///
/// # Errors
/// Everything that is wrong with the text, as far as it could be read.
pub fn read(
    source: SourceId,
    text: &str,
    record: Option<&mut Record>,
) -> Result<Text, Vec<Diagnostic>> {
    read_with(source, text, record, &mut Lenient::new(text))
}

/// The text as it is written, one piece for each of its documents. `None` where it is not YAML.
pub fn outline(text: &str) -> Option<Vec<outline::Piece>> {
    let mut lenient = Lenient::new(text);
    // What is wrong with the meaning of the text does not matter here.
    let _ = read_with(SourceId(0), text, None, &mut lenient);
    outline::outline(text, &lenient)
}

fn read_with(
    source: SourceId,
    text: &str,
    mut record: Option<&mut Record>,
    lenient: &mut Lenient<'_>,
) -> Result<Text, Vec<Diagnostic>> {
    if let Err(problem) = syntax::check_text(source, text) {
        return Err(vec![problem]);
    }
    loop {
        let mut reader = Reader::new(source, text, lenient);
        reader.record = record.as_ref().map(|_| Record::default());
        let repair = match reader.run() {
            Ok(()) => None,
            Err(Stop::Problem(problem)) => {
                reader.problems.push(problem);
                None
            }
            Err(Stop::Repair(repair)) => Some(repair),
        };
        let (documents, warnings) = (reader.documents, reader.warnings);
        let (problems, found) = (reader.problems, reader.record);
        if let Some(repair) = repair {
            lenient.apply(&repair);
            continue;
        }
        if let (Some(record), Some(found)) = (&mut record, found) {
            record.aliases.extend(found.aliases);
            record.hidden.extend(found.hidden);
        }
        return if problems.is_empty() {
            Ok(Text {
                documents,
                warnings,
            })
        } else {
            Err(problems)
        };
    }
}

/// Why reading ended early.
enum Stop {
    Problem(Diagnostic),
    /// The text can be read after a change that means nothing.
    Repair(Repair),
}

struct Reader<'a> {
    source: SourceId,
    /// The text as it was written, in which all places lie.
    text: &'a str,
    lenient: &'a Lenient<'a>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Subtree>,
    nodes: usize,
    /// Where the last event ended, in the text that is read and in the one that was written.
    read: (usize, usize),
    documents: Vec<Node>,
    problems: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// Only kept when somebody asks for it.
    record: Option<Record>,
}

/// Where a quoted text has `\/`.
fn escaped_slash(written: &str) -> Option<usize> {
    let mut characters = written.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && characters.next()?.1 == '/' {
            return Some(at);
        }
    }
    None
}

/// A node with what an alias to it costs.
#[derive(Clone)]
struct Subtree {
    node: Node,
    /// Nodes in it, itself included.
    count: usize,
    /// Mappings and lists from it down.
    height: usize,
    /// For use as a key.
    key: KeyKind,
}

/// A mapping or list that is still open.
struct Frame {
    span: Span,
    tag: Option<Tag>,
    anchor: usize,
    /// In brackets.
    flow: bool,
    count: usize,
    height: usize,
    content: Content,
}

impl Frame {
    fn new(
        content: Content,
        style: StructureStyle,
        anchor: usize,
        tag: &Meaning,
        span: Span,
    ) -> Frame {
        Frame {
            span,
            tag: steering(tag),
            anchor,
            flow: style == StructureStyle::Flow,
            count: 1,
            height: 1,
            content,
        }
    }
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Mapping,
        key: Option<Key>,
        merge: Option<Span>,
        merged: Vec<Node>,
    },
}

struct Key {
    text: String,
    span: Span,
    kind: KeyKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Text,
    Merge,
    /// Reported already; its value is read and dropped.
    Bad,
}

/// The tags that are understood.
enum Meaning {
    None,
    Steering(Tag),
    /// One of YAML's own, without its `!!`.
    Core(String),
    /// Somebody else's: what it stands on is taken as it is written.
    Foreign,
}

impl<'a> Reader<'a> {
    fn new(source: SourceId, text: &'a str, lenient: &'a Lenient<'a>) -> Reader<'a> {
        Reader {
            source,
            text,
            lenient,
            stack: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            read: (0, 0),
            documents: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            record: None,
        }
    }

    /// Reads to the end or to the first error that leaves nothing to go on with.
    fn run(&mut self) -> Result<(), Stop> {
        let options = granit_parser::options! {
            emit_comments: false,
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        let mut events = Parser::new_from_str_with_options(self.lenient.text(), options);
        let mut names = Vec::new();
        while let Some(next) = events.next_event() {
            let (event, place) = next.map_err(|error| self.stop(&error))?;
            if let Event::DocumentStart(_, version) = event {
                names.clear();
                // docker compose reads files that ask for 1.2, or another version, not at all.
                let known = version.is_none_or(|version| (version.major, version.minor) == (1, 1));
                if !known {
                    self.problems.push(syntax::version(self.source, self.text));
                }
            }
            self.advance(place);
            self.event(event, place, &mut names)
                .map_err(Stop::Problem)?;
            if self.problems.len() >= MAX_PROBLEMS {
                break;
            }
        }
        Ok(())
    }

    fn stop(&self, error: &ScanError) -> Stop {
        let bracket = self.bracket_around(error);
        if let Some(repair) = self.lenient.repair(error, self.read.0, bracket.is_some()) {
            return Stop::Repair(repair);
        }
        let at = error.marker().byte_offset().unwrap_or(0);
        let context = syntax::Context {
            at: self.lenient.original(at),
            read: self.read.1,
            bracket,
        };
        Stop::Problem(syntax::explain(
            self.source,
            self.text,
            &context,
            error.kind(),
        ))
    }

    fn bracket_around(&self, error: &ScanError) -> Option<Span> {
        let at = error.marker().byte_offset().unwrap_or(0);
        let unread = self.text.get(self.read.1..self.lenient.original(at));
        match lenient::open_bracket(unread.unwrap_or_default()) {
            Some(found) => {
                let start = self.read.1 + found;
                Some(self.span_of(start, start + 1))
            }
            None => self.open_bracket(),
        }
    }

    /// Looks at what lies between two events: the parser takes tabs there that Go refuses.
    fn advance(&mut self, place: granit_parser::Span) {
        let range = place.byte_range().unwrap_or_default();
        let start = self.lenient.original(range.start);
        let in_brackets = self.stack.last().is_some_and(|frame| frame.flow);
        let between = self.text.get(self.read.1..start).unwrap_or_default();
        if !in_brackets && let Some(tab) = lenient::indenting_tab(between, self.read.1 == 0) {
            let tab = self.read.1 + tab;
            self.problems.push(syntax::tab(self.source, self.text, tab));
        }
        if range.end > self.read.0 {
            self.read = (range.end, self.lenient.original(range.end));
        }
    }

    fn event(
        &mut self,
        event: Event<'_>,
        place: granit_parser::Span,
        names: &mut Vec<String>,
    ) -> Result<(), Diagnostic> {
        let span = self.span(place);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = self.tag(tag.as_deref(), place);
                self.scalar(text, style, anchor, &tag, span)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let span = match style {
                    StructureStyle::Block => self.with_dash(span),
                    StructureStyle::Flow => span,
                };
                let tag = self.tag(tag.as_deref(), place);
                let content = Content::Sequence(Vec::new());
                self.open(Frame::new(content, style, anchor, &tag, span))
            }
            Event::MappingStart(style, anchor, tag) => {
                let tag = self.tag(tag.as_deref(), place);
                let content = Content::Mapping {
                    entries: Mapping::new(),
                    key: None,
                    merge: None,
                    merged: Vec::new(),
                };
                self.open(Frame::new(content, style, anchor, &tag, span))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Anchor(_, name) => {
                self.check_name(&name, span);
                if names.len() < MAX_NAMES {
                    names.push(name.into_owned());
                }
                Ok(())
            }
            Event::UnresolvedAlias(name) => {
                self.unknown_alias(&name, names, span);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn span(&self, place: granit_parser::Span) -> Span {
        let range = place.byte_range().unwrap_or_default();
        let original = |at| self.lenient.original(at);
        self.span_of(original(range.start), original(range.end))
    }

    fn span_of(&self, start: usize, end: usize) -> Span {
        let offset = |at: usize| u32::try_from(at.min(self.text.len())).unwrap_or(u32::MAX);
        Span {
            source: self.source,
            start: offset(start),
            end: offset(end.max(start)),
        }
    }

    fn slice(&self, span: Span) -> &'a str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// A list that is not indented is announced at its first item, behind the dash.
    fn with_dash(&self, span: Span) -> Span {
        let before = self.text.get(..span.start as usize).unwrap_or_default();
        let trimmed = before.trim_end_matches([' ', '\t']);
        if trimmed.ends_with('-') && !self.slice_from(span).starts_with("- ") {
            let dash = trimmed.len() - 1;
            return self.span_of(dash, dash);
        }
        span
    }

    fn slice_from(&self, span: Span) -> &'a str {
        self.text.get(span.start as usize..).unwrap_or_default()
    }

    /// The innermost bracket or brace that is still open.
    fn open_bracket(&self) -> Option<Span> {
        let open = self.stack.iter().rev().take_while(|frame| frame.flow);
        let brackets = open.map(|frame| Span {
            end: frame.span.start + 1,
            ..frame.span
        });
        // A pair in a list, `[a: b]`, is a mapping without braces.
        brackets
            .into_iter()
            .find(|bracket| matches!(self.slice(*bracket), "[" | "{"))
    }

    /// Counts towards the limit of nodes.
    fn charge(&mut self, count: usize, span: Span) -> Result<(), Diagnostic> {
        self.nodes = self.nodes.saturating_add(count);
        if self.nodes > MAX_NODES {
            let problem = Diagnostic::error(format!(
                "the file comes to more than {MAX_NODES} keys and values"
            ))
            .code("too-many-values")
            .at(span, "reached here");
            return Err(if self.anchors.is_empty() {
                problem
            } else {
                problem.help("an alias counts as much as what it stands for")
            });
        }
        Ok(())
    }

    fn check_depth(&self, below: usize, span: Span) -> Result<(), Diagnostic> {
        if self.stack.len() + below > MAX_DEPTH {
            return Err(syntax::too_deep(span));
        }
        Ok(())
    }

    fn tag(&mut self, tag: Option<&granit_parser::Tag>, place: granit_parser::Span) -> Meaning {
        let Some(tag) = tag else { return Meaning::None };
        match tag.suffix_in_namespace("tag:yaml.org,2002:") {
            Some(core) if CORE_TAGS.contains(&&*core) => return Meaning::Core(core.into_owned()),
            _ => {}
        }
        match tag.original().as_str() {
            "!" => return Meaning::None,
            "!reset" => return Meaning::Steering(Tag::Reset),
            "!override" => return Meaning::Steering(Tag::Override),
            _ => {}
        }
        let span = place.tag_span().map_or(place, |tag_span| tag_span);
        let span = self.span(span);
        let written = self.slice(span);
        let warning = format!("`{written}` is not a tag that Compose knows");
        let mut warning = Diagnostic::warning(warning)
            .code("unknown-tag")
            .at(span, "without a meaning");
        warning = match nearest(written, ["!reset", "!override", "!!str"].into_iter()) {
            Some(meant) => warning.help(format!("did you mean `{meant}`?")),
            None => warning
                .help("tags are `!reset`, `!override` and YAML's own, such as `!!str`")
                .help("quote the value if the exclamation mark belongs to it"),
        };
        if self.warnings.len() < MAX_PROBLEMS {
            self.warnings.push(warning);
        }
        Meaning::Foreign
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: &Meaning,
        span: Span,
    ) -> Result<(), Diagnostic> {
        self.charge(1, span)?;
        let span = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => self.without_last_breaks(span),
            _ => span,
        };
        if style == ScalarStyle::DoubleQuoted
            && let Some(slash) = escaped_slash(self.slice(span))
        {
            let at = span.start as usize + slash;
            self.problems
                .push(syntax::escaped_slash(self.span_of(at, at + 2)));
        }
        let plain = style == ScalarStyle::Plain;
        // The parser writes a missing value as `~`.
        let text = if plain && span.start == span.end {
            String::new()
        } else {
            self.without_added_break(text, style, span)
        };
        let key = self.merge_key(&text, plain, tag);
        let scalar = self.typed(text, plain, tag, span);
        let node = Node {
            span,
            tag: steering(tag),
            value: Value::Scalar(scalar),
        };
        let subtree = Subtree {
            node,
            count: 1,
            height: 0,
            key,
        };
        self.finish(subtree, anchor)
    }

    fn without_last_breaks(&self, span: Span) -> Span {
        let kept = self.slice(span).trim_end_matches(['\n', '\r']).len();
        self.span_of(span.start as usize, span.start as usize + kept)
    }

    /// A block whose last line ends with the text has no line break there, whatever its header
    /// says; the parser thinks of one.
    fn without_added_break(&self, text: Cow<'_, str>, style: ScalarStyle, span: Span) -> String {
        let mut text = text.into_owned();
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        if block && span.end as usize == self.text.len() && !self.text.ends_with(['\n', '\r']) {
            text.truncate(text.trim_end_matches('\n').len());
        }
        text
    }

    #[expect(clippy::unused_self, reason = "reads with its siblings")]
    fn merge_key(&self, text: &str, plain: bool, tag: &Meaning) -> KeyKind {
        let merges = match tag {
            Meaning::None => plain,
            Meaning::Core(core) => core == "merge",
            Meaning::Steering(_) | Meaning::Foreign => false,
        };
        if merges && text == "<<" {
            KeyKind::Merge
        } else {
            KeyKind::Text
        }
    }

    /// The scalar as its tag wants it.
    fn typed(&mut self, text: String, plain: bool, tag: &Meaning, span: Span) -> Scalar {
        if let Meaning::Core(core) = tag
            && core == "binary"
        {
            return self.binary(&text, span);
        }
        let kind = match tag {
            Meaning::Core(core) => core_kind(core, &text, plain).unwrap_or_else(|| {
                let message = format!("a value does not fit its tag `!!{core}`");
                self.problems.push(
                    Diagnostic::error(message)
                        .code("wrong-type")
                        .at(span, "another kind of value"),
                );
                ScalarKind::String
            }),
            Meaning::Foreign => ScalarKind::String,
            _ if plain => resolve(&text),
            _ => ScalarKind::String,
        };
        Scalar { text, kind }
    }

    /// What `!!binary` spells, which has to be text.
    fn binary(&mut self, text: &str, span: Span) -> Scalar {
        let digits: String = text.split(['\r', '\n']).collect();
        let bytes = BASE64_STANDARD.decode(digits).ok();
        let bytes = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        if bytes.is_none() {
            let error = Diagnostic::error("a value does not fit its tag `!!binary`");
            let error = error.code("wrong-type").at(span, "not text in base64");
            self.problems.push(error);
        }
        Scalar {
            text: bytes.unwrap_or_default(),
            kind: ScalarKind::String,
        }
    }

    fn open(&mut self, frame: Frame) -> Result<(), Diagnostic> {
        self.charge(1, frame.span)?;
        self.check_depth(1, frame.span)?;
        self.stack.push(frame);
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Diagnostic> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let mut span = frame.span;
        // Only brackets have an end of their own; a block ends with its last value.
        if end.start < end.end {
            span.end = end.end;
        }
        let value = match frame.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping {
                entries, merged, ..
            } => Value::Mapping(self.merge(entries, merged)),
        };
        let node = Node {
            span,
            tag: frame.tag,
            value,
        };
        let subtree = Subtree {
            node,
            count: frame.count,
            height: frame.height,
            key: KeyKind::Text,
        };
        self.finish(subtree, frame.anchor)
    }

    /// Adds what `<<` brings to a mapping's own keys.
    fn merge(&mut self, mut entries: Mapping, merged: Vec<Node>) -> Mapping {
        for node in merged {
            match node.value {
                Value::Mapping(mapping) => self.add_missing(&mut entries, mapping),
                Value::Sequence(items) => {
                    for item in items {
                        if item.tag == Some(Tag::Reset) {
                            continue;
                        }
                        match item.value {
                            Value::Mapping(mapping) => self.add_missing(&mut entries, mapping),
                            _ => self.cannot_merge(&item),
                        }
                    }
                }
                Value::Scalar(_) => self.cannot_merge(&node),
            }
        }
        entries
    }

    fn add_missing(&mut self, entries: &mut Mapping, merged: Mapping) {
        for (key, entry) in merged {
            match entries.entry(key) {
                Slot::Vacant(free) => {
                    free.insert(entry);
                }
                Slot::Occupied(taken) => {
                    if let Some(record) = &mut self.record {
                        let by = taken.get().value.span;
                        let value = entry.value;
                        record.hidden.push(Hidden { value, by });
                    }
                }
            }
        }
    }

    fn cannot_merge(&mut self, node: &Node) {
        let told = self.problems.iter().flat_map(|problem| &problem.labels);
        if node.is_null() && told.into_iter().any(|label| label.span == node.span) {
            // An alias that stands for nothing.
            return;
        }
        self.problems.push(
            Diagnostic::error("`<<` needs a mapping or a list of mappings")
                .code("invalid-merge-key")
                .at(node.span, format!("this is {}", node.describe())),
        );
    }

    /// A copy of what the anchor stands on.
    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        let Some(target) = self.anchors.get(&anchor) else {
            self.problems.push(
                Diagnostic::error("an alias stands inside the value that it repeats")
                    .code("endless-alias")
                    .at(span, "would go on without end"),
            );
            self.place_null(span);
            return Ok(());
        };
        let (count, height) = (target.count, target.height);
        if let Some(record) = &mut self.record {
            record.aliases.push((span, target.node.span));
        }
        self.charge(count, span)?;
        self.check_depth(height, span)?;
        if let Some(mut copy) = self.anchors.get(&anchor).cloned() {
            // A key is looked for where it is used.
            if self.wants_key() && copy.height == 0 {
                copy.node.span = span;
            }
            self.attach(copy);
        }
        Ok(())
    }

    fn wants_key(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(Frame {
                content: Content::Mapping { key: None, .. },
                ..
            })
        )
    }

    fn unknown_alias(&mut self, name: &str, names: &[String], span: Span) {
        let mut problem = Diagnostic::error(format!("nothing is anchored as `&{name}`"))
            .code("unknown-alias")
            .at(span, "unknown alias");
        problem = match nearest(name, names.iter().map(String::as_str)) {
            Some(meant) => problem.help(format!("did you mean `*{meant}`?")),
            None => problem
                .help("an anchor must stand above its aliases, in the same file and document")
                .help(format!(
                    "if the asterisk belongs to the text, quote it: '*{name}'"
                )),
        };
        self.problems.push(problem);
        self.place_null(span);
    }

    /// Go's parser takes fewer characters in names than YAML allows.
    fn check_name(&mut self, name: &str, span: Span) {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !name.bytes().all(known) {
            self.problems.push(
                Diagnostic::error(format!("`{name}` cannot be the name of an anchor"))
                    .code("invalid-anchor")
                    .at(span, "letters, digits, `-` and `_` only"),
            );
        }
    }

    /// In place of an alias that stands for nothing.
    fn place_null(&mut self, span: Span) {
        self.attach(Subtree {
            node: Node::null(span),
            count: 1,
            height: 0,
            key: KeyKind::Bad,
        });
    }

    /// Keeps a copy of an anchored node and puts the node where it belongs.
    fn finish(&mut self, subtree: Subtree, anchor: usize) -> Result<(), Diagnostic> {
        if anchor != 0 {
            // The copy is memory too: anchors around anchors multiply.
            self.charge(subtree.count, subtree.node.span)?;
            self.anchors.insert(anchor, subtree.clone());
        }
        self.attach(subtree);
        Ok(())
    }

    /// Puts a finished node where it belongs: a document, an item, a key or a value.
    fn attach(&mut self, subtree: Subtree) {
        let Some(frame) = self.stack.last_mut() else {
            self.documents.push(subtree.node);
            self.anchors.clear();
            return;
        };
        frame.count = frame.count.saturating_add(subtree.count);
        frame.height = frame.height.max(subtree.height + 1);
        // An aliased value lies elsewhere and says nothing about this one's end.
        let (start, end) = (subtree.node.span.start, subtree.node.span.end);
        if start >= frame.span.start {
            frame.span.end = frame.span.end.max(end);
        }
        match &mut frame.content {
            Content::Sequence(items) => items.push(subtree.node),
            Content::Mapping { key, .. } => match key.take() {
                None => {
                    let named = self.key(subtree);
                    self.set_key(named);
                }
                Some(key) => self.entry(key, subtree.node),
            },
        }
    }

    fn set_key(&mut self, named: Key) {
        if let Some(Frame {
            content: Content::Mapping { key, .. },
            ..
        }) = self.stack.last_mut()
        {
            *key = Some(named);
        }
    }

    /// Whether a key that is not marked as one by `?` has more than one line.
    fn goes_on(&self, span: Span) -> bool {
        let before = &self.text[..span.start as usize];
        self.slice(span).contains('\n') && !before.trim_end().ends_with('?')
    }

    /// A node read as a key; anything but a string is reported.
    fn key(&mut self, subtree: Subtree) -> Key {
        let Subtree { node, key, .. } = subtree;
        let span = node.span;
        let bad = |text| Key {
            text,
            span,
            kind: KeyKind::Bad,
        };
        if key == KeyKind::Bad {
            return bad(String::new());
        }
        match node.value {
            Value::Scalar(Scalar {
                text,
                kind: ScalarKind::String,
            }) => {
                if self.goes_on(span) {
                    self.problems.push(syntax::long_key(span));
                }
                Key {
                    text,
                    span,
                    kind: key,
                }
            }
            Value::Scalar(scalar) => {
                let written = self.slice(span);
                let problem = Diagnostic::error(format!(
                    "non-string key {}: {}",
                    self.location(),
                    if written.is_empty() { "null" } else { written }
                ))
                .code("key-not-a-string")
                .at(span, "keys are strings");
                self.problems.push(if written.is_empty() {
                    problem
                } else {
                    problem.help(format!("quote it: \"{}\"", scalar.text))
                });
                bad(scalar.text)
            }
            _ => {
                let problem = Diagnostic::error(format!("non-string key {}", self.location()))
                    .code("key-not-a-string")
                    .at(span, format!("{} cannot be a key", node.describe()))
                    .help("quote a value that starts with a brace or bracket: \"{{ ... }}\"");
                self.problems.push(problem);
                bad(String::new())
            }
        }
    }

    /// A value under its key.
    fn entry(&mut self, key: Key, value: Node) {
        let Some(Frame {
            content:
                Content::Mapping {
                    entries,
                    merge,
                    merged,
                    ..
                },
            ..
        }) = self.stack.last_mut()
        else {
            return;
        };
        let (name, first) = match key.kind {
            KeyKind::Bad => return,
            KeyKind::Merge => {
                let first = merge.replace(key.span);
                // `<<: !reset ...` takes away what it would have brought.
                if first.is_none() && value.tag != Some(Tag::Reset) {
                    merged.push(value);
                }
                (key.text, first)
            }
            KeyKind::Text => match entries.entry(key.text) {
                Slot::Occupied(taken) => (taken.key().clone(), Some(taken.get().key_span)),
                Slot::Vacant(free) => {
                    free.insert(Entry {
                        key_span: key.span,
                        value,
                    });
                    return;
                }
            },
        };
        if let Some(first) = first {
            self.duplicate(&name, key.span, first, key.kind == KeyKind::Merge);
        }
    }

    fn duplicate(&mut self, name: &str, again: Span, first: Span, merges: bool) {
        let problem = Diagnostic::error(format!("`{name}` is given twice {}", self.location()))
            .code("duplicate-key")
            .at(again, "given again here")
            .at(first, "given first here");
        self.problems.push(if merges {
            problem.help("merge several mappings with one list: `<<: [*first, *second]`")
        } else {
            problem
        });
    }

    /// Where the innermost open mapping stands: `in services.web`, or `at the top level`.
    fn location(&self) -> String {
        let mut path = Path::default();
        let above = self.stack.len().saturating_sub(1);
        for frame in &self.stack[..above] {
            match &frame.content {
                Content::Sequence(items) => path = path.index(items.len()),
                Content::Mapping { key: Some(key), .. } => path = path.key(&key.text),
                Content::Mapping { key: None, .. } => {}
            }
        }
        if path.segments().is_empty() {
            "at the top level".to_owned()
        } else {
            format!("in {path}")
        }
    }
}

/// The tags of YAML itself that are taken for what they say.
const CORE_TAGS: [&str; 12] = [
    "str",
    "binary",
    "int",
    "float",
    "bool",
    "null",
    "timestamp",
    "map",
    "seq",
    "set",
    "omap",
    "merge",
];

fn steering(tag: &Meaning) -> Option<Tag> {
    match tag {
        Meaning::Steering(tag) => Some(*tag),
        _ => None,
    }
}

/// What a scalar means under one of YAML's own tags, or nothing when the two contradict.
fn core_kind(core: &str, text: &str, plain: bool) -> Option<ScalarKind> {
    let kind = resolve(text);
    let fits = match (core, kind) {
        ("int", ScalarKind::Integer(_) | ScalarKind::Unsigned(_))
        | ("float", ScalarKind::Float(_))
        | ("bool", ScalarKind::Bool(_))
        | ("null", ScalarKind::Null)
        | ("timestamp", ScalarKind::Timestamp) => true,
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
        ("float", ScalarKind::Integer(value)) => return Some(ScalarKind::Float(value as f64)),
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
        ("float", ScalarKind::Unsigned(value)) => return Some(ScalarKind::Float(value as f64)),
        ("int" | "float" | "bool" | "null" | "timestamp", _) => false,
        ("str", _) => return Some(ScalarKind::String),
        _ if plain => true,
        _ => return Some(ScalarKind::String),
    };
    fits.then_some(kind)
}
