//! Whether the time of a sign-in tells which addresses are known (A3): a known address with a wrong password and an unknown one,
//! in turn, over HTTP against a server of its own, with the cost of passwords that ships.
//!
//! `cargo bench --bench sign_in`; `-- --tries 200` for fewer. Ends with 1 when the medians differ by 5 % or more.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark fails loudly and prints")]

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use boxoffice::{
    config::{Config, Sources},
    serve,
};
use serde_json::json;

/// The most by which the medians may differ.
const DIFFERENCE_MAX: f64 = 0.05;

fn tries() -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--tries").skip(1);
    arguments.next().map_or(1000, |text| text.parse().unwrap())
}

fn config(folder: &std::path::Path) -> Config {
    let variables = [
        ("BOXOFFICE__HTTP__LISTEN", "127.0.0.1:0"),
        ("BOXOFFICE__OPS__LISTEN", "127.0.0.1:0"),
        ("BOXOFFICE__DATABASE__DATA_DIR", folder.to_str().unwrap()),
        ("BOXOFFICE__RATE_LIMIT__TRUSTED", "127.0.0.0/8"),
        ("RUST_LOG", "error"),
    ];
    let variables: BTreeMap<_, _> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Config::load(&Sources { variables, folder: PathBuf::from("/nonexistent") }).unwrap()
}

/// Sorted.
struct Times(Vec<Duration>);

impl Times {
    fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let running = serve::start(config(folder.path())).await.unwrap();
    let (http, base) = (reqwest::Client::new(), format!("http://{}/api/v1/auth", running.address));
    let post = async |path: &str, body: serde_json::Value| {
        let began = Instant::now();
        let answer = http.post(format!("{base}/{path}")).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        answer.bytes().await.unwrap();
        (status, began.elapsed())
    };
    let known = "known.person@example.org";
    let account = json!({ "email": known, "password": "correct horse battery", "name": "Known Person" });
    assert_eq!(post("register", account).await.0, 201);

    let mut times = [Vec::new(), Vec::new()];
    for number in 0..tries() {
        // In turn, and each first as often: what else happens on the machine happens to both.
        for side in [number % 2, 1 - number % 2] {
            let email = if side == 0 { known.to_owned() } else { format!("no.person.{number:04}@example.org") };
            let body = json!({ "email": email, "password": "battery staple horse" });
            let (status, took) = post("login", body).await;
            assert_eq!(status, 401);
            times[side].push(took);
        }
    }
    running.stop().await;

    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        Times(times)
    });
    println!("{:>22} {:>10} {:>10} {:>10}   of {} tries, ms", "", "p10", "median", "p90", known.0.len());
    for (name, times) in [("known, wrong password", &known), ("unknown", &unknown)] {
        println!("{name:>22} {:>10.2} {:>10.2} {:>10.2}", times.at(0.1), times.at(0.5), times.at(0.9));
    }
    let difference = (known.at(0.5) - unknown.at(0.5)) / unknown.at(0.5);
    println!("{:>22} {:>+21.2} %", "difference", difference * 1e2);
    if difference.abs() < DIFFERENCE_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
