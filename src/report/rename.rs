//! What a project's move came to.

use super::table::human_size;
use crate::ops::rename::{How, Moved, Renamed};

/// A volume that is done.
pub fn line(moved: &Moved) -> String {
    let Moved {
        from,
        to,
        files,
        bytes,
        how,
    } = moved;
    let size = human_size(*bytes);
    match how {
        How::Copied => {
            format!(" Volume {from} → {to}  copied and compared: {files} files, {size}\n")
        }
        How::Compared => {
            format!(" Volume {from} → {to}  was copied already, compared: {files} files, {size}\n")
        }
        How::Linked => format!(" Volume {from} → {to}  points to the same place\n"),
    }
}

/// What is left to know and to do.
pub fn end(from: &str, to: &str, renamed: &Renamed, removed: bool) -> String {
    let mut lines = Vec::new();
    for volume in &renamed.kept {
        lines.push(format!(
            "{volume} has a name of its own and keeps it; its label still says {from}"
        ));
    }
    for (container, path) in &renamed.unnamed {
        lines.push(format!(
            "{container} has an unnamed volume at {path}, which stays with it: `docker cp {container}:{path} .` takes out what is in it"
        ));
    }
    lines.push(format!(
        "`rcompose -p {to} up -d` makes the containers of {to}"
    ));
    if !removed {
        lines.push(format!(
            "Nothing of {from} was removed: `rcompose -p {from} down -v` does, when you need it no more"
        ));
    }
    lines.join("\n")
}
