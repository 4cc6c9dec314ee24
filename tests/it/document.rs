//! The document stage on files: `cases/document/<name>/in.yaml` and what becomes of it.
//!
//! A case may also hold `over.yaml`, which is laid over `in.yaml`, and `variables.env`, whose
//! variables replace those in the tree. `in.env` in place of `in.yaml` shows what a dotenv file
//! says. `out.txt` is compared whole and written anew with `RCOMPOSE_REFRESH=1`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use rcompose::document::diagnostic::{Style, nearest, render};
use rcompose::document::interpolate::{expand, interpolate, interpolate_in, variables};
use rcompose::document::merge::{Rule, merge};
use rcompose::document::{
    Diagnostic, Node, Path, ScalarKind, Segment, SourceId, Sources, Span, Tag, Value, yaml,
};
use rcompose::load::dotenv;

const STYLE: Style = Style {
    color: false,
    width: 100,
};

#[test]
fn cases_come_out_as_written_down() {
    let refresh = std::env::var_os("RCOMPOSE_REFRESH").is_some();
    let mut wrong = Vec::new();
    let cases = folders();
    assert!(cases.len() >= 40, "only {} cases were found", cases.len());
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        assert_owned(&case);
        let actual = outcome(&case);
        let expected = case.join("out.txt");
        if refresh {
            fs::write(&expected, &actual).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != actual {
            wrong.push(format!("{name} is now:\n{actual}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn folders() -> Vec<PathBuf> {
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/document");
    let mut folders: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    folders
}

/// Files that no test reads are mistakes.
fn assert_owned(case: &FilePath) {
    let known = ["in.yaml", "in.env", "over.yaml", "variables.env", "out.txt"];
    for entry in fs::read_dir(case).expect("cases are folders") {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name.as_str()), "{}/{name}", case.display());
    }
    let inputs = ["in.yaml", "in.env"].map(|name| case.join(name).exists());
    assert!(inputs[0] != inputs[1], "{} has one input", case.display());
}

fn outcome(case: &FilePath) -> String {
    let mut sources = Sources::default();
    let shown = if case.join("in.env").exists() {
        assignments(case, &mut sources)
    } else {
        trees(case, &mut sources)
    };
    match shown {
        Ok(text) => text,
        Err(problems) => render(&problems, &sources, STYLE),
    }
}

fn assignments(case: &FilePath, sources: &mut Sources) -> Result<String, Vec<Diagnostic>> {
    let id = add(case, "in.env", sources)?;
    let outside = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
    let text = sources.get(id).text.clone();
    let mut shown = String::new();
    let mut warnings = Vec::new();
    for variable in dotenv::parse(id, &text, &outside)? {
        let place = place(variable.span, sources);
        writeln!(shown, "{place} {} {:?}", variable.name, variable.value).unwrap();
        warnings.extend(variable.warnings);
    }
    Ok(with_warnings(shown, &warnings, sources))
}

fn trees(case: &FilePath, sources: &mut Sources) -> Result<String, Vec<Diagnostic>> {
    let id = add(case, "in.yaml", sources)?;
    let yaml::Text {
        mut documents,
        mut warnings,
    } = yaml::read(id, &sources.get(id).text, None)?;
    if case.join("variables.env").exists() {
        let id = add(case, "variables.env", sources)?;
        let set = dotenv::parse_raw(id, &sources.get(id).text, &|_| None)?;
        let lookup = |name: &str| {
            let found = set.iter().find(|variable| variable.name == name)?;
            found.value.clone()
        };
        for document in &mut documents {
            warnings.extend(interpolate_in(document, sources, &lookup));
        }
        if warnings.iter().any(Diagnostic::is_error) {
            return Err(warnings);
        }
    }
    if case.join("over.yaml").exists() {
        for over in read(case, "over.yaml", sources)? {
            let base = documents.pop().unwrap();
            documents.push(merge(base, over, &rule)?);
        }
    }
    let mut shown = String::new();
    for (number, document) in documents.iter().enumerate() {
        if number > 0 {
            shown.push_str("---\n");
        }
        dump(document, None, &Path::default(), sources, &mut shown);
    }
    if documents.is_empty() {
        shown.push_str("no documents\n");
    }
    Ok(with_warnings(shown, &warnings, sources))
}

fn with_warnings(mut shown: String, warnings: &[Diagnostic], sources: &Sources) -> String {
    if !warnings.is_empty() {
        shown.push('\n');
        shown.push_str(&render(warnings, sources, STYLE));
    }
    shown
}

fn add(case: &FilePath, name: &str, sources: &mut Sources) -> Result<SourceId, Vec<Diagnostic>> {
    let bytes = fs::read(case.join(name)).unwrap();
    sources
        .add_bytes(name, bytes)
        .map_err(|problem| vec![problem])
}

fn read(case: &FilePath, name: &str, sources: &mut Sources) -> Result<Vec<Node>, Vec<Diagnostic>> {
    let id = add(case, name, sources)?;
    yaml::parse(id, &sources.get(id).text)
}

/// The rules of the cases.
fn rule(path: &Path) -> Rule {
    match path.segments().last() {
        Some(Segment::Key(key)) if key == "environment" => Rule::KeyValue,
        Some(Segment::Key(key)) if key == "command" => Rule::Replace,
        Some(Segment::Key(key)) if key == "volumes" => Rule::Unique(target),
        _ => Rule::Default,
    }
}

fn target(node: &Node) -> Option<String> {
    let (_, target) = node.as_str()?.split_once(':')?;
    Some(target.to_owned())
}

/// One line for each value: place of the key, place of the value, path, meaning.
fn dump(node: &Node, key: Option<Span>, path: &Path, sources: &Sources, shown: &mut String) {
    let key = key.map_or_else(|| "-".to_owned(), |key| place(key, sources));
    let tag = match node.tag {
        None => "",
        Some(Tag::Reset) => " !reset",
        Some(Tag::Override) => " !override",
    };
    let value = place(node.span, sources);
    let meaning = meaning(node);
    writeln!(shown, "{key:<11} {value:<11} {path}{tag} {meaning}").unwrap();
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                dump(item, None, &path.index(index), sources, shown);
            }
        }
        Value::Mapping(mapping) => {
            for (key, entry) in mapping {
                let path = path.key(key);
                dump(&entry.value, Some(entry.key_span), &path, sources, shown);
            }
        }
    }
}

/// `line:column-line:column`, the end exclusive, after the file's number if it is not the first.
fn place(span: Span, sources: &Sources) -> String {
    let at = |offset| {
        let place = sources.place(Span {
            start: offset,
            ..span
        });
        (place.line, place.column)
    };
    let (start, end) = (at(span.start), at(span.end));
    let file = match span.source.0 {
        0 => String::new(),
        other => format!("{other}/"),
    };
    if start.0 == end.0 {
        format!("{file}{}:{}-{}", start.0, start.1, end.1)
    } else {
        format!("{file}{}:{}-{}:{}", start.0, start.1, end.0, end.1)
    }
}

fn meaning(node: &Node) -> String {
    match &node.value {
        Value::Mapping(_) => "mapping".to_owned(),
        Value::Sequence(_) => "list".to_owned(),
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::String => format!("{:?}", scalar.text),
            ScalarKind::Null => "null".to_owned(),
            ScalarKind::Bool(value) => value.to_string(),
            ScalarKind::Integer(value) => value.to_string(),
            ScalarKind::Unsigned(value) => format!("{value} unsigned"),
            ScalarKind::Float(value) => format!("{value:?} float"),
            ScalarKind::Timestamp => format!("{} timestamp", scalar.text),
        },
    }
}

fn parse(text: &str) -> Result<Vec<Node>, Vec<Diagnostic>> {
    yaml::parse(SourceId(0), text)
}

/// The first error, and that it came soon.
fn refused(text: &str) -> String {
    let start = Instant::now();
    let problems = parse(text).expect_err("must be refused");
    let time = start.elapsed();
    assert!(
        time < Duration::from_secs(10),
        "took {time:?} in a debug build"
    );
    problems[0].message.clone()
}

#[test]
fn aliases_of_aliases_do_not_explode() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{below}]").unwrap();
    }
    assert_eq!(
        refused(&text),
        "the file comes to more than 300000 keys and values"
    );
}

#[test]
fn anchors_around_anchors_do_not_explode() {
    let open: String = (0..100).fold(String::new(), |open, level| open + &format!("&a{level} ["));
    let text = format!("{open}{}{}", "x,".repeat(50_000), "]".repeat(100));
    assert_eq!(
        refused(&text),
        "the file comes to more than 300000 keys and values"
    );
}

#[test]
fn nesting_has_an_end() {
    let deep = "values are nested more than 128 levels deep";
    assert_eq!(refused(&"[".repeat(1_000_000)), deep);
    assert_eq!(refused(&"{a: ".repeat(1_000_000)), deep);
    assert_eq!(refused(&"- ".repeat(1_000_000)), deep);
    let block: String = (0..1000).fold(String::new(), |block, level| {
        block + &" ".repeat(level) + "a:\n"
    });
    assert_eq!(refused(&block), deep);
    // Through aliases, too.
    let mut text = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        writeln!(text, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert_eq!(refused(&text), deep);
}

#[test]
fn one_level_less_than_too_deep_is_read() {
    let text = format!("{}x{}", "[".repeat(128), "]".repeat(128));
    assert!(parse(&text).is_ok());
}

#[test]
fn a_huge_text_is_refused_unread() {
    let mut sources = Sources::default();
    let problem = sources.add_bytes("big.yaml", vec![b'a'; 50 << 20]);
    let problem = problem.expect_err("must be refused");
    assert_eq!(
        render(&[problem], &sources, STYLE),
        "error: the file is larger than 10 MiB\n--> big.yaml\n"
    );
    assert_eq!(
        refused(&"- a\n".repeat(100_000 * 5)),
        "the file comes to more than 300000 keys and values"
    );
}

#[test]
fn variables_that_hold_each_other_do_not_explode() {
    let mut text = "A0=xxxxxxxxxx\n".to_owned();
    for level in 1..12 {
        let below = format!("$A{}", level - 1).repeat(10);
        writeln!(text, "A{level}={below}").unwrap();
    }
    let problems = dotenv::parse(SourceId(0), &text, &|_| None).expect_err("must be refused");
    assert!(
        problems[0]
            .message
            .starts_with("variables make the text too long")
    );
}

#[test]
fn variables_nested_without_end_are_refused() {
    for text in [
        "${A:-".repeat(100_000),
        "${".repeat(100_000),
        "${A:-".repeat(1000) + &"}".repeat(1000),
    ] {
        assert!(expand(&text, &|_| None).is_err());
        let document = parse(&format!("a: '{text}'")).unwrap();
        drop(variables(&document[0]));
    }
}

#[test]
fn problems_without_end_are_cut_off() {
    let mut text = String::new();
    for number in 0..1000 {
        writeln!(text, "{number}: *x{number}").unwrap();
    }
    assert!(parse(&text).unwrap_err().len() <= 101);
    let text = ",\n".repeat(1000);
    let problems = dotenv::parse(SourceId(0), &text, &|_| None).unwrap_err();
    assert_eq!(problems.len(), 100);
}

#[test]
fn five_thousand_lines_are_read_at_once() {
    let mut text = "services:\n".to_owned();
    for number in 0..1000 {
        writeln!(
            text,
            "  s{number}:\n    image: nginx\n    ports:\n      - \"{number}:80\""
        )
        .unwrap();
    }
    let documents = parse(&text).unwrap();
    let services = documents[0].get("services").unwrap();
    assert_eq!(services.as_mapping().unwrap().len(), 1000);
}

#[test]
fn utf_16_with_a_mark_is_read() {
    let mut sources = Sources::default();
    for bytes in [
        b"\xff\xfea\0:\0 \0\xe9\0".to_vec(),
        b"\xfe\xff\0a\0:\0 \0\xe9".to_vec(),
    ] {
        let id = sources.add_bytes("wide", bytes).unwrap();
        assert_eq!(sources.get(id).text, "a: é");
    }
}

#[test]
fn places_without_the_text_are_near() {
    let text = "a: 'x${1}'\nb: x${1}\nc: \"\\t${1}\"\n";
    let mut documents = parse(text).unwrap();
    let problems = interpolate(&mut documents[0], &|_| None);
    let starts: Vec<_> = problems.iter().map(|p| p.labels[0].span.start).collect();
    assert_eq!(starts, [5, 15, 23]);
}

#[test]
fn numbers_and_keys_are_not_interpolated() {
    let mut documents = parse("$A: $A\n2: 3\n".replace("2:", "b:").as_str()).unwrap();
    let problems = interpolate(&mut documents[0], &|_| Some("1".to_owned()));
    assert!(problems.is_empty());
    let value = documents[0].get("$A").unwrap().as_scalar().unwrap();
    assert_eq!((value.text.as_str(), value.kind), ("1", ScalarKind::String));
    assert_eq!(variables(&documents[0]).len(), 0);
}

#[test]
fn suggestions_prefer_the_nearest() {
    let keys = ["volumes", "volume", "image"];
    assert_eq!(nearest("volum", keys.into_iter()), Some("volume"));
}

/// A file with a bit of everything, to be broken.
const SPECIMEN: &str = "\
x-a: &a {k: 1, 'q': \"w\\t\"}
services:
  web: # comment
    <<: [*a, {z: ~}]
    image: \"nginx:${TAG:-1}\"
    command: |-
      echo $$x
       y
    ports: !override
      - 80:80
      - [a, {b: c}]
    x: !reset null
    ? y
    : >
      folded
      text
---
- é
...
";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut sources = Sources::default();
        match sources.add_bytes("x", bytes) {
            Ok(id) => digest(id, &sources),
            Err(problem) => drop(render(&[problem], &sources, STYLE)),
        }
    }

    #[test]
    fn yaml_like_text_is_read_or_refused(text in "[ \\-:?,\\[\\]{}#&*!|>'\"%@`~<a$\t\r\n\u{feff}é0]{0,60}") {
        let mut sources = Sources::default();
        let id = sources.add("x", text);
        digest(id, &sources);
    }

    #[test]
    fn a_broken_file_is_read_or_refused(
        edits in proptest::collection::vec((0..SPECIMEN.len(), 0..4_usize, "[ \\-:?,\\[\\]{}#&*!|>'\"%~<a$\t\n]{0,3}"), 1..5),
    ) {
        let mut text = SPECIMEN.to_owned();
        for (at, length, inserted) in edits {
            let start = text.floor_char_boundary(at.min(text.len()));
            let end = text.ceil_char_boundary((at + length).min(text.len()));
            text.replace_range(start..end.max(start), &inserted);
        }
        let mut sources = Sources::default();
        let id = sources.add("x", text);
        digest(id, &sources);
    }

    #[test]
    fn a_text_without_dollar_signs_stays(text in "[^$]*") {
        prop_assert_eq!(expand(&text, &|_| None), Ok(text));
    }

    #[test]
    fn doubled_dollar_signs_become_the_text(text in any::<String>()) {
        prop_assert_eq!(expand(&text.replace('$', "$$"), &|_| None), Ok(text));
    }

    #[test]
    fn any_variables_are_read_or_refused(text in "[${}:?+\\-Aa1 \n]{0,40}") {
        drop(expand(&text, &|_| None));
    }

    #[test]
    fn any_dotenv_file_is_read_or_refused(text in "[A-C=:'\"\\\\$ #\n\r\texport{}0é]{0,60}") {
        let mut sources = Sources::default();
        let id = sources.add("x", text);
        let text = &sources.get(id).text;
        let warnings = match dotenv::parse(id, text, &|_| None) {
            Ok(variables) => variables.into_iter().flat_map(|variable| variable.warnings).collect(),
            Err(problems) => problems,
        };
        drop(render(&warnings, &sources, STYLE));
        drop(dotenv::parse_raw(id, text, &|_| None));
    }
}

/// Sends a text through the whole stage.
fn digest(id: SourceId, sources: &Sources) {
    let problems = match yaml::parse(id, &sources.get(id).text) {
        Ok(documents) => documents
            .into_iter()
            .flat_map(|document| {
                let mut tree = document.clone();
                let mut problems = interpolate_in(&mut tree, sources, &|_| None);
                drop(variables(&document));
                let mut shown = String::new();
                dump(&tree, None, &Path::default(), sources, &mut shown);
                problems.extend(merge(document, tree, &rule).err().unwrap_or_default());
                problems
            })
            .collect(),
        Err(problems) => problems,
    };
    for problem in &problems {
        assert!(!problem.labels.is_empty(), "{problem:?}");
    }
    drop(render(&problems, sources, STYLE));
}
