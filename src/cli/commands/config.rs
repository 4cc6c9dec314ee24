//! `config`: the files as they are understood.

use std::collections::BTreeSet;

use clap::ValueEnum;
use serde_yaml::{Mapping, Value};

use super::Outcome;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::project::hash::{self, Encoding, go_json};
use crate::project::{Project, Service};
use crate::report::lines;
use crate::report::yaml::{indented_json, yaml};

/// Print the files as they are understood: joined, completed and checked
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Yaml, value_name = "FORMAT")]
    format: Format,

    /// Check only
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

    /// Print the names of images
    #[arg(long)]
    images: bool,

    /// Print the names of profiles
    #[arg(long)]
    profiles: bool,

    /// Print the configuration hashes of services (`*` is all)
    #[arg(long, value_name = "SERVICES")]
    hash: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

pub(super) fn run(args: &ConfigArgs, context: &mut Context<'_>) -> Outcome {
    let mut project = context.load(&args.services)?.project;
    if !args.services.is_empty() && !args.only_services {
        project = project_of(project, &args.services)?;
    }
    let text = match args {
        _ if args.quiet => String::new(),
        _ if args.only_services => lines(project.services.keys()),
        _ if args.volumes => lines(project.volumes.keys()),
        _ if args.networks => lines(project.networks.keys()),
        _ if args.images => lines(images(&project)),
        _ if args.profiles => lines(profiles(&project)),
        ConfigArgs {
            hash: Some(names), ..
        } => hashes(&project, names)?,
        _ => model(&project, args.format),
    };
    context.environment.stdout.put(&text);
    Ok(0)
}

/// The project with these services and what they need.
fn project_of(mut project: Project, names: &[String]) -> Result<Project, Failure> {
    known(&project, names.iter().map(String::as_str))?;
    let graph = crate::graph::Graph::of(&project);
    let needed = graph.closure(names.iter().map(String::as_str));
    let needed: BTreeSet<String> = needed.into_iter().map(str::to_owned).collect();
    project.services.retain(|name, _| needed.contains(name));
    Ok(project)
}

fn known<'n>(project: &Project, mut names: impl Iterator<Item = &'n str>) -> Result<(), Failure> {
    match names.find(|name| !project.services.contains_key(*name)) {
        Some(name) => {
            let all: Vec<&str> = project.services.keys().map(String::as_str).collect();
            let help = format!("the services are: {}", all.join(", "));
            Err(Failure::message(format!("no such service: {name}"), &help))
        }
        None => Ok(()),
    }
}

fn images(project: &Project) -> Vec<String> {
    let services = project.services.values();
    services
        .map(|service| service.image_name(&project.name))
        .collect()
}

fn profiles(project: &Project) -> BTreeSet<&String> {
    let services: Vec<&Service> = project
        .services
        .values()
        .chain(project.disabled.values())
        .collect();
    services
        .into_iter()
        .flat_map(|service| &service.profiles)
        .collect()
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

/// Dollar signs are doubled, so that the text, loaded again, means the same.
fn model(project: &Project, format: Format) -> String {
    let data = project.to_data();
    let text = match format {
        Format::Yaml => yaml(&without_unset(data)),
        Format::Json => indented_json(&go_json(&sorted(data))),
    };
    text.replace('$', "$$")
}

/// docker compose's YAML leaves out what its JSON and its hashes show as unset.
fn without_unset(mut data: Value) -> Value {
    for service in entries(&mut data, "services") {
        for key in ["command", "entrypoint"] {
            if service.get(key).is_some_and(Value::is_null) {
                service.shift_remove(key);
            }
        }
    }
    for network in entries(&mut data, "networks") {
        let empty = |ipam: &Value| ipam.as_mapping().is_some_and(Mapping::is_empty);
        if network.get("ipam").is_some_and(empty) {
            network.shift_remove("ipam");
        }
    }
    data
}

fn entries<'d>(data: &'d mut Value, section: &str) -> impl Iterator<Item = &'d mut Mapping> {
    let section = data.get_mut(section).and_then(Value::as_mapping_mut);
    let values = section.into_iter().flat_map(Mapping::values_mut);
    values.filter_map(Value::as_mapping_mut)
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
