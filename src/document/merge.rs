//! stub
use super::*;
/// stub
pub enum Rule {
    Default,
    Replace,
    KeyValue,
    StringOrList,
    Promote(fn(Node) -> Node),
    Unique(fn(&Node) -> Option<String>),
    Exact,
    Custom(fn(Node, Node) -> Node),
}
