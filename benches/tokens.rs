//! What the check of an access token costs, by the verifier that every request of an account goes through.
//!
//! `cargo bench --bench tokens`

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails loudly, and criterion's macros have no docs")]

use std::{hint::black_box, sync::Arc, time::Duration};

use application::{access::VerifyAccess, app::IssueAccess};
use boxoffice_auth::tokens::{Keys, TokenSigner, TokenVerifier};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::{accounts::Role, ids::AccountId};
use jiff::Timestamp;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ISSUER: &str = "boxoffice";
const TTL: Duration = Duration::from_hours(1);
/// Eight times as many as are remembered: one that comes again has been forgotten.
const STRANGERS: usize = 65_536;
/// Few enough for all of them to be remembered, but for those whose places coincide.
const REGULARS: usize = 64;

fn keys() -> Keys {
    Keys::of_secret("bench", &[7; 32])
}

fn tokens(signer: &TokenSigner, count: usize) -> Vec<String> {
    let now = Timestamp::now();
    (0..count).map(|_| signer.issue(AccountId::generate(), Role::User, now, TTL).unwrap()).collect()
}

fn hs256(criterion: &mut Criterion) {
    let signer = TokenSigner::new(keys().signing, ISSUER, Arc::default());
    let verifier = TokenVerifier::new(keys().accepted, ISSUER, Arc::default());
    let both = keys().accepted.into_iter().chain(Keys::of_secret("before", &[8; 32]).accepted);
    let rotating = TokenVerifier::new(both, ISSUER, Arc::default());
    let strangers = tokens(&signer, STRANGERS);
    let mut group = criterion.benchmark_group("tokens, HS256");
    group.throughput(Throughput::Elements(1));
    for (name, verifier, tokens) in [
        ("verified lately", &verifier, &strangers[..REGULARS]),
        ("not seen before", &verifier, &strangers[..]),
        ("not seen before, during a rotation of keys", &rotating, &strangers[..]),
    ] {
        let mut in_turn = tokens.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let token = in_turn.next().map_or("", String::as_str);
                black_box(verifier.verify(token).unwrap())
            });
        });
    }
    group.bench_function("issue", |bencher| {
        let (account, now) = (AccountId::generate(), Timestamp::now());
        bencher.iter(|| black_box(signer.issue(account, Role::User, now, TTL).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, hs256);
criterion_main!(benches);
