//! Files that are put into a container before it starts.
//!
//! They travel as one archive for each place where the engine unpacks: the root, or a volume. Folders
//! that are not there are made by the engine and belong to root.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;

use crate::engine::{Engine, EngineError};
use crate::plan::InjectedFile;

/// Puts them in; one that is there already is replaced.
pub(super) async fn put(
    engine: &dyn Engine,
    container: &str,
    files: &[InjectedFile],
) -> Result<(), EngineError> {
    let mut places: BTreeMap<&str, Vec<&InjectedFile>> = BTreeMap::new();
    for file in files {
        places.entry(&file.base).or_default().push(file);
    }
    for (folder, files) in places {
        let tar = archive(&files).map_err(|error| EngineError::Broken(error.to_string()))?;
        engine.put_archive(container, folder, tar).await?;
    }
    Ok(())
}

fn archive(files: &[&InjectedFile]) -> io::Result<Bytes> {
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let bytes = file.content.bytes();
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(file.uid);
        header.set_gid(file.gid);
        tar.append_data(&mut header, file.below_base(), bytes)?;
    }
    Ok(tar.into_inner()?.into())
}
