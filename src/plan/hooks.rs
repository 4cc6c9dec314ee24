//! Commands of a service that run inside its containers: after a start, and before a stop.
//!
//! Each is a step of its own. What depends on a service waits for its `post_start`, as with docker
//! compose. `pre_stop` comes before every stop of a container whose service is known, also where
//! docker compose leaves it out: before a container is replaced, restarted along with another one,
//! or removed because there are too many. There it may fail, with a warning: the container that is
//! replaced is of an older configuration than the hook, which may not even be in its image, and it
//! has to go all the same. Where the user asks for the stop itself, a failing hook keeps the
//! container running, as with docker compose.

use super::Operation;
use crate::project::Service;
use crate::project::service::hooks::Hook;

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Right after the container's start.
    AfterStart,
    /// Right before its stop.
    BeforeStop,
}

impl Moment {
    /// The key in the files.
    pub fn word(self) -> &'static str {
        match self {
            Moment::AfterStart => "post_start",
            Moment::BeforeStop => "pre_stop",
        }
    }
}

/// A command to run inside a running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunHook {
    /// Name of the container.
    pub container: String,
    /// When it runs.
    pub moment: Moment,
    /// Its number among the hooks of that moment, from 1.
    pub number: usize,
    /// How many there are.
    pub count: usize,
    /// The command.
    pub command: Vec<String>,
    /// As whom; the container's own user when absent.
    pub user: Option<String>,
    /// With (almost) everything that the host can do.
    pub privileged: bool,
    /// Folder that it starts in.
    pub working_dir: Option<String>,
    /// Variables, `KEY=value`.
    pub environment: Vec<String>,
    /// Its failure is a failure; otherwise a warning.
    pub required: bool,
}

impl RunHook {
    /// `post_start`, with its number where there are several. What it runs is not told: commands
    /// hold passwords more often than they should.
    pub fn title(&self) -> String {
        match self.count {
            1 => self.moment.word().to_owned(),
            count => format!("{} {} of {count}", self.moment.word(), self.number),
        }
    }
}

/// The steps of a service's hooks in one container, one after the other.
pub(super) fn after_start(service: &Service, container: &str) -> Vec<Operation> {
    let hooks = &service.post_start;
    operations(hooks, Moment::AfterStart, container, true)
}

/// The same before a stop.
pub(super) fn before_stop(hooks: &[Hook], container: &str, required: bool) -> Vec<Operation> {
    operations(hooks, Moment::BeforeStop, container, required)
}

fn operations(hooks: &[Hook], moment: Moment, container: &str, required: bool) -> Vec<Operation> {
    let operation = |(index, hook): (usize, &Hook)| {
        Operation::RunHook(Box::new(RunHook {
            container: container.to_owned(),
            moment,
            number: index + 1,
            count: hooks.len(),
            command: hook.command.clone().unwrap_or_default(),
            user: hook.user.clone(),
            privileged: hook.privileged,
            working_dir: hook.working_dir.clone(),
            environment: environment(hook),
            required,
        }))
    };
    hooks.iter().enumerate().map(operation).collect()
}

/// The variables that a hook sets.
pub(super) fn environment(hook: &Hook) -> Vec<String> {
    let set = hook.environment.iter();
    set.filter_map(|(key, value)| Some(format!("{key}={}", value.as_ref()?)))
        .collect()
}
