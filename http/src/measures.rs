//! Route metrics. Handles are made once: looking a counter up by its labels costs eight times the increment.

use std::{sync::OnceLock, time::Duration};

use http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};

/// The statuses this server answers with; each has a place in [`Measures::requests`], any other shares the last one.
const STATUSES: [u16; 30] = [
    200, 201, 202, 204, 206, 301, 302, 304, 308, 400, 401, 403, 404, 405, 406, 408, 409, 412, 413, 414, 415, 421, 422,
    428, 429, 431, 500, 502, 503, 0,
];

#[derive(Debug)]
pub(super) struct Measures {
    route: &'static str,
    method: &'static str,
    requests: [OnceLock<Counter>; STATUSES.len()],
    duration: Histogram,
}

impl Measures {
    /// Handles of the recorder that is installed now; a recorder installed later sees nothing of this route.
    pub(super) fn new(route: &'static str, method: &'static str) -> Self {
        let measures = Self {
            route,
            method,
            requests: [const { OnceLock::new() }; STATUSES.len()],
            duration: histogram!("boxoffice_http_request_duration_seconds", "route" => route, "method" => method),
        };
        // There from the start, at zero: a rate over a counter that appears with its first failures misses those.
        for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE] {
            measures.counter(status).increment(0);
        }
        measures
    }

    pub(super) fn record(&self, status: StatusCode, took: Duration) {
        self.counter(status).increment(1);
        self.duration.record(took);
    }

    /// Counts an answer to something that took no time to speak of: it could not be read.
    pub(super) fn count(&self, status: StatusCode) {
        self.counter(status).increment(1);
    }

    fn counter(&self, status: StatusCode) -> &Counter {
        let last = STATUSES.len() - 1;
        let place = STATUSES.iter().position(|known| *known == status.as_u16()).unwrap_or(last);
        self.requests[place].get_or_init(|| {
            let status = if place == last { "other".to_owned() } else { status.as_str().to_owned() };
            counter!("boxoffice_http_requests_total", "route" => self.route, "method" => self.method, "status" => status)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem_codes::CATALOGUE;

    /// Anyone who looks for a refusal by its status finds it.
    #[test]
    fn every_status_that_is_answered_is_counted_by_its_number() {
        let redirects_and_refusals = CATALOGUE.iter().map(|entry| entry.status).chain([
            StatusCode::PERMANENT_REDIRECT,
            StatusCode::URI_TOO_LONG,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        ]);
        for status in redirects_and_refusals {
            assert!(STATUSES.contains(&status.as_u16()), "{status} would be counted as other");
        }
    }
}
