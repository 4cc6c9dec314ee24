//! Tables as Docker prints them, and sizes and ages in Docker's words.

use console::measure_text_width;

use super::text::clean;

/// Spaces between columns.
const GAP: usize = 3;

/// A column with its gap is never narrower.
const NARROWEST: usize = 10;

/// Rows under headings.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with its headings.
    pub fn new<'a>(headings: impl IntoIterator<Item = &'a str>) -> Table {
        let headings = headings.into_iter().map(str::to_owned).collect();
        Table {
            rows: vec![headings],
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| clean(&cell).into_owned());
        self.rows.push(cells.collect());
    }

    /// The table as text. The last column is not filled up, but keeps the gap before it, as
    /// Docker does.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns).map(|column| self.width(column)).collect();
        let mut text = String::new();
        for row in &self.rows {
            for (index, cell) in row.iter().enumerate() {
                text.push_str(cell);
                if index + 1 < row.len() {
                    let fill = widths[index] - measure_text_width(cell);
                    text.extend(std::iter::repeat_n(' ', fill));
                }
            }
            text.push('\n');
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| measure_text_width(cell)).max();
        (widest.unwrap_or_default() + GAP).max(NARROWEST)
    }
}

/// `1.21MB`, in powers of 1000 and three digits.
#[expect(
    clippy::cast_precision_loss,
    reason = "three digits of a number of bytes are shown"
)]
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    let decimals = match size {
        size if unit == 0 || size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let number = format!("{size:.decimals$}");
    let number = if decimals > 0 {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        &number
    };
    format!("{number}{}", UNITS[unit])
}

/// `3 minutes`, `About an hour`, … of a number of seconds.
pub fn human_duration(seconds: i64) -> String {
    const HOUR: i64 = 3600;
    const DAY: i64 = 24;
    let hours = (seconds + HOUR / 2) / HOUR;
    match (seconds, hours) {
        (i64::MIN..=0, _) => "Less than a second".to_owned(),
        (1, _) => "1 second".to_owned(),
        (..60, _) => format!("{seconds} seconds"),
        (..120, _) => "About a minute".to_owned(),
        (..HOUR, _) => format!("{} minutes", seconds / 60),
        (_, 1) => "About an hour".to_owned(),
        (_, ..48) => format!("{hours} hours"),
        (_, hours) if hours < 14 * DAY => format!("{} days", hours / DAY),
        (_, hours) if hours < 60 * DAY => format!("{} weeks", hours / DAY / 7),
        (_, hours) if hours < 730 * DAY => format!("{} months", hours / DAY / 30),
        (_, hours) => format!("{} years", hours / DAY / 365),
    }
}

/// `3 minutes ago`.
pub fn human_age(seconds: i64) -> String {
    format!("{} ago", human_duration(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_three_spaces() {
        let mut table = Table::new(["NAME", "STATUS", "PORTS"]);
        table.row(["a".into(), "Up 2 seconds (healthy)".into(), "80/tcp".into()]);
        let expected = "\
NAME      STATUS                   PORTS
a         Up 2 seconds (healthy)   80/tcp
";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn ages_are_in_dockers_words() {
        let ages = [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (5399, "About an hour"),
            (5400, "2 hours"),
            (47 * 3600, "47 hours"),
            (48 * 3600, "2 days"),
            (14 * 86_400, "2 weeks"),
            (60 * 86_400, "2 months"),
            (730 * 86_400, "2 years"),
        ];
        for (seconds, words) in ages {
            assert_eq!(human_duration(seconds), words, "{seconds}");
        }
    }

    #[test]
    fn sizes_have_three_digits() {
        let sizes = [
            (0, "0B"),
            (999, "999B"),
            (1000, "1kB"),
            (1_234_567, "1.23MB"),
            (12_340_000, "12.3MB"),
            (123_400_000, "123MB"),
            (999_999, "1MB"),
        ];
        for (bytes, words) in sizes {
            assert_eq!(human_size(bytes), words, "{bytes}");
        }
    }
}
