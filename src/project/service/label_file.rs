//! `label_file`: files of `key=value` lines that are laid under `labels`.
//!
//! Here only the reference is read. Reading the files is the loader's work, which then joins
//! them into `labels`; that is why the reference itself is not part of the hash.

use crate::document::{Node, Span, Value};
use crate::project::attribute::{Attribute, Data, Hash, Lower, merge};
use crate::project::read::Reader;
use crate::project::render;
use crate::project::service::Service;
use crate::project::shape::Shape;

/// A reference to a file of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFile {
    /// Absolute path.
    pub path: String,
    /// Where it is asked for.
    pub span: Span,
}

/// The row of `label_file`.
pub const ROW: Attribute<Service> = Attribute {
    key: "label_file",
    about: "Files of labels; what `labels` says wins.",
    example: "[/etc/app.labels]",
    shape: Shape::STRING_OR_LIST,
    parse: |node, service, reader| service.label_file = parse(node, reader),
    merge: merge::string_or_list,
    render: |service| render::items(&service.label_file, |file| Data::from(file.path.as_str())),
    hash: Hash::Excluded("the labels count, not the file they come from"),
    lower: Lower::UsedBy("load/label_files.rs"),
};

fn parse(node: &Node, reader: &mut Reader<'_>) -> Vec<LabelFile> {
    match &node.value {
        Value::Sequence(_) => reader.items(node, parse_item),
        _ => parse_item(node, reader).into_iter().collect(),
    }
}

fn parse_item(node: &Node, reader: &mut Reader<'_>) -> Option<LabelFile> {
    let path = reader.string(node)?;
    Some(LabelFile {
        path: reader.file_path(node, &path),
        span: node.span,
    })
}
