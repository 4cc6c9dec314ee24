//! `ports`: what is published, in the short form (`[[ip:]host:]container[/protocol]`, with
//! ranges) and the long one.

use std::net::IpAddr;

use bollard::models::PortBinding;
use indexmap::IndexMap;

use crate::document::merge::Rule;
use crate::document::{Node, Segment, Value};
use crate::project::attribute::{Attribute, Data, Hash, Lower, read_table};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};

/// One published port (or, with a range in `published`, one port with several to choose from).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Port {
    /// For people.
    pub name: Option<String>,
    /// `ingress` or `host`; without effect on a single engine.
    pub mode: String,
    /// Address on the host.
    pub host_ip: Option<String>,
    /// Port inside.
    pub target: u16,
    /// Port or range on the host; `None` lets the engine choose.
    pub published: Option<String>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// For people.
    pub app_protocol: Option<String>,
}

/// The row of `ports`.
pub const ROW: Attribute<Service> = Attribute {
    key: "ports",
    about: "Ports of the container that are published on the host.",
    example: r#"["127.0.0.1:8080:80"]"#,
    shape: Shape::List(&Shape::OneOf(&[
        Shape::Number,
        Shape::object("port", || keys(LONG)),
    ])),
    parse: |node, service, reader| service.ports = parse(node, reader),
    merge: |rest| {
        if rest.is_empty() {
            Rule::Unique(merge_key)
        } else {
            Rule::Default
        }
    },
    render: |service| render::items(&service.ports, render_port),
    hash: Hash::Included,
    lower: Lower::Request(lower),
};

/// Two entries mean the same port when all of this is equal; short forms, when their text is.
fn merge_key(node: &Node) -> Option<String> {
    let Value::Mapping(_) = node.value else {
        return node.as_scalar().map(|scalar| scalar.text.clone());
    };
    let part = |key: &str, default: &str| {
        let value = node.get(key).and_then(Node::as_scalar);
        value.map_or_else(|| default.to_owned(), |scalar| scalar.text.clone())
    };
    let (ip, published) = (part("host_ip", "0.0.0.0"), part("published", ""));
    Some(format!(
        "{ip}:{published}:{}/{}",
        part("target", ""),
        part("protocol", "tcp")
    ))
}

/// The keys of a port in the long form.
pub const LONG: &[Attribute<Port>] = &[
    Attribute {
        key: "name",
        about: "A name for people.",
        example: "web",
        shape: Shape::String,
        parse: |node, port, reader| port.name = reader.string(node),
        merge: default_merge,
        render: |port| render::text(port.name.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect("a note for people"),
    },
    Attribute {
        key: "mode",
        about: "`host` or `ingress`; only a swarm makes a difference.",
        example: "host",
        shape: Shape::String,
        parse: |node, port, reader| port.mode = reader.string(node).unwrap_or_default(),
        merge: default_merge,
        render: |port| render::text(Some(&port.mode)),
        hash: Hash::Included,
        lower: Lower::NoEffect("a single engine publishes on the host in either mode"),
    },
    Attribute {
        key: "host_ip",
        about: "Address on the host; all addresses when absent.",
        example: "127.0.0.1",
        shape: Shape::String,
        parse: |node, port, reader| {
            port.host_ip = reader.string(node).filter(|ip| check_ip(ip, node, reader));
        },
        merge: default_merge,
        render: |port| render::text(port.host_ip.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/ports.rs"),
    },
    Attribute {
        key: "target",
        about: "Port inside the container.",
        example: "80",
        shape: Shape::Integer,
        parse: |node, port, reader| port.target = read_target(node, reader),
        merge: default_merge,
        render: |port| render::number(i64::from(port.target)),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/ports.rs"),
    },
    Attribute {
        key: "published",
        about: "Port or range on the host; chosen by the engine when absent.",
        example: "'8080'",
        shape: Shape::Integer,
        parse: |node, port, reader| port.published = read_published(node, reader),
        merge: default_merge,
        render: |port| render::text(port.published.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/ports.rs"),
    },
    Attribute {
        key: "protocol",
        about: "`tcp` (default), `udp` or `sctp`.",
        example: "udp",
        shape: Shape::String,
        parse: |node, port, reader| port.protocol = reader.string(node).unwrap_or_default(),
        merge: default_merge,
        render: |port| render::text(Some(&port.protocol)),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/ports.rs"),
    },
    Attribute {
        key: "app_protocol",
        about: "The application's protocol, for people.",
        example: "http",
        shape: Shape::String,
        parse: |node, port, reader| port.app_protocol = reader.string(node),
        merge: default_merge,
        render: |port| render::text(port.app_protocol.as_deref()),
        hash: Hash::Included,
        lower: Lower::NoEffect("a note for people"),
    },
];

fn default_merge(_: &[Segment]) -> Rule {
    Rule::Default
}

fn render_port(port: &Port) -> Data {
    crate::project::attribute::render_table(LONG, port)
}

fn parse(node: &Node, reader: &mut Reader<'_>) -> Vec<Port> {
    let items = reader.items(node, |item, reader| Some(parse_item(item, reader)));
    let mut ports: IndexMap<_, Port> = IndexMap::new();
    for port in items.into_iter().flatten() {
        let address = port.host_ip.clone().unwrap_or_else(|| "0.0.0.0".to_owned());
        let protocol = port.protocol.clone();
        let key = (address, port.published.clone(), port.target, protocol);
        ports.insert(key, port);
    }
    ports.into_values().collect()
}

fn parse_item(node: &Node, reader: &mut Reader<'_>) -> Vec<Port> {
    if node.as_mapping().is_some() {
        let mut port = Port {
            mode: "ingress".to_owned(),
            protocol: "tcp".to_owned(),
            ..Port::default()
        };
        read_table(node, LONG, &mut port, reader);
        if node.get("target").is_none() {
            reader.missing(node, "target", "this port");
        }
        return vec![port];
    }
    let Some(text) = reader.whole_text(node) else {
        return Vec::new();
    };
    match parse_short(&text) {
        Ok(ports) => ports,
        Err(reason) => {
            reader.invalid(node, reason, "this port");
            Vec::new()
        }
    }
}

fn read_published(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    reader.whole_text(node)
}

fn read_target(node: &Node, reader: &mut Reader<'_>) -> u16 {
    let Some(number) = reader.integer(node) else {
        return 0;
    };
    u16::try_from(number).unwrap_or_else(|_| {
        reader.invalid(node, format!("{number} is not a port"), "1 to 65535");
        0
    })
}

fn check_ip(ip: &str, node: &Node, reader: &mut Reader<'_>) -> bool {
    let valid = ip.parse::<IpAddr>().is_ok();
    if !valid {
        reader.invalid(node, format!("{ip:?} is not an IP address"), "this address");
    }
    valid
}

/// Reads `[[ip:][host]:]container[/protocol]`. Ranges of equal length expand pairwise; a range on
/// the host with one port inside stays one entry, from which the engine picks.
pub fn parse_short(text: &str) -> Result<Vec<Port>, String> {
    let mut parts = text.split('/');
    let rest = parts.next().unwrap_or_default();
    let protocol = parts.next().filter(|protocol| !protocol.is_empty());
    let protocol = protocol.unwrap_or("tcp").to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!(
            "{protocol:?} is not a protocol; tcp, udp and sctp are"
        ));
    }
    let (host_ip, published, target) = split_parts(rest)?;
    if host_ip.is_some_and(|ip| ip.parse::<IpAddr>().is_err()) {
        return Err(format!(
            "{:?} is not an IP address",
            host_ip.unwrap_or_default()
        ));
    }
    let (first, last) = range(target)?;
    if first == 0 {
        return Err(format!("no container port in {text:?}"));
    }
    let published_range = published.map(range).transpose()?;
    let port = |target: u16, published: Option<String>| Port {
        mode: "ingress".to_owned(),
        host_ip: host_ip.map(str::to_owned),
        target,
        published,
        protocol: protocol.clone(),
        ..Port::default()
    };
    match published_range {
        None => Ok((first..=last).map(|target| port(target, None)).collect()),
        Some((host_first, host_last)) if host_last - host_first == last - first => Ok((first
            ..=last)
            .map(|target| port(target, Some((host_first + (target - first)).to_string())))
            .collect()),
        Some((host_first, host_last)) if first == last => {
            Ok(vec![port(first, Some(format!("{host_first}-{host_last}")))])
        }
        Some(_) => Err(format!("the ranges in {text:?} differ in length")),
    }
}

/// Host address, host port and container port of a short form without its protocol.
fn split_parts(text: &str) -> Result<(Option<&str>, Option<&str>, &str), String> {
    let Some((front, target)) = text.rsplit_once(':') else {
        return Ok((None, None, text));
    };
    let non_empty =
        |part: &'static str| move |text: &str| if text.is_empty() { Err(part) } else { Ok(()) };
    if non_empty("target")(target).is_err() {
        return Err(format!("no container port in {text:?}"));
    }
    let (ip, published) = match front.rsplit_once(':') {
        None => (None, front),
        Some((ip, _)) if ip.contains(':') && !ip.starts_with('[') => {
            return Err(format!("an IPv6 address is written in brackets: [{ip}]"));
        }
        Some((ip, published)) => (
            Some(
                ip.strip_prefix('[')
                    .and_then(|ip| ip.strip_suffix(']'))
                    .unwrap_or(ip),
            ),
            published,
        ),
    };
    Ok((
        ip.filter(|ip| !ip.is_empty()),
        Some(published).filter(|port| !port.is_empty()),
        target,
    ))
}

fn range(text: &str) -> Result<(u16, u16), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| {
        text.parse::<u16>()
            .map_err(|_| format!("{text:?} is not a port"))
    };
    let (first, last) = (number(first)?, number(last)?);
    if first <= last {
        Ok((first, last))
    } else {
        Err(format!("the range {text} runs backwards"))
    }
}

fn lower(service: &Service, request: &mut Request<'_>) {
    let bindings = request.host.port_bindings.get_or_insert_default();
    let mut exposed = Vec::new();
    for port in &service.ports {
        let key = format!("{}/{}", port.target, port.protocol);
        let binding = PortBinding {
            host_ip: Some(port.host_ip.clone().unwrap_or_default()),
            host_port: Some(port.published.clone().unwrap_or_default()),
        };
        bindings
            .entry(key.clone())
            .or_default()
            .get_or_insert_default()
            .push(binding);
        exposed.push(key);
    }
    request.expose(exposed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> String {
        let print = |port: &Port| {
            let (ip, published) = (
                port.host_ip.as_deref().unwrap_or("*"),
                port.published.as_deref().unwrap_or("?"),
            );
            format!("{ip}:{published}:{}/{}", port.target, port.protocol)
        };
        match parse_short(text) {
            Ok(ports) => ports.iter().map(print).collect::<Vec<_>>().join(" "),
            Err(error) => error,
        }
    }

    #[test]
    fn short_forms_are_read_with_addresses_ranges_and_protocols() {
        for (text, ports) in [
            ("80", "*:?:80/tcp"),
            ("8080:80", "*:8080:80/tcp"),
            ("127.0.0.1:8080:80/udp", "127.0.0.1:8080:80/udp"),
            ("127.0.0.1::80", "127.0.0.1:?:80/tcp"),
            ("[::1]:8080:80", "::1:8080:80/tcp"),
            ("3000-3001:4000-4001", "*:3000:4000/tcp *:3001:4001/tcp"),
            ("3000-3002:80", "*:3000-3002:80/tcp"),
            ("90-91", "*:?:90/tcp *:?:91/tcp"),
        ] {
            assert_eq!(short(text), ports, "{text}");
        }
    }

    #[test]
    fn impossible_ports_say_what_is_wrong() {
        for (text, reason) in [
            ("x", "\"x\" is not a port"),
            ("70000:80", "\"70000\" is not a port"),
            ("1-3:1-2", "the ranges in \"1-3:1-2\" differ in length"),
            ("9-8", "the range 9-8 runs backwards"),
            (
                "80/icmp",
                "\"icmp\" is not a protocol; tcp, udp and sctp are",
            ),
            ("host:80:80", "\"host\" is not an IP address"),
        ] {
            assert_eq!(short(text), reason, "{text}");
        }
    }
}
