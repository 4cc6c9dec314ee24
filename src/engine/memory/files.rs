//! What is put into containers, and commands that tell of it.

use std::io::{self, Read};

use bytes::Bytes;

use super::state::{PutFile, State};
use crate::engine::{EngineError, Exec, ExecOutcome};

impl State {
    /// Unpacks an archive at a folder of a container.
    pub(super) fn unpack(
        &mut self,
        name: &str,
        folder: &str,
        tar: &[u8],
    ) -> Result<(), EngineError> {
        let held = self.container_mut(name)?;
        let host = held.body.host_config.as_ref();
        let read_only = host.and_then(|host| host.readonly_rootfs) == Some(true);
        let in_volume = |target: &str| {
            let below = folder.strip_prefix(target);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mounted = held.mounts.iter().find(|mount| in_volume(&mount.target));
        let refused = match mounted {
            Some(mount) if !mount.writable => Some("mounted volume is marked read-only"),
            None if read_only => Some("container rootfs is marked read-only"),
            _ => None,
        };
        if let Some(words) = refused {
            return Err(EngineError::Refused {
                status: 403,
                message: words.to_owned(),
            });
        }
        let files = files(folder, tar).map_err(|error| EngineError::Refused {
            status: 500,
            message: error.to_string(),
        })?;
        let mounts: Vec<(String, String)> = held
            .mounts
            .iter()
            .filter(|mount| mount.kind == "volume")
            .map(|mount| (mount.name.clone(), format!("{}/", mount.target)))
            .collect();
        held.files.extend(files.clone());
        for (path, file) in files {
            let inside = mounts.iter().find_map(|(volume, target)| {
                let below = path.strip_prefix(target)?;
                Some((volume.clone(), below.to_owned()))
            });
            if let Some((volume, below)) = inside {
                let files = self.volume_files.entry(volume).or_default();
                files.insert(below, file);
            }
        }
        Ok(())
    }

    /// An archive of a folder where a volume is mounted.
    pub(super) fn pack(&self, name: &str, path: &str) -> Result<Bytes, EngineError> {
        let held = self.container(name)?;
        let mount = held.mounts.iter().find(|mount| mount.target == path);
        let volume = mount.map(|mount| mount.name.clone()).ok_or_else(|| {
            let words = format!("Could not find the file {path} in container {name}");
            EngineError::NotFound(words)
        })?;
        let base = path.rsplit('/').next().unwrap_or_default();
        let files = self.volume_files.get(&volume);
        let tar = archive(base, files.into_iter().flatten());
        tar.map_err(|error| EngineError::Broken(error.to_string()))
    }

    /// A volume's name with how much was put into it.
    pub(super) fn sized(&self, volume: String) -> (String, u64) {
        let files = self.volume_files.get(&volume);
        let files = files.into_iter().flat_map(|files| files.values());
        let size = files.map(|file| file.bytes.len() as u64).sum();
        (volume, size)
    }
}

fn archive<'f>(
    base: &str,
    files: impl Iterator<Item = (&'f String, &'f PutFile)>,
) -> io::Result<Bytes> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut root = tar::Header::new_gnu();
    root.set_entry_type(tar::EntryType::Directory);
    root.set_size(0);
    root.set_mode(0o755);
    root.set_uid(0);
    root.set_gid(0);
    tar.append_data(&mut root, format!("{base}/"), io::empty())?;
    for (path, file) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.bytes.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(file.uid);
        header.set_gid(file.gid);
        tar.append_data(&mut header, format!("{base}/{path}"), file.bytes.as_slice())?;
    }
    Ok(tar.into_inner()?.into())
}

impl State {
    /// Runs a command with variables of its own, which take their place in its words.
    pub(super) fn exec_with(&self, index: usize, exec: &Exec) -> ExecOutcome {
        let mut command = exec.command.clone();
        for (key, value) in exec.environment.iter().filter_map(|it| it.split_once('=')) {
            for word in &mut command {
                *word = word.replace(&format!("${key}"), value);
            }
        }
        self.exec(index, &command)
    }
}

fn files(folder: &str, tar: &[u8]) -> io::Result<Vec<(String, PutFile)>> {
    let mut files = Vec::new();
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let path = entry.path()?.to_string_lossy().into_owned();
        let path = format!("{}/{path}", folder.trim_end_matches('/'));
        let mut file = PutFile {
            bytes: Vec::new(),
            uid: entry.header().uid().unwrap_or_default(),
            gid: entry.header().gid().unwrap_or_default(),
            mode: entry.header().mode()?,
        };
        entry.read_to_end(&mut file.bytes)?;
        files.push((path, file));
    }
    Ok(files)
}
