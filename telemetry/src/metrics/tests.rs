use std::{collections::BTreeSet, path::Path};

use super::*;

#[test]
fn a_second_install_shares_the_first_recorder() {
    let first = install().unwrap();
    let second = install().unwrap();
    metrics::counter!("boxoffice_test_total").increment(3);
    metrics::histogram!("boxoffice_test_seconds").record(0.003);
    for metrics in [first, second] {
        let text = metrics.render();
        assert!(text.contains("boxoffice_test_total 3"), "{text}");
        assert!(text.contains(r#"boxoffice_test_seconds_bucket{le="0.005"} 1"#), "{text}");
        assert!(text.contains(r#"boxoffice_test_seconds_bucket{le="0.0025"} 0"#), "{text}");
        assert!(text.contains("process_"), "{text}");
    }
}

#[test]
fn numbers_of_entries_have_buckets_of_their_own() {
    let metrics = install().unwrap();
    metrics::histogram!("boxoffice_test_entries").record(100.0);
    let text = metrics.render();
    assert!(text.contains(r#"boxoffice_test_entries_bucket{le="64"} 0"#), "{text}");
    assert!(text.contains(r#"boxoffice_test_entries_bucket{le="128"} 1"#), "{text}");
}

#[test]
fn failures_that_nobody_has_seen_yet_are_there_at_zero() {
    let text = install().unwrap().render();
    for series in [
        r#"boxoffice_session_refreshes_total{outcome="stolen"} 0"#,
        r#"boxoffice_sign_ins_total{outcome="wrong_credentials"} 0"#,
        "boxoffice_http_stalled_connections_total 0",
        "boxoffice_csp_reports_total 0",
        "boxoffice_streams_network_refused_total 0",
    ] {
        assert!(text.lines().any(|line| line == series), "{series}: {text}");
    }
}

#[test]
fn a_percentile_near_what_is_promised_is_known_well() {
    let below = SECONDS.iter().copied().filter(|bound| *bound < 0.1).fold(0.0, f64::max);
    let above = SECONDS.iter().copied().filter(|bound| *bound > 0.1).fold(f64::INFINITY, f64::min);
    assert!(SECONDS.contains(&0.1) && below >= 0.075 && above <= 0.125, "{below}, {above}");
}

#[test]
fn every_recorded_metric_is_described_and_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manual = std::fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let mut recorded = BTreeSet::new();
    for layer in ["actors", "api", "application", "auth", "http", "mail", "store", "telemetry", "."] {
        names_recorded_in(&root.join(layer).join("src"), &mut recorded);
    }
    assert!(recorded.contains("boxoffice_http_requests_total"), "the search finds nothing: {recorded:?}");

    let described: BTreeSet<String> = DESCRIPTIONS.iter().map(|(_, name, ..)| (*name).to_owned()).collect();
    assert_eq!(described.len(), DESCRIPTIONS.len(), "a metric is described twice");
    assert_eq!(recorded, described, "left: recorded in the sources; right: described here");
    for name in &recorded {
        assert!(manual.contains(&format!("`{name}`")), "{name} is not in docs/operations.md");
    }
    let dashboard = std::fs::read_to_string(root.join("grafana/dashboards/boxoffice.json")).unwrap();
    let rules = std::fs::read_to_string(root.join("grafana/prometheus/alerts.yml")).unwrap();
    for name in names_in(&dashboard).chain(names_in(&rules)) {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        assert!(recorded.contains(base.unwrap_or(name)), "nothing records {name}, which a panel or an alert uses");
    }
}

/// Adds what the Rust files below `folder` pass to `counter!`, `gauge!` and `histogram!`.
fn names_recorded_in(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names_recorded_in(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for call in ["counter!(", "gauge!(", "histogram!("] {
                let arguments = text.split(call).skip(1).map(str::trim_start);
                let literals = arguments.filter_map(|rest| rest.strip_prefix('"')?.split('"').next());
                // Whatever else stands in quotation marks there, as in this function, is no name.
                let is_name = |name: &&str| {
                    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.is_empty()
                };
                let real = literals.filter(is_name).filter(|name| !name.starts_with("boxoffice_test_"));
                names.extend(real.map(str::to_owned));
            }
        }
    }
}

/// The names of our metrics in the text of another language.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("boxoffice_").filter_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        let name = text[at..].split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
        (!before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')).then_some(name)
    })
}
