//! Scalars as text, the way Go prints the value that YAML gave it (`1.50` is `1.5`).

use crate::document::{Scalar, ScalarKind};

/// The text of a scalar where a string is wanted but numbers and booleans are welcome.
pub fn text(scalar: &Scalar) -> String {
    match scalar.kind {
        ScalarKind::String | ScalarKind::Timestamp => scalar.text.clone(),
        ScalarKind::Null => String::new(),
        ScalarKind::Bool(value) => value.to_string(),
        ScalarKind::Integer(value) => value.to_string(),
        ScalarKind::Unsigned(value) => value.to_string(),
        ScalarKind::Float(value) => float(value),
    }
}

/// Shortest digits that read back, with an exponent below 1e-4 and from 1e6 on, as Go's `%v`.
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) {
        let printed = format!("{value:e}");
        let (digits, exponent) = printed.split_once('e').unwrap_or((&printed, "0"));
        let (sign, exponent) = exponent
            .strip_prefix('-')
            .map_or(('+', exponent), |rest| ('-', rest));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn floats_print_as_in_go() {
        for (value, printed) in [
            (1.5, "1.5"),
            (1000.0, "1000"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (1e21, "1e+21"),
            (1e-7, "1e-07"),
            (0.0, "0"),
            (-2.25, "-2.25"),
        ] {
            assert_eq!(float(value), printed);
        }
    }
}
