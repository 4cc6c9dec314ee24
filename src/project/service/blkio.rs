//! `blkio_config`: weights and limits of block devices.

use bollard::models::{ResourcesBlkioWeightDevice, ThrottleDevice};

use crate::document::{Node, ScalarKind};
use crate::project::attribute::{
    Attribute, Data, Hash, Lower, merge, merge_rule, read_table, render_table,
};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};
use crate::project::value::byte_size::ByteSize;

/// A section `blkio_config`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlkioConfig {
    /// Share against other containers, 10 to 1000.
    pub weight: i64,
    /// The same for single devices.
    pub weight_device: Vec<Weight>,
    /// Bytes read in a second.
    pub device_read_bps: Vec<Limit>,
    /// Reads in a second.
    pub device_read_iops: Vec<Limit>,
    /// Bytes written in a second.
    pub device_write_bps: Vec<Limit>,
    /// Writes in a second.
    pub device_write_iops: Vec<Limit>,
}

/// Share of one device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Weight {
    /// The device: `/dev/sda`.
    pub path: String,
    /// Share against other containers, 10 to 1000.
    pub weight: i64,
}

/// Limit of one device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limit {
    /// The device: `/dev/sda`.
    pub path: String,
    /// Bytes or operations in a second.
    pub rate: Option<ByteSize>,
}

/// The row of `blkio_config`.
pub const ROW: Attribute<Service> = Attribute {
    key: "blkio_config",
    about: "Weights and limits of block devices.",
    example: "{weight: 300}",
    shape: Shape::object("blkio_config", || keys(TABLE)),
    parse: |node, service, reader| {
        read_table(
            node,
            TABLE,
            service.blkio_config.get_or_insert_default(),
            reader,
        );
    },
    merge: |rest| merge_rule(TABLE, rest),
    render: |service| {
        let config = service.blkio_config.as_ref()?;
        Some(render_table(TABLE, config))
    },
    hash: Hash::Included,
    lower: Lower::Request(lower),
};

const LIMITS: Shape = Shape::List(&Shape::object("blkio_limit", || keys(LIMIT)));
const HERE: &str = "project/service/blkio.rs";

/// The keys of `blkio_config`.
pub const TABLE: &[Attribute<BlkioConfig>] = &[
    Attribute {
        key: "weight",
        about: "Share against other containers, 10 to 1000.",
        example: "300",
        shape: Shape::Integer,
        parse: |node, config, reader| config.weight = read_share(node, reader),
        merge: merge::default,
        render: |config| render::number(config.weight),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "weight_device",
        about: "Shares of single devices.",
        example: "[{path: /dev/sda, weight: 400}]",
        shape: Shape::List(&Shape::object("blkio_weight", || keys(WEIGHT))),
        parse: |node, config, reader| config.weight_device = reader.each(node, read_weight),
        merge: merge::default,
        render: |config| render::items(&config.weight_device, |it| render_table(WEIGHT, it)),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "device_read_bps",
        about: "Bytes read in a second at most, by device.",
        example: "[{path: /dev/sda, rate: 12mb}]",
        shape: LIMITS,
        parse: |node, config, reader| config.device_read_bps = reader.each(node, read_limit),
        merge: merge::default,
        render: |config| render_limits(&config.device_read_bps),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "device_read_iops",
        about: "Reads in a second at most, by device.",
        example: "[{path: /dev/sda, rate: 120}]",
        shape: LIMITS,
        parse: |node, config, reader| config.device_read_iops = reader.each(node, read_limit),
        merge: merge::default,
        render: |config| render_limits(&config.device_read_iops),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "device_write_bps",
        about: "Bytes written in a second at most, by device.",
        example: "[{path: /dev/sda, rate: 1024k}]",
        shape: LIMITS,
        parse: |node, config, reader| config.device_write_bps = reader.each(node, read_limit),
        merge: merge::default,
        render: |config| render_limits(&config.device_write_bps),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "device_write_iops",
        about: "Writes in a second at most, by device.",
        example: "[{path: /dev/sda, rate: 30}]",
        shape: LIMITS,
        parse: |node, config, reader| config.device_write_iops = reader.each(node, read_limit),
        merge: merge::default,
        render: |config| render_limits(&config.device_write_iops),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
];

/// The keys of an entry of `weight_device`.
pub const WEIGHT: &[Attribute<Weight>] = &[
    Attribute {
        key: "path",
        about: "The device: `/dev/sda`.",
        example: "/dev/sda",
        shape: Shape::String,
        parse: |node, entry, reader| entry.path = reader.string(node).unwrap_or_default(),
        merge: merge::default,
        render: |entry| Some(Data::from(entry.path.as_str())),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "weight",
        about: "Share against other containers, 10 to 1000.",
        example: "400",
        shape: Shape::Integer,
        parse: |node, entry, reader| entry.weight = read_share(node, reader),
        merge: merge::default,
        render: |entry| Some(Data::from(entry.weight)),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
];

/// The keys of an entry of the limits.
pub const LIMIT: &[Attribute<Limit>] = &[
    Attribute {
        key: "path",
        about: "The device: `/dev/sda`.",
        example: "/dev/sda",
        shape: Shape::String,
        parse: |node, entry, reader| entry.path = reader.string(node).unwrap_or_default(),
        merge: merge::default,
        render: |entry| Some(Data::from(entry.path.as_str())),
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
    Attribute {
        key: "rate",
        about: "Bytes (with a unit) or operations in a second.",
        example: "12mb",
        shape: Shape::SIZE,
        parse: |node, entry, reader| entry.rate = reader.whole_bytes(node),
        merge: merge::default,
        render: |entry| {
            let rate = entry.rate.unwrap_or(ByteSize(0));
            Some(Data::from(rate.to_string()))
        },
        hash: Hash::Included,
        lower: Lower::UsedBy(HERE),
    },
];

/// docker compose keeps 16 bits of it, and takes no quotes.
fn read_share(node: &Node, reader: &mut Reader<'_>) -> i64 {
    let fraction = |kind| matches!(kind, ScalarKind::Float(value) if value.fract() != 0.0);
    if node.as_scalar().is_some_and(|scalar| fraction(scalar.kind)) {
        reader.expected(node, "a whole number");
        return 0;
    }
    let share = reader.plain_number(node).unwrap_or_default();
    if share < 0 {
        reader.invalid(node, "a weight cannot be negative", "10 to 1000");
    }
    share & 0xffff
}

fn read_weight(node: &Node, reader: &mut Reader<'_>) -> Weight {
    let mut entry = Weight::default();
    read_table(node, WEIGHT, &mut entry, reader);
    entry
}

fn read_limit(node: &Node, reader: &mut Reader<'_>) -> Limit {
    let mut entry = Limit::default();
    read_table(node, LIMIT, &mut entry, reader);
    entry
}

fn render_limits(limits: &[Limit]) -> Option<Data> {
    render::items(limits, |limit| render_table(LIMIT, limit))
}

/// In JSON, and so in the hash, docker compose writes the keys of the entries with a capital.
pub fn json_names(service: &mut Data) {
    let Some(Data::Mapping(config)) = service.get_mut("blkio_config") else {
        return;
    };
    for (_, value) in config.iter_mut() {
        let Data::Sequence(entries) = value else {
            continue;
        };
        for entry in entries {
            capitalize(entry);
        }
    }
}

fn capitalize(entry: &mut Data) {
    let Data::Mapping(mapping) = entry else {
        return;
    };
    let capital = |key: Data| match key.as_str() {
        Some("path") => Data::from("Path"),
        Some("rate") => Data::from("Rate"),
        Some("weight") => Data::from("Weight"),
        _ => key,
    };
    let keyed = std::mem::take(mapping).into_iter();
    *mapping = keyed.map(|(key, value)| (capital(key), value)).collect();
}

fn lower(service: &Service, request: &mut Request<'_>) {
    let Some(config) = &service.blkio_config else {
        return;
    };
    let host = &mut request.host;
    host.blkio_weight = u16::try_from(config.weight).ok().filter(|it| *it != 0);
    let weights = config.weight_device.iter();
    let weights: Vec<_> = weights.map(engine_weight).collect();
    host.blkio_weight_device = (!weights.is_empty()).then_some(weights);
    host.blkio_device_read_bps = engine_limits(&config.device_read_bps);
    host.blkio_device_read_iops = engine_limits(&config.device_read_iops);
    host.blkio_device_write_bps = engine_limits(&config.device_write_bps);
    host.blkio_device_write_iops = engine_limits(&config.device_write_iops);
}

fn engine_weight(entry: &Weight) -> ResourcesBlkioWeightDevice {
    ResourcesBlkioWeightDevice {
        path: Some(entry.path.clone()),
        weight: usize::try_from(entry.weight).ok(),
    }
}

fn engine_limits(limits: &[Limit]) -> Option<Vec<ThrottleDevice>> {
    let limit = |limit: &Limit| ThrottleDevice {
        path: Some(limit.path.clone()),
        rate: limit.rate.map(|rate| rate.0),
    };
    (!limits.is_empty()).then(|| limits.iter().map(limit).collect())
}
