//! What is there instead of a path that is not: the name that was probably meant.
//!
//! Looks into one folder, the deepest one of the path that exists.

use std::path::{Path, PathBuf};

/// The path in the deepest existing folder whose name is nearest to the one that is missing there.
pub(super) fn nearest(missing: &Path) -> Option<PathBuf> {
    let mut ancestors = missing.ancestors();
    let mut wanted = ancestors.next()?;
    let folder = ancestors.find(|folder| {
        let found = folder.is_dir();
        if !found {
            wanted = folder;
        }
        found
    })?;
    let wanted = wanted.file_name()?.to_string_lossy().to_lowercase();
    let mut names: Vec<_> = folder.read_dir().ok()?.flatten().collect();
    names.sort_by_key(std::fs::DirEntry::file_name);
    let (_, best) = names
        .into_iter()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().to_lowercase();
            (distance(&wanted, &name), entry)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= wanted.chars().count() / 3)?;
    Some(best.path())
}

/// How many characters must be put in, left out or replaced; an ending more or less, as in
/// `Dockerfile.dev`, counts as one.
fn distance(a: &str, b: &str) -> usize {
    let ending = |long: &str, short: &str| {
        long.strip_prefix(short)
            .is_some_and(|rest| rest.starts_with(['.', '-', '_']))
    };
    if ending(a, b) || ending(b, a) {
        return 1;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("dockerfile", "dockerfile", 0),
            ("dockerfile", "dokerfile", 1),
            ("dockerfile", "dockerfile.dev", 1),
            ("kitten", "sitting", 3),
            ("", "abc", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn the_first_missing_folder_is_what_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("services/web")).unwrap();
        let missing = folder.path().join("service/web/Dockerfile");
        assert_eq!(nearest(&missing), Some(folder.path().join("services")));
        assert_eq!(nearest(&folder.path().join("completely")), None);
    }
}
