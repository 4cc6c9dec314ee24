//! Durations in Go's notation: `1m30s`, `1.5h`, `500ms`, and Compose's `d` and `w`.

use std::fmt;

/// A span of time in nanoseconds; may be negative, as Go's may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub i64);

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl Duration {
    /// Reads `1m30s`. Numbers need a unit, except `0`.
    pub fn parse(text: &str) -> Option<Duration> {
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Some(Duration(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: i64 = 0;
        while !rest.is_empty() {
            let (part, after) = parse_part(rest)?;
            total = total.checked_add(part)?;
            rest = after;
        }
        Some(Duration(if negative { -total } else { total }))
    }

    /// Whole seconds, cut off: what the engine's stop timeout takes.
    pub fn seconds(self) -> i64 {
        self.0 / SECOND
    }
}

/// One number with its unit: nanoseconds, and what follows.
fn parse_part(text: &str) -> Option<(i64, &str)> {
    let number_end = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, rest) = text.split_at(number_end);
    let unit_end = rest
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let unit = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => 24 * HOUR,
        "w" => 7 * 24 * HOUR,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    Some((
        whole
            .checked_mul(unit)?
            .checked_add(fraction_of(fraction, unit)?)?,
        rest,
    ))
}

/// `.25` of a unit, in integers so that `0.3s` is exactly 300 ms.
fn fraction_of(digits: &str, unit: i64) -> Option<i64> {
    let mut result: i128 = 0;
    let mut scale: i128 = 1;
    for digit in digits.bytes().take(18) {
        if !digit.is_ascii_digit() {
            return None;
        }
        scale *= 10;
        result = result * 10 + i128::from(digit - b'0');
    }
    i64::try_from(result * i128::from(unit) / scale).ok()
}

impl fmt::Display for Duration {
    /// As Go prints it: `1h0m0s`, `1m30s`, `1.5s`, `500ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let (second, milli, micro) = (1_000_000_000, 1_000_000, 1_000);
        match nanos {
            0 => return f.write_str("0s"),
            1..1_000 => return write!(f, "{sign}{nanos}ns"),
            1_000..1_000_000 => return write!(f, "{sign}{}µs", decimal(nanos, micro)),
            1_000_000..1_000_000_000 => return write!(f, "{sign}{}ms", decimal(nanos, milli)),
            _ => {}
        }
        let (minutes, rest) = (nanos / (60 * second), nanos % (60 * second));
        let (hours, minutes) = (minutes / 60, minutes % 60);
        f.write_str(sign)?;
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", decimal(rest, second))
    }
}

/// `nanos / unit` with as many decimals as needed.
fn decimal(nanos: u64, unit: u64) -> String {
    let (whole, fraction) = (nanos / unit, nanos % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!("{whole}.{fraction:0width$}")
        .trim_end_matches('0')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_go_prints_them() {
        for (text, printed) in [
            ("1m30s", "1m30s"),
            ("90s", "1m30s"),
            ("1h", "1h0m0s"),
            ("1d", "24h0m0s"),
            ("1w", "168h0m0s"),
            (".5s", "500ms"),
            ("1.5s", "1.5s"),
            ("-1s", "-1s"),
            ("0", "0s"),
            ("250us", "250µs"),
            ("1500ns", "1.5µs"),
            ("1h15m30.918s", "1h15m30.918s"),
        ] {
            assert_eq!(
                Duration::parse(text).expect(text).to_string(),
                printed,
                "{text}"
            );
        }
    }

    #[test]
    fn spaces_and_bare_numbers_are_no_durations() {
        for text in [
            "",
            "30",
            "1m 30s",
            "1D",
            "s",
            ".s",
            "-",
            "1.2.3s",
            "99999999999999h",
        ] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }
}
