//! The model as docker compose's `config` prints it, as JSON and as YAML.
//!
//! Both are made of the rows. What differs between them is accidental, and part of what programs
//! that read the output rely on: JSON has sections that are empty and leaves others out.

use serde_yaml::Mapping;

use super::attribute::{Data, render_table};
use super::{Project, config, model, network, render, secret, service, volume};
use crate::document::{Path, Segment};
use crate::project::value::natural::natural;

impl Project {
    /// The model as plain data, as docker compose prints it as JSON: `models` are left out there,
    /// and `x-` keys below the top level; unset commands are `null`.
    pub fn to_data(&self) -> Data {
        self.as_json(self.rendered_services())
    }

    /// As [`Project::to_data`], in less memory: each service goes when it has been rendered.
    pub fn into_data(mut self) -> Data {
        let services = self.take_rendered_services();
        self.as_json(services)
    }

    fn as_json(&self, services: Option<Data>) -> Data {
        let mut data = self.canonical(services);
        if let Data::Mapping(sections) = &mut data {
            sections.shift_remove("models");
        }
        if let Some(Data::Mapping(services)) = data.get_mut("services") {
            for (_, service) in services.iter_mut() {
                service::json_form(service);
            }
        }
        for (path, value) in &self.extensions {
            if path.segments().len() == 1 {
                // Go has no list where nothing is in it.
                let empty = value.as_sequence().is_some_and(Vec::is_empty);
                let value = if empty { &Data::Null } else { value };
                insert(&mut data, path.segments(), value);
            }
        }
        data
    }

    /// The model as plain data, as docker compose prints it as YAML: without the empty sections
    /// that its JSON has.
    pub fn to_yaml_data(&self) -> Data {
        self.as_yaml(self.rendered_services())
    }

    /// As [`Project::to_yaml_data`], in less memory: each service goes when it has been rendered.
    pub fn into_yaml_data(mut self) -> Data {
        let services = self.take_rendered_services();
        self.as_yaml(services)
    }

    fn as_yaml(&self, services: Option<Data>) -> Data {
        let mut data = self.canonical(services);
        let mut extensions: Vec<_> = self.extensions.iter().collect();
        extensions.sort_by(|(one, _), (other, _)| natural(last_key(one), last_key(other)));
        for (path, value) in extensions {
            insert(&mut data, path.segments(), value);
        }
        if let Some(Data::Mapping(services)) = data.get_mut("services") {
            for (_, service) in services.iter_mut() {
                omit_empty(service);
            }
        }
        if let Some(Data::Mapping(networks)) = data.get_mut("networks") {
            for (_, network) in networks.iter_mut() {
                remove_if_empty(network, "ipam");
            }
        }
        in_natural_order(&mut data);
        data
    }

    fn rendered_services(&self) -> Option<Data> {
        render::mapping(&self.services, |service| {
            render_table(service::TABLE, service)
        })
    }

    fn take_rendered_services(&mut self) -> Option<Data> {
        let services = std::mem::take(&mut self.services);
        let rendered = services.into_iter().map(|(name, service)| {
            let rendered = render_table(service::TABLE, &service);
            (Data::from(name), rendered)
        });
        let rendered: Mapping = rendered.collect();
        (!rendered.is_empty()).then_some(Data::Mapping(rendered))
    }

    fn canonical(&self, services: Option<Data>) -> Data {
        let networks = render::mapping(&self.networks, |it| render_table(network::TABLE, it));
        let volumes = render::mapping(&self.volumes, |it| render_table(volume::TABLE, it));
        let secrets = render::mapping(&self.secrets, |it| render_table(secret::TABLE, it));
        let configs = render::mapping(&self.configs, |it| render_table(config::TABLE, it));
        let models = render::mapping(&self.models, |it| render_table(model::TABLE, it));
        let none = || render::object([]);
        render::object([
            ("name", Some(Data::from(self.name.as_str()))),
            ("services", Some(services.unwrap_or_else(none))),
            ("networks", networks),
            ("volumes", volumes),
            ("secrets", secrets),
            ("configs", configs),
            ("models", models),
        ])
    }
}

fn last_key(path: &Path) -> &str {
    match path.segments().last() {
        Some(Segment::Key(key)) => key,
        _ => "",
    }
}

/// Go's YAML printer puts the keys of mappings in the order of [`natural`]; the keys of sections
/// with keys of their own stay as the tables have them. Here, the former are those in byte order:
/// they come out of ordered maps. (A table in byte order is in natural order, too, because its
/// keys are lower-case words.)
fn in_natural_order(data: &mut Data) {
    match data {
        Data::Mapping(mapping) => {
            let keys = || mapping.keys().map(|key| key.as_str().unwrap_or_default());
            if keys().is_sorted() && !keys().is_sorted_by(|one, two| natural(one, two).is_le()) {
                let mut entries: Vec<(Data, Data)> = std::mem::take(mapping).into_iter().collect();
                entries.sort_by(|(one, _), (two, _)| {
                    let (one, two) = (one.as_str(), two.as_str());
                    natural(one.unwrap_or_default(), two.unwrap_or_default())
                });
                *mapping = entries.into_iter().collect();
            }
            for (_, value) in mapping.iter_mut() {
                in_natural_order(value);
            }
        }
        Data::Sequence(items) => items.iter_mut().for_each(in_natural_order),
        _ => {}
    }
}

/// Puts a value at a path, if what it belongs to is still there.
fn insert(data: &mut Data, path: &[Segment], value: &Data) {
    match (path, data) {
        ([Segment::Key(key)], Data::Mapping(mapping)) => {
            mapping.insert(Data::from(key.as_str()), value.clone());
        }
        ([Segment::Key(key), rest @ ..], Data::Mapping(mapping)) => {
            if let Some(below) = mapping.get_mut(key.as_str()) {
                insert(below, rest, value);
            }
        }
        ([Segment::Index(index), rest @ ..], Data::Sequence(items)) => {
            if let Some(below) = items.get_mut(*index) {
                insert(below, rest, value);
            }
        }
        _ => {}
    }
}

/// `command` and `entrypoint`, the `exec` of watch rules, and what is always there of `deploy`.
fn omit_empty(service: &mut Data) {
    if let Data::Mapping(mapping) = service {
        for key in ["command", "entrypoint"] {
            if mapping.get(key).is_some_and(Data::is_null) {
                mapping.shift_remove(key);
            }
        }
    }
    if let Some(deploy) = service.get_mut("deploy") {
        remove_if_empty(deploy, "resources");
        remove_if_empty(deploy, "placement");
    }
    let rules = service
        .get_mut("develop")
        .and_then(|it| it.get_mut("watch"));
    let Some(Data::Sequence(rules)) = rules else {
        return;
    };
    for rule in rules {
        if let Some(Data::Mapping(exec)) = rule.get_mut("exec")
            && exec.get("command").is_some_and(Data::is_null)
        {
            exec.shift_remove("command");
        }
        remove_if_empty(rule, "exec");
    }
}

fn remove_if_empty(data: &mut Data, key: &str) {
    if let Data::Mapping(mapping) = data
        && matches!(mapping.get(key), Some(Data::Mapping(inner)) if inner.is_empty())
    {
        mapping.shift_remove(key);
    }
}
