//! Looks idempotency keys up in groups. A refusal of a request with a key that memory does not know is only final once the
//! ledger does not know the key either: the booking may have been made before a crash.

use std::{mem, sync::Arc};

use domain::ledger::{KeyOf, Ledger, Prior};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use crate::notice::Notice;

/// Most keys in one look-up.
const KEYS_MAX: usize = 512;

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
}

/// State of a [`KeyProbe`].
#[derive(Default)]
pub struct ProbeState {
    waiting: Vec<(KeyOf, RpcReplyPort<ProbeAnswer>)>,
    busy: bool,
}

impl<L: Ledger> KeyProbe<L> {
    /// Reads from `ledger`.
    pub fn new(ledger: Arc<L>) -> Self {
        Self { ledger }
    }

    fn start_group(&self, myself: &ActorRef<ProbeMessage>, state: &mut ProbeState) {
        let rest = state.waiting.split_off(state.waiting.len().min(KEYS_MAX));
        let group = mem::replace(&mut state.waiting, rest);
        state.busy = !group.is_empty();
        if group.is_empty() {
            return;
        }
        let (ledger, free) = (self.ledger.clone(), Notice::new(myself.clone(), ProbeMessage::Free));
        tokio::spawn(async move {
            let (keys, ports): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            let found = ledger.find_by_keys(&keys).await;
            drop(free);
            match found {
                Ok(found) => ports.into_iter().zip(found).for_each(|(port, prior)| answer(port, Ok(prior))),
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
            ProbeMessage::Find(key, port) => state.waiting.push((key, port)),
            ProbeMessage::Free => state.busy = false,
        }
        if !state.busy {
            self.start_group(&myself, state);
        }
        Ok(())
    }
}
