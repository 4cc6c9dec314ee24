//! `migrate`: to standard output with files in memory, in place with the program itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use pretty_assertions::assert_eq;

use super::Sandbox;

const OLD: &str = "web:\n  image: app  # ours\n  net: host\n";
const NEW: &str = "services:\n  web:\n    image: app  # ours\n    network_mode: host\n";

#[tokio::test]
async fn the_file_is_printed_in_todays_format() {
    let ran = Sandbox::with(OLD).succeed("migrate").await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (NEW, ""));
}

#[tokio::test]
async fn a_file_that_is_fine_is_printed_as_it_is_with_a_note() {
    let ran = Sandbox::with(NEW).succeed("migrate").await;
    let note = "compose.yaml is in today's format already\n";
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (NEW, note));
}

#[tokio::test]
async fn several_files_are_printed_as_documents_that_mean_the_same() {
    let mut sandbox = Sandbox::with(OLD);
    let over = "web: {log_driver: none}\n";
    sandbox
        .files
        .insert("/work/demo/over.yaml".into(), over.to_owned());
    let files = "-f compose.yaml -f over.yaml";
    let ran = sandbox.succeed(&format!("{files} migrate")).await;
    let expected = format!("{NEW}---\nservices:\n  web: {{logging: {{driver: none}}}}\n");
    assert_eq!(ran.stdout, expected);
    let before = sandbox.succeed(&format!("{files} config")).await.stdout;
    let after = Sandbox::with(&ran.stdout).succeed("config").await.stdout;
    assert_eq!(before, after);
}

#[tokio::test]
async fn check_prints_what_would_change_and_fails() {
    let ran = Sandbox::with(&format!("version: '2'\n{NEW}"))
        .run("migrate --check")
        .await;
    let expected = "\
--- a/compose.yaml
+++ b/compose.yaml
@@ -1,4 +1,3 @@
-version: '2'
 services:
   web:
     image: app  # ours
";
    assert_eq!((ran.code, ran.stdout.as_str()), (1, expected));
    let ran = Sandbox::with(NEW).succeed("migrate --check").await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
}

#[tokio::test]
async fn what_cannot_be_migrated_is_shown_and_nothing_is_written() {
    let text = "base: &base {build: ./dir}\nweb:\n  <<: *base\n  dockerfile: Other\n";
    let ran = Sandbox::with(text).run("migrate").await;
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    let place = "compose.yaml:1:14";
    assert!(ran.stderr.contains(place), "{}", ran.stderr);
}

#[tokio::test]
async fn standard_input_goes_to_standard_output_only() {
    let sandbox = Sandbox::with("");
    let ran = sandbox.succeed("-f - migrate").await;
    assert_eq!(ran.stdout, "services: {stdin: {image: app}}");
    let ran = sandbox.run("migrate --in-place --check").await;
    assert_eq!(ran.code, 1);
}

/// A folder with files of its own.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for a while");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file can be written");
    }
    folder
}

fn in_place(folder: &Path, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rcompose"))
        .args(flags)
        .args(["migrate", "--in-place"])
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("the program runs")
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_default()
}

#[test]
fn in_place_keeps_the_file_as_it_was_beside_it() {
    let folder = folder(&[("compose.yaml", OLD), ("compose.yaml.bak", "mine")]);
    let ran = in_place(folder.path(), &[]);
    let said = "compose.yaml is written anew; as it was, it is kept as compose.yaml.bak.1\n";
    assert_eq!(String::from_utf8_lossy(&ran.stderr), said);
    assert_eq!((ran.status.code(), ran.stdout.len()), (Some(0), 0));
    assert_eq!(read(folder.path(), "compose.yaml"), NEW);
    assert_eq!(read(folder.path(), "compose.yaml.bak"), "mine");
    assert_eq!(read(folder.path(), "compose.yaml.bak.1"), OLD);
    let again = in_place(folder.path(), &[]);
    let said = "compose.yaml is in today's format already\n";
    assert_eq!(String::from_utf8_lossy(&again.stderr), said);
    let names = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(names, 3, "nothing is left behind");
}

#[test]
fn in_place_changes_all_files_of_the_project_that_need_it() {
    let folder = folder(&[
        ("a.yml", OLD),
        ("b.yml", "web: {extends: {file: c.yml, service: base}}\n"),
        (
            "c.yml",
            "base: {cpu_shares: 5, volumes: [\"data:/data\"]}\n",
        ),
    ]);
    let ran = in_place(folder.path(), &["-f", "a.yml", "-f", "b.yml"]);
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let volumes = "\nvolumes:\n  data:\n    name: data\n";
    assert_eq!(read(folder.path(), "a.yml"), format!("{NEW}{volumes}"));
    let b = "services:\n  web: {extends: {file: c.yml, service: base}}\n";
    assert_eq!(read(folder.path(), "b.yml"), b);
    let c = "services:\n  base: {cpu_shares: 5, volumes: [\"data:/data\"]}\n";
    assert_eq!(read(folder.path(), "c.yml"), c);
}

#[cfg(unix)]
#[test]
fn in_place_follows_links_and_keeps_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder(&[("real.yml", OLD)]);
    let real = folder.path().join("real.yml");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("it is ours");
    symlink("real.yml", folder.path().join("compose.yaml")).expect("a link can be made");
    assert!(in_place(folder.path(), &[]).status.success());
    let link = fs::symlink_metadata(folder.path().join("compose.yaml")).expect("still there");
    assert!(link.is_symlink());
    assert_eq!(read(folder.path(), "real.yml"), NEW);
    assert_eq!(read(folder.path(), "real.yml.bak"), OLD);
    let mode = fs::metadata(&real)
        .expect("still there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn in_place_writes_nothing_where_anything_is_wrong() {
    let broken = "web: {image: a, log_driver: [}\n";
    let folder = folder(&[("a.yml", OLD), ("b.yml", broken)]);
    let ran = in_place(folder.path(), &["-f", "a.yml", "-f", "b.yml"]);
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(read(folder.path(), "a.yml"), OLD);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
}
