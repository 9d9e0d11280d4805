use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const SETTINGS: BreakerSettings = BreakerSettings {
    failures: 5,
    window: Duration::from_secs(60),
    open_for: Duration::from_secs(30),
    half_open_for: Duration::from_secs(50),
    probes: 2,
};

/// What happens to a breaker. Calls are known by their place among those under way.
#[derive(Clone, Debug)]
enum Step {
    Begin,
    /// With this outcome; none: its caller went away.
    End(usize, Option<CallOutcome>),
    Pass(Duration),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        2 => Just(Some(CallOutcome::Answered)),
        5 => Just(Some(CallOutcome::Failed)),
        1 => Just(Some(CallOutcome::Down)),
        1 => Just(None),
    ];
    prop_oneof![
        4 => Just(Step::Begin),
        4 => (0..8_usize, outcome).prop_map(|(call, outcome)| Step::End(call, outcome)),
        2 => (0..40_000_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
    ]
}

/// The same machine, written the obvious way.
#[derive(Default)]
struct Model {
    state: Option<Instant>,
    is_half_open: bool,
    decided_at: Option<Instant>,
    failures: VecDeque<Instant>,
    probe: bool,
    succeeded: u32,
    generation: u32,
}

impl Model {
    fn state(&self) -> BreakerState {
        match (self.state, self.is_half_open) {
            (Some(_), _) => BreakerState::Open,
            (None, true) => BreakerState::HalfOpen,
            (None, false) => BreakerState::Closed,
        }
    }

    fn enter(&mut self, until: Option<Instant>, is_half_open: bool) {
        let generation = self.generation + 1;
        *self = Self { state: until, is_half_open, generation, ..Self::default() };
    }

    fn pass(&mut self, now: Instant) {
        self.failures.retain(|at| now - *at < SETTINGS.window);
        if self.state.is_some_and(|until| until <= now) {
            self.enter(None, true);
            self.decided_at = Some(now + SETTINGS.half_open_for);
        }
        if self.decided_at.is_some_and(|at| at <= now) {
            let until = self.probe.then(|| now + SETTINGS.open_for);
            self.enter(until, false);
        }
    }

    fn begin(&mut self) -> bool {
        match self.state() {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen => !std::mem::replace(&mut self.probe, true),
        }
    }

    fn end(&mut self, generation: u32, outcome: Option<CallOutcome>, now: Instant) {
        if generation != self.generation {
            return;
        }
        self.probe = false;
        match (self.is_half_open, outcome) {
            (_, None) | (false, Some(CallOutcome::Answered)) => {}
            (true, Some(CallOutcome::Answered)) => {
                self.succeeded += 1;
                if self.succeeded == SETTINGS.probes {
                    self.enter(None, false);
                }
            }
            (true, Some(_)) => self.enter(Some(now + SETTINGS.open_for), false),
            (false, Some(outcome)) => {
                self.failures.push_back(now);
                if outcome == CallOutcome::Down || self.failures.len() == SETTINGS.failures as usize {
                    self.enter(Some(now + SETTINGS.open_for), false);
                }
            }
        }
    }
}

/// What the actor does, without its jitter.
fn follow(phase: &mut std::sync::Arc<Phase>, now: Instant) {
    let next = match phase.due(&SETTINGS, now) {
        None => return,
        Some(BreakerState::Closed) => Phase::closed(&SETTINGS, now),
        Some(BreakerState::HalfOpen) => Phase::half_open(&SETTINGS, 0, now),
        Some(BreakerState::Open) => {
            Phase::Open(Outage { until: Some(now + SETTINGS.open_for), failures: 0, id: None, is_told: false.into() })
        }
    };
    *phase = next.into();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Guards: all rules of the machine at once: the window, one probe at a time, how many must succeed and in which time, late outcomes. Seen to fail
    /// without each of them.
    #[test]
    fn any_history_ends_as_in_the_model(steps in prop::collection::vec(step(), 1..120)) {
        let mut now = Instant::now();
        let (mut phase, mut model) = (std::sync::Arc::new(Phase::closed(&SETTINGS, now)), Model::default());
        let mut calls = Vec::new();
        for step in steps {
            match step {
                Step::Begin => {
                    let begins = phase.begin(now).is_ok();
                    prop_assert_eq!(begins, model.begin());
                    if begins {
                        calls.push((phase.clone(), model.generation));
                    }
                }
                Step::End(call, outcome) if !calls.is_empty() => {
                    let (began, generation) = calls.swap_remove(call % calls.len());
                    if let Some(outcome) = outcome {
                        began.note(outcome, now);
                    }
                    began.end();
                    model.end(generation, outcome, now);
                }
                Step::End(..) => {}
                Step::Pass(time) => now += time,
            }
            follow(&mut phase, now);
            model.pass(now);
            prop_assert_eq!(phase.state(), model.state());
            prop_assert_eq!(phase.failures(&SETTINGS, now), model.failures.len() as u32);
        }
    }
}

/// Guards: the ring under threads: none of the failures that are noted at once is lost.
#[test]
fn failures_noted_at_once_are_all_counted() {
    for _ in 0..200 {
        let now = Instant::now();
        let phase = Phase::closed(&SETTINGS, now);
        std::thread::scope(|threads| {
            (0..5).for_each(|_| drop(threads.spawn(|| phase.note(CallOutcome::Failed, now))));
        });
        assert_eq!(phase.due(&SETTINGS, now), Some(BreakerState::Open));
    }
}
