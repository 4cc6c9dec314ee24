//! Registry credentials as docker keeps them: `DOCKER_AUTH_CONFIG`, `config.json`, and the helper
//! programs that it names.
//!
//! Which place counts, per registry (docker CLI): the variable's entry; then the registry's own
//! helper (`credHelpers`); then the helper for all (`credsStore`); then `auths` of the file, which a
//! helper for all hides. A helper that is not installed hides nothing here: most registries need no
//! credentials, so the pull is tried without, and only its failure tells of the helper.
//!
//! Secrets leave this file as a header's text only, in a type that does not print them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::engine::RegistryAuth;

/// What docker calls Docker Hub in files and towards helpers.
const HUB: &str = "https://index.docker.io/v1/";

/// Other names of the same.
const HUB_NAMES: &[&str] = &["docker.io", "index.docker.io", "registry-1.docker.io"];

/// A helper's user name when what it gives is a token.
const TOKEN: &str = "<token>";

/// Where credentials are looked for.
#[derive(Clone, Default)]
pub struct Credentials {
    file: Option<PathBuf>,
    variable: Option<String>,
    path: Option<String>,
}

/// What was found, and why there may be less than there should be.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The value of the header, if there is anything to send.
    pub(super) auth: Option<RegistryAuth>,
    /// Places that could not be read, in words.
    pub(super) problems: Vec<String>,
}

/// The part of `config.json` that is about registries.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: String,
}

/// One registry's entry, in the file or the variable.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "lowercase")]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

/// What a helper prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Both sources, read.
struct Sources {
    variable: Config,
    file: Config,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// The places that the process environment names.
    pub fn of(variables: &BTreeMap<String, String>) -> Credentials {
        let variable = |name: &str| variables.get(name).filter(|value| !value.is_empty());
        let folder = variable("DOCKER_CONFIG").map(PathBuf::from).or_else(|| {
            let home = variable("HOME").or_else(|| variable("USERPROFILE"))?;
            Some(PathBuf::from(home).join(".docker"))
        });
        Credentials {
            file: folder.map(|folder| folder.join("config.json")),
            variable: variable("DOCKER_AUTH_CONFIG").cloned(),
            path: variable("PATH").cloned(),
        }
    }

    /// What to send along with a call about one image.
    pub(super) async fn for_image(&self, reference: &str) -> Found {
        let registry = registry_of(reference);
        let mut found = Found::default();
        let sources = self.read(&mut found.problems).await;
        let entry = self.entry(&sources, &registry, &mut found.problems).await;
        found.auth = entry.map(|entry| header(&auth_config(&registry, &entry)));
        found
    }

    /// What to send along with a build, which may fetch from every registry that is known.
    pub(super) async fn for_build(&self) -> Found {
        let mut found = Found::default();
        let sources = self.read(&mut found.problems).await;
        let mut registries: BTreeSet<String> = sources.variable.auths.keys().cloned().collect();
        registries.extend(sources.file.auths.keys().cloned());
        registries.extend(sources.file.cred_helpers.keys().cloned());
        let store = &sources.file.creds_store;
        if !store.is_empty() {
            match self.ask::<BTreeMap<String, Value>>(store, "list", "").await {
                Ok(listed) => registries.extend(listed.unwrap_or_default().into_keys()),
                Err(problem) => found.problems.push(problem),
            }
        }
        let mut all = Map::new();
        for registry in registries {
            let entry = self.entry(&sources, &registry, &mut found.problems).await;
            if let Some(entry) = entry {
                all.insert(registry.clone(), auth_config(&registry, &entry));
            }
        }
        found.auth = (!all.is_empty()).then(|| header(&Value::Object(all)));
        found
    }

    async fn read(&self, problems: &mut Vec<String>) -> Sources {
        let mut read = |text: &[u8], name: &str| -> Config {
            let config = serde_json::from_slice(text);
            config.unwrap_or_else(|error: serde_json::Error| {
                // The error's own words could quote a secret.
                let (line, column) = (error.line(), error.column());
                problems.push(format!(
                    "{name} is not as docker writes it, at line {line}, column {column}"
                ));
                Config::default()
            })
        };
        let variable = self.variable.as_ref().map_or_else(Config::default, |text| {
            read(text.as_bytes(), "DOCKER_AUTH_CONFIG")
        });
        let file = match &self.file {
            None => Config::default(),
            Some(path) => match tokio::fs::read(path).await {
                Ok(text) => read(&text, &path.display().to_string()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Config::default(),
                Err(error) => {
                    problems.push(format!("cannot read {}: {error}", path.display()));
                    Config::default()
                }
            },
        };
        Sources { variable, file }
    }

    async fn entry(
        &self,
        sources: &Sources,
        registry: &str,
        problems: &mut Vec<String>,
    ) -> Option<Entry> {
        if let Some(entry) = sources.variable.stored(registry) {
            return Some(entry);
        }
        if let Some(helper) = sources.file.helper(registry) {
            match self.ask::<Answer>(helper, "get", registry).await {
                Ok(answer) => return answer.map(Entry::from),
                Err(problem) => {
                    problems.push(problem);
                    return None;
                }
            }
        }
        sources.file.stored(registry)
    }

    /// Runs a helper; `None` when it knows nothing of what it was asked.
    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        helper: &str,
        verb: &str,
        input: &str,
    ) -> Result<Option<T>, String> {
        let program = format!("docker-credential-{helper}");
        let failed = |reason: String| format!("cannot ask {program} for credentials: {reason}");
        let mut command = Command::new(&program);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command.arg(verb).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that answers without reading is none the worse for it.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = child.wait_with_output().await;
        let output = output.map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            let unknown = words.contains("credentials not found");
            return if unknown {
                Ok(None)
            } else {
                Err(failed(words))
            };
        }
        let answer = serde_json::from_slice(&output.stdout);
        answer
            .map(Some)
            .map_err(|_| failed("it did not answer in JSON".to_owned()))
    }
}

impl Config {
    fn helper(&self, registry: &str) -> Option<&str> {
        let own = self
            .cred_helpers
            .iter()
            .find(|(name, _)| same(name, registry));
        let helper = own.map_or(self.creds_store.as_str(), |(_, helper)| helper);
        (!helper.is_empty()).then_some(helper)
    }

    /// The entry under the registry's name, or under any other spelling of it.
    fn stored(&self, registry: &str) -> Option<Entry> {
        let exact = self.auths.get_key_value(registry);
        let found = exact.or_else(|| self.auths.iter().find(|(name, _)| same(name, registry)));
        found.and_then(|(_, entry)| entry.decoded())
    }
}

impl Entry {
    /// With user and password taken out of `auth`. `None` when there is nothing in it, which is
    /// what docker leaves behind where a helper has the secret.
    fn decoded(&self) -> Option<Entry> {
        let bytes = BASE64_STANDARD.decode(self.auth.trim()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let (user, password) = text.split_once(':').unwrap_or_default();
        let or = |given: &String, other: &str| {
            if given.is_empty() {
                other.trim_end_matches('\0').to_owned()
            } else {
                given.clone()
            }
        };
        let entry = Entry {
            auth: String::new(),
            username: or(&self.username, user),
            password: or(&self.password, password),
            identitytoken: self.identitytoken.clone(),
            registrytoken: self.registrytoken.clone(),
        };
        let secrets = [&entry.password, &entry.identitytoken, &entry.registrytoken];
        let any = secrets.iter().any(|secret| !secret.is_empty());
        any.then_some(entry)
    }
}

impl From<Answer> for Entry {
    fn from(answer: Answer) -> Entry {
        if answer.username == TOKEN {
            return Entry {
                identitytoken: answer.secret,
                ..Entry::default()
            };
        }
        Entry {
            username: answer.username,
            password: answer.secret,
            ..Entry::default()
        }
    }
}

/// The registry of an image name, as `config.json` calls it.
fn registry_of(reference: &str) -> String {
    let host = reference.split_once('/').map(|(first, _)| first);
    let host = host.filter(|host| host.contains(['.', ':']) || *host == "localhost");
    match host {
        Some(host) if !HUB_NAMES.contains(&host) => host.to_owned(),
        _ => HUB.to_owned(),
    }
}

/// Whether two names mean one registry: old files have a scheme and a path.
fn same(name: &str, registry: &str) -> bool {
    let host = |name: &str| {
        let name = name.split_once("://").map_or(name, |(_, rest)| rest);
        let host = name.split('/').next().unwrap_or_default();
        let hub = HUB_NAMES.contains(&host);
        if hub { "docker.io" } else { host }.to_owned()
    };
    host(name) == host(registry)
}

/// What engines take as credentials.
fn auth_config(registry: &str, entry: &Entry) -> Value {
    let mut config = Map::new();
    config.insert("serveraddress".to_owned(), json!(registry));
    let fields = [
        ("username", &entry.username),
        ("password", &entry.password),
        ("identitytoken", &entry.identitytoken),
        ("registrytoken", &entry.registrytoken),
    ];
    for (key, value) in fields {
        if !value.is_empty() {
            config.insert(key.to_owned(), json!(value));
        }
    }
    Value::Object(config)
}

fn header(value: &Value) -> RegistryAuth {
    RegistryAuth(BASE64_URL_SAFE.encode(value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(found: Found) -> Option<Value> {
        let bytes = BASE64_URL_SAFE.decode(found.auth?.0).expect("base64");
        Some(serde_json::from_slice(&bytes).expect("JSON"))
    }

    /// Credentials from a `config.json` of this text and helpers of these names and scripts.
    fn with(config: &str, helpers: &[(&str, &str)]) -> (tempfile::TempDir, Credentials) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("config.json"), config).expect("it is written");
        for (name, script) in helpers {
            let file = folder.path().join(format!("docker-credential-{name}"));
            std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("it is written");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&file, mode).expect("it is ours");
        }
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let variables = [
            ("DOCKER_CONFIG", folder.path().display().to_string()),
            ("PATH", path),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let credentials = Credentials::of(&variables.into_iter().collect());
        (folder, credentials)
    }

    const HELPER: &str = r#"read -r server; printf '{"ServerURL":"%s","Username":"ada","Secret":"%s"}' "$server" "$1 $server""#;

    #[test]
    fn an_images_registry_is_the_first_part_of_its_name_or_the_hub() {
        for (reference, registry) in [
            ("redis", HUB),
            ("library/redis:7", HUB),
            ("docker.io/library/redis", HUB),
            ("ghcr.io/a/b:1", "ghcr.io"),
            ("localhost/a", "localhost"),
            ("127.0.0.1:5000/a@sha256:0", "127.0.0.1:5000"),
        ] {
            assert_eq!(registry_of(reference), registry, "{reference}");
        }
    }

    #[tokio::test]
    async fn an_entry_of_the_file_is_found_under_every_spelling_of_the_registry() {
        let auth = BASE64_STANDARD.encode("ada:open:sesame");
        for (name, image) in [
            ("ghcr.io", "ghcr.io/a/b"),
            ("https://ghcr.io/v2/", "ghcr.io/a/b"),
            (HUB, "redis"),
            ("docker.io", "redis"),
        ] {
            let config = format!(r#"{{"auths": {{"{name}": {{"auth": "{auth}"}}}}}}"#);
            let (_folder, credentials) = with(&config, &[]);
            let sent = decoded(credentials.for_image(image).await).expect(name);
            assert_eq!(sent["username"], "ada", "{name}");
            assert_eq!(sent["password"], "open:sesame", "{name}");
        }
    }

    #[tokio::test]
    async fn a_registrys_own_helper_comes_before_the_one_for_all_and_both_before_the_file() {
        let auth = BASE64_STANDARD.encode("eve:old");
        let config = format!(
            r#"{{"auths": {{"ghcr.io": {{"auth": "{auth}"}}, "quay.io": {{"auth": "{auth}"}}}},
                "credHelpers": {{"ghcr.io": "own"}}, "credsStore": "all"}}"#
        );
        let (own, all) = (HELPER.replace("$1", "own"), HELPER.replace("$1", "all"));
        let (_folder, credentials) = with(&config, &[("own", &own), ("all", &all)]);
        let sent = decoded(credentials.for_image("ghcr.io/a").await).expect("credentials");
        assert_eq!(sent["password"], "own ghcr.io");
        let sent = decoded(credentials.for_image("quay.io/a").await).expect("credentials");
        assert_eq!(sent["password"], "all quay.io");
    }

    #[tokio::test]
    async fn a_helpers_token_is_sent_as_a_token() {
        let script = r#"printf '{"Username":"<token>","Secret":"t"}'"#;
        let config = r#"{"credsStore": "x"}"#;
        let (_folder, credentials) = with(config, &[("x", script)]);
        let sent = decoded(credentials.for_image("a.io/b").await).expect("credentials");
        assert_eq!(sent, json!({"serveraddress": "a.io", "identitytoken": "t"}));
    }

    #[tokio::test]
    async fn a_helper_that_knows_nothing_is_no_problem_and_a_missing_one_is_told() {
        let script = "echo 'credentials not found in native keychain'; exit 1";
        let config = r#"{"credsStore": "x", "credHelpers": {"b.io": "gone"}}"#;
        let (_folder, credentials) = with(config, &[("x", script)]);
        let found = credentials.for_image("a.io/b").await;
        assert!(found.auth.is_none() && found.problems.is_empty());
        let found = credentials.for_image("b.io/b").await;
        assert!(found.auth.is_none());
        assert!(found.problems[0].contains("docker-credential-gone"));
    }

    #[tokio::test]
    async fn the_variable_comes_before_the_file() {
        let (_folder, mut credentials) = with(r#"{"credsStore": "gone"}"#, &[]);
        let auth = BASE64_STANDARD.encode("ci:token");
        credentials.variable = Some(format!(r#"{{"auths": {{"a.io": {{"auth": "{auth}"}}}}}}"#));
        let sent = decoded(credentials.for_image("a.io/b").await).expect("credentials");
        assert_eq!(sent["username"], "ci");
    }

    #[tokio::test]
    async fn a_build_gets_everything_that_is_known() {
        let auth = BASE64_STANDARD.encode("ada:x");
        let config = format!(
            r#"{{"auths": {{"a.io": {{"auth": "{auth}"}}, "empty.io": {{}}}}, "credHelpers": {{"b.io": "own"}}}}"#
        );
        let (_folder, credentials) = with(&config, &[("own", HELPER)]);
        let sent = decoded(credentials.for_build().await).expect("credentials");
        let registries: Vec<&String> = sent.as_object().expect("a map").keys().collect();
        assert_eq!(registries, ["a.io", "b.io"]);
    }

    #[tokio::test]
    async fn a_broken_file_is_told_by_its_place_and_none_of_its_text() {
        let (_folder, credentials) = with(r#"{"auths": {"a.io": {"auth": hunter2}}}"#, &[]);
        let found = credentials.for_image("a.io/b").await;
        assert!(found.problems[0].contains("line 1"), "{:?}", found.problems);
        assert!(!found.problems[0].contains("hunter2"));
    }
}
