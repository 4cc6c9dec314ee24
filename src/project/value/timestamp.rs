//! Dates as Go prints them: `2024-1-2` is `2024-01-02T00:00:00Z`.

/// The long form of a date, or of a date and a time, that YAML takes for one. Anything else stays
/// as it is.
pub fn timestamp(text: &str) -> String {
    long(text).unwrap_or_else(|| text.to_owned())
}

fn long(text: &str) -> Option<String> {
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "0:0:0"));
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone);
    let zone = match zone {
        "" | "+00:00" | "-00:00" => "Z",
        zone => zone,
    };
    let [year, month, day] = three(date, '-')?;
    let [hour, minute, second] = three(time, ':')?;
    let (second, fraction) = second.split_once(['.', ',']).unwrap_or((second, ""));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!(
        "{year}-{month:0>2}-{day:0>2}T{hour:0>2}:{minute:0>2}:{second:0>2}{point}{fraction}{zone}"
    ))
}

fn three(text: &str, separator: char) -> Option<[&str; 3]> {
    let mut parts = text.splitn(3, separator);
    Some([parts.next()?, parts.next()?, parts.next()?])
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn dates_are_printed_in_full() {
        for (written, printed) in [
            ("2024-01-02", "2024-01-02T00:00:00Z"),
            ("2024-1-2", "2024-01-02T00:00:00Z"),
            ("2024-01-02 10:11:12", "2024-01-02T10:11:12Z"),
            ("2024-01-02t1:2:3.50Z", "2024-01-02T01:02:03.5Z"),
            ("2024-01-02T10:11:12.5+01:00", "2024-01-02T10:11:12.5+01:00"),
        ] {
            assert_eq!(timestamp(written), printed);
        }
    }
}
