//! The real file system and standard input, as loading sees them.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::load::Files;

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn read_stdin(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        Ok(bytes)
    }
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
