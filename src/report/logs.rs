//! Output of several containers, each line with the name of the one that wrote it.
//!
//! Pieces of output are not lines. Every container and channel has its own buffer, so that the
//! halves of two lines never meet on one. What containers print is passed on as it is; the prefix
//! is ours and has no control characters in it.

use std::collections::BTreeMap;

use console::{Style, measure_text_width};

use super::Stream;
use super::text::{clean, style};

/// A line that has no end after so many bytes is printed as it is.
const LONGEST: usize = 1 << 20;

/// How lines are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogStyle {
    /// Without the name.
    pub no_prefix: bool,
    /// With a colour for every service.
    pub color: bool,
}

/// Which of a container's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Prints lines.
pub struct LogPrinter {
    stdout: Stream,
    stderr: Stream,
    style: LogStyle,
    width: usize,
    services: Vec<String>,
    partial: BTreeMap<(String, Channel), Vec<u8>>,
}

impl LogPrinter {
    /// A printer. Containers' standard error goes to `stderr`.
    pub fn new(stdout: Stream, stderr: Stream, style: LogStyle) -> LogPrinter {
        LogPrinter {
            stdout,
            stderr,
            style,
            width: 0,
            services: Vec::new(),
            partial: BTreeMap::new(),
        }
    }

    /// Takes note of a container before its first line: the widest name decides how far all lines
    /// are set in, and the order decides the colours.
    pub fn announce(&mut self, name: &str, service: &str) {
        self.width = self.width.max(measure_text_width(&clean(name)));
        if !self.services.iter().any(|known| known == service) {
            self.services.push(service.to_owned());
        }
    }

    /// Prints what has become whole lines.
    pub fn output(&mut self, name: &str, service: &str, channel: Channel, bytes: &[u8]) {
        let key = (name.to_owned(), channel);
        let mut buffer = self.partial.remove(&key).unwrap_or_default();
        buffer.extend_from_slice(bytes);
        let whole = match buffer.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if buffer.len() > LONGEST => buffer.len(),
            None => 0,
        };
        let rest = buffer.split_off(whole);
        self.print(name, service, channel, &buffer);
        if !rest.is_empty() {
            self.partial.insert(key, rest);
        }
    }

    /// A container says no more for now: its unfinished lines are printed.
    pub fn end(&mut self, name: &str, service: &str) {
        for channel in [Channel::Stdout, Channel::Stderr] {
            if let Some(rest) = self.partial.remove(&(name.to_owned(), channel)) {
                self.print(name, service, channel, &rest);
            }
        }
    }

    /// Something about a container: `web-1 exited with code 0`.
    pub fn notice(&mut self, name: &str, service: &str, text: &str) {
        self.end(name, service);
        let line = format!("{} {}\n", clean(name), clean(text));
        self.stdout.put(&line);
    }

    fn print(&mut self, name: &str, service: &str, channel: Channel, bytes: &[u8]) {
        let prefix = self.prefix(name, service);
        let mut text = Vec::with_capacity(bytes.len() + prefix.len());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            text.extend_from_slice(prefix.as_bytes());
            text.extend_from_slice(without_end(line));
            text.push(b'\n');
        }
        match channel {
            Channel::Stdout => self.stdout.put_bytes(&text),
            Channel::Stderr => self.stderr.put_bytes(&text),
        }
    }

    fn prefix(&mut self, name: &str, service: &str) -> String {
        if self.style.no_prefix {
            return String::new();
        }
        self.announce(name, service);
        let name = clean(name);
        let fill = self.width - measure_text_width(&name);
        let text = format!("{name}{:fill$}  |", "");
        format!("{} ", self.paint(service).apply_to(text))
    }

    fn paint(&self, service: &str) -> Style {
        let plain = style(self.style.color);
        let place = self.services.iter().position(|known| known == service);
        let place = place.unwrap_or_default();
        let painted = match place % 5 {
            0 => plain.cyan(),
            1 => plain.yellow(),
            2 => plain.green(),
            3 => plain.magenta(),
            _ => plain.blue(),
        };
        if place / 5 % 2 == 1 {
            painted.bold()
        } else {
            painted
        }
    }
}

/// A line without its end. Containers with a terminal end lines with `\r\n`.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
