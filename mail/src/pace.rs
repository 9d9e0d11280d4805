//! How often the mail server is handed a mail, with a share of that for mails that somebody waits for.

use domain::{mail::Rank, outbox::Turns, rate_limit::Rate};

use super::outbound::OutboundLimit;

/// One mail of so many is kept for those that somebody waits for.
const AWAITED_OF: u32 = 4;

#[derive(Debug)]
pub struct Pace {
    all: OutboundLimit,
    usual: OutboundLimit,
}

impl Pace {
    /// So often at most.
    pub fn new(rate: Rate) -> Self {
        let count = rate.count();
        let usual = count - (count / AWAITED_OF).max(1).min(count - 1);
        // Fewer in the same time is a rate as well.
        let usual = Rate::new(usual, rate.window()).unwrap_or(rate);
        Self { all: OutboundLimit::new("smtp", rate), usual: OutboundLimit::new("smtp", usual) }
    }

    /// How many mails may be handed over now.
    pub(super) fn turns(&self) -> Turns {
        let (all, usual) = match (self.all.turns(), self.usual.turns()) {
            (Ok(all), Ok(usual)) => return Turns { all, usual: usual.min(all), next: std::time::Duration::ZERO },
            both => both,
        };
        let next = all.err().max(usual.err()).unwrap_or_default();
        // Those that somebody waits for have their turn before the others.
        let next = all.err().map_or(next, |first| first.min(next));
        Turns { all: all.unwrap_or(0), usual: usual.unwrap_or(0).min(all.unwrap_or(0)), next }
    }

    pub(super) fn take(&self, rank: Rank) {
        self.all.take();
        if rank == Rank::Usual {
            self.usual.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pace(count: u32) -> Pace {
        Pace::new(Rate::new(count, Duration::from_secs(3600)).unwrap())
    }

    /// Guards: the share. What goes to everybody leaves room for who waits at a screen, at once and on and on.
    #[tokio::test(start_paused = true)]
    async fn a_crowd_leaves_a_share_to_those_who_wait() {
        let pace = pace(100);
        for _ in 0..24 * 3600 {
            while pace.turns().usual > 0 {
                pace.take(Rank::Usual);
            }
            let turns = pace.turns();
            assert!(turns.all >= 20 && !turns.next.is_zero() && turns.next <= Duration::from_secs(48), "{turns:?}");
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        (0..pace.turns().all).for_each(|_| pace.take(Rank::Awaited));
        let turns = pace.turns();
        assert!(turns.all == 0 && turns.usual == 0 && turns.next <= Duration::from_secs(36), "{turns:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_turn_is_for_everybody() {
        let pace = pace(1);
        assert_eq!((pace.turns().all, pace.turns().usual), (1, 1));
        pace.take(Rank::Usual);
        assert_eq!((pace.turns().all, pace.turns().usual), (0, 0));
    }
}
