//! The same commands with rcompose and docker compose, each on a stack of its own: after each of
//! them, exit codes and what the engine holds have to be alike, down to what was replaced.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rcompose::engine::ContainerState;

use crate::stack::{Ran, Stack};

/// Jobs end and loops turn a moment after the command has; so long may it take to be alike.
const MOMENT: Duration = Duration::from_secs(10);

/// A pair of stacks that are meant to be alike.
pub struct Both {
    ours: Seen,
    theirs: Seen,
}

/// A stack and which containers it had under each name, one after the other.
struct Seen {
    stack: Stack,
    had: BTreeMap<String, Vec<String>>,
}

/// What an engine holds of a stack.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    /// State, exit code, and the how manieth container of this name it is.
    containers: BTreeMap<String, (ContainerState, Option<i64>, usize)>,
    networks: Vec<String>,
    volumes: Vec<String>,
}

impl Both {
    /// A pair of one file; `None` where there is no engine or no docker compose.
    pub fn new(name: &str, compose: &str) -> Option<Both> {
        let ours = Stack::new(&format!("{name}-a"), compose)?;
        let theirs = Stack::new(&format!("{name}-b"), compose)?;
        theirs.docker_compose(&["version"])?;
        let seen = |stack| Seen {
            stack,
            had: BTreeMap::new(),
        };
        Some(Both {
            ours: seen(ours),
            theirs: seen(theirs),
        })
    }

    /// Sets a variable of both.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Both {
        self.ours.stack.set(name, value);
        self.theirs.stack.set(name, value);
        self
    }

    /// Writes a file of both.
    pub fn write(&self, path: &str, text: &str) -> &Both {
        self.ours.stack.write(path, text);
        self.theirs.stack.write(path, text);
        self
    }

    /// Replaces text in the file of both.
    pub fn edit(&self, from: &str, to: &str) {
        self.ours.stack.edit("compose.yaml", from, to);
        self.theirs.stack.edit("compose.yaml", from, to);
    }

    /// Does something to both, rcompose's first.
    pub fn each<T>(&self, act: impl Fn(&Stack) -> T) -> [T; 2] {
        [act(&self.ours.stack), act(&self.theirs.stack)]
    }

    /// Runs a command line with both tools and compares. Answers what rcompose said.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> Ran {
        let words: Vec<&str> = line.split_whitespace().collect();
        let our = self.ours.stack.run(&words);
        let their = self.theirs.stack.docker_compose(&words);
        let their = their.expect("docker compose was there before");
        let told = |ran: &Ran| format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(
            our.code,
            their.code,
            "{line}\nrcompose:\n{}\ndocker compose:\n{}",
            told(&our),
            told(&their)
        );
        let begin = Instant::now();
        loop {
            let (ours, theirs) = (self.ours.held(), self.theirs.held());
            if ours == theirs {
                return our;
            }
            assert!(
                begin.elapsed() < MOMENT,
                "after {line}\nrcompose: {ours:#?}\ndocker compose: {theirs:#?}\n{}",
                told(&our)
            );
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

impl Seen {
    fn held(&mut self) -> Held {
        let project = &self.stack.project;
        let short = |name: &str| name.replacen(project.as_str(), "", 1);
        let mut containers = BTreeMap::new();
        for (name, container) in self.stack.containers() {
            let had = self.had.entry(short(&name)).or_default();
            if had.last() != Some(&container.id) {
                had.push(container.id.clone());
            }
            let code = container.exit_code();
            containers.insert(short(&name), (container.state, code, had.len()));
        }
        let sorted = |names: Vec<String>| {
            let mut names: Vec<String> = names.iter().map(|name| short(name)).collect();
            names.sort();
            names
        };
        Held {
            containers,
            networks: sorted(self.stack.networks()),
            volumes: sorted(self.stack.volumes()),
        }
    }
}
