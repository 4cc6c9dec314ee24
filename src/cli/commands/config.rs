//! `config`: the files as they are understood.
//!
//! What docker compose 2.40.3 does, and is kept: `--services`, `--volumes`, `--networks`, `--models`
//! and `--profiles` pay no attention to services that are named; of several of these flags, the first
//! in the order of the help counts; `--variables` leaves out those of the project's name; networks
//! and volumes that nobody uses are not printed.
//!
//! What differs on purpose: lists are sorted (there, their order changes from run to run);
//! `--no-interpolate` prints what two files merge by key as a mapping (there, as a list); `--no-env-resolution` leaves `env_file` in place (there, it does nothing).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_yaml::Value;

use super::Outcome;
use crate::cli::context::Context;
use crate::cli::disk;
use crate::cli::failure::Failure;
use crate::document::{self, Node};
use crate::explain::Origins;
use crate::load::{Loaded, Skip, selection};
use crate::project::hash::{self, Encoding, go_json};
use crate::project::normalize::forget_unused;
use crate::project::{Project, Service, unsupported};
use crate::report;
use crate::report::annotated::annotated;
use crate::report::lines;
use crate::report::problems::Form;
use crate::report::yaml::{indented_json, yaml};

mod digests;
mod variables;

/// Print the files as they are understood: joined, completed and checked
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// How to print (YAML when absent; with --variables and --unsupported, a table); with --quiet, how
    /// problems are told on standard output, json or sarif
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Told>,

    /// Check only; problems for programs go to standard output
    #[arg(short, long)]
    quiet: bool,

    /// Print the names of services
    #[arg(long = "services")]
    only_services: bool,

    /// Print the names of volumes
    #[arg(long)]
    volumes: bool,

    /// Print the names of networks
    #[arg(long)]
    networks: bool,

    /// Print the models that services use
    #[arg(long)]
    models: bool,

    /// Print what is set and has no effect here, and why
    #[arg(long, conflicts_with_all = ["no_interpolate", "variables"])]
    unsupported: bool,

    /// Print the names of images
    #[arg(long)]
    images: bool,

    /// Print the names of profiles
    #[arg(long)]
    profiles: bool,

    /// Print the configuration hashes of services (`*` is all)
    #[arg(long, value_name = "SERVICES")]
    hash: Option<String>,

    /// Print the variables that the files use
    #[arg(long)]
    variables: bool,

    /// Print the environment that variables get their values from
    #[arg(long)]
    environment: bool,

    /// Pin images to the digests that their registries have for them
    #[arg(long)]
    resolve_image_digests: bool,

    /// Print nothing but the images, pinned to digests, as a file to lay over the others
    #[arg(long)]
    lock_image_digests: bool,

    /// Print behind each line where it came from
    #[arg(long)]
    trace: bool,

    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    without: Without,
}

/// What is left out.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Without {
    /// Leave variables as they are written
    #[arg(long)]
    no_interpolate: bool,

    /// Leave out what is meant without being written
    #[arg(long)]
    no_normalize: bool,

    /// Leave relative paths relative
    #[arg(long)]
    no_path_resolution: bool,

    /// Check no rules between attributes and services
    #[arg(long)]
    no_consistency: bool,

    /// Leave `env_file` and variables without a value as they are
    #[arg(long)]
    no_env_resolution: bool,
}

impl Without {
    fn skip(self) -> Skip {
        Skip {
            interpolation: self.no_interpolate,
            normalization: self.no_normalize,
            paths: self.no_path_resolution,
            consistency: self.no_consistency,
            environment: self.no_env_resolution,
            contents: true,
        }
    }
}

/// Forms of what is printed: of the project, or, where only a check is asked for, of its problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Told {
    Yaml,
    Json,
    Sarif,
}

impl ConfigArgs {
    /// The form of the project.
    fn format(&self) -> Option<Format> {
        match self.format? {
            Told::Yaml => Some(Format::Yaml),
            Told::Json => Some(Format::Json),
            Told::Sarif => None,
        }
    }

    /// The form of a check's problems, where it is not that of all commands.
    fn problems(&self) -> Option<Form> {
        match self.format? {
            Told::Yaml => None,
            Told::Json => Some(Form::Json),
            Told::Sarif => Some(Form::Sarif),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
enum Format {
    #[default]
    Yaml,
    Json,
}

pub(super) async fn run(args: &ConfigArgs, context: &mut Context<'_>) -> Outcome {
    let checks = args.quiet && prints_model(args);
    if checks {
        context.problems_are_data(args.problems());
    } else if args.format == Some(Told::Sarif) {
        return Err(Failure::message(
            "sarif is a form for problems, not for a project",
            "--quiet --format sarif checks the files and prints their problems",
        ));
    }
    let text = if args.trace {
        traced(args, context)?
    } else if args.lock_image_digests {
        lock(args, context).await?
    } else if args.variables || args.without.no_interpolate {
        of_tree(args, context).await?
    } else {
        of_model(args, context).await?
    };
    if checks {
        return Ok(0);
    }
    match &args.output {
        None => context.environment.stdout.put(&text),
        Some(path) => write(&context.environment.current_dir.join(path), &text)?,
    }
    Ok(0)
}

/// Whether no flag asks for something else.
fn prints_model(args: &ConfigArgs) -> bool {
    let ConfigArgs {
        only_services,
        volumes,
        networks,
        models,
        unsupported,
        images,
        profiles,
        variables,
        environment,
        ..
    } = args;
    let asked = [
        only_services,
        volumes,
        networks,
        models,
        unsupported,
        images,
        profiles,
        variables,
        environment,
    ];
    args.hash.is_none() && !asked.into_iter().any(|asked| *asked)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    disk::write(path, text).map_err(|reason| {
        let message = format!("cannot write {}: {reason}", path.display());
        Failure::message(message, "look at the path given with -o")
    })
}

/// What can be said without values for variables.
async fn of_tree(args: &ConfigArgs, context: &Context<'_>) -> Result<String, Failure> {
    let skip = Skip {
        interpolation: true,
        ..args.without.skip()
    };
    let tree = context.tree(skip)?;
    let names = |section| {
        let section = tree.document.get(section);
        let names = section.and_then(|node| node.as_mapping()).into_iter();
        names.flat_map(|it| it.keys()).collect::<BTreeSet<_>>()
    };
    Ok(match args {
        _ if args.only_services => lines(names("services")),
        _ if args.volumes => lines(names("volumes")),
        _ if args.networks => lines(names("networks")),
        _ if args.models => lines(models_of_tree(&tree.document)),
        _ if args.variables => variables::text(&tree.document, args.format()),
        _ if args.environment => environment(&tree.variables),
        _ => {
            if !args.services.is_empty() {
                context.warn("--no-interpolate prints all services");
            }
            let mut data = tree.canonical.clone();
            if args.resolve_image_digests {
                digests::pin(&mut data, context).await?;
            }
            match args.format().unwrap_or_default() {
                Format::Yaml => yaml(&data),
                Format::Json => json(&data),
            }
        }
    })
}

async fn of_model(args: &ConfigArgs, context: &Context<'_>) -> Result<String, Failure> {
    let mut skip = args.without.skip();
    // docker compose hashes what `env_file` says, not what the files say.
    skip.environment |= args.hash.is_some();
    // Names are known without what environment files hold, so those may be missing there.
    let of_project = args.only_services || args.volumes || args.networks || args.models;
    skip.environment |= of_project || args.profiles || args.images;
    // Those are of the whole project, whatever is named.
    let whole = of_project || args.hash.is_some();
    let named = if whole { &[] } else { args.services.as_slice() };
    let mut loaded = context.load_without(named, skip)?;
    let names = &loaded.services;
    known(&loaded.project, names.iter().map(String::as_str))?;
    if !names.is_empty() && (prints_model(args) || args.images || args.unsupported) {
        selection::reduce(&mut loaded.project, names);
    }
    forget_unused(&mut loaded.project);
    let project = &loaded.project;
    Ok(match args {
        _ if args.only_services => lines(project.services.keys()),
        _ if args.volumes => lines(project.volumes.keys()),
        _ if args.networks => lines(project.networks.keys()),
        _ if args.models => lines(models(project)),
        _ if args.unsupported => unsupported_text(&loaded, args.format()),
        ConfigArgs {
            hash: Some(names), ..
        } => hashes(project, names)?,
        _ if args.profiles => lines(profiles(project)),
        _ if args.images => lines(images(project)),
        _ if args.environment => environment(&loaded.variables),
        _ => {
            let format = args.format().unwrap_or_default();
            let mut data = printed(loaded.project, format);
            if args.resolve_image_digests {
                digests::pin(&mut data, context).await?;
            }
            model(data, format)
        }
    })
}

/// The model with the place of everything in it.
fn traced(args: &ConfigArgs, context: &Context<'_>) -> Result<String, Failure> {
    let contradiction = |flag: &str| {
        let message = format!("--trace cannot be used with {flag}");
        Failure::message(message, "it prints the whole model, as YAML with comments")
    };
    if matches!(args.format(), Some(Format::Json)) {
        return Err(contradiction("--format json"));
    }
    if args.without.no_interpolate || !prints_model(args) {
        return Err(contradiction("flags that print something else"));
    }
    let (mut loaded, trace) = context.load_traced(&args.services, args.without.skip())?;
    known(&loaded.project, loaded.services.iter().map(String::as_str))?;
    if !loaded.services.is_empty() {
        selection::reduce(&mut loaded.project, &loaded.services);
    }
    forget_unused(&mut loaded.project);
    let origins = Origins::new(&loaded, &trace);
    Ok(annotated(&origins, &loaded.sources))
}

fn environment(variables: &BTreeMap<String, String>) -> String {
    lines(
        variables
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    )
}

fn known<'n>(project: &Project, names: impl Iterator<Item = &'n str>) -> Result<(), Failure> {
    selection::check(project, names).map_err(|unknown| {
        let message = format!("no such service: {}", unknown.name);
        let help = match (unknown.disabled, unknown.near) {
            (true, _) => "no active profile wants it; --profile activates one".to_owned(),
            (false, Some(near)) => format!("did you mean `{near}`?"),
            (false, None) => {
                let all: Vec<&str> = project.services.keys().map(String::as_str).collect();
                format!("the services are: {}", all.join(", "))
            }
        };
        Failure::message(message, &help)
    })
}

fn images(project: &Project) -> Vec<String> {
    let services = project.services.values();
    services
        .map(|service| service.image_name(&project.name))
        .collect()
}

/// What those are that services use; not what the files call them.
fn models(project: &Project) -> BTreeSet<&String> {
    let models = project.models.values();
    models.filter_map(|model| model.model.as_ref()).collect()
}

/// The same as it is written. Services of all profiles count.
fn models_of_tree(document: &Node) -> BTreeSet<&str> {
    let services = document.get("services").and_then(Node::as_mapping);
    let used = services.into_iter().flatten();
    let used = used.filter_map(|(_, service)| service.value.get("models"));
    let names = used.flat_map(|models| match &models.value {
        document::Value::Mapping(models) => models.keys().map(String::as_str).collect(),
        document::Value::Sequence(names) => names.iter().filter_map(Node::as_str).collect(),
        document::Value::Scalar(_) => Vec::new(),
    });
    let models = document.get("models");
    names
        .filter_map(|name| models?.get(name)?.get("model")?.as_str())
        .collect()
}

fn unsupported_text(loaded: &Loaded, format: Option<Format>) -> String {
    let (notes, sources) = (unsupported(&loaded.project), &loaded.sources);
    let data = || report::unsupported::json(&notes, sources);
    match format {
        None => report::unsupported::table(&notes, sources),
        Some(Format::Json) => format!("{:#}\n", data()),
        Some(Format::Yaml) => {
            serde_yaml::to_value(data()).map_or_else(|_| String::new(), |it| yaml(&it))
        }
    }
}

fn profiles(project: &Project) -> BTreeSet<&String> {
    let services = project.services.values().chain(project.disabled.values());
    services.flat_map(|service| &service.profiles).collect()
}

fn hashes(project: &Project, of: &str) -> Result<String, Failure> {
    let named: BTreeSet<&str> = match of {
        "*" => project.services.keys().map(String::as_str).collect(),
        list => list.split(',').map(str::trim).collect(),
    };
    known(project, named.iter().copied())?;
    let services = project.services.values();
    let wanted = services.filter(|service| named.contains(service.name.as_str()));
    let line = |service: &Service| {
        let hash = hash::service(service, Encoding::Current);
        format!("{} {hash}\n", service.name)
    };
    Ok(wanted.map(line).collect())
}

/// The images of services and nothing else, each with its digest.
async fn lock(args: &ConfigArgs, context: &Context<'_>) -> Result<String, Failure> {
    let mut loaded = context.load_without(&args.services, args.without.skip())?;
    known(&loaded.project, loaded.services.iter().map(String::as_str))?;
    if !loaded.services.is_empty() {
        selection::reduce(&mut loaded.project, &loaded.services);
    }
    let format = args.format().unwrap_or_default();
    let mut data = digests::images_only(&printed(loaded.project, format), format);
    digests::pin(&mut data, context).await?;
    Ok(model(data, format))
}

fn printed(project: Project, format: Format) -> Value {
    match format {
        Format::Yaml => project.into_yaml_data(),
        Format::Json => project.into_data(),
    }
}

/// Dollar signs are doubled, so that the text, loaded again, means the same.
fn model(data: Value, format: Format) -> String {
    let text = match format {
        Format::Yaml => {
            let text = yaml(&data);
            // The process ends next: to free thousands of small pieces would be a tenth of its time.
            std::mem::forget(data);
            text
        }
        Format::Json => json(&sorted(data)),
    };
    if text.contains('$') {
        text.replace('$', "$$")
    } else {
        text
    }
}

/// Without a line break at the end, as docker compose prints it.
fn json(data: &Value) -> String {
    indented_json(&go_json(data)).trim_end().to_owned()
}

/// docker compose prints JSON with the keys of the top level in order.
fn sorted(data: Value) -> Value {
    let Value::Mapping(mapping) = data else {
        return data;
    };
    let mut entries: Vec<(Value, Value)> = mapping.into_iter().collect();
    entries.sort_by(|(one, _), (other, _)| one.as_str().cmp(&other.as_str()));
    Value::Mapping(entries.into_iter().collect())
}
