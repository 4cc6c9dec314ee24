//! The host's half of a project's lock: a file for each project and engine, in the user's state
//! folder, which the system unlocks when its holder dies.
//!
//! A line of the file tells who took the lock; it stays until that run has come to an end. What is
//! found there by the next one are runs that were killed, so that it need not wait until the
//! engine's half of their lock expires. Files are never removed: another process may be about to
//! lock them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::ops::lock::{Holder, HostLock, HostLocks, Taken};

/// Locked files in one folder.
#[derive(Debug)]
pub struct FileLocks {
    folder: PathBuf,
}

impl FileLocks {
    /// In the folder that the variables name for what programs keep; `None` where there is none.
    pub fn of(variables: &BTreeMap<String, String>) -> Option<FileLocks> {
        let folder = |name: &str, below: &str| {
            let folder = variables.get(name).filter(|it| !it.is_empty())?;
            Some(Path::new(folder).join(below))
        };
        let folder = folder("XDG_STATE_HOME", "rcompose")
            .or_else(|| folder("HOME", ".local/state/rcompose"))
            .or_else(|| folder("LOCALAPPDATA", "rcompose"))?;
        folder.is_absolute().then(|| FileLocks {
            folder: folder.join("locks"),
        })
    }
}

/// The project's name, for people, and something that no other project and engine have.
fn file_name(name: &str) -> String {
    let project = name.split(' ').next().unwrap_or_default();
    let digest = Sha256::digest(name.as_bytes());
    let mut file = format!("{project}-");
    for byte in digest.iter().take(6) {
        let _ = write!(file, "{byte:02x}");
    }
    file + ".lock"
}

impl FileLocks {
    /// The open file, whether it is locked by us now, and who it names.
    fn open(&self, name: &str) -> io::Result<(File, bool, Vec<Holder>)> {
        std::fs::create_dir_all(&self.folder)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(self.folder.join(file_name(name)))?;
        let taken = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        let mut text = String::new();
        // Whoever holds it may be writing this moment; half a line is no holder yet.
        let _ = file.read_to_string(&mut text);
        let holders = text.lines().filter_map(|it| serde_json::from_str(it).ok());
        let holders = holders.collect();
        Ok((file, taken, holders))
    }
}

impl HostLocks for FileLocks {
    fn take(&self, name: &str, holder: &Holder) -> io::Result<Taken> {
        let (mut file, taken, mut holders) = self.open(name)?;
        if !taken {
            return Ok(Taken::Busy(holders.pop().unwrap_or_default()));
        }
        file.seek(io::SeekFrom::End(0))?;
        file.write_all(format!("{}\n", serde_json::to_string(holder)?).as_bytes())?;
        let dead = tokens(holders);
        Ok(Taken::Held(Box::new(FileLock { file, dead })))
    }

    fn killed(&self, name: &str) -> io::Result<Vec<String>> {
        let (_file, taken, holders) = self.open(name)?;
        Ok(if taken { tokens(holders) } else { Vec::new() })
    }
}

fn tokens(holders: Vec<Holder>) -> Vec<String> {
    holders.into_iter().map(|holder| holder.token).collect()
}

struct FileLock {
    file: File,
    dead: Vec<String>,
}

impl HostLock for FileLock {
    fn dead(&self) -> Vec<String> {
        self.dead.clone()
    }

    fn leave(self: Box<Self>) {
        // If that fails, the next run takes this one for dead, which it is by then.
        let _ = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks() -> (tempfile::TempDir, FileLocks) {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().to_string_lossy().into_owned();
        let variables = BTreeMap::from([("HOME".to_owned(), home)]);
        let locks = FileLocks::of(&variables).expect("there is a home");
        (folder, locks)
    }

    fn holder(token: &str) -> Holder {
        Holder {
            token: token.to_owned(),
            pid: 812,
            ..Holder::default()
        }
    }

    #[track_caller]
    fn held(taken: io::Result<Taken>) -> Box<dyn HostLock> {
        match taken {
            Ok(Taken::Held(held)) => held,
            Ok(Taken::Busy(other)) => panic!("{other:?} has it"),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn the_second_is_told_who_has_it_until_that_one_is_done() {
        let (_folder, locks) = locks();
        let first = held(locks.take("demo unix:///a", &holder("first")));
        match locks.take("demo unix:///a", &holder("second")) {
            Ok(Taken::Busy(other)) => assert_eq!(other, holder("first")),
            _ => panic!("it is not free"),
        }
        held(locks.take("demo unix:///b", &holder("second"))).leave();
        held(locks.take("other unix:///a", &holder("second"))).leave();
        first.leave();
        let second = held(locks.take("demo unix:///a", &holder("second")));
        assert_eq!(second.dead(), [] as [&str; 0]);
    }

    #[test]
    fn those_who_did_not_come_to_an_end_are_dead() {
        let (_folder, locks) = locks();
        drop(held(locks.take("demo unix:///a", &holder("first"))));
        let second = held(locks.take("demo unix:///a", &holder("second")));
        let killed = |name| locks.killed(name).expect("the file can be read");
        assert_eq!(killed("demo unix:///a"), [] as [&str; 0]);
        drop(second);
        assert_eq!(killed("demo unix:///a"), ["first", "second"]);
        let third = held(locks.take("demo unix:///a", &holder("third")));
        assert_eq!(third.dead(), ["first", "second"]);
        third.leave();
        let fourth = held(locks.take("demo unix:///a", &holder("fourth")));
        assert_eq!(fourth.dead(), [] as [&str; 0]);
    }

    #[test]
    fn without_a_folder_for_it_there_are_none() {
        let relative = BTreeMap::from([("HOME".to_owned(), "home".to_owned())]);
        assert!(FileLocks::of(&relative).is_none());
        assert!(FileLocks::of(&BTreeMap::new()).is_none());
    }
}
