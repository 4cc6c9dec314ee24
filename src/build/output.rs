//! The text that a build prints: pieces → lines, and which lines belong to the step that runs.
//!
//! The classic endpoint says nothing about steps but in words: `Step 2/3 : RUN make` (Docker) or
//! `STEP 2/3: RUN make` (Podman), then ` ---> …` for its own doings, then what the command prints.

use std::collections::VecDeque;

/// How many lines of a step are kept for the case that it fails.
const KEPT: usize = 50;

/// Puts lines together from pieces that end anywhere.
#[derive(Debug, Default)]
pub(super) struct Lines {
    open: String,
}

impl Lines {
    /// Takes a piece and gives the lines that are complete with it.
    pub(super) fn push(&mut self, piece: &str) -> Vec<String> {
        self.open.push_str(uncoloured(piece));
        let Some(end) = self.open.rfind('\n') else {
            return Vec::new();
        };
        let rest = self.open.split_off(end + 1);
        let whole = std::mem::replace(&mut self.open, rest);
        whole.lines().map(shown).collect()
    }

    /// Gives what has no line end yet.
    pub(super) fn finish(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.open);
        (!rest.is_empty()).then(|| shown(&rest))
    }
}

/// A piece without the colour that Docker puts around each piece of standard error; its end would
/// otherwise stand at the start of the next line.
fn uncoloured(piece: &str) -> &str {
    piece
        .strip_prefix("\u{1b}[91m")
        .and_then(|rest| rest.strip_suffix("\u{1b}[0m"))
        .unwrap_or(piece)
}

/// What a terminal would show of a line that was written over with `\r` (progress bars).
fn shown(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    line.rsplit('\r').next().unwrap_or(line).to_owned()
}

/// What is worth telling when a step fails.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// The line that announced the step.
    pub(super) step: Option<String>,
    /// The last lines that it printed.
    pub(super) output: VecDeque<String>,
    /// The id that the engine names when it is done, shortened by it.
    pub(super) built: Option<String>,
}

impl Transcript {
    /// Takes notice of a line.
    pub(super) fn note(&mut self, line: &str) {
        if is_step(line) {
            self.step = Some(line.to_owned());
            self.output.clear();
        } else if let Some(id) = line.strip_prefix("Successfully built ") {
            self.built = Some(id.to_owned());
        } else if !is_bookkeeping(line) {
            if self.output.len() == KEPT {
                self.output.pop_front();
            }
            self.output.push_back(line.to_owned());
        }
    }
}

/// `Step 2/3 : RUN make`
fn is_step(line: &str) -> bool {
    let counts = line
        .strip_prefix("Step ")
        .or_else(|| line.strip_prefix("STEP "))
        .and_then(|rest| rest.split_once(':'))
        .and_then(|(counts, _)| counts.trim_end().split_once('/'));
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    counts.is_some_and(|(step, of)| number(step) && number(of))
}

fn is_bookkeeping(line: &str) -> bool {
    line.is_empty()
        || line.starts_with(" ---> ")
        || line.starts_with("Removing intermediate container ")
}

/// The exit code in the engine's words about a failed `RUN`: Docker's, then Podman's.
pub(super) fn exit_code(message: &str) -> Option<i64> {
    ["returned a non-zero code: ", "exit status "]
        .iter()
        .find_map(|words| message.rsplit_once(words))
        .and_then(|(_, code)| code.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Lines, Transcript, exit_code, is_step};

    #[test]
    fn lines_come_whole_from_pieces() {
        let mut lines = Lines::default();
        assert_eq!(lines.push("Step 1/2"), Vec::<String>::new());
        assert_eq!(lines.push(" : FROM a\n\nx"), ["Step 1/2 : FROM a", ""]);
        assert_eq!(lines.push("y\r\n10%\r20%\r100%\n"), ["xy", "100%"]);
        assert_eq!(lines.push("\u{1b}[91mred\n\u{1b}[0m"), ["red"]);
        assert_eq!(lines.push("no end"), Vec::<String>::new());
        assert_eq!(lines.finish(), Some("no end".to_owned()));
        assert_eq!(lines.finish(), None);
    }

    #[test]
    fn steps_are_recognised() {
        for (line, expected) in [
            ("Step 1/12 : FROM busybox", true),
            ("STEP 1/2: FROM busybox", true),
            ("Step one of two", false),
            ("Step a/b : c", false),
            ("Step / : c", false),
            (" Step 1/2 : c", false),
        ] {
            assert_eq!(is_step(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_kept_is_the_end_of_the_running_step() {
        let mut transcript = Transcript::default();
        for line in ["Step 1/2 : RUN a", "from a", "Step 2/2 : RUN b"] {
            transcript.note(line);
        }
        transcript.note(" ---> Running in 0123");
        for number in 0..=KEPT {
            transcript.note(&number.to_string());
        }
        assert_eq!(transcript.step.as_deref(), Some("Step 2/2 : RUN b"));
        assert_eq!(transcript.output.len(), KEPT);
        assert_eq!(transcript.output[0], "1");
    }

    #[test]
    fn exit_codes_are_read_from_the_message() {
        let docker = "The command '/bin/sh -c exit 3' returned a non-zero code: 3";
        assert_eq!(exit_code(docker), Some(3));
        let podman = "building at STEP \"RUN false\": while running runtime: exit status 1";
        assert_eq!(exit_code(podman), Some(1));
        assert_eq!(exit_code("COPY failed: no source files"), None);
    }
}
