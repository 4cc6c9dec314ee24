//! Rows that are redrawn in place, for terminals.
//!
//! ```text
//! [+] up 2/4
//!  ✔ Network demo_default    Created            0.1s
//!  ✔ Image redis:8           Pulled             3.2s
//!  ⠹ Image demo-web          Building           4.0s
//!      Step 3/5 : RUN pip install flask
//!  • Container demo-redis-1  Created            0.2s
//! ```
//!
//! Rules that keep a terminal whole: a frame is written in one piece; it never has more rows than
//! the screen less one, because a cursor cannot go up to lines that have scrolled away; no line
//! reaches the last column; the cursor is not hidden and no mode is set, so that nothing has to be
//! put back by a program that is killed.

use std::time::Duration;

use console::{measure_text_width, truncate_str};
use indexmap::IndexMap;

use super::status::{Change, State, Tracker};
use super::table::human_size;
use super::text::{pad, style};
use super::{Face, Screen, Stream, card, error};
use crate::ops::autopsy::Card;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Lines of output below a build.
const TAIL: usize = 5;

/// The display.
pub(super) struct Progress {
    operation: String,
    out: Stream,
    screen: Screen,
    now: Duration,
    rows: IndexMap<String, Row>,
    counts: (usize, usize),
    /// Lines of the last frame, which the next one is drawn over.
    drawn: usize,
    last_frame: String,
}

#[derive(Debug)]
struct Row {
    state: State,
    text: &'static str,
    details: String,
    last: bool,
    /// When it was first worked on; not at all when it was found as wanted.
    since: Option<Duration>,
    changed: Duration,
    tail: Vec<String>,
    layers: IndexMap<String, Layer>,
}

#[derive(Debug, Default)]
struct Layer {
    current: u64,
    total: u64,
}

impl Progress {
    pub(super) fn new(operation: &str, out: Stream, screen: Screen) -> Progress {
        Progress {
            operation: operation.to_owned(),
            out,
            screen,
            now: Duration::ZERO,
            rows: IndexMap::new(),
            counts: (0, 0),
            drawn: 0,
            last_frame: String::new(),
        }
    }

    fn set(&mut self, id: &str, state: State, text: &'static str, details: &str, last: bool) {
        let now = self.now;
        let row = self.rows.entry(id.to_owned()).or_insert_with(|| Row {
            state,
            text,
            details: String::new(),
            last,
            since: None,
            changed: now,
            tail: Vec::new(),
            layers: IndexMap::new(),
        });
        if state == State::Working {
            row.since = row.since.or(Some(now));
        }
        row.state = state;
        row.text = text;
        details.clone_into(&mut row.details);
        row.last = last;
        row.changed = now;
    }

    /// Takes the frame off the screen, so that something else can be printed there.
    fn clear(&mut self) {
        if self.drawn > 0 {
            self.out.put(&format!("\x1b[{}A\r\x1b[J", self.drawn));
        }
        self.forget();
    }

    /// Leaves the frame where it is and begins below it.
    fn forget(&mut self) {
        self.drawn = 0;
        self.last_frame.clear();
    }

    fn draw(&mut self, lines: &[String]) {
        let mut frame = String::new();
        for line in lines {
            frame.push_str(line);
            frame.push_str("\x1b[K\n");
        }
        if frame == self.last_frame {
            return;
        }
        // The cursor may stand behind an echoed `^C`.
        let home = match self.drawn {
            0 => String::new(),
            drawn => format!("\x1b[{drawn}A\r"),
        };
        self.out.put(&format!("{home}{frame}\x1b[J"));
        self.last_frame = frame;
        self.drawn = lines.len();
    }

    fn lines(&self, budget: usize) -> Vec<String> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let chosen = self.choose(budget.saturating_sub(1));
        let names = chosen
            .iter()
            .filter_map(|index| self.rows.get_index(*index));
        let id_width = names.map(|(id, _)| measure_text_width(id)).max();
        let id_width = id_width.unwrap_or_default().min(self.width() / 2);
        let hidden = self.rows.len() - chosen.len();
        let spare = budget.saturating_sub(1 + chosen.len() + usize::from(hidden > 0));
        let tail = self.tail_length(spare);
        let mut lines = vec![self.header()];
        for index in chosen {
            let Some((id, row)) = self.rows.get_index(index) else {
                continue;
            };
            lines.push(self.line(id, row, id_width));
            lines.extend(self.tail(row, tail));
        }
        if hidden > 0 {
            let more = style(self.screen.color)
                .dim()
                .apply_to(format!(" … and {hidden} more"));
            lines.push(more.to_string());
        }
        // A screen of two or three rows: what does not fit is not shown.
        lines.truncate(budget);
        lines
    }

    /// The rows to show: all, or where they do not fit those that matter most at this moment.
    fn choose(&self, room: usize) -> Vec<usize> {
        let mut chosen: Vec<usize> = (0..self.rows.len()).collect();
        if chosen.len() <= room {
            return chosen;
        }
        let importance = |index: &usize| {
            let row = &self.rows[*index];
            let rank = match row.state {
                State::Error => 0,
                State::Working => 1,
                _ => 2,
            };
            (rank, std::cmp::Reverse(row.changed))
        };
        chosen.sort_by_key(importance);
        chosen.truncate(room.saturating_sub(1));
        chosen.sort_unstable();
        chosen
    }

    fn tail_length(&self, spare: usize) -> usize {
        let building = self.rows.values().filter(|row| row.shows_tail()).count();
        spare.checked_div(building).unwrap_or_default().min(TAIL)
    }

    /// The last column stays free: a line that fills it makes some terminals wrap.
    fn width(&self) -> usize {
        self.screen.width.saturating_sub(1)
    }

    fn header(&self) -> String {
        let (done, all) = self.counts;
        let text = format!("[+] {} {done}/{all}", self.operation);
        let style = style(self.screen.color);
        let style = if done == all { style.blue() } else { style };
        style
            .apply_to(truncate_str(&text, self.width(), "…"))
            .to_string()
    }

    fn line(&self, id: &str, row: &Row, id_width: usize) -> String {
        let plain = style(self.screen.color);
        let (sign, paint) = match row.state {
            State::Working => (self.spinner(), plain.clone().cyan()),
            State::Done if row.last => ("✔", plain.clone().green()),
            State::Done => ("•", plain.clone().dim()),
            State::Warning => ("!", plain.clone().yellow()),
            State::Error => ("✘", plain.clone().red()),
        };
        let (sign, text) = (paint.apply_to(sign), paint.apply_to(row.text));
        let details = match row.shown_details() {
            details if details.is_empty() => details,
            details => format!("  {}", plain.dim().apply_to(details)),
        };
        let left = format!(" {sign} {}  {text}{details}", pad(id, id_width));
        let time = row.time(self.now);
        let room = self.width().saturating_sub(time.len() + 1);
        format!("{} {time}", pad(&left, room)).trim_end().to_owned()
    }

    fn spinner(&self) -> &'static str {
        let turn = self.now.as_millis() / 100 % SPINNER.len() as u128;
        usize::try_from(turn).map_or(SPINNER[0], |turn| SPINNER[turn])
    }

    fn tail(&self, row: &Row, length: usize) -> Vec<String> {
        if !row.shows_tail() {
            return Vec::new();
        }
        let from = row.tail.len().saturating_sub(length);
        let dim = style(self.screen.color).dim();
        let shown = row.tail[from..].iter().map(|line| {
            let text = format!("     {line}");
            let text = truncate_str(&text, self.width(), "…").into_owned();
            dim.apply_to(text).to_string()
        });
        shown.collect()
    }
}

impl Row {
    fn shows_tail(&self) -> bool {
        self.state == State::Working && !self.tail.is_empty()
    }

    fn shown_details(&self) -> String {
        if self.state != State::Working || self.layers.is_empty() {
            return self.details.clone();
        }
        let current: u64 = self.layers.values().map(|layer| layer.current).sum();
        let total: u64 = self.layers.values().map(|layer| layer.total).sum();
        match total {
            0 => String::new(),
            _ => format!("{} / {}", human_size(current), human_size(total)),
        }
    }

    fn time(&self, now: Duration) -> String {
        let Some(since) = self.since else {
            return String::new();
        };
        let until = if self.state == State::Working {
            now
        } else {
            self.changed
        };
        format!("{:.1}s", until.saturating_sub(since).as_secs_f64())
    }

    /// Bytes are counted while they come; what is done with a layer afterwards counts as all of it.
    fn layer(&mut self, id: &str, text: &str, current: u64, total: u64) {
        let layer = self.layers.entry(id.to_owned()).or_default();
        if text == "Downloading" {
            layer.total = layer.total.max(total);
            layer.current = current.min(layer.total);
        } else if layer.total > 0 {
            layer.current = layer.total;
        }
    }
}

impl Face for Progress {
    fn show(&mut self, change: &Change, tracker: &Tracker) {
        match change {
            Change::Began => {
                if !self.rows.is_empty() {
                    let all = self.lines(usize::MAX);
                    self.draw_final(&all);
                }
                self.rows.clear();
                self.forget();
                self.counts = tracker.counts();
            }
            Change::State {
                id,
                state,
                text,
                details,
                last,
            } => {
                // The error comes below, in full; a row has no room for it.
                let details = if *state == State::Error { "" } else { details };
                self.set(id, *state, text, details, *last);
            }
            Change::Over { id } => {
                if let Some(row) = self.rows.get_mut(id) {
                    row.last = true;
                }
            }
            Change::Layer {
                parent,
                id,
                text,
                current,
                total,
                ..
            } => {
                if let Some(row) = self.rows.get_mut(parent) {
                    row.layer(id, text, *current, *total);
                }
            }
            Change::Line { id, line } => {
                if let Some(row) = self.rows.get_mut(id) {
                    row.tail.push(line.clone());
                    let surplus = row.tail.len().saturating_sub(TAIL);
                    row.tail.drain(..surplus);
                }
            }
            Change::Warning(message) => {
                self.clear();
                self.out.put(&error::warning(message, self.screen.color));
            }
        }
    }

    fn tick(&mut self, now: Duration, tracker: &Tracker) {
        self.now = now;
        self.counts = tracker.counts();
        let lines = self.lines(self.screen.height.saturating_sub(1));
        if !lines.is_empty() {
            self.draw(&lines);
        }
    }

    fn resize(&mut self, screen: Screen) {
        self.screen = screen;
    }

    fn make_room(&mut self) {
        self.clear();
    }

    fn shows_build_output(&self) -> bool {
        false
    }

    fn finish(&mut self, tracker: &Tracker) {
        self.counts = tracker.counts();
        let all = self.lines(usize::MAX);
        self.draw_final(&all);
        self.rows.clear();
    }

    fn error(&mut self, message: &str, cards: &[Card]) {
        let text = card::error(message, cards, self.screen.color);
        self.out.put(&text);
    }
}

impl Progress {
    /// The last frame may be longer than the screen, since nothing is drawn over it.
    fn draw_final(&mut self, lines: &[String]) {
        self.draw(lines);
        self.forget();
    }
}
