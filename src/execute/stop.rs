//! Stops that take their whole grace period, explained: a first process (PID 1) is not ended by a
//! signal that it does not handle, and so waits for being killed.
//!
//! A stop that is quick costs nothing more. Of one that is not, the container is looked at while it
//! is still waited for, and once more when it has ended.

use std::time::Duration;

use serde_json::Value;

use super::Reporter;
use crate::engine::{Engine, EngineError};

/// What ends sooner needs no explanation.
const QUICK: Duration = Duration::from_millis(1500);
/// The engine's own grace period, in seconds.
const DEFAULT_GRACE: u64 = 10;
/// The exit code of what was killed.
const KILLED: i64 = 137;

/// Stops a container, and warns when only its end by force ended it.
pub(super) async fn stop(
    engine: &dyn Engine,
    name: &str,
    timeout: Option<i32>,
    reporter: &Reporter,
) -> Result<(), EngineError> {
    let stopping = engine.stop_container(name, timeout);
    tokio::pin!(stopping);
    if let Ok(stopped) = tokio::time::timeout(QUICK, &mut stopping).await {
        return stopped;
    }
    let before = engine.container(name).await.ok().flatten();
    let settings = before.map(|detail| detail.raw).unwrap_or_default();
    let grace = grace(&settings, timeout);
    let rest = grace.and_then(|grace| grace.checked_sub(QUICK + QUICK / 5));
    let Some(rest) = rest else {
        return stopping.await;
    };
    if let Ok(stopped) = tokio::time::timeout(rest, &mut stopping).await {
        return stopped;
    }
    stopping.await?;
    let after = engine.container(name).await.ok().flatten();
    if after.is_some_and(|detail| detail.exit_code == KILLED) {
        let seconds = grace.unwrap_or_default().as_secs();
        reporter.warning(explanation(name, &settings, seconds));
    }
    Ok(())
}

/// How long it has before it is killed; `None` when it has for ever.
fn grace(settings: &Value, timeout: Option<i32>) -> Option<Duration> {
    let own = settings["Config"]["StopTimeout"].as_i64();
    let seconds = timeout.map(i64::from).or(own);
    let seconds = match seconds {
        Some(seconds) => u64::try_from(seconds).ok()?,
        None => DEFAULT_GRACE,
    };
    Some(Duration::from_secs(seconds))
}

fn explanation(name: &str, settings: &Value, seconds: u64) -> String {
    let signal = settings["Config"]["StopSignal"].as_str();
    let signal = signal.filter(|it| !it.is_empty()).unwrap_or("SIGTERM");
    let head = format!("container {name} did not end on {signal} and was killed after {seconds} s");
    let command = command(settings);
    if settings["HostConfig"]["Init"].as_bool() == Some(true) {
        return format!(
            "{head}: `{command}` ignores that signal, or needs longer (`stop_grace_period`); `stop_signal` sends it another one"
        );
    }
    let shell = ["sh", "/bin/sh", "bash", "/bin/bash"];
    let first = command.split(' ').next().unwrap_or_default();
    let exec = if shell.contains(&first) {
        "; a shell passes no signals on: begin its last command with `exec`"
    } else {
        ""
    };
    format!(
        "{head}: as its first process (PID 1), `{command}` is ended by no signal that it does not handle; `init: true` puts a process before it that passes signals on{exec}"
    )
}

/// Entrypoint and command, cut to what fits a message.
fn command(settings: &Value) -> String {
    const LONGEST: usize = 60;
    let config = &settings["Config"];
    let words = [&config["Entrypoint"], &config["Cmd"]];
    let words = words.into_iter().filter_map(Value::as_array).flatten();
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    let line = words.join(" ").replace('\n', " ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let cut: String = line.chars().take(LONGEST).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_grace_period_is_the_flags_or_the_containers_or_the_engines() {
        let own = json!({"Config": {"StopTimeout": 3}});
        let seconds = |settings: &Value, timeout| grace(settings, timeout).map(|it| it.as_secs());
        assert_eq!(seconds(&own, None), Some(3));
        assert_eq!(seconds(&own, Some(7)), Some(7));
        assert_eq!(seconds(&json!({}), None), Some(10));
        assert_eq!(seconds(&own, Some(-1)), None);
    }

    #[test]
    fn advice_fits_what_runs() {
        let plain = json!({"Config": {"Cmd": ["sleep", "600"]}});
        let text = explanation("demo-web-1", &plain, 10);
        assert!(text.contains("`sleep 600`") && text.contains("`init: true`"));
        assert!(!text.contains("exec"));
        let shell = json!({"Config": {"Cmd": ["sh", "-c", "run"], "StopSignal": "SIGINT"}});
        let text = explanation("demo-web-1", &shell, 10);
        assert!(text.contains("on SIGINT") && text.contains("`exec`"));
        let init = json!({"Config": {"Cmd": ["app"]}, "HostConfig": {"Init": true}});
        assert!(explanation("demo-web-1", &init, 10).contains("ignores"));
    }
}
