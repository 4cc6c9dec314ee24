//! A context as a tar stream, made while it is read by the engine.
//!
//! A thread of the blocking pool walks and packs; a bounded channel stands between it and the
//! connection, so memory does not grow with the context. The reader going away ends the thread.
//!
//! What the archive says of an entry: owner and group 0, mode and time (whole seconds) as they are,
//! links as links, each name of a file with several names as a file of its own. Sockets cannot be
//! sent and are left out. A file must stay as long as it was when it was opened: the length stands
//! before the bytes, and a stream that breaks the promise would be read as garbage.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tar::{Builder, EntryType, Header};
use tokio::sync::{mpsc, oneshot};

use super::super::BuildError;
use super::walk::{Entry, Walk};
use super::{LocalContext, slashed, unreadable};
use crate::engine::{Answers, EngineError};

/// Bytes in one piece of the stream.
const PIECE: usize = 128 * 1024;
/// Pieces that may wait for the connection.
const WAITING: usize = 8;

/// A context on its way.
pub struct Packing {
    /// The archive. It ends with an error if the context cannot be packed.
    pub bytes: Answers<Bytes>,
    /// How it ended: known before `bytes` ends, closed if the reader went away.
    pub outcome: oneshot::Receiver<Result<Sent, BuildError>>,
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Files, folders and links.
    pub files: u64,
    /// Bytes of the archive.
    pub bytes: u64,
}

impl Packing {
    /// No context at all.
    pub fn nothing() -> Packing {
        Packing {
            bytes: Box::pin(stream::empty()),
            outcome: oneshot::channel().1,
        }
    }

    /// Starts to pack. To be called inside a tokio runtime.
    pub fn start(context: LocalContext) -> Packing {
        let (pieces, receiver) = mpsc::channel(WAITING);
        let (done, outcome) = oneshot::channel();
        tokio::task::spawn_blocking(move || run(&context, &pieces, done));
        let bytes = stream::unfold(receiver, |mut receiver| async move {
            let piece = receiver.recv().await?;
            Some((piece, receiver))
        });
        Packing {
            bytes: Box::pin(bytes),
            outcome,
        }
    }
}

type Pieces = mpsc::Sender<Result<Bytes, EngineError>>;

fn run(context: &LocalContext, pieces: &Pieces, done: oneshot::Sender<Result<Sent, BuildError>>) {
    let sink = Sink {
        pieces: pieces.clone(),
        buffer: BytesMut::new(),
        sent: 0,
    };
    // The receivers may be gone, which is how the other side says that it does not care any more.
    match pack(context, sink) {
        Ok(sent) => drop(done.send(Ok(sent))),
        Err(Stop::ReaderGone) => {}
        Err(Stop::Failed(error)) => {
            let broken = EngineError::Broken(error.to_string());
            drop(done.send(Err(error)));
            drop(pieces.blocking_send(Err(broken)));
        }
    }
}

/// Why packing ended early.
enum Stop {
    ReaderGone,
    Failed(BuildError),
}

impl From<BuildError> for Stop {
    fn from(error: BuildError) -> Stop {
        Stop::Failed(error)
    }
}

fn pack(context: &LocalContext, sink: Sink) -> Result<Sent, Stop> {
    let mut tar = Builder::new(sink);
    let mut files = 0;
    for (name, bytes) in &context.extras {
        let mut header = plain_header(EntryType::Regular, 0o644);
        header.set_size(bytes.len() as u64);
        let path = Path::new(name);
        let added = tar.append_data(&mut header, path, bytes.as_slice());
        added.map_err(|error| stop(path, error))?;
        files += 1;
    }
    for entry in Walk::new(&context.root, &context.ignore) {
        let entry = entry?;
        if context.extras.contains_key(&slashed(&entry.path)) {
            continue;
        }
        let full = context.root.join(&entry.path);
        let added = add(&mut tar, &full, &entry).map_err(|error| stop(&full, error))?;
        files += u64::from(added);
    }
    let end = |error| stop(&context.root, error);
    let mut sink = tar.into_inner().map_err(end)?;
    sink.flush().map_err(end)?;
    let bytes = sink.sent;
    Ok(Sent { files, bytes })
}

/// What an error of the archive writer means: ours from the reader of a file, the connection's,
/// or a name that an archive cannot hold.
fn stop(path: &Path, error: io::Error) -> Stop {
    if error.kind() == ErrorKind::BrokenPipe {
        return Stop::ReaderGone;
    }
    match error.downcast::<BuildError>() {
        Ok(error) => Stop::Failed(error),
        Err(error) => Stop::Failed(unreadable(path, &error)),
    }
}

/// Adds an entry; false for what an archive cannot hold, or what is gone.
fn add(tar: &mut Builder<Sink>, full: &Path, entry: &Entry) -> io::Result<bool> {
    let Some(kind) = kind(&entry.metadata) else {
        return Ok(false);
    };
    if kind == EntryType::Regular {
        return add_file(tar, full, entry);
    }
    let mut header = plain_header(kind, mode(&entry.metadata));
    header.set_mtime(seconds(&entry.metadata));
    set_device(&mut header, &entry.metadata)?;
    if kind == EntryType::Symlink {
        add_link(tar, &mut header, full, entry)?;
    } else {
        tar.append_data(&mut header, &entry.path, io::empty())?;
    }
    Ok(true)
}

fn add_file(tar: &mut Builder<Sink>, full: &Path, entry: &Entry) -> io::Result<bool> {
    let unread = |error: io::Error| io::Error::other(unreadable(full, &error));
    let file = match File::open(full) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unread(error)),
    };
    let metadata = file.metadata().map_err(unread)?;
    let mut header = plain_header(EntryType::Regular, mode(&metadata));
    header.set_mtime(seconds(&metadata));
    header.set_size(metadata.len());
    let contents = Promised {
        path: full,
        file,
        left: metadata.len(),
    };
    tar.append_data(&mut header, &entry.path, contents)?;
    Ok(true)
}

fn add_link(
    tar: &mut Builder<Sink>,
    header: &mut Header,
    full: &Path,
    entry: &Entry,
) -> io::Result<()> {
    let target = full
        .read_link()
        .map_err(|error| io::Error::other(unreadable(full, &error)))?;
    // The setter for paths tidies them up; a link's text is nobody's to change.
    match header.set_link_name_literal(target.as_os_str().as_encoded_bytes()) {
        Ok(()) => tar.append_data(header, &entry.path, io::empty()),
        Err(_) => tar.append_link(header, &entry.path, &target),
    }
}

fn plain_header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header.set_mtime(0);
    header
}

/// Times before 1970 are told as 1970.
fn seconds(metadata: &Metadata) -> u64 {
    let modified = metadata.modified().ok();
    modified
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_secs())
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o7777
}

/// Without modes to go by everything can be executed, as with docker.
#[cfg(not(unix))]
fn mode(_metadata: &Metadata) -> u32 {
    0o755
}

fn kind(metadata: &Metadata) -> Option<EntryType> {
    let file_type = metadata.file_type();
    if file_type.is_file() {
        Some(EntryType::Regular)
    } else if file_type.is_dir() {
        Some(EntryType::Directory)
    } else if file_type.is_symlink() {
        Some(EntryType::Symlink)
    } else {
        special(file_type)
    }
}

#[cfg(unix)]
fn special(file_type: std::fs::FileType) -> Option<EntryType> {
    use std::os::unix::fs::FileTypeExt;
    if file_type.is_fifo() {
        Some(EntryType::Fifo)
    } else if file_type.is_char_device() {
        Some(EntryType::Char)
    } else if file_type.is_block_device() {
        Some(EntryType::Block)
    } else {
        None
    }
}

#[cfg(not(unix))]
fn special(_file_type: std::fs::FileType) -> Option<EntryType> {
    None
}

/// Major and minor number, as Linux packs them.
#[cfg(unix)]
fn set_device(header: &mut Header, metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let number = metadata.rdev();
    let part = |bits: u64| u32::try_from(bits).map_err(io::Error::other);
    header.set_device_major(part((number >> 8 & 0xfff) | (number >> 32 & 0xffff_f000))?)?;
    header.set_device_minor(part((number & 0xff) | (number >> 12 & 0xffff_ff00))?)
}

#[cfg(not(unix))]
fn set_device(_header: &mut Header, _metadata: &Metadata) -> io::Result<()> {
    Ok(())
}

/// A file that gives exactly as many bytes as were promised, or an error.
struct Promised<'a> {
    path: &'a Path,
    file: File,
    left: u64,
}

impl Read for Promised<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer).map_err(|error| {
            // The copying loop calls again.
            if error.kind() == ErrorKind::Interrupted {
                return error;
            }
            io::Error::other(unreadable(self.path, &error))
        })?;
        let ended = read == 0 && !buffer.is_empty();
        match self.left.checked_sub(read as u64) {
            Some(left) if !ended || left == 0 => {
                self.left = left;
                Ok(read)
            }
            _ => Err(io::Error::other(BuildError::Changed {
                path: self.path.to_owned(),
            })),
        }
    }
}

/// Cuts what is written into pieces for the channel.
struct Sink {
    pieces: Pieces,
    buffer: BytesMut,
    sent: u64,
}

impl Sink {
    fn send(&mut self) -> io::Result<()> {
        let piece = self.buffer.split().freeze();
        self.sent += piece.len() as u64;
        self.pieces
            .blocking_send(Ok(piece))
            .map_err(|_| ErrorKind::BrokenPipe.into())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.send()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use futures_util::StreamExt;
    use pretty_assertions::assert_eq;

    use super::super::super::Dockerfile;
    use super::*;

    /// Sends a folder and gives what the stream held, and how it ended.
    async fn send(folder: &Path) -> (Vec<u8>, Result<Sent, BuildError>) {
        let dockerfile = Dockerfile::Inline("FROM busybox".to_owned());
        let mut context = LocalContext::open(folder, &dockerfile).unwrap();
        // Only what is in the folder is of interest here.
        context.extras.clear();
        let mut packing = Packing::start(context);
        let mut archive = Vec::new();
        while let Some(Ok(piece)) = packing.bytes.next().await {
            archive.extend_from_slice(&piece);
        }
        (archive, packing.outcome.await.unwrap())
    }

    struct Received {
        path: PathBuf,
        header: Header,
        link: Option<PathBuf>,
        contents: Vec<u8>,
    }

    async fn send_and_read(folder: &Path) -> Vec<Received> {
        let (archive, outcome) = send(folder).await;
        let sent = outcome.unwrap();
        assert_eq!(sent.bytes, archive.len() as u64);
        let mut read = Vec::new();
        for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents).unwrap();
            read.push(Received {
                path: entry.path().unwrap().into_owned(),
                header: entry.header().clone(),
                link: entry.link_name().unwrap().map(std::borrow::Cow::into_owned),
                contents,
            });
        }
        assert_eq!(sent.files, read.len() as u64);
        read
    }

    #[tokio::test]
    async fn entries_come_sorted_with_modes_and_times_and_no_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("b")).unwrap();
        fs::write(at("b/script"), "#!").unwrap();
        fs::set_permissions(at("b/script"), fs::Permissions::from_mode(0o4751)).unwrap();
        let time = UNIX_EPOCH + std::time::Duration::from_millis(1_500_000_000_900);
        let file = File::options().write(true).open(at("b/script")).unwrap();
        file.set_modified(time).unwrap();
        // Sorts between `b` and `b/script` as text, but not as a path.
        fs::write(at("b-a"), "x").unwrap();
        fs::hard_link(at("b-a"), at("a")).unwrap();

        let entries = send_and_read(folder.path()).await;
        let paths: Vec<_> = entries.iter().map(|e| e.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["a", "b", "b/script", "b-a"]);
        let script = &entries[2];
        assert_eq!(script.header.mode().unwrap(), 0o4751);
        assert_eq!(script.header.mtime().unwrap(), 1_500_000_000);
        assert_eq!(script.contents, b"#!");
        for entry in &entries {
            assert_eq!(entry.header.uid().unwrap(), 0);
            assert_eq!(entry.header.gid().unwrap(), 0);
        }
        for hard_link in [&entries[0], &entries[3]] {
            assert!(hard_link.header.entry_type().is_file());
            assert_eq!(hard_link.contents, b"x");
        }
    }

    #[tokio::test]
    async fn links_are_sent_to_the_letter() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let long = "d/".repeat(100) + "e";
        let targets = ["/absolute", "nowhere", "./x//y/", "../..", long.as_str()];
        for (number, target) in targets.iter().enumerate() {
            symlink(target, folder.path().join(number.to_string())).unwrap();
        }
        let entries = send_and_read(folder.path()).await;
        let links: Vec<_> = entries
            .iter()
            .map(|entry| entry.link.as_ref().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(links, targets);
    }

    #[tokio::test]
    async fn names_may_be_long_or_no_text() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let deep = ["d".repeat(90), "e".repeat(90), "f".repeat(200)]
            .iter()
            .collect::<PathBuf>();
        fs::create_dir_all(folder.path().join(deep.parent().unwrap())).unwrap();
        fs::write(folder.path().join(&deep), "deep").unwrap();
        let odd = OsStr::from_bytes(b"latin1-\xe4");
        fs::write(folder.path().join(odd), "odd").unwrap();
        let entries = send_and_read(folder.path()).await;
        assert_eq!(entries[2].path, deep);
        assert_eq!(entries[2].contents, b"deep");
        assert_eq!(entries[3].path, Path::new(odd));
    }

    #[tokio::test]
    async fn sockets_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
        fs::write(folder.path().join("t"), "").unwrap();
        let entries = send_and_read(folder.path()).await;
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].path, Path::new("t"));
        drop(listener);
    }

    #[test]
    fn a_file_must_keep_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "12345").unwrap();
        let read = |promised| {
            let mut promised = Promised {
                path: &path,
                file: File::open(&path).unwrap(),
                left: promised,
            };
            let read = promised.read_to_end(&mut Vec::new());
            read.map_err(|error| error.downcast::<BuildError>().unwrap())
        };
        assert_eq!(read(5).unwrap(), 5);
        for promised in [0, 4, 6] {
            let error = read(promised).unwrap_err();
            assert!(matches!(error, BuildError::Changed { .. }), "{promised}");
            assert!(error.to_string().contains("log"), "{error}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_named() {
        // Reading the memory of a process at address 0 fails for everybody, root too.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mem");
        fs::write(&path, "").unwrap();
        let failing = Promised {
            path: &path,
            file: File::open("/proc/self/mem").unwrap(),
            left: 1,
        };
        let error = io::copy(&mut { failing }, &mut io::sink()).unwrap_err();
        let error = error.downcast::<BuildError>().unwrap();
        assert!(matches!(&error, BuildError::Unreadable { path: named, .. } if *named == path));
    }

    #[tokio::test]
    async fn the_stream_waits_for_its_reader_and_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let big = File::create(folder.path().join("big")).unwrap();
        big.set_len(64 << 20).unwrap();
        let dockerfile = Dockerfile::Inline(String::new());
        let context = LocalContext::open(folder.path(), &dockerfile).unwrap();
        let mut packing = Packing::start(context);
        assert!(packing.bytes.next().await.is_some());
        assert!(packing.outcome.try_recv().is_err(), "it did not wait");
        drop(packing.bytes);
        assert!(packing.outcome.await.is_err(), "it went on");
    }
}
