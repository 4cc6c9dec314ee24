//! Containers in motion: started, probed, signalled, ended, restarted.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bollard::models::{HealthConfig, RestartPolicyNameEnum};
use tokio::time::Instant;

use super::Shared;
use super::shell::{self, Step};
use super::state::State;
use crate::engine::wire::{ContainerState, Health};
use crate::engine::{EngineError, ExecOutcome};

/// One run of one container.
#[derive(Debug, Clone)]
struct Run {
    id: String,
    number: u64,
}

/// Starts a container, as far as its first `sleep`.
pub(super) fn start(shared: &Arc<Shared>, name: &str) -> Result<(), EngineError> {
    let begun = shared.change(|state| {
        let index = state.container_index(name)?;
        let held = &mut state.containers[index];
        if held.state == ContainerState::Paused {
            let words = "cannot start a paused container, try unpause instead".to_owned();
            return Err(EngineError::Conflict(words));
        }
        if held.is_up() || held.state == ContainerState::Restarting {
            return Ok(None);
        }
        held.restart_count = 0;
        state.begin(index).map(Some)
    })?;
    if let Some(begun) = begun {
        go(shared, begun);
    }
    Ok(())
}

fn go(shared: &Arc<Shared>, (run, steps, check): Begun) {
    if let Some(check) = check {
        spawn(probe(Arc::downgrade(shared), run.clone(), check));
    }
    advance(shared, &run, steps.into());
}

/// Stops a container. It is not waited for: what does not handle the signal is killed.
pub(super) fn stop(shared: &Arc<Shared>, name: &str) -> Result<(), EngineError> {
    shared.change(|state| {
        let index = state.container_index(name)?;
        let held = &mut state.containers[index];
        held.stopped_by_hand = true;
        if held.state == ContainerState::Restarting {
            held.state = ContainerState::Exited;
        }
        if !held.is_up() {
            return Ok(());
        }
        let signal = held.body.stop_signal.clone();
        let signal = signal_name(signal.as_deref().unwrap_or("TERM")).to_owned();
        let code = held.handled_signals.get(&signal).copied();
        state.happened(index, "kill", &[("signal", signal_number(&signal))]);
        if code.is_none() {
            state.happened(index, "kill", &[("signal", "9")]);
        }
        state.end(index, code.unwrap_or(137));
        state.happened(index, "stop", &[]);
        state.remove_if_asked(index);
        Ok(())
    })
}

/// Freezes a container: what sleeps in it goes on sleeping.
pub(super) fn pause(shared: &Arc<Shared>, name: &str) -> Result<(), EngineError> {
    shared.change(|state| {
        let index = state.container_index(name)?;
        let held = &mut state.containers[index];
        let words = match held.state {
            ContainerState::Running => {
                held.state = ContainerState::Paused;
                state.happened(index, "pause", &[]);
                return Ok(());
            }
            ContainerState::Paused => "is already paused",
            ContainerState::Restarting => "is restarting, wait until the container is running",
            _ => "is not running",
        };
        let words = format!("Container {} {words}", held.id);
        Err(EngineError::Conflict(words))
    })
}

/// Lets a frozen container go on.
pub(super) fn unpause(shared: &Arc<Shared>, name: &str) -> Result<(), EngineError> {
    shared.change(|state| {
        let index = state.container_index(name)?;
        let held = &mut state.containers[index];
        if held.state != ContainerState::Paused {
            return Err(EngineError::Refused {
                status: 500,
                message: format!("Container {} is not paused", held.id),
            });
        }
        held.state = ContainerState::Running;
        state.happened(index, "unpause", &[]);
        Ok(())
    })
}

/// Sends a signal to a container that is up.
pub(super) fn kill(shared: &Arc<Shared>, name: &str, signal: &str) -> Result<(), EngineError> {
    shared.change(|state| {
        let index = state.container_index(name)?;
        let held = &mut state.containers[index];
        if !held.is_up() {
            let words = format!(
                "Cannot kill container: {name}: Container {} is not running",
                held.id
            );
            return Err(EngineError::Conflict(words));
        }
        let signal = signal_name(signal);
        let code = match signal {
            "KILL" => Some(137),
            handled => held.handled_signals.get(handled).copied(),
        };
        held.stopped_by_hand = true;
        state.happened(index, "kill", &[("signal", signal_number(signal))]);
        if let Some(code) = code {
            state.end(index, code);
            state.remove_if_asked(index);
        }
        Ok(())
    })
}

/// Ends a container as if its command had.
pub(super) fn exit(shared: &Arc<Shared>, name: &str, code: i64) {
    let run = shared.lock().container(name).ok().map(|held| Run {
        id: held.id.clone(),
        number: held.run,
    });
    if let Some(run) = run {
        finish(shared, &run, code);
    }
}

/// Takes the steps of a run up to one that takes time.
fn advance(shared: &Arc<Shared>, run: &Run, mut steps: VecDeque<Step>) {
    while let Some(step) = steps.pop_front() {
        match step {
            Step::Print(channel, text) => shared.change(|state| {
                if let Some(index) = state.current(run) {
                    state.print(index, channel, &text);
                }
            }),
            Step::Trap(signal, code) => shared.change(|state| {
                if let Some(index) = state.current(run) {
                    state.containers[index].handled_signals.insert(signal, code);
                }
            }),
            Step::Exit(code) => return finish(shared, run, code),
            Step::Forever => return,
            Step::Sleep(duration) => {
                let (shared, run) = (Arc::downgrade(shared), run.clone());
                return spawn(async move {
                    tokio::time::sleep(duration).await;
                    unfrozen(&shared, &run).await;
                    if let Some(shared) = shared.upgrade() {
                        advance(&shared, &run, steps);
                    }
                });
            }
        }
    }
}

/// Ends when a run is not frozen (any more).
async fn unfrozen(shared: &Weak<Shared>, run: &Run) {
    let Some(mut changed) = shared.upgrade().map(|shared| shared.changed.subscribe()) else {
        return;
    };
    loop {
        let frozen = shared.upgrade().is_some_and(|shared| {
            let state = shared.lock();
            let index = state.current(run);
            index.is_some_and(|index| state.containers[index].state == ContainerState::Paused)
        });
        if !frozen || changed.changed().await.is_err() {
            return;
        }
    }
}

/// Ends a run, and begins another if the restart policy says so.
fn finish(shared: &Arc<Shared>, run: &Run, code: i64) {
    let pause = shared.change(|state| {
        let index = state.current(run)?;
        state.end(index, code);
        let held = &mut state.containers[index];
        if !held.wants_restart() {
            state.remove_if_asked(index);
            return None;
        }
        held.state = ContainerState::Restarting;
        // As Docker's: from 100 ms on it doubles, up to a minute.
        let doubled = 100_u64 << held.restart_count.clamp(0, 10);
        Some(Duration::from_millis(doubled.min(60_000)))
    });
    let Some(pause) = pause else { return };
    let (shared, run) = (Arc::downgrade(shared), run.clone());
    spawn(async move {
        tokio::time::sleep(pause).await;
        if let Some(shared) = shared.upgrade() {
            restart(&shared, &run);
        }
    });
}

fn restart(shared: &Arc<Shared>, run: &Run) {
    let begun = shared.change(|state| {
        let waits = |state: &ContainerState| *state == ContainerState::Restarting;
        let same = |held: &super::state::Held| held.id == run.id && held.run == run.number;
        let mut containers = state.containers.iter();
        let index = containers.position(|held| same(held) && waits(&held.state))?;
        state.containers[index].restart_count += 1;
        state.begin(index).ok()
    });
    if let Some(begun) = begun {
        go(shared, begun);
    }
}

/// Runs a health check at its interval for as long as the run lasts.
async fn probe(shared: Weak<Shared>, run: Run, check: HealthConfig) {
    let nanos = |value: Option<i64>| u64::try_from(value.unwrap_or_default()).unwrap_or_default();
    let or = |nanos: u64, default: Duration| match nanos {
        0 => default,
        nanos => Duration::from_nanos(nanos),
    };
    let interval = or(nanos(check.interval), Duration::from_secs(30));
    let grace = Duration::from_nanos(nanos(check.start_period));
    let grace_interval = or(nanos(check.start_interval), interval);
    let retries = check.retries.filter(|retries| *retries > 0).unwrap_or(3);
    let begun = Instant::now();
    let mut succeeded = false;
    loop {
        let in_grace = !succeeded && begun.elapsed() < grace;
        tokio::time::sleep(if in_grace { grace_interval } else { interval }).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let forgiven = begun.elapsed() < grace;
        let alive = shared.change(|state| {
            let index = state.current(&run)?;
            let outcome = state.exec(index, &test_command(&check));
            succeeded |= outcome.code == 0;
            state.probed(index, &outcome, if forgiven { i64::MAX } else { retries });
            Some(())
        });
        if alive.is_none() {
            return;
        }
    }
}

/// What a health check runs; nothing when it is switched off.
fn test_command(check: &HealthConfig) -> Vec<String> {
    match check.test.as_deref() {
        Some([kind, script]) if kind == "CMD-SHELL" => {
            vec!["sh".to_owned(), "-c".to_owned(), script.clone()]
        }
        Some([kind, command @ ..]) if kind == "CMD" => command.to_vec(),
        _ => Vec::new(),
    }
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    // Outside of a runtime (a test's preparation) nothing takes time.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(task);
    }
}

fn signal_name(signal: &str) -> &str {
    match signal.trim_start_matches("SIG") {
        "1" => "HUP",
        "2" => "INT",
        "3" => "QUIT",
        "9" => "KILL",
        "10" => "USR1",
        "12" => "USR2",
        "15" => "TERM",
        name => name,
    }
}

fn signal_number(name: &str) -> &str {
    match name {
        "HUP" => "1",
        "INT" => "2",
        "QUIT" => "3",
        "KILL" => "9",
        "USR1" => "10",
        "USR2" => "12",
        "TERM" => "15",
        other => other,
    }
}

/// What is needed to set a run going.
type Begun = (Run, Vec<Step>, Option<HealthConfig>);

impl super::state::Held {
    fn wants_restart(&self) -> bool {
        let policy = self.body.host_config.as_ref();
        let Some(policy) = policy.and_then(|host| host.restart_policy.as_ref()) else {
            return false;
        };
        let most = policy.maximum_retry_count.filter(|most| *most > 0);
        match policy.name {
            _ if self.stopped_by_hand => false,
            Some(RestartPolicyNameEnum::ALWAYS | RestartPolicyNameEnum::UNLESS_STOPPED) => true,
            Some(RestartPolicyNameEnum::ON_FAILURE) => {
                self.exit_code != 0 && most.is_none_or(|most| self.restart_count < most)
            }
            _ => false,
        }
    }
}

impl State {
    /// The container of a run that has not ended.
    fn current(&self, run: &Run) -> Option<usize> {
        let of = |held: &super::state::Held| held.id == run.id && held.run == run.number;
        self.containers
            .iter()
            .position(|held| of(held) && held.is_up())
    }

    /// Brings a container up.
    fn begin(&mut self, index: usize) -> Result<Begun, EngineError> {
        self.join_networks(index)?;
        self.publish_ports(index)?;
        let now = self.tick();
        let script = self.scripts.get(&self.containers[index].name);
        let steps = match script {
            Some(script) => shell::script_steps(script),
            None => shell::steps(&shell::command(&self.containers[index].body)),
        };
        let held = &mut self.containers[index];
        held.run += 1;
        held.state = ContainerState::Running;
        held.started_nano = Some(now);
        held.exit_code = 0;
        held.stopped_by_hand = false;
        held.health_by_hand = false;
        held.failing_probes = 0;
        held.handled_signals.clear();
        let check = held.body.healthcheck.clone();
        let check = check.filter(|check| !test_command(check).is_empty());
        held.health = check.as_ref().map(|_| Health::Starting);
        let run = Run {
            id: held.id.clone(),
            number: held.run,
        };
        self.happened(index, "start", &[]);
        Ok((run, steps, check))
    }

    /// Takes a container down.
    pub(super) fn end(&mut self, index: usize, code: i64) {
        let now = self.tick();
        let held = &mut self.containers[index];
        held.state = ContainerState::Exited;
        held.exit_code = code;
        held.finished_nano = Some(now);
        held.ended_runs += 1;
        held.run_ends.push(held.log.len());
        held.ports.clear();
        for endpoint in held.endpoints.values_mut() {
            endpoint.ip_address.clear();
        }
        self.happened(index, "die", &[("exitCode", &code.to_string())]);
    }

    fn remove_if_asked(&mut self, index: usize) {
        let host = self.containers[index].body.host_config.as_ref();
        if host.and_then(|host| host.auto_remove) == Some(true) {
            self.remove_container(index, true);
        }
    }

    /// Runs a command inside a container.
    pub(super) fn exec(&self, index: usize, command: &[String]) -> ExecOutcome {
        let held = &self.containers[index];
        let answer = self.exec_answers.get(&held.name).cloned();
        let read = || match command {
            [cat, path] if cat == "cat" => held.files.get(path),
            _ => None,
        };
        let read = || {
            read().map(|file| ExecOutcome {
                code: 0,
                output: file.bytes.clone().into(),
            })
        };
        let answer = answer.or_else(read);
        answer.unwrap_or_else(|| shell::outcome(command))
    }

    fn probed(&mut self, index: usize, outcome: &ExecOutcome, retries: i64) {
        let held = &mut self.containers[index];
        if held.health_by_hand {
            return;
        }
        held.health_output = String::from_utf8_lossy(&outcome.output).into_owned();
        if outcome.code == 0 {
            held.failing_probes = 0;
            self.set_health(index, Health::Healthy);
        } else {
            held.failing_probes += 1;
            if held.failing_probes >= retries {
                self.set_health(index, Health::Unhealthy);
            }
        }
    }

    pub(super) fn set_health(&mut self, index: usize, health: Health) {
        let held = &mut self.containers[index];
        if held.health != Some(health) {
            held.health = Some(health);
            self.happened(index, &format!("health_status: {}", health.as_str()), &[]);
        }
    }
}
