//! This process: where it runs, what it is called, what it logs.

use std::fs;

use strum::{EnumString, IntoStaticStr};
use telemetry::logs::Format;

use super::sources::Layers;

/// Where the server runs; chooses the configuration file and how forgiving the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "lowercase", parse_err_ty = String, parse_err_fn = not_an_environment)]
pub enum Environment {
    /// A developer's machine: secrets are made up, the log is readable.
    Development,
    /// Like production, for rehearsals.
    Staging,
    /// The real thing: nothing is made up.
    Production,
}

impl Environment {
    /// As in `BOXOFFICE_ENV` and in the name of the file.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

fn not_an_environment(text: &str) -> String {
    format!("{text:?} is not right; give development, staging or production")
}

settings! {
    /// This process among its peers
    "node" NodeConfig(port: u16) {
        /// Unique among the running nodes and the same after a restart, so that a node takes over from itself at once; by default the
        /// machine's name and the port.
        name: String = alias(None, format!("{}:{port}", host()), name, "1 to 100 visible ASCII characters");
    }
}

settings! {
    /// The log
    "log" LogConfig() {
        /// What is logged, such as info,boxoffice=debug. Too much: debug writes a line a request and costs more than the request. Too
        /// little: failures leave no trace.
        filter: String = alias(Some("RUST_LOG"), "info".to_owned(), filter, "a filter such as info,boxoffice=debug");
        /// How lines look: auto (text on a developer's terminal, JSON everywhere else), json or text; in production always json.
        format: Option<Format> = choice([("auto", None), ("json", Some(Format::Json)), ("text", Some(Format::Text))]);
    }
}

fn name(text: &str) -> Option<String> {
    let valid = (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    valid.then(|| text.to_owned())
}

fn filter(text: &str) -> Option<String> {
    tracing_subscriber::EnvFilter::try_new(text).ok().map(|_| text.to_owned())
}

/// The machine's name, where the system tells it without a call into C.
fn host() -> String {
    let read = |path| fs::read_to_string(path).ok();
    let name = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname"));
    let name = name.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
