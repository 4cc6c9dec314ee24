//! `networks` and `network_mode`: what a service's containers are connected to.

use std::collections::BTreeMap;

use bollard::models::{EndpointIpamConfig, EndpointSettings};

use crate::api_version::ApiVersion;
use crate::document::merge::Rule;
use crate::document::{Entry, Mapping, Node, Value};
use crate::project::attribute::{
    Attribute, Data, Hash, Lower, merge, merge_rule, read_table, render_table,
};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};

/// How a service is connected to one network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachment {
    /// More names it answers to there.
    pub aliases: Vec<String>,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Which network provides the default gateway: the highest.
    pub gw_priority: i64,
    /// Name of the interface inside the container.
    pub interface_name: Option<String>,
    /// Fixed address.
    pub ipv4_address: Option<String>,
    /// Fixed address.
    pub ipv6_address: Option<String>,
    /// Link-local addresses.
    pub link_local_ips: Vec<String>,
    /// Fixed hardware address.
    pub mac_address: Option<String>,
    /// Order of connection: the highest first.
    pub priority: i64,
}

/// The row of `networks`.
pub const ROW: Attribute<Service> = Attribute {
    key: "networks",
    about: "Networks that the containers are connected to.",
    example: "[front]",
    shape: Shape::OneOf(&[Shape::DISTINCT, Shape::Map(&ATTACHMENT)]),
    parse: |node, service, reader| service.networks = Some(parse(node, reader)),
    merge: |rest| match rest {
        [] => Rule::Promote(promote),
        [_, below @ ..] => merge_rule(TABLE, below),
    },
    render: |service| {
        let attachments = service.networks.as_ref()?;
        render::mapping(attachments, |attachment| {
            attachment
                .as_ref()
                .map_or(Data::Null, |attachment| render_table(TABLE, attachment))
        })
    },
    hash: Hash::Included,
    lower: Lower::Request(lower),
};

/// The row of `network_mode`.
pub const MODE: Attribute<Service> = Attribute {
    key: "network_mode",
    about: "`none`, `host`, `bridge`, `service:NAME`, `container:NAME`: instead of `networks`.",
    example: "host",
    shape: Shape::String,
    parse: |node, service, reader| service.network_mode = reader.string(node),
    merge: merge::default,
    render: |service| render::text(service.network_mode.as_deref()),
    hash: Hash::Included,
    lower: Lower::Request(lower_mode),
};

/// The row of `mac_address`.
pub const MAC_ADDRESS: Attribute<Service> = Attribute {
    key: "mac_address",
    about: "Fixed hardware address on the first network.",
    example: "'02:42:ac:11:65:43'",
    shape: Shape::String,
    parse: |node, service, reader| service.mac_address = reader.string(node),
    merge: merge::default,
    render: |service| render::text(service.mac_address.as_deref()),
    hash: Hash::Included,
    lower: Lower::UsedBy("project/service/networks.rs"),
};

const ATTACHMENT: Shape = Shape::OneOf(&[
    Shape::Null,
    Shape::object("service_network", || keys(TABLE)),
]);

/// The keys of one network of a service.
pub const TABLE: &[Attribute<Attachment>] = &[
    Attribute {
        key: "aliases",
        about: "More names that the service answers to on this network.",
        example: "[db]",
        shape: Shape::STRINGS,
        parse: |node, attachment, reader| attachment.aliases = reader.strings(node),
        merge: merge::unique,
        render: |attachment| render::list(&attachment.aliases),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/networks.rs"),
    },
    Attribute {
        key: "driver_opts",
        about: "Options for the network's driver.",
        example: "{a: b}",
        shape: Shape::OPTIONS,
        parse: |node, attachment, reader| attachment.driver_opts = reader.options(node),
        merge: merge::default,
        render: |attachment| render::strings(&attachment.driver_opts),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/networks.rs"),
    },
    Attribute {
        key: "gw_priority",
        about: "The network with the highest value provides the default gateway.",
        example: "1",
        shape: Shape::Number,
        parse: |node, attachment, reader| {
            attachment.gw_priority = reader.plain_number(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |attachment| render::number(attachment.gw_priority),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/networks.rs"),
    },
    Attribute {
        key: "interface_name",
        about: "Name of the interface inside the container.",
        example: "eth7",
        shape: Shape::String,
        parse: |node, attachment, reader| attachment.interface_name = reader.string(node),
        merge: merge::default,
        render: |attachment| render::text(attachment.interface_name.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/networks.rs"),
    },
    Attribute {
        key: "ipv4_address",
        about: "Fixed IPv4 address.",
        example: "10.1.2.3",
        shape: Shape::String,
        parse: |node, attachment, reader| attachment.ipv4_address = reader.string(node),
        merge: merge::default,
        render: |attachment| render::text(attachment.ipv4_address.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/networks.rs"),
    },
    Attribute {
        key: "ipv6_address",
        about: "Fixed IPv6 address.",
        example: "'fd00::7'",
        shape: Shape::String,
        parse: |node, attachment, reader| attachment.ipv6_address = reader.string(node),
        merge: merge::default,
        render: |attachment| render::text(attachment.ipv6_address.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/networks.rs"),
    },
    Attribute {
        key: "link_local_ips",
        about: "Link-local addresses.",
        example: "[169.254.8.8]",
        shape: Shape::STRINGS,
        parse: |node, attachment, reader| attachment.link_local_ips = reader.strings(node),
        merge: merge::unique,
        render: |attachment| render::list(&attachment.link_local_ips),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/networks.rs"),
    },
    Attribute {
        key: "mac_address",
        about: "Fixed hardware address.",
        example: "'02:42:ac:11:65:43'",
        shape: Shape::String,
        parse: |node, attachment, reader| attachment.mac_address = reader.string(node),
        merge: merge::default,
        render: |attachment| render::text(attachment.mac_address.as_deref()),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/networks.rs"),
    },
    Attribute {
        key: "priority",
        about: "Networks are connected from the highest to the lowest.",
        example: "10",
        shape: Shape::Number,
        parse: |node, attachment, reader| {
            attachment.priority = reader.plain_number(node).unwrap_or_default();
        },
        merge: merge::default,
        render: |attachment| render::number(attachment.priority),
        hash: Hash::Included,
        lower: Lower::UsedBy("project/service/networks.rs"),
    },
];

/// A list of names as a mapping of names to nothing.
pub fn promote(node: Node) -> Node {
    let Value::Sequence(items) = &node.value else {
        return node;
    };
    let mut mapping = Mapping::new();
    for item in items {
        let Some(name) = item.as_str() else {
            return node;
        };
        mapping.insert(
            name.to_owned(),
            Entry {
                key_span: item.span,
                value: Node::null(item.span),
            },
        );
    }
    Node::mapping(node.span, mapping)
}

fn parse(node: &Node, reader: &mut Reader<'_>) -> BTreeMap<String, Option<Attachment>> {
    reader.distinct(node);
    match &node.value {
        Value::Sequence(_) => reader
            .strings(node)
            .into_iter()
            .map(|name| (name, None))
            .collect(),
        Value::Mapping(mapping) => {
            let mut attachments = BTreeMap::new();
            for (name, entry) in mapping {
                let attachment =
                    reader.within(name, |reader| parse_attachment(&entry.value, reader));
                attachments.insert(name.clone(), attachment);
            }
            attachments
        }
        Value::Scalar(_) => {
            reader.expected(node, "a mapping or a list of networks");
            BTreeMap::new()
        }
    }
}

fn parse_attachment(node: &Node, reader: &mut Reader<'_>) -> Option<Attachment> {
    if node.is_null() {
        return None;
    }
    let mut attachment = Attachment::default();
    read_table(node, TABLE, &mut attachment, reader);
    Some(attachment)
}

/// The networks of a service in the order of connection: highest priority first, then by name.
pub fn in_order(
    attachments: &BTreeMap<String, Option<Attachment>>,
) -> Vec<(&String, Option<&Attachment>)> {
    let mut ordered: Vec<_> = attachments
        .iter()
        .map(|(name, attachment)| (name, attachment.as_ref()))
        .collect();
    ordered.sort_by_key(|(name, attachment)| {
        (
            -attachment.map_or(0, |a| a.priority),
            name.to_owned().clone(),
        )
    });
    ordered
}

fn lower(service: &Service, request: &mut Request<'_>) {
    let Some(attachments) = &service.networks else {
        return;
    };
    for (key, attachment) in in_order(attachments) {
        let name = request
            .with
            .networks
            .get(key)
            .cloned()
            .unwrap_or_else(|| key.clone());
        let mut endpoint = endpoint(
            service,
            attachment.unwrap_or(&Attachment::default()),
            request,
        );
        if is_predefined(&name) {
            endpoint.aliases = None;
        }
        if attachment.is_none() {
            endpoint.ipam_config = None;
        }
        request.endpoints.push((name, endpoint));
    }
    if let Some((primary, endpoint)) = request.endpoints.first_mut() {
        request.host.network_mode = Some(primary.clone());
        if let Some(address) = service.mac_address.as_ref().filter(|it| !it.is_empty()) {
            endpoint.mac_address = Some(address.clone());
        }
    }
    // Older engines know one address for each container, on its first network.
    let addressed = |(_, endpoint): &(String, EndpointSettings)| endpoint.mac_address.is_some();
    if request.endpoints.iter().skip(1).any(addressed) {
        request.require(
            ApiVersion::new(1, 44),
            "networks.*.mac_address on another network than the first",
            "25.0",
        );
    }
}

/// The engine's own networks, which know no names.
fn is_predefined(name: &str) -> bool {
    matches!(name, "bridge" | "default" | "host" | "none")
}

/// Whether a service asks for a hardware address on one of these networks.
pub fn has_address(service: &Service, key: &str) -> bool {
    let attachments = service.networks.iter().flatten();
    let own = attachments
        .clone()
        .find(|(name, _)| *name == key)
        .and_then(|(_, attachment)| attachment.as_ref()?.mac_address.as_ref());
    let first = service.networks.as_ref().map(in_order);
    let is_first = first.is_some_and(|all| all.first().is_some_and(|(name, _)| *name == key));
    own.is_some()
        || (is_first
            && service
                .mac_address
                .as_ref()
                .is_some_and(|it| !it.is_empty()))
}

fn endpoint(
    service: &Service,
    attachment: &Attachment,
    request: &mut Request<'_>,
) -> EndpointSettings {
    let mut aliases = vec![request.with.container_name.to_owned(), service.name.clone()];
    aliases.extend(attachment.aliases.iter().cloned());
    let mut driver_opts = attachment.driver_opts.clone();
    if let Some(name) = &attachment.interface_name {
        request.require(ApiVersion::new(1, 49), "networks.*.interface_name", "28.1");
        driver_opts.insert(
            "com.docker.network.endpoint.ifname".to_owned(),
            name.clone(),
        );
    }
    if driver_opts.contains_key("com.docker.network.endpoint.sysctls") {
        request.require(
            ApiVersion::new(1, 46),
            "networks.*.driver_opts.com.docker.network.endpoint.sysctls",
            "27.0",
        );
    }
    if attachment.gw_priority != 0 {
        request.require(ApiVersion::new(1, 48), "networks.*.gw_priority", "28.0");
    }
    EndpointSettings {
        aliases: Some(aliases),
        links: super::links::for_endpoint(service, request),
        mac_address: attachment.mac_address.clone(),
        ip_address: attachment.ipv4_address.clone(),
        gw_priority: (attachment.gw_priority != 0).then_some(attachment.gw_priority),
        driver_opts: (!driver_opts.is_empty()).then(|| driver_opts.into_iter().collect()),
        // Empty wherever the file says anything about the attachment, as docker compose sends it.
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: attachment.ipv4_address.clone(),
            ipv6_address: attachment.ipv6_address.clone(),
            link_local_ips: (!attachment.link_local_ips.is_empty())
                .then(|| attachment.link_local_ips.clone()),
        }),
        ..EndpointSettings::default()
    }
}

fn lower_mode(service: &Service, request: &mut Request<'_>) {
    let Some(mode) = &service.network_mode else {
        return;
    };
    if mode == "disabled" {
        request.body.network_disabled = Some(true);
        return;
    }
    request.host.network_mode = Some(request.container_reference(mode));
}
