//! What a container was made from, kept with it: the service as it counted, so that a later plan
//! can say which of its attributes changed, from what to what.
//!
//! It is a label, and labels get about (see [`hash`](super::hash)). So it holds what the structure
//! of a service says, and no free text: of a command, a variable, a label or an option of a driver
//! there is a short digest only, which tells that it changed. The text itself the engine has
//! anyway, where whoever may ask for it can, and that is where a plan gets it from.
//!
//! The record explains and decides nothing: whether a container is replaced, the hashes say. One
//! without a record (made by docker compose, or by an older version) is compared with what the
//! engine reports of it.

use std::collections::BTreeMap;

use serde_yaml::Mapping;

use super::Service;
use super::attribute::Data;
use super::hash;
use crate::document::{Path, Segment};

/// One thing that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where it stands below the service: `environment.LOG_LEVEL`, `ports[0].published`. An item
    /// that is gone stands behind the last one.
    pub path: Path,
    /// What it was.
    pub old: Old,
    /// What it is to be; nothing when it is gone.
    pub new: Option<Data>,
}

/// What a container was made with.
#[derive(Debug, Clone, PartialEq)]
pub enum Old {
    /// Nothing.
    Absent,
    /// This.
    Value(Data),
    /// Something that was not kept; the engine may tell.
    Untold,
}

impl Change {
    /// `mem_limit 1024 → 2048`; the path alone of what is not to be kept.
    pub fn words(&self) -> String {
        let scalar = |data: &Data| match data {
            Data::String(text) => Some(text.clone()),
            Data::Number(number) => Some(number.to_string()),
            Data::Bool(value) => Some(value.to_string()),
            _ => None,
        };
        let old = match &self.old {
            Old::Value(old) => scalar(old),
            Old::Absent | Old::Untold => None,
        };
        let new = self.new.as_ref().and_then(scalar);
        match (old, new) {
            (Some(old), Some(new)) => format!("{} {old} → {new}", self.path),
            _ => self.path.to_string(),
        }
    }
}

/// Attributes, on any level, whose whole value is text of the user's.
const TEXTS: [&str; 3] = ["command", "entrypoint", "test"];

/// Attributes, on any level, that hold such texts by key.
const MAPS_OF_TEXTS: [&str; 5] = ["environment", "annotations", "labels", "options", "args"];

/// The record of a service, as its label has it.
pub fn write(project: &str, service: &Service) -> String {
    let sealed = record(project, service);
    // Mappings with text as keys, numbers and texts: JSON can say them all.
    serde_json::to_string(&sealed).unwrap_or_default()
}

/// What differs between a record and the service as it is now; `None` when it cannot be read.
pub fn changes(stored: &str, project: &str, service: &Service) -> Option<Vec<Change>> {
    let old: Data = serde_json::from_str(stored).ok()?;
    let new: Data = serde_json::from_str(&write(project, service)).ok()?;
    let now = hash::plain(service);
    let mut changes = Vec::new();
    compare(
        Some(&old),
        Some(&new),
        &Path::default(),
        &mut |path, old| {
            changes.push(Change {
                new: at(&now, &path).cloned(),
                path,
                old,
            });
        },
    );
    Some(changes)
}

/// Configs and secrets that hold something else than they did, by the digests of both. What a
/// container was made with is unknown of those that an older version made, and what there is now,
/// of files that cannot be read here: neither is a change.
pub fn contents(stored: &BTreeMap<String, String>, service: &Service) -> Vec<Change> {
    let now = hash::contents(service).into_iter();
    let changed = now.filter_map(|(key, new)| {
        let old = stored.get(&key).filter(|old| **old != new)?;
        let (kind, name) = key.split_once('.')?;
        let content = |digest: &str| Data::from(format!("content {digest}"));
        Some(Change {
            path: Path::default().key(kind).key(name),
            old: Old::Value(content(old)),
            new: Some(content(&new)),
        })
    });
    changed.collect()
}

fn record(project: &str, service: &Service) -> Data {
    let seal = |path: &Path, value: &Data| -> Data {
        let text = hash::go_json(value);
        let salt = [project, &service.name, &path.to_string()];
        Data::from(format!("#{}", hash::content(&salt, text.as_bytes())))
    };
    let mut sealed = Mapping::new();
    if let Data::Mapping(attributes) = hash::plain(service) {
        for (key, value) in attributes {
            if !value.is_null() {
                let path = Path::default().key(key.as_str().unwrap_or_default());
                sealed.insert(key, without_texts(value, &path, &seal));
            }
        }
    }
    Data::Mapping(sealed)
}

/// A value whose texts are digests.
fn without_texts(value: Data, path: &Path, seal: &dyn Fn(&Path, &Data) -> Data) -> Data {
    if value.is_null() {
        return value;
    }
    if is_text(path.segments()) {
        return seal(path, &value);
    }
    match value {
        Data::Mapping(mapping) => {
            let entry = |(key, value): (Data, Data)| {
                let path = path.key(key.as_str().unwrap_or_default());
                (key, without_texts(value, &path, seal))
            };
            Data::Mapping(mapping.into_iter().map(entry).collect())
        }
        Data::Sequence(items) => {
            let item = |(index, value)| without_texts(value, &path.index(index), seal);
            Data::Sequence(items.into_iter().enumerate().map(item).collect())
        }
        scalar => scalar,
    }
}

/// Whether what stands at a path is text of the user's.
fn is_text(path: &[Segment]) -> bool {
    let one_of = |words: &[&str], segment: &Segment| matches!(segment, Segment::Key(key) if words.contains(&key.as_str()));
    match path {
        [.., last] if one_of(&TEXTS, last) => true,
        [.., map, _] => one_of(&MAPS_OF_TEXTS, map),
        _ => false,
    }
}

/// Tells the smallest parts that differ. Lists of one length are compared item by item; of others,
/// the items that only one of them has are told.
fn compare(old: Option<&Data>, new: Option<&Data>, path: &Path, tell: &mut dyn FnMut(Path, Old)) {
    let text = is_text(path.segments());
    match (old, new) {
        (Some(old), Some(new)) if old == new => {}
        (Some(Data::Sequence(old)), Some(Data::Sequence(new))) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(Some(old), Some(new), &path.index(index), tell);
            }
        }
        (Some(Data::Sequence(old)), Some(Data::Sequence(new))) => {
            for gone in old.iter().filter(|item| !new.contains(item)) {
                // A path without a place in the new list, so that nothing is found there.
                tell(path.index(new.len()), Old::Value(gone.clone()));
            }
            for (index, item) in new.iter().enumerate() {
                if !old.contains(item) {
                    tell(path.index(index), Old::Absent);
                }
            }
        }
        (old, new) => match (entries(old), entries(new)) {
            (Some(before), Some(after)) if !(text || before.is_empty() && after.is_empty()) => {
                let gone = before.keys().filter(|key| !after.contains_key(*key));
                for key in after.keys().chain(gone).filter_map(Data::as_str) {
                    compare(before.get(key), after.get(key), &path.key(key), tell);
                }
            }
            _ => tell(
                path.clone(),
                match old {
                    None => Old::Absent,
                    Some(_) if text => Old::Untold,
                    Some(old) => Old::Value(old.clone()),
                },
            ),
        },
    }
}

/// The entries of a mapping, or of nothing where a mapping may stand (`networks: {front: }`).
fn entries(data: Option<&Data>) -> Option<Mapping> {
    match data {
        Some(Data::Mapping(mapping)) => Some(mapping.clone()),
        None | Some(Data::Null) => Some(Mapping::new()),
        Some(_) => None,
    }
}

fn at<'d>(data: &'d Data, path: &Path) -> Option<&'d Data> {
    let mut segments = path.segments().iter();
    segments.try_fold(data, |data, segment| match segment {
        Segment::Key(key) => data.get(key.as_str()),
        Segment::Index(index) => data.get(*index),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn service(environment: &str, command: &[&str]) -> Service {
        let variables = [("DB_PASSWORD".to_owned(), Some(environment.to_owned()))];
        Service {
            name: "web".to_owned(),
            image: Some("app".to_owned()),
            environment: BTreeMap::from(variables).into_iter().collect(),
            labels: BTreeMap::from([("note".to_owned(), "private".to_owned())]),
            command: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            ..Service::default()
        }
    }

    #[test]
    fn a_record_holds_no_text_of_the_users() {
        let record = write(
            "demo",
            &service("hunter2", &["serve", "--token", "swordfish"]),
        );
        assert!(record.contains(r#""image":"app""#), "{record}");
        for text in ["hunter2", "serve", "swordfish", "private"] {
            assert!(!record.contains(text), "{text} in {record}");
        }
    }

    #[test]
    fn equal_texts_of_different_keys_do_not_show_as_equal() {
        let service = Service {
            name: "web".to_owned(),
            labels: ["a", "b"]
                .map(|key| (key.to_owned(), "same".to_owned()))
                .into(),
            ..Service::default()
        };
        let record: Data = serde_json::from_str(&write("demo", &service)).expect("JSON");
        assert_ne!(record["labels"]["a"], record["labels"]["b"]);
    }

    #[test]
    fn a_text_that_changed_is_told_by_its_path_alone() {
        let old = write("demo", &service("one", &["serve"]));
        let changes = changes(&old, "demo", &service("two", &["serve"])).expect("a record");
        let told: Vec<(String, Old)> = changes
            .into_iter()
            .map(|it| (it.path.to_string(), it.old))
            .collect();
        assert_eq!(told, [("environment.DB_PASSWORD".to_owned(), Old::Untold)]);
    }

    #[test]
    fn what_is_no_record_tells_nothing() {
        assert_eq!(changes("no json", "demo", &Service::default()), None);
    }
}
