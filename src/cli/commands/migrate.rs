//! `migrate`: files in today's format, to standard output or in place.

use super::Outcome;
use crate::cli::context::Context;
use crate::cli::disk;
use crate::cli::failure::Failure;
use crate::load::discover::Found;
use crate::ops::migrate::{self, Migrated};
use crate::report::diff::unified;

/// Write the Compose files in today's format, with their comments and their order
///
/// Files without `services:` get it, and today's keys; `version` goes; a `<<` that is repeated
/// becomes a list. What is written means the same, or nothing is written.
#[derive(Debug, clap::Args)]
pub(crate) struct MigrateArgs {
    /// Change the files; each one that changes is kept as FILE.bak
    #[arg(long, conflicts_with = "check")]
    in_place: bool,

    /// Change nothing: print the differences, and exit with 1 when there are any
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &MigrateArgs, context: &Context<'_>) -> Outcome {
    let request = context.request(&[]);
    let migration = migrate::migrate(&request, context.environment.files.as_ref())?;
    context.warn_of(&migration.warnings, &migration.sources);
    let files = &migration.files;
    if args.check {
        return Ok(check(files, context));
    }
    for file in files.iter().filter(|file| !file.changes()) {
        let name = file.file.shown(&context.environment.current_dir);
        context.tell(&format!("{name} is in today's format already"));
    }
    if args.in_place {
        replace(files, context)?;
    } else {
        let others = files.iter().filter(|file| !file.asked && file.changes());
        for file in others {
            let name = file.file.shown(&context.environment.current_dir);
            context.tell(&format!(
                "{name} changes, too: see --check, or use --in-place"
            ));
        }
        context.environment.stdout.put(&joined(files));
    }
    Ok(0)
}

fn check(files: &[Migrated], context: &Context<'_>) -> u8 {
    for file in files {
        let name = file.file.shown(&context.environment.current_dir);
        let text = unified(&name, &file.before, &file.after);
        context.environment.stdout.put(&text);
    }
    u8::from(files.iter().any(Migrated::changes))
}

/// Several files as the documents of one, which means the same as the files together.
fn joined(files: &[Migrated]) -> String {
    let mut text = String::new();
    for file in files.iter().filter(|file| file.asked) {
        if !text.is_empty() {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            if !file.after.starts_with("---") {
                text += "---\n";
            }
        }
        text += file
            .after
            .trim_start_matches(if text.is_empty() { '\0' } else { '\u{feff}' });
    }
    text
}

fn replace(files: &[Migrated], context: &Context<'_>) -> Result<(), Failure> {
    for file in files.iter().filter(|file| file.changes()) {
        let Found::File(path) = &file.file else {
            let help = "leave --in-place out, and the result goes to standard output";
            return Err(Failure::message(
                "standard input cannot be changed in place",
                help,
            ));
        };
        let backup = disk::replace(path, &file.after).map_err(|error| {
            let message = format!("cannot write {}: {error}", path.display());
            Failure::message(message, "the file is as it was")
        })?;
        let current_dir = &context.environment.current_dir;
        let kept = Found::File(backup).shown(current_dir);
        let name = file.file.shown(current_dir);
        context.tell(&format!(
            "{name} is written anew; as it was, it is kept as {kept}"
        ));
    }
    Ok(())
}
