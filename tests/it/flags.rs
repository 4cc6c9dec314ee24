//! Every flag of `config` over all cases of attributes and files, beside docker compose: what is
//! printed is the same, byte for byte.
//!
//! The normal run asks for each flag in one of thirty cases, another one for each flag;
//! `RCOMPOSE_PARITY_ALL=1` asks for all of them in all.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::path::Path;

use crate::loader::{Case, Outcome};
use crate::support::oracle;

/// Flags that are compared. Not among them: `--no-interpolate`, which here prints the files as
/// they are written, and `--no-env-resolution`, which does nothing there.
const FLAGS: [&str; 23] = [
    "",
    "--format json",
    "--no-normalize",
    "--no-path-resolution",
    "--no-consistency",
    "--no-normalize --no-path-resolution",
    "--no-normalize --no-consistency",
    "--no-path-resolution --no-consistency",
    "--no-normalize --format json",
    "--no-path-resolution --format json",
    "--no-consistency --format json",
    "--services",
    "--volumes",
    "--networks",
    "--images",
    "--profiles",
    "--hash *",
    "--variables",
    "--variables --format json",
    "--environment",
    "--services --format json",
    "-q",
    "-q --no-consistency",
];

/// Cases that are another matter whatever is asked.
const UNDERSTOOD: [(&str, &str); 18] = [
    (
        "name-is-a-number",
        "a name that is no text is refused there even where only variables are printed",
    ),
    (
        "env-file-in-latin-1",
        "bytes that are no text are passed on there",
    ),
    ("build_no_cache_filter", "later versions have it"),
    ("pre_start", "later versions have it"),
    ("merge_networks_top", "later versions print ipam.options"),
    ("network_top_level", "later versions print ipam.options"),
    (
        "volumes_bind",
        "later versions print create_host_path: false",
    ),
    (
        "first-format-extends",
        "files of the first format are refused there",
    ),
    (
        "sysctls-is-empty",
        "a section of nothing is refused there even where only variables are printed",
    ),
    (
        "build-labels-are-empty",
        "a section of nothing is refused there even where only variables are printed",
    ),
    (
        "build-limit-in-quotes",
        "a limit in quotes is refused there even where only variables are printed",
    ),
    (
        "env-compose-file-is-empty",
        "a variable without a value is an error there",
    ),
    (
        "env-file-disabled-by-nothing",
        "a variable without a value is an error there",
    ),
    (
        "processors-are-not-a-number",
        "only printing it as JSON fails there",
    ),
    (
        "processors-without-end",
        "only printing it as JSON fails there",
    ),
    (
        "secret-of-a-variable-without-a-name",
        "it is a matter of consistency there",
    ),
    (
        "name-empty",
        "a name without a letter is taken there without normalization",
    ),
    (
        "env-shell-wins",
        "the variables of a name that is not normalized",
    ),
];

/// The cases, with the arguments in front of `config`.
fn cases() -> Vec<(Case, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/service");
    let mut folders: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    let attributes = folders.into_iter().map(|root| {
        let files = ["compose.yaml", "over.yaml"].into_iter();
        let there = files.filter(|file| root.join(file).is_file());
        let arguments = there.flat_map(|file| ["-f".to_owned(), file.to_owned()]);
        let arguments = arguments.collect();
        let name = root.file_name().unwrap().to_str().unwrap().to_owned();
        (Case { name, root }, arguments)
    });
    let files = Case::all().into_iter().filter_map(|case| {
        let arguments = case.arguments();
        let at = arguments.iter().position(|it| it == "config")?;
        Some((case, arguments[..at].to_vec()))
    });
    attributes.chain(files).collect()
}

fn line(before: &[String], flags: &str) -> Vec<String> {
    let flags = flags.split_whitespace().map(str::to_owned);
    let config = std::iter::once("config".to_owned());
    before.iter().cloned().chain(config).chain(flags).collect()
}

/// Services whose hash is another one in today's encoding: it leaves `create_host_path` out.
fn with_host_paths(case: &Case, before: &[String]) -> BTreeSet<String> {
    let model = case.ours_with(&line(before, "--format json")).stdout;
    let model: serde_json::Value = serde_json::from_str(&model).unwrap();
    let services = model["services"].as_object().unwrap().iter();
    let bound = services.filter(|(_, it)| it["volumes"].to_string().contains("create_host_path"));
    bound.map(|(name, _)| name.clone()).collect()
}

fn compared(flags: &str, outcome: Outcome, left_out: &BTreeSet<String>) -> String {
    let mut lines: Vec<String> = outcome.stdout.lines().map(str::to_owned).collect();
    if flags == "--variables" {
        lines.sort_unstable();
        return lines.join("\n");
    }
    let lists = [
        "--services",
        "--volumes",
        "--networks",
        "--images",
        "--profiles",
        "--hash",
    ];
    if lists.iter().any(|list| flags.starts_with(list)) {
        // Their order changes there from run to run.
        lines.retain(|line| {
            !left_out
                .iter()
                .any(|it| line.starts_with(&format!("{it} ")))
        });
        lines.sort_unstable();
        return lines.join("\n");
    }
    if flags == "--environment" {
        // The process there has a variable more or less.
        lines.retain(|line| !line.starts_with("PWD="));
        return lines.join("\n");
    }
    outcome.stdout
}

#[test]
fn every_flag_prints_what_docker_compose_prints() {
    let Some(oracle) = oracle() else {
        println!("skipped: there is no docker compose to ask");
        return;
    };
    let all = std::env::var_os("RCOMPOSE_PARITY_ALL").is_some();
    let cases = cases();
    let mut problems = Vec::new();
    let mut asked = 0;
    for (number, (case, before)) in cases.iter().enumerate() {
        let understood = UNDERSTOOD.iter().any(|(name, _)| *name == case.name);
        // What is wrong with a project is not looked for in the same order.
        if understood || case.name.starts_with("broken-") {
            continue;
        }
        for (turn, flags) in FLAGS.iter().enumerate() {
            if !all && (number + turn) % 30 != 0 {
                continue;
            }
            asked += 1;
            let line = line(before, flags);
            let (ours, theirs) = (case.ours_with(&line), case.theirs_with(&oracle, &line));
            if ours.succeeded != theirs.succeeded {
                let said = format!("{}{}", ours.stderr, theirs.stderr);
                problems.push(format!("{} {flags}: {said}", case.name));
            } else if ours.succeeded {
                let left_out = if flags.starts_with("--hash") {
                    with_host_paths(case, before)
                } else {
                    BTreeSet::new()
                };
                let ours = compared(flags, ours, &left_out);
                let theirs = compared(flags, theirs, &left_out);
                if ours != theirs {
                    let name = &case.name;
                    problems.push(format!("{name} {flags}:\n{ours}\n--- theirs:\n{theirs}"));
                }
            }
        }
    }
    assert!(asked > 200, "{asked} questions");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_is_traced_reads_as_what_is_printed() {
    let mut compared = 0;
    for (case, before) in cases() {
        let plain = case.ours_with(&line(&before, ""));
        let traced = case.ours_with(&line(&before, "--trace"));
        assert_eq!(
            plain.succeeded, traced.succeeded,
            "{}: {}",
            case.name, traced.stderr
        );
        if !plain.succeeded {
            continue;
        }
        compared += 1;
        let read = |text: &str| serde_yaml::from_str::<serde_yaml::Value>(text).unwrap();
        assert_eq!(read(&plain.stdout), read(&traced.stdout), "{}", case.name);
        let uncommented: Vec<&str> = traced
            .stdout
            .lines()
            .map(|line| {
                line.rsplit_once("  # ")
                    .map_or(line, |(line, _)| line.trim_end())
            })
            .collect();
        let plain: Vec<&str> = plain.stdout.lines().map(str::trim_end).collect();
        assert_eq!(uncommented, plain, "{}", case.name);
    }
    assert!(compared > 250, "{compared} cases");
}
