//! In virtual time.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

#[derive(Default)]
struct Heard(RefCell<Vec<(u64, Duration, String)>>);

impl Script for Heard {
    fn write(&self, number: u64, request: &mut Vec<u8>) {
        request.extend_from_slice(format!("{number}").as_bytes());
    }

    fn told(&self, number: u64, times: Times, told: Told<'_>) {
        let what = match told {
            Told::Answer(answer) => String::from_utf8(answer.body.to_vec()).unwrap(),
            Told::Broke(kind) => kind.to_string(),
            Told::Unanswered => "unanswered".to_owned(),
        };
        self.0.borrow_mut().push((number, times.now - times.sent, what));
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
    Plan { connections, greeting: None, pace, patience: Duration::from_secs(1), stop: Arc::default() }
}

fn rate(rate: f64, lag_max_ms: u64) -> Pace {
    Pace::Rate { rate, lasts: Duration::from_secs(1), lag_max: Duration::from_millis(lag_max_ms) }
}

async fn run(plan: Plan, wait: Option<Duration>) -> (Flowed, Vec<(u64, Duration, String)>) {
    let heard = Rc::new(Heard::default());
    let flowed = flow(plan, Rc::clone(&heard), move || std::future::ready(echo(wait)), |_| {}).await;
    let heard = heard.0.take();
    (flowed, heard)
}

#[tokio::test(start_paused = true)]
async fn a_flow_keeps_its_rate_and_numbers_what_it_sends() {
    let (flowed, heard) = run(plan(50, rate(100.0, 1000)), Some(Duration::from_millis(100))).await;
    assert_eq!((flowed.sent, flowed.unsent), (100, 0));
    let mut numbers: Vec<u64> = heard.iter().map(|(number, ..)| *number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    assert!(heard.iter().all(|(number, _, body)| *body == number.to_string()), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_connection_in_time_is_not_sent_and_counted() {
    // Two connections of ten requests a second each: a fifth of what is due.
    let (flowed, heard) = run(plan(2, rate(100.0, 10)), Some(Duration::from_millis(100))).await;
    assert!((18..=22).contains(&flowed.sent), "{flowed:?}");
    assert!((97..=101).contains(&(flowed.sent + flowed.unsent)), "{flowed:?}");
    assert_eq!(heard.len() as u64, flowed.sent);
}

#[tokio::test(start_paused = true)]
async fn what_is_never_answered_is_told_at_the_end() {
    let (flowed, heard) = run(plan(3, rate(100.0, 10)), None).await;
    assert_eq!((flowed.sent, heard.len()), (3, 3));
    assert!(heard.iter().all(|(_, _, what)| what == "unanswered"), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_is_asked_once_each() {
    let (_, mut heard) = run(plan(2, Pace::List(vec![5, 3, 9])), Some(Duration::from_millis(10))).await;
    heard.sort_unstable();
    let told: Vec<_> = heard.iter().map(|(number, _, body)| (*number, body.as_str())).collect();
    assert_eq!(told, [(3, "3"), (5, "5"), (9, "9")]);
}

#[tokio::test(start_paused = true)]
async fn a_flow_that_is_told_to_stop_sends_no_more() {
    let mut plan = plan(10, rate(100.0, 1000));
    let Pace::Rate { lasts, .. } = &mut plan.pace else { unreachable!() };
    *lasts = Duration::from_secs(3600);
    let stop = Arc::clone(&plan.stop);
    tokio::spawn(async move {
        sleep(Duration::from_millis(500)).await;
        stop.store(true, Ordering::Relaxed);
    });
    let (flowed, heard) = run(plan, Some(Duration::from_millis(1))).await;
    assert!((45..=55).contains(&flowed.sent), "{flowed:?}");
    assert_eq!(heard.len() as u64, flowed.sent);
}

/// Guards: the patience counts from when the flow is told to stop, not from when it would have ended.
#[tokio::test(start_paused = true)]
async fn a_stopped_flow_does_not_wait_for_what_is_never_answered() {
    let mut plan = plan(2, rate(100.0, 10));
    let Pace::Rate { lasts, .. } = &mut plan.pace else { unreachable!() };
    *lasts = Duration::from_secs(3600);
    let stop = Arc::clone(&plan.stop);
    tokio::spawn(async move {
        sleep(Duration::from_millis(500)).await;
        stop.store(true, Ordering::Relaxed);
    });
    let began = Instant::now();
    let (_, heard) = run(plan, None).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(heard.len(), 2);
}
