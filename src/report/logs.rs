//! Output of several containers, each line with the name of the one that wrote it.
//!
//! Pieces of output are not lines. Every container and channel has its own buffer, so that the
//! halves of two lines never meet on one. What containers print is passed on as it is; the prefix
//! is ours and has no control characters in it.

use std::collections::BTreeMap;

use console::{Style, measure_text_width};

use super::Stream;
use super::text::{clean, style};
use crate::ops::logs::{Channel, Output};
use crate::ops::{Logs, display_name};

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

/// Tells the moment as lines begin with it.
pub type Stamp = std::sync::Arc<dyn Fn() -> String + Send + Sync>;

/// Prints lines.
pub struct LogPrinter {
    project: String,
    stdout: Stream,
    stderr: Stream,
    style: LogStyle,
    width: usize,
    services: Vec<String>,
    /// The moment, for lines that are to begin with it.
    stamp: Option<Stamp>,
    /// The beginnings of lines, of stdout and stderr of each container.
    partial: BTreeMap<String, [Vec<u8>; 2]>,
}

impl LogPrinter {
    /// A printer for the containers of a project. Their standard error goes to `stderr`.
    pub fn new(project: &str, stdout: Stream, stderr: Stream, style: LogStyle) -> LogPrinter {
        LogPrinter {
            project: project.to_owned(),
            stdout,
            stderr,
            style,
            width: 0,
            services: Vec::new(),
            stamp: None,
            partial: BTreeMap::new(),
        }
    }

    /// Begins each line with the moment that it came.
    #[must_use]
    pub fn stamped(mut self, stamp: Stamp) -> LogPrinter {
        self.stamp = Some(stamp);
        self
    }

    /// Says whose output will follow: `Attaching to db-1, web-1`.
    pub fn introduce(&mut self, containers: &[String]) {
        let names: Vec<String> = containers.iter().map(|name| self.label(name)).collect();
        if !names.is_empty() {
            let names = names.join(", ");
            self.stdout.put(&format!("Attaching to {names}\n"));
        }
    }

    /// Prints the lines that have no end yet.
    pub fn finish(&mut self) {
        for (container, rest) in std::mem::take(&mut self.partial) {
            self.print_rest(&container, &rest);
        }
    }

    fn print_rest(&mut self, container: &str, [stdout, stderr]: &[Vec<u8>; 2]) {
        self.print(container, Channel::Stdout, stdout);
        self.print(container, Channel::Stderr, stderr);
    }

    fn print(&mut self, container: &str, channel: Channel, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut prefix = self.prefix(container);
        if let Some(stamp) = &self.stamp {
            prefix += &stamp();
            prefix.push(' ');
        }
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

    fn prefix(&mut self, container: &str) -> String {
        if self.style.no_prefix {
            return String::new();
        }
        self.announce(container);
        let name = self.label(container);
        let fill = self.width.saturating_sub(measure_text_width(&name));
        let text = format!("{name}{:fill$}  |", "");
        format!("{} ", self.paint(service_of(&name)).apply_to(text))
    }

    /// The widest name decides how far all lines are set in, and the order decides the colours.
    fn announce(&mut self, container: &str) {
        let name = self.label(container);
        self.width = self.width.max(measure_text_width(&name));
        let service = service_of(&name);
        if !self.services.iter().any(|known| known == service) {
            self.services.push(service.to_owned());
        }
    }

    fn label(&self, container: &str) -> String {
        clean(display_name(&self.project, container)).into_owned()
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

/// `web` of `web-1`: the containers of a service have one colour.
fn service_of(label: &str) -> &str {
    match label.rsplit_once('-') {
        Some((service, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => service,
        _ => label,
    }
}

impl Logs for LogPrinter {
    fn attached(&mut self, containers: &[String]) {
        for container in containers {
            self.announce(container);
        }
    }

    /// Prints what has become whole lines.
    fn output(&mut self, container: &str, output: &Output) {
        let buffers = self.partial.entry(container.to_owned()).or_default();
        let buffer = &mut buffers[output.channel as usize];
        buffer.extend_from_slice(&output.bytes);
        let whole = match buffer.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if buffer.len() > LONGEST => buffer.len(),
            None => return,
        };
        let lines: Vec<u8> = buffer.drain(..whole).collect();
        self.print(container, output.channel, &lines);
    }

    fn exited(&mut self, container: &str, code: i64, restarting: bool) {
        if let Some(rest) = self.partial.remove(container) {
            self.print_rest(container, &rest);
        }
        let again = if restarting { " (restarting)" } else { "" };
        let name = self.label(container);
        self.stdout
            .put(&format!("{name} exited with code {code}{again}\n"));
    }

    fn message(&mut self, text: &str) {
        self.stderr.put(&format!("{}\n", clean(text)));
    }
}

/// A line without its end. Containers with a terminal end lines with `\r\n`.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(style: LogStyle, print: impl FnOnce(&mut LogPrinter)) -> String {
        let written = Written::default();
        let both = Stream::new(written.clone());
        print(&mut LogPrinter::new("demo", both.clone(), both, style));
        let bytes = written.0.lock().unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn piece(channel: Channel, bytes: &'static [u8]) -> Output {
        let bytes = bytes::Bytes::from_static(bytes);
        Output { channel, bytes }
    }

    fn out(bytes: &'static [u8]) -> Output {
        piece(Channel::Stdout, bytes)
    }

    #[test]
    fn lines_are_set_in_by_the_widest_name_and_halves_are_joined() {
        let (web, db) = ("demo-web-1", "demo-db-1");
        let text = printed(LogStyle::default(), |printer| {
            printer.attached(&[web.into(), db.into()]);
            printer.output(db, &out(b"one\ntw"));
            printer.output(web, &piece(Channel::Stderr, b"error\r\n"));
            printer.output(db, &piece(Channel::Stderr, b"other\n"));
            printer.output(db, &out(b"o\nrest"));
            printer.exited(db, 0, false);
            printer.output(web, &out(b"end"));
            printer.finish();
        });
        let expected = "\
db-1   | one
web-1  | error
db-1   | other
db-1   | two
db-1   | rest
db-1 exited with code 0
web-1  | end
";
        assert_eq!(text, expected);
    }

    #[test]
    fn colours_stay_with_the_service_and_are_ten() {
        let style = LogStyle {
            color: true,
            no_prefix: false,
        };
        let text = printed(style, |printer| {
            for number in (0..11).chain([0]) {
                printer.output(&format!("demo-s{number}-1"), &out(b"x\n"));
            }
        });
        let codes: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split('s').next())
            .collect();
        assert_eq!(codes[0], "\u{1b}[36m");
        assert_eq!(codes[5], "\u{1b}[36m\u{1b}[1m");
        assert_eq!([codes[10], codes[11]], [codes[0]; 2]);
    }

    #[test]
    fn without_prefix_the_bytes_are_the_containers_own() {
        let style = LogStyle {
            no_prefix: true,
            color: false,
        };
        let text = printed(style, |printer| {
            printer.output("demo-web-1", &out(b"\x1b[31mred\x1b[0m\n"));
        });
        assert_eq!(text, "\u{1b}[31mred\u{1b}[0m\n");
    }
}
