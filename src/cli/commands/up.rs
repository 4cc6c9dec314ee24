//! `up`; and the flags that say what is wanted, which `create` and `plan` share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::Outcome;
use super::plan::{Kept, rehearse};
use crate::cli::Interrupts;
use crate::cli::consent::AllowedLoss;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::engine::Engine;
use crate::execute::Probe;
use crate::load::Loaded;
use crate::ops::Logs;
use crate::ops::logs::Output;
use crate::ops::up::{Abort, Attachment, UpOptions, attached, up};
use crate::plan::containers::Recreate;
use crate::plan::images::BuildPolicy;
use crate::plan::seal::Seal;
use crate::report::logs::LogPrinter;
use crate::report::{Hidden, Reporter, Shared};

/// Create and start containers
#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    wanted: Wanted,

    #[command(flatten)]
    reach: Reach,

    /// Carry out the plan that `rcompose plan -o FILE` wrote, and nothing else; refuse when the
    /// files or the engine have moved since. It has its own services and flags
    #[arg(long, value_name = "FILE", conflicts_with = "no_start")]
    plan: Option<PathBuf>,

    /// Start in the background
    #[arg(short, long)]
    detach: bool,

    /// Create containers, but do not start them
    #[arg(long)]
    no_start: bool,

    /// Wait until everything is ready for good; implies --detach
    #[arg(long)]
    wait: bool,

    /// Seconds that all waiting together may take
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    wait_timeout: Option<i64>,

    /// Keep the old containers until all new ones are ready, and put them back if they are not;
    /// implies --detach
    ///
    /// Old and new run side by side where they can. Where both would want a port of the host, a
    /// fixed address or to write to the same volume or folder, the old one is stopped first, and
    /// started again if the new one does not become ready.
    #[arg(long, conflicts_with = "no_start")]
    atomic: bool,

    /// Who says that a container is healthy while others wait for it
    #[arg(long, value_enum, default_value_t = Prober::Own, value_name = "WHO")]
    probe: Prober,

    /// Print output without colours
    #[arg(long)]
    no_color: bool,

    /// Print output without the containers' names
    #[arg(long)]
    no_log_prefix: bool,

    /// Begin each line of output with the time
    #[arg(long)]
    timestamps: bool,

    #[command(flatten)]
    staying: Staying,

    /// Print nothing of what builds print
    #[arg(long)]
    quiet_build: bool,

    /// Watch the files and bring containers up to date with them (not in this version)
    #[arg(short, long)]
    watch: bool,

    /// Without effect: there are no shortcuts
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    menu: Option<bool>,
}

/// What is shown and watched over by an `up` that stays.
#[derive(Debug, Clone, Default, clap::Args)]
struct Staying {
    /// Show the output of these services alone
    #[arg(long, value_name = "SERVICE")]
    attach: Vec<String>,

    /// Do not show the output of these services
    #[arg(long, value_name = "SERVICE")]
    no_attach: Vec<String>,

    /// Show the output of dependencies too
    #[arg(long)]
    attach_dependencies: bool,

    /// Stop everything when a container has ended
    #[arg(long)]
    abort_on_container_exit: bool,

    /// Stop everything when a container has ended with another exit code than 0
    #[arg(long)]
    abort_on_container_failure: bool,

    /// End with this service's exit code; implies --abort-on-container-exit
    #[arg(long, value_name = "SERVICE")]
    exit_code_from: Option<String>,
}

impl Staying {
    fn attachment(&self) -> Attachment {
        let aborts = self.abort_on_container_exit || self.exit_code_from.is_some();
        Attachment {
            only: self.attach.clone(),
            without: self.no_attach.clone(),
            dependencies: self.attach_dependencies,
            abort: match (self.abort_on_container_failure, aborts) {
                (true, _) => Some(Abort::OnFailure),
                (false, true) => Some(Abort::OnExit),
                (false, false) => None,
            },
            exit_code_from: self.exit_code_from.clone(),
        }
    }

    fn is_asked_for(&self) -> bool {
        let Attachment {
            only,
            without: _,
            dependencies,
            abort,
            exit_code_from: _,
        } = self.attachment();
        dependencies || abort.is_some() || !only.is_empty()
    }
}

/// Refuses what cannot be had together, in docker compose's words.
fn refuse_contradictions(args: &UpArgs, services: &[String]) -> Result<(), Failure> {
    let staying = &args.staying;
    let failure = staying.abort_on_container_failure;
    let refused = [
        (
            failure && staying.abort_on_container_exit,
            "--abort-on-container-failure cannot be combined with --abort-on-container-exit",
        ),
        (
            args.wait && (staying.is_asked_for() || args.watch),
            "--wait cannot be combined with --abort-on-container-exit, --abort-on-container-failure, --attach, --attach-dependencies or --watch",
        ),
        (
            args.detach && (staying.is_asked_for() || args.watch),
            "--detach cannot be combined with --abort-on-container-exit, --abort-on-container-failure, --attach, --attach-dependencies or --watch",
        ),
        (
            !staying.attach.is_empty() && staying.attach_dependencies,
            "cannot combine --attach and --attach-dependencies",
        ),
        (
            args.wanted.no_build && args.watch,
            "--no-build and --watch are incompatible",
        ),
    ];
    if let Some((_, words)) = refused.iter().find(|(refused, _)| *refused) {
        return Err(Failure::message(*words, "leave one of them out"));
    }
    let foreign = staying
        .attach
        .iter()
        .filter(|name| !services.contains(name));
    let foreign: Vec<&str> = foreign.map(String::as_str).collect();
    if !services.is_empty() && !foreign.is_empty() {
        let names = foreign.join(", ");
        let message = format!("cannot attach to services not included in up: {names}");
        return Err(Failure::message(
            message,
            "name them as services of `up` too",
        ));
    }
    if args.watch {
        return Err(Failure::message(
            "this version cannot watch files yet",
            "run it without --watch, and again after a change",
        ));
    }
    Ok(())
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

impl Wanted {
    /// What is not shown of pulls; of builds everything is.
    pub(super) fn hidden(&self) -> Hidden {
        let Wanted {
            quiet_pull: layers,
            // There is no question that it would answer.
            yes: _,
            ..
        } = *self;
        Hidden {
            layers,
            build_output: false,
        }
    }
}

/// What is wanted: services, images and replacements.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Services; all when absent
    #[arg(value_name = "SERVICE")]
    pub(super) services: Vec<String>,

    /// Build images first
    #[arg(long, conflicts_with = "no_build")]
    build: bool,

    /// When to pull images: always, missing or never; over what the files say
    #[arg(long, value_name = "WHEN", value_parser = ["always", "missing", "never", "build", "if_not_present"], hide_possible_values = true)]
    pull: Option<String>,

    /// Print no progress of pulls
    #[arg(long)]
    quiet_pull: bool,

    /// Answer every question with yes, except whether data may be lost
    #[arg(short, long, alias = "y")]
    yes: bool,

    #[command(flatten)]
    allowed: AllowedLoss,

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
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
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
        pull: wanted.pull.as_deref().map(|policy| match policy {
            "if_not_present" => "missing".to_owned(),
            policy => policy.to_owned(),
        }),
        now: context.environment.clock.now,
        no_start: false,
        wait: false,
        wait_timeout: None,
        attachment: Attachment::default(),
        probe: Probe::Own,
        host: context.environment.host.clone(),
        may_be_lost: wanted.allowed.allow_data_loss.clone(),
        sealed: None,
        lock: context.lock("up"),
        ..UpOptions::default()
    })
}

pub(super) async fn run(mut args: UpArgs, context: &mut Context<'_>) -> Outcome {
    let sealed = match &args.plan {
        Some(path) => Some(take_plan(&path.clone(), &mut args, context)?),
        None => None,
    };
    let options = UpOptions {
        sealed,
        ..options(&args.wanted, &args.reach, context)?
    };
    refuse_contradictions(&args, &options.services)?;
    if args.menu == Some(true) {
        context.warn("--menu does nothing: there are no shortcuts in this version");
    }
    let (loaded, trace) = context.load_to_run(&options.services)?;
    let hidden = Hidden {
        build_output: args.quiet_build,
        ..args.wanted.hidden()
    };
    let options = UpOptions {
        services: loaded.services.clone(),
        no_start: args.no_start,
        wait: args.wait,
        atomic: args.atomic,
        wait_timeout: args
            .wait_timeout
            .and_then(|it| u64::try_from(it).ok())
            .filter(|it| *it > 0),
        attachment: args.staying.attachment(),
        probe: args.probe.into(),
        ..options
    };
    let engine = context.engine()?;
    if context.is_dry_run() {
        return rehearse(context, engine.as_ref(), (&loaded, &trace), &options).await;
    }
    if args.detach || args.wait || args.no_start || args.atomic {
        detached(context, engine.as_ref(), &loaded, &options, ("up", hidden)).await
    } else {
        let name = &loaded.project.name;
        let mut printer = context.log_printer(name, args.no_log_prefix, args.no_color);
        if args.timestamps {
            let time = Arc::clone(&context.environment.time);
            printer = printer.stamped(Arc::new(move || format!("{:.9}", time())));
        }
        let show = (printer, hidden);
        in_foreground(context, engine.as_ref(), &loaded, &options, show).await
    }
}

/// Reads a plan that was written down, with the flags that it was made with.
fn take_plan(path: &Path, args: &mut UpArgs, context: &Context<'_>) -> Result<Seal, Failure> {
    if args.wanted != Wanted::default() || args.reach != Reach::default() {
        return Err(Failure::message(
            "--plan has the services and flags that the plan was made with, and takes no others",
            "leave them out, or make another plan with them",
        ));
    }
    let shown = path.display();
    let bytes = context.environment.files.read(&context.path(path));
    let bytes = bytes.map_err(|error| {
        let message = format!("cannot read the plan {shown}: {error}");
        Failure::message(message, "`rcompose plan -o FILE` writes one")
    })?;
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| {
        let message = format!("{shown} is not a plan: {error}");
        Failure::message(message, "`rcompose plan -o FILE` writes one")
    })?;
    args.wanted = kept.wanted;
    args.reach = kept.reach;
    Ok(kept.seal)
}

/// Brings things up and returns.
pub(super) async fn detached(
    context: &mut Context<'_>,
    engine: &dyn Engine,
    loaded: &Loaded,
    options: &UpOptions,
    (operation, hidden): (&str, Hidden),
) -> Outcome {
    let reporter = context.reporter(operation);
    reporter.with(|reporter| reporter.hide(hidden));
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
    (printer, hidden): (LogPrinter, Hidden),
) -> Outcome {
    let reporter = context.reporter("up");
    reporter.with(|reporter| reporter.hide(hidden));
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
