//! Profiles: which services are wanted at all.

use std::collections::{BTreeMap, BTreeSet};

use super::Request;
use crate::project::{Project, Service};

/// Moves services whose profiles are all inactive to [`Project::disabled`].
pub(super) fn apply(
    project: &mut Project,
    request: &Request,
    variables: &BTreeMap<String, String>,
) {
    let active = active(project, request, variables);
    let enabled = |service: &Service| {
        service.profiles.is_empty()
            || active.contains("*")
            || service
                .profiles
                .iter()
                .any(|profile| active.contains(profile.as_str()))
    };
    let (wanted, unwanted) = std::mem::take(&mut project.services)
        .into_iter()
        .partition(|(_, service)| enabled(service));
    project.services = wanted;
    project.disabled = unwanted;
}

/// As given, else of the environment; and all profiles of services that are named. Where none
/// is given, the one without a name is active, as it is what a variable without a value leaves.
fn active(
    project: &Project,
    request: &Request,
    variables: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let environment = variables.get("COMPOSE_PROFILES").map_or("", String::as_str);
    let mut active: BTreeSet<String> = if request.profiles.is_empty() {
        environment
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect()
    } else {
        request.profiles.iter().cloned().collect()
    };
    let named = request
        .services
        .iter()
        .filter_map(|name| project.services.get(name));
    active.extend(named.flat_map(|service| service.profiles.iter().cloned()));
    active
}
