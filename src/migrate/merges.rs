//! `<<` that is given several times in a mapping becomes one list.
//!
//! YAML wants keys to be unique, and so does docker compose since 2.17. Of several merged mappings
//! the first one wins.

use super::edit::Edits;
use super::over_documents;
use crate::document::yaml::outline::{Content, Pair, Piece};

pub(super) fn step(text: &str) -> String {
    over_documents(text, |_, document, edits| {
        let mut ahead = vec![document];
        while let Some(piece) = ahead.pop() {
            let merges: Vec<usize> = piece
                .entries()
                .iter()
                .enumerate()
                .filter(|(_, pair)| pair.merges())
                .map(|(index, _)| index)
                .collect();
            if merges.len() > 1 {
                join(piece, &merges, edits);
            }
            ahead.extend(piece.children());
        }
    })
}

fn join(mapping: &Piece, merges: &[usize], edits: &mut Edits<'_>) {
    let entries = mapping.entries();
    let values: Vec<String> = merges
        .iter()
        .flat_map(|index| written(&entries[*index], edits))
        .collect();
    let Some((first, others)) = merges.split_first() else {
        return;
    };
    let range = entries[*first].value.range.clone();
    edits.replace(range, format!("[{}]", values.join(", ")));
    for index in others {
        if mapping.is_flow() {
            edits.remove_from_braces(entries, *index);
        } else {
            remove_line(&entries[*index], edits);
        }
    }
}

/// The mappings that a `<<` names, as they are written.
fn written(pair: &Pair, edits: &Edits<'_>) -> Vec<String> {
    let text = |piece: &Piece| edits.slice(piece.range.clone()).to_owned();
    match &pair.value.content {
        Content::Sequence(items) => items.iter().map(text).collect(),
        _ => vec![text(&pair.value)],
    }
}

/// The comment of the line stays, and so do those below it, as far in as the key was.
pub(super) fn remove_line(pair: &Pair, edits: &mut Edits<'_>) {
    let range = pair.range();
    let column = edits.column(range.start);
    for start in edits.lines(edits.next_line(range.end)..edits.end_with_comments(pair)) {
        edits.remove(start + column..start + edits.indentation(start));
    }
    let comment = edits.comment_behind(range.end);
    if comment.is_empty() {
        edits.remove_with_line(range);
    } else {
        let blank = comment.len() - comment.trim_start().len();
        edits.remove(range.start..range.end + blank);
    }
}
