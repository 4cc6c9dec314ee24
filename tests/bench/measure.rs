//! Whole processes, measured: wall time in alternating runs, and peak memory.
//!
//! The two programs that are compared take turns, so that whatever else the machine is doing meets
//! both alike; what is printed are medians and their ratio. Knows nothing about what it runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The first argument that makes this program measure one command and print its peak memory.
const PEAK: &str = "--peak-of";

/// A command line, and where it is run.
#[derive(Clone)]
pub(crate) struct Program {
    /// The file that is executed.
    pub(crate) file: PathBuf,
    /// What follows it.
    pub(crate) arguments: Vec<String>,
    /// The folder it starts in.
    pub(crate) folder: PathBuf,
}

impl Program {
    /// `file` with `arguments`, run in `folder`.
    pub(crate) fn new(file: &Path, arguments: &[&str], folder: &Path) -> Self {
        Self {
            file: file.to_owned(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            folder: folder.to_owned(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.file);
        command.args(&self.arguments);
        self.quietly(command)
    }

    fn quietly(&self, mut command: Command) -> Command {
        command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs it once, and says how long it took from start to end.
    ///
    /// # Panics
    /// When it cannot be started or fails: a time of a failure is no figure.
    pub(crate) fn time(&self) -> Duration {
        let start = Instant::now();
        let status = self.command().status().expect("the program starts");
        let taken = start.elapsed();
        assert!(status.success(), "{:?} failed: {status}", self.arguments);
        taken
    }

    /// The most memory that it held, in KiB (the kernel's `ru_maxrss`).
    ///
    /// The kernel keeps one maximum for all children of a process, so a process of its own is put
    /// between: this program again, with [`PEAK`].
    pub(crate) fn peak(&self) -> u64 {
        let this = std::env::current_exe().expect("this program has a path");
        let mut between = self.quietly(Command::new(this));
        between.arg(PEAK).arg(&self.file).args(&self.arguments);
        let output = between
            .stdout(Stdio::piped())
            .output()
            .expect("this program runs itself");
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .expect("a number of KiB")
    }
}

/// Does what [`Program::peak`] asks of the process between, if that is what this process is.
///
/// Returns whether it was.
pub(crate) fn is_the_process_between(arguments: &[String]) -> bool {
    let [first, file, rest @ ..] = arguments else {
        return false;
    };
    if first != PEAK {
        return false;
    }
    let status = Command::new(file)
        .args(rest)
        .stdout(Stdio::null())
        .status()
        .expect("the program starts");
    assert!(status.success(), "{file} failed: {status}");
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)
        .expect("the kernel tells");
    println!("{}", usage.max_rss());
    true
}

/// Medians of two programs that took turns.
pub(crate) struct Pair {
    /// Of the first.
    pub(crate) ours: Duration,
    /// Of the second.
    pub(crate) theirs: Duration,
}

impl Pair {
    /// How many times longer the second took.
    pub(crate) fn ratio(&self) -> f64 {
        self.theirs.as_secs_f64() / self.ours.as_secs_f64()
    }
}

/// Runs both `rounds` times in turn, after one of each that does not count.
pub(crate) fn in_turn(
    rounds: usize,
    mut ours: impl FnMut() -> Duration,
    mut theirs: impl FnMut() -> Duration,
) -> Pair {
    ours();
    theirs();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        first.push(ours());
        second.push(theirs());
    }
    Pair {
        ours: median(first),
        theirs: median(second),
    }
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Milliseconds, with a decimal.
pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
