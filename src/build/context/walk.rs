//! The entries of a folder that are sent, in order: by name within a folder, each folder before
//! what is in it.
//!
//! A folder that stays behind is entered only if an exception can match below it; it comes into
//! the list with the first of its entries that does. What disappears while the walk is on its way
//! was never there. The walk knows nothing about how entries travel.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::super::BuildError;
use super::super::ignore::{Ignore, Verdict};
use super::{slashed, unreadable};

/// Something in the context.
#[derive(Debug)]
pub struct Entry {
    /// Its path, relative to the context.
    pub path: PathBuf,
    /// What it is; of a link, the link itself.
    pub metadata: Metadata,
}

/// An iterator over the entries of a context.
#[derive(Debug)]
pub struct Walk<'a> {
    root: &'a Path,
    ignore: &'a Ignore,
    /// The folders that are open, outermost first.
    folders: Vec<Folder>,
    ready: VecDeque<Entry>,
    /// The context itself could not be read.
    failed: Option<BuildError>,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    verdict: Verdict,
    names: std::vec::IntoIter<OsString>,
    /// Its own entry, while nothing in it is sent and it is itself excluded.
    held_back: Option<Entry>,
}

impl<'a> Walk<'a> {
    /// A walk over everything below `root` that `ignore` does not exclude.
    pub fn new(root: &'a Path, ignore: &'a Ignore) -> Walk<'a> {
        let mut walk = Walk {
            root,
            ignore,
            folders: Vec::new(),
            ready: VecDeque::new(),
            failed: None,
        };
        walk.failed = walk.enter(PathBuf::new(), ignore.root(), None).err();
        walk
    }

    fn enter(
        &mut self,
        path: PathBuf,
        verdict: Verdict,
        held_back: Option<Entry>,
    ) -> Result<(), BuildError> {
        let names = names(&self.root.join(&path))?.into_iter();
        self.folders.push(Folder {
            path,
            verdict,
            names,
            held_back,
        });
        Ok(())
    }

    /// Takes the next name and puts what it leads to into `ready`; false at the end.
    fn advance(&mut self) -> Result<bool, BuildError> {
        let Some(folder) = self.folders.last_mut() else {
            return Ok(false);
        };
        let Some(name) = folder.names.next() else {
            self.folders.pop();
            return Ok(true);
        };
        let path = folder.path.join(name);
        let text = slashed(&path);
        let verdict = self.ignore.judge(&folder.verdict, &text);
        let full = self.root.join(&path);
        let metadata = match fs::symlink_metadata(&full) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            // What stays behind may be as broken as it likes.
            Err(_) if verdict.excluded => return Ok(true),
            Err(error) => return Err(unreadable(&full, &error)),
        };
        let is_folder = metadata.is_dir();
        let skipped = !is_folder || self.ignore.closed_below(&verdict, &text);
        let entry = Entry { path, metadata };
        match (verdict.excluded, is_folder) {
            (true, _) if skipped => {}
            (true, _) => self.enter(entry.path.clone(), verdict, Some(entry))?,
            (false, true) => {
                let path = entry.path.clone();
                self.give(entry);
                self.enter(path, verdict, None)?;
            }
            (false, false) => self.give(entry),
        }
        Ok(true)
    }

    /// Puts an entry into `ready`, after the folders around it that were held back.
    fn give(&mut self, entry: Entry) {
        let held_back = self.folders.iter_mut().filter_map(|f| f.held_back.take());
        self.ready.extend(held_back);
        self.ready.push_back(entry);
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Entry, BuildError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        while self.ready.is_empty() {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

/// The names in a folder, sorted; none if it is gone.
fn names(folder: &Path) -> Result<Vec<OsString>, BuildError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let names: Result<Vec<_>, _> = entries.map(|entry| Ok(entry?.file_name())).collect();
    let mut names = names.map_err(|error| unreadable(folder, &error))?;
    names.sort();
    Ok(names)
}
