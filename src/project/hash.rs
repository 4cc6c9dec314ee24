//! The configuration hash: what makes a container another one.
//!
//! `com.docker.compose.config-hash` is the SHA-256 of the service in Go's JSON, keys in the order
//! of docker compose's struct (our table's order). So that it can be compared with containers that
//! other versions made, it exists in each [`Encoding`] that docker compose has used. Beside it we
//! keep a short hash per attribute, which is what lets a difference be named.
//!
//! What configs and secrets hold counts in a digest of its own ([`content`]), beside those hashes.
//! It ends up in a label, and labels get about: into monitoring, support bundles, screenshots. So
//! it is made to say little. It has 24 bits: of a secret that was drawn at random it gives nothing
//! away that would help to find it, and a change goes unseen once in sixteen million. Project,
//! kind and name go in first, so that equal secrets do not show as equal and no table that
//! was made beforehand fits. A secret that can be guessed (a PIN, a word) can be confirmed by whoever
//! has the label; a slow hash would hold that up by minutes and every `up` by moments, and a key
//! would have to lie where every machine that runs `up` finds it. Whoever can ask the engine for
//! the label can read the file itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::attribute::{Attribute, Data, Hash};
use super::service::TABLE;
use super::{Network, Service, Volume, network, volume};

/// The ways docker compose has encoded a service over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Today: `create_host_path` is written only when false.
    Current,
    /// 2.40 and before: `create_host_path` is written only when true.
    V2,
}

/// Hash of a service, lower-case hexadecimal.
pub fn service(service: &Service, encoding: Encoding) -> String {
    let mut data = counted(service);
    super::service::json_form(&mut data);
    let omitted = match encoding {
        Encoding::Current => true,
        Encoding::V2 => false,
    };
    omit_host_paths(&mut data, omitted);
    sha256(&go_json(&data))
}

/// Hash of a network.
pub fn network(project: &str, key: &str, network: &Network) -> String {
    let named = Network {
        name: Some(network.engine_name(project, key)),
        ..network.clone()
    };
    sha256(&go_json(&included(network::TABLE, &named)))
}

/// Hash of a volume.
pub fn volume(project: &str, key: &str, volume: &Volume) -> String {
    let driver = volume.driver.clone().or_else(|| Some("local".to_owned()));
    let named = Volume {
        name: Some(volume.engine_name(project, key)),
        driver,
        ..volume.clone()
    };
    sha256(&go_json(&included(volume::TABLE, &named)))
}

/// A short hash of each attribute that is set and counts.
pub fn attributes(service: &Service) -> BTreeMap<&'static str, String> {
    let data = plain(service);
    let mut hashes = BTreeMap::new();
    for row in TABLE {
        let Some(value) = data.get(row.key) else {
            continue;
        };
        if !value.is_null() {
            hashes.insert(row.key, sha256(&go_json(value))[..8].to_owned());
        }
    }
    hashes
}

/// Everything of a service that counts, as it is printed.
pub fn plain(service: &Service) -> Data {
    let mut data = counted(service);
    omit_host_paths(&mut data, true);
    data
}

/// A short digest of what a config or secret holds. The `salt` says which one it is.
pub fn content(salt: &[&str], bytes: &[u8]) -> String {
    let mut digest = Sha256::new();
    for part in salt {
        // Lengths keep the parts apart.
        digest.update(part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.update(bytes);
    hex(&digest.finalize())[..6].to_owned()
}

/// The digests of what a service's configs and secrets hold, by `secrets.NAME`.
pub fn contents(service: &Service) -> BTreeMap<String, String> {
    let configs = service.configs.iter().map(|file| ("configs", file));
    let secrets = service.secrets.iter().map(|file| ("secrets", file));
    configs
        .chain(secrets)
        .filter_map(|(kind, file)| {
            let digest = file.digest.clone()?;
            Some((format!("{kind}.{}", file.source), digest))
        })
        .collect()
}

/// What of a service counts. The number of containers is no property of one; everything else of
/// `deploy` is.
fn counted(service: &Service) -> Data {
    let mut data = included(TABLE, service);
    if let Some(Data::Mapping(deploy)) = data.get_mut("deploy") {
        deploy.shift_remove("replicas");
    }
    data
}

fn included<T>(table: &'static [Attribute<T>], value: &T) -> Data {
    let mut mapping = serde_yaml::Mapping::new();
    for row in table.iter().filter(|row| row.hash == Hash::Included) {
        if let Some(data) = (row.render)(value) {
            mapping.insert(row.key.into(), data);
        }
    }
    Data::Mapping(mapping)
}

/// Leaves `create_host_path` out where it has this value.
fn omit_host_paths(service: &mut Data, omitted: bool) {
    let Some(Data::Sequence(mounts)) = service.get_mut("volumes") else {
        return;
    };
    for mount in mounts {
        if let Some(Data::Mapping(bind)) = mount.get_mut("bind")
            && bind.get("create_host_path") == Some(&Data::Bool(omitted))
        {
            bind.shift_remove("create_host_path");
        }
    }
}

fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// JSON as Go's encoder writes it: no spaces, and `<`, `>`, `&` escaped.
pub fn go_json(data: &Data) -> String {
    let mut text = String::new();
    write_json(data, &mut text);
    text
}

fn write_json(data: &Data, text: &mut String) {
    match data {
        Data::Null => text.push_str("null"),
        Data::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Data::Number(number) => text.push_str(&number.to_string()),
        Data::String(value) => write_string(value, text),
        Data::Sequence(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_json(item, text);
            }
            text.push(']');
        }
        Data::Mapping(mapping) => {
            text.push('{');
            for (index, (key, value)) in mapping.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_string(key.as_str().unwrap_or_default(), text);
                text.push(':');
                write_json(value, text);
            }
            text.push('}');
        }
        Data::Tagged(tagged) => write_json(&tagged.value, text),
    }
}

fn write_string(value: &str, text: &mut String) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            _ => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_default_network_hashes_the_text_that_docker_compose_hashes() {
        let network = Network::default();
        let named = Network {
            name: Some("demo_default".to_owned()),
            ..network
        };
        assert_eq!(
            go_json(&included(network::TABLE, &named)),
            r#"{"name":"demo_default","ipam":{}}"#
        );
    }

    #[test]
    fn json_escapes_as_go_does() {
        assert_eq!(
            go_json(&Data::from("a<b>&\"\u{1}\n")),
            r#""a\u003cb\u003e\u0026\"\u0001\n""#
        );
    }
}
