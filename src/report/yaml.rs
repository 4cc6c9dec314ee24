//! A model as YAML, byte for byte as docker compose prints it, and as indented JSON.
//!
//! What is quoted, and how, follows Go's YAML printer: double quotes where the plain text would be
//! read as something else than a string, single quotes where punctuation is in the way, a literal
//! block for several lines. Readers of both YAML versions get back what was meant.

use std::fmt::Write;

use serde_yaml::Value;

/// Spaces per level.
const STEP: usize = 2;

/// A value as a YAML document.
pub fn yaml(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Mapping(mapping) if !mapping.is_empty() => write_mapping(value, 0, &mut text),
        Value::Sequence(items) if !items.is_empty() => write_sequence(items, 0, &mut text),
        _ => {
            text.push_str(&inline(value, 0));
            text.push('\n');
        }
    }
    text
}

/// The text of a JSON value, indented by two spaces a level.
pub fn indented_json(json: &str) -> String {
    let mut text = String::new();
    let mut depth = 0;
    let mut in_string = false;
    let mut escaped = false;
    let mut characters = json.chars().peekable();
    while let Some(c) = characters.next() {
        if in_string {
            text.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '{' | '[' => {
                text.push(c);
                if let Some(close) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(close);
                } else {
                    depth += 1;
                    new_line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                new_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            _ => {
                text.push(c);
                in_string = c == '"';
            }
        }
    }
    text.push('\n');
    text
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    indent(text, depth * STEP);
}

fn indent(text: &mut String, columns: usize) {
    text.extend(std::iter::repeat_n(' ', columns));
}

fn write_mapping(value: &Value, column: usize, text: &mut String) {
    let Value::Mapping(mapping) = value else {
        return;
    };
    for (index, (key, value)) in mapping.iter().enumerate() {
        // The first key of a list's item stands behind its dash.
        if index > 0 || text.is_empty() || text.ends_with('\n') {
            indent(text, column);
        }
        text.push_str(&key_text(key));
        text.push(':');
        match value {
            Value::Mapping(inner) if !inner.is_empty() => {
                text.push('\n');
                write_mapping(value, column + STEP, text);
            }
            Value::Sequence(items) if !items.is_empty() => {
                text.push('\n');
                write_sequence(items, column + STEP, text);
            }
            _ => {
                let _ = writeln!(text, " {}", inline(value, column + STEP));
            }
        }
    }
}

fn write_sequence(items: &[Value], column: usize, text: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 || text.is_empty() || text.ends_with('\n') {
            indent(text, column);
        }
        text.push_str("- ");
        match item {
            Value::Mapping(inner) if !inner.is_empty() => {
                write_mapping(item, column + STEP, text);
            }
            Value::Sequence(inner) if !inner.is_empty() => {
                write_sequence(inner, column + STEP, text);
            }
            _ => {
                let _ = writeln!(text, "{}", inline(item, column + STEP));
            }
        }
    }
}

fn key_text(key: &Value) -> String {
    match key {
        Value::String(key) if key.contains('\n') => double_quoted(key),
        Value::String(key) => string(key),
        other => inline(other, 0),
    }
}

/// A value that needs no lines of its own, except for the literal block of a text.
fn inline(value: &Value, column: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(value) => float(value),
            None => number.to_string(),
        },
        Value::String(text) if text.contains('\n') && block_allowed(text) => literal(text, column),
        Value::String(text) if text.contains('\n') => double_quoted(text),
        Value::String(text) => string(text),
        Value::Sequence(_) => "[]".to_owned(),
        Value::Mapping(_) => "{}".to_owned(),
        // A date: no string, and so without quotes.
        Value::Tagged(tagged) => match &tagged.value {
            Value::String(text) => text.clone(),
            other => inline(other, column),
        },
    }
}

/// The shortest digits that read back, with an exponent below 1e-4 and from 1e6 on.
fn float(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            ".nan".to_owned()
        } else {
            format!("{}.inf", if value < 0.0 { "-" } else { "" })
        };
    }
    let printed = format!("{value:e}");
    let (digits, exponent) = printed.split_once('e').unwrap_or((&printed, "0"));
    match exponent.parse::<i32>().unwrap_or_default() {
        -4..=5 => value.to_string(),
        small @ ..0 => format!("{digits}e-{:02}", -small),
        large => format!("{digits}e+{large:02}"),
    }
}

fn string(text: &str) -> String {
    if !reads_as_string(text) || !is_printable(text) || text.contains('\t') {
        double_quoted(text)
    } else if is_plain(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// `|`, how the end is kept, and the lines.
fn literal(text: &str, column: usize) -> String {
    let hint = if text.starts_with([' ', '\n']) {
        "2"
    } else {
        ""
    };
    let keep = match text.strip_suffix('\n') {
        None => "-",
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => "+",
        Some(_) => "",
    };
    let mut block = format!("|{hint}{keep}");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        block.push('\n');
        if !line.is_empty() {
            indent(&mut block, column);
            block.push_str(line);
        }
    }
    block
}

/// A block keeps its text only if every character is printable and no line's end is lost.
fn block_allowed(text: &str) -> bool {
    is_printable(&text.replace('\n', "")) && !text.contains(" \n") && !text.ends_with(' ')
}

fn is_printable(text: &str) -> bool {
    text.chars().all(|c| c == '\t' || !is_escaped(c))
}

/// Characters that Go's printer writes as escapes: among them, all beyond the first 65536, such as
/// emoji.
fn is_escaped(c: char) -> bool {
    let marks = ['\u{feff}', '\u{fffe}', '\u{ffff}', '\u{2028}', '\u{2029}'];
    c.is_control() || marks.contains(&c) || u32::from(c) > 0xffff
}

/// Whether a text can stand without quotes, as far as punctuation goes.
fn is_plain(text: &str) -> bool {
    let marks = "#,[]{}&*!|>'\"%@`";
    let blank_follows = |at: usize| text[at..].chars().nth(1).is_none_or(|next| next == ' ');
    if text.starts_with(' ')
        || text.ends_with(' ')
        || text.starts_with("---")
        || text.starts_with("...")
    {
        return false;
    }
    let mut after_blank = true;
    for (at, c) in text.char_indices() {
        let breaks = match c {
            c if at == 0 && marks.contains(c) => true,
            '?' | '-' if at == 0 => blank_follows(at),
            ':' => blank_follows(at),
            '#' => after_blank,
            _ => false,
        };
        if breaks {
            return false;
        }
        after_blank = c == ' ';
    }
    true
}

/// Whether a plain text is read as a string by readers of YAML 1.1 and 1.2.
fn reads_as_string(text: &str) -> bool {
    // What is taken for something else is a short word, or begins like a number. Nearly no text
    // is either, and every key and value of a project comes through here.
    let like_a_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    if text.len() > 5 && !like_a_number {
        return true;
    }
    let words = [
        "", "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "y",
        "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off",
        "OFF", ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
        "-.Inf", "-.INF",
    ];
    !(words.contains(&text) || is_number(text) || is_base_60(text) || is_date(text))
}

fn is_number(text: &str) -> bool {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return false;
    }
    let plain = text.replace('_', "");
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let lower = digits.to_ascii_lowercase();
    let of_base = |prefix: &str, base: u32| {
        lower
            .strip_prefix(prefix)
            .is_some_and(|rest| u64::from_str_radix(rest, base).is_ok() && !rest.starts_with('+'))
    };
    of_base("0x", 16) || of_base("0o", 8) || of_base("0b", 2) || is_decimal(digits)
}

/// `1`, `1.`, `.5`, `1.5e+3`.
fn is_decimal(digits: &str) -> bool {
    let (number, exponent) = match digits.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (digits, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    let number_fits = match number.split_once('.') {
        Some((whole, part)) => {
            all_digits(whole) && all_digits(part) && !(whole.is_empty() && part.is_empty())
        }
        None => !number.is_empty() && all_digits(number),
    };
    // What is larger than any number is a text to Go.
    exponent_fits && number_fits && digits.parse().is_ok_and(f64::is_finite)
}

/// `22:22`, which YAML 1.1 reads as a number of minutes.
fn is_base_60(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = digits.split(':');
    let first = parts.next().unwrap_or_default();
    let first_fits = first.starts_with(|c: char| c.is_ascii_digit())
        && first
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_');
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else {
        return false;
    };
    let sixty = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    let fraction_fits = fraction
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'_');
    first_fits && middle.iter().all(|part| sixty(part)) && sixty(last) && fraction_fits
}

/// `2001-01-01`, with or without a time, which behind a `T` has a zone.
fn is_date(text: &str) -> bool {
    let (date, time_fits) = match text.find([' ', 'T', 't']) {
        Some(at) if text[at..].starts_with(' ') => (&text[..at], is_clock(&text[at + 1..])),
        Some(at) => (&text[..at], is_zoned_clock(&text[at + 1..])),
        None => (text, true),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    year.len() == 4
        && number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
        && time_fits
}

/// `15:4:5.999`.
fn is_clock(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [hours, minutes, seconds] = parts.as_slice() else {
        return false;
    };
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let below = |text, limit| number(text, 2).is_some_and(|number| number < limit);
    below(hours, 24)
        && below(minutes, 60)
        && below(seconds, 60)
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// A clock with `Z` or `+07:00`.
fn is_zoned_clock(text: &str) -> bool {
    if let Some(clock) = text.strip_suffix('Z') {
        return is_clock(clock);
    }
    text.rfind(['+', '-']).is_some_and(|at| {
        let zone = text[at + 1..].split_once(':');
        let two = |text: &str| text.len() == 2 && number(text, 2).is_some();
        zone.is_some_and(|(hours, minutes)| two(hours) && two(minutes)) && is_clock(&text[..at])
    })
}

/// A number of a few digits.
fn number(text: &str, longest: usize) -> Option<u32> {
    let fits =
        (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn double_quoted(text: &str) -> String {
    // Behind a byte order mark in front, Go's printer takes every character for one.
    let marked = text.starts_with('\u{feff}');
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\0' => quoted.push_str("\\0"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{1b}' => quoted.push_str("\\e"),
            '\u{85}' => quoted.push_str("\\N"),
            '\u{2028}' => quoted.push_str("\\L"),
            '\u{2029}' => quoted.push_str("\\P"),
            c if marked || is_escaped(c) => quoted.push_str(&number_escape(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn number_escape(c: char) -> String {
    match u32::from(c) {
        number @ ..=0xff => format!("\\x{number:02X}"),
        number @ ..=0xffff => format!("\\u{number:04X}"),
        number => format!("\\U{number:08X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_where_they_would_be_read_as_something_else() {
        let texts = [
            ("web", "web"),
            ("", "\"\""),
            ("true", "\"true\""),
            ("yes", "\"yes\""),
            ("8080", "\"8080\""),
            ("1_000", "\"1_000\""),
            ("0x1F", "\"0x1F\""),
            ("1.5e3", "\"1.5e3\""),
            ("-5", "\"-5\""),
            ("1.2.3", "1.2.3"),
            ("22:22", "\"22:22\""),
            ("5000:5000", "5000:5000"),
            ("2001-01-01", "\"2001-01-01\""),
            ("~", "\"~\""),
            ("redis:8", "redis:8"),
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("a#b", "a#b"),
            ("*all", "'*all'"),
            ("it's", "it's"),
            ("'it's", "'''it''s'"),
            ("- a", "'- a'"),
            ("-a", "-a"),
            ("a:", "'a:'"),
            (" a", "' a'"),
            ("a\tb", "\"a\\tb\""),
            ("10s", "10s"),
            ("ünï", "ünï"),
            ("1e", "1e"),
            (".", "."),
            ("+", "+"),
        ];
        for (text, expected) in texts {
            assert_eq!(string(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_document_is_laid_out_as_docker_compose_does() {
        let text = "\
name: demo
services:
  web:
    command:
      - sh
      - -c
      - |-
        one
        two
    entrypoint: null
    environment:
      A: \"1\"
    ports:
      - mode: ingress
        target: 80
        published: \"8080\"
    labels: {}
    nested:
      - - a
        - b
    script: |
      x

      y
networks:
  default:
    name: demo_default
    ipam: {}
";
        let value: Value = serde_yaml::from_str(text).expect("YAML");
        assert_eq!(yaml(&value), text);
    }

    #[test]
    fn json_is_indented() {
        let text = r#"{"a":[1,{"b":"x,\"{y"}],"c":{},"d":[]}"#;
        let expected = "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x,\\\"{y\"\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}\n";
        assert_eq!(indented_json(text), expected);
    }
}
