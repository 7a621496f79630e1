//! `espomail config`: the configuration file.

use std::path::Path;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::config::{self, Config};
use crate::ui::output::Ui;

/// Configuration file
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show the configuration file, or, with --effective, every value in force
    #[command(
        visible_alias = "view",
        before_help = "Examples:\n  $ espomail config show\n  $ espomail config show --effective"
    )]
    Show(Show),
    /// Check the configuration file
    #[command(before_help = "Examples:\n  $ espomail config check\n  $ espomail --config new.toml config check")]
    Check,
    /// Show the path of the configuration file
    #[command(before_help = "Examples:\n  $ espomail config path\n  $ ${EDITOR:-vi} \"$(espomail config path)\"")]
    Path,
    /// Print an example configuration with every key explained
    #[command(
        before_help = "Examples:\n  $ espomail config example\n  $ espomail config example > /etc/espomail/config.toml"
    )]
    Example,
}

/// `config show`
#[derive(Debug, Args)]
pub struct Show {
    /// Show every value in force, including defaults
    #[arg(long)]
    effective: bool,
}

/// Runs a `config` command. It gets the configuration as far as it could be read.
pub fn run(command: ConfigCommand, named: Option<&Path>, loaded: Result<Config>, ui: &Ui) -> Result<()> {
    let path = named.map_or_else(config::default_path, Path::to_owned);
    match command {
        ConfigCommand::Path => ui.text(&path.display().to_string()),
        ConfigCommand::Example => ui.text(config::EXAMPLE.trim_end()),
        ConfigCommand::Check => {
            loaded?;
            let there = if path.exists() { "is right" } else { "does not exist; every value has its default" };
            ui.text(&format!("{} {there}", path.display()))
        }
        ConfigCommand::Show(Show { effective: true }) => ui.text(loaded?.to_toml()?.trim_end()),
        ConfigCommand::Show(Show { effective: false }) => {
            loaded?;
            match std::fs::read_to_string(&path) {
                Ok(text) => ui.text(text.trim_end()),
                Err(_) => {
                    ui.note(&format!("{} does not exist; every value has its default", path.display()));
                    Ok(())
                }
            }
        }
    }
}
