//! What is written into containers as files: bytes that are shown to nobody.
//!
//! A config's or secret's text passes through the model, the plan and the executor on its way to the
//! engine. All of these can be printed, for tests and errors; so the bytes travel in a type that has
//! no printed form, and what is known of them outside is where they go and whose they are.

use std::fmt;
use std::sync::Arc;

/// Bytes that no printed form shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Arc<[u8]>);

impl Content {
    /// Takes them in.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Content {
        Content(bytes.into())
    }

    /// For whoever sends them to the engine.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content(…)")
    }
}

/// A file that is put into a container between its making and its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectedFile {
    /// The config or secret that it is: `secrets.token`.
    pub source: String,
    /// Folder in the container where the engine unpacks it: the root, or a volume.
    pub base: String,
    /// Path in the container, absolute.
    pub target: String,
    /// What it holds.
    pub content: Content,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Permission bits.
    pub mode: u32,
}

impl InjectedFile {
    /// Its path below [`InjectedFile::base`], without a leading slash.
    pub fn below_base(&self) -> &str {
        let path = self.target.strip_prefix(self.base.as_str());
        path.unwrap_or(&self.target).trim_start_matches('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_shown_to_nobody() {
        let file = InjectedFile {
            source: "secrets.token".to_owned(),
            base: "/".to_owned(),
            target: "/run/secrets/token".to_owned(),
            content: Content::new(*b"canary"),
            uid: 0,
            gid: 0,
            mode: 0o444,
        };
        assert!(!format!("{file:?} {file:#?}").contains("canary"));
        assert_eq!(file.below_base(), "run/secrets/token");
    }
}
