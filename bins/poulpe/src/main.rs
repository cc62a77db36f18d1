//! The poulpe daemon: flags in, plugins wired, signals obeyed. The only place that names concrete plugins. Decides
//! nothing that a crate below could decide.
#![forbid(unsafe_code)]

mod access_config;
mod access_watch;
mod client;
mod command;
mod config;
mod cron_check;
mod cron_command;
mod cron_files;
mod cron_next;
mod cron_watch;
mod daemon;
mod dead_files;
mod flags;
mod greeting;
mod hide;
mod job_json;
mod kafka_config;
mod logging;
mod mail_config;
mod migrate;
mod output;
mod redis_config;
mod secret;
mod store_command;

use clap::Parser;
use cron_watch::{Look, Summary, Texts};
use poulpe_core::store::{SystemTimeSource, TimeSource};
use poulpe_cron::Defaults;
use std::process::ExitCode;

/// A job is a handful of small allocations, made by one thread and freed by another. This allocator is made for that; the
/// system's costs a quarter of the submits in batches. `.cargo/config.toml` sets it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The configuration can't work.
const EXIT_CONFIG: u8 = 64;

fn main() -> ExitCode {
    // Before anything runs beside it, and before anybody has time to look.
    hide::secrets();
    hide::close_the_process();
    // One TLS provider for everything, chosen before anything could ask; an error only says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let flags = flags::Flags::parse();
    if let Some(command) = &flags.command {
        return command::run(command);
    }
    let config = match config::Config::from_flags(&flags) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("poulpe can't start with this configuration:");
            for problem in problems {
                eprintln!("  {problem}");
            }
            return EXIT_CONFIG.into();
        }
    };
    if flags.check {
        println!("configuration ok: {}", config.summary());
        if let Some(cron) = &config.cron {
            check_cron(cron);
        }
        return ExitCode::SUCCESS;
    }
    logging::start(config.log);
    match daemon::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{:#}", failure.error);
            failure.code.into()
        }
    }
}

/// Tells what cron files hold. What is wrong in them is a warning: the rest works, and they may change meanwhile.
fn check_cron(cron: &config::Cron) {
    let defaults = Defaults {
        zone: cron.zone.clone(),
        now: SystemTimeSource::new().wall().floor(),
    };
    let files = Texts::of(&Look::at(&cron.paths)).parse(&defaults);
    let problems = cron_watch::problems(&files);
    eprint!("{problems}");
    println!("cron: {}", Summary::of(&files));
}
