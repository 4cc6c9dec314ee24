//! A service's create request, by walking its table.

use std::collections::BTreeMap;

use bollard::models::{ContainerCreateBody, EndpointSettings, NetworkingConfig};

use crate::api_version::ApiVersion;
use crate::project::attribute::Lower;
use crate::project::content::InjectedFile;
use crate::project::request::{Lowering, Refused, Request, Unsupported};
use crate::project::service::TABLE;
use crate::project::{Project, Service};

/// The first API version whose create request takes several networks.
const SEVERAL_NETWORKS: ApiVersion = ApiVersion::new(1, 44);

/// A finished request.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// The request.
    pub body: ContainerCreateBody,
    /// Networks that the engine is too old to take in the request, to be connected afterwards.
    pub connect: Vec<(String, EndpointSettings)>,
    /// What the engine is too old for.
    pub unsupported: Vec<Unsupported>,
    /// Files to be put into the container before it starts.
    pub files: Vec<InjectedFile>,
    /// Configs and secrets that it cannot have.
    pub refused: Vec<Refused>,
    /// Those that it will not see, and the `tmpfs` over each.
    pub hidden: Vec<(String, String)>,
}

/// Engine names of a project's networks and volumes, by key.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Networks.
    pub networks: BTreeMap<String, String>,
    /// Volumes.
    pub volumes: BTreeMap<String, String>,
}

impl Names {
    /// The names of a project's resources.
    pub fn of(project: &Project) -> Names {
        let networks = project.networks.iter();
        let volumes = project.volumes.iter();
        Names {
            networks: networks
                .map(|(key, network)| (key.clone(), network.engine_name(&project.name, key)))
                .collect(),
            volumes: volumes
                .map(|(key, volume)| (key.clone(), volume.engine_name(&project.name, key)))
                .collect(),
        }
    }
}

/// Writes a service's request. `labels` are complete; the image is the service's own name for it.
pub fn create(service: &Service, with: &Lowering<'_>, labels: BTreeMap<String, String>) -> Created {
    let mut request = Request::new(with);
    for row in TABLE {
        if let Lower::Request(lower) = row.lower {
            lower(service, &mut request);
        }
    }
    request.body.image = Some(service.image_name(with.project));
    request.body.labels = Some(labels.into_iter().collect());
    request.body.attach_stdout = Some(true);
    request.body.attach_stderr = Some(true);
    finish(request)
}

fn finish(request: Request<'_>) -> Created {
    let Request {
        with,
        mut body,
        mut host,
        mut endpoints,
        unsupported,
        files,
        refused,
        hidden,
    } = request;
    let connect = if with.api < SEVERAL_NETWORKS && endpoints.len() > 1 {
        endpoints.split_off(1)
    } else {
        Vec::new()
    };
    // A project whose services have no network at all must not fall onto the engine's own.
    if host.network_mode.is_none() {
        host.network_mode = Some("none".to_owned());
    }
    if !endpoints.is_empty() {
        let endpoints_config = Some(endpoints.into_iter().collect());
        body.networking_config = Some(NetworkingConfig { endpoints_config });
    }
    body.host_config = Some(host);
    Created {
        body,
        connect,
        unsupported,
        files,
        refused,
        hidden,
    }
}
