//! The keys of the top level, for the schema and for spelling. What each holds is read where its
//! table is; `include` and `name` are the loader's.

use super::shape::{Key, Object, Shape, keys};
use super::{config, model, network, secret, service, volume};

/// A whole Compose file.
pub(crate) const FILE: Object = Object {
    name: "file",
    keys: || KEYS.to_vec(),
    required: &[],
};

/// The keys of the top level.
pub(crate) const KEYS: &[Key] = &[
    Key {
        key: "name",
        about: "Name of the project: the prefix of everything that is made for it.",
        example: "shop",
        shape: Shape::String,
    },
    Key {
        key: "include",
        about: "Other Compose files that this one builds on.",
        example: "[./database/compose.yaml]",
        shape: Shape::List(&INCLUDED),
    },
    Key {
        key: "services",
        about: "What runs, by name.",
        example: "{web: {image: nginx}}",
        shape: Shape::Named(&Shape::object("service", || keys(service::TABLE))),
    },
    Key {
        key: "networks",
        about: "What services reach each other over, by name.",
        example: "{front: {internal: true}}",
        shape: Shape::Map(&NETWORK),
    },
    Key {
        key: "volumes",
        about: "What outlives containers, by name.",
        example: "{data: {}}",
        shape: Shape::Named(&VOLUME),
    },
    Key {
        key: "configs",
        about: "Texts that services find as files, by name.",
        example: "{app: {file: ./app.conf}}",
        shape: Shape::Named(&Shape::object("config", || keys(config::TABLE))),
    },
    Key {
        key: "secrets",
        about: "The same for what nobody else may read, by name.",
        example: "{token: {file: ./token.txt}}",
        shape: Shape::Named(&Shape::object("secret", || keys(secret::TABLE))),
    },
    Key {
        key: "models",
        about: "Language models that services use, by name.",
        example: "{llm: {model: ai/smollm2}}",
        shape: Shape::Map(&Shape::requiring(&["model"], "model", || {
            keys(model::TABLE)
        })),
    },
    Key {
        key: "version",
        about: "Has no meaning any more and can be removed.",
        example: "'3.8'",
        shape: Shape::String,
    },
];

const NETWORK: Shape = Shape::OneOf(&[
    Shape::Null,
    Shape::object("network", || keys(network::TABLE)),
]);

const VOLUME: Shape = Shape::OneOf(&[Shape::Null, Shape::object("volume", || keys(volume::TABLE))]);

const INCLUDED: Shape = Shape::OneOf(&[
    Shape::String,
    Shape::object("include", || INCLUDED_KEYS.to_vec()),
]);

/// The keys of an entry of `include`.
pub const INCLUDED_KEYS: &[Key] = &[
    Key {
        key: "path",
        about: "The file, or several that are laid over each other.",
        example: "./database/compose.yaml",
        shape: Shape::STRING_OR_LIST,
    },
    Key {
        key: "project_directory",
        about: "Where its relative paths start (default: the folder of the first file).",
        example: "./database",
        shape: Shape::String,
    },
    Key {
        key: "env_file",
        about: "Files of variables for it (default: `.env` beside it).",
        example: "./database/.env",
        shape: Shape::STRING_OR_LIST,
    },
];
