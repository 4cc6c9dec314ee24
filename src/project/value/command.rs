//! A command written as one string, split into words as docker compose splits it.
//!
//! Quotes and backslashes work as in a shell; nothing is expanded. As in docker compose, the
//! command ends where a shell operator (`;`, `&`, `|`, `<`, `>`, brackets) stands outside quotes.

/// Why a command cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitError {
    /// A quote is opened and never closed.
    UnclosedQuote(char),
    /// A backslash at the very end.
    TrailingBackslash,
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
            ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
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
                word.push(chars.next().ok_or(SplitError::UnclosedQuote(quote))?)
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
            ("", vec![]),
        ] {
            assert_eq!(split(text).expect(text), words, "{text}");
        }
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert_eq!(split("echo 'a"), Err(SplitError::UnclosedQuote('\'')));
        assert_eq!(split("echo \\"), Err(SplitError::TrailingBackslash));
    }
}
