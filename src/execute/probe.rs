//! Asking a container's own health test whether it is ready, sooner than the engine does.
//!
//! While something is blocked by a health check, waiting for the engine's next probe can cost its
//! whole interval (30 s when nobody says otherwise). So the same command is run through `exec`
//! meanwhile, often at first and then more rarely. It can only say "ready" earlier: that a
//! container is unhealthy is for the engine alone to say.

use std::time::Duration;

use serde_json::Value;

use crate::engine::{ContainerDetail, Engine, Exec};

/// Whether containers' tests are run while something waits for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Probe {
    /// They are, beside the engine's own.
    #[default]
    Own,
    /// Only the engine's word counts (`--probe=engine`).
    Engine,
}

/// Pause before the first probe.
const FIRST: Duration = Duration::from_millis(100);
/// Each pause is longer than the one before, up to this.
const LONGEST: Duration = Duration::from_secs(1);
/// What a probe may take when the check itself sets no limit: the engine's default.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Ends when the container's health test succeeds, and never otherwise.
pub(super) async fn passes(engine: &dyn Engine, container: &ContainerDetail) {
    let check = &container.raw["Config"]["Healthcheck"];
    let Some(command) = command(check) else {
        return std::future::pending().await;
    };
    let limit = check["Timeout"].as_u64().filter(|nanos| *nanos > 0);
    let limit = limit.map_or(TIMEOUT, Duration::from_nanos);
    let exec = Exec::of(&command);
    let mut pause = FIRST;
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST);
        // A container that does not run just now fails the call; it may be back the next time.
        let probed = tokio::time::timeout(limit, engine.exec(&container.name, &exec)).await;
        if let Ok(Ok(outcome)) = probed
            && outcome.code == 0
        {
            return;
        }
    }
}

/// The test as a command: the service's, or the one that its image brings.
fn command(check: &Value) -> Option<Vec<String>> {
    let test = check["Test"].as_array()?;
    let words = || {
        test[1..]
            .iter()
            .map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    match test.first()?.as_str()? {
        "CMD" => words(),
        "CMD-SHELL" => {
            let shell: Vec<String> = words()?;
            Some(vec![
                "/bin/sh".to_owned(),
                "-c".to_owned(),
                shell.first()?.clone(),
            ])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_test_becomes_a_command_in_each_of_its_forms() {
        for (test, words) in [
            (
                json!(["CMD", "redis-cli", "ping"]),
                Some(vec!["redis-cli", "ping"]),
            ),
            (
                json!(["CMD-SHELL", "curl -f x"]),
                Some(vec!["/bin/sh", "-c", "curl -f x"]),
            ),
            (json!(["NONE"]), None),
            (json!([]), None),
            (Value::Null, None),
        ] {
            let words = words.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(command(&json!({ "Test": test })), words, "{test}");
        }
    }
}
