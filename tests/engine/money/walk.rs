//! A random walk of buyers, organizers, the gateway and crashes over a server with a sandbox of payments. After every few steps the books are
//! looked at, and once more when all is over.
//!
//! What is done follows from the seed and from what was answered. A step is one request, or some at once about the same booking.

mod known;
mod requests;
mod scene;
pub(crate) use self::scene::expire_leases;
mod steps;

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::StdRng};

use self::{known::Known, scene::Scene, steps::Step};
use super::law;

/// How many steps all walks of the long form have together, and how many walks.
const STEPS: &str = "BOXOFFICE_MONEY_STEPS";
const SEEDS: &str = "BOXOFFICE_MONEY_SEEDS";
/// Of the first walk; the others follow.
const SEED: &str = "BOXOFFICE_TEST_SEED";

/// Of the form that always runs.
const SHORT: usize = 450;
/// Steps between two looks at the books.
const LOOK_EVERY: usize = 15;
/// For what is under way to end: the longest waits are those for a lease after a crash.
const PATIENCE: Duration = Duration::from_secs(90);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Guards all that keeps money and places together: keys at the gateway, money that confirms in the transaction of the confirmation, refunds
/// with their jobs, uses of codes, and whatever is done again after a crash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_and_places_agree_whatever_happens() {
    let walks = number(SEEDS).unwrap_or(1).max(1);
    let steps = number(STEPS).map_or(SHORT, |all| (all / walks).max(1) as usize);
    let first = number(SEED).unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let mut failures = Vec::new();
    for seed in first..first + walks {
        let began = Instant::now();
        let mut walk = Walk::begin(seed).await;
        let wrong = walk.go(steps).await;
        eprintln!("{SEED}={seed}: {steps} steps in {:.1?}; {}", began.elapsed(), walk.known.summary());
        if !wrong.is_empty() {
            wrong.iter().take(20).for_each(|line| eprintln!("{SEED}={seed}: {line}"));
            failures.push(seed);
        }
        walk.scene.end(!wrong.is_empty());
    }
    assert!(failures.is_empty(), "{} of {walks} walks failed, those of the seeds {failures:?}", failures.len());
}

struct Walk {
    random: StdRng,
    scene: Scene,
    known: Known,
}

impl Walk {
    async fn begin(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let scene = Scene::set(&mut random).await;
        Self { random, scene, known: Known::default() }
    }

    /// So many steps. Everything that was wrong, at the first look that found something.
    async fn go(&mut self, steps: usize) -> Vec<String> {
        for number in 1..=steps {
            let step = Step::choose(&mut self.random, &self.scene, &mut self.known);
            let mut wrong = step.take(&mut self.scene, &mut self.known).await;
            if number % LOOK_EVERY == 0 || !wrong.is_empty() {
                wrong.extend(law::broken(&self.scene.client, true).await);
            }
            if !wrong.is_empty() {
                wrong.insert(0, format!("after step {number}, {step:?}"));
                return wrong;
            }
        }
        let wrong = law::settled(&self.scene.client, true, PATIENCE).await;
        if wrong.is_empty() { Vec::new() } else { [vec!["in the end".to_owned()], wrong].concat() }
    }
}

/// Whether it comes true, by chance.
fn once_in(random: &mut StdRng, times: u32) -> bool {
    random.random_range(0..times) == 0
}
