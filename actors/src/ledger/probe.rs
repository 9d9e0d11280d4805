//! Looks idempotency keys up in groups. A refusal of a request with a key that memory does not know is only final once the
//! ledger does not know the key either: the booking may have been made before a crash.

use std::{mem, sync::Arc, time::Duration};

use domain::ledger::{KeyOf, Ledger, LoadError, Prior};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use super::{pulse::PulseCaller, within};
use crate::notice::Notice;

/// Most keys in one look-up.
const KEYS_MAX: usize = 512;
/// For one look-up; then those in it are told, and the next ones have their turn.
const LOOK_UP_MAX: Duration = Duration::from_secs(3);
/// Most keys that wait: while the ledger does not answer, callers leave and others come.
const WAITING_MAX: usize = 32_768;

/// What was written under a key, or why that can't be told now.
pub type ProbeAnswer = Result<Option<Prior>, String>;

/// What a probe can be told.
pub enum ProbeMessage {
    /// Look this key up.
    Find(KeyOf, RpcReplyPort<ProbeAnswer>),
    /// The look-up under way is done.
    Free,
}

/// See the module's page.
pub struct KeyProbe<L> {
    ledger: Arc<L>,
    pulse: PulseCaller,
}

/// State of a [`KeyProbe`].
#[derive(Default)]
pub struct ProbeState {
    waiting: Vec<(KeyOf, RpcReplyPort<ProbeAnswer>)>,
    busy: bool,
}

impl ProbeState {
    /// Whether too many wait, those left out whose callers have given up.
    fn is_full(&mut self) -> bool {
        if self.waiting.len() < WAITING_MAX {
            return false;
        }
        self.waiting.retain(|(_, port)| !port.is_closed());
        // Half of it, so that such a look makes room for many.
        self.waiting.len() >= WAITING_MAX / 2
    }
}

impl<L: Ledger> KeyProbe<L> {
    /// Reads from `ledger`.
    pub fn new(ledger: Arc<L>) -> Self {
        Self { ledger, pulse: PulseCaller::default() }
    }

    /// Tells `pulse` whether the ledger answers.
    pub(crate) fn with_pulse(self, pulse: PulseCaller) -> Self {
        Self { pulse, ..self }
    }

    fn start_group(&self, myself: &ActorRef<ProbeMessage>, state: &mut ProbeState) {
        let rest = state.waiting.split_off(state.waiting.len().min(KEYS_MAX));
        let group = mem::replace(&mut state.waiting, rest);
        state.busy = !group.is_empty();
        if group.is_empty() {
            return;
        }
        let pulse = self.pulse.clone();
        let (ledger, free) = (self.ledger.clone(), Notice::new(myself.clone(), ProbeMessage::Free));
        tokio::spawn(async move {
            let (keys, ports): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            pulse.asks();
            let found = within(LOOK_UP_MAX, ledger.find_by_keys(&keys)).await;
            pulse.was_told(!matches!(found, Err(LoadError::Unavailable(_))));
            drop(free);
            match found {
                Ok(found) => {
                    let found = found.into_iter().map(|found| found.map_err(|error| error.to_string()));
                    ports.into_iter().zip(found).for_each(|(port, found)| answer(port, found));
                }
                Err(error) => ports.into_iter().for_each(|port| answer(port, Err(error.to_string()))),
            }
        });
    }
}

/// A caller that has given up needs no answer.
fn answer(port: RpcReplyPort<ProbeAnswer>, answer: ProbeAnswer) {
    let _ = port.send(answer);
}

impl<L: Ledger> Actor for KeyProbe<L> {
    type Msg = ProbeMessage;
    type State = ProbeState;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
        Ok(ProbeState::default())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ProbeMessage::Find(_, port) if state.is_full() => {
                answer(port, Err("too many look-ups are waiting".to_owned()))
            }
            ProbeMessage::Find(key, port) => state.waiting.push((key, port)),
            ProbeMessage::Free => state.busy = false,
        }
        if !state.busy {
            self.start_group(&myself, state);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::{bookings::IdempotencyKey, ids::AccountId, ledger::KeyKind};
    use ractor::concurrency::{OneshotReceiver, oneshot};

    use super::*;

    fn find(state: &mut ProbeState) -> OneshotReceiver<ProbeAnswer> {
        let (port, answer) = oneshot();
        let key = IdempotencyKey::parse("k").unwrap();
        let key = KeyOf { account_id: AccountId::generate(), key, kind: KeyKind::Booking };
        state.waiting.push((key, port.into()));
        answer
    }

    #[test]
    fn those_who_have_left_make_room_and_those_who_wait_do_not() {
        let mut state = ProbeState::default();
        let waiting: Vec<_> = (0..WAITING_MAX).map(|_| find(&mut state)).collect();
        assert!(state.is_full());
        drop(waiting);
        assert!(!state.is_full() && state.waiting.is_empty());
    }
}
