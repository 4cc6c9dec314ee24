//! rcompose: Compose files, run fast and explained.
//!
//! # The pipeline
//!
//! Data flows one way, and each arrow is a module:
//!
//! text —[`document`]→ tree with places —[`load`]→ one merged tree —[`project`]→ typed model
//! —[`graph`]→ dependencies; engine —[`execute::observe`]→ snapshot; model + graph + snapshot
//! —[`plan`]→ steps with causes —[`execute`]→ engine calls, which tell [`event`]s.
//!
//! Everything up to and including the plan is synchronous, does no input or output and is
//! deterministic: the same files and the same snapshot give the same plan, down to the byte. That
//! is where most tests live. What a plan does is what its printed form says; nothing is decided
//! later, except what a step states as its own condition (an image that may or may not move).
//!
//! # The code map
//!
//! | module | what it is for | what it does not know |
//! |---|---|---|
//! | [`document`] | YAML, variables, merging, diagnostics | Compose, files, the environment |
//! | [`project`] | the vocabulary of Compose: one table row per attribute | files, engines, order |
//! | [`load`] | which files, in which order | engines |
//! | [`migrate`] | texts to today's format, edited in place | what they mean, files |
//! | [`graph`] | who depends on whom | what for |
//! | [`explain`] | where each value of the model came from | files, terminals |
//! | [`plan`] | from observed to wanted, as steps | engines, clocks, terminals |
//! | [`engine`] | the only door to a container engine | Compose |
//! | [`build`] | a build section to an image | plans, terminals |
//! | [`execute`] | runs a plan | projects |
//! | [`ops`] | one use case a file: `up`, `down`, `logs`, … | arguments, terminals |
//! | [`report`] | events and results to text | engines |
//! | [`cli`] | arguments to use cases to reports | how anything works |
//!
//! `tests/it/layers.rs` holds this table and fails when an import breaks it.
//!
//! # Finding your way
//!
//! *Where is attribute X read, merged, hashed and sent?* Search its key in quotes, such as
//! `"stop_grace_period"`: one row in [`project`] tells all four. If the row is a `ROW` of another
//! file, the attribute has a syntax of its own, and the file has its name. The same row is a key of the
//! JSON Schema that `rcompose schema` prints ([`project::schema`]).
//!
//! # Invariants
//!
//! - Planning cannot write: it is handed an [`engine::Reads`].
//! - No container is stopped before every image that its plan needs is there.
//! - A volume is removed by `down -v`, by `--allow-data-loss` that names it, by `rename` when its copy
//!   has been compared and the user agrees, and by nothing else.
//! - A run that breaks off anywhere leaves nothing that the next `up` does not understand.
//! - Who changes a project holds its lock ([`ops::lock`]); what changes nothing takes none.
//! - Names and labels are docker compose's; either tool can go on with what the other made.

pub mod api_version;
pub mod build;
pub mod cli;
pub mod document;
pub mod engine;
pub mod event;
pub mod execute;
pub mod explain;
pub mod graph;
pub mod load;
pub mod migrate;
pub mod ops;
pub mod plan;
pub mod project;
pub mod report;
