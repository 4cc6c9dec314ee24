//! Moments as `--since` and `--until` take them: RFC 3339, unix seconds, or how long ago.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::ops::logs::seconds;
use crate::project::value::duration::Duration;
use crate::report::ps::Clock;

const SECOND: i64 = 1_000_000_000;

/// The unix seconds of a moment, as engines take them; `None` when it cannot be read.
pub(super) fn parse(text: &str, clock: &Clock) -> Option<String> {
    if let Some(ago) = Duration::parse(text) {
        let nanoseconds = clock.now.checked_mul(SECOND)?.checked_sub(ago.0)?;
        return Some(seconds(nanoseconds));
    }
    if text.parse::<f64>().is_ok_and(f64::is_finite) && !text.contains(['e', 'E', '-', '+']) {
        return Some(text.to_owned());
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(of(timestamp));
    }
    local(text, &clock.zone)
}

/// A moment without a zone is one of here.
fn local(text: &str, zone: &TimeZone) -> Option<String> {
    let moment: DateTime = text.parse().ok()?;
    Some(of(moment.to_zoned(zone.clone()).ok()?.timestamp()))
}

fn of(timestamp: jiff::Timestamp) -> String {
    let (whole, rest) = (timestamp.as_second(), timestamp.subsec_nanosecond());
    format!("{whole}.{rest:09}")
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    #[test]
    fn moments_are_read_in_four_forms() {
        let clock = Clock {
            now: 1_000_000_000,
            zone: LazyLock::new(|| TimeZone::UTC),
        };
        let moments = [
            ("10m", Some("999999400.000000000")),
            ("1.5s", Some("999999998.500000000")),
            ("1700000000.25", Some("1700000000.25")),
            ("2001-09-09T01:46:40Z", Some("1000000000.000000000")),
            ("2001-09-09T03:46:40+02:00", Some("1000000000.000000000")),
            ("2001-09-09T01:46:40", Some("1000000000.000000000")),
            ("2001-09-09", Some("999993600.000000000")),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in moments {
            assert_eq!(parse(text, &clock).as_deref(), expected, "{text}");
        }
    }
}
