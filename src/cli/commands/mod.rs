//! The commands, one file each: flags, what they mean, what is printed.

#![expect(
    clippy::struct_excessive_bools,
    reason = "a flag is a boolean, and commands have many"
)]

use super::context::Context;
use super::failure::Failure;

mod build;
mod config;
mod create;
mod doctor;
mod down;
mod explain;
mod kill;
mod logs;
mod migrate;
mod pause;
mod plan;
mod ps;
mod rename;
mod restart;
mod rm;
mod scale;
mod schema;
mod start;
mod stop;
mod unpause;
mod up;
pub(super) mod version;
mod wait;
mod why;

/// How a command ends: with an exit code, or with something to print.
type Outcome = Result<u8, Failure>;

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Build(build::BuildArgs),
    Config(config::ConfigArgs),
    Create(create::CreateArgs),
    Doctor(doctor::DoctorArgs),
    Down(down::DownArgs),
    Explain(explain::ExplainArgs),
    Kill(kill::KillArgs),
    Logs(logs::LogsArgs),
    Pause(pause::PauseArgs),
    Migrate(migrate::MigrateArgs),
    Plan(plan::PlanArgs),
    Ps(ps::PsArgs),
    Rename(rename::RenameArgs),
    Restart(restart::RestartArgs),
    Rm(rm::RmArgs),
    Schema(schema::SchemaArgs),
    Scale(scale::ScaleArgs),
    Start(start::StartArgs),
    Stop(stop::StopArgs),
    Unpause(unpause::UnpauseArgs),
    Up(up::UpArgs),
    Version(version::VersionArgs),
    Wait(wait::WaitArgs),
    Why(why::WhyArgs),
}

impl Command {
    /// Runs it.
    pub(super) async fn run(self, context: &mut Context<'_>) -> Outcome {
        match self {
            Command::Build(args) => build::run(args, context).await,
            Command::Config(args) => config::run(&args, context).await,
            Command::Create(args) => create::run(args, context).await,
            Command::Doctor(args) => doctor::run(args, context).await,
            Command::Down(args) => Box::pin(down::run(args, context)).await,
            Command::Explain(args) => explain::run(&args, context),
            Command::Kill(args) => kill::run(args, context).await,
            Command::Logs(args) => logs::run(args, context).await,
            Command::Pause(args) => pause::run(args, context).await,
            Command::Migrate(args) => migrate::run(&args, context),
            Command::Plan(args) => plan::run(args, context).await,
            Command::Ps(args) => ps::run(args, context).await,
            Command::Rename(args) => Box::pin(rename::run(args, context)).await,
            Command::Restart(args) => restart::run(args, context).await,
            Command::Rm(args) => rm::run(args, context).await,
            Command::Schema(_) => Ok(schema::run(context)),
            Command::Scale(args) => scale::run(args, context).await,
            Command::Start(args) => start::run(args, context).await,
            Command::Stop(args) => stop::run(args, context).await,
            Command::Unpause(args) => unpause::run(args, context).await,
            Command::Up(args) => Box::pin(up::run(args, context)).await,
            Command::Version(args) => Ok(version::run(&args, context)),
            Command::Wait(args) => wait::run(args, context).await,
            Command::Why(args) => why::run(args, context).await,
        }
    }
}
