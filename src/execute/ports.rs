//! Who holds a port that a container could not have.

use crate::engine::{EngineError, Filter, Reads};

/// A sentence to add to the engine's error, when it speaks of a taken port.
pub(super) async fn explain(reads: &dyn Reads, error: &EngineError) -> Option<String> {
    let port = taken_port(&error.to_string())?;
    let containers = reads.containers(&Filter::default()).await.ok()?;
    let holder = containers
        .iter()
        .find(|container| container.ports.iter().any(|held| held.public == Some(port)));
    Some(match holder {
        Some(container) => {
            let project = container.labels.get("com.docker.compose.project");
            let project =
                project.map_or_else(String::new, |project| format!(" of project {project}"));
            format!(
                "\nport {port} is held by container {}{project}",
                container.name
            )
        }
        None => format!(
            "\nport {port} is held by a program outside the engine; this shows which: ss -ltnp 'sport = :{port}'"
        ),
    })
}

/// The port out of the engine's words: `Bind for 0.0.0.0:5000 failed: port is already allocated`,
/// `listen tcp4 0.0.0.0:5000: bind: address already in use`.
fn taken_port(message: &str) -> Option<u16> {
    if !message.contains("port is already allocated") && !message.contains("address already in use")
    {
        return None;
    }
    let end = message
        .find(" failed: port is already")
        .or_else(|| message.find(": bind: address already"))?;
    let address = message[..end].rsplit(' ').next()?;
    address.rsplit(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::taken_port;

    #[test]
    fn the_port_is_found_in_the_engines_words() {
        for message in [
            "driver failed programming external connectivity on endpoint x (abc): Bind for 0.0.0.0:5000 failed: port is already allocated",
            "driver failed: Error starting userland proxy: listen tcp4 0.0.0.0:5000: bind: address already in use",
            "failed to bind host port for 0.0.0.0:5000:172.17.0.2:80/tcp: Bind for [::]:5000 failed: port is already allocated",
        ] {
            assert_eq!(taken_port(message), Some(5000), "{message}");
        }
        assert_eq!(taken_port("no such image"), None);
    }
}
