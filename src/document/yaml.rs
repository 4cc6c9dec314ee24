//! YAML to [`Node`]s: anchors, `<<`, tags and several documents resolved, every place kept.
//!
//! Scalars mean what Go's YAML library takes them for, because that is what docker compose reads:
//! `0755` is 493, `08` is 8, `1_000` is 1000, `yes` and `22:22` are strings, `2001-01-01` is a
//! date. The parser underneath is used for events only and appears nowhere else.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, StrInput, Tag as YamlTag};

use super::{
    Diagnostic, Entry, Mapping, Node, Path, Scalar, ScalarKind, SourceId, Span, Tag, Value,
};

/// How deep mappings and lists may nest.
const DEPTH_LIMIT: usize = 128;
/// How many nodes aliases may expand to in one document; what stands in the file itself is free.
const ALIAS_LIMIT: usize = 100_000;

/// The documents of a text, in order. An empty text has none.
pub fn parse(source: SourceId, text: &str) -> Result<Vec<Node>, Vec<Diagnostic>> {
    // A byte order mark is not part of the text, but of the offsets.
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let offset = text.len() - body.len();
    let mut options = Options::default();
    options.flow_nesting_limit = DEPTH_LIMIT;
    options.block_nesting_limit = DEPTH_LIMIT;
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(body, options),
        source,
        offset,
        length: text.len(),
        anchors: HashMap::new(),
        expanded: 0,
        path: Path::default(),
        problems: Vec::new(),
    };
    let documents = reader.documents();
    match documents {
        Ok(documents) if reader.problems.is_empty() => Ok(documents),
        Ok(_) => Err(reader.problems),
        Err(Stop) => Err(reader.problems),
    }
}

/// Reading cannot go on; the reason is among the problems.
struct Stop;

struct Anchored {
    node: Node,
    /// Nodes in it, which is what an alias to it costs.
    size: usize,
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    source: SourceId,
    offset: usize,
    length: usize,
    anchors: HashMap<usize, Anchored>,
    expanded: usize,
    path: Path,
    problems: Vec<Diagnostic>,
}

impl<'t> Reader<'t> {
    fn documents(&mut self) -> Result<Vec<Node>, Stop> {
        let mut documents = Vec::new();
        loop {
            let (event, span) = self.event()?;
            match event {
                Event::StreamEnd => return Ok(documents),
                Event::DocumentStart(..) => {
                    self.anchors.clear();
                    self.expanded = 0;
                    let (event, span) = self.event()?;
                    documents.push(self.node(event, span)?);
                }
                Event::StreamStart | Event::DocumentEnd => {}
                // Events that this reader does not ask for.
                _ => {
                    return self
                        .stop(Diagnostic::error("the YAML is not understood").at(span, "here"));
                }
            }
        }
    }

    fn event(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, self.span(&span))),
            Some(Err(error)) => {
                let problem = self.syntax_error(&error);
                self.stop(problem)
            }
            None => self.stop(Diagnostic::error("the YAML ends too early").at(self.end(), "here")),
        }
    }

    fn stop<T>(&mut self, problem: Diagnostic) -> Result<T, Stop> {
        self.problems.push(problem);
        Err(Stop)
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or_default();
        self.range(range.start, range.end)
    }

    fn range(&self, start: usize, end: usize) -> Span {
        let clamp =
            |at: usize| u32::try_from((at + self.offset).min(self.length)).unwrap_or(u32::MAX);
        Span {
            source: self.source,
            start: clamp(start),
            end: clamp(end.max(start)),
        }
    }

    fn end(&self) -> Span {
        let end = u32::try_from(self.length).unwrap_or(u32::MAX);
        Span {
            source: self.source,
            start: end,
            end,
        }
    }

    /// The parser's words, and advice for the mistakes that people make.
    fn syntax_error(&self, error: &ScanError) -> Diagnostic {
        let at = error.marker().byte_offset().unwrap_or_default();
        let reason = error.info();
        let problem = Diagnostic::error(format!("this is not valid YAML: {reason}"))
            .at(self.range(at, at + 1), "here");
        let lower = reason.to_lowercase();
        if lower.contains("tab") {
            problem.help("indent with spaces")
        } else if lower.contains("mapping values")
            || lower.contains("simple key")
            || lower.contains("':'")
        {
            problem.help(
                "is a colon missing, or a space after it? Text with a colon in it needs quotes",
            )
        } else if lower.contains("quote") || lower.contains("scalar") {
            problem.help("is a quote not closed?")
        } else {
            problem
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, Stop> {
        match event {
            Event::Alias(id) => self.alias(id, span),
            Event::Scalar(text, style, anchor, tag) => {
                let tag = self.tag(tag.as_deref(), span)?;
                let kind = kind(&text, style, &tag);
                let scalar = Scalar {
                    text: text.into_owned(),
                    kind,
                };
                let node = Node {
                    span,
                    tag: tag.merging(),
                    value: Value::Scalar(scalar),
                };
                self.anchor(anchor, &node, 1);
                Ok(node)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let tag = self.tag(tag.as_deref(), span)?;
                let before = self.expanded;
                let (items, end, size) = self.sequence()?;
                let span = Span {
                    end: end.end,
                    ..span
                };
                let node = Node {
                    span,
                    tag: tag.merging(),
                    value: Value::Sequence(items),
                };
                self.anchor(anchor, &node, size + (self.expanded - before));
                Ok(node)
            }
            Event::MappingStart(_, anchor, tag) => {
                let tag = self.tag(tag.as_deref(), span)?;
                let before = self.expanded;
                let (mapping, end, size) = self.mapping(span)?;
                let span = Span {
                    end: end.end,
                    ..span
                };
                let node = Node {
                    span,
                    tag: tag.merging(),
                    value: Value::Mapping(mapping),
                };
                self.anchor(anchor, &node, size + (self.expanded - before));
                Ok(node)
            }
            _ => self.stop(Diagnostic::error("the YAML is not understood").at(span, "here")),
        }
    }

    fn anchor(&mut self, id: usize, node: &Node, size: usize) {
        if id != 0 {
            self.anchors.insert(
                id,
                Anchored {
                    node: node.clone(),
                    size,
                },
            );
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Node, Stop> {
        let Some(anchored) = self.anchors.get(&id) else {
            return self.stop(
                Diagnostic::error("this alias stands inside what it names")
                    .at(span, "it would never end"),
            );
        };
        self.expanded += anchored.size;
        if self.expanded > ALIAS_LIMIT {
            let error =
                Diagnostic::error(format!("aliases expand to more than {ALIAS_LIMIT} values"));
            return self.stop(error.at(span, "the one that is too many"));
        }
        Ok(anchored.node.clone())
    }

    fn sequence(&mut self) -> Result<(Vec<Node>, Span, usize), Stop> {
        let outer = self.path.clone();
        let mut items = Vec::new();
        let mut size = 1;
        loop {
            let (event, span) = self.event()?;
            if matches!(event, Event::SequenceEnd) {
                self.path = outer;
                return Ok((items, span, size));
            }
            self.path = outer.index(items.len());
            size += 1;
            items.push(self.node(event, span)?);
        }
    }

    fn mapping(&mut self, start: Span) -> Result<(Mapping, Span, usize), Stop> {
        let outer = self.path.clone();
        let mut mapping = Mapping::new();
        let mut merged: Option<(Span, Node)> = None;
        let mut size = 1;
        loop {
            let (event, key_span) = self.event()?;
            if matches!(event, Event::MappingEnd) {
                self.path = outer;
                if let Some((key_span, value)) = merged {
                    self.join(&mut mapping, key_span, value);
                }
                return Ok((mapping, key_span, size));
            }
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<");
            let key = self.node(event, key_span)?;
            let name = self.key_name(&key, &outer);
            self.path = name
                .as_ref()
                .map_or_else(|| outer.clone(), |name| outer.key(name));
            let (event, span) = self.event()?;
            let value = self.node(event, span)?;
            size += 2;
            let Some(name) = name else { continue };
            let earlier = match (&merged, is_merge) {
                (Some((span, _)), true) => Some(*span),
                (_, false) => mapping.get(&name).map(|entry: &Entry| entry.key_span),
                (None, true) => None,
            };
            if let Some(earlier) = earlier {
                let error = Diagnostic::error(format!("the key `{name}` stands here twice"));
                self.problems
                    .push(error.at(key.span, "again").at(earlier, "first here"));
            } else if is_merge {
                merged = Some((key.span, value));
            } else {
                mapping.insert(
                    name,
                    Entry {
                        key_span: key.span,
                        value,
                    },
                );
            }
            let _ = start;
        }
    }

    /// The key's name; a report when it is not a string.
    fn key_name(&mut self, key: &Node, place: &Path) -> Option<String> {
        match key.as_scalar() {
            Some(Scalar {
                text,
                kind: ScalarKind::String,
            }) => Some(text.clone()),
            Some(Scalar { text, .. }) => {
                let place = if place.segments().is_empty() {
                    "the top level".to_owned()
                } else {
                    place.to_string()
                };
                let error = Diagnostic::error(format!("non-string key in {place}: {text}"));
                let help = format!("put it in quotes: \"{text}\"");
                self.problems.push(
                    error
                        .at(key.span, format!("this is {}", key.describe()))
                        .help(help),
                );
                None
            }
            None => {
                let error = Diagnostic::error("a key must be a string")
                    .at(key.span, format!("this is {}", key.describe()));
                self.problems.push(error);
                None
            }
        }
    }

    /// `<<: value`: keys that are not there yet come from the mapping, or from the first mapping
    /// of the list that has them.
    fn join(&mut self, mapping: &mut Mapping, key_span: Span, value: Node) {
        let parts = match value.value {
            Value::Sequence(items) => items,
            _ => vec![value],
        };
        for part in parts {
            let Value::Mapping(more) = part.value else {
                let error = Diagnostic::error("`<<` takes a mapping or a list of mappings");
                self.problems
                    .push(error.at(key_span, format!("this gives {}", part.describe())));
                continue;
            };
            for (key, entry) in more {
                mapping.entry(key).or_insert(entry);
            }
        }
    }

    fn tag(&mut self, tag: Option<&YamlTag>, span: Span) -> Result<ReadTag, Stop> {
        let Some(tag) = tag else {
            return Ok(ReadTag::None);
        };
        if let Some(suffix) = tag.core_suffix() {
            return Ok(match suffix {
                "str" | "binary" => ReadTag::String,
                _ => ReadTag::None,
            });
        }
        match tag.suffix() {
            "reset" => Ok(ReadTag::Merging(Tag::Reset)),
            "override" => Ok(ReadTag::Merging(Tag::Override)),
            _ => {
                let error =
                    Diagnostic::error(format!("the tag `{}` has no meaning here", tag.original()));
                self.stop(
                    error
                        .at(span, "on this value")
                        .help("Compose knows !reset and !override"),
                )
            }
        }
    }
}

/// What a tag says.
enum ReadTag {
    None,
    String,
    Merging(Tag),
}

impl ReadTag {
    fn merging(&self) -> Option<Tag> {
        if let ReadTag::Merging(tag) = self {
            Some(*tag)
        } else {
            None
        }
    }
}

fn kind(text: &str, style: ScalarStyle, tag: &ReadTag) -> ScalarKind {
    match (style, tag) {
        (_, ReadTag::String) => ScalarKind::String,
        (ScalarStyle::Plain, _) => resolve(text),
        _ => ScalarKind::String,
    }
}

/// What a plain scalar means to Go.
fn resolve(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
        "true" | "True" | "TRUE" => return ScalarKind::Bool(true),
        "false" | "False" | "FALSE" => return ScalarKind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return ScalarKind::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return ScalarKind::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return ScalarKind::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return ScalarKind::String;
    }
    if is_timestamp(text) {
        return ScalarKind::Timestamp;
    }
    let plain = text.replace('_', "");
    integer(&plain)
        .or_else(|| float(&plain))
        .unwrap_or(ScalarKind::String)
}

/// As Go's `ParseInt` with base 0: `0x`, `0o`, `0b`, and octal after a leading zero.
fn integer(text: &str) -> Option<ScalarKind> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| char::from(byte).is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -magnitude } else { magnitude };
    if let Ok(value) = i64::try_from(value) {
        return Some(ScalarKind::Integer(value));
    }
    u64::try_from(value).ok().map(ScalarKind::Unsigned)
}

/// Digits with a point or an exponent; names of infinity and such are no numbers here.
fn float(text: &str) -> Option<ScalarKind> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return None;
        }
    }
    text.parse().ok().map(ScalarKind::Float)
}

/// `2001-01-01`, or with a time behind `T`, `t` or a space.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(text[at + 1..].trim_start())),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let number = |text: &str, most: u32| {
        text.len() <= 2
            && text
                .parse::<u32>()
                .is_ok_and(|value| (1..=most).contains(&value))
    };
    let is_date = parts.len() == 3 && number(parts[1], 12) && number(parts[2], 31);
    is_date && time.is_none_or(is_time)
}

fn is_time(text: &str) -> bool {
    let clock = text
        .find(['Z', '+'])
        .or_else(|| text.rfind('-'))
        .map_or(text, |at| text[..at].trim_end());
    let parts: Vec<&str> = clock.split(':').collect();
    let digits = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    parts.len() == 3 && parts.iter().all(|part| digits(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_go_takes_them_for() {
        for (text, meaning) in [
            ("0755", ScalarKind::Integer(493)),
            ("08", ScalarKind::Float(8.0)),
            ("1_000", ScalarKind::Integer(1000)),
            ("0x1F", ScalarKind::Integer(31)),
            ("0o17", ScalarKind::Integer(15)),
            ("0b11", ScalarKind::Integer(3)),
            ("-12", ScalarKind::Integer(-12)),
            ("18446744073709551615", ScalarKind::Unsigned(u64::MAX)),
            ("1e3", ScalarKind::Float(1000.0)),
            ("1.50", ScalarKind::Float(1.5)),
            ("yes", ScalarKind::String),
            ("on", ScalarKind::String),
            ("22:22", ScalarKind::String),
            ("1.2.3", ScalarKind::String),
            ("2001-01-01", ScalarKind::Timestamp),
            ("2001-01-01T10:00:00Z", ScalarKind::Timestamp),
            ("2001-13-01", ScalarKind::String),
            ("~", ScalarKind::Null),
            ("True", ScalarKind::Bool(true)),
            ("-", ScalarKind::String),
            (".", ScalarKind::String),
        ] {
            assert_eq!(resolve(text), meaning, "{text}");
        }
    }
}
