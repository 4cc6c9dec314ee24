//! The sockets of this machine, as Linux tells them under `/proc`.
//!
//! They say something about the engine's ports only when the engine lives in the same network
//! namespace. That shows by its bridges: without one in sight (in a container that was handed the
//! engine's socket, on another system) nothing is told at all.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::ops::ports::{Bound, Machine, Process};

/// Longest command line that is told.
const COMMAND: usize = 80;

/// This machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linux;

impl Machine for Linux {
    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn bound(&self) -> Vec<Bound> {
        if !has_bridges() {
            return Vec::new();
        }
        let tables = [
            ("tcp", "tcp"),
            ("tcp6", "tcp"),
            ("udp", "udp"),
            ("udp6", "udp"),
        ];
        let rows = tables.into_iter().flat_map(|(file, protocol)| {
            let table = fs::read_to_string(Path::new("/proc/net").join(file));
            rows(&table.unwrap_or_default(), protocol)
        });
        rows.collect()
    }

    fn owner(&self, bound: &Bound) -> Option<Process> {
        let socket = format!("socket:[{}]", bound.inode);
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let mut numbered = processes.filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, entry.path()))
        });
        let (pid, path) = numbered.find(|(_, path)| holds(path, &socket))?;
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let command: String = line.trim().chars().take(COMMAND).collect();
        Some(Process { pid, command })
    }
}

/// Whether a bridge of an engine is in sight.
fn has_bridges() -> bool {
    let devices = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let mut names = devices.lines().filter_map(|line| line.split_once(':'));
    names.any(|(name, _)| matches!(name.trim(), "docker0" | "podman0"))
}

fn holds(process: &Path, socket: &str) -> bool {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten();
    let mut targets = files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok());
    targets.any(|target| target.as_os_str() == socket)
}

/// Rows of a table: listening sockets of TCP, unconnected ones of UDP.
fn rows(table: &str, protocol: &'static str) -> Vec<Bound> {
    let idle = if protocol == "tcp" { "0A" } else { "07" };
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (address, port) = fields.get(1)?.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let listens = fields.get(3) == Some(&idle);
        listens.then_some(Bound {
            address: ip(address)?,
            port,
            protocol,
            inode: fields.get(9)?.parse().ok()?,
        })
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// Words of four bytes, each in the machine's own order.
fn ip(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = hex.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    if hex.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let mut bytes = [0; 16];
    for (at, chunk) in bytes.chunks_mut(4).enumerate() {
        chunk.copy_from_slice(&word(at)?);
    }
    Some(Ipv6Addr::from(bytes).into())
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1
   1: 0100007F:1F91 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4243 1
";

    #[test]
    fn what_listens_is_read_and_what_is_connected_is_not() {
        let expected = Bound {
            address: Ipv4Addr::LOCALHOST.into(),
            port: 8080,
            protocol: "tcp",
            inode: 4242,
        };
        assert_eq!(rows(TABLE, "tcp"), [expected]);
    }

    #[test]
    fn addresses_of_both_families_are_read() {
        let loopback = "00000000000000000000000001000000";
        assert_eq!(ip(loopback), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(ip("0100007F"), Some(Ipv4Addr::LOCALHOST.into()));
        assert_eq!(ip("01"), None);
    }
}
