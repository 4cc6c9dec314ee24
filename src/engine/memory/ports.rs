//! Ports of the host: which are asked for, which are free.

use bollard::models::PortBinding;

use super::state::{Held, State};
use crate::engine::EngineError;
use crate::engine::wire::Port;

impl State {
    /// Takes the ports of the host that a container that starts publishes.
    pub(super) fn publish_ports(&mut self, index: usize) -> Result<(), EngineError> {
        let body = self.containers[index].body.clone();
        let host = body.host_config.unwrap_or_default();
        let mut ports = Vec::new();
        let mut bindings: Vec<_> = host.port_bindings.into_iter().flatten().collect();
        bindings.sort_by(|left, right| left.0.cmp(&right.0));
        for (inside, bindings) in bindings {
            for binding in bindings.unwrap_or_default() {
                ports.push(self.published(&self.containers[index], &inside, &binding, &ports)?);
            }
        }
        for inside in body.exposed_ports.into_iter().flatten() {
            let port = port_inside(&inside);
            let same = |it: &Port| (it.private, &it.protocol) == (port.private, &port.protocol);
            if !ports.iter().any(same) {
                ports.push(port);
            }
        }
        self.containers[index].ports = ports;
        Ok(())
    }

    /// The first free port of the host that a binding allows.
    fn published(
        &self,
        held: &Held,
        inside: &str,
        binding: &PortBinding,
        own: &[Port],
    ) -> Result<Port, EngineError> {
        let ip = binding.host_ip.clone().filter(|ip| !ip.is_empty());
        let port = Port {
            ip: ip.unwrap_or_else(|| "0.0.0.0".to_owned()),
            ..port_inside(inside)
        };
        let (first, last) = allowed(binding.host_port.as_deref().unwrap_or_default());
        let mut candidates = (first..=last).map(|public| Port {
            public: Some(public),
            ..port.clone()
        });
        let is_free = |port: &Port| !self.is_taken(port) && !own.iter().any(|it| clash(it, port));
        candidates.find(is_free).ok_or_else(|| {
            let ip = &port.ip;
            let reason = if self.occupied_ports.contains(&first) {
                let words = "Error starting userland proxy: listen tcp4";
                format!("{words} {ip}:{first}: bind: address already in use")
            } else {
                format!("Bind for {ip}:{first} failed: port is already allocated")
            };
            let words = "driver failed programming external connectivity on endpoint";
            EngineError::Refused {
                status: 500,
                message: format!("{words} {} ({}): {reason}", held.name, held.id),
            }
        })
    }

    fn is_taken(&self, port: &Port) -> bool {
        let ports = self.containers.iter().flat_map(|held| &held.ports);
        let occupied = port
            .public
            .is_some_and(|port| self.occupied_ports.contains(&port));
        occupied || ports.into_iter().any(|it| clash(it, port))
    }
}

fn port_inside(inside: &str) -> Port {
    let (private, protocol) = inside.split_once('/').unwrap_or((inside, "tcp"));
    Port {
        private: private.parse().unwrap_or_default(),
        protocol: protocol.to_owned(),
        ..Port::default()
    }
}

/// First and last of `8000`, `8000-8010`, or of what engines choose from when nothing is asked.
fn allowed(ports: &str) -> (u16, u16) {
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first > 0 => (first, last),
        _ => (32768, u16::MAX),
    }
}

fn clash(left: &Port, right: &Port) -> bool {
    let everywhere = |ip: &str| ip == "0.0.0.0" || ip == "::";
    left.public.is_some()
        && (left.public, &left.protocol) == (right.public, &right.protocol)
        && (left.ip == right.ip || everywhere(&left.ip) || everywhere(&right.ip))
}
