//! What changes in a text, as `diff -u` and `patch` write it.

use similar::TextDiff;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// The changes, under the two names; nothing where there are none.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut unified = diff.unified_diff();
    unified
        .context_radius(CONTEXT)
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}
