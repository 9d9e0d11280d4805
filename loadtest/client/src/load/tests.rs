//! In virtual time.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

#[derive(Default)]
struct Echoes(RefCell<Vec<(u64, String)>>);

impl Script for Echoes {
    fn write(&self, _: usize, number: u64, request: &mut Vec<u8>) -> Option<Asked> {
        request.extend_from_slice(format!("{number}").as_bytes());
        Some(Asked::Goal)
    }

    fn told(&self, _: usize, number: u64, sample: &Sample, body: &[u8]) {
        let what = match sample.outcome {
            Outcome::Unanswered => "unanswered".to_owned(),
            _ => String::from_utf8(body.to_vec()).unwrap(),
        };
        self.0.borrow_mut().push((number, what));
    }
}

/// Answers each request with itself after `wait`; never when there is none.
fn echo(wait: Option<Duration>) -> io::Result<DuplexStream> {
    let (client, mut server) = duplex(4096);
    tokio::task::spawn_local(async move {
        let mut request = [0; 64];
        while let Ok(length @ 1..) = server.read(&mut request).await {
            match wait {
                Some(wait) => sleep(wait).await,
                None => std::future::pending().await,
            }
            let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {length}\r\n\r\n");
            let _ = server.write_all(&[head.as_bytes(), &request[..length]].concat()).await;
        }
    });
    Ok(client)
}

fn plan(connections: usize, pace: Pace) -> Plan {
    Plan::new(connections, pace, Duration::from_secs(1), Duration::from_secs(1))
}

/// A hundred requests a second.
fn open_loop(connections: usize, lag_max_ms: u64) -> Plan {
    plan(connections, Pace::Open { rate: 100.0, lag_max: Duration::from_millis(lag_max_ms) })
}

async fn ask(plan: Plan, wait: Option<Duration>) -> (Heard, Vec<(u64, String)>) {
    let echoes = Rc::new(Echoes::default());
    let heard = run(plan, Rc::clone(&echoes), move || std::future::ready(echo(wait))).await;
    let mut told = echoes.0.take();
    told.sort_unstable();
    (heard, told)
}

/// An endless load that is told to stop after half a second.
async fn ask_and_stop(plan: Plan, wait: Option<Duration>) -> (Heard, Vec<(u64, String)>) {
    let plan = Plan { lasts: Duration::from_secs(3600), ..plan };
    let stop = Arc::clone(&plan.stop);
    tokio::spawn(async move {
        sleep(Duration::from_millis(500)).await;
        stop.store(true, Ordering::Relaxed);
    });
    ask(plan, wait).await
}

#[tokio::test(start_paused = true)]
async fn a_load_keeps_its_rate_and_numbers_what_it_sends() {
    let (heard, told) = ask(open_loop(50, 1000), Some(Duration::from_millis(100))).await;
    assert_eq!((heard.sent, heard.unsent), (100, 0));
    assert_eq!(told, (0..100).map(|number| (number, number.to_string())).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_connection_in_time_is_not_sent_and_counted() {
    // Two connections of ten requests a second each: a fifth of what is due.
    let (heard, told) = ask(open_loop(2, 10), Some(Duration::from_millis(100))).await;
    assert!((18..=22).contains(&heard.sent), "{heard:?}");
    assert!((97..=101).contains(&(heard.sent + heard.unsent)), "{heard:?}");
    assert_eq!(told.len() as u64, heard.sent);
}

#[tokio::test(start_paused = true)]
async fn what_is_never_answered_is_told_at_the_end() {
    let (heard, told) = ask(open_loop(3, 10), None).await;
    assert_eq!((heard.sent, told.len()), (3, 3));
    assert!(told.iter().all(|(_, what)| what == "unanswered"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_is_asked_once_each() {
    let (_, told) = ask(plan(2, Pace::List(vec![5, 3, 9])), Some(Duration::from_millis(10))).await;
    assert_eq!(told, [3, 5, 9].map(|number: u64| (number, number.to_string())));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_told_to_stop_sends_no_more() {
    let (heard, told) = ask_and_stop(open_loop(10, 1000), Some(Duration::from_millis(1))).await;
    assert!((45..=55).contains(&heard.sent), "{heard:?}");
    assert_eq!((told.len() as u64, heard.unsent), (heard.sent, 0));
}

/// Guards: the patience counts from when the load is told to stop, not from when it would have ended.
#[tokio::test(start_paused = true)]
async fn a_stopped_load_does_not_wait_for_what_is_never_answered() {
    let began = Instant::now();
    let (_, told) = ask_and_stop(open_loop(2, 10), None).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(told.len(), 2);
}
