//! `migrate`.

use pretty_assertions::assert_eq;

use super::Sandbox;

const OLD: &str = "web:\n  image: app  # ours\n  net: host\n";
const NEW: &str = "services:\n  web:\n    image: app  # ours\n    network_mode: host\n";

#[tokio::test]
async fn the_file_is_printed_in_todays_format() {
    let ran = Sandbox::with(OLD).succeed("migrate").await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (NEW, ""));
}
