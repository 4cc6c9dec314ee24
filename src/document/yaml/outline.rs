//! A text as it is written: where each key and value lies, for editing it in place.
//!
//! Nothing is followed or checked: aliases stay aliases, `<<` is a key, keys may be repeated. What
//! the text means is for [`parse`](super::parse) to say.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::lenient::Lenient;

/// A key or value, and where it lies.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Its bytes, without anchor and tag. Of nothing at all, the place where it would be.
    pub range: Range<usize>,
    /// What is written there.
    pub content: Content,
    /// The number of its anchor within the document; 0 for none.
    anchor: usize,
}

/// What is written.
#[derive(Debug, Clone)]
pub enum Content {
    /// A single value.
    Scalar {
        /// Without quotes, escapes resolved.
        text: String,
        /// Neither quotes nor a block.
        plain: bool,
    },
    /// A name that stands for another piece, by the number of its anchor.
    Alias(usize),
    /// A list.
    Sequence(Vec<Piece>),
    /// Keys with their values.
    Mapping {
        /// In braces.
        flow: bool,
        /// In the order of the text.
        entries: Vec<Pair>,
    },
}

/// An entry of a mapping.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The key.
    pub key: Piece,
    /// The value.
    pub value: Piece,
}

impl Pair {
    /// The key's text; empty where it is none.
    pub fn name(&self) -> &str {
        self.key.text().unwrap_or_default()
    }

    /// From the key's first byte to the value's last.
    pub fn range(&self) -> Range<usize> {
        self.key.range.start..self.value.range.end.max(self.key.range.end)
    }

    /// Whether it is `<<` as merging wants it.
    pub fn merges(&self) -> bool {
        matches!(&self.key.content, Content::Scalar { text, plain: true } if text == "<<")
    }
}

impl Piece {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping; none where this is something else.
    pub fn entries(&self) -> &[Pair] {
        match &self.content {
            Content::Mapping { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The entry of a name.
    pub fn entry(&self, name: &str) -> Option<&Pair> {
        self.entries().iter().find(|pair| pair.name() == name)
    }

    /// Whether it is a mapping in braces.
    pub fn is_flow(&self) -> bool {
        matches!(self.content, Content::Mapping { flow: true, .. })
    }

    /// The pieces directly in it, keys included.
    pub fn children(&self) -> Vec<&Piece> {
        match &self.content {
            Content::Scalar { .. } | Content::Alias(_) => Vec::new(),
            Content::Sequence(items) => items.iter().collect(),
            Content::Mapping { entries, .. } => entries
                .iter()
                .flat_map(|pair| [&pair.key, &pair.value])
                .collect(),
        }
    }

    /// The piece of this document that an alias stands for; any other piece is itself.
    pub fn followed<'p>(&'p self, document: &'p Piece) -> &'p Piece {
        let Content::Alias(wanted) = self.content else {
            return self;
        };
        let mut ahead = vec![document];
        while let Some(piece) = ahead.pop() {
            if piece.anchor == wanted {
                return piece;
            }
            ahead.extend(piece.children());
        }
        self
    }
}

/// The root of each document. `None` where the text is not YAML.
pub(super) fn outline(text: &str, lenient: &Lenient<'_>) -> Option<Vec<Piece>> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        flow_nesting_limit: super::MAX_DEPTH,
        block_nesting_limit: super::MAX_DEPTH,
    };
    let mut events = Parser::new_from_str_with_options(lenient.text(), options);
    let mut outliner = Outliner {
        text,
        lenient,
        open: Vec::new(),
        roots: Vec::new(),
        behind: 0,
    };
    while let Some(next) = events.next_event() {
        let (event, place) = next.ok()?;
        outliner.event(event, place);
    }
    Some(outliner.roots)
}

struct Outliner<'a> {
    text: &'a str,
    lenient: &'a Lenient<'a>,
    open: Vec<Open>,
    roots: Vec<Piece>,
    /// Where the last key, value, anchor or tag ended.
    behind: usize,
}

/// A mapping or list that is not at its end.
struct Open {
    start: usize,
    flow: bool,
    mapping: bool,
    anchor: usize,
    children: Vec<Piece>,
}

impl Outliner<'_> {
    fn event(&mut self, event: Event<'_>, place: Span) {
        let range = self.range(place);
        if let Some(tag) = place.tag_span() {
            self.behind = self.behind.max(self.range(tag).end);
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let range = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => self.without_breaks(range),
                    _ => range,
                };
                let plain = style == ScalarStyle::Plain;
                let range = if plain && range.is_empty() {
                    self.nothing()
                } else {
                    range
                };
                let text = if range.is_empty() {
                    String::new()
                } else {
                    text.into_owned()
                };
                self.finish(range, Content::Scalar { text, plain }, anchor);
            }
            Event::Alias(anchor) => self.finish(range, Content::Alias(anchor), 0),
            Event::SequenceStart(style, anchor, _) => self.begin(range.start, style, anchor, false),
            Event::MappingStart(style, anchor, _) => self.begin(range.start, style, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(range.end),
            Event::Anchor(..) => self.behind = self.behind.max(range.end),
            _ => {}
        }
    }

    fn range(&self, place: Span) -> Range<usize> {
        let range = place.byte_range().unwrap_or_default();
        let start = self.lenient.original(range.start).min(self.text.len());
        start
            ..self
                .lenient
                .original(range.end)
                .clamp(start, self.text.len())
    }

    fn without_breaks(&self, range: Range<usize>) -> Range<usize> {
        let text = self.text.get(range.clone()).unwrap_or_default();
        range.start..range.start + text.trim_end_matches(['\n', '\r', ' ']).len()
    }

    /// Behind the colon of the key that has no value, and behind its anchor and tag.
    fn nothing(&self) -> Range<usize> {
        let rest = self.text.get(self.behind..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let colon = rest[blank..].starts_with(':');
        let at = self.behind + if colon { blank + 1 } else { 0 };
        at..at
    }

    fn begin(&mut self, start: usize, style: StructureStyle, anchor: usize, mapping: bool) {
        self.open.push(Open {
            start,
            flow: style == StructureStyle::Flow,
            mapping,
            anchor,
            children: Vec::new(),
        });
    }

    fn end(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let inside = open.children.iter().map(|child| child.range.end).max();
        // Only brackets have an end of their own; a block ends with its last value.
        let end = match inside {
            _ if open.flow => end,
            Some(inside) => inside,
            None => open.start,
        };
        let content = if open.mapping {
            let mut children = open.children.into_iter();
            let mut entries = Vec::new();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push(Pair { key, value });
            }
            Content::Mapping {
                flow: open.flow,
                entries,
            }
        } else {
            Content::Sequence(open.children)
        };
        self.finish(open.start..end.max(open.start), content, open.anchor);
    }

    fn finish(&mut self, range: Range<usize>, content: Content, anchor: usize) {
        self.behind = self.behind.max(range.end);
        let piece = Piece {
            range,
            content,
            anchor,
        };
        match self.open.last_mut() {
            Some(open) => open.children.push(piece),
            None => self.roots.push(piece),
        }
    }
}
