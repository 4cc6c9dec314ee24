//! `healthcheck`: how the engine finds out whether a container does its work.

use bollard::models::HealthConfig;

use crate::api_version::ApiVersion;
use crate::document::{Node, Value};
use crate::project::attribute::{
    Attribute, Hash, Lower, merge, merge_rule, read_table, render_table,
};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::{Shape, keys};
use crate::project::value::duration::Duration;

/// A health check. Unset fields are inherited from the image, then from the engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Healthcheck {
    /// `CMD …`, `CMD-SHELL …` or `NONE`.
    pub test: Vec<String>,
    /// How long one probe may take (engine's default 30 s).
    pub timeout: Option<Duration>,
    /// Time between probes (engine's default 30 s).
    pub interval: Option<Duration>,
    /// Failures in a row that make it unhealthy (engine's default 3).
    pub retries: Option<i64>,
    /// Time after the start in which failures do not count.
    pub start_period: Option<Duration>,
    /// Time between probes in the start period (engine's default 5 s).
    pub start_interval: Option<Duration>,
    /// Switches the image's check off.
    pub disable: bool,
}

/// The row of `healthcheck`.
pub const ROW: Attribute<Service> = Attribute {
    key: "healthcheck",
    about: "A command whose success says that the container does its work.",
    example: "{test: [CMD, 'true']}",
    shape: Shape::object("healthcheck", || keys(TABLE)),
    parse: |node, service, reader| {
        read_table(
            node,
            TABLE,
            service.healthcheck.get_or_insert_default(),
            reader,
        );
    },
    merge: |rest| merge_rule(TABLE, rest),
    render: |service| {
        service
            .healthcheck
            .as_ref()
            .map(|check| render_table(TABLE, check))
    },
    hash: Hash::Included,
    lower: Lower::Request(lower),
};

const LOWERED: Lower<Healthcheck> = Lower::UsedBy("project/service/healthcheck.rs");

/// The keys of `healthcheck`.
pub const TABLE: &[Attribute<Healthcheck>] = &[
    Attribute {
        key: "test",
        about: "`[CMD, …]`, `[CMD-SHELL, …]`, `[NONE]`, or a string for the shell.",
        example: "curl -f http://localhost",
        shape: Shape::STRING_OR_LIST,
        parse: |node, check, reader| check.test = parse_test(node, reader),
        merge: merge::replace,
        render: |check| render::list(&check.test),
        hash: Hash::Included,
        lower: LOWERED,
    },
    Attribute {
        key: "timeout",
        about: "How long one probe may take (default 30s).",
        example: "3s",
        shape: Shape::DURATION,
        parse: |node, check, reader| check.timeout = reader.duration(node),
        merge: merge::default,
        render: |check| render::duration(check.timeout),
        hash: Hash::Included,
        lower: LOWERED,
    },
    Attribute {
        key: "interval",
        about: "Time between probes (default 30s).",
        example: "5s",
        shape: Shape::DURATION,
        parse: |node, check, reader| check.interval = reader.duration(node),
        merge: merge::default,
        render: |check| render::duration(check.interval),
        hash: Hash::Included,
        lower: LOWERED,
    },
    Attribute {
        key: "retries",
        about: "Failures in a row that make it unhealthy (default 3).",
        example: "5",
        shape: Shape::Number,
        parse: |node, check, reader| check.retries = read_retries(node, reader),
        merge: merge::default,
        render: |check| check.retries.map(Into::into),
        hash: Hash::Included,
        lower: LOWERED,
    },
    Attribute {
        key: "start_period",
        about: "Time after the start in which failures do not count (default 0s).",
        example: "10s",
        shape: Shape::DURATION,
        parse: |node, check, reader| check.start_period = reader.duration(node),
        merge: merge::default,
        render: |check| render::duration(check.start_period),
        hash: Hash::Included,
        lower: LOWERED,
    },
    Attribute {
        key: "start_interval",
        about: "Time between probes in the start period (default 5s).",
        example: "1s",
        shape: Shape::DURATION,
        parse: |node, check, reader| check.start_interval = reader.duration(node),
        merge: merge::default,
        render: |check| render::duration(check.start_interval),
        hash: Hash::Included,
        lower: LOWERED,
    },
    Attribute {
        key: "disable",
        about: "Switch the image's own check off.",
        example: "true",
        shape: Shape::Boolean,
        parse: |node, check, reader| check.disable = reader.boolean(node).unwrap_or_default(),
        merge: merge::default,
        render: |check| render::flag(check.disable),
        hash: Hash::Included,
        lower: LOWERED,
    },
];

fn read_retries(node: &Node, reader: &mut Reader<'_>) -> Option<i64> {
    let retries = reader.whole_part(node)?;
    if retries < 0 {
        reader.invalid(
            node,
            format!("{retries} is no number of retries"),
            "0 or more",
        );
    }
    Some(retries)
}

fn parse_test(node: &Node, reader: &mut Reader<'_>) -> Vec<String> {
    match &node.value {
        Value::Sequence(_) => {
            let words = reader.strings(node);
            let first = words.first().map_or("", String::as_str);
            if !words.is_empty() && !matches!(first, "CMD" | "CMD-SHELL" | "NONE") {
                reader.invalid(
                    node,
                    "a list must start with CMD, CMD-SHELL or NONE",
                    "this test",
                );
            }
            words
        }
        _ => reader
            .string(node)
            .map(|shell| vec!["CMD-SHELL".to_owned(), shell])
            .unwrap_or_default(),
    }
}

fn lower(service: &Service, request: &mut Request<'_>) {
    let Some(check) = &service.healthcheck else {
        return;
    };
    let nanos = |duration: Option<Duration>| duration.map(|duration| duration.0);
    if check.start_interval.is_some() {
        request.require(ApiVersion::new(1, 44), "healthcheck.start_interval", "25.0");
    }
    let test = if check.disable {
        vec!["NONE".to_owned()]
    } else {
        check.test.clone()
    };
    request.body.healthcheck = Some(HealthConfig {
        test: (!test.is_empty()).then_some(test),
        interval: nanos(check.interval),
        timeout: nanos(check.timeout),
        retries: check.retries,
        start_period: nanos(check.start_period),
        start_interval: nanos(check.start_interval),
    });
}

/// Whether the service itself says that there is a check (an image may have one of its own).
pub fn is_disabled(check: &Healthcheck) -> bool {
    check.disable || check.test.first().is_some_and(|word| word == "NONE")
}
