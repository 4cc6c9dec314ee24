//! `explain`: where a value came from.

use clap::ValueEnum;

use super::Outcome;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::explain::{Origins, Unknown, masked};
use crate::load::{Loaded, Skip};
use crate::report::explain::{Telling, json, text};

/// Print where a value came from, what it overrode, and which variables are in it
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// Such as `services.web.environment.DB_URL`, `services.web.ports[0]` or
    /// `services["my.web"].image`; a part of a path explains everything below it
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,

    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,

    /// Print values whose names are those of secrets
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

pub(super) fn run(args: &ExplainArgs, context: &mut Context<'_>) -> Outcome {
    let (loaded, trace) = context.load_traced(&[], Skip::default())?;
    let origins = Origins::new(&loaded, &trace);
    let mut explained = Vec::new();
    for path in &args.paths {
        let found = origins.explain(path);
        explained.extend(found.map_err(|unknown| failure(unknown, &loaded))?);
    }
    if !args.show_secrets {
        explained.iter_mut().for_each(masked::mask);
    }
    let telling = Telling {
        sources: &loaded.sources,
        secrets: args.show_secrets,
    };
    let text = match args.format {
        Format::Text => text(&explained, telling),
        Format::Json => json(&explained, telling),
    };
    context.environment.stdout.put(&text);
    Ok(0)
}

fn failure(unknown: Unknown, loaded: &Loaded) -> Failure {
    let Unknown {
        path,
        near,
        reached,
        keys,
    } = unknown;
    let disabled = path.strip_prefix("services.").and_then(|rest| {
        loaded
            .project
            .disabled
            .keys()
            .find(|name| rest.starts_with(*name))
    });
    let help = match (near, disabled) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(name)) => {
            format!("no active profile wants the service {name}; --profile activates one")
        }
        (None, None) if keys.is_empty() => format!("`{reached}` is a single value"),
        (None, None) if reached.is_empty() => format!("the project has: {}", keys.join(", ")),
        (None, None) => format!("`{reached}` has: {}", keys.join(", ")),
    };
    Failure::message(format!("the project has nothing at `{path}`"), &help)
}
