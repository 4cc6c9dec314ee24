//! What each part may know: the table of the architecture, checked over the text of `src`.
//!
//! A name counts where it is written, in code and not in comments. What a module must not do
//! itself (read files, look at the clock) is listed the same way as the crates it must not use.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and the modules of ours that it may name.
const MODULES: &[(&str, &[&str])] = &[
    ("api_version", &[]),
    ("document", &[]),
    ("project", &["api_version", "document"]),
    ("graph", &["document", "project"]),
    ("load", &["document", "graph", "project"]),
    ("explain", &["document", "load", "project"]),
    ("migrate", &["document", "load"]),
    ("plan", &["api_version", "document", "graph", "project"]),
    ("event", &["plan"]),
    ("engine", &["api_version"]),
    ("build", &["engine", "project"]),
    ("execute", &["build", "engine", "event", "plan"]),
    ("watch", &["project"]),
    (
        "ops",
        &[
            "build", "document", "engine", "event", "execute", "explain", "graph", "load",
            "migrate", "plan", "project", "watch",
        ],
    ),
    (
        "report",
        &[
            "document", "event", "explain", "load", "ops", "plan", "project",
        ],
    ),
    ("main", &["cli"]),
];

/// Modules that may name everything.
const TOP: &[&str] = &["cli", "lib"];

/// Words, and the only places in `src` that may contain them.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("bollard::Docker", &["engine/docker"]),
    ("notify::", &["watch"]),
    ("clap::", &["cli"]),
    ("console::", &["report", "cli", "main.rs"]),
    (
        "tokio::",
        &[
            "engine", "build", "execute", "watch", "ops", "report", "cli", "main.rs",
        ],
    ),
    ("granit_parser::", &["document/yaml"]),
    ("annotate_snippets::", &["document/diagnostic.rs"]),
    ("similar::", &["report/diff.rs"]),
];

/// The surroundings of a process, and the modules that must get them handed in.
const EFFECTS: &[&str] = &[
    "std::env::",
    "std::fs",
    "fs::read",
    "SystemTime::now",
    "Instant::now",
];
const PURE: &[&str] = &[
    "document", "project", "load", "explain", "migrate", "graph", "plan", "execute", "event",
];

#[test]
fn modules_name_only_what_they_may_know() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let module = module_of(&path);
        if TOP.contains(&module.as_str()) {
            continue;
        }
        let Some((_, allowed)) = MODULES.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!(
                "{}: `{module}` has no row in MODULES",
                path.display()
            ));
            continue;
        };
        for named in named_modules(&code) {
            if named != module && !allowed.contains(&named.as_str()) {
                wrong.push(format!(
                    "{}: {module} must not know {named}",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outside_crates_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        for (word, places) in OUTSIDE {
            let belongs = places
                .iter()
                .any(|place| path.to_string_lossy().starts_with(place));
            if !belongs && mentions(&code, word) {
                wrong.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn environment_files_and_clock_are_handed_in() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        for effect in EFFECTS {
            if PURE.contains(&module_of(&path).as_str()) && mentions(&code, effect) {
                wrong.push(format!("{}: {effect}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every source file below `src`, with its code: comments are left out.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut ahead = vec![root.clone()];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(folder).expect("src can be read") {
            let path = entry.expect("its entries can be read").path();
            if path.is_dir() {
                ahead.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let code = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                let code = code.collect::<Vec<_>>().join("\n");
                let path = path
                    .strip_prefix(&root)
                    .expect("it is below src")
                    .to_owned();
                found.push((path, code));
            }
        }
    }
    assert!(found.len() > 50, "the sources are found");
    found.sort();
    found
}

/// `plan` for `plan/converge.rs`, `graph` for `graph.rs`.
fn module_of(path: &Path) -> String {
    let first = path.iter().next().unwrap_or_default().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules after `crate::`, one by one or several in braces.
fn named_modules(code: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            named.insert(first_word(after));
            continue;
        };
        let mut depth = 0;
        let mut begins = true;
        for (at, c) in list.char_indices() {
            if begins && depth == 0 && c.is_alphabetic() {
                named.insert(first_word(&list[at..]));
                begins = false;
            }
            match c {
                ',' if depth == 0 => begins = true,
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    named
}

fn first_word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Whether a path is written out, as a whole: `rconsole::` is not `console::`.
fn mentions(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    })
}
