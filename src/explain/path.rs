//! Paths as people type them: `services.web.ports[0].target`, `services["my.web"].image`.
//!
//! Dots part keys, and keys may hold dots themselves (names of services, labels): of the keys that
//! a text may begin with, the longest is tried first, and the next one where that leads nowhere.

use crate::document::diagnostic::nearest;
use crate::document::{Path, Segment};
use crate::project::attribute::Data;

/// A path that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// As it was typed.
    pub path: String,
    /// What may have been meant.
    pub near: Option<String>,
    /// The last part of it that there is; empty for the root.
    pub reached: String,
    /// What there is below that.
    pub keys: Vec<String>,
}

/// The value at a path.
pub(super) fn get<'d>(data: &'d Data, path: &[Segment]) -> Option<&'d Data> {
    path.iter().try_fold(data, |data, segment| match segment {
        Segment::Key(key) => data.get(key.as_str()),
        Segment::Index(index) => data.get(*index),
    })
}

/// The path that a text means.
pub(super) fn find(data: &Data, text: &str) -> Result<Path, Unknown> {
    let mut furthest = Furthest {
        path: Path::default(),
        rest: text,
        data,
    };
    match descend(data, text, Path::default(), &mut furthest) {
        Some(path) => Ok(path),
        None => Err(furthest.unknown(text)),
    }
}

/// How far a text could be followed.
struct Furthest<'t, 'd> {
    path: Path,
    rest: &'t str,
    data: &'d Data,
}

impl Furthest<'_, '_> {
    fn unknown(self, text: &str) -> Unknown {
        let keys: Vec<String> = match self.data {
            Data::Mapping(mapping) => {
                let keys = mapping.keys().filter_map(Data::as_str);
                keys.map(segment_text).collect()
            }
            Data::Sequence(items) => (0..items.len()).map(|at| format!("[{at}]")).collect(),
            _ => Vec::new(),
        };
        let reached = shown(&self.path);
        let rest = self.rest.trim_start_matches('.');
        let wrong = rest.split(['.', '[']).next().unwrap_or(rest);
        let near = [rest, wrong]
            .into_iter()
            .find_map(|word| nearest(word, keys.iter().map(String::as_str)))
            .map(|key| join(&reached, key));
        Unknown {
            path: text.to_owned(),
            near,
            reached,
            keys,
        }
    }
}

fn descend<'t, 'd>(
    data: &'d Data,
    rest: &'t str,
    path: Path,
    furthest: &mut Furthest<'t, 'd>,
) -> Option<Path> {
    if path.segments().len() > furthest.path.segments().len() {
        *furthest = Furthest {
            path: path.clone(),
            rest,
            data,
        };
    }
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    if rest.is_empty() {
        return Some(path);
    }
    if let Some((segment, rest)) = bracketed(rest) {
        let below = get(data, std::slice::from_ref(&segment))?;
        let path = match &segment {
            Segment::Key(key) => path.key(key),
            Segment::Index(index) => path.index(*index),
        };
        return descend(below, rest, path, furthest);
    }
    let Data::Mapping(mapping) = data else {
        return None;
    };
    let fits = |key: &str| {
        let behind = rest.strip_prefix(key);
        behind.filter(|behind| behind.is_empty() || behind.starts_with(['.', '[']))
    };
    let mut candidates: Vec<(&str, &str, &Data)> = mapping
        .iter()
        .filter_map(|(key, below)| Some((key.as_str()?, fits(key.as_str()?)?, below)))
        .collect();
    candidates.sort_by_key(|(key, ..)| std::cmp::Reverse(key.len()));
    candidates
        .into_iter()
        .find_map(|(key, behind, below)| descend(below, behind, path.key(key), furthest))
}

/// `[3]` or `["key"]` in front of a text, and the rest of it.
fn bracketed(text: &str) -> Option<(Segment, &str)> {
    let inner = text.strip_prefix('[')?;
    for quote in ['"', '\''] {
        if let Some(inner) = inner.strip_prefix(quote) {
            let (key, rest) = inner.split_once(&format!("{quote}]"))?;
            return Some((Segment::Key(key.to_owned()), rest));
        }
    }
    let (number, rest) = inner.split_once(']')?;
    Some((Segment::Index(number.trim().parse().ok()?), rest))
}

/// A path in the syntax that is read here.
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for segment in path.segments() {
        text = match segment {
            Segment::Key(key) => join(&text, &segment_text(key)),
            Segment::Index(index) => format!("{text}[{index}]"),
        };
    }
    text
}

fn join(path: &str, segment: &str) -> String {
    if path.is_empty() || segment.starts_with('[') {
        format!("{path}{segment}")
    } else {
        format!("{path}.{segment}")
    }
}

/// A key, in brackets where it would not be read as one.
fn segment_text(key: &str) -> String {
    if key.is_empty() || key.contains(['.', '[', ']', '"', '\'', ' ']) {
        let quote = if key.contains('"') { '\'' } else { '"' };
        format!("[{quote}{key}{quote}]")
    } else {
        key.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Data {
        let text = "{services: {web: {ports: [{target: 80}], labels: {a.b: x, a: y}}, web.two: {image: i}}}";
        serde_yaml::from_str(text).expect("YAML")
    }

    #[test]
    fn paths_are_followed_through_dots_brackets_and_quotes() {
        let data = data();
        for (text, expected) in [
            (
                "services.web.ports[0].target",
                "services.web.ports[0].target",
            ),
            ("services.web.labels.a.b", "services.web.labels[\"a.b\"]"),
            (
                "services.web.labels[\"a.b\"]",
                "services.web.labels[\"a.b\"]",
            ),
            ("services.web.labels['a']", "services.web.labels.a"),
            ("services.web.two.image", "services[\"web.two\"].image"),
            ("services['web.two'].image", "services[\"web.two\"].image"),
            ("", ""),
        ] {
            let found = find(&data, text).map(|path| shown(&path));
            assert_eq!(found.as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_names_the_nearest() {
        let data = data();
        for (text, near) in [
            ("services.web.lables.a", Some("services.web.labels")),
            ("services.wbe", Some("services.web")),
            ("services.web.ports[7]", Some("services.web.ports[0]")),
            ("services.web.image.x", None),
        ] {
            let unknown = find(&data, text).expect_err(text);
            assert_eq!(unknown.near.as_deref(), near, "{text}");
        }
    }
}
