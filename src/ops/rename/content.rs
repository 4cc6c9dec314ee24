//! What is in a volume, entry by entry, out of the archive that an engine makes of it: good for
//! telling whether two volumes hold the same.
//!
//! An entry is its kind, rights, owner, time (to the second, as archives of engines have it), size,
//! link, extended attributes and every byte of it. Archives are read as they come; of each entry,
//! 32 bytes are kept.

use std::collections::BTreeMap;
use std::io::{self, Read};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::engine::{Answers, EngineError};

/// Pieces of an archive that may wait to be read.
const AHEAD: usize = 64;

/// Records that say when an entry was read, not what it is.
const READINGS: [&str; 2] = ["atime", "ctime"];

/// What is in a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// A digest of each entry, by its path.
    entries: BTreeMap<String, [u8; 32]>,
    /// Files among the entries.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Content {
    /// Whether there is nothing but the volume's own folder.
    pub fn is_empty(&self) -> bool {
        self.entries.len() <= 1
    }

    /// A path that is not the same in both, if there is one.
    pub fn difference<'c>(&'c self, other: &'c Content) -> Option<&'c str> {
        let paths = self.entries.keys().chain(other.entries.keys());
        let mut differing =
            paths.filter(|path| self.entries.get(*path) != other.entries.get(*path));
        differing.next().map(String::as_str)
    }
}

/// Reads an archive to its end.
pub(super) async fn of(mut archive: Answers<Bytes>) -> Result<Content, EngineError> {
    let (pieces, reading) = reader();
    while let Some(piece) = archive.next().await {
        if pieces.send(piece?).await.is_err() {
            break;
        }
    }
    drop(pieces);
    finished(reading).await
}

/// The same archive, which is read on its way through. The result is there when it has gone by.
pub(super) fn beside(archive: Answers<Bytes>) -> (Answers<Bytes>, Reading) {
    let (pieces, reading) = reader();
    let through = archive.then(move |piece| {
        let pieces = pieces.clone();
        async move {
            if let Ok(piece) = &piece {
                // A reader that failed says so itself.
                let _ = pieces.send(piece.clone()).await;
            }
            piece
        }
    });
    (Box::pin(through), reading)
}

/// A thread that reads.
pub(super) type Reading = JoinHandle<io::Result<Content>>;

/// What it has read.
pub(super) async fn finished(reading: Reading) -> Result<Content, EngineError> {
    let broken =
        |words: String| EngineError::Broken(format!("the archive cannot be read: {words}"));
    match reading.await {
        Ok(content) => content.map_err(|error| broken(error.to_string())),
        Err(error) => Err(broken(error.to_string())),
    }
}

fn reader() -> (mpsc::Sender<Bytes>, Reading) {
    let (pieces, coming) = mpsc::channel(AHEAD);
    let source = Pieces {
        coming,
        current: Bytes::new(),
    };
    (pieces, tokio::task::spawn_blocking(move || read(source)))
}

/// Pieces as they come, to be read in a thread of its own.
struct Pieces {
    coming: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.coming.blocking_recv() {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        let count = self.current.len().min(into.len());
        self.current.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}

fn read(source: impl Read) -> io::Result<Content> {
    let mut content = Content::default();
    let mut archive = tar::Archive::new(source);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut digest = Sha256::new();
        describe(&mut entry, &mut digest)?;
        if entry.header().entry_type().is_file() {
            content.files += 1;
        }
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = entry.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            content.bytes += count as u64;
            digest.update(&buffer[..count]);
        }
        content.entries.insert(path, digest.finalize().into());
    }
    // What comes after the end mark has to be taken, too, or who sends it waits for ever.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(content)
}

/// Everything about an entry but its bytes.
fn describe<R: Read>(entry: &mut tar::Entry<'_, R>, digest: &mut Sha256) -> io::Result<()> {
    let header = entry.header();
    let device = (
        header.device_major().ok().flatten(),
        header.device_minor().ok().flatten(),
    );
    let facts = format!(
        "{:?} {:o} {} {} {} {} {device:?} {:?}\0",
        header.entry_type(),
        header.mode()?,
        header.uid()?,
        header.gid()?,
        header.mtime()?,
        entry.size(),
        entry.link_name_bytes(),
    );
    digest.update(facts.as_bytes());
    let Some(records) = entry.pax_extensions()? else {
        return Ok(());
    };
    for record in records {
        let record = record?;
        if !READINGS
            .iter()
            .any(|it| record.key_bytes() == it.as_bytes())
        {
            digest.update(record.key_bytes());
            digest.update(b"=");
            digest.update(record.value_bytes());
            digest.update(b"\0");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &str, u32)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text, mode) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(*mode);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            tar.append_data(&mut header, path, text.as_bytes())
                .expect("memory can be written");
        }
        tar.into_inner().expect("memory can be written")
    }

    fn content(files: &[(&str, &str, u32)]) -> Content {
        read(archive(files).as_slice()).expect("an archive")
    }

    #[test]
    fn the_first_path_that_differs_is_named() {
        let one = content(&[("a", "x", 0o644), ("b", "y", 0o644)]);
        assert_eq!(one.difference(&one.clone()), None);
        assert_eq!((one.files, one.bytes), (2, 2));
        for (files, path) in [
            (&[("a", "x", 0o644), ("b", "z", 0o644)][..], "b"),
            (&[("a", "x", 0o600), ("b", "y", 0o644)], "a"),
            (&[("b", "y", 0o644)], "a"),
            (&[("a", "x", 0o644), ("b", "y", 0o644), ("c", "", 0)], "c"),
        ] {
            assert_eq!(one.difference(&content(files)), Some(path));
        }
    }

    #[test]
    fn an_archive_that_breaks_off_is_an_error() {
        let whole = archive(&[("a", "a text of some length", 0o644)]);
        assert!(read(&whole[..520]).is_err());
    }
}
