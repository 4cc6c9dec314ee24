//! `schema`.

use pretty_assertions::assert_eq;

use super::Sandbox;

#[tokio::test]
async fn the_schema_is_printed_without_a_project() {
    let mut sandbox = Sandbox::with("");
    sandbox.files.clear();
    let ran = sandbox.succeed("schema").await;
    let published = include_str!("../../../schema/compose.schema.json");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (published, ""));
}
