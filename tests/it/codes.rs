//! The codes of diagnostics: all that the source gives are explained, and nothing else is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rcompose::report::problems::rules::RULES;

#[test]
fn every_code_is_explained_and_every_explanation_has_a_code() {
    let explained: BTreeSet<String> = RULES.iter().map(|(id, _)| (*id).to_owned()).collect();
    let mut given = BTreeSet::from(["problem".to_owned()]);
    gather(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut given,
    );
    assert_eq!(given, explained);
}

#[test]
fn codes_are_kebab_case_and_in_order() {
    let ids: Vec<&str> = RULES.iter().map(|(id, _)| *id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    for (id, about) in RULES {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(id.chars().all(letter), "{id}");
        assert!(about.ends_with('.'), "{about}");
    }
}

/// Texts behind `.code(`, and first arguments of the loader's `error(`.
fn gather(folder: &Path, given: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            gather(&path, given);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file is text");
        for opening in [".code(", "load.error(", "self.error("] {
            for behind in text.split(opening).skip(1) {
                let quoted = behind.trim_start().strip_prefix('"');
                let code = quoted.and_then(|rest| rest.split('"').next());
                given.extend(code.map(str::to_owned));
            }
        }
    }
}
