//! `up`; and the flags that say what is wanted, which `create` and `plan` share.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::Outcome;
use crate::cli::Interrupts;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::engine::Engine;
use crate::execute::Probe;
use crate::load::Loaded;
use crate::ops::Logs;
use crate::ops::logs::Output;
use crate::ops::up::{UpOptions, attached, up};
use crate::plan::containers::Recreate;
use crate::plan::images::BuildPolicy;
use crate::report::logs::LogPrinter;
use crate::report::{Reporter, Shared};

/// Create and start containers
#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    wanted: Wanted,

    #[command(flatten)]
    reach: Reach,

    /// Start in the background
    #[arg(short, long)]
    detach: bool,

    /// Create containers, but do not start them
    #[arg(long, conflicts_with = "detach", conflicts_with = "wait")]
    no_start: bool,

    /// Wait until everything is running or healthy; implies --detach
    #[arg(long)]
    wait: bool,

    /// Who says that a container is healthy while others wait for it
    #[arg(long, value_enum, default_value_t = Prober::Own, value_name = "WHO")]
    probe: Prober,

    /// Print output without colours
    #[arg(long)]
    no_color: bool,

    /// Print output without the containers' names
    #[arg(long)]
    no_log_prefix: bool,
}

/// Values of `--probe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Prober {
    /// The engine, and its test run by us in between, which may be sooner
    Own,
    /// The engine alone
    Engine,
}

impl From<Prober> for Probe {
    fn from(prober: Prober) -> Probe {
        match prober {
            Prober::Own => Probe::Own,
            Prober::Engine => Probe::Engine,
        }
    }
}

/// What is wanted: services, images and replacements.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Wanted {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    pub(super) services: Vec<String>,

    /// Build images first
    #[arg(long, conflicts_with = "no_build")]
    build: bool,

    /// Build nothing, even if an image is missing
    #[arg(long)]
    no_build: bool,

    /// Replace containers even if nothing has changed
    #[arg(long, conflicts_with = "no_recreate")]
    force_recreate: bool,

    /// Keep containers even if something has changed
    #[arg(long)]
    no_recreate: bool,

    /// Remove containers of services that are in no file
    #[arg(long)]
    remove_orphans: bool,

    /// Number of containers of a service, over what the files say
    #[arg(long, value_name = "SERVICE=NUMBER", value_parser = scale)]
    scale: Vec<(String, u32)>,
}

/// How far it goes beyond the services themselves.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Reach {
    /// Leave the services' dependencies alone
    #[arg(long)]
    no_deps: bool,

    /// Replace the containers of dependencies too
    #[arg(long, conflicts_with = "no_recreate")]
    always_recreate_deps: bool,

    /// Give new containers new anonymous volumes, not those of their predecessors
    #[arg(short = 'V', long, conflicts_with = "no_recreate")]
    renew_anon_volumes: bool,

    /// Seconds until a container that has to stop is killed
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<i32>,
}

/// Reads `web=3`.
pub(super) fn scale(text: &str) -> Result<(String, u32), String> {
    let pair = text.split_once('=').and_then(|(service, number)| {
        let number: u32 = number.parse().ok()?;
        (!service.is_empty()).then(|| (service.to_owned(), number))
    });
    pair.ok_or_else(|| "a service and a number of containers, such as `web=3`".to_owned())
}

/// The options of a use case out of the flags and the environment.
pub(super) fn options(
    wanted: &Wanted,
    reach: &Reach,
    context: &Context<'_>,
) -> Result<UpOptions, Failure> {
    let ignore_orphans = context.says_yes("COMPOSE_IGNORE_ORPHANS");
    let remove_orphans = wanted.remove_orphans || context.says_yes("COMPOSE_REMOVE_ORPHANS");
    if ignore_orphans && remove_orphans {
        return Err(Failure::message(
            "orphans cannot be both removed and ignored",
            "unset COMPOSE_IGNORE_ORPHANS, or do not ask for their removal",
        ));
    }
    let unless_kept = |forced: bool| match (forced, wanted.no_recreate) {
        (true, _) => Recreate::Force,
        (false, true) => Recreate::Never,
        (false, false) => Recreate::Diverged,
    };
    Ok(UpOptions {
        services: wanted.services.clone(),
        no_dependencies: reach.no_deps,
        recreate: unless_kept(wanted.force_recreate || reach.renew_anon_volumes),
        recreate_dependencies: unless_kept(reach.always_recreate_deps),
        renew_anonymous_volumes: reach.renew_anon_volumes,
        remove_orphans,
        ignore_orphans,
        scale: wanted.scale.iter().cloned().collect::<BTreeMap<_, _>>(),
        timeout: reach.timeout,
        build: match (wanted.build, wanted.no_build) {
            (true, _) => BuildPolicy::Always,
            (_, true) => BuildPolicy::Never,
            _ => BuildPolicy::IfMissing,
        },
        no_start: false,
        wait: false,
        probe: Probe::Own,
    })
}

pub(super) async fn run(args: UpArgs, context: &mut Context<'_>) -> Outcome {
    let options = options(&args.wanted, &args.reach, context)?;
    let loaded = context.load_to_run(&options.services)?;
    let options = UpOptions {
        services: loaded.services.clone(),
        no_start: args.no_start,
        wait: args.wait,
        probe: args.probe.into(),
        ..options
    };
    let engine = context.engine()?;
    if args.detach || args.wait || args.no_start {
        detached(context, engine.as_ref(), &loaded, &options, "up").await
    } else {
        let name = &loaded.project.name;
        let printer = context.log_printer(name, args.no_log_prefix, args.no_color);
        in_foreground(context, engine.as_ref(), &loaded, &options, printer).await
    }
}

/// Brings things up and returns.
pub(super) async fn detached(
    context: &mut Context<'_>,
    engine: &dyn Engine,
    loaded: &Loaded,
    options: &UpOptions,
    operation: &str,
) -> Outcome {
    let reporter = context.reporter(operation);
    let cancel = CancellationToken::new();
    let mut events = reporter.clone();
    let work = async {
        let result = up(engine, &loaded.project, options, &cancel, &mut events).await;
        result.map_err(|error| Failure::of(error, &loaded.sources))
    };
    context.drive(&reporter, Some(&cancel), work).await?;
    Ok(0)
}

/// Brings things up and stays with their output.
async fn in_foreground(
    context: &mut Context<'_>,
    engine: &dyn Engine,
    loaded: &Loaded,
    options: &UpOptions,
    printer: LogPrinter,
) -> Outcome {
    let reporter = context.reporter("up");
    reporter.with(Reporter::settle_when_over);
    let mut events = reporter.clone();
    let mut output = Above {
        reporter: reporter.clone(),
        printer,
        announced: false,
    };
    let project = &loaded.project;
    let work = async |interrupts: &mut Interrupts| {
        attached(
            engine,
            project,
            options,
            interrupts,
            &mut output,
            &mut events,
        )
        .await
    };
    let result = context.accompany(&reporter, work).await;
    output.printer.finish();
    result.map_err(|error| Failure::of(error, &loaded.sources))
}

/// Prints output above what is still in progress.
struct Above {
    reporter: Shared,
    printer: LogPrinter,
    announced: bool,
}

impl Above {
    fn print(&mut self, print: impl FnOnce(&mut LogPrinter)) {
        let printer = &mut self.printer;
        self.reporter.with(|reporter| {
            reporter.make_room();
            print(printer);
        });
    }
}

impl Logs for Above {
    fn attached(&mut self, containers: &[String]) {
        let first = !std::mem::replace(&mut self.announced, true);
        self.print(|printer| {
            printer.attached(containers);
            if first {
                printer.introduce(containers);
            }
        });
    }

    fn output(&mut self, container: &str, output: &Output) {
        self.print(|printer| printer.output(container, output));
    }

    fn exited(&mut self, container: &str, code: i64, restarting: bool) {
        self.print(|printer| printer.exited(container, code, restarting));
    }

    fn message(&mut self, text: &str) {
        self.print(|printer| printer.message(text));
    }
}
