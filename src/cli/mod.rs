//! The command line: arguments to use cases, use cases to reports, results to exit codes.
//!
//! Thin on purpose: a command turns flags into options, calls one function of [`ops`](crate::ops)
//! and prints what comes back. Everything that a process has and a function should not reach for
//! (variables, writers, the clock, whether there is a terminal) comes in as an [`Environment`], so
//! that tests run commands in-process against an engine in memory.
//!
//! Exit codes: 0 done; 1 any error, wrong usage included; 2 from `plan` when there is something to
//! do; 130 interrupted.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::BufRead;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use futures_util::Stream;

use crate::engine::{Engine, EngineError};
use crate::load::Files;
use crate::ops::lock::HostLocks;
use crate::ops::up::Host;
use crate::report::Screen;
use crate::report::Stream as Writer;
use crate::report::ps::Clock;

mod commands;
mod consent;
mod context;
pub mod disk;
mod failure;
mod global;
pub mod locks;
mod moment;
mod recording;
pub mod sockets;

use commands::Command;
use context::Context;
use global::Global;

/// Everything a run needs of the process around it.
pub struct Environment {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The current folder, absolute.
    pub current_dir: PathBuf,
    /// The file system.
    pub files: Box<dyn Files>,
    /// Where answers to questions come from.
    pub stdin: Box<dyn BufRead + Send>,
    /// Where data goes.
    pub stdout: Writer,
    /// Where progress and messages go.
    pub stderr: Writer,
    /// Which of the three are terminals.
    pub terminals: Terminals,
    /// Columns and rows of the terminal, asked again whenever something is drawn.
    pub terminal_size: TerminalSize,
    /// The time, when the run begins.
    pub clock: Clock,
    /// The time, whenever it is asked for.
    pub time: Time,
    /// An item for every Ctrl-C.
    pub interrupts: Interrupts,
    /// The sockets of this machine.
    pub host: Host,
    /// Who takes locks; nobody does when absent.
    pub process: Option<Process>,
}

/// What tells a run from every other one that may be at work on the same project.
#[derive(Clone)]
pub struct Process {
    /// A word that no other run has.
    pub token: String,
    /// The process.
    pub pid: u32,
    /// The name of its host.
    pub host: String,
    /// The locks that the processes of this host share, where files can be locked.
    pub locks: Option<Arc<dyn HostLocks>>,
}

/// Which standard streams are terminals.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminals {
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

/// Columns and rows, if there is a terminal.
pub type TerminalSize = Box<dyn Fn() -> Option<(usize, usize)> + Send + Sync>;

/// Tells the time.
pub type Time = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// An item for every Ctrl-C.
pub type Interrupts = Pin<Box<dyn Stream<Item = ()> + Send>>;

/// Gives the engine that the environment variables name.
pub type Connect<'c> =
    &'c (dyn Fn(&BTreeMap<String, String>) -> Result<Arc<dyn Engine>, EngineError> + Send + Sync);

/// Compose files, run fast and explained.
#[derive(Debug, clap::Parser)]
#[command(
    name = "rcompose",
    disable_version_flag = true,
    max_term_width = 100,
    args_override_self = true
)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Runs a command line (the program's name first) and answers the exit code.
pub async fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment,
    connect: Connect<'_>,
) -> u8 {
    let (stdout, stderr) = (environment.stdout.clone(), environment.stderr.clone());
    let code = match parse(arguments) {
        Ok(parsed) => Box::pin(dispatch(parsed, environment, connect)).await,
        Err(error) => usage(&error, &environment),
    };
    written(&stdout, &stderr, code)
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let mut command = Arguments::command();
    let matches = command.try_get_matches_from_mut(arguments)?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

async fn dispatch(arguments: Arguments, environment: Environment, connect: Connect<'_>) -> u8 {
    let Arguments { global, command } = arguments;
    let appearance = match context::appearance(&global, &environment) {
        Ok(appearance) => appearance,
        Err(failure) => return failure.print(&environment.stderr, Screen::default(), false),
    };
    let mut context = Context::new(global, environment, connect, appearance);
    let result = match command {
        _ if context.global.version => Ok(commands::version::short_form(&context)),
        Some(command) => Box::pin(command.run(&mut context)).await,
        None => {
            let help = Arguments::command().render_help().to_string();
            context.environment.stdout.put(&help);
            Ok(0)
        }
    };
    let code = result.unwrap_or_else(|failure| context.print_failure(failure));
    let code = context.write_report(code).await;
    context.finish(code);
    code
}

/// Help goes to stdout and is no error; wrong usage goes to stderr and is one.
fn usage(error: &clap::Error, environment: &Environment) -> u8 {
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        environment.stdout.put(&text);
        0
    } else {
        environment.stderr.put(&text);
        1
    }
}

/// A reader that went away wanted no more; data that could not be written otherwise is an error.
fn written(stdout: &Writer, stderr: &Writer, code: u8) -> u8 {
    match stdout.take_failure() {
        Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let message = format!("cannot write to standard output: {error}");
            stderr.put(&crate::report::error::error(&message, &[], false));
            code.max(1)
        }
        _ => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_contradict_nothing() {
        Arguments::command().debug_assert();
    }
}
