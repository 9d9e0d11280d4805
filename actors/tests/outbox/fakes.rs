//! A queue of mails in memory and a mail server that does as it is told.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actors::{
    breakers::{Breakers, RunningBreakers, Service},
    outbox::{OutboxSettings, RunningOutbox},
};
use domain::{
    accounts::EmailAddress,
    ids::MailId,
    mail::{LinkToken, Locale, Message, Rank, Site, Template},
    outbox::{FreeSlots, Handover, Mail, MailQueue, QueueState, SendError, SendMail, Turns, Upkeep},
    repositories::{Found, RepositoryError},
};
use jiff::Timestamp;
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

pub(crate) fn mail(rank: Rank) -> Mail {
    let to = EmailAddress::parse("to", "ada@example.org").unwrap();
    let name = "Ada".to_owned();
    let template = match rank {
        Rank::Awaited => Template::ResetPassword { name, token: LinkToken::new("secret"), valid_minutes: 60 },
        Rank::Usual => Template::PasswordChanged { name },
    };
    assert_eq!(template.rank(), rank);
    Mail {
        id: MailId::generate(),
        message: Message { to, locale: Locale::En, template },
        queued_at: Timestamp::UNIX_EPOCH,
        attempt: 0,
        leased_until: Timestamp::UNIX_EPOCH,
        unanswered: 0,
        site: Site::default().into(),
    }
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Noted {
    Sent(MailId),
    Again(MailId, u32),
    Unanswered(MailId),
    Postponed(MailId),
    Dead(MailId, u32),
}

/// Mails and when each is due.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) due: Mutex<Vec<(Instant, Mail)>>,
    pub(crate) noted: Mutex<Vec<Noted>>,
    pub(crate) claims: AtomicUsize,
    /// So many claims fail, then so many panic.
    pub(crate) failing: AtomicUsize,
    pub(crate) panicking: AtomicUsize,
    /// So many outcomes can't be noted.
    pub(crate) deaf: AtomicUsize,
}

/// Takes one from a number of faults.
pub(crate) fn takes_one(from: &AtomicUsize) -> bool {
    from.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Queue {
    pub(crate) fn put(&self, count: usize) -> Vec<MailId> {
        self.put_of(Rank::Awaited, count)
    }

    pub(crate) fn put_of(&self, rank: Rank, count: usize) -> Vec<MailId> {
        let mails: Vec<_> = (0..count).map(|_| mail(rank)).collect();
        let ids = mails.iter().map(|mail| mail.id).collect();
        self.due.lock().unwrap().extend(mails.into_iter().map(|mail| (Instant::now(), mail)));
        ids
    }

    /// How many outcomes are of that kind.
    pub(crate) fn count(&self, is: impl Fn(&Noted) -> bool) -> usize {
        self.noted().iter().filter(|noted| is(noted)).count()
    }

    pub(crate) fn sent_count(&self) -> usize {
        self.count(|noted| matches!(noted, Noted::Sent(_)))
    }

    pub(crate) fn dead_count(&self) -> usize {
        self.count(|noted| matches!(noted, Noted::Dead(..)))
    }

    /// The tries of the mails that wait.
    pub(crate) fn attempts(&self) -> Vec<u32> {
        self.due.lock().unwrap().iter().map(|(_, mail)| mail.attempt).collect()
    }

    pub(crate) fn change(&self, id: MailId, change: impl Fn(&mut Mail)) {
        self.due.lock().unwrap().iter_mut().filter(|(_, of)| of.id == id).for_each(|(_, of)| change(of));
    }

    pub(crate) fn noted(&self) -> Vec<Noted> {
        self.noted.lock().unwrap().clone()
    }

    pub(crate) fn note(&self, outcome: Noted) -> Found<()> {
        if takes_one(&self.deaf) {
            return Err(RepositoryError::Unavailable("on purpose".to_owned()));
        }
        self.noted.lock().unwrap().push(outcome);
        Ok(())
    }

    pub(crate) fn settle(&self, mail: &Mail, wait: Option<Duration>) {
        let mut due = self.due.lock().unwrap();
        match wait {
            Some(wait) => due.iter_mut().filter(|(_, of)| of.id == mail.id).for_each(|of| of.0 = Instant::now() + wait),
            None => due.retain(|(_, of)| of.id != mail.id),
        }
    }
}

impl MailQueue for Queue {
    async fn claim(&self, room: FreeSlots, lease: Duration, attempts_max: u32) -> Found<Vec<Mail>> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        assert!(!takes_one(&self.panicking), "on purpose");
        if takes_one(&self.failing) {
            return Err(RepositoryError::Unavailable("on purpose".to_owned()));
        }
        let (now, mut claimed) = (Instant::now(), Vec::new());
        let mut due = self.due.lock().unwrap();
        due.sort_by_key(|(at, _)| *at);
        for (rank, mut left) in [(Rank::Awaited, room.all), (Rank::Usual, room.usual)] {
            for (at, mail) in due.iter_mut() {
                let is_due = *at <= now && mail.attempt < attempts_max && mail.rank() == rank;
                if is_due && left > 0 && claimed.len() < room.all as usize {
                    (*at, mail.attempt) = (now + lease, mail.attempt + 1);
                    left -= 1;
                    claimed.push(mail.clone());
                }
            }
        }
        Ok(claimed)
    }

    async fn sent(&self, mail: &Mail) -> Found<()> {
        self.note(Noted::Sent(mail.id))?;
        self.settle(mail, None);
        Ok(())
    }

    async fn again(&self, mail: &Mail, _: &str, wait: Duration) -> Found<()> {
        self.note(Noted::Again(mail.id, mail.attempt))?;
        self.settle(mail, Some(wait));
        Ok(())
    }

    async fn unanswered(&self, mail: &Mail, _: &str, wait: Duration) -> Found<()> {
        self.note(Noted::Unanswered(mail.id))?;
        self.change(mail.id, |mail| mail.unanswered += 1);
        self.settle(mail, Some(wait));
        Ok(())
    }

    async fn postpone(&self, mail: &Mail, _: Option<&str>, wait: Duration) -> Found<()> {
        self.note(Noted::Postponed(mail.id))?;
        self.change(mail.id, |mail| mail.attempt -= 1);
        self.settle(mail, Some(wait));
        Ok(())
    }

    async fn give_up(&self, mail: &Mail, _: &str) -> Found<()> {
        self.note(Noted::Dead(mail.id, mail.attempt))?;
        self.settle(mail, None);
        Ok(())
    }

    async fn tidy(&self, _: &Upkeep) -> Found<u64> {
        Ok(0)
    }

    async fn state(&self) -> Found<QueueState> {
        Ok(QueueState::default())
    }
}

/// What the mail server does with a mail.
#[derive(Debug)]
pub(crate) enum Act {
    Refuse,
    RefuseForGood,
    /// Takes no mail at all.
    Away,
    /// Before it has the text.
    Hang,
    /// After it has the text.
    Stall,
    Panic,
}

/// Takes every mail, unless it is told otherwise.
pub(crate) struct Post {
    pub(crate) acts: Mutex<VecDeque<Act>>,
    /// What it does when it was told nothing.
    pub(crate) usually: Mutex<Option<fn() -> Act>>,
    /// How many mails it may be handed, if that is limited.
    pub(crate) turns: Mutex<Option<u32>>,
    /// Closed, it holds mails back.
    pub(crate) gate: Semaphore,
    pub(crate) under_way: watch::Sender<usize>,
    pub(crate) most: AtomicUsize,
    pub(crate) tries: AtomicUsize,
}

impl Post {
    pub(crate) fn new(acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
        Arc::new(Self {
            acts: Mutex::new(acts.into_iter().collect()),
            usually: Mutex::new(None),
            turns: Mutex::new(None),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            under_way: watch::channel(0).0,
            most: AtomicUsize::new(0),
            tries: AtomicUsize::new(0),
        })
    }
}

/// Counts one mail less when the try is over, however it ends.
pub(crate) struct OneLess<'a>(&'a watch::Sender<usize>);

impl Drop for OneLess<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl SendMail for Post {
    fn turns(&self) -> Turns {
        let left = self.turns.lock().unwrap().unwrap_or(u32::MAX);
        Turns { all: left, usual: left, next: Duration::from_secs(1) }
    }

    fn take_turn(&self, _: Rank) {
        self.turns.lock().unwrap().iter_mut().for_each(|left| *left -= 1);
    }

    async fn send(&self, _: &Mail, handover: &Handover) -> Result<(), SendError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        self.under_way.send_modify(|count| *count += 1);
        self.most.fetch_max(*self.under_way.borrow(), Ordering::SeqCst);
        let _less = OneLess(&self.under_way);
        let act = self.acts.lock().unwrap().pop_front().or_else(|| self.usually.lock().unwrap().map(|act| act()));
        match act {
            None => {
                handover.begin();
                drop(self.gate.acquire().await.unwrap());
            }
            Some(Act::Refuse) => return Err(SendError::Deferred("busy".to_owned())),
            Some(Act::RefuseForGood) => return Err(SendError::Rejected { reason: "no".to_owned(), address: false }),
            Some(Act::Away) => return Err(SendError::Unavailable("no route".to_owned())),
            Some(Act::Hang) => std::future::pending().await,
            Some(Act::Stall) => {
                handover.begin();
                std::future::pending().await
            }
            Some(Act::Panic) => panic!("on purpose"),
        }
        Ok(())
    }
}

pub(crate) async fn start(queue: &Arc<Queue>, post: &Arc<Post>) -> RunningOutbox {
    let settings = OutboxSettings { poll_every: Duration::from_secs(3600), ..OutboxSettings::default() };
    start_with(queue, post, settings).await
}

pub(crate) async fn start_with(queue: &Arc<Queue>, post: &Arc<Post>, settings: OutboxSettings) -> RunningOutbox {
    let breakers = RunningBreakers::start(Breakers::default(), None, None).await.unwrap().breakers;
    let breaker = breakers.of(Service::Email).clone();
    RunningOutbox::start(queue.clone(), post.clone(), breaker, settings).await.unwrap()
}

/// Waits for a condition. The clock stands still while there is something to do, and then moves on to the next timer.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(7 * 24 * 3600);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
