//! `devices` and `gpus`: what of the host's hardware a container may use.
//!
//! A device is a path (`/dev/x`), or a name of the Container Device Interface (`vendor/class=name`)
//! that the engine resolves. `gpus`, and `deploy.resources.reservations.devices`, ask for devices
//! by what they can do.

use std::collections::BTreeMap;

use bollard::models::{DeviceMapping, DeviceRequest as EngineRequest};

use crate::document::merge::Rule;
use crate::document::{Diagnostic, Entry, Mapping, Node, ScalarKind, Value};
use crate::project::attribute::{Attribute, Data, Hash, Lower, merge, read_table, render_table};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};

/// One device of the host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// Path on the host.
    pub source: String,
    /// Path in the container.
    pub target: Option<String>,
    /// `r`, `w`, `m`.
    pub permissions: Option<String>,
}

/// A demand for devices by what they can do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceRequest {
    /// `gpu`, `compute`, …; all of them are needed.
    pub capabilities: Vec<String>,
    /// `nvidia`, …
    pub driver: Option<String>,
    /// How many; -1 for all.
    pub count: Option<i64>,
    /// Which ones, instead of how many.
    pub device_ids: Vec<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}

/// The row of `devices`.
pub const ROW: Attribute<Service> = Attribute {
    key: "devices",
    about: "Devices of the host: `source[:target[:permissions]]`, or a CDI name.",
    example: "['/dev/ttyUSB0:/dev/tty0:rw']",
    shape: Shape::List(&Shape::OneOf(&[Shape::String, DEVICE_SHAPE])),
    parse: |node, service, reader| service.devices = reader.items(node, parse_device),
    merge: |rest| {
        if rest.is_empty() {
            Rule::Unique(merge_key)
        } else {
            Rule::Default
        }
    },
    render: |service| render::items(&service.devices, |device| render_table(DEVICE, device)),
    hash: Hash::Included,
    lower: Lower::Request(lower_devices),
};

/// The row of `gpus`.
pub const GPUS: Attribute<Service> = Attribute {
    key: "gpus",
    about: "Graphics processors: `all`, or what they must be able to do.",
    example: "all",
    shape: Shape::OneOf(&[Shape::Words(&["all"]), Shape::List(&REQUEST_SHAPE)]),
    parse: |node, service, reader| service.gpus = parse_gpus(node, reader),
    merge: |rest| {
        if rest.is_empty() {
            Rule::Custom(join_gpus)
        } else {
            Rule::Default
        }
    },
    render: |service| render_requests(&service.gpus),
    hash: Hash::Included,
    lower: Lower::Request(lower_gpus),
};

const DEVICE_SHAPE: Shape = Shape::requiring(&["source"], "device", || keys(DEVICE));
const REQUEST_SHAPE: Shape = Shape::object("device_request", || keys(REQUEST));

/// The keys of an entry of `devices`.
pub const DEVICE: &[Attribute<Device>] = &[
    Attribute {
        key: "source",
        about: "Path on the host.",
        example: "/dev/ttyUSB0",
        shape: Shape::String,
        parse: |node, device, reader| device.source = reader.string(node).unwrap_or_default(),
        merge: merge::default,
        render: |device| render::text(Some(&device.source)),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/devices.rs"),
    },
    Attribute {
        key: "target",
        about: "Path in the container.",
        example: "/dev/tty0",
        shape: Shape::String,
        parse: |node, device, reader| device.target = reader.string(node),
        merge: merge::default,
        render: |device| render::text(device.target.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/devices.rs"),
    },
    Attribute {
        key: "permissions",
        about: "Any of `r`, `w` and `m` (make): default `rwm`.",
        example: "rw",
        shape: Shape::String,
        parse: |node, device, reader| device.permissions = reader.string(node),
        merge: merge::default,
        render: |device| render::text(device.permissions.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/devices.rs"),
    },
];

/// The keys of a demand for devices.
pub const REQUEST: &[Attribute<DeviceRequest>] = &[
    Attribute {
        key: "capabilities",
        about: "What the devices must be able to do; all of it.",
        example: "[gpu]",
        shape: Shape::STRINGS,
        parse: |node, request, reader| {
            reader.distinct(node);
            request.capabilities = reader.strings(node);
        },
        merge: merge::default,
        render: |request| render::list(&request.capabilities),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/devices.rs"),
    },
    Attribute {
        key: "driver",
        about: "Driver of the devices.",
        example: "nvidia",
        shape: Shape::String,
        parse: |node, request, reader| request.driver = reader.string(node),
        merge: merge::default,
        render: |request| render::text(request.driver.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/devices.rs"),
    },
    Attribute {
        key: "count",
        about: "How many: a number, or `all` (default).",
        example: "2",
        shape: Shape::Integer,
        parse: |node, request, reader| request.count = read_count(node, reader),
        merge: merge::default,
        render: |request| request.count.and_then(render::number),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/devices.rs"),
    },
    Attribute {
        key: "device_ids",
        about: "Which ones, instead of `count`.",
        example: "['0', '3']",
        shape: Shape::STRINGS,
        parse: |node, request, reader| {
            reader.distinct(node);
            request.device_ids = reader.strings(node);
        },
        merge: merge::default,
        render: |request| render::list(&request.device_ids),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/devices.rs"),
    },
    Attribute {
        key: "options",
        about: "Options of the driver.",
        example: "{virtualization: 'false'}",
        shape: Shape::KEY_VALUES,
        parse: |node, request, reader| {
            reader.distinct(node);
            request.options = reader.labels(node);
        },
        merge: merge::key_value,
        render: |request| render::strings(&request.options),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/devices.rs"),
    },
];

/// Two entries with one path in the container are one device; the later wins.
fn merge_key(node: &Node) -> Option<String> {
    if let Value::Mapping(_) = node.value {
        let target = node.get("target").or_else(|| node.get("source"));
        return target.and_then(Node::as_str).map(str::to_owned);
    }
    let mut parts = node.as_str()?.split(':');
    let source = parts.next()?;
    Some(parts.next().unwrap_or(source).to_owned())
}

fn parse_device(node: &Node, reader: &mut Reader<'_>) -> Option<Device> {
    if node.as_mapping().is_some() {
        let mut device = Device::default();
        read_table(node, DEVICE, &mut device, reader);
        for (key, missing) in [
            ("source", device.source.is_empty()),
            ("target", device.target.is_none()),
        ] {
            if missing {
                reader.missing(node, key, "this device");
            }
        }
        return Some(device);
    }
    let text = reader.string(node)?;
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts[..] {
        [source] => (source, source, "rwm"),
        [source, target] => (source, target, "rwm"),
        [source, target, permissions] => (source, target, permissions),
        _ => {
            let reason = format!("{text:?} has too many colons");
            reader.invalid(node, reason, "`source:target:permissions` is the most");
            return None;
        }
    };
    Some(Device {
        source: source.to_owned(),
        target: Some(target.to_owned()),
        permissions: Some(permissions.to_owned()),
    })
}

fn parse_gpus(node: &Node, reader: &mut Reader<'_>) -> Vec<DeviceRequest> {
    match node.as_str() {
        Some("all") => vec![DeviceRequest {
            count: Some(-1),
            ..DeviceRequest::default()
        }],
        Some(_) => {
            reader.expected(node, "`all` or a list");
            Vec::new()
        }
        None => reader.each(node, |node, reader| {
            parse_request(&without_foreign_keys(node, reader), reader)
        }),
    }
}

/// docker compose reads entries of `gpus` without looking for keys that they do not have.
fn without_foreign_keys(node: &Node, reader: &mut Reader<'_>) -> Node {
    let mut known = node.clone();
    if let Value::Mapping(mapping) = &mut known.value {
        mapping.retain(|key, entry| {
            let is_known = REQUEST.iter().any(|row| row.key == key);
            if !is_known && !key.starts_with("x-") {
                reader.meaningless(key, entry);
            }
            is_known
        });
    }
    known
}

/// `all` beside a list is an entry of it; said twice, it is said once.
fn join_gpus(base: Node, over: Node) -> Result<Node, Vec<Diagnostic>> {
    if over.as_scalar().is_some() {
        if base.as_scalar().is_some() {
            return Ok(over);
        }
        let error = Diagnostic::error("`gpus` is a list already, and a word cannot be added to it");
        let error = error.code("merge-conflict").at(over.span, "this word");
        return Err(vec![error.at(base.span, "the list")]);
    }
    let span = over.span;
    let mut items = Vec::new();
    for node in [base, over] {
        match node.value {
            Value::Sequence(more) => items.extend(more),
            Value::Scalar(_) if node.as_str() == Some("all") => {
                let entry = Entry {
                    key_span: node.span,
                    value: node.clone(),
                };
                let mapping = Mapping::from_iter([("count".to_owned(), entry)]);
                items.push(Node::mapping(node.span, mapping));
            }
            // Refused when it is read.
            _ => return Ok(node),
        }
    }
    Ok(Node::sequence(span, items))
}

/// A demand for devices; without a number and without names it means all that there are.
pub fn parse_request(node: &Node, reader: &mut Reader<'_>) -> DeviceRequest {
    let mut request = DeviceRequest::default();
    read_table(node, REQUEST, &mut request, reader);
    let named = !request.device_ids.is_empty();
    match request.count {
        Some(_) if named => {
            reader.exclusive(node, "count", "device_ids");
        }
        None if node.get("device_ids").is_none() => request.count = Some(-1),
        _ => {}
    }
    request
}

fn read_count(node: &Node, reader: &mut Reader<'_>) -> Option<i64> {
    let scalar = node.as_scalar();
    let text = scalar.filter(|scalar| scalar.kind == ScalarKind::String);
    match text.map(|scalar| scalar.text.as_str()) {
        Some("all") => Some(-1),
        Some(text) if text.trim().parse::<i64>().is_err() => {
            reader.expected(node, "a number or `all`");
            None
        }
        None if matches!(scalar.map(|it| it.kind), Some(ScalarKind::Float(_))) => {
            reader.expected(node, "a whole number or `all`");
            None
        }
        _ => reader.integer(node),
    }
}

/// Demands as they are printed.
pub fn render_requests(requests: &[DeviceRequest]) -> Option<Data> {
    render::items(requests, |request| render_table(REQUEST, request))
}

fn lower_devices(service: &Service, request: &mut Request<'_>) {
    for device in &service.devices {
        let target = device.target.as_deref().unwrap_or(&device.source);
        if device.source == target && is_cdi_name(target) {
            demand(
                request,
                EngineRequest {
                    driver: Some("cdi".to_owned()),
                    device_ids: Some(vec![target.to_owned()]),
                    ..EngineRequest::default()
                },
            );
            continue;
        }
        let mapping = DeviceMapping {
            path_on_host: Some(device.source.clone()),
            path_in_container: Some(target.to_owned()),
            cgroup_permissions: device.permissions.clone(),
        };
        request.host.devices.get_or_insert_default().push(mapping);
    }
}

fn lower_gpus(service: &Service, request: &mut Request<'_>) {
    for gpus in &service.gpus {
        let mut gpus = gpus.clone();
        gpus.capabilities.push("gpu".to_owned());
        lower_request(&gpus, request);
    }
}

/// Writes a demand.
pub fn lower_request(wanted: &DeviceRequest, request: &mut Request<'_>) {
    let options = wanted.options.clone();
    demand(
        request,
        EngineRequest {
            driver: wanted.driver.clone(),
            count: wanted.count,
            device_ids: (!wanted.device_ids.is_empty()).then(|| wanted.device_ids.clone()),
            capabilities: Some(vec![wanted.capabilities.clone()]),
            options: (!options.is_empty()).then(|| options.into_iter().collect()),
        },
    );
}

fn demand(request: &mut Request<'_>, wanted: EngineRequest) {
    let demands = request.host.device_requests.get_or_insert_default();
    demands.push(wanted);
}

/// `vendor.example/class=name`, as the Container Device Interface spells its devices.
fn is_cdi_name(text: &str) -> bool {
    let Some((kind, name)) = text.split_once('=') else {
        return false;
    };
    let Some((vendor, class)) = kind.split_once('/') else {
        return false;
    };
    let letter_first = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic());
    let made_of = |part: &str, more: &str| {
        part.chars()
            .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    letter_first(vendor)
        && made_of(vendor, "_-.")
        && letter_first(class)
        && made_of(class, "_-")
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && made_of(name, "_-.:")
}

#[cfg(test)]
mod tests {
    use super::is_cdi_name;

    #[test]
    fn device_names_of_vendors_are_no_paths() {
        for (text, expected) in [
            ("vendor1.com/device=gpu0", true),
            ("nvidia.com/gpu=all", true),
            ("/dev/sda", false),
            ("vendor/class", false),
            ("/vendor/class=x", false),
            ("vendor/class=", false),
        ] {
            assert_eq!(is_cdi_name(text), expected, "{text}");
        }
    }
}
