//! The very small shell that containers, health checks and builds run in.
//!
//! It understands `echo` (also `>&2`), `sleep`, `exit`, `true`, `false`, `:`, `trap 'exit N' SIGNAL…`
//! and `wait`, joined by `;`, `&&`, `||` and newlines; what ends in `&` is passed over. Every other
//! command is a server. As nothing depends on anything that is not in the text, a script is
//! unrolled into its steps before it runs.

use std::time::Duration;

use bollard::models::ContainerCreateBody;

use crate::engine::{Channel, ExecOutcome};

/// What a command does, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Writes.
    Print(Channel, String),
    /// Waits.
    Sleep(Duration),
    /// From now on, exits with a code on a signal.
    Trap(String, i64),
    /// Runs until something ends it.
    Forever,
    /// Ends with a code.
    Exit(i64),
}

/// Entrypoint and command of a container.
pub(super) fn command(body: &ContainerCreateBody) -> Vec<String> {
    let entrypoint = body.entrypoint.clone().unwrap_or_default();
    let command = body.cmd.clone().unwrap_or_default();
    [entrypoint, command].concat()
}

/// The steps of a command; no command is the image's own: a server.
pub(super) fn steps(command: &[String]) -> Vec<Step> {
    match command {
        [shell, flag, script, ..] if is_shell(shell) && flag == "-c" => script_steps(script),
        words => unroll(words.iter().cloned().map(Token::Word).collect()),
    }
}

/// The steps of a shell script.
pub(super) fn script_steps(script: &str) -> Vec<Step> {
    unroll(tokens(script))
}

/// Runs a command inside a container to its end. Servers answer that all is well.
pub(super) fn outcome(command: &[String]) -> ExecOutcome {
    let mut output = String::new();
    let mut code = 0;
    for step in steps(command) {
        match step {
            Step::Print(_, text) => output.push_str(&text),
            Step::Exit(ended) => {
                code = ended;
                break;
            }
            Step::Sleep(_) | Step::Trap(..) | Step::Forever => {}
        }
    }
    ExecOutcome {
        code,
        output: output.into(),
    }
}

fn is_shell(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    ["sh", "ash", "bash", "dash"].contains(&name)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Operator(&'static str),
}

fn tokens(script: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = script.chars().peekable();
    while let Some(letter) = letters.next() {
        // The `&` of `>&2` joins nothing.
        let redirects = word.as_deref().is_some_and(|word| word.ends_with('>'));
        let operator = match letter {
            '\'' | '"' => {
                let quoted = letters.by_ref().take_while(|it| *it != letter);
                word.get_or_insert_default().extend(quoted);
                continue;
            }
            ';' | '\n' => ";",
            '&' if !redirects => match letters.next_if_eq(&'&') {
                Some(_) => "&&",
                None => "&",
            },
            '|' => match letters.next_if_eq(&'|') {
                Some(_) => "||",
                None => "|",
            },
            space if space.is_whitespace() => "",
            other => {
                word.get_or_insert_default().push(other);
                continue;
            }
        };
        tokens.extend(word.take().map(Token::Word));
        if !operator.is_empty() {
            tokens.push(Token::Operator(operator));
        }
    }
    tokens.extend(word.map(Token::Word));
    tokens
}

fn unroll(mut tokens: Vec<Token>) -> Vec<Step> {
    let mut steps = Vec::new();
    if tokens.is_empty() {
        server(&mut steps);
        return steps;
    }
    tokens.push(Token::Operator(";"));
    let mut status = 0;
    let mut before = ";";
    let mut words: Vec<String> = Vec::new();
    for token in tokens {
        let operator = match token {
            Token::Word(word) => {
                words.push(word);
                continue;
            }
            Token::Operator(operator) => operator,
        };
        let skipped = (before == "&&" && status != 0) || (before == "||" && status == 0);
        if !skipped && operator != "&" && !words.is_empty() {
            match statement(&words, status, &mut steps) {
                Some(next) => status = next,
                None => return steps,
            }
        }
        words.clear();
        before = operator;
    }
    steps.push(Step::Exit(status));
    steps
}

/// Adds a statement's steps; its status, or nothing when the script does not go on after it.
fn statement(words: &[String], status: i64, steps: &mut Vec<Step>) -> Option<i64> {
    let to_stderr = |word: &&String| [">&2", "1>&2"].contains(&word.as_str());
    let channel = if words.iter().any(|word| to_stderr(&word)) {
        Channel::Stderr
    } else {
        Channel::Stdout
    };
    let words: Vec<&String> = words.iter().filter(|word| !to_stderr(word)).collect();
    let (name, arguments) = words.split_first()?;
    match name.as_str() {
        "echo" => steps.push(Step::Print(channel, echoed(arguments))),
        ":" | "true" => {}
        "false" => return Some(1),
        "sleep" => {
            let duration = arguments.first().and_then(|text| duration(text));
            let step = duration.map_or(Step::Forever, Step::Sleep);
            steps.push(step);
        }
        "trap" => trap(arguments, steps),
        "exit" => {
            let code = arguments.first().and_then(|code| code.parse().ok());
            steps.push(Step::Exit(code.unwrap_or(status)));
            return None;
        }
        "wait" => {
            steps.push(Step::Forever);
            return None;
        }
        _ => {
            server(steps);
            return None;
        }
    }
    Some(0)
}

/// A program that nobody here knows, but that handles being asked to stop.
fn server(steps: &mut Vec<Step>) {
    steps.extend(["TERM", "INT", "QUIT"].map(|signal| Step::Trap(signal.to_owned(), 0)));
    steps.push(Step::Forever);
}

fn echoed(arguments: &[&String]) -> String {
    let words = |words: &[&String]| {
        words
            .iter()
            .map(|it| it.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    match arguments {
        [flag, rest @ ..] if *flag == "-n" => words(rest),
        all => words(all) + "\n",
    }
}

/// `1`, `0.5`, `2m`; nothing for `infinity`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let unit = match &text[digits.len()..] {
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => 1.0,
    };
    Duration::try_from_secs_f64(digits.parse::<f64>().ok()? * unit).ok()
}

fn trap(arguments: &[&String], steps: &mut Vec<Step>) {
    let Some((action, signals)) = arguments.split_first() else {
        return;
    };
    let code = script_steps(action)
        .into_iter()
        .find_map(|step| match step {
            Step::Exit(code) => Some(code),
            _ => None,
        });
    for signal in signals {
        let name = signal.trim_start_matches("SIG").to_owned();
        steps.push(Step::Trap(name, code.unwrap_or_default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &str) -> Step {
        Step::Print(Channel::Stdout, text.to_owned())
    }

    #[test]
    fn a_script_is_unrolled_into_its_steps() {
        let steps =
            script_steps("echo 'a; b'  c; false || echo d >&2; false && echo e\nexit 3; echo f");
        let expected = [
            out("a; b c\n"),
            Step::Print(Channel::Stderr, "d\n".to_owned()),
            Step::Exit(3),
        ];
        assert_eq!(steps, expected);
        assert_eq!(script_steps("false"), [Step::Exit(1)]);
        let sleep = Step::Sleep(Duration::from_millis(500));
        assert_eq!(script_steps("sleep 0.5"), [sleep, Step::Exit(0)]);
    }

    #[test]
    fn a_script_can_handle_signals_while_it_waits() {
        let steps = script_steps("trap 'exit 7' TERM USR1; sleep 9 & wait");
        let expected = [
            Step::Trap("TERM".to_owned(), 7),
            Step::Trap("USR1".to_owned(), 7),
            Step::Forever,
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn what_is_not_understood_is_a_server() {
        let command = ["nginx", "-g", "daemon off;"].map(str::to_owned);
        assert_eq!(steps(&command).last(), Some(&Step::Forever));
        assert_eq!(steps(&[]).last(), Some(&Step::Forever));
        assert_eq!(outcome(&command).code, 0);
    }
}
