//! `schema`: what may be written into a Compose file, for editors.

use crate::cli::context::Context;
use crate::project::hash::go_json;
use crate::project::schema::schema;
use crate::report::yaml::indented_json;

/// Print the JSON Schema of Compose files
///
/// Editors complete and check keys with it: save it, and name the file in a first line
/// `# yaml-language-server: $schema=FILE`.
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {}

pub(super) fn run(context: &Context<'_>) -> u8 {
    let text = indented_json(&go_json(&schema()));
    context.environment.stdout.put(&text);
    0
}
