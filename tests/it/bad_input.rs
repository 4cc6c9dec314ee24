//! Bad input from a real disk: whatever stands at a path, the answer is an error or a project, and
//! it comes at once.
//!
//! Here a debug build answers, so sizes are smaller and limits wider than those of the release build,
//! which answers each of these in under a second and 200 MB.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rcompose::cli::disk::Disk;
use rcompose::load::{self, Files, Request};
use tempfile::TempDir;

use crate::support;

/// No answer takes longer, in a debug build on a busy machine. What is waited for in vain is given
/// up after 0.8 s.
const PATIENCE: Duration = Duration::from_secs(20);

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.write("compose.yaml", "services: {web: {image: a}}\n");
        folder
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), bytes).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// What goes wrong when these files are loaded.
    fn problems(&self, files: &[&str]) -> String {
        let begin = Instant::now();
        let request = Request {
            files: files.iter().map(|file| (*file).to_owned()).collect(),
            current_dir: self.path().to_owned(),
            project_name: Some("demo".to_owned()),
            ..Request::default()
        };
        let loaded = load::load(&request, &Disk);
        assert!(begin.elapsed() < PATIENCE, "took {:?}", begin.elapsed());
        match loaded {
            Ok(_) => String::new(),
            Err(failure) => support::rendered(&failure),
        }
    }
}

/// Checks that there is a message with these words, and that it is short.
fn says(problems: &str, words: &str) {
    assert!(problems.contains(words), "{words:?} is not in {problems}");
    assert!(problems.len() < 200_000, "{} bytes", problems.len());
}

/// Every kind of thing that can stand where a file is wanted, and what is said of it.
fn odd_files(folder: &Folder) -> Vec<(String, &'static str)> {
    fs::create_dir(folder.path().join("dir")).unwrap();
    let made = Command::new("mkfifo")
        .arg(folder.path().join("pipe"))
        .status();
    assert!(made.unwrap().success());
    let socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    drop(socket);
    vec![
        ("dir".to_owned(), "irectory"),
        ("pipe".to_owned(), "nobody writes to"),
        ("socket".to_owned(), "cannot"),
        ("/dev/zero".to_owned(), "larger than 10 MiB"),
        ("/dev/null".to_owned(), "empty"),
        ("/proc/self/mem".to_owned(), "cannot"),
        ("/proc/self/cmdline".to_owned(), "control character"),
        ("nothing/at/all".to_owned(), "o such file"),
        ("compose.yaml/below".to_owned(), "ot a directory"),
        (
            "../../../../../../../../../../../../nothing".to_owned(),
            "o such file",
        ),
    ]
}

#[test]
fn whatever_stands_in_place_of_a_compose_file_is_answered() {
    let folder = Folder::new();
    for (name, words) in odd_files(&folder) {
        says(&folder.problems(&[&name]), words);
    }
}

#[test]
fn whatever_stands_in_place_of_an_included_or_extended_file_is_answered() {
    let folder = Folder::new();
    for (name, _) in odd_files(&folder) {
        let text = format!("include: [{name}]\nservices: {{web: {{image: a}}}}\n");
        folder.write("include.yaml", &text);
        let text = format!("services: {{web: {{extends: {{file: {name}, service: web}}}}}}\n");
        folder.write("extends.yaml", &text);
        for file in ["include.yaml", "extends.yaml"] {
            let problems = folder.problems(&[file]);
            // An empty included file adds nothing, which is fine.
            if name == "/dev/null" && file == "include.yaml" {
                assert_eq!(problems, "");
            } else {
                says(&problems, file);
            }
        }
    }
}

#[test]
fn whatever_stands_in_place_of_a_file_of_variables_is_answered() {
    let folder = Folder::new();
    for (name, _) in odd_files(&folder) {
        // The text of the first depends on who runs this; the second is no variables at all.
        if ["/proc/self/cmdline", "/dev/null"].contains(&name.as_str()) {
            continue;
        }
        for key in ["env_file", "label_file"] {
            let text = format!("services: {{web: {{image: a, {key}: {name}}}}}\n");
            folder.write("variables.yaml", &text);
            says(&folder.problems(&["variables.yaml"]), "asked for here");
        }
    }
}

#[test]
fn a_pipe_with_a_writer_is_read_to_its_end() {
    let folder = Folder::new();
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "services: {web: {image: piped}}\n").unwrap()
    });
    let read = Disk.read(&pipe).unwrap();
    writer.join().unwrap();
    assert_eq!(read, b"services: {web: {image: piped}}\n");
}

#[test]
fn huge_files_are_refused_whatever_they_hold() {
    let folder = Folder::new();
    let size = 11 * 1024 * 1024;
    for (name, piece) in [
        ("comments", "# nothing\n"),
        ("services", "a: {image: b}\n"),
        ("line", "x"),
        ("brackets", "["),
        ("variables", "A=bcdefghijklm\n"),
    ] {
        folder.write(name, piece.repeat(size / piece.len() + 1));
        says(&folder.problems(&[name]), "larger than 10 MiB");
        let text = format!("services: {{web: {{image: a, env_file: {name}}}}}\n");
        folder.write("with.yaml", text);
        says(&folder.problems(&["with.yaml"]), "larger than 10 MiB");
    }
}

#[test]
fn texts_that_grow_are_refused() {
    let folder = Folder::new();
    let mut bomb = "x-a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    let mut merges = "x-a0: &a0 {k0: v}\n".to_owned();
    for level in 1..20 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "x-a{level}: &a{level} [{below}]").unwrap();
        writeln!(
            merges,
            "x-a{level}: &a{level} {{<<: [{below}], k{level}: [{below}]}}"
        )
        .unwrap();
    }
    folder.write("bomb", bomb);
    folder.write("merges", merges);
    folder.write("deep", "a: ".to_owned() + &"[".repeat(50_000));
    folder.write("deep-mappings", "{a: ".repeat(50_000));
    let stairs = (0..2000).fold(String::new(), |mut text, level| {
        writeln!(text, "{}a:", " ".repeat(level)).unwrap();
        text
    });
    folder.write("stairs", stairs);
    for (name, words) in [
        ("bomb", "more than 300000 keys and values"),
        ("merges", "more than 300000 keys and values"),
        ("deep", "nested more than 128"),
        ("deep-mappings", "nested more than 128"),
        ("stairs", "nested more than 128"),
    ] {
        says(&folder.problems(&[name]), words);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let folder = Folder::new();
    for (name, bytes, words) in [
        ("latin", &b"services: {caf\xe9: {}}"[..], "not UTF-8"),
        ("nul", b"services:\0 {}", "control character, U+0000"),
        ("half", b"\xff\xfea\0:\0\x00\xd8", "not UTF-8"),
        ("odd", b"\xff\xfea", "must be a mapping"),
        ("mark", b"\xef\xbb\xbf", "empty"),
        ("elf", b"\x7fELF\x02\x01\x01\0\0", "control character"),
    ] {
        folder.write(name, bytes);
        let problems = folder.problems(&[name]);
        let acted_on = |c: char| c.is_control() && c != '\n';
        assert!(!problems.contains(acted_on), "{problems:?}");
        assert!(
            problems.contains(words) || name == "odd",
            "{name}: {problems}"
        );
    }
    let wide: Vec<u8> = "\u{feff}services: {web: {image: a}}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    folder.write("wide", wide);
    assert_eq!(folder.problems(&["wide"]), "");
}

#[test]
fn circles_and_endless_ways_of_files_end() {
    let folder = Folder::new();
    folder.write(
        "self.yaml",
        "include: [self.yaml]\nservices: {a: {image: a}}\n",
    );
    says(&folder.problems(&["self.yaml"]), "includes itself");
    for number in 0..150 {
        let next = number + 1;
        folder.write(
            &format!("i{number}"),
            format!("include: [i{next}]\nservices: {{s{number}: {{image: a}}}}\n"),
        );
        folder.write(
            &format!("e{number}"),
            format!("services: {{web: {{extends: {{file: e{next}, service: web}}}}}}\n"),
        );
        folder.write(
            &format!("t{number}"),
            format!("include: [t{next}, ./t{next}]\n"),
        );
    }
    says(&folder.problems(&["i0"]), "more than 100 deep");
    says(&folder.problems(&["e0"]), "e150");
    says(&folder.problems(&["t0"]), "t");
}

#[test]
fn a_great_many_problems_are_cut_short() {
    let folder = Folder::new();
    let mut text = "services:\n".to_owned();
    for number in 0..300 {
        writeln!(
            text,
            "  s{number}:\n    imag: a\n    restart: nope\n    ports: [x]"
        )
        .unwrap();
    }
    folder.write("many.yaml", text);
    let problems = folder.problems(&["many.yaml"]);
    assert!(
        problems.matches("error: ").count() <= 101,
        "{}",
        problems.len()
    );
    says(&problems, "unknown key `imag`");
}

#[test]
fn an_error_behind_thousands_of_warnings_is_not_lost() {
    let folder = Folder::new();
    let mut text = "services:\n".to_owned();
    for number in 0..1200 {
        writeln!(text, "  s{number}: {{image: a, volumes: ['v:/v:odd']}}").unwrap();
    }
    text.push_str("  last: {imag: a}\nvolumes: {v: }\n");
    folder.write("warned.yaml", text);
    let problems = folder.problems(&["warned.yaml"]);
    says(&problems, "unknown key `imag`");
}
