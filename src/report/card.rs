//! A failure as text: the error, and below it what is known of why.
//!
//! ```text
//! error: container demo-db-1 exited (137)
//!   service: db
//!   cause: out of memory: the kernel killed a process of it at its limit of 6 MiB
//!   the last that it printed:
//!     | loading 80 MiB
//!   blocked by this: web
//!   help: raise `mem_limit` …
//! ```

use super::error;
use crate::ops::autopsy::Card;

/// An error with its cards.
pub fn error(message: &str, cards: &[Card], color: bool) -> String {
    let mut text = message.trim_end().to_owned();
    let mut help: Vec<String> = Vec::new();
    for card in cards {
        for line in lines(card, message) {
            text.push('\n');
            text.push_str(&line);
        }
        let new = card.help.iter().filter(|line| !help.contains(line));
        help.extend(new.cloned().collect::<Vec<_>>());
    }
    error::error(&text, &help, color)
}

/// What a card says that the message does not.
pub fn lines(card: &Card, message: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(service) = &card.service {
        lines.push(format!("service: {service}"));
    }
    if !card.cause.is_empty() {
        lines.push(format!("cause: {}", card.cause));
    }
    lines.extend(quoted("the last that it printed:", &card.log));
    let told = card.health.iter().all(|line| message.contains(line));
    if !told {
        lines.extend(quoted("its last health check said:", &card.health));
    }
    if !card.blocked.is_empty() {
        let blocked = card.blocked.join(", ");
        lines.push(format!("blocked by this: {blocked}"));
    }
    lines
}

fn quoted(head: &str, quoted: &[String]) -> Vec<String> {
    if quoted.is_empty() {
        return Vec::new();
    }
    let quoted = quoted.iter().map(|line| format!("  | {line}"));
    std::iter::once(head.to_owned()).chain(quoted).collect()
}
