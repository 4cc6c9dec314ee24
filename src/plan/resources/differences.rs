//! Which settings of a network are not what its file says, as far as the engine's list shows it.
//!
//! The hash alone decides whether a network has drifted. This only finds words for why: what the
//! file leaves to the engine (the subnet, say) is not compared, because any answer would do.

use crate::plan::Cause;
use crate::plan::observed::{self, NetworkSettings};
use crate::project::Network;

/// Why a network is made anew.
pub(super) fn cause(declared: &Network, live: &observed::Network) -> Cause {
    let settings = live.settings.as_ref();
    let names = settings.map(|live| differing(declared, live));
    match names.filter(|names| !names.is_empty()) {
        Some(names) => Cause::ConfigChanged(names),
        None => Cause::ConfigDiffers,
    }
}

/// One row a setting: its key, and whether it is as declared.
type Row = (&'static str, fn(&Network, &NetworkSettings) -> bool);

const SETTINGS: &[Row] = &[
    ("attachable", |declared, live| {
        declared.attachable == live.attachable
    }),
    ("driver", |declared, live| {
        let driver = declared.driver.as_deref().unwrap_or("bridge");
        driver == live.driver
    }),
    ("driver_opts", |declared, live| {
        declared.driver_opts == live.driver_opts
    }),
    ("enable_ipv6", |declared, live| {
        declared.enable_ipv6.unwrap_or_default() == live.enable_ipv6
    }),
    ("internal", |declared, live| {
        declared.internal == live.internal
    }),
    ("ipam", |declared, live| has_pools(declared, live)),
    ("labels", |declared, live| declared.labels == live.labels),
];

fn differing(declared: &Network, live: &NetworkSettings) -> Vec<String> {
    SETTINGS
        .iter()
        .filter(|(_, same)| !same(declared, live))
        .map(|(key, _)| (*key).to_owned())
        .collect()
}

/// Whether every pool is there, with as much as its file says of it.
fn has_pools(declared: &Network, live: &NetworkSettings) -> bool {
    declared.ipam.config.iter().all(|pool| {
        let wanted = [&pool.subnet, &pool.gateway, &pool.ip_range];
        live.pools.iter().any(|found| {
            let mut pairs = wanted.iter().zip(found);
            pairs.all(|(wanted, found)| wanted.as_ref().is_none_or(|wanted| wanted == found))
        })
    })
}
