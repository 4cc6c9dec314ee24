//! `restart`: what the engine does when a container ends by itself.

use bollard::models::{RestartPolicy, RestartPolicyNameEnum};

use crate::document::Node;
use crate::project::attribute::{Attribute, Hash, Lower, merge};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::request::Request;
use crate::project::service::Service;
use crate::project::shape::Shape;

/// The row of `restart`.
pub const ROW: Attribute<Service> = Attribute {
    key: "restart",
    about: "`no`, `always`, `unless-stopped`, `on-failure` or `on-failure:ATTEMPTS`.",
    example: "always",
    shape: SHAPE,
    parse: |node, service, reader| service.restart = read(node, reader),
    merge: merge::default,
    render: |service| render::text(service.restart.as_deref()),
    hash: Hash::Included,
    lower: Lower::Request(lower),
};

const SHAPE: Shape = Shape::OneOf(&[
    Shape::Words(&["", "no", "always", "unless-stopped", "on-failure"]),
    Shape::Pattern("on-failure:[0-9]+"),
]);

fn read(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    // Nothing in quotes is as good as nothing.
    let text = reader.string(node).filter(|text| !text.is_empty())?;
    if policy(&text).is_none() {
        let words = "one of no, always, unless-stopped, on-failure, on-failure:ATTEMPTS";
        reader.invalid(node, format!("{text:?} is not a restart policy"), words);
        let name = text.split(':').next().unwrap_or_default();
        reader.suggest(name, &["no", "always", "unless-stopped", "on-failure"]);
    }
    Some(text)
}

fn policy(text: &str) -> Option<RestartPolicy> {
    let (name, attempts) = match text.split_once(':') {
        Some((name, attempts)) => (name, Some(attempts.parse::<i64>().ok()?)),
        None => (text, None),
    };
    let name = match name {
        "no" => RestartPolicyNameEnum::NO,
        "always" => RestartPolicyNameEnum::ALWAYS,
        "unless-stopped" => RestartPolicyNameEnum::UNLESS_STOPPED,
        "on-failure" => RestartPolicyNameEnum::ON_FAILURE,
        _ => return None,
    };
    if attempts.is_some() && name != RestartPolicyNameEnum::ON_FAILURE {
        return None;
    }
    Some(RestartPolicy {
        name: Some(name),
        maximum_retry_count: attempts,
    })
}

/// `deploy.restart_policy` overrides `restart` whole.
fn lower(service: &Service, request: &mut Request<'_>) {
    let deployed = service
        .deploy
        .as_ref()
        .and_then(|deploy| deploy.restart_policy.as_ref());
    request.host.restart_policy = match deployed {
        Some(deployed) => policy(match deployed.condition.as_deref() {
            Some("none") => "no",
            Some("on-failure") => "on-failure",
            _ => "always",
        })
        .map(|policy| RestartPolicy {
            maximum_retry_count: deployed.max_attempts,
            ..policy
        }),
        None => service.restart.as_deref().and_then(policy),
    };
}
