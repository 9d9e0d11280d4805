//! Names of variables: which are meant for this program, and which known one is close to one that is not known.

use strsim::levenshtein;

/// Everything that begins like this is meant for this program, however it goes on.
const OURS: &str = "BOXOFFICE";

/// Whether a variable is meant for this program: one underscore too few, or small letters, must not make a limit that is never
/// read.
pub(super) fn is_ours(name: &str) -> bool {
    name.get(..OURS.len()).is_some_and(|start| start.eq_ignore_ascii_case(OURS))
}

/// Whether a variable is one of those that Kubernetes and Docker make for a service that is called as this program:
/// `BOXOFFICE_SERVICE_HOST`, `BOXOFFICE_SERVICE_PORT_HTTP`, `BOXOFFICE_PORT=tcp://…`, `BOXOFFICE_PORT_8080_TCP_ADDR`.
pub(super) fn is_of_a_platform(name: &str, value: &str) -> bool {
    let is_link = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let of_a_port = |rest: &str| {
        let mut parts = rest.split('_');
        parts.next().is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
            && parts.next().is_some_and(|protocol| ["TCP", "UDP", "SCTP"].contains(&protocol))
    };
    // A setting has two underscores after the first word, and a service's name has none in a row.
    !name.contains("__")
        && (name.ends_with("_SERVICE_HOST")
            || name.contains("_SERVICE_PORT")
            || name.ends_with("_PORT") && is_link
            || name.split_once("_PORT_").is_some_and(|(_, rest)| of_a_port(rest)))
}

/// `; did you mean …?` when a known name is close.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let close = known.map(|other| (levenshtein(name, other), other)).min();
    close
        .filter(|(distance, _)| *distance <= 3)
        .map_or_else(String::new, |(_, other)| format!("; did you mean {other}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_platform_makes_of_a_service_is_no_setting() {
        for (name, value) in [
            ("BOXOFFICE_SERVICE_HOST", "10.0.0.7"),
            ("BOXOFFICE_SERVICE_PORT", "8080"),
            ("BOXOFFICE_SERVICE_PORT_HTTP", "8080"),
            ("BOXOFFICE_PORT", "tcp://10.0.0.7:8080"),
            ("BOXOFFICE_PORT_8080_TCP", "tcp://10.0.0.7:8080"),
            ("BOXOFFICE_PORT_8080_TCP_ADDR", "10.0.0.7"),
            ("BOXOFFICE_API_SERVICE_HOST", "10.0.0.7"),
            ("BOXOFFICE_API_PORT_9090_TCP_PROTO", "tcp"),
        ] {
            assert!(is_ours(name) && is_of_a_platform(name, value), "{name}");
        }
        for (name, value) in [
            ("BOXOFFICE_PORT", "8080"),
            ("BOXOFFICE_HTTP_LISTEN", "127.0.0.1:1"),
            ("BOXOFFICE_HTTP__LISTEN", "127.0.0.1:1"),
            ("BOXOFFICE__MAIL_SERVICE_HOST", "x"),
            ("BOXOFFICE_PORT_X_TCP", "x"),
        ] {
            assert!(is_ours(name) && !is_of_a_platform(name, value), "{name}");
        }
        assert!(is_ours("boxoffice__http__listen") && !is_ours("BOX") && !is_ours("PATH"));
    }
}
