//! Circuit breaker of the mail server: stops sending for a while when it takes no mails, because it can't be reached,
//! refuses our password or our sender, or refuses one mail after the other. That says nothing about the mails, and
//! trying them all would use up their tries, or make dead letters of them.
//!
//! After a wait one mail is tried. If it is taken, all others follow; otherwise the next wait is longer.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{backoff::Backoff, ids::MailId};
use tokio::time::Instant;

use crate::metrics::outbox;

/// Longest wait between two probes. Too long: mails wait although the server is well again. Too short: a server that is down, or
/// has had enough of us, is asked for nothing.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Different mails refused in a row weigh so much at most before the sending pauses.
const WEIGHT_MAX: u32 = 20;

/// How much a refusal says about the server, or about us.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weight {
    /// It is about the recipient's address. Such come in rows without anything being wrong: anybody can register with addresses
    /// that do not exist.
    Address = 1,
    /// Anything else.
    Other = 4,
}

/// Whether mails may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// One may, when none is on its way.
    Probe,
    /// Not before that time is over.
    Closed(Duration),
}

#[derive(Debug)]
pub(super) struct SendingPause {
    state: Mutex<State>,
    waits: Backoff,
}

#[derive(Debug, Default)]
struct State {
    /// Different mails refused since one was taken, while the gate is open; at most [`WEIGHT_MAX`].
    refused: Vec<MailId>,
    weight: u32,
    /// Waits begun since one was taken; 0 when the gate is open.
    rounds: u32,
    /// The end of the present wait.
    until: Option<Instant>,
}

impl SendingPause {
    pub(super) fn new(waits: Backoff) -> Self {
        outbox().paused.set(0.0);
        Self { state: Mutex::default(), waits: Backoff { longest: waits.longest.min(WAIT_MAX), ..waits } }
    }

    pub(super) fn gate(&self) -> Gate {
        let until = self.lock().until;
        match until.map(|until| until.saturating_duration_since(Instant::now())) {
            None => Gate::Open,
            Some(Duration::ZERO) => Gate::Probe,
            Some(wait) => Gate::Closed(wait),
        }
    }

    /// The server has taken a mail.
    pub(super) fn taken(&self) {
        let mut state = self.lock();
        if state.until.is_some() {
            outbox().paused.set(0.0);
            tracing::info!("the mail server takes mails again");
        }
        *state = State::default();
    }

    /// The server takes nothing. Says how long it is not asked.
    pub(super) fn unavailable(&self, reason: &str) -> Duration {
        self.begin(&mut self.lock(), reason)
    }

    /// The server has refused this mail. True when nothing should be concluded from that about the mail.
    pub(super) fn refused(&self, mail: MailId, weight: Weight, reason: &str) -> bool {
        let mut state = self.lock();
        if state.until.is_none() {
            if state.refused.contains(&mail) {
                return false;
            }
            state.refused.push(mail);
            state.weight += weight as u32;
            if state.weight < WEIGHT_MAX {
                return false;
            }
        }
        self.begin(&mut state, reason);
        true
    }

    /// Begins the next wait, unless one is under way: those that were on their way together say the same thing once.
    fn begin(&self, state: &mut State, reason: &str) -> Duration {
        let now = Instant::now();
        if let Some(rest) =
            state.until.and_then(|until| until.checked_duration_since(now)).filter(|rest| !rest.is_zero())
        {
            return rest;
        }
        if state.until.is_none() {
            outbox().paused.set(1.0);
            tracing::error!(
                reason,
                "sending mails is paused: the mail server takes none; it is asked again with one now and then"
            );
        }
        state.rounds = state.rounds.saturating_add(1);
        let wait = self.waits.after(state.rounds);
        (state.until, state.refused, state.weight) = (Some(now + wait), Vec::new(), 0);
        wait
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::OutboxSettings, *};

    fn pause() -> SendingPause {
        SendingPause::new(OutboxSettings::default().backoff)
    }

    fn refuse(pause: &SendingPause, weight: Weight) -> bool {
        pause.refused(MailId::generate(), weight, "550 no")
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_takes_nothing_is_asked_with_one_mail_after_longer_and_longer_waits() {
        let pause = pause();
        assert_eq!(pause.gate(), Gate::Open);
        let mut waits = Vec::new();
        for _ in 0..6 {
            let wait = pause.unavailable("no route");
            assert_eq!(
                (pause.gate(), pause.unavailable("no route")),
                (Gate::Closed(wait), wait),
                "one round, said twice"
            );
            tokio::time::advance(wait).await;
            assert_eq!(pause.gate(), Gate::Probe);
            waits.push(wait);
        }
        assert!(waits[0] <= Duration::from_secs(5) && waits[5] >= Duration::from_secs(30), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= WAIT_MAX), "{waits:?}");
        pause.taken();
        assert_eq!(pause.gate(), Gate::Open);
        assert!(pause.unavailable("no route") <= Duration::from_secs(5), "it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn several_different_mails_refused_in_a_row_pause_and_others_do_not() {
        let pause = pause();
        let same = MailId::generate();
        for _ in 0..50 {
            assert!(!pause.refused(same, Weight::Other, "451 busy"), "one mail says nothing about the others");
        }
        for round in 0..20 {
            assert!(!refuse(&pause, Weight::Other), "{round}");
            assert!(!refuse(&pause, Weight::Other), "{round}");
            pause.taken();
        }
        let addresses = (1..).find(|_| refuse(&pause, Weight::Address)).unwrap();
        assert_eq!(addresses, 20);
        assert!(matches!(pause.gate(), Gate::Closed(_)) && refuse(&pause, Weight::Address));
        pause.taken();
        assert_eq!((1..).find(|_| refuse(&pause, Weight::Other)).unwrap(), 5);
    }
}
