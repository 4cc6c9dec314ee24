//! Limits of processor, memory and processes: the service's own keys, and `deploy.resources`,
//! which overrides them.

use crate::document::Node;
use crate::project::attribute::{Attribute, Hash, Lower, merge};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::service::Service;
use crate::project::service::deploy::Resource;
use crate::project::shape::Shape;
use crate::project::value::byte_size::ByteSize;

/// `cpus`.
pub const CPUS: Attribute<Service> = Attribute {
    key: "cpus",
    about: "Processors, fractions allowed.",
    example: "'0.5'",
    shape: Shape::Number,
    parse: |node, service, reader| service.cpus = reader.number(node).unwrap_or_default(),
    merge: merge::default,
    render: |service| render::fraction(service.cpus),
    hash: Hash::Included,
    lower: Lower::Request(|service, request| {
        let limit = limits(service)
            .map(|limits| limits.cpus)
            .filter(|cpus| *cpus != 0.0);
        let cpus = limit.unwrap_or(service.cpus);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a count of processors is small"
        )]
        let nanos = (cpus * 1e9).round() as i64;
        request.host.nano_cpus = (nanos != 0).then_some(nanos);
    }),
};

/// `mem_limit`.
pub const MEM_LIMIT: Attribute<Service> = Attribute {
    key: "mem_limit",
    about: "Memory at most.",
    example: "64m",
    shape: Shape::SIZE,
    parse: |node, service, reader| service.mem_limit = reader.bytes(node),
    merge: merge::default,
    render: |service| render::bytes(service.mem_limit),
    hash: Hash::Included,
    lower: Lower::Request(|service, request| {
        let limit = limits(service)
            .and_then(|limits| limits.memory)
            .or(service.mem_limit);
        request.host.memory = sent(limit);
    }),
};

/// `mem_reservation`.
pub const MEM_RESERVATION: Attribute<Service> = Attribute {
    key: "mem_reservation",
    about: "Memory that is promised.",
    example: "32m",
    shape: Shape::SIZE,
    parse: |node, service, reader| service.mem_reservation = reader.whole_bytes(node),
    merge: merge::default,
    render: |service| render::bytes(service.mem_reservation),
    hash: Hash::Included,
    lower: Lower::Request(|service, request| {
        let reserved = service
            .deploy
            .as_ref()
            .and_then(|deploy| deploy.resources.reservations.as_ref());
        request.host.memory_reservation =
            sent(reserved.and_then(|r| r.memory).or(service.mem_reservation));
    }),
};

/// `memswap_limit`.
pub const MEMSWAP_LIMIT: Attribute<Service> = Attribute {
    key: "memswap_limit",
    about: "Memory and swap together at most; -1 for no limit of swap.",
    example: "128m",
    shape: Shape::SIZE,
    parse: |node, service, reader| service.memswap_limit = reader.bytes(node),
    merge: merge::default,
    render: |service| render::bytes(service.memswap_limit),
    hash: Hash::Included,
    lower: Lower::Request(|service, request| {
        request.host.memory_swap = sent(service.memswap_limit);
    }),
};

/// `shm_size`.
pub const SHM_SIZE: Attribute<Service> = Attribute {
    key: "shm_size",
    about: "Size of `/dev/shm` (engine's default 64m).",
    example: "128m",
    shape: Shape::SIZE,
    parse: |node, service, reader| service.shm_size = reader.bytes(node),
    merge: merge::default,
    render: |service| render::bytes(service.shm_size),
    hash: Hash::Included,
    lower: Lower::Request(|service, request| request.host.shm_size = sent(service.shm_size)),
};

/// `pids_limit`.
pub const PIDS_LIMIT: Attribute<Service> = Attribute {
    key: "pids_limit",
    about: "Processes at most; -1 for no limit.",
    example: "100",
    shape: Shape::Number,
    parse: |node, service, reader| service.pids_limit = read_pids(node, reader),
    merge: merge::default,
    render: |service| render::number(service.pids_limit),
    hash: Hash::Included,
    lower: Lower::Request(|service, request| {
        let limit = limits(service)
            .map(|limits| limits.pids)
            .filter(|pids| *pids != 0);
        request.host.pids_limit =
            Some(limit.unwrap_or(service.pids_limit)).filter(|pids| *pids != 0);
    }),
};

fn read_pids(node: &Node, reader: &mut Reader<'_>) -> i64 {
    reader.whole_part(node).unwrap_or_default()
}

fn limits(service: &Service) -> Option<&Resource> {
    service
        .deploy
        .as_ref()
        .and_then(|deploy| deploy.resources.limits.as_ref())
}

fn sent(size: Option<ByteSize>) -> Option<i64> {
    size.map(|size| size.0).filter(|bytes| *bytes != 0)
}
