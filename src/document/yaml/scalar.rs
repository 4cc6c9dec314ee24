//! What a plain scalar means, by the rules of Go's YAML library.
//!
//! Those rules are YAML 1.2 with the numbers of YAML 1.1: `0755` is octal and `1_000` a thousand,
//! but `yes` and `22:22` are strings. Every line below was checked against docker compose 2.40.3.
//!
//! | text | meaning |
//! |---|---|
//! | `true` `True` `TRUE`, same for false | boolean; no other spelling is |
//! | nothing, `~`, `null` `Null` `NULL` | null |
//! | `0755` `0o17` `0x1F` `0b11`, with sign and `_` | integer |
//! | `08`, `1.`, `.5`, `1e3`, `1_000.5` | float |
//! | 2^63 to 2^64 - 1 | unsigned; beyond that a float |
//! | `.inf` `.nan` in three spellings | float |
//! | `2001-1-1`, `2001-01-01T10:00:00Z` | timestamp, if the date exists |
//! | everything else (`1e400`, `0o9`, `0x`) | string |

use crate::document::ScalarKind;

/// What an unquoted, untagged text means.
pub fn resolve(text: &str) -> ScalarKind {
    let Some(first) = text.bytes().next() else {
        return ScalarKind::Null;
    };
    match first {
        b'0'..=b'9' | b'+' | b'-' => word(text)
            .or_else(|| is_timestamp(text).then_some(ScalarKind::Timestamp))
            .or_else(|| number(text))
            .unwrap_or(ScalarKind::String),
        b'.' => word(text)
            .or_else(|| fraction(text))
            .unwrap_or(ScalarKind::String),
        b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' => word(text).unwrap_or(ScalarKind::String),
        _ => ScalarKind::String,
    }
}

/// The spellings that are taken whole.
fn word(text: &str) -> Option<ScalarKind> {
    Some(match text {
        "~" | "null" | "Null" | "NULL" => ScalarKind::Null,
        "true" | "True" | "TRUE" => ScalarKind::Bool(true),
        "false" | "False" | "FALSE" => ScalarKind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => ScalarKind::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => ScalarKind::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => ScalarKind::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// Numbers that start with a digit or a sign. Underscores may stand anywhere.
fn number(text: &str) -> Option<ScalarKind> {
    if text.contains('_') {
        let plain = text.replace('_', "");
        integer(&plain).or_else(|| float(&plain))
    } else {
        integer(text).or_else(|| float(text))
    }
}

fn integer(text: &str) -> Option<ScalarKind> {
    let (negative, signed, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let (digits, radix) = radix(unsigned);
    // The standard parser takes a sign of its own.
    if !digits.bytes().next()?.is_ascii_alphanumeric() {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64
            .checked_sub_unsigned(magnitude)
            .map(ScalarKind::Integer);
    }
    match i64::try_from(magnitude) {
        Ok(small) => Some(ScalarKind::Integer(small)),
        Err(_) if !signed => Some(ScalarKind::Unsigned(magnitude)),
        Err(_) => None,
    }
}

fn radix(text: &str) -> (&str, u32) {
    let bytes = text.as_bytes();
    match bytes {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', b'o' | b'O', ..] => (&text[2..], 8),
        [b'0', b'b' | b'B', ..] => (&text[2..], 2),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    }
}

/// A decimal number. Go reports a number too large for a float as no number at all.
fn float(text: &str) -> Option<ScalarKind> {
    if !is_float(text) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(ScalarKind::Float(value))
}

/// `[-+]? ( . digits | digits ( . digits* )? ) ( [eE] [-+]? digits )?`
fn is_float(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = take_digits(&mut rest);
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        if take_digits(&mut rest) + whole == 0 {
            return false;
        }
    } else if whole == 0 {
        return false;
    }
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else {
        return rest.is_empty();
    };
    rest = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    take_digits(&mut rest) > 0 && rest.is_empty()
}

fn take_digits(rest: &mut &str) -> usize {
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    *rest = &rest[count..];
    count
}

/// Numbers that start with a point. Here, unlike elsewhere, an underscore needs a digit on
/// either side.
fn fraction(text: &str) -> Option<ScalarKind> {
    if !text.contains('_') {
        return float(text);
    }
    let between_digits = text
        .as_bytes()
        .windows(3)
        .filter(|three| three[1] == b'_' && three[0].is_ascii_digit() && three[2].is_ascii_digit());
    if between_digits.count() == text.matches('_').count() {
        float(&text.replace('_', ""))
    } else {
        None
    }
}

/// A date, or a date and a time, as written in one of Go's four layouts.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let Some(rest) = date(text) else { return false };
    match rest.as_bytes().first() {
        None => true,
        Some(b'T' | b't') => time(&rest[1..]).is_some_and(is_zone),
        Some(b' ') => time(&rest[1..]).is_some_and(str::is_empty),
        Some(_) => false,
    }
}

/// Reads `2001-1-31` and returns what follows.
fn date(text: &str) -> Option<&str> {
    let year: u32 = text[..4].parse().ok()?;
    let mut rest = &text[5..];
    let month = short_number(&mut rest)?;
    rest = rest.strip_prefix('-')?;
    let day = short_number(&mut rest)?;
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(rest)
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Reads `1:2:3.5` and returns what follows.
fn time(text: &str) -> Option<&str> {
    let mut rest = text;
    let hour = short_number(&mut rest)?;
    rest = rest.strip_prefix(':')?;
    let minute = short_number(&mut rest)?;
    rest = rest.strip_prefix(':')?;
    let second = short_number(&mut rest)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if let Some(mut after) = rest.strip_prefix(['.', ','])
        && take_digits(&mut after) > 0
    {
        rest = after;
    }
    Some(rest)
}

/// One or two digits.
fn short_number(rest: &mut &str) -> Option<u32> {
    let count = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let value = rest[..count].parse().ok()?;
    *rest = &rest[count..];
    Some(value)
}

/// `Z` or `+01:30`.
fn is_zone(text: &str) -> bool {
    match text.as_bytes() {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|c| c.is_ascii_digit()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    /// The meaning as docker compose 2.40.3 prints it in `config`.
    fn printed(text: &str) -> String {
        match resolve(text) {
            ScalarKind::String => format!("{text:?}"),
            ScalarKind::Null => "null".to_owned(),
            ScalarKind::Bool(value) => value.to_string(),
            ScalarKind::Integer(value) => value.to_string(),
            ScalarKind::Unsigned(value) => format!("{value}u"),
            ScalarKind::Float(value) => format!("{value:?}f"),
            ScalarKind::Timestamp => "timestamp".to_owned(),
        }
    }

    #[test]
    fn scalars_mean_what_they_mean_in_docker_compose() {
        let table = "
            0755 493 | 08 8.0f | 09 9.0f | 1_000 1000 | yes \"yes\" | on \"on\" | y \"y\"
            22:22 \"22:22\" | 1e3 1000.0f | 1E3 1000.0f | ~ null | 0x1F 31 | 0X1F 31 | 0b11 3 | 0B1 1
            0o17 15 | 0O17 15 | .5 0.5f | +1 1 | 1.50 1.5f | 0b \"0b\" | .inf inff | +.inf inff
            -.inf -inff | -0 0 | 1__0 10 | _1 \"_1\" | 1_ 1 | 0x_1F 31 | -0b11 -3 | 0755_1 3945
            True true | TRUE true | tRUE \"tRUE\" | NULL null | nULL \"nULL\" | .NaN NaNf | 1. 1.0f
            18446744073709551615 18446744073709551615u | 18446744073709551616 1.8446744073709552e19f
            -9223372036854775808 -9223372036854775808 | -9223372036854775809 -9.223372036854776e18f
            1e400 \"1e400\" | 1.0e+5 100000.0f | 0xFFFFFFFFFFFFFFFF 18446744073709551615u
            0xFFFFFFFFFFFFFFFFF \"0xFFFFFFFFFFFFFFFFF\" | = \"=\" | 190:20:30 \"190:20:30\"
            -.5 -0.5f | +.5 0.5f | 0o9 \"0o9\" | 0_7 7 | -0755 -493 | +0755 493 | 1e \"1e\"
            1_000.5 1000.5f | infinity \"infinity\" | 0x1p4 \"0x1p4\" | -0x10 -16 | nan \"nan\"
            00 0 | 0 0 | -0o17 -15 | 12e03 12000.0f | 0x \"0x\" | + \"+\" | . \".\" | .e1 \".e1\"
            1.e1 10.0f | +.5e3 500.0f | 0b12 \"0b12\" | .5_0 0.5f | ._5 \"._5\" | .5e1_0 5000000000.0f
            .infinity \".infinity\" | +-1 \"+-1\" | 0x+1 \"0x+1\" | +18446744073709551615 1.8446744073709552e19f
            1_0.5 10.5f | <<  \"<<\"
            2001-01-01 timestamp | 2001-1-1 timestamp | 2001-13-01 \"2001-13-01\"
            2001-02-30 \"2001-02-30\" | 2000-02-29 timestamp | 1900-02-29 \"1900-02-29\"
            2001-12-14t21:59:43.10-05:00 timestamp | 2001-12-14T1:2:3Z timestamp
            2001-12-14T1:2:3 \"2001-12-14T1:2:3\" | 2001-12-14T24:2:3Z \"2001-12-14T24:2:3Z\"";
        for case in table
            .split(['|', '\n'])
            .filter(|case| !case.trim().is_empty())
        {
            let (text, meaning) = case.trim().split_once(' ').expect("text and meaning");
            assert_eq!(printed(text), meaning.trim(), "{text}");
        }
    }

    #[test]
    fn a_time_after_a_space_has_no_zone() {
        assert_eq!(printed("2001-1-1 1:2:3"), "timestamp");
        assert_eq!(
            printed("2001-12-14 21:59:43.10 -5"),
            "\"2001-12-14 21:59:43.10 -5\""
        );
    }

    #[test]
    fn nothing_is_null() {
        assert_eq!(printed(""), "null");
    }
}
