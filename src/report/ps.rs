//! Containers as a table or as JSON, in docker compose's columns and keys.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use console::truncate_str;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::json::json_line;
use super::table::{Table, human_age};
use crate::ops::ps::{Port, Row};

/// What is needed to speak of times.
#[derive(Debug)]
pub struct Clock {
    /// Unix seconds.
    pub now: i64,
    /// Zone that moments are shown in. Finding it takes longer than most commands do, and few of
    /// them speak of moments.
    pub zone: LazyLock<TimeZone>,
}

/// The table.
pub fn table(rows: &[Row], clock: &Clock, no_truncation: bool) -> String {
    let headings = [
        "NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS",
    ];
    let mut table = Table::new(headings);
    for row in rows {
        table.row([
            row.name.clone(),
            row.image.clone(),
            command(row, no_truncation),
            row.service.clone(),
            human_age(clock.now - row.created),
            row.status.clone(),
            ports(&row.ports),
        ]);
    }
    table.render()
}

/// An object a line.
pub fn json(rows: &[Row], clock: &Clock, no_truncation: bool) -> String {
    let object = |row| json_line(&Object::of(row, clock, no_truncation));
    rows.iter().map(object).collect()
}

/// docker compose's keys, in its order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Object<'a> {
    command: String,
    created_at: String,
    exit_code: i64,
    health: &'a str,
    #[serde(rename = "ID")]
    id: &'a str,
    image: &'a str,
    labels: String,
    local_volumes: String,
    mounts: String,
    name: &'a str,
    names: &'a str,
    networks: String,
    ports: String,
    project: &'a str,
    publishers: Vec<Publisher<'a>>,
    running_for: String,
    service: &'a str,
    size: &'static str,
    state: &'a str,
    status: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Publisher<'a> {
    #[serde(rename = "URL")]
    url: &'a str,
    target_port: u16,
    published_port: u16,
    protocol: &'a str,
}

impl<'a> Object<'a> {
    fn of(row: &'a Row, clock: &Clock, no_truncation: bool) -> Object<'a> {
        let labels: Vec<String> = row
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let mount = |name: &String| {
            if no_truncation {
                name.clone()
            } else {
                truncate_str(name, 15, "…").into_owned()
            }
        };
        let mounts: Vec<String> = row.mounts.iter().map(mount).collect();
        Object {
            command: command(row, no_truncation),
            created_at: moment(row.created, &clock.zone),
            exit_code: row.exit_code,
            health: &row.health,
            id: if no_truncation {
                &row.id
            } else {
                short(&row.id)
            },
            image: &row.image,
            labels: labels.join(","),
            local_volumes: row.volumes.to_string(),
            mounts: mounts.join(","),
            name: &row.name,
            names: &row.name,
            networks: row.networks.join(","),
            ports: ports(&row.ports),
            project: &row.project,
            publishers: row.ports.iter().map(publisher).collect(),
            running_for: human_age(clock.now - row.created),
            service: &row.service,
            size: "0B",
            state: &row.state,
            status: &row.status,
        }
    }
}

fn publisher(port: &Port) -> Publisher<'_> {
    Publisher {
        url: &port.ip,
        target_port: port.target,
        published_port: port.published,
        protocol: &port.protocol,
    }
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// `2026-11-21 10:00:00 +0000 UTC`.
fn moment(seconds: i64, zone: &TimeZone) -> String {
    let timestamp = Timestamp::from_second(seconds).unwrap_or_default();
    let moment = timestamp.to_zoned(zone.clone());
    moment.strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

/// The command in quotes, cut to 20 columns as Docker does.
fn command(row: &Row, no_truncation: bool) -> String {
    let command = if no_truncation {
        row.command.as_str().into()
    } else {
        truncate_str(&row.command, 20, "…")
    };
    let mut quoted = String::from('"');
    for c in command.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// `0.0.0.0:8000-8002->8000-8002/tcp, 6379/tcp`: ports that follow on each other and are published
/// under their own number are one range; others stand alone, at the end.
pub fn ports(ports: &[Port]) -> String {
    let mut ranges: BTreeMap<(&str, &str), (u16, u16)> = BTreeMap::new();
    let mut shown = Vec::new();
    let mut moved = Vec::new();
    let mut sorted: Vec<&Port> = ports.iter().collect();
    sorted.sort();
    for port in sorted {
        if !port.ip.is_empty() && port.published != port.target {
            let (target, protocol) = (port.target, &port.protocol);
            let host = host_and(&port.ip, &port.published.to_string());
            moved.push(format!("{host}->{target}/{protocol}"));
            continue;
        }
        let key = (port.ip.as_str(), port.protocol.as_str());
        let range = ranges.get(&key).copied();
        let grown = match range {
            Some((first, last)) if port.target == last || port.target == last.saturating_add(1) => {
                (first, port.target)
            }
            Some(other) => {
                shown.push(range_text(key, other));
                (port.target, port.target)
            }
            None => (port.target, port.target),
        };
        ranges.insert(key, grown);
    }
    shown.extend(
        ranges
            .into_iter()
            .map(|(key, range)| range_text(key, range)),
    );
    shown.extend(moved);
    shown.join(", ")
}

fn range_text((ip, protocol): (&str, &str), (first, last): (u16, u16)) -> String {
    let range = if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    };
    if ip.is_empty() {
        format!("{range}/{protocol}")
    } else {
        format!("{}->{range}/{protocol}", host_and(ip, &range))
    }
}

fn host_and(ip: &str, port: &str) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(ip: &str, published: u16, target: u16) -> Port {
        let (ip, protocol) = (ip.to_owned(), "tcp".to_owned());
        Port {
            target,
            ip,
            published,
            protocol,
        }
    }

    fn clock() -> Clock {
        Clock {
            now: 1_000_000_240,
            zone: LazyLock::new(|| TimeZone::UTC),
        }
    }

    fn row() -> Row {
        Row {
            id: "0123456789abcdef".into(),
            name: "demo-web-1".into(),
            image: "demo-web".into(),
            command: "docker-entrypoint.sh redis-server".into(),
            service: "web".into(),
            project: "demo".into(),
            created: 1_000_000_000,
            state: "running".into(),
            status: "Up 4 minutes (healthy)".into(),
            health: "healthy".into(),
            labels: vec![("a".into(), "1".into()), ("b".into(), "2".into())],
            mounts: vec!["a-volume-with-a-long-name".into()],
            volumes: 1,
            networks: vec!["demo_default".into()],
            ports: vec![port("0.0.0.0", 5000, 5000), port("", 0, 9090)],
            ..Row::default()
        }
    }

    #[test]
    fn ports_in_a_row_are_a_range_and_moved_ones_stand_alone() {
        let shown = ports(&[
            port("0.0.0.0", 8000, 8000),
            port("0.0.0.0", 8001, 8001),
            port("::", 8000, 8000),
            port("0.0.0.0", 32768, 80),
            port("", 0, 6379),
        ]);
        let expected = "6379/tcp, 0.0.0.0:8000-8001->8000-8001/tcp, [::]:8000->8000/tcp, 0.0.0.0:32768->80/tcp";
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_table_is_docker_composes() {
        let expected = "\
NAME         IMAGE      COMMAND                  SERVICE   CREATED         STATUS                   PORTS
demo-web-1   demo-web   \"docker-entrypoint.s…\"   web       4 minutes ago   Up 4 minutes (healthy)   9090/tcp, 0.0.0.0:5000->5000/tcp
";
        assert_eq!(table(&[row()], &clock(), false), expected);
    }

    #[test]
    fn json_has_docker_composes_keys() {
        let expected = r#"{"Command":"\"docker-entrypoint.s…\"","CreatedAt":"2001-09-09 01:46:40 +0000 UTC","ExitCode":0,"Health":"healthy","ID":"0123456789ab","Image":"demo-web","Labels":"a=1,b=2","LocalVolumes":"1","Mounts":"a-volume-with-…","Name":"demo-web-1","Names":"demo-web-1","Networks":"demo_default","Ports":"9090/tcp, 0.0.0.0:5000-\u003e5000/tcp","Project":"demo","Publishers":[{"URL":"0.0.0.0","TargetPort":5000,"PublishedPort":5000,"Protocol":"tcp"},{"URL":"","TargetPort":9090,"PublishedPort":0,"Protocol":"tcp"}],"RunningFor":"4 minutes ago","Service":"web","Size":"0B","State":"running","Status":"Up 4 minutes (healthy)"}
"#;
        let expected = expected.replace("\\u003e", ">");
        assert_eq!(json(&[row()], &clock(), false), expected);
    }
}
