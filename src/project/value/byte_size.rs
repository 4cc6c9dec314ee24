//! Sizes such as `64m`: always binary (`1kb` is 1024 bytes), printed as decimal bytes.

use std::fmt;

/// A number of bytes; negative values mean "no limit" where the engine says so (`memswap_limit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub i64);

impl ByteSize {
    /// Reads `128`, `1.5g`, `64MB`, `10 k`, `1e3`; nothing negative, which only a plain number in
    /// the file can be.
    pub fn parse(text: &str) -> Option<ByteSize> {
        let last_digit = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')?;
        let (number, unit) = text.split_at(last_digit + 1);
        let number = number.strip_suffix(' ').unwrap_or(number);
        let factor = unit_factor(unit)?;
        if let Ok(whole) = number.parse::<i64>() {
            let bytes = whole.checked_mul(factor).filter(|bytes| *bytes >= 0);
            return bytes.map(ByteSize);
        }
        if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '+') {
            return None;
        }
        let bytes = number.parse::<f64>().ok()? * i64_to_f64(factor);
        (bytes.is_finite() && bytes.abs() < 9e18).then(|| ByteSize(truncate(bytes)))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "unit factors are powers of two and exact"
)]
fn i64_to_f64(value: i64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the caller checked the range"
)]
fn truncate(value: f64) -> i64 {
    value as i64
}

fn unit_factor(unit: &str) -> Option<i64> {
    let unit = unit.to_ascii_lowercase();
    if unit == "ib" {
        return None;
    }
    let prefix = unit
        .strip_suffix("ib")
        .or_else(|| unit.strip_suffix('b'))
        .unwrap_or(&unit);
    match prefix {
        "" => Some(1),
        "k" => Some(1 << 10),
        "m" => Some(1 << 20),
        "g" => Some(1 << 30),
        "t" => Some(1 << 40),
        "p" => Some(1 << 50),
        _ => None,
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_binary_and_case_does_not_matter() {
        for (text, bytes) in [
            ("1gb", 1_073_741_824),
            ("10MB", 10_485_760),
            ("64k", 65_536),
            ("1.5g", 1_610_612_736),
            ("128", 128),
            (".5k", 512),
            ("1e3k", 1_024_000),
            ("10 k", 10_240),
            ("0", 0),
            ("1b", 1),
            ("2KiB", 2048),
        ] {
            assert_eq!(ByteSize::parse(text), Some(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_size() {
        for text in [
            "",
            "x",
            "1x",
            "m",
            "0x10",
            "1e400g",
            "9999999999999g",
            "1.2.3",
            "-1",
            " 5g",
            "5  g",
            "5ki",
        ] {
            assert_eq!(ByteSize::parse(text), None, "{text}");
        }
    }
}
