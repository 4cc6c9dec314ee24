//! Builds on a real engine, and what the docker client would have sent for the same ignore files.
//!
//! The client is asked without an engine: it talks to a [`Recorder`], which keeps the names in the
//! archive it is sent. Where client and `BuildKit` part we go with `BuildKit`; see [`client_enters`].

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on panics, and says when it is skipped"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use rcompose::build::ignore::Ignore;
use rcompose::build::{Build, BuildError, BuildEvent, Built, Context, Dockerfile, build};
use rcompose::engine::docker::Docker;
use rcompose::engine::{Engine, Reads};

#[path = "../cases/build/support.rs"]
mod support;

include!("../cases/build/patterns.rs");

async fn engine() -> Option<Docker> {
    let address = std::env::var("DOCKER_HOST").ok();
    let docker = Docker::connect(address.as_deref(), None).unwrap();
    match docker.info().await {
        Ok(_) => Some(docker),
        Err(error) if std::env::var_os("RCOMPOSE_REQUIRE_ENGINE").is_some() => {
            panic!("cannot reach an engine: {error}")
        }
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

struct Done {
    result: Result<Built, BuildError>,
    lines: Vec<String>,
    sent: Option<(u64, u64)>,
}

/// Builds, and removes the image again.
async fn run(engine: &Docker, asked: &Build) -> Done {
    let (mut lines, mut sent) = (Vec::new(), None);
    let mut events = |event| match event {
        BuildEvent::Line(line) => lines.push(line),
        BuildEvent::ContextSent { files, bytes } => sent = Some((files, bytes)),
    };
    let result = build(engine, asked, &mut events).await;
    for tag in &asked.tags {
        engine.remove_image(tag, true).await.unwrap();
    }
    Done {
        result,
        lines,
        sent,
    }
}

/// A build of `root`, tagged `rbuild-<name>`.
fn of(root: &Path, name: &str) -> Build {
    Build {
        tags: vec![format!("rbuild-{}", name.replace('_', "-"))],
        no_cache: true,
        ..Build::new(Context::Local(root.to_owned()))
    }
}

fn inline(root: &Path, name: &str, dockerfile: &str) -> Build {
    Build {
        dockerfile: Dockerfile::Inline(dockerfile.to_owned()),
        ..of(root, name)
    }
}

/// The names below `/ctx` that a build printed.
fn arrived(lines: &[String]) -> BTreeSet<String> {
    lines
        .iter()
        .filter_map(|line| line.strip_prefix("/ctx/"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn what_the_ignore_file_leaves_is_in_the_image() {
    let Some(engine) = engine().await else { return };
    for case in support::cases() {
        let context = support::context(&case);
        let done = run(&engine, &of(context.path(), &case)).await;
        done.result.unwrap();
        assert!(done.sent.is_some(), "{case}");
        support::check(&case, &arrived(&done.lines));
    }
}

#[tokio::test]
async fn a_dockerfile_from_anywhere_leaves_no_trace() {
    let Some(engine) = engine().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("ctx");
    support::write(&root, "docker/Dockerfile", support::DOCKERFILE);
    support::write(&root, "a", "");
    support::write(&root, ".dockerignore", "docker\n.dockerignore\n");
    support::write(folder.path(), "outside", support::DOCKERFILE);
    std::os::unix::fs::symlink("../outside", root.join("link")).unwrap();
    for (name, dockerfile, expected) in [
        ("excluded", "docker/Dockerfile", &["a", "link"][..]),
        ("relative", "../outside", &["a", "link"]),
        ("link", "link", &["a", "link"]),
    ] {
        let asked = Build {
            dockerfile: Dockerfile::Path(dockerfile.into()),
            ..of(&root, name)
        };
        let done = run(&engine, &asked).await;
        done.result.unwrap();
        let expected: BTreeSet<_> = expected.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(arrived(&done.lines), expected, "{name}");
    }
}

#[tokio::test]
async fn a_failing_run_shows_its_output_and_code() {
    let Some(engine) = engine().await else { return };
    let folder = tempfile::tempdir().unwrap();
    // One step only: layers of earlier ones would stay on the engine without a name.
    let text = "FROM busybox\nRUN echo one; echo two >&2; exit 7\n";
    let done = run(&engine, &inline(folder.path(), "failing", text)).await;
    let Err(BuildError::Failed {
        step, code, output, ..
    }) = done.result
    else {
        panic!("{:?}", done.result)
    };
    let step = step.unwrap();
    assert!(step.starts_with("Step 2/2 : RUN echo one"), "{step}");
    assert_eq!(code, Some(7));
    // The two channels reach the engine in no particular order.
    let output: BTreeSet<_> = output.iter().map(String::as_str).collect();
    assert_eq!(output, BTreeSet::from(["one", "two"]));
}

#[tokio::test]
async fn a_dockerfile_that_makes_no_sense_is_refused_as_a_whole() {
    let Some(engine) = engine().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let done = run(&engine, &inline(folder.path(), "nonsense", "BREW coffee")).await;
    let error = done.result.unwrap_err();
    let BuildError::Failed { step, message, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(step, None);
    assert!(message.contains("BREW"), "{message}");
}

#[tokio::test]
async fn arguments_labels_and_target_reach_the_image() {
    let Some(engine) = engine().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = "FROM busybox AS first\nARG SET\nARG UNSET=default\n\
        RUN echo set=$SET unset=$UNSET\nFROM first AS second\nRUN echo second\n";
    let asked = Build {
        args: [
            ("SET".to_owned(), Some("a b".to_owned())),
            ("UNSET".to_owned(), None),
        ]
        .into(),
        labels: [("rbuild.label".to_owned(), "x=\"y z\"".to_owned())].into(),
        target: Some("first".to_owned()),
        ..inline(folder.path(), "arguments", text)
    };
    let kept = Build {
        tags: Vec::new(),
        ..asked
    };
    let done = run(&engine, &kept).await;
    let built = done.result.unwrap();
    let label = Command::new("docker")
        .args([
            "image",
            "inspect",
            "-f",
            "{{index .Config.Labels \"rbuild.label\"}}",
        ])
        .arg(&built.image_id)
        .output();
    engine.remove_image(&built.image_id, true).await.unwrap();
    assert!(done.lines.contains(&"set=a b unset=default".to_owned()));
    assert!(!done.lines.contains(&"second".to_owned()));
    if let Ok(label) = label {
        assert_eq!(String::from_utf8_lossy(&label.stdout), "x=\"y z\"\n");
    }
}

#[tokio::test]
async fn the_engine_fetches_a_remote_context() {
    let Some(engine) = engine().await else { return };
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in [("docker/file", support::DOCKERFILE), ("fetched", "")] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        archive
            .append_data(&mut header, name, text.as_bytes())
            .unwrap();
    }
    let archive = archive.into_inner().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // The request ends with an empty line and asks for the one thing that is here.
            request(&mut BufReader::new(&stream));
            let length = archive.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\n\
                 Content-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&archive).unwrap();
        }
    });
    let asked = Build {
        context: Context::Remote(format!("http://{address}/context.tar")),
        dockerfile: Dockerfile::Path("docker/file".into()),
        ..of(Path::new(""), "remote")
    };
    let done = run(&engine, &asked).await;
    done.result.unwrap();
    assert!(done.lines.contains(&"/ctx/fetched".to_owned()));
}

#[tokio::test]
async fn a_large_context_does_not_fill_the_memory() {
    let Some(engine) = engine().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let size = 64 << 20;
    let file = fs::File::create(folder.path().join("big")).unwrap();
    file.set_len(size).unwrap();
    let before = peak_memory();
    let text = "FROM busybox\nCOPY big /big\nRUN stat -c %s /big\n";
    let done = run(&engine, &inline(folder.path(), "large", text)).await;
    done.result.unwrap();
    let grown = peak_memory() - before;
    assert!(done.lines.contains(&size.to_string()), "{:?}", done.lines);
    assert!(done.sent.unwrap().1 > size);
    assert!(grown < 24 << 10, "memory grew by {grown} kB");
}

/// The most memory that this process has used, in kB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

/// Patterns that we read otherwise than the client, on purpose: see `build/ignore.rs`.
const READ_OTHERWISE: &[&str] = &["[*]x", "^a*", "a\\b"];

#[tokio::test]
async fn the_docker_client_sends_the_same_of_every_pattern() {
    let Some(client) = Recorder::start() else {
        return;
    };
    for (file, path, _) in PATTERNS {
        if READ_OTHERWISE.contains(file) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        support::write(folder.path(), path, "");
        client.compare(folder.path(), file).await;
    }
}

#[tokio::test]
async fn the_docker_client_sends_the_same_of_every_case() {
    let Some(client) = Recorder::start() else {
        return;
    };
    for case in support::cases() {
        let context = support::context(&case);
        // The client's classic builder has never heard of these.
        if context.path().join("Dockerfile.dockerignore").exists() {
            continue;
        }
        let file = fs::read_to_string(context.path().join(".dockerignore")).unwrap();
        client.compare(context.path(), &file).await;
    }
}

/// `RCOMPOSE_PATTERN_SETS` says how many; every run makes the same ones.
#[tokio::test]
async fn the_docker_client_sends_the_same_of_made_up_patterns() {
    let Some(client) = Recorder::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for a in ["a", "b", "ab"] {
        for b in ["a", "b", "ab"] {
            for c in ["a", "b", "ab", "a.b"] {
                support::write(folder.path(), &format!("{a}/{b}/x{c}"), "");
                support::write(folder.path(), &format!("{a}/{b}/d{c}/{b}"), "");
            }
        }
        support::write(folder.path(), &format!("x{a}"), "");
    }
    let sets = std::env::var("RCOMPOSE_PATTERN_SETS").ok();
    let mut dice = Dice(1);
    for _ in 0..sets.map_or(200, |sets| sets.parse().unwrap()) {
        client.compare(folder.path(), &dice.file()).await;
    }
}

/// A generator of numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one_of(&mut self, of: &[&'static str]) -> &'static str {
        of[self.below(of.len())]
    }

    fn file(&mut self) -> String {
        (0..=self.below(5)).map(|_| self.line()).collect()
    }

    fn line(&mut self) -> String {
        const NAMES: &[&str] = &[
            "a", "b", "ab", "xa", "da", "da.b", "a", "b", "*", "*", "?", "**", "**", "a*", "*b",
            "?b", "[ab]", "[^a]", "[!b]", "x[a-b]*", "**a", "a**", "***", "d?.*", ".", "da\\.b",
            "{a,b}",
        ];
        let names: Vec<_> = (0..=self.below(3)).map(|_| self.one_of(NAMES)).collect();
        let not = self.one_of(&["", "", "!"]);
        let (start, end) = (
            self.one_of(&["", "", "", "/"]),
            self.one_of(&["", "", "", "/"]),
        );
        format!("{not}{start}{}{end}\n", names.join("/"))
    }
}

/// Something that the docker client takes for an engine.
struct Recorder {
    folder: tempfile::TempDir,
    archives: mpsc::Receiver<Vec<u8>>,
}

impl Recorder {
    /// Listens; `None` when there is no docker client to talk to.
    fn start() -> Option<Recorder> {
        let found = Command::new("docker").arg("--version").output();
        if !found.is_ok_and(|found| found.status.success()) {
            assert!(
                std::env::var_os("RCOMPOSE_REQUIRE_ENGINE").is_none(),
                "a docker client is required, but there is none"
            );
            println!("skipped: there is no docker client");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let (sender, archives) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                std::thread::spawn(move || serve(&stream, &sender));
            }
        });
        Some(Recorder { folder, archives })
    }

    /// Fails if the client sends something else of a folder than we do.
    async fn compare(&self, root: &Path, file: &str) {
        fs::write(root.join(".dockerignore"), file).unwrap();
        fs::write(root.join("Dockerfile"), support::DOCKERFILE).unwrap();
        let theirs = self.client_sends(root);
        let Ok(ignore) = Ignore::parse(file) else {
            assert_eq!(theirs, None, "the client reads {file:?}");
            return;
        };
        let theirs = support::names(&theirs.unwrap_or_default());
        let ours = support::sent(root).await.unwrap();
        let reached = |path: &&String| !ignore.excludes(path) && client_enters(&ignore, file, path);
        let reached = ours.iter().filter(reached);
        let ours: BTreeSet<_> = reached
            .flat_map(|path| support::with_folders(path))
            .collect();
        // Both send these two always, in one form or another.
        let always = |path: &String| path == "Dockerfile" || path == ".dockerignore";
        let plain = |names: BTreeSet<String>| names.into_iter().filter(|it| !always(it));
        let ours: Vec<_> = plain(ours).collect();
        let theirs: Vec<_> = plain(theirs).collect();
        pretty_assertions::assert_eq!(ours, theirs, "of {file:?}");
    }

    /// The client's archive; none when it says that a pattern is none.
    fn client_sends(&self, root: &Path) -> Option<Vec<u8>> {
        let socket = self.folder.path().join("socket");
        let output = Command::new("docker")
            .args(["build", "."])
            .current_dir(root)
            .env("DOCKER_BUILDKIT", "0")
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .env_remove("DOCKER_CONTEXT")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        if complaint.contains("exclusion pattern") || complaint.contains("syntax error") {
            return None;
        }
        assert!(output.status.success(), "{complaint}");
        Some(self.archives.recv().unwrap())
    }
}

/// Whether the client gets to a path: it enters an excluded folder only if the text of an exception
/// starts with the folder's name. `BuildKit` looks further when an exception holds a wildcard.
fn client_enters(ignore: &Ignore, file: &str, path: &str) -> bool {
    let exceptions: Vec<_> = file
        .lines()
        .filter_map(|line| line.trim().strip_prefix('!'))
        .map(|rest| {
            let parts = rest.trim().split('/');
            let parts: Vec<_> = parts.filter(|it| !matches!(*it, "" | ".")).collect();
            parts.join("/") + "/"
        })
        .collect();
    Path::new(path).ancestors().skip(1).all(|folder| {
        let folder = folder.to_str().unwrap();
        let named = |it: &String| it.starts_with(&format!("{folder}/"));
        folder.is_empty() || !ignore.excludes(folder) || exceptions.iter().any(named)
    })
}

/// Answers the requests on a connection and passes on the body of a build.
fn serve(stream: &UnixStream, archives: &mpsc::Sender<Vec<u8>>) {
    let mut reader = BufReader::new(stream);
    while let Some((head, body)) = request(&mut reader) {
        let answer = if head.starts_with("POST") {
            "{\"stream\":\"done\\n\"}\n"
        } else if head.starts_with("HEAD") {
            ""
        } else {
            "{}"
        };
        if head.contains("/build") {
            archives.send(body).unwrap();
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nOstype: linux\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        let mut writer = stream;
        writer.write_all((head + answer).as_bytes()).unwrap();
    }
}

fn request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let first = line(reader).filter(|line| !line.is_empty())?;
    let headers: Vec<_> = std::iter::from_fn(|| line(reader).filter(|it| !it.is_empty()))
        .map(|header| header.to_lowercase())
        .collect();
    let mut body = Vec::new();
    if headers.contains(&"transfer-encoding: chunked".to_owned()) {
        loop {
            let length = u64::from_str_radix(&line(reader)?, 16).ok()?;
            reader.take(length).read_to_end(&mut body).ok()?;
            line(reader)?;
            if length == 0 {
                break;
            }
        }
    }
    Some((first, body))
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    Some(line.trim_end().to_owned())
}
