//! What is put into containers, and commands that tell of it.

use std::io::{self, Read};

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
        held.files.extend(files);
        Ok(())
    }
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
