//! A command written as one string, split into words as docker compose splits it.
//!
//! Quotes and backslashes work as in a shell; nothing is expanded. As in docker compose, the
//! command ends where a shell operator (`;`, `&`, `|`, `<`, `>`) stands outside quotes.

/// Why a command cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitError {
    /// A quote is opened and never closed.
    UnclosedQuote(char),
    /// A backslash at the very end.
    TrailingBackslash,
    /// A bracket that a shell would make sense of and nobody else.
    Bracket,
}

/// The words of a command.
pub fn split(text: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' | '"' => quoted(c, &mut chars, word.get_or_insert_default())?,
            '\\' => match chars.next() {
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err(SplitError::TrailingBackslash),
            },
            '`' => verbatim(c, &mut chars, word.get_or_insert_default())?,
            '(' if word.as_ref().is_some_and(|word| word.ends_with('$')) => {
                verbatim_brackets(&mut chars, word.get_or_insert_default())?;
            }
            '(' | ')' => return Err(SplitError::Bracket),
            '>' if word.as_ref().is_some_and(|word| starts_with_digit(word)) => {
                // `2>file`: the word is the number of a stream.
                word = None;
                break;
            }
            ';' | '&' | '|' | '<' | '>' => break,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn starts_with_digit(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

/// What stands between backquotes is kept with them: nothing is run.
fn verbatim(
    quote: char,
    chars: &mut std::str::Chars<'_>,
    word: &mut String,
) -> Result<(), SplitError> {
    word.push(quote);
    for c in chars {
        word.push(c);
        if c == quote {
            return Ok(());
        }
    }
    Err(SplitError::UnclosedQuote(quote))
}

/// `$(…)` is kept as it is.
fn verbatim_brackets(chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), SplitError> {
    word.push('(');
    for c in chars {
        word.push(c);
        if c == ')' {
            return Ok(());
        }
    }
    Err(SplitError::Bracket)
}

fn quoted(
    quote: char,
    chars: &mut std::str::Chars<'_>,
    word: &mut String,
) -> Result<(), SplitError> {
    while let Some(c) = chars.next() {
        match c {
            _ if c == quote => return Ok(()),
            '\\' if quote == '"' => {
                word.push(chars.next().ok_or(SplitError::UnclosedQuote(quote))?);
            }
            _ => word.push(c),
        }
    }
    Err(SplitError::UnclosedQuote(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_as_docker_compose_splits_them() {
        for (text, words) in [
            ("redis-server --save ''", vec!["redis-server", "--save", ""]),
            (
                r#"sh -c "echo 'a b' \"c\"""#,
                vec!["sh", "-c", "echo 'a b' \"c\""],
            ),
            ("echo a && echo b", vec!["echo", "a"]),
            ("echo x #c", vec!["echo", "x", "#c"]),
            (r#""a\nb""#, vec!["anb"]),
            ("a $(b; c) d", vec!["a", "$(b; c)", "d"]),
            ("x `b c` d", vec!["x", "`b c`", "d"]),
            ("x 2>y", vec!["x"]),
            ("", vec![]),
        ] {
            assert_eq!(split(text).expect(text), words, "{text}");
        }
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert_eq!(split("echo 'a"), Err(SplitError::UnclosedQuote('\'')));
        assert_eq!(split("echo \\"), Err(SplitError::TrailingBackslash));
        assert_eq!(split("(echo)"), Err(SplitError::Bracket));
    }
}
