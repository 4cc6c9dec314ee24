//! What would be deleted, one line a volume.
//!
//! ```text
//! These volumes would be deleted, with everything that is in them:
//!   demo_data   1.2 GB
//!   demo_cache  size unknown; stays while other-web-1 of project other uses it
//!   unnamed     12 kB, /data of demo-db-1
//! ```

use std::fmt::Write;

use super::table::human_size;
use crate::ops::loss::Loss;

/// The list.
pub fn text(losses: &[Loss]) -> String {
    let name = |loss: &Loss| match loss.unnamed {
        Some(_) => "unnamed".to_owned(),
        None => loss.volume.clone(),
    };
    let width = losses.iter().map(|it| name(it).chars().count()).max();
    let width = width.unwrap_or_default();
    let mut text = "These volumes would be deleted, with everything that is in them:\n".to_owned();
    for loss in losses {
        let size = loss
            .size
            .map_or_else(|| "size unknown".to_owned(), human_size);
        let place = match &loss.unnamed {
            Some((container, path)) => format!(", {path} of {container}"),
            None => String::new(),
        };
        let others = match loss.others.as_slice() {
            [] => String::new(),
            others => format!("; stays while {} uses it", others.join(", ")),
        };
        let _ = writeln!(text, "  {:width$}  {size}{place}{others}", name(loss));
    }
    text
}
