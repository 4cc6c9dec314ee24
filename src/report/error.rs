//! Errors and warnings as text, in one place and one form.
//!
//! ```text
//! error: cannot start container demo-web-1: port 5000 is already taken
//!   help: it is published by container other-web-1
//! ```

use std::fmt::Write;

use super::Screen;
use super::text::style;
use crate::document::Sources;
use crate::document::diagnostic::{Diagnostic, Severity, Style, render};

/// An error and what can be done about it.
pub fn error(message: &str, help: &[String], color: bool) -> String {
    headed(&head(Severity::Error, color), message, help, color)
}

/// Something to know.
pub fn warning(message: &str, color: bool) -> String {
    headed(&head(Severity::Warning, color), message, &[], color)
}

/// Problems with files, each with its place.
pub fn diagnostics(diagnostics: &[Diagnostic], sources: &Sources, screen: Screen) -> String {
    let one = |diagnostic| placed(diagnostic, sources, screen);
    diagnostics.iter().map(one).collect()
}

/// What stands nowhere in a file has the form of any other message.
fn placed(diagnostic: &Diagnostic, sources: &Sources, screen: Screen) -> String {
    if diagnostic.labels.is_empty() {
        let head = head(diagnostic.severity, screen.color);
        return headed(&head, &diagnostic.message, &diagnostic.help, screen.color);
    }
    let style = Style {
        color: screen.color,
        width: screen.width,
    };
    let mut text = render(std::slice::from_ref(diagnostic), sources, style);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn head(severity: Severity, color: bool) -> String {
    let plain = style(color);
    match severity {
        Severity::Error => plain.red().bold().apply_to("error:"),
        Severity::Warning => plain.yellow().bold().apply_to("warning:"),
    }
    .to_string()
}

/// Engines send messages of several lines; the later ones are set in, so that it stays visible
/// where the next message begins.
fn headed(head: &str, message: &str, help: &[String], color: bool) -> String {
    let mut text = String::new();
    for (index, line) in message.trim_end().lines().enumerate() {
        let lead = if index == 0 { head } else { "  " };
        let gap = if index == 0 { " " } else { "" };
        let _ = writeln!(text, "{lead}{gap}{}", visible(line));
    }
    let word = style(color).cyan().apply_to("help:");
    for line in help {
        let _ = writeln!(text, "  {word} {}", visible(line));
    }
    text
}

fn visible(line: &str) -> String {
    super::text::output_line(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_help_below() {
        let help = ["start it: systemctl start docker".to_owned()];
        let text = error("cannot list containers: no engine\nanswers", &help, false);
        let expected = "error: cannot list containers: no engine\n  answers\n  help: start it: systemctl start docker\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn colour_is_around_the_words_only() {
        assert_eq!(
            warning("old", true),
            "\u{1b}[33m\u{1b}[1mwarning:\u{1b}[0m old\n"
        );
    }
}
