//! What every command has at hand: the flags before it, the project, the engine, and a reporter
//! whose time goes by while a use case runs.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::disk;
use super::failure::Failure;
use super::global::{Ansi, Global, Progress};
use super::recording::Recording;
use super::{Connect, Environment, Interrupts, TerminalSize};
use crate::document::{Diagnostic, Sources};
use crate::engine::only_looking::OnlyLooking;
use crate::engine::{Engine, Reads};
use crate::load::trace::Trace;
use crate::load::{self, Loaded, Request, Skip, Tree};
use crate::ops::lock::{Holder, Lock};
use crate::ops::{self, Target};
use crate::project::Project;
use crate::project::unsupported::Note;
use crate::report;
use crate::report::logs::{LogPrinter, LogStyle};
use crate::report::problems::{Form, Problems};
use crate::report::timings::Timings;
use crate::report::{Mode, Rehearsal, Reporter, Screen, Shared, TimingsForm, error, json};

/// How often the display is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// What every command has at hand.
pub(super) struct Context<'c> {
    pub(super) global: Global,
    pub(super) environment: Environment,
    connect: Connect<'c>,
    mode: Mode,
    color: Colors,
    problems: Problems,
    begin: Instant,
    recording: Option<Recording>,
}

/// How things are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Appearance {
    mode: Mode,
    color: Colors,
}

#[derive(Debug, Clone, Copy)]
struct Colors {
    stdout: bool,
    stderr: bool,
}

/// A project by its files, or by its name alone.
pub(super) struct Subject {
    project: Option<Project>,
    name: String,
    pub(super) sources: Sources,
}

impl Subject {
    /// As use cases take it.
    pub(super) fn target(&self) -> Target<'_> {
        match &self.project {
            Some(project) => Target::Files(project),
            None => Target::Name(&self.name),
        }
    }

    /// The failure behind a use case's error.
    pub(super) fn failure(&self, error: ops::Error) -> Failure {
        Failure::of(error, &self.sources)
    }
}

impl<'c> Context<'c> {
    /// What flags and environment come to.
    pub(super) fn new(
        global: Global,
        environment: Environment,
        connect: Connect<'c>,
        appearance: Appearance,
    ) -> Context<'c> {
        let Appearance { mode, color } = appearance;
        let form = Form::from(global.diagnostics);
        let problems = Problems::new(form, environment.stderr.clone(), &environment.current_dir);
        let time = Arc::clone(&environment.time);
        let recording = global.report.is_some().then(|| Recording::new(time));
        Context {
            global,
            environment,
            connect,
            mode,
            color,
            problems,
            begin: Instant::now(),
            recording,
        }
    }

    /// The value of an environment variable, if it is not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        variable(&self.environment, name)
    }

    /// Whether an environment variable says yes.
    pub(super) fn says_yes(&self, name: &str) -> bool {
        let yes = ["1", "t", "T", "true", "True", "TRUE"];
        self.variable(name)
            .is_some_and(|value| yes.contains(&value))
    }

    /// Loads the project. Its warnings are printed.
    pub(super) fn load(&self, services: &[String]) -> Result<Loaded, Failure> {
        self.load_without(services, Skip::CONTENTS)
    }

    /// The same for commands that make something of it: what docker compose would act on and
    /// this version does not is told before anything is done. Where everything came from is noted
    /// in a dry run only, which tells it.
    pub(super) fn load_to_run(&self, services: &[String]) -> Result<(Loaded, Trace), Failure> {
        if self.is_dry_run() {
            return self.load_to_tell(services);
        }
        let loaded = self.load_without(services, Skip::default())?;
        self.warn_of(&crate::project::not_yet(&loaded.project), &loaded.sources);
        Ok((loaded, Trace::default()))
    }

    /// The same, with where everything came from.
    pub(super) fn load_to_tell(&self, services: &[String]) -> Result<(Loaded, Trace), Failure> {
        let (loaded, trace) = self.load_traced(services, Skip::default())?;
        self.warn_of(&crate::project::not_yet(&loaded.project), &loaded.sources);
        Ok((loaded, trace))
    }

    /// The same without some of the stages.
    pub(super) fn load_without(&self, services: &[String], skip: Skip) -> Result<Loaded, Failure> {
        let request = Request {
            skip,
            ..self.request(services)
        };
        let loaded = load::load(&request, self.environment.files.as_ref())?;
        self.warn_of(&loaded.warnings, &loaded.sources);
        self.about(&loaded.project.name);
        Ok(loaded)
    }

    /// The same, with where everything came from.
    pub(super) fn load_traced(
        &self,
        services: &[String],
        skip: Skip,
    ) -> Result<(Loaded, Trace), Failure> {
        let request = Request {
            skip,
            ..self.request(services)
        };
        let (loaded, trace) = load::load_traced(&request, self.environment.files.as_ref())?;
        self.warn_of(&loaded.warnings, &loaded.sources);
        Ok((loaded, trace))
    }

    /// The project's files as one tree. Warnings are printed.
    pub(super) fn tree(&self, skip: Skip) -> Result<Tree, Failure> {
        let request = Request {
            skip,
            ..self.request(&[])
        };
        let tree = load::tree(&request, self.environment.files.as_ref())?;
        self.warn_of(&tree.warnings, &tree.sources);
        Ok(tree)
    }

    /// A path that was given on the command line, from the current folder on.
    pub(super) fn path(&self, given: &Path) -> PathBuf {
        self.environment.current_dir.join(given)
    }

    /// Writes a file that was asked for with `-o`.
    pub(super) fn write(&self, given: &Path, text: &str) -> Result<(), Failure> {
        let path = self.path(given);
        disk::write(&path, text).map_err(|reason| {
            let message = format!("cannot write {}: {reason}", path.display());
            Failure::message(message, "look at the path given with -o")
        })
    }

    /// Prints warnings about files.
    pub(super) fn warn_of(&self, warnings: &[Diagnostic], sources: &Sources) {
        if !self.problems.are_text() {
            self.problems.tell(warnings, sources);
        } else if !warnings.is_empty() && self.mode != Mode::Quiet {
            let text = error::diagnostics(warnings, sources, self.screen());
            self.environment.stderr.put(&text);
        }
    }

    /// The project for a command that can do without files: `-p` alone means what the engine has
    /// under that name, and so does `COMPOSE_PROJECT_NAME` where there are no files.
    pub(super) fn subject(&self, services: &[String]) -> Result<Subject, Failure> {
        if self.global.files.is_empty()
            && let Some(name) = &self.global.project_name
        {
            self.about(&name.to_lowercase());
            return Ok(by_name(name));
        }
        match (self.load(services), self.variable("COMPOSE_PROJECT_NAME")) {
            (Ok(loaded), _) => Ok(Subject {
                name: loaded.project.name.clone(),
                project: Some(loaded.project),
                sources: loaded.sources,
            }),
            (Err(_), Some(name)) => Ok(by_name(name)),
            (Err(failure), None) => Err(failure),
        }
    }

    /// The project of the files here, if there are any, they are fine, and it has this name.
    pub(super) fn project_named(&self, name: &str) -> Option<Project> {
        let loaded = load::load(&self.request(&[]), self.environment.files.as_ref());
        let project = loaded.ok()?.project;
        (project.name == name).then_some(project)
    }

    /// What to load, as flags and environment say.
    pub(super) fn request(&self, services: &[String]) -> Request {
        let Global {
            files,
            project_name,
            project_directory,
            env_files,
            profiles,
            ..
        } = self.global.clone();
        Request {
            files,
            project_name,
            project_directory,
            env_files,
            profiles,
            services: services.to_vec(),
            skip: Skip::default(),
            current_dir: self.environment.current_dir.clone(),
            variables: self.environment.variables.clone(),
        }
    }

    /// The engine. Nothing is sent yet. In a dry run nothing can be changed through it.
    pub(super) fn engine(&self) -> Result<Arc<dyn Engine>, Failure> {
        let engine = (self.connect)(&self.environment.variables);
        let engine =
            engine.map_err(|error| Failure::engine("reach the container engine", &error))?;
        if self.global.dry_run {
            return Ok(Arc::new(OnlyLooking::at(engine)));
        }
        Ok(engine)
    }

    /// The engine, for what only looks.
    pub(super) fn reads(&self) -> Result<Arc<dyn Reads>, Failure> {
        Ok(self.engine()?)
    }

    /// Whether what is printed about a run is JSON.
    pub(super) fn tells_json(&self) -> bool {
        self.mode == Mode::Json
    }

    /// Whether the plan is printed and not carried out.
    pub(super) fn is_dry_run(&self) -> bool {
        self.global.dry_run
    }

    /// How a command takes its project's lock.
    pub(super) fn lock(&self, command: &str) -> Lock {
        let process = self.environment.process.as_ref();
        // A dry run is nobody's turn: it changes nothing.
        let Some(process) = process.filter(|_| !self.is_dry_run()) else {
            return Lock::default();
        };
        let holder = Holder {
            token: process.token.clone(),
            pid: process.pid,
            host: process.host.clone(),
            command: command.to_owned(),
            since: self.environment.clock.now,
        };
        Lock::of(holder, !self.global.no_wait_lock, process.locks.clone())
    }

    /// The screen that progress is drawn on.
    pub(super) fn screen(&self) -> Screen {
        screen(&self.environment.terminal_size, self.color.stderr)
    }

    /// Whether what goes to stdout is coloured.
    pub(super) fn colors_stdout(&self) -> bool {
        self.color.stdout
    }

    /// Shows nothing but errors from here on.
    pub(super) fn be_quiet(&mut self) {
        self.mode = Mode::Quiet;
    }

    /// A reporter for an operation.
    pub(super) fn reporter(&self, operation: &str) -> Shared {
        let out = self.environment.stderr.clone();
        let mut reporter = Reporter::new(self.mode, operation, out, self.screen());
        if self.is_dry_run() {
            reporter.rehearse(Rehearsal {
                out: self.environment.stdout.clone(),
                json: self.mode == Mode::Json,
                color: self.color.stdout,
            });
        }
        if self.global.timings {
            let begin = self.begin;
            let form = match self.mode {
                Mode::Json => TimingsForm::Json,
                _ => TimingsForm::Text(self.color.stderr),
            };
            reporter.time(Timings::new(Box::new(move || begin.elapsed())), form);
        }
        if let Some(recording) = &self.recording {
            recording.operation(operation);
            reporter.pass_on(Box::new(recording.clone()));
        }
        Shared::new(reporter)
    }

    /// A printer for containers' output.
    pub(super) fn log_printer(&self, project: &str, no_prefix: bool, no_color: bool) -> LogPrinter {
        let style = LogStyle {
            no_prefix,
            color: self.color.stdout && !no_color,
        };
        let Environment { stdout, stderr, .. } = &self.environment;
        LogPrinter::new(project, stdout.clone(), stderr.clone(), style)
    }

    /// Runs a use case while the reporter's time goes by. The first interrupt cancels `cancel`,
    /// where there is one, so that what has begun is finished; the second (or without `cancel`,
    /// the first) drops everything.
    pub(super) async fn drive<T>(
        &mut self,
        reporter: &Shared,
        cancel: Option<&CancellationToken>,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let interruptible = async |interrupts: &mut Interrupts| {
            tokio::pin!(work);
            let mut cancelling = false;
            loop {
                tokio::select! {
                    biased;
                    result = &mut work => break result,
                    Some(()) = interrupts.next() => match cancel {
                        Some(cancel) if !cancelling => {
                            cancelling = true;
                            cancel.cancel();
                        }
                        _ => break Err(Failure::Interrupted),
                    },
                }
            }
        };
        self.accompany(reporter, interruptible).await
    }

    /// The same for work that takes the interrupts itself.
    pub(super) async fn accompany<T>(
        &mut self,
        reporter: &Shared,
        work: impl AsyncFnOnce(&mut Interrupts) -> T,
    ) -> T {
        let result = self.alongside(reporter, work).await;
        self.explain_failures(reporter).await;
        reporter.with(Reporter::finish);
        result
    }

    /// Lets the reporter's time go by while something is done.
    async fn alongside<T>(
        &mut self,
        reporter: &Shared,
        work: impl AsyncFnOnce(&mut Interrupts) -> T,
    ) -> T {
        let Environment {
            terminal_size,
            interrupts,
            ..
        } = &mut self.environment;
        let work = work(interrupts);
        tokio::pin!(work);
        let begin = Instant::now();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                result = &mut work => break result,
                _ = ticks.tick() => {
                    let screen = screen(terminal_size, self.color.stderr);
                    reporter.with(|reporter| {
                        reporter.resize(screen);
                        reporter.tick(begin.elapsed());
                    });
                }
            }
        }
    }

    /// Looks for the reasons of what failed, as far as it has not been shown yet.
    async fn explain_failures(&self, reporter: &Shared) {
        let failed = reporter.with(|reporter| reporter.failed_steps());
        if failed.is_empty() {
            return;
        }
        if let Ok(engine) = self.engine() {
            let cards = ops::autopsy::examine(engine.as_ref(), &failed).await;
            if let Some(recording) = &self.recording {
                for (failed, cards) in failed.iter().zip(&cards) {
                    recording.failed_step(&failed.error, cards);
                }
            }
            reporter.with(|reporter| reporter.explain(cards));
        }
    }

    /// Prints something to know.
    pub(super) fn warn(&self, message: &str) {
        if !self.problems.are_text() {
            let warning = Diagnostic::warning(message).code("notice");
            return self.problems.tell(&[warning], &Sources::default());
        }
        let text = match self.mode {
            Mode::Quiet => return,
            Mode::Json => json::warning(message),
            _ => error::warning(message, self.color.stderr),
        };
        self.environment.stderr.put(&text);
    }

    /// Notes what has no effect, unless it was worth a warning already.
    pub(super) fn note(&self, unsupported: &[&Note], loaded: &Loaded) {
        if matches!(self.mode, Mode::Quiet | Mode::Json) {
            return;
        }
        let told = |note: &Note| {
            let mut warned = loaded.warnings.iter().flat_map(|it| &it.labels);
            note.missing || warned.any(|it| it.span == note.span)
        };
        let left = unsupported.iter().filter(|note| !told(note));
        let left: Vec<&Note> = left.copied().collect();
        let text = report::unsupported::lines(&left, &loaded.sources, self.color.stderr);
        self.environment.stderr.put(&text);
    }

    /// Prints something that is no cause for worry.
    pub(super) fn tell(&self, message: &str) {
        if self.mode != Mode::Quiet {
            self.environment.stderr.put(&format!("{message}\n"));
        }
    }

    /// Makes the problems the data of this run.
    pub(super) fn problems_are_data(&mut self, form: Option<Form>) {
        let form = form.unwrap_or(self.global.diagnostics.into());
        let Environment {
            stdout,
            current_dir,
            ..
        } = &self.environment;
        self.problems = Problems::new(form, stdout.clone(), current_dir);
    }

    /// Says whose containers a report is about.
    fn about(&self, project: &str) {
        if let Some(recording) = &self.recording {
            recording.project(project);
        }
    }

    /// Asks the containers for what a report wants of them, before they go.
    pub(super) async fn keep_evidence(&self, engine: &dyn Engine) {
        if let Some(recording) = &self.recording {
            recording.ask(engine).await;
        }
    }

    /// Writes the report, where one is wanted. Answers the exit code.
    pub(super) async fn write_report(&self, code: u8) -> u8 {
        let (Some(recording), Some(folder)) = (&self.recording, &self.global.report) else {
            return code;
        };
        if let Ok(engine) = self.engine() {
            recording.ask(engine.as_ref()).await;
        }
        let folder = self.environment.current_dir.join(folder);
        if let Err(error) = recording.write(&folder) {
            let folder = folder.display();
            self.warn(&format!(
                "the report could not be written to {folder}: {error}"
            ));
            return code.max(1);
        }
        code
    }

    /// Writes what machines get at the end of a run.
    pub(super) fn finish(&self, code: u8) {
        self.problems.finish(code);
    }

    /// Prints why the command ends and answers the exit code.
    pub(super) fn print_failure(&self, failure: Failure) -> u8 {
        if let Some(recording) = &self.recording {
            failure
                .text()
                .into_iter()
                .for_each(|text| recording.failed(text));
        }
        if !self.problems.are_text() {
            let code = failure.exit_code();
            let (diagnostics, sources) = failure.into_diagnostics();
            self.problems.tell(&diagnostics, &sources);
            return code;
        }
        let as_json = self.mode == Mode::Json;
        failure.print(&self.environment.stderr, self.screen(), as_json)
    }
}

fn screen(size: &TerminalSize, color: bool) -> Screen {
    let unknown = Screen::default();
    let (width, height) = size().unwrap_or((unknown.width, unknown.height));
    Screen {
        width,
        height,
        color,
    }
}

/// A container's exit code as this program's own.
pub(super) fn exit_code(code: i64) -> u8 {
    u8::try_from(code.rem_euclid(256)).unwrap_or(1)
}

fn by_name(name: &str) -> Subject {
    Subject {
        project: None,
        name: name.to_lowercase(),
        sources: Sources::default(),
    }
}

fn variable<'e>(environment: &'e Environment, name: &str) -> Option<&'e str> {
    let value = environment.variables.get(name).map(String::as_str);
    value.filter(|value| !value.is_empty())
}

/// Flags come before variables, and contradictions are errors.
pub(super) fn appearance(
    global: &Global,
    environment: &Environment,
) -> Result<Appearance, Failure> {
    let ansi = match global.ansi {
        Some(ansi) => ansi,
        None => from_variable(environment, "COMPOSE_ANSI")?,
    };
    let progress = match global.progress {
        Some(progress) => progress,
        None => from_variable(environment, "COMPOSE_PROGRESS")?,
    };
    match (progress, ansi) {
        (Progress::Tty, Ansi::Never) => {
            return Err(Failure::message(
                "--progress tty cannot be used with --ansi never",
                "a display that is redrawn needs terminal control codes; --progress plain does not",
            ));
        }
        (Progress::Plain, Ansi::Always) => {
            return Err(Failure::message(
                "--progress plain cannot be used with --ansi always",
                "plain lines have no terminal control codes",
            ));
        }
        _ => {}
    }
    let dumb = variable(environment, "TERM") == Some("dumb");
    let unwanted = variable(environment, "NO_COLOR").is_some();
    let color = |terminal: bool| match ansi {
        _ if unwanted => false,
        Ansi::Never => false,
        Ansi::Always => true,
        Ansi::Auto => terminal && !dumb,
    };
    let mode = match Mode::from(progress) {
        Mode::Auto if environment.terminals.stderr && ansi != Ansi::Never && !dumb => Mode::Tty,
        Mode::Auto => Mode::Plain,
        mode => mode,
    };
    let color = Colors {
        stdout: color(environment.terminals.stdout),
        stderr: color(environment.terminals.stderr),
    };
    Ok(Appearance { mode, color })
}

fn from_variable<T: clap::ValueEnum + Default>(
    environment: &Environment,
    name: &str,
) -> Result<T, Failure> {
    let Some(value) = variable(environment, name) else {
        return Ok(T::default());
    };
    T::from_str(value, true).map_err(|_| {
        let words: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|variant| Some(variant.to_possible_value()?.get_name().to_owned()))
            .collect();
        let help = format!("it can be {}", words.join(", "));
        Failure::message(format!("{name} is set to `{value}`"), &help)
    })
}
