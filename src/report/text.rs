//! Small things about text that every report needs.

use std::borrow::Cow;

use console::Style;

/// A text without control characters: names and messages come from files and engines, and must
/// not be able to move the cursor.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        Cow::Owned(text.chars().map(shown).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// A line of a program's output, fit for a row that is redrawn: what a terminal would show of it,
/// without colours.
pub(crate) fn output_line(line: &str) -> String {
    let last = line.trim_end_matches('\r').rsplit('\r').next();
    let plain = console::strip_ansi_codes(last.unwrap_or_default());
    clean(&plain.replace('\t', "    ")).into_owned()
}

/// Names, one a line.
pub fn lines(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut text = String::new();
    for name in names {
        text.push_str(name.as_ref());
        text.push('\n');
    }
    text
}

/// A style that is on or off by our own decision, not by the library's guess.
pub(crate) fn style(color: bool) -> Style {
    Style::new().force_styling(color)
}

/// `1 container`, `2 containers`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
}

/// A text cut or filled up to a width in columns.
pub(crate) fn pad(text: &str, width: usize) -> Cow<'_, str> {
    console::pad_str(text, width, console::Alignment::Left, Some("…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(clean("web\x1b[2J"), "web\u{fffd}[2J");
        assert_eq!(clean("web"), "web");
    }

    #[test]
    fn a_line_with_carriage_returns_is_what_a_terminal_would_show_last() {
        assert_eq!(output_line("10%\r55%\r100%\r"), "100%");
        assert_eq!(output_line("\x1b[31mred\x1b[0m\tx"), "red    x");
    }
}
