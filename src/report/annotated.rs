//! The model as YAML, with a comment behind each line that tells where it came from.

use std::fmt::Write;

use super::yaml::yaml;
use crate::document::{Path, Segment, Sources, Span};
use crate::explain::{Origin, Origins, Use, VariableSource};
use crate::project::attribute::Data;

/// Lines longer than this are not lined up with.
const WIDEST: usize = 60;

/// What `config` prints, line by line with comments; read as YAML, it is the same.
pub fn annotated(origins: &Origins<'_>, sources: &Sources) -> String {
    // Dollar signs are doubled, so that the text, loaded again, means the same.
    let text = yaml(origins.data()).replace('$', "$$");
    let mut paths = Vec::new();
    paths_of_lines(origins.data(), &Path::default(), &mut paths);
    let width = |line: &str| line.chars().count();
    let widths = text.lines().map(width).filter(|width| *width <= WIDEST);
    let column = widths.max().unwrap_or(0) + 2;
    let mut annotated = String::new();
    for (line, path) in text.lines().zip(paths) {
        match path.map(|path| comment(origins, sources, &path)) {
            Some(comment) => {
                let gap = column.saturating_sub(width(line)).max(2);
                let _ = writeln!(annotated, "{line}{:gap$}# {comment}", "");
            }
            None => {
                let _ = writeln!(annotated, "{line}");
            }
        }
    }
    annotated
}

/// The path that each printed line is about; the lines inside of a block of text have none,
/// because nothing can be added to them.
fn paths_of_lines(data: &Data, path: &Path, lines: &mut Vec<Option<Path>>) {
    match data {
        Data::Mapping(mapping) if !mapping.is_empty() => {
            for (key, value) in mapping {
                let below = path.key(key.as_str().unwrap_or_default());
                if is_open(value) {
                    lines.push(Some(below.clone()));
                }
                paths_of_lines(value, &below, lines);
            }
        }
        // What is inside of an item begins behind its dash.
        Data::Sequence(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                paths_of_lines(item, &path.index(index), lines);
            }
        }
        leaf => {
            lines.push(Some(path.clone()));
            let more = yaml(leaf).lines().count().saturating_sub(1);
            lines.extend(std::iter::repeat_n(None, more));
        }
    }
}

/// Whether something is printed on lines of its own.
fn is_open(data: &Data) -> bool {
    match data {
        Data::Mapping(mapping) => !mapping.is_empty(),
        Data::Sequence(items) => !items.is_empty(),
        _ => false,
    }
}

fn comment(origins: &Origins<'_>, sources: &Sources, path: &Path) -> String {
    let place = |span: Span| {
        let place = sources.place(span);
        let name: String = place.name.chars().filter(|c| !c.is_control()).collect();
        format!("{name}:{}", place.line)
    };
    let from = |source: VariableSource| match source {
        VariableSource::Shell => "from the shell".to_owned(),
        VariableSource::File(span) => format!("from {}", place(span)),
        VariableSource::Project => "of the project".to_owned(),
        VariableSource::Unset => "not set".to_owned(),
    };
    let variable = |it: &Use| {
        let how = match (it.used.replaced, &it.used.value) {
            (true, None) => "default".to_owned(),
            (true, Some(_)) => format!("replaced, {}", from(it.source)),
            (false, _) => from(it.source),
        };
        format!(" (${} {how})", it.used.name)
    };
    let written = |span: Span| {
        let variables: String = origins.uses_at(span).iter().map(variable).collect();
        place(span) + &variables
    };
    if origins.at(path).is_some_and(is_open) {
        return origins.place(path).map_or("(default)".to_owned(), place);
    }
    match origins.origin(path) {
        Origin::Written(span) => written(span),
        Origin::File(span) => place(span),
        Origin::Variable(span, source) => {
            let name = match path.segments().last() {
                Some(Segment::Key(name)) => name,
                _ => "",
            };
            format!("{} (${name} {})", place(span), from(source))
        }
        Origin::Implied {
            from: Some(span), ..
        } => format!("{} (default)", place(span)),
        Origin::Implied { from: None, .. } => "(default)".to_owned(),
    }
}
