//! What may be written for a key: the part of a row that the schema is made of.
//!
//! A shape is what an editor can know before variables are filled in. So whatever is no string may
//! also be one (`"8080"`, `${PORT}`), and where only a few words have a meaning, a text with a
//! variable in it passes, too. What a shape cannot tell (a size, a duration, two keys that exclude
//! each other) is told when the value is read.

use super::attribute::Attribute;

/// What may be written.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Text.
    String,
    /// Text that a regular expression fits.
    Pattern(&'static str),
    /// One of a few words.
    Words(&'static [&'static str]),
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A whole number in a range.
    Within(i64, i64),
    /// A number.
    Number,
    /// Anything but a list, a mapping and nothing.
    Scalar,
    /// Nothing.
    Null,
    /// Items.
    List(&'static Shape),
    /// Items, none of them twice.
    Set(&'static Shape),
    /// Names of one's own choosing, and something for each.
    Map(&'static Shape),
    /// The same where a name has letters, digits, `.`, `_` and `-` only.
    Named(&'static Shape),
    /// Keys that are known.
    Object(Object),
    /// Any of these.
    OneOf(&'static [Shape]),
}

/// A mapping whose keys are known.
#[derive(Debug, Clone, Copy)]
pub struct Object {
    /// What the schema calls it.
    pub name: &'static str,
    /// Its keys.
    pub keys: fn() -> Vec<Key>,
    /// Those that must be there.
    pub required: &'static [&'static str],
}

/// What is known of a key without its values: a row without its functions.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// As in the specification.
    pub key: &'static str,
    /// One line of what it is for.
    pub about: &'static str,
    /// A minimal YAML value.
    pub example: &'static str,
    /// What may be written.
    pub shape: Shape,
}

impl Shape {
    /// Text with its unit: `1m30s`.
    pub const DURATION: Shape = Shape::String;
    /// A number of bytes, or text with a unit.
    pub const SIZE: Shape = Shape::Number;
    /// True, false, or more in a string.
    pub const SWITCH: Shape = Shape::Boolean;
    /// A list of strings.
    pub const STRINGS: Shape = Shape::List(&Shape::String);
    /// A list of strings that differ.
    pub const DISTINCT: Shape = Shape::Set(&Shape::String);
    /// A list of strings and numbers.
    pub const TEXTS: Shape = Shape::List(&Shape::Scalar);
    /// A string, or a list of them.
    pub const STRING_OR_LIST: Shape = Shape::OneOf(&[Shape::String, Shape::STRINGS]);
    /// A list of `K=V`, or a mapping.
    pub const KEY_VALUES: Shape = Shape::OneOf(&[Shape::Map(&Shape::VALUE), Shape::STRINGS]);
    /// A mapping of strings and numbers.
    pub const OPTIONS: Shape = Shape::Map(&Shape::Number);
    /// Words, a line to be split into words, or nothing.
    pub const COMMAND: Shape = Shape::OneOf(&[Shape::Null, Shape::String, Shape::STRINGS]);

    const VALUE: Shape = Shape::OneOf(&[Shape::Scalar, Shape::Null]);

    /// A mapping with the keys of a table.
    pub const fn object(name: &'static str, keys: fn() -> Vec<Key>) -> Shape {
        Shape::requiring(&[], name, keys)
    }

    /// The same where some keys must be there.
    pub const fn requiring(
        required: &'static [&'static str],
        name: &'static str,
        keys: fn() -> Vec<Key>,
    ) -> Shape {
        Shape::Object(Object {
            name,
            keys,
            required,
        })
    }
}

/// The keys of a table.
pub fn keys<T>(table: &'static [Attribute<T>]) -> Vec<Key> {
    let key = |row: &Attribute<T>| Key {
        key: row.key,
        about: row.about,
        example: row.example,
        shape: row.shape,
    };
    table.iter().map(key).collect()
}
