use application::limits::LimitAttempts;

use super::*;

const SECOND: u64 = 1_000_000_000;
const KEY: Key = Key { subject: 7, space: 1 };

/// With a public limit of 100 in 100 s and one of 5 in 100 s for signing in.
fn limiter() -> Limiter {
    let rate = |count| Rate::new(count, Duration::from_secs(100)).unwrap();
    let settings = LimiterSettings {
        auth: rate(5),
        bookings: rate(5),
        api: rate(5),
        public: rate(100),
        trusted: vec!["192.0.2.0/24".parse().unwrap()],
        backoff_max: Duration::from_secs(60),
        max_clients: 1000,
    };
    Limiter::new(settings, None)
}

fn public(limiter: &Limiter) -> &Limit {
    &limiter.0.limits[Tier::Public.index().unwrap()]
}

/// How many are told when a node may ask at this moment; `None` when it does not want to.
fn told(limiter: &Limiter, now: u64) -> Option<u32> {
    match limiter.0.take(public(limiter), KEY, now, true) {
        Taken::Untold { spent, .. } => Some(spent),
        Taken::Known(_) => None,
    }
}

#[test]
fn limits_are_in_the_order_of_tiers_and_rules() {
    let names: Vec<&str> = limiter().0.limits.iter().map(|limit| limit.name).collect();
    let rules = ["sign-in", "sign-in-account", "account-mail", "reauthentication", "webhook"];
    assert_eq!(names, [&["auth", "bookings", "api", "public"][..], &rules].concat());
    for (index, tier) in Tier::LIMITED.into_iter().enumerate() {
        assert_eq!(tier.index(), Some(index));
    }
    for (index, rule) in Rule::ALL.into_iter().enumerate() {
        assert_eq!(rule as usize, index);
    }
    assert_eq!(Tier::Unlimited.index(), None);
}

#[test]
fn one_request_in_ten_of_a_large_limit_asks_and_every_one_of_a_small_one() {
    let limiter = limiter();
    let asked: Vec<Option<u32>> = (0..30).map(|_| told(&limiter, SECOND)).collect();
    for (number, spent) in asked.into_iter().enumerate() {
        assert_eq!(spent, (number % 10 == 9).then_some(9), "{number}");
    }
    let small = &limiter.0.limits[0];
    for _ in 0..5 {
        let key = Key { subject: 8, space: 2 };
        assert!(matches!(limiter.0.take(small, key, SECOND, true), Taken::Untold { spent: 0, .. }));
    }
}

/// Watches what becomes of a long outage: a client is not charged at once for what it has long regained.
#[test]
fn after_an_outage_only_what_is_still_used_up_is_told() {
    let limiter = limiter();
    // One a second, which is the rate, for a quarter of an hour.
    for second in 1..900 {
        assert!(matches!(limiter.0.take(public(&limiter), KEY, second * SECOND, false), Taken::Known(_)));
    }
    assert_eq!(told(&limiter, 900 * SECOND), Some(9));
    for _ in 0..50 {
        limiter.0.take(public(&limiter), KEY, 1000 * SECOND, false);
    }
    assert_eq!(told(&limiter, 1000 * SECOND), Some(50));
}

#[test]
fn a_refusal_is_told_as_first_once_and_each_further_one_costs_as_much_as_a_request() {
    let limiter = limiter();
    let outcome = |now| match limiter.0.take(&limiter.0.limits[0], KEY, now, false) {
        Taken::Known(standing) => standing.outcome.map_err(|limited| (limited.first, limited.retry_after.as_secs())),
        Taken::Untold { .. } => panic!("there is nobody to tell"),
    };
    for _ in 0..5 {
        outcome(SECOND).unwrap();
    }
    assert_eq!(outcome(SECOND), Err((true, 20)));
    for wait in [40, 60, 60] {
        assert_eq!(outcome(SECOND), Err((false, wait)));
    }
    outcome(61 * SECOND).unwrap();
    assert_eq!(outcome(61 * SECOND), Err((true, 20)));
}

#[test]
fn networks_are_addresses_of_ipv4_and_64s_of_ipv6() {
    let of = |text: &str| network(text.parse().unwrap());
    assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
}

/// Guards: that a customer of IPv6, who has 65,536 networks, is not so many clients.
#[test]
fn the_networks_of_a_site_have_a_limit_together() {
    let limiter = limiter();
    let now = Instant::now();
    let ask = |site: u32, network: u32| {
        let address = format!("2001:db8:{site:x}:{network:x}::1").parse().unwrap();
        match limiter.count(Tier::Auth, Client { address, account: None }, now) {
            Counted::Known(standing) => standing.outcome.is_ok(),
            _ => panic!("there is nobody to ask"),
        }
    };
    let admitted = (0..1000).map(|number| ask(1, number)).filter(|admitted| *admitted).count();
    assert_eq!(admitted, 5 * SITE_NETWORKS as usize);
    assert!(ask(2, 0), "another site");
    // Who goes on asking in vain does so on the own account.
    let admitted = (0..1000).map(|_| ask(3, 1)).filter(|admitted| *admitted).count();
    assert_eq!(admitted, 5);
    assert!(ask(3, 2), "a neighbour");
}

#[tokio::test]
async fn attempts_are_counted_by_subject_and_rule_and_not_for_trusted_networks() {
    let (limiter, from) = (limiter(), "203.0.113.1".parse().unwrap());
    for _ in 0..5 {
        limiter.attempt(Rule::SignIn, "a@tests.example", from).await.unwrap();
    }
    let refused = limiter.attempt(Rule::SignIn, "a@tests.example", "203.0.113.2".parse().unwrap()).await;
    assert!(refused.unwrap_err().retry_after > Duration::from_secs(15));
    limiter.attempt(Rule::SignIn, "b@tests.example", from).await.unwrap();
    limiter.attempt(Rule::AccountMail, "a@tests.example", from).await.unwrap();
    limiter.attempt(Rule::SignIn, "a@tests.example", "192.0.2.9".parse().unwrap()).await.unwrap();
}

/// Guards: that what succeeds is not held against anybody.
#[tokio::test]
async fn an_attempt_that_succeeds_is_given_back() {
    let (limiter, from) = (limiter(), "203.0.113.1".parse().unwrap());
    let attempt = async || limiter.attempt(Rule::SignIn, "a@tests.example", from).await;
    for _ in 0..20 {
        attempt().await.unwrap();
        limiter.forgive(Rule::SignIn, "a@tests.example", from).await;
    }
    for _ in 0..5 {
        attempt().await.unwrap();
    }
    attempt().await.unwrap_err();
}

/// Guards: the width of what a stranger can use up for somebody else, and that the wait for it does not grow.
#[tokio::test]
async fn who_uses_up_what_others_need_makes_nobody_wait_longer() {
    let (limiter, from) = (limiter(), "203.0.113.1".parse().unwrap());
    let attempt = async || limiter.attempt(Rule::SignInAccount, "a@tests.example", from).await;
    for _ in 0..100 {
        attempt().await.unwrap();
    }
    for _ in 0..50 {
        // One a second is regained.
        assert!(attempt().await.is_err_and(|limited| limited.retry_after <= Duration::from_secs(1)));
    }
}
