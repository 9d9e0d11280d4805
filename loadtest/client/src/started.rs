//! What the measurements of boxoffice alone have in common: which programs, whose data, and settings of the server.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::bench::scratch::{Scratch, Setup};

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartArgs {
    /// The server that is measured
    #[arg(long)]
    binary: PathBuf,
    /// The program that prepares and checks its data
    #[arg(long)]
    pub(crate) baseline: PathBuf,
    /// Buyers
    #[arg(long, default_value_t = 1000)]
    users: u32,
    /// A setting of the server as an environment variable, NAME=VALUE; may be given several times
    #[arg(long = "set", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Where the JSON goes
    #[arg(long, default_value = "loadtest/results")]
    pub(crate) out: PathBuf,
}

impl StartArgs {
    /// A temporary folder for data with one event that is quiet, beside the hot ones.
    pub(crate) fn scratch(&self) -> anyhow::Result<Scratch> {
        self.scratch_of(1)
    }

    /// The same with so many events that are quiet.
    pub(crate) fn scratch_of(&self, events: u32) -> anyhow::Result<Scratch> {
        let (binary, baseline, users) = (self.binary.clone(), self.baseline.clone(), self.users);
        Scratch::new(Setup { binary, baseline, users, events, houses: 0 })
    }

    /// The server that is measured.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// The settings that were given.
    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
