//! A service that hangs, errs or resets connections, over real sockets and in real time.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use actors::breakers::{
    Breaker, BreakerSettings, BreakerState, Breakers, CallError, CallOutcome, RunningBreakers, Service, ServiceError,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Instant, sleep},
};

use super::until;

const LIMIT: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Answer,
    Hang,
    Err,
    Reset,
}

/// Answers `ok` to each connection, unless it is told otherwise.
struct Misbehaving {
    address: SocketAddr,
    act: watch::Sender<Act>,
    connections: Arc<AtomicU32>,
}

impl Misbehaving {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, act) = (listener.local_addr().unwrap(), watch::channel(Act::Answer).0);
        let (told, connections) = (act.subscribe(), Arc::new(AtomicU32::new(0)));
        let count = connections.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let act = *told.borrow();
                tokio::spawn(async move {
                    match act {
                        Act::Answer => drop(stream.write_all(b"ok").await),
                        Act::Err => drop(stream.write_all(b"no").await),
                        Act::Reset => stream.set_zero_linger().unwrap(),
                        Act::Hang => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, act, connections }
    }

    async fn ask(&self, breaker: &Breaker) -> Result<(), CallError<Fault>> {
        let exchange = async {
            let mut answer = Vec::new();
            TcpStream::connect(self.address).await?.read_to_end(&mut answer).await?;
            if answer == b"ok" { Ok(()) } else { Err(io::Error::other("it says no")) }
        };
        breaker.call(LIMIT, async { exchange.await.map_err(Fault) }).await
    }
}

#[derive(Debug)]
#[expect(dead_code, reason = "shown by a test that fails")]
struct Fault(io::Error);

impl ServiceError for Fault {
    fn outcome(&self) -> CallOutcome {
        CallOutcome::Failed
    }
}

/// Guards: the breaker as a whole. Without it each caller waits for the time limit, and the service is asked by all of them; without the
/// half-open state it stays away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_misbehaves_is_left_alone_after_five_failures_and_comes_back_by_itself() {
    for act in [Act::Hang, Act::Err, Act::Reset] {
        let settings = BreakerSettings { open_for: Duration::from_secs(1), ..BreakerSettings::default() };
        let running = RunningBreakers::start(Breakers::new(settings, |_| 64), None, None).await.unwrap();
        let [payment, email] = [Service::Payment, Service::Email].map(|service| running.breakers.of(service).clone());
        let (bad, good) = (Misbehaving::start().await, Misbehaving::start().await);
        bad.ask(&payment).await.unwrap();
        bad.act.send_replace(act);
        for _ in 0..5 {
            let failed = bad.ask(&payment).await.unwrap_err();
            assert_eq!(matches!(failed, CallError::TimedOut), act == Act::Hang, "{failed:?}");
        }
        until("it is open", &payment, BreakerState::Open).await;

        // Who asks both services notices nothing of the one.
        let (asked, began, mut times) = (bad.connections.load(Ordering::SeqCst), Instant::now(), Vec::new());
        for _ in 0..400 {
            let started = Instant::now();
            let _ = bad.ask(&payment).await;
            good.ask(&email).await.unwrap();
            times.push(started.elapsed());
        }
        times.sort();
        assert!(times[395] < LIMIT / 2, "the 99th percentile is that of a time-out: {:?}", times[395]);
        let probes = bad.connections.load(Ordering::SeqCst) - asked;
        assert!(
            u64::from(probes) <= began.elapsed().as_secs() + 1,
            "{probes} of 400 calls got through to a service that is down"
        );

        bad.act.send_replace(Act::Answer);
        let back = Instant::now();
        while bad.ask(&payment).await.is_err() || payment.state() != BreakerState::Closed {
            assert!(back.elapsed() < Duration::from_secs(20), "it does not come back");
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(email.status().failures, 0);
        running.stop().await;
    }
}
