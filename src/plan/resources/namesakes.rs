//! What the engine has of a key besides the name that the files give it: left by a change of
//! `name`, or made by hand with the labels of this project.

/// Something that carries a key's label under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Namesakes {
    /// The files' name is there; the others are somebody's leftovers.
    Beside(Vec<String>),
    /// It is not: the first was it until its name was changed.
    Before {
        /// What the files' name is to take the place of.
        old: String,
        /// All others.
        others: Vec<String>,
    },
}

/// `live` are the names that carry the label, in order; `exact` is the files' own.
pub(super) fn namesakes<'n>(exact: &str, live: impl Iterator<Item = &'n String>) -> Namesakes {
    let all: Vec<String> = live.cloned().collect();
    let there = all.iter().any(|name| name == exact);
    let mut others = all.into_iter().filter(|name| name != exact);
    match (there, others.next()) {
        (false, Some(old)) => Namesakes::Before {
            old,
            others: others.collect(),
        },
        (_, first) => Namesakes::Beside(first.into_iter().chain(others).collect()),
    }
}
