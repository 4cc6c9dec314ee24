//! Text to spanned tree: what a YAML file says, with the place of every key and value.
//!
//! This layer knows YAML, `${VARIABLES}` and how one tree is laid over another. It does not know
//! Compose, files or the environment: it is given a text, a name for the text and a variable
//! lookup, and the rules of merging are asked of the caller.
//!
//! A [`Span`] names the source it comes from, so that after interpolation, anchors and merging
//! every value still knows its file, and with it the folder that a relative path starts from.

pub mod diagnostic;
pub mod interpolate;
pub mod merge;
pub mod yaml;

use std::fmt;

use indexmap::IndexMap;

pub use diagnostic::{Diagnostic, Severity};

/// One text that was read, numbered within its [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A piece of a source: byte offsets, end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text it lies in.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// The texts of one run, each with the name that messages show.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    texts: Vec<Source>,
}

/// A text and its name.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path of the file, or a word such as `<stdin>` or `<environment>`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Its lines are not for showing: a diagnostic names the place, and prints nothing of it.
    pub secret: bool,
}

impl Sources {
    /// Takes a text in and numbers it.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let id = SourceId(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(Source {
            name: name.into(),
            text: text.into(),
            secret: false,
        });
        id
    }

    /// Keeps a text out of everything that is printed: places in it are named only.
    pub fn keep_secret(&mut self, id: SourceId) {
        if let Some(source) = self.texts.get_mut(id.0 as usize) {
            source.secret = true;
        }
    }

    /// The text behind a number.
    ///
    /// # Panics
    /// When the number was not handed out by this collection.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.texts[id.0 as usize]
    }

    /// The text behind a number, if there is one.
    pub fn find(&self, id: SourceId) -> Option<&Source> {
        self.texts.get(id.0 as usize)
    }

    /// Takes in what was read from a file: UTF-8, or UTF-16 with a mark in front as Windows tools
    /// write it.
    ///
    /// # Errors
    /// Bytes that are neither, or too many of them. The file is numbered even so, for the message
    /// to point into.
    pub fn add_bytes(
        &mut self,
        name: impl Into<String>,
        bytes: Vec<u8>,
    ) -> Result<SourceId, Diagnostic> {
        if bytes.len() > yaml::MAX_BYTES {
            let id = self.add(name, "");
            return Err(yaml::too_large(id));
        }
        let (text, invalid) = decode(bytes);
        let id = self.add(name, text);
        match invalid {
            None => Ok(id),
            Some(at) => Err(Diagnostic::error("the file is not UTF-8 text")
                .code("not-utf-8")
                .at(
                    Span {
                        source: id,
                        start: at,
                        end: at,
                    },
                    "these bytes are not a character",
                )
                .help("save the file as UTF-8")),
        }
    }

    /// `file:line:column` of a span's first character, lines and columns from 1.
    pub fn place(&self, span: Span) -> Place<'_> {
        let source = self.get(span.source);
        let before = &source.text.as_bytes()[..(span.start as usize).min(source.text.len())];
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = String::from_utf8_lossy(&before[line_start..]);
        // A byte order mark is no column.
        let characters = line.strip_prefix('\u{feff}').unwrap_or(&line).chars();
        let column = characters.count() + 1;
        let line = bytecount(before) + 1;
        Place {
            name: &source.name,
            line,
            column,
        }
    }
}

/// Bytes as text, and where they stop being one.
fn decode(bytes: Vec<u8>) -> (String, Option<u32>) {
    let units = |from: fn([u8; 2]) -> u16| -> Vec<u16> {
        let pairs = bytes[2..].chunks_exact(2);
        pairs.map(|pair| from([pair[0], pair[1]])).collect()
    };
    let wide = match bytes.as_slice() {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => {
            return match String::from_utf8(bytes) {
                Ok(text) => (text, None),
                Err(error) => {
                    let at = error.utf8_error().valid_up_to();
                    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                    (text, Some(u32::try_from(at).unwrap_or(u32::MAX)))
                }
            };
        }
    };
    match String::from_utf16(&wide) {
        Ok(text) => (text, None),
        Err(_) => (String::from_utf16_lossy(&wide), Some(0)),
    }
}

#[expect(clippy::naive_bytecount, reason = "for messages only")]
fn bytecount(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// Where something stands, for people: prints as `file:line:column`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Name of the source.
    pub name: &'a str,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.name, self.line, self.column)
    }
}

/// A value of the tree and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value's own text; for a merged or aliased value, the place where it was written.
    pub span: Span,
    /// `!reset` or `!override`, which steer merging.
    pub tag: Option<Tag>,
    /// What stands there.
    pub value: Value,
}

/// The two tags that the Compose Specification gives a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `!reset`: remove what earlier files said here.
    Reset,
    /// `!override`: replace what earlier files said here.
    Override,
}

/// The three shapes of YAML.
#[derive(Debug, Clone)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values, in the order of the file.
    Mapping(Mapping),
}

/// Keys (always strings in Compose) to entries, in the order of the file.
pub type Mapping = IndexMap<String, Entry>;

/// A value with the place of its key.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where the key stands.
    pub key_span: Span,
    /// The value behind it.
    pub value: Node,
}

/// A scalar, resolved as Go's YAML library resolves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The text after unescaping and folding. For plain scalars that resolve to something else
    /// than a string this is the text as written (`0755`, `1.50`, `~`).
    pub text: String,
    /// What the text means.
    pub kind: ScalarKind,
}

/// What a scalar's text means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScalarKind {
    /// Any quoted or block scalar, and every plain one that is nothing else.
    String,
    /// `null`, `~`, or nothing.
    Null,
    /// `true` or `false` in Go's spellings.
    Bool(bool),
    /// Decimal, octal (`0755`, `0o755`), hexadecimal, binary, with `_` between digits.
    Integer(i64),
    /// Above `i64::MAX`, up to `u64::MAX`.
    Unsigned(u64),
    /// Anything with a fraction or exponent, `.inf`, `.nan`, and integers too large.
    Float(f64),
    /// A date or a date with a time, which Go does not take for a string.
    Timestamp,
}

impl Node {
    /// A string value, for nodes that the program itself makes (defaults, promoted short forms).
    pub fn string(span: Span, text: impl Into<String>) -> Node {
        let scalar = Scalar {
            text: text.into(),
            kind: ScalarKind::String,
        };
        Node {
            span,
            tag: None,
            value: Value::Scalar(scalar),
        }
    }

    /// A null value.
    pub fn null(span: Span) -> Node {
        let scalar = Scalar {
            text: String::new(),
            kind: ScalarKind::Null,
        };
        Node {
            span,
            tag: None,
            value: Value::Scalar(scalar),
        }
    }

    /// A mapping of the given entries.
    pub fn mapping(span: Span, mapping: Mapping) -> Node {
        Node {
            span,
            tag: None,
            value: Value::Mapping(mapping),
        }
    }

    /// A list of the given items.
    pub fn sequence(span: Span, items: Vec<Node>) -> Node {
        Node {
            span,
            tag: None,
            value: Value::Sequence(items),
        }
    }

    /// The mapping, where it is one.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        if let Value::Mapping(mapping) = &self.value {
            Some(mapping)
        } else {
            None
        }
    }

    /// The list, where it is one.
    pub fn as_sequence(&self) -> Option<&[Node]> {
        if let Value::Sequence(items) = &self.value {
            Some(items)
        } else {
            None
        }
    }

    /// The scalar, where it is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        if let Value::Scalar(scalar) = &self.value {
            Some(scalar)
        } else {
            None
        }
    }

    /// The text of a scalar that is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self.as_scalar() {
            Some(Scalar {
                text,
                kind: ScalarKind::String,
            }) => Some(text),
            _ => None,
        }
    }

    /// Whether this is a null scalar.
    pub fn is_null(&self) -> bool {
        matches!(
            self.as_scalar(),
            Some(Scalar {
                kind: ScalarKind::Null,
                ..
            })
        )
    }

    /// The value under a key, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()
            .and_then(|mapping| mapping.get(key))
            .map(|entry| &entry.value)
    }

    /// What this is, in the words of messages: `a mapping`, `a list`, `a string`, …
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Mapping(_) => "a mapping",
            Value::Sequence(_) => "a list",
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::String => "a string",
                ScalarKind::Null => "empty",
                ScalarKind::Bool(_) => "a boolean",
                ScalarKind::Integer(_) | ScalarKind::Unsigned(_) | ScalarKind::Float(_) => {
                    "a number"
                }
                ScalarKind::Timestamp => "a date",
            },
        }
    }
}

/// Where a value stands in the tree: `services`, `web`, `ports`, `[0]`. Never a dotted string,
/// because keys may hold dots.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Segment>);

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A key of a mapping.
    Key(String),
    /// A place in a list, from 0.
    Index(usize),
}

impl Path {
    /// The segments from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// This path with a key added.
    #[must_use]
    pub fn key(&self, key: &str) -> Path {
        let mut longer = self.clone();
        longer.0.push(Segment::Key(key.to_owned()));
        longer
    }

    /// The path of what holds this one; the root is its own.
    #[must_use]
    pub fn parent(&self) -> Path {
        let mut shorter = self.clone();
        shorter.0.pop();
        shorter
    }

    /// This path with a list index added.
    #[must_use]
    pub fn index(&self, index: usize) -> Path {
        let mut longer = self.clone();
        longer.0.push(Segment::Index(index));
        longer
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
