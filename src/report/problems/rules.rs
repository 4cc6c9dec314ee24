//! The kinds of problems: what each code of a diagnostic stands for.
//!
//! Codes are kept when messages change, so that they can be filtered by. A test holds this table
//! and the codes in the source together.

/// Codes in order, and what each is about.
pub const RULES: &[(&str, &str)] = &[
    (
        "contradiction",
        "Two attributes say different things about one matter.",
    ),
    (
        "control-character",
        "A file holds a character that YAML allows nowhere.",
    ),
    ("cut-value", "A value of an environment file ends at a `#`."),
    (
        "dependency-cycle",
        "Services wait for each other in a circle.",
    ),
    (
        "duplicate-container-name",
        "Two services want the same container name.",
    ),
    (
        "duplicate-item",
        "A list holds an item twice that it may hold once.",
    ),
    ("duplicate-key", "A mapping has a key twice."),
    (
        "duplicate-port",
        "Two services publish the same port of the host.",
    ),
    (
        "duplicate-target",
        "Two mounts of a service share their path in the container.",
    ),
    ("empty-file", "A file that is needed is empty."),
    (
        "endless-alias",
        "A YAML alias stands inside the value that it repeats.",
    ),
    (
        "env-file-syntax",
        "A line of an environment file cannot be read.",
    ),
    ("exclusive-keys", "Two keys exclude each other."),
    ("extends-cycle", "Services extend each other in a circle."),
    (
        "extends-too-deep",
        "A chain of extends has no end in sight.",
    ),
    (
        "failed",
        "The command failed for a reason outside the files.",
    ),
    (
        "file-too-large",
        "A file is larger than any Compose file is.",
    ),
    ("first-format", "A file is in the first Compose format."),
    (
        "inactive-dependency",
        "A service depends on one that no active profile starts.",
    ),
    (
        "include-conflict",
        "An included file and another one define something differently.",
    ),
    ("include-cycle", "Files include each other in a circle."),
    (
        "include-too-deep",
        "A chain of includes has no end in sight.",
    ),
    (
        "invalid-anchor",
        "An anchor has a name that docker compose cannot read.",
    ),
    (
        "invalid-interpolation",
        "Something behind a dollar sign is no variable.",
    ),
    (
        "invalid-merge-key",
        "A YAML merge key stands for something that is no mapping.",
    ),
    ("invalid-name", "Something has a name that it cannot have."),
    (
        "invalid-value",
        "A value is of the right kind and makes no sense.",
    ),
    (
        "invalid-variable-name",
        "A line of an environment file starts with something that is no name.",
    ),
    ("key-not-a-string", "A key is a number, a boolean or worse."),
    (
        "merge-conflict",
        "Two files give one key values of different kinds.",
    ),
    (
        "missing-build",
        "A service is built from another one that has no build.",
    ),
    (
        "missing-content",
        "A container cannot have a config or secret that it asks for.",
    ),
    (
        "missing-external",
        "A network or volume that others make is not there.",
    ),
    ("missing-file", "A file that is asked for does not exist."),
    (
        "missing-image",
        "An image is not there and may not be fetched.",
    ),
    (
        "missing-image-or-build",
        "A service has neither an image nor a build.",
    ),
    ("missing-value", "A key is missing that is needed."),
    (
        "name-for-several-containers",
        "Several containers would have one name.",
    ),
    ("nested-too-deep", "Values are nested without end."),
    (
        "network-in-use",
        "A network has to be made anew while somebody else uses it.",
    ),
    ("no-effect", "Something is set that has no effect."),
    (
        "not-atomic",
        "Something is to be done that `up --atomic` could not take back.",
    ),
    (
        "not-migrated",
        "A file cannot be written in today's format by a program.",
    ),
    (
        "not-supported-yet",
        "Something is asked for that this version cannot do.",
    ),
    ("not-utf-8", "A file is not text."),
    ("notice", "Something to know."),
    (
        "obsolete-version",
        "The key version has no meaning any more.",
    ),
    ("problem", "Anything else."),
    ("remote-file", "A file of another machine is asked for."),
    (
        "required-variable",
        "A variable that must have a value has none.",
    ),
    ("several-files", "There are several files to choose from."),
    ("tab-indentation", "A tab is used for indentation."),
    ("text-too-long", "Variables make a text too long."),
    ("too-many-files", "A project is read from too many files."),
    (
        "too-many-problems",
        "There are more problems than anybody reads.",
    ),
    ("too-many-values", "A file comes to too many values."),
    (
        "undefined-reference",
        "Something is referred to that is not defined.",
    ),
    ("unknown-alias", "A YAML alias stands for nothing."),
    (
        "unknown-key",
        "A key is not one of the Compose Specification.",
    ),
    (
        "unknown-tag",
        "A YAML tag has no meaning in a Compose file.",
    ),
    (
        "unmeant-interpolation",
        "A dollar sign changes a value in a way that looks unmeant.",
    ),
    ("unreadable-file", "A file cannot be read."),
    ("unset-variable", "A variable without a value is used."),
    (
        "up-to-a-variable",
        "What a variable holds decides what something is.",
    ),
    (
        "wrong-type",
        "A value is of another kind than its key wants.",
    ),
    ("yaml-syntax", "A file is not YAML."),
];
