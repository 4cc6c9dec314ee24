//! `.dockerignore`: which paths of a context stay behind.
//!
//! Nothing here touches the file system; paths are text, relative to the context, with `/`.
//!
//! The rules are those of the engine's own matcher (moby/patternmatcher as BuildKit and the docker
//! client use it), which are not gitignore's:
//!
//! * A pattern is anchored at the context: `node_modules` is not `web/node_modules`.
//! * `*` and `?` stop at `/`; `**` does not; `**/x` is `x` at any depth. A trailing `/` means nothing.
//! * `[a-c]` is a set and `[^a]` its complement, which may be a `/`; `[!a]` is the set of `!` and `a`.
//! * `\` takes the meaning off the character after it.
//! * What matches a folder matches everything below it.
//! * Patterns are read from the top; `!` takes back what an earlier line excluded. Last match wins.
//! * A pattern is looked at only when it could change the verdict so far, and what it said of a
//!   folder holds below. Together these have a consequence that the reference has too: after
//!   `a`, `!a/b`, `a*`, the file `a/b` is in, because for `a` the third line was never looked at.
//!
//! Quirks of the reference that are kept because files rely on them: `**x` at the start with no
//! other special character is "ends with `x`". Quirks that are not kept, because they come from
//! translating to a regular expression and nobody writes them on purpose: a letter after `\` is the
//! letter (there `\d` is a digit), and `*` or `?` in a set is that character.

use std::fmt;

/// The patterns of one `.dockerignore` file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

/// A line that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPattern {
    /// Line number from 1.
    pub line: usize,
    /// The line, trimmed.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no pattern: {}", self.text, self.reason)
    }
}

/// What all the patterns say of one path; kept for a folder, it is the start for what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The path stays behind.
    pub excluded: bool,
    /// Per pattern: it matched here or above.
    matched: Vec<bool>,
    /// Patterns from this one on can still change the verdict below.
    open_from: usize,
}

impl Ignore {
    /// Reads the text of a `.dockerignore` file.
    pub fn parse(text: &str) -> Result<Ignore, BadPattern> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let bad = |reason| BadPattern {
                line: index + 1,
                text: line.trim().to_owned(),
                reason,
            };
            patterns.extend(Pattern::parse(line).map_err(bad)?);
        }
        Ok(Ignore { patterns })
    }

    /// Whether a path stays behind, all folders above it taken into account.
    pub fn excludes(&self, path: &str) -> bool {
        self.verdict(path).excluded
    }

    /// Whether a folder need not be entered: it is excluded, and no exception can match below it.
    pub fn may_skip_dir(&self, path: &str) -> bool {
        self.closed_below(&self.verdict(path), path)
    }

    /// The verdict on the context itself: nothing is excluded, nothing matched.
    pub fn root(&self) -> Verdict {
        Verdict {
            excluded: false,
            matched: vec![false; self.patterns.len()],
            open_from: 0,
        }
    }

    /// The verdict on a path, given the one on the folder that it is in.
    pub fn judge(&self, folder: &Verdict, path: &str) -> Verdict {
        let text: Vec<char> = path.chars().collect();
        let mut verdict = self.root();
        for (index, pattern) in self.patterns.iter().enumerate() {
            let relevant = pattern.exception == verdict.excluded;
            let matched = folder.matched[index] || (relevant && pattern.matches(path, &text));
            verdict.matched[index] = matched;
            if matched {
                verdict.excluded = !pattern.exception;
                verdict.open_from = index + 1;
            }
        }
        verdict
    }

    /// Like [`Ignore::may_skip_dir`], for a folder whose verdict is known.
    ///
    /// What matched the folder matches again below in the same order, so only an exception that
    /// comes after the last match can bring something back.
    pub fn closed_below(&self, verdict: &Verdict, folder: &str) -> bool {
        let below = format!("{folder}/");
        verdict.excluded
            && !self.patterns[verdict.open_from..]
                .iter()
                .any(|pattern| pattern.exception && pattern.may_match_below(&below))
    }

    fn verdict(&self, path: &str) -> Verdict {
        let ends = path.match_indices('/').map(|(at, _)| at);
        ends.chain([path.len()])
            .fold(self.root(), |folder, end| self.judge(&folder, &path[..end]))
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// It began with `!`.
    exception: bool,
    shape: Shape,
}

/// What a pattern compares; the simple shapes are the common ones and need no walk over tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    /// `a/b`
    Exactly(String),
    /// `a/**`
    StartsWith(String),
    /// `**x`
    EndsWith(String),
    /// Everything else.
    Tokens(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`
    AnyInName,
    /// `*`
    ManyInName,
    /// `**` at the end
    Many,
    /// `**` before something: nothing, or anything up to a `/`
    Folders,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Reads a line; a blank line and a comment are no pattern.
    fn parse(line: &str) -> Result<Option<Pattern>, &'static str> {
        // Only a `#` in the first column starts a comment.
        let trimmed = line.trim();
        if line.starts_with('#') || trimmed.is_empty() {
            return Ok(None);
        }
        let (exception, rest) = match trimmed.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, trimmed),
        };
        let cleaned = clean(rest);
        if exception && cleaned.is_empty() {
            return Err("there is nothing after the `!`");
        }
        let shape = Shape::parse(&cleaned)?;
        Ok(Some(Pattern { exception, shape }))
    }

    fn matches(&self, path: &str, text: &[char]) -> bool {
        match &self.shape {
            Shape::Exactly(name) => path == name,
            Shape::StartsWith(start) => path.starts_with(start.as_str()),
            Shape::EndsWith(end) => {
                path.ends_with(end.as_str()) || end.strip_prefix('/') == Some(path)
            }
            Shape::Tokens(tokens) => walk(tokens, text).0,
        }
    }

    /// Whether a path that starts with `folder` (which ends with `/`) can match.
    fn may_match_below(&self, folder: &str) -> bool {
        match &self.shape {
            Shape::Exactly(name) => name.starts_with(folder),
            Shape::StartsWith(start) => {
                start.starts_with(folder) || folder.starts_with(start.as_str())
            }
            Shape::EndsWith(_) => true,
            Shape::Tokens(tokens) => walk(tokens, &folder.chars().collect::<Vec<_>>()).1,
        }
    }
}

/// The shortest way to say a path: no `.`, no `a/..`, no doubled or trailing `/`, and no leading
/// `/`, because every pattern starts at the context. What is left of `/` is empty; what is left of
/// nothing is `.`, which matches nothing either.
fn clean(pattern: &str) -> String {
    let rooted = pattern.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(&last)) if last != ".." => {
                parts.pop();
            }
            ("..", _) if rooted => {}
            _ => parts.push(part),
        }
    }
    if parts.is_empty() && !rooted && !pattern.is_empty() {
        return ".".to_owned();
    }
    parts.join("/")
}

impl Shape {
    fn parse(pattern: &str) -> Result<Shape, &'static str> {
        let tokens = tokens(pattern)?;
        let simple = |text: &str| !text.contains(['*', '?', '[', ']', '\\']);
        if simple(pattern) {
            return Ok(Shape::Exactly(pattern.to_owned()));
        }
        if let Some(end) = pattern.strip_prefix("**")
            && simple(end)
        {
            return Ok(Shape::EndsWith(end.to_owned()));
        }
        if let Some(start) = pattern.strip_suffix("**")
            && simple(start)
        {
            return Ok(Shape::StartsWith(start.to_owned()));
        }
        Ok(Shape::Tokens(tokens))
    }
}

fn tokens(pattern: &str) -> Result<Vec<Token>, &'static str> {
    let mut rest = pattern.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(char) = rest.next() {
        tokens.push(match char {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                match rest.peek() {
                    Some(_) => Token::Folders,
                    None => Token::Many,
                }
            }
            '*' => Token::ManyInName,
            '?' => Token::AnyInName,
            '[' => set(&mut rest)?,
            '\\' => Token::Literal(rest.next().ok_or("it ends with `\\`")?),
            literal => Token::Literal(literal),
        });
    }
    Ok(tokens)
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Reads a set after its `[`.
fn set(rest: &mut Rest<'_>) -> Result<Token, &'static str> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    while ranges.is_empty() || rest.next_if_eq(&']').is_none() {
        let first = set_member(rest)?;
        let last = match rest.next_if_eq(&'-') {
            Some(_) => set_member(rest)?,
            None => first,
        };
        if last < first {
            return Err("the range in `[…]` runs backwards");
        }
        ranges.push((first, last));
    }
    Ok(Token::Set { negated, ranges })
}

fn set_member(rest: &mut Rest<'_>) -> Result<char, &'static str> {
    match rest.next() {
        Some('-') => Err("`-` in `[…]` needs a `\\` before it, or a character on both sides"),
        Some(']') => Err("`[…]` is empty, or `]` in it needs a `\\` before it"),
        Some('\\') => rest.next().ok_or("`[` is not closed"),
        Some(member) => Ok(member),
        None => Err("`[` is not closed"),
    }
}

/// Whether the tokens match the whole text, and whether they match something that starts with it.
///
/// `reached[n]` says that the tokens so far can have taken the first `n` characters; one pass per
/// token, so no pattern can take exponential time.
fn walk(tokens: &[Token], text: &[char]) -> (bool, bool) {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut started = text.is_empty();
    for token in tokens {
        advance(token, text, &mut reached);
        started |= reached[text.len()];
        if !reached.contains(&true) {
            return (false, started);
        }
    }
    (reached[text.len()], started)
}

fn advance(token: &Token, text: &[char], reached: &mut [bool]) {
    match token {
        Token::ManyInName => spread(text, reached, |char| char != '/'),
        Token::Many => spread(text, reached, |_| true),
        Token::Folders => after_slashes(text, reached),
        Token::Literal(literal) => step(text, reached, |char| char == *literal),
        Token::AnyInName => step(text, reached, |char| char != '/'),
        Token::Set { negated, ranges } => step(text, reached, |char| {
            let inside = ranges.iter().any(|(a, z)| (*a..=*z).contains(&char));
            inside != *negated
        }),
    }
}

/// Takes exactly one character.
fn step(text: &[char], reached: &mut [bool], takes: impl Fn(char) -> bool) {
    for at in (0..text.len()).rev() {
        reached[at + 1] = reached[at] && takes(text[at]);
    }
    reached[0] = false;
}

/// Takes any number of characters.
fn spread(text: &[char], reached: &mut [bool], takes: impl Fn(char) -> bool) {
    for at in 0..text.len() {
        reached[at + 1] |= reached[at] && takes(text[at]);
    }
}

/// Takes nothing, or anything up to and including a `/`.
fn after_slashes(text: &[char], reached: &mut [bool]) {
    let mut begun = false;
    for at in 0..text.len() {
        begun |= reached[at];
        reached[at + 1] |= begun && text[at] == '/';
    }
}

#[cfg(test)]
mod tests {
    use super::Ignore;

    include!("../../tests/cases/build/patterns.rs");

    #[test]
    fn paths_stay_behind_as_with_the_engine() {
        for (file, path, expected) in PATTERNS {
            let ignore = Ignore::parse(file).unwrap();
            assert_eq!(ignore.excludes(path), *expected, "{file:?} on {path:?}");
        }
    }

    #[test]
    fn folders_are_entered_only_for_an_exception() {
        for (file, folder, expected) in [
            ("", "a", false),
            ("a", "a", true),
            ("a", "a/b", true),
            ("a", "b", false),
            ("a\n!a/b", "a", false),
            ("a\n!a/b/c", "a/b", false),
            ("a\n!a/b", "a/c", true),
            ("a\n!a/b", "ab", false),
            ("*\n!src/**/*.rs", "src", false),
            ("*\n!src/**/*.rs", "src/x/y", false),
            ("*\n!src/**/*.rs", "node_modules", true),
            ("*\n!*/keep", "node_modules", false),
            ("*\n!*/keep", "node_modules/x", true),
            ("*\n!**/keep", "node_modules/x", false),
            ("*\n!**/*.rs", "a/b", false),
            ("*\n!src/**", "src/a", false),
            ("*\n!src/**", "lib", true),
            ("*\n!lib*/x", "library", false),
            ("*\n!lib*/x", "bin", true),
            // The exception comes too early to bring anything back.
            ("!a/b\na", "a", true),
            ("*\n!src\nsrc/gen", "src/gen", true),
        ] {
            let ignore = Ignore::parse(file).unwrap();
            assert_eq!(ignore.may_skip_dir(folder), expected, "{file:?} {folder:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_named_with_its_line() {
        for (file, line) in [
            ("!", 1),
            ("a\n! ", 2),
            ("!/", 1),
            ("a\n\n[", 3),
            ("[]", 1),
            ("[]a]", 1),
            ("[^]", 1),
            ("[a", 1),
            ("[a-", 1),
            ("[a-]", 1),
            ("[-a]", 1),
            ("[z-a]", 1),
            ("a\\", 1),
            ("[a\\", 1),
        ] {
            let error = Ignore::parse(file).unwrap_err();
            assert_eq!(error.line, line, "{file:?}: {error}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_quick() {
        let ignore = Ignore::parse(&format!("{}b", "*a".repeat(200))).unwrap();
        assert!(!ignore.excludes(&"a".repeat(2000)));
    }
}
