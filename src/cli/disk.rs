//! The real file system and standard input, as loading sees them.
//!
//! Whatever a path leads to, reading it comes to an end: no more is read than a file may be long,
//! and nothing is waited for that may never come. That is a pipe that nobody writes to, or a
//! device or kernel file without anything to say. A pipe that has a writer is waited for, as is
//! one that the shell has opened (`-f <(…)`).

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use crate::document::yaml::MAX_BYTES;
use crate::load::Files;

/// How long a pipe may be without a writer, and a device without a byte.
const PATIENCE: Duration = Duration::from_millis(800);

/// Where the shell's own pipes are found.
const INHERITED: [&str; 3] = ["/dev/stdin", "/dev/fd", "/proc/self/fd"];

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let about = std::fs::metadata(path)?;
        let inherited = INHERITED.iter().any(|folder| path.starts_with(folder));
        // The kernel's files are empty until they are read, and some are never done.
        let plain = about.is_dir() || about.is_file() && about.len() > 0;
        if inherited || plain {
            bounded(File::open(path)?, about.len())
        } else {
            patiently(path, &about)
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        bounded(io::stdin().lock(), 0)
    }
}

/// Everything, or so much that the caller sees that it is too much.
fn bounded(from: impl Read, expected: u64) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let limit = limit.saturating_add(1);
    let expected = usize::try_from(expected.min(limit)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(expected);
    from.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the reading thread has to tell.
enum News {
    /// From here on, something will come.
    Begun,
    /// That is all.
    Done(io::Result<Vec<u8>>),
}

/// Reads in a thread of its own, which is left behind where nothing comes.
fn patiently(path: &Path, about: &Metadata) -> io::Result<Vec<u8>> {
    let (tell, news) = mpsc::channel();
    let (path, pipe) = (path.to_owned(), is_pipe(about));
    std::thread::Builder::new().spawn(move || {
        let read = read_telling(&path, pipe, &tell);
        // Nobody listens any more where patience was lost.
        let _ = tell.send(News::Done(read));
    })?;
    let mut next = news.recv_timeout(PATIENCE);
    if let Ok(News::Begun) = next {
        next = news.recv().map_err(|_| RecvTimeoutError::Disconnected);
    }
    match next {
        Ok(News::Done(read)) => read,
        _ if pipe => Err(io::Error::other("it is a pipe that nobody writes to")),
        _ => Err(io::Error::other("nothing comes from it")),
    }
}

fn read_telling(path: &Path, pipe: bool, tell: &Sender<News>) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    if pipe {
        // Opening has waited for a writer.
        let _ = tell.send(News::Begun);
        return bounded(file, 0);
    }
    let mut first = [0; 4096];
    let length = file.read(&mut first)?;
    let _ = tell.send(News::Begun);
    if length == 0 {
        return Ok(Vec::new());
    }
    bounded(first[..length].chain(file), 0)
}

#[cfg(unix)]
fn is_pipe(about: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    about.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: &Metadata) -> bool {
    false
}

/// Writes a file whole.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    std::fs::write(path, text)
}

/// Puts a text in place of a file, which is there whole at any moment, as it was or as it will be.
/// Links are followed and permissions kept. Answers where the file is kept as it was.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<PathBuf> {
    let path = std::fs::canonicalize(path)?;
    let permissions = std::fs::metadata(&path)?.permissions();
    let backup = keep(&path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = std::fs::write(&new, text)
        .and_then(|()| std::fs::set_permissions(&new, permissions))
        .and_then(|()| std::fs::rename(&new, &path));
    if let Err(error) = written {
        // The first error says more than one about what is left of it.
        let _ = std::fs::remove_file(&new);
        let _ = std::fs::remove_file(&backup);
        return Err(error);
    }
    Ok(backup)
}

/// Copies a file to `FILE.bak`, or to the first `FILE.bak.N` that is not there yet.
fn keep(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut number = 0_u32;
    loop {
        let backup = path.with_file_name(match number {
            0 => format!("{name}.bak"),
            number => format!("{name}.bak.{number}"),
        });
        let created = std::fs::File::create_new(&backup);
        match created {
            Ok(_) => {
                std::fs::copy(path, &backup)?;
                return Ok(backup);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Writes a file that only the user may read, with the folders above it.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        // One that was there keeps its own rights otherwise.
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        io::Write::write_all(&mut &file, text.as_bytes())
    }
    #[cfg(not(unix))]
    {
        io::Write::write_all(&mut options.open(path)?, text.as_bytes())
    }
}
