//! A local folder as the context of a build: what of it is sent, and under which name the
//! Dockerfile goes along.
//!
//! [`LocalContext::open`] settles that once; [`walk`] gives the entries in order; [`archive`] makes
//! the stream that the classic endpoint wants of them.
//!
//! # The Dockerfile on the wire
//!
//! The classic endpoint takes the Dockerfile from inside the context. Before it runs the steps it
//! removes from its copy the Dockerfile and `.dockerignore`, each if the `.dockerignore` *in the
//! archive* excludes it. So a Dockerfile that has no business in the image (it lies outside the
//! context, is given as text, is reached through a link, or is excluded) goes under a name of our
//! own, and the archive's `.dockerignore` says to remove it. One that is simply there goes as what
//! it is. The image then holds what `BuildKit` would have put there, except that a `.dockerignore`
//! which is itself copied into the image shows the line added to it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::ignore::Ignore;
use super::nearest::nearest;
use super::{BuildError, DEFAULT_DOCKERFILE, Dockerfile};

pub mod archive;
pub mod walk;

/// The file that says what stays behind.
const DOCKERIGNORE: &str = ".dockerignore";

/// The name of a Dockerfile that is not part of the context; a file of the context with that name
/// is not sent. The same for every build, so that the engine's cache does not see a difference
/// where there is none.
const RESERVED: &str = ".dockerfile.rcompose";

/// A folder that can be sent.
#[derive(Debug, Clone)]
pub struct LocalContext {
    /// The folder, links resolved.
    pub root: PathBuf,
    /// What stays behind.
    pub ignore: Ignore,
    /// Name of the Dockerfile in what is sent.
    pub dockerfile: String,
    /// Files that are sent besides, or instead of, those in the folder; by name.
    pub extras: BTreeMap<String, Vec<u8>>,
}

impl LocalContext {
    /// Looks at the folder, its Dockerfile and the ignore file; reads nothing else yet.
    pub fn open(root: &Path, dockerfile: &Dockerfile) -> Result<LocalContext, BuildError> {
        let root = open_folder(root)?;
        let file = match dockerfile {
            Dockerfile::Path(path) => Some(find_dockerfile(&root, path)?),
            Dockerfile::Inline(_) => None,
        };
        let ignore = read_ignore(&root, file.as_deref())?;
        let inside = file.as_deref().and_then(|file| name_inside(&root, file));
        let mut context = LocalContext {
            root,
            ignore,
            dockerfile: String::new(),
            extras: BTreeMap::new(),
        };
        match inside {
            Some(name) if !context.ignore.excludes(&name) => context.dockerfile = name,
            _ => context.add_dockerfile(match (file, dockerfile) {
                (Some(file), _) => read(&file)?,
                (None, Dockerfile::Inline(text)) => text.clone().into_bytes(),
                (None, Dockerfile::Path(path)) => read(path)?,
            }),
        }
        context.direct_removal()?;
        Ok(context)
    }

    fn add_dockerfile(&mut self, text: Vec<u8>) {
        RESERVED.clone_into(&mut self.dockerfile);
        self.extras.insert(RESERVED.to_owned(), text);
    }

    /// Makes the engine remove the extra Dockerfile, and nothing that belongs into the image.
    fn direct_removal(&mut self) -> Result<(), BuildError> {
        let extra = self.extras.contains_key(&self.dockerfile);
        let own = self.own_dockerignore()?;
        let sent = own.is_some();
        if !sent && !extra {
            return Ok(());
        }
        let mut lines = vec![own.unwrap_or_else(|| DOCKERIGNORE.to_owned())];
        if extra {
            lines.push(self.dockerfile.clone());
        }
        // The engine reads this file even when another one decided what is sent.
        let engine = Ignore::parse(&lines.join("\n")).unwrap_or_default();
        if sent && engine.excludes(DOCKERIGNORE) {
            lines.push(format!("!{DOCKERIGNORE}"));
        }
        if !extra && engine.excludes(&self.dockerfile) {
            lines.push(format!("!{}", escaped(&self.dockerfile)));
        }
        if !sent || lines.len() > 1 {
            let text = lines.join("\n") + "\n";
            self.extras
                .insert(DOCKERIGNORE.to_owned(), text.into_bytes());
        }
        Ok(())
    }

    /// The folder's `.dockerignore`, if it is one of the files that are sent.
    fn own_dockerignore(&self) -> Result<Option<String>, BuildError> {
        if self.ignore.excludes(DOCKERIGNORE) {
            return Ok(None);
        }
        let text = read_if_there(&self.root.join(DOCKERIGNORE))?;
        Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }
}

/// A name as a pattern that matches it alone.
fn escaped(name: &str) -> String {
    let mut pattern = String::new();
    for char in name.chars() {
        if matches!(char, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern
}

fn open_folder(path: &Path) -> Result<PathBuf, BuildError> {
    let root = path.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => BuildError::ContextMissing {
            path: path.to_owned(),
            nearest: nearest(path),
        },
        _ => unreadable(path, &error),
    })?;
    if !root.is_dir() {
        return Err(BuildError::ContextNotFolder { path: root });
    }
    Ok(root)
}

/// Where the Dockerfile is. `dockerfile` stands in for a missing `Dockerfile`, as with docker.
fn find_dockerfile(root: &Path, path: &Path) -> Result<PathBuf, BuildError> {
    let file = root.join(path);
    let lower = root.join(DEFAULT_DOCKERFILE.to_lowercase());
    match fs::metadata(&file) {
        Ok(metadata) if metadata.is_dir() => Err(BuildError::Unreadable {
            path: file,
            reason: "it is a folder".to_owned(),
        }),
        Ok(_) => Ok(file),
        Err(_) if path == Path::new(DEFAULT_DOCKERFILE) && lower.is_file() => Ok(lower),
        Err(error) => Err(match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => BuildError::DockerfileMissing {
                nearest: nearest(&file),
                path: file,
            },
            _ => unreadable(&file, &error),
        }),
    }
}

/// The patterns of `<Dockerfile>.dockerignore` if there is one, else of `.dockerignore`.
fn read_ignore(root: &Path, dockerfile: Option<&Path>) -> Result<Ignore, BuildError> {
    let beside = dockerfile.map(|file| {
        let mut name = file.as_os_str().to_owned();
        name.push(DOCKERIGNORE);
        PathBuf::from(name)
    });
    for path in beside.into_iter().chain([root.join(DOCKERIGNORE)]) {
        let Some(text) = read_if_there(&path)? else {
            continue;
        };
        let text = String::from_utf8_lossy(&text);
        return Ignore::parse(&text).map_err(|pattern| BuildError::BadIgnore { path, pattern });
    }
    Ok(Ignore::default())
}

/// The name in the context of a file that lies in it, without a link on the way.
fn name_inside(root: &Path, file: &Path) -> Option<String> {
    let real = file.canonicalize().ok()?;
    let name = real.strip_prefix(root).ok()?;
    // A name that is not Unicode cannot be put into the request.
    name.to_str()?;
    Some(slashed(name))
}

/// A relative path as patterns see it: text, with `/`.
pub(crate) fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, BuildError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> BuildError {
    BuildError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    /// Opens a folder with the given files.
    fn open(files: &[(&str, &str)], dockerfile: &Dockerfile) -> Result<LocalContext, BuildError> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("ctx");
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        LocalContext::open(&root, dockerfile)
    }

    fn path(path: &str) -> Dockerfile {
        Dockerfile::Path(path.into())
    }

    /// The Dockerfile's name on the wire, and the `.dockerignore` that goes instead of the real one.
    fn check(files: &[(&str, &str)], dockerfile: &Dockerfile) -> (String, Option<String>) {
        let mut context = open(files, dockerfile).unwrap();
        let ignore = context.extras.remove(DOCKERIGNORE);
        (
            context.dockerfile,
            ignore.map(|text| String::from_utf8(text).unwrap()),
        )
    }

    fn plain(name: &str) -> (String, Option<String>) {
        (name.to_owned(), None)
    }

    fn with(name: &str, ignore: &str) -> (String, Option<String>) {
        (name.to_owned(), Some(ignore.to_owned()))
    }

    #[test]
    fn a_dockerfile_that_is_simply_there_goes_as_it_is() {
        let default = Dockerfile::default();
        assert_eq!(check(&[("Dockerfile", "")], &default), plain("Dockerfile"));
        assert_eq!(check(&[("dockerfile", "")], &default), plain("dockerfile"));
        let files = [("docker/web", ""), (".dockerignore", "x")];
        assert_eq!(
            check(&files, &path("docker/../docker/web")),
            plain("docker/web")
        );
    }

    #[test]
    fn any_other_dockerfile_goes_under_a_reserved_name_and_is_removed() {
        let removed = ".dockerignore\n.dockerfile.rcompose\n";
        let default = Dockerfile::default();
        let inline = Dockerfile::Inline("FROM a".to_owned());
        let excluded = [("Dockerfile", ""), (".dockerignore", "*")];
        assert_eq!(check(&excluded, &default), with(RESERVED, removed));
        assert_eq!(check(&[("x", "")], &inline), with(RESERVED, removed));
        let outside = [("x", ""), ("../Dockerfile", "")];
        assert_eq!(
            check(&outside, &path("../Dockerfile")),
            with(RESERVED, removed)
        );
        let kept = [("x", ""), (".dockerignore", "y")];
        let expected = with(RESERVED, "y\n.dockerfile.rcompose\n");
        assert_eq!(check(&kept, &inline), expected);
    }

    #[test]
    fn an_ignore_file_beside_the_dockerfile_wins() {
        let files = [
            ("Dockerfile", ""),
            ("Dockerfile.dockerignore", "a"),
            (".dockerignore", "b"),
        ];
        let context = open(&files, &Dockerfile::default()).unwrap();
        assert!(context.ignore.excludes("a"));
        assert!(!context.ignore.excludes("b"));
        assert!(context.extras.is_empty());
    }

    #[test]
    fn the_ignore_file_that_lost_removes_nothing() {
        let files = [
            ("[1]", ""),
            ("[1].dockerignore", "a"),
            (".dockerignore", "*"),
        ];
        let expected = with("[1]", "*\n!.dockerignore\n!\\[1\\]\n");
        assert_eq!(check(&files, &path("[1]")), expected);
    }

    #[test]
    fn what_is_missing_is_named_with_what_is_there() {
        let files = [("Dokerfile", ""), (".dockerignore", "")];
        let error = open(&files, &Dockerfile::default()).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("ctx/Dockerfile does not exist (there is "),
            "{message}"
        );
        assert!(message.ends_with("ctx/Dokerfile)"), "{message}");

        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("web")).unwrap();
        let error = LocalContext::open(&folder.path().join("wep"), &Dockerfile::default());
        let message = error.unwrap_err().to_string();
        assert!(message.ends_with("/web)"), "{message}");

        fs::write(folder.path().join("file"), "").unwrap();
        let error = LocalContext::open(&folder.path().join("file"), &Dockerfile::default());
        let error = error.unwrap_err();
        assert!(
            matches!(error, BuildError::ContextNotFolder { .. }),
            "{error}"
        );
    }

    #[test]
    fn a_bad_pattern_is_named_with_file_and_line() {
        let files = [("Dockerfile", ""), (".dockerignore", "a\n[b\n")];
        let message = open(&files, &Dockerfile::default())
            .unwrap_err()
            .to_string();
        assert!(message.ends_with("ctx/.dockerignore:2: `[b` is no pattern: `[` is not closed"));
    }
}
