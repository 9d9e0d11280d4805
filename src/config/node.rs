//! This process: where it runs, what it is called, what it logs.

use std::{fmt, fs, str::FromStr};

use super::sources::Section;

/// This process among its peers.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Unique among the running nodes and the same after a restart, so that a node takes over from itself at once.
    pub name: String,
}

impl NodeConfig {
    pub(super) fn read(section: &mut Section<'_, '_>, port: u16) -> Self {
        let named = |text: &str| {
            let valid = (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
            valid.then(|| text.to_owned())
        };
        let default = format!("{}:{port}", host());
        Self { name: section.alias("name", None, default, named, "1 to 100 visible ASCII characters") }
    }
}

/// The machine's name, where the system tells it without a call into C.
fn host() -> String {
    let read = |path| fs::read_to_string(path).ok();
    let name = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname"));
    let name = name.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a developer's terminal, JSON everywhere else.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Json => "json",
            Self::Text => "text",
        })
    }
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Auto, Self::Json, Self::Text].into_iter().find(|format| format.to_string() == text).ok_or(())
    }
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// In the syntax of `RUST_LOG`. Too much: `debug` writes a line a request and costs more than the request. Too
    /// little: failures leave no trace.
    pub filter: String,
    /// How lines look; JSON in production, whatever is set here.
    pub format: LogFormat,
}

impl LogConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let filter = |text: &str| {
            tracing_subscriber::EnvFilter::try_new(text).ok()?;
            Some(text.to_owned())
        };
        let right = "a filter such as info,boxoffice=debug";
        Self {
            filter: section.alias("filter", Some("RUST_LOG"), "info".to_owned(), filter, right),
            format: section.value("format", LogFormat::Auto, "auto, json or text"),
        }
    }
}
