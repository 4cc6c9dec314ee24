//! What users see of an execution: each scenario is shown by every face and compared as a whole
//! with `tests/cases/report/<name>/`. `RCOMPOSE_REFRESH=1` writes what is shown now.
//!
//! `progress.txt` holds what a person would see on a small screen: a terminal in miniature takes
//! the bytes, and its content is noted at every [`Act::Look`].

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pretty_assertions::assert_eq;
use rcompose::event::{Event, Outcome, Progress, Sink};
use rcompose::plan::{
    BuildImage, Cause, CreateContainer, ImageMoved, Operation, Plan, Step, StepId, naming,
};
use rcompose::project::service::build::Build;
use rcompose::project::service::depends_on::Condition;
use rcompose::report::{self, Mode, Reporter, Screen, Stream};

const WIDTH: usize = 60;
const HEIGHT: usize = 12;

/// What happens in a scenario.
enum Act {
    Event(Event),
    /// Time goes by until so many milliseconds after the beginning.
    At(u64),
    /// A look at the screen.
    Look,
}

#[test]
fn a_first_up() {
    let mut plan = Plan::default();
    let network = network(&mut plan, "demo_default");
    let pull = step(&mut plan, pull("redis:8"), Cause::Missing, &[]);
    let build = step(&mut plan, build("demo-web"), Cause::Missing, &[]);
    let db = step(
        &mut plan,
        create("demo-db-1"),
        Cause::Missing,
        &[network, pull],
    );
    let web = step(
        &mut plan,
        create("demo-web-1"),
        Cause::Missing,
        &[network, build],
    );
    let db_start = step(&mut plan, start("demo-db-1"), Cause::Missing, &[db]);
    let healthy = step(
        &mut plan,
        wait("demo-db-1", Condition::Healthy),
        Cause::NeededBy("web".into()),
        &[db_start],
    );
    let web_start = step(
        &mut plan,
        start("demo-web-1"),
        Cause::Missing,
        &[web, healthy],
    );
    let layer = |id: &str, text: &str, current, total| Progress::Transfer {
        id: id.into(),
        text: text.into(),
        current,
        total,
    };
    let acts = [
        begin(&plan),
        begun(network),
        begun(pull),
        begun(build),
        going(
            pull,
            layer("5a7813e071bf", "Downloading", 1_000_000, 30_000_000),
        ),
        going(build, line("Step 1/5 : FROM python:3")),
        Act::At(100),
        Act::Look,
        done(network),
        going(
            pull,
            layer("5a7813e071bf", "Downloading", 22_000_000, 30_000_000),
        ),
        going(
            build,
            line("Step 2/5 : RUN pip install \u{1b}[31mflask\u{1b}[0m"),
        ),
        going(build, line("Collecting flask\r 50%\r100%")),
        Act::At(400),
        Act::Look,
        going(pull, layer("5a7813e071bf", "Pull complete", 0, 0)),
        done(pull),
        begun(db),
        done(db),
        begun(db_start),
        done(db_start),
        begun(healthy),
        Act::At(1_500),
        Act::Look,
        done(build),
        begun(web),
        done(web),
        Act::At(2_600),
        Act::Look,
        done(healthy),
        begun(web_start),
        done(web_start),
    ];
    check("first-up", &plan, &acts);
}

#[test]
fn a_replacement_is_told_as_one_and_the_untouched_are_running() {
    let mut plan = Plan {
        untouched: vec!["demo-redis-1".into()],
        ..Plan::default()
    };
    let cause = Cause::ConfigChanged(vec!["environment".into(), "ports".into()]);
    let steps = replacement(&mut plan, "demo-web-1", &cause, &[]);
    let start = step(
        &mut plan,
        start("demo-web-1"),
        Cause::Replacement,
        &[steps[3]],
    );
    let mut acts = vec![begin(&plan), Act::At(0), Act::Look];
    for (turn, step) in steps.iter().chain([&start]).enumerate() {
        acts.extend([begun(*step), Act::At(turn as u64 * 300 + 100), done(*step)]);
        if turn == 1 {
            acts.extend([Act::At(500), Act::Look]);
        }
    }
    check("replacement", &plan, &acts);
}

#[test]
fn a_replacement_that_turns_out_unneeded_is_a_running_container() {
    let mut plan = Plan::default();
    let build = step(&mut plan, build("demo-web"), Cause::Asked("--build"), &[]);
    let moved = [ImageMoved {
        reference: "demo-web".into(),
        from: "sha256:0123".into(),
    }];
    let mut steps = replacement(&mut plan, "demo-web-1", &Cause::ImageMayChange, &moved);
    steps.push(step(
        &mut plan,
        start("demo-web-1"),
        Cause::Replacement,
        &[steps[3]],
    ));
    plan.steps[5].only_if = moved.to_vec();
    let mut acts = vec![begin(&plan), begun(build), Act::At(200), done(build)];
    for step in steps {
        acts.extend([begun(step), ended(step, Outcome::Unchanged)]);
    }
    check("unneeded-replacement", &plan, &acts);
}

#[test]
fn a_replacement_that_depended_on_a_build_and_was_needed() {
    let mut plan = Plan::default();
    let build = step(&mut plan, build("demo-web"), Cause::Asked("--build"), &[]);
    let moved = [ImageMoved {
        reference: "demo-web".into(),
        from: "sha256:0123".into(),
    }];
    let cause = &Cause::ImageMayChange;
    let mut steps = replacement(&mut plan, "demo-web-1", cause, &moved);
    let start = start("demo-web-1");
    steps.push(step(&mut plan, start, Cause::Replacement, &[steps[3]]));
    plan.steps[5].only_if = moved.to_vec();
    let mut acts = vec![begin(&plan), begun(build), Act::At(200), done(build)];
    for step in steps {
        acts.extend([begun(step), done(step)]);
    }
    check("conditional-replacement", &plan, &acts);
}

#[test]
fn a_failed_build_shows_its_whole_output_and_the_rest_is_skipped() {
    let mut plan = Plan::default();
    let network = network(&mut plan, "demo_default");
    let build = step(&mut plan, build("demo-web"), Cause::Missing, &[]);
    let create = step(
        &mut plan,
        create("demo-web-1"),
        Cause::Missing,
        &[network, build],
    );
    let start = step(&mut plan, start("demo-web-1"), Cause::Missing, &[create]);
    let mut acts = vec![begin(&plan), begun(network), done(network), begun(build)];
    acts.extend((1..=9).map(|number| going(build, line(&format!("output line {number}")))));
    acts.extend([
        Act::At(700),
        Act::Look,
        Act::Event(Event::StepFailed {
            step: build,
            error: "cannot build image demo-web: `RUN false` returned 1\nsecond line".into(),
        }),
        skipped(create),
        skipped(start),
    ]);
    check("failed-build", &plan, &acts);
}

#[test]
fn more_rows_than_the_screen_has() {
    let mut plan = Plan::default();
    let names: Vec<String> = (1..=20)
        .map(|number| format!("demo-worker-{number}"))
        .collect();
    let steps: Vec<StepId> = names
        .iter()
        .map(|name| step(&mut plan, create(name), Cause::Missing, &[]))
        .collect();
    let mut acts = vec![begin(&plan)];
    acts.extend(
        steps
            .iter()
            .take(5)
            .flat_map(|one| [begun(*one), done(*one)]),
    );
    acts.push(Act::At(300));
    acts.extend(steps.iter().skip(5).map(|one| begun(*one)));
    acts.extend([Act::At(400), Act::Look]);
    acts.extend(steps.iter().skip(5).map(|one| done(*one)));
    acts.extend([Act::At(900), Act::Look]);
    check("many-rows", &plan, &acts);
}

#[test]
fn what_is_tolerated_is_said_and_a_warning_once() {
    let mut plan = Plan {
        warnings: vec!["service old is in no file".into()],
        ..Plan::default()
    };
    let pull = Operation::PullImage {
        reference: "demo-web".into(),
        platform: None,
        optional: true,
    };
    let pull = step(&mut plan, pull, Cause::Missing, &[]);
    let remove = Operation::RemoveNetwork {
        required: false,
        name: "demo_default".into(),
    };
    let remove = step(&mut plan, remove, Cause::Asked("down"), &[]);
    let acts = [
        begin(&plan),
        begun(pull),
        Act::At(100),
        Act::Event(Event::Warning {
            message: "service old is in no file".into(),
        }),
        Act::Event(Event::Warning {
            message: "the disk is nearly full".into(),
        }),
        Act::At(200),
        Act::Look,
        ended(pull, Outcome::Tolerated),
        begun(remove),
        ended(remove, Outcome::Tolerated),
    ];
    check("tolerated", &plan, &acts);
}

#[test]
fn going_down() {
    let mut plan = Plan::default();
    let name = || "demo-web-1".to_owned();
    let cause = || Cause::Asked("down -v");
    let stop = step(
        &mut plan,
        Operation::StopContainer {
            name: name(),
            timeout: None,
        },
        cause(),
        &[],
    );
    let remove = step(
        &mut plan,
        Operation::RemoveContainer {
            name: name(),
            volumes: true,
        },
        cause(),
        &[stop],
    );
    let volume = step(
        &mut plan,
        Operation::RemoveVolume {
            name: "demo_data".into(),
        },
        cause(),
        &[remove],
    );
    let acts = [stop, remove, volume]
        .into_iter()
        .flat_map(|step| [begun(step), done(step)]);
    let acts: Vec<Act> = std::iter::once(begin(&plan)).chain(acts).collect();
    check("down", &plan, &acts);
}

#[test]
fn names_cannot_move_the_cursor() {
    let mut plan = Plan::default();
    let evil = step(
        &mut plan,
        pull("redis\u{1b}[2J\r\nroot"),
        Cause::Missing,
        &[],
    );
    check(
        "evil-name",
        &plan,
        &[begin(&plan), begun(evil), Act::At(100), done(evil)],
    );
}

fn step(plan: &mut Plan, operation: Operation, cause: Cause, after: &[StepId]) -> StepId {
    let (service, after, only_if) = (None, after.to_vec(), Vec::new());
    plan.add(Step {
        operation,
        cause,
        service,
        after,
        only_if,
    })
}

fn network(plan: &mut Plan, name: &str) -> StepId {
    let mut request = Box::<bollard::models::NetworkCreateRequest>::default();
    request.name = name.into();
    step(plan, Operation::CreateNetwork(request), Cause::Missing, &[])
}

fn pull(reference: &str) -> Operation {
    Operation::PullImage {
        reference: reference.into(),
        platform: None,
        optional: false,
    }
}

fn build(name: &str) -> Operation {
    Operation::BuildImage(Box::new(BuildImage {
        build: Build::default(),
        tags: vec![name.into()],
        platform: None,
        only_if_missing: false,
    }))
}

fn create(name: &str) -> Operation {
    Operation::CreateContainer(Box::new(CreateContainer {
        name: name.into(),
        platform: None,
        body: bollard::models::ContainerCreateBody::default(),
        connect: Vec::new(),
        files: Vec::new(),
        inherit: Vec::new(),
        stamp_image: false,
    }))
}

fn start(name: &str) -> Operation {
    Operation::StartContainer { name: name.into() }
}

fn wait(name: &str, condition: Condition) -> Operation {
    Operation::Wait {
        containers: vec![name.into()],
        goal: rcompose::plan::Goal::Condition(condition),
        required: true,
    }
}

fn replacement(plan: &mut Plan, name: &str, cause: &Cause, only_if: &[ImageMoved]) -> Vec<StepId> {
    let temporary = naming::temporary("0123456789abcdef", name);
    let operations = [
        create(&temporary),
        Operation::StopContainer {
            name: name.into(),
            timeout: None,
        },
        Operation::RemoveContainer {
            name: name.into(),
            volumes: false,
        },
        Operation::RenameContainer {
            from: temporary.clone(),
            to: name.into(),
        },
    ];
    let mut steps: Vec<StepId> = Vec::new();
    for operation in operations {
        let cause = if steps.is_empty() {
            cause.clone()
        } else {
            Cause::Replacement
        };
        let after: Vec<StepId> = steps.last().copied().into_iter().collect();
        let id = step(plan, operation, cause, &after);
        plan.steps[id.0].only_if = only_if.to_vec();
        steps.push(id);
    }
    steps
}

fn begin(plan: &Plan) -> Act {
    Act::Event(Event::Planned {
        plan: Arc::new(plan.clone()),
    })
}

fn begun(step: StepId) -> Act {
    Act::Event(Event::StepStarted { step })
}

fn going(step: StepId, progress: Progress) -> Act {
    Act::Event(Event::StepProgress { step, progress })
}

fn line(text: &str) -> Progress {
    Progress::Line(text.into())
}

fn done(step: StepId) -> Act {
    ended(step, Outcome::Done)
}

fn ended(step: StepId, outcome: Outcome) -> Act {
    Act::Event(Event::StepFinished { step, outcome })
}

fn skipped(step: StepId) -> Act {
    Act::Event(Event::StepSkipped { step })
}

/// Shows a scenario in every way and compares.
fn check(name: &str, plan: &Plan, acts: &[Act]) {
    let faces = [
        ("plain", Mode::Plain),
        ("json", Mode::Json),
        ("quiet", Mode::Quiet),
    ];
    for (file, mode) in faces {
        compare(name, file, &shown(mode, acts).0);
    }
    let (bytes, looks) = shown(Mode::Tty, acts);
    compare(name, "progress", &looks);
    assert!(
        !bytes.contains("\u{1b}[2J"),
        "nothing of ours or theirs clears the screen"
    );
    compare(name, "plan", &report::plan::text(plan, false));
}

/// What is written, and what there is to see on a terminal at every look and at the end.
fn shown(mode: Mode, acts: &[Act]) -> (String, String) {
    let bytes = Bytes::default();
    let screen = Screen {
        width: WIDTH,
        height: HEIGHT,
        color: false,
    };
    let mut reporter = Reporter::new(mode, "up", Stream::new(bytes.clone()), screen);
    let mut looks = String::new();
    let mut now = 0;
    for act in acts {
        match act {
            Act::Event(event) => reporter.event(event.clone()),
            Act::At(then) => {
                now = *then;
                reporter.tick(Duration::from_millis(now));
            }
            Act::Look if mode != Mode::Tty => {}
            Act::Look => {
                let _ = writeln!(
                    looks,
                    "---- after {now} ms\n{}",
                    Terminal::showing(&bytes.text()).screen()
                );
            }
        }
    }
    reporter.finish();
    let text = bytes.text();
    if mode != Mode::Tty {
        return (text, looks);
    }
    let _ = write!(
        looks,
        "---- at the end, with what has scrolled away\n{}",
        Terminal::showing(&text).all()
    );
    (text, looks)
}

fn compare(name: &str, file: &str, found: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/report")
        .join(name);
    let path = folder.join(format!("{file}.txt"));
    if std::env::var_os("RCOMPOSE_REFRESH").is_some() {
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(&path, found).expect("a file");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(expected, found, "{}", path.display());
}

/// A writer that tests can look into.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As much of a terminal as the display needs. What it does not know makes the test fail.
struct Terminal {
    lines: Vec<String>,
    /// First line on the screen.
    top: usize,
    row: usize,
}

impl Terminal {
    fn showing(text: &str) -> Terminal {
        let mut terminal = Terminal {
            lines: vec![String::new()],
            top: 0,
            row: 0,
        };
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            rest = &rest[next.len_utf8()..];
            match next {
                '\n' => terminal.down(),
                '\r' => {}
                '\u{1b}' => rest = terminal.escape(rest),
                _ => {
                    let end = rest.find(['\n', '\r', '\u{1b}']).unwrap_or(rest.len());
                    terminal.write(&format!("{next}{}", &rest[..end]));
                    rest = &rest[end..];
                }
            }
        }
        terminal
    }

    /// The display writes a row in one go, from its first column. What is too wide is wrapped,
    /// which ruins a display that does not expect it.
    fn write(&mut self, text: &str) {
        let columns: Vec<char> = text.chars().collect();
        for (index, piece) in columns.chunks(WIDTH).enumerate() {
            if index > 0 {
                self.down();
            }
            self.lines[self.row] = piece.iter().collect();
        }
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.lines.len() {
            self.lines.push(String::new());
        }
        self.top = self.top.max((self.row + 1).saturating_sub(HEIGHT));
    }

    fn escape<'t>(&mut self, rest: &'t str) -> &'t str {
        let rest = rest.strip_prefix('[').expect("a control sequence");
        let end = rest
            .find(|c: char| c.is_ascii_alphabetic())
            .expect("its end");
        match &rest[end..=end] {
            "A" => {
                self.row -= rest[..end].parse::<usize>().expect("a number");
                assert!(
                    self.row >= self.top,
                    "the cursor cannot go above the screen"
                );
            }
            // The row's rest is empty already: rows are written in one go.
            "K" => {}
            "J" => {
                self.lines.truncate(self.row);
                self.lines.push(String::new());
            }
            other => panic!("unknown control sequence {other}"),
        }
        &rest[end + 1..]
    }

    fn screen(&self) -> String {
        self.lines[self.top..].join("\n")
    }

    fn all(&self) -> String {
        self.lines.join("\n")
    }
}
