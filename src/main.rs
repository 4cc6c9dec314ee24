//! The command: the process around it in, exit code out.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufReader, IsTerminal};
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use futures_util::StreamExt;
use jiff::tz::TimeZone;
use rcompose::api_version::ApiVersion;
use rcompose::cli::disk::Disk;
use rcompose::cli::locks::FileLocks;
use rcompose::cli::sockets::Linux;
use rcompose::cli::{self, Environment, Interrupts, Process, Terminals};
use rcompose::engine::docker::{Credentials, Docker};
use rcompose::engine::{Engine, EngineError};
use rcompose::ops::up::Host;
use rcompose::report::Stream;
use rcompose::report::ps::Clock;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (Ok(runtime), Ok(current_dir)) = (runtime, std::env::current_dir()) else {
        // Neither threads nor a folder: there is nothing to report with.
        return ExitCode::FAILURE;
    };
    let code = runtime.block_on(async {
        let terminals = Terminals {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
        };
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let variables: BTreeMap<String, String> = variables.collect();
        let environment = Environment {
            process: Some(process(&variables)),
            variables,
            current_dir,
            files: Box::new(Disk),
            stdin: Box::new(BufReader::new(io::stdin())),
            stdout: Stream::new(io::stdout()),
            stderr: Stream::new(io::stderr()),
            terminals,
            terminal_size: Box::new(terminal_size),
            clock: Clock {
                now: jiff::Timestamp::now().as_second(),
                zone: LazyLock::new(TimeZone::system),
            },
            time: Arc::new(jiff::Timestamp::now),
            interrupts: interrupts(),
            host: Host::with(Arc::new(Linux)),
        };
        cli::run(std::env::args_os(), environment, &connect).await
    });
    // What still waits (a read of standard input, a name being looked up) is not waited for.
    runtime.shutdown_background();
    ExitCode::from(code)
}

fn connect(variables: &BTreeMap<String, String>) -> Result<Arc<dyn Engine>, EngineError> {
    let variable = |name: &str| {
        variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    };
    let version = variable("DOCKER_API_VERSION").and_then(ApiVersion::parse);
    let docker = Docker::connect(variable("DOCKER_HOST"), version)?;
    Ok(Arc::new(
        docker.with_credentials(Credentials::of(variables)),
    ))
}

/// Who this run is, to those who find the project locked.
fn process(variables: &BTreeMap<String, String>) -> Process {
    let token = RandomState::new().build_hasher().finish();
    // Linux tells the name in a file; shells and Windows in a variable.
    let mut named = ["HOSTNAME", "COMPUTERNAME"].into_iter();
    let named = named.find_map(|name| variables.get(name)).cloned();
    let host = named.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let locks = FileLocks::of(variables);
    Process {
        token: format!("{token:016x}"),
        pid: std::process::id(),
        host: host.unwrap_or_default().trim().to_owned(),
        locks: locks.map(|it| Arc::new(it) as _),
    }
}

fn terminal_size() -> Option<(usize, usize)> {
    let (rows, columns) = console::Term::stderr().size_checked()?;
    Some((columns.into(), rows.into()))
}

/// Ctrl-C, and what service managers send to end a program.
fn interrupts() -> Interrupts {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        let signals = kinds.into_iter().filter_map(|kind| signal(kind).ok());
        let streams = signals.map(|signal| {
            Box::pin(futures_util::stream::unfold(signal, |mut signal| async {
                signal.recv().await.map(|()| ((), signal))
            }))
        });
        futures_util::stream::select_all(streams).boxed()
    }
    #[cfg(not(unix))]
    {
        futures_util::stream::unfold((), |()| async {
            tokio::signal::ctrl_c().await.ok().map(|()| ((), ()))
        })
        .boxed()
    }
}
