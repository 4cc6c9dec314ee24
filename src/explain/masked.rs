//! Which values are nobody's business, and texts without them.
//!
//! A value is a secret when its key says so (`DB_PASSWORD`, `API_TOKEN`), and a part of a text is
//! when the variable it came from says so, or when it is the password of an address.

use super::Explained;
use crate::document::{Path, Segment};
use crate::project::attribute::Data;

/// What stands for a secret.
pub const MASK: &str = "********";

/// Parts of names that tell of secrets, anywhere in them.
const PARTS: [&str; 7] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "APIKEY",
];

/// Words that tell of secrets when they stand alone: `SSH_KEY`, and not `KEYBOARD`.
const WORDS: [&str; 4] = ["KEY", "PASS", "PWD", "AUTH"];

/// Whether a name is one of a secret.
pub fn is_secret_name(name: &str) -> bool {
    let upper = name.to_uppercase();
    PARTS.iter().any(|part| upper.contains(part))
        || upper
            .split(['_', '-', '.'])
            .any(|word| WORDS.contains(&word))
}

/// Whether the value of a path is a secret: of `environment`, of build arguments, and what
/// configs and secrets hold.
pub fn is_secret(path: &Path) -> bool {
    let keys: Vec<&str> = path
        .segments()
        .iter()
        .filter_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) => None,
        })
        .collect();
    match keys.as_slice() {
        ["secrets" | "configs", _, "content"] => true,
        ["services", _, .., "environment" | "args" | "labels", key] => is_secret_name(key),
        [.., key] if keys[0].starts_with("x-") => is_secret_name(key),
        _ => false,
    }
}

/// Takes the secrets out of what is told about a value.
pub fn mask(explained: &mut Explained) {
    // The text behind the operator of a secret variable stands in the value, too.
    let by_default = explained
        .uses
        .iter()
        .any(|it| it.used.replaced && is_secret_name(&it.used.name));
    if by_default || is_secret(&explained.path) {
        if !explained.value.is_null() {
            explained.value = MASK.into();
        }
        explained.written = explained.written.as_ref().map(|_| MASK.to_owned());
        for overridden in &mut explained.overrode {
            MASK.clone_into(&mut overridden.value);
        }
        for it in &mut explained.uses {
            it.used.value = it.used.value.as_ref().map(|_| MASK.to_owned());
        }
        return;
    }
    let secrets: Vec<String> = explained
        .uses
        .iter()
        .filter(|it| is_secret_name(&it.used.name))
        .filter_map(|it| it.used.value.clone())
        .filter(|value| !value.is_empty())
        .collect();
    let clean = |text: &str| {
        let replaced = secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, MASK));
        without_password(&replaced)
    };
    if let Some(text) = explained.value.as_str() {
        explained.value = clean(text).into();
    }
    explained.written = explained.written.as_deref().map(without_password);
    for overridden in &mut explained.overrode {
        overridden.value = clean(&overridden.value);
    }
    for it in &mut explained.uses {
        let secret = is_secret_name(&it.used.name);
        it.used.value = it.used.value.take().map(|value| {
            if secret {
                MASK.to_owned()
            } else {
                without_password(&value)
            }
        });
    }
}

/// A value that nobody knows the origin of any more, without what is likely to be a secret: the
/// values of `secrets`, passwords of addresses, and what follows a name of a secret (`--token x`,
/// `PASSWORD=x`).
pub fn mask_old(value: &Data, secrets: &[String]) -> Data {
    match value {
        Data::String(text) => Data::String(mask_text(text, secrets)),
        Data::Sequence(items) => {
            let mut named = false;
            let item = |item: &Data| {
                let masked = std::mem::replace(&mut named, names_secret(item));
                if masked && item.is_string() {
                    MASK.into()
                } else {
                    mask_old(item, secrets)
                }
            };
            Data::Sequence(items.iter().map(item).collect())
        }
        Data::Mapping(mapping) => {
            let entry = |(key, value): (&Data, &Data)| {
                let secret = key.as_str().is_some_and(is_secret_name) && value.is_string();
                let value = if secret {
                    MASK.into()
                } else {
                    mask_old(value, secrets)
                };
                (key.clone(), value)
            };
            Data::Mapping(mapping.iter().map(entry).collect())
        }
        other => other.clone(),
    }
}

/// Whether a word of a command is the flag of a secret, whose value is the next word.
fn names_secret(word: &Data) -> bool {
    let flag = word.as_str().and_then(|word| word.strip_prefix('-'));
    flag.is_some_and(|flag| !flag.contains('=') && is_secret_name(flag))
}

fn mask_text(text: &str, secrets: &[String]) -> String {
    let known = secrets.iter();
    let text = known.fold(text.to_owned(), |text, secret| text.replace(secret, MASK));
    let word = |word: &str| match word.split_once('=') {
        Some((name, value)) if is_secret_name(name) && !value.trim().is_empty() => {
            format!("{name}={MASK}{}", &value[value.trim_end().len()..])
        }
        _ => word.to_owned(),
    };
    let words: String = text
        .split_inclusive(char::is_whitespace)
        .map(word)
        .collect();
    without_password(&words)
}

/// `scheme://user:password@host` with the password masked, unless it is a variable.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority = rest.split(['/', ' ', '?']).next().unwrap_or(rest);
    match authority.rsplit_once('@') {
        Some((user, _)) => match user.split_once(':') {
            Some((name, password)) if !password.is_empty() && !password.starts_with("${") => {
                let behind = &rest[user.len()..];
                format!("{scheme}://{name}:{MASK}{}", without_password(behind))
            }
            _ => text.to_owned(),
        },
        None => format!("{scheme}://{}", without_password(rest)),
    }
}

/// Whether a line of a file may be shown: it names no secret.
pub fn may_show(line: &str) -> bool {
    let words = line.split(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)));
    let names = words.filter(|word| is_secret_name(word)).count();
    // A variable in braces is a name and no value.
    let variables = line.split("${").skip(1);
    let named = variables
        .filter(|rest| {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            is_secret_name(&rest[..end.unwrap_or(rest.len())]) && !rest.contains(":-")
        })
        .count();
    names <= named && without_password(line) == line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_of_secrets() {
        for name in [
            "DB_PASSWORD",
            "api_token",
            "AWS_SECRET_ACCESS_KEY",
            "SSH_KEY",
            "PGPASS_PASS",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["DB_URL", "KEYBOARD", "MONKEY", "AUTHOR", "PORT"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn passwords_of_addresses_are_taken_out() {
        for (text, expected) in [
            ("postgres://u:pw@db/app", "postgres://u:********@db/app"),
            ("postgres://db/app", "postgres://db/app"),
            (
                "a http://x http://u:p@y z",
                "a http://x http://u:********@y z",
            ),
            ("http://u:${PW}@y", "http://u:${PW}@y"),
        ] {
            assert_eq!(without_password(text), expected);
        }
    }

    #[test]
    fn lines_that_name_secrets_are_not_shown() {
        assert!(may_show("  DB_URL: postgres://${DB_PASSWORD}@db"));
        assert!(!may_show("  DB_PASSWORD: x"));
        assert!(!may_show("  environment: {A: 1, DB_PASSWORD: x}"));
        assert!(!may_show("  DB_URL: postgres://u:pw@db"));
    }
}
