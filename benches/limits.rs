//! What it costs to admit a request of the public tier, of ten thousand clients in turn, in the process.
//!
//! `cargo bench --bench limits`

#![allow(missing_docs, reason = "criterion's macros have no docs")]

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use application::limits::{Client, Counted, LimitRequests, Tier};
use boxoffice::config::RateLimitConfig;
use boxoffice_store::rate_limits::Limiter;
use criterion::{Criterion, criterion_group, criterion_main};

const CLIENTS: u32 = 10_000;
/// Each client comes again when all have come, 100 s later: nobody reaches a limit.
const BETWEEN: Duration = Duration::from_millis(10);

fn admit(criterion: &mut Criterion) {
    let limiter = Limiter::new((&RateLimitConfig::default()).into(), None);
    let (mut now, mut number) = (Instant::now(), 0);
    criterion.bench_function("an admitted request", |bencher| {
        bencher.iter(|| {
            (now, number) = (now + BETWEEN, (number + 1) % CLIENTS);
            let address = IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + number * 7));
            let counted = limiter.count(Tier::Public, Client { address, account: None }, now);
            assert!(matches!(black_box(counted), Counted::Known(standing) if standing.outcome.is_ok()));
        });
    });
}

criterion_group!(benches, admit);
criterion_main!(benches);
