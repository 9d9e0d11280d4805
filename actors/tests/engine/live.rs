//! What is published becomes deltas: merged, made once, and kept for a while.

use std::{cell::Cell, sync::Arc, time::Duration};

use actors::live::{Live, LiveSettings, NoPlace, Signal, Stream};
use bytes::Bytes;
use tokio::time::Instant;

use crate::support::{
    builders::{EventSpec, event, seated_event, settings},
    harness::{Running, booked, eventually, start},
};

const WINDOW: Duration = Duration::from_millis(100);

fn live() -> Arc<Live> {
    Live::new(LiveSettings { window: WINDOW, ..LiveSettings::default() })
}

async fn listen(running: &Running, live: &Arc<Live>, event: &EventSpec, version: Option<i64>) -> Stream {
    let deadline = Instant::now() + Duration::from_secs(10);
    live.open(running.engine.inventories.follow(event.id, deadline).await.unwrap(), version).unwrap()
}

/// (from, to, sold) of the next delta.
async fn delta(stream: &mut Stream) -> (i64, i64, Option<u32>) {
    match stream.next().await {
        Some(Signal::Changes(changes)) => {
            let changes = &changes.value;
            (changes.from, changes.to, changes.ticket_types.first().map(|of| of.sold))
        }
        other => panic!("no delta: {other:?}"),
    }
}

async fn snapshot(stream: &mut Stream) -> i64 {
    match stream.next().await {
        Some(Signal::Snapshot(picture)) => picture.value.version,
        other => panic!("no snapshot: {other:?}"),
    }
}

/// Guards: the last sleep in `Broadcaster::broadcast`.
#[tokio::test(start_paused = true)]
async fn changes_within_a_window_go_together_and_the_last_always_goes() {
    let hall = event(1_000);
    let (running, live) = (start(&[&hall]).await, live());
    let mut stream = listen(&running, &live, &hall, None).await;
    assert_eq!(snapshot(&mut stream).await, 0);
    let begun = Instant::now();
    for _ in 0..50 {
        booked(&running.book(&hall, 1).await);
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let (mut version, mut deltas) = (0, 0);
    while version < 50 {
        let (from, to, sold) = delta(&mut stream).await;
        assert_eq!((from, sold), (version, u32::try_from(to).ok()));
        (version, deltas) = (to, deltas + 1);
    }
    let windows = begun.elapsed().as_millis() / WINDOW.as_millis() + 1;
    assert!(deltas > 1 && deltas <= windows, "{deltas} deltas in {windows} windows");
}

/// When each of `count` streams was told of a booking, from the first on.
async fn told_after(count: usize) -> Vec<Duration> {
    let hall = event(1_000);
    let (running, live) = (start(&[&hall]).await, live());
    let mut listening = Vec::new();
    for _ in 0..count {
        let mut stream = listen(&running, &live, &hall, None).await;
        snapshot(&mut stream).await;
        listening.push(tokio::spawn(async move {
            assert_eq!(delta(&mut stream).await, (0, 1, Some(1)));
            Instant::now()
        }));
    }
    booked(&running.book(&hall, 1).await);
    let mut told = Vec::new();
    for stream in listening {
        told.push(stream.await.unwrap());
    }
    let first = *told.iter().min().unwrap();
    told.iter().map(|at| at.duration_since(first)).collect()
}

/// Guards: the pauses in `Broadcaster::tell`, without which everybody else waits for thousands of writes.
#[tokio::test(start_paused = true)]
async fn a_crowd_is_told_some_at_a_time_and_a_few_at_once() {
    let told = told_after(4_000).await;
    let (last, at_once) = (told.iter().max().unwrap(), told.iter().filter(|at| at.is_zero()).count());
    assert!(*last > WINDOW && *last < WINDOW * 3, "4,000 times 50 µs, not {last:?}");
    assert_eq!(at_once, 250, "a sixteenth");
    assert_eq!(told_after(20).await, [Duration::ZERO; 20]);
}

/// Guards: `Shared::encoded`.
#[tokio::test(start_paused = true)]
async fn a_delta_is_encoded_once_for_all_who_read_it() {
    let arena = seated_event(10);
    let (running, live) = (start(&[&arena]).await, live());
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = listen(&running, &live, &arena, None).await;
        snapshot(&mut stream).await;
        streams.push(stream);
    }
    let command = domain::inventory::Command::Book(arena.book(arena.seats(&[3])));
    booked(&running.ask(&arena, command).await);
    let encoded = Cell::new(0);
    for (number, stream) in streams.iter_mut().enumerate() {
        let Some(Signal::Changes(changes)) = stream.next().await else { panic!("no delta") };
        let bytes = changes.encoded(number % 2, |_| {
            encoded.set(encoded.get() + 1);
            Bytes::from(vec![number as u8])
        });
        assert_eq!(bytes[0] as usize, number % 2, "the first of its kind");
    }
    assert_eq!(encoded.get(), 2, "with seats and without");
}

/// Guards: the bound of the history; `Read::Lost`.
#[tokio::test(start_paused = true)]
async fn a_stream_that_falls_too_far_behind_ends_and_others_go_on() {
    let hall = event(1_000);
    let (running, live) = (start(&[&hall]).await, live());
    let mut slow = listen(&running, &live, &hall, None).await;
    let mut brisk = listen(&running, &live, &hall, None).await;
    assert_eq!((snapshot(&mut slow).await, snapshot(&mut brisk).await), (0, 0));
    for version in 0..257 {
        booked(&running.book(&hall, 1).await);
        assert_eq!(delta(&mut brisk).await.1, version + 1);
        tokio::time::sleep(WINDOW).await;
    }
    assert!(slow.next().await.is_none(), "its first delta is gone");
    assert!(slow.next().await.is_none());
    // What is kept is told to one who comes back, what is not is made up for.
    let mut back = listen(&running, &live, &hall, Some(1)).await;
    assert_eq!(delta(&mut back).await, (1, 2, Some(2)));
    assert_eq!(snapshot(&mut listen(&running, &live, &hall, Some(0)).await).await, 257);
}

/// Guards: `is_followed` in `stop_if_idle`; that it counts as being asked, or the timer would fire without end.
#[tokio::test(start_paused = true)]
async fn an_inventory_with_listeners_stays_and_goes_after_them() {
    let hall = event(10);
    let (running, live) = (start(&[&hall]).await, live());
    let mut stream = listen(&running, &live, &hall, None).await;
    snapshot(&mut stream).await;
    tokio::time::sleep(settings().inventory.idle_after * 5).await;
    booked(&running.book(&hall, 1).await);
    assert_eq!(delta(&mut stream).await, (0, 1, Some(1)));
    assert_eq!(running.ledger.loads(hall.id), [false], "it has not been away");
    drop(stream);
    tokio::time::sleep(settings().inventory.idle_after * 3).await;
    let directory = running.engine.inventories.directory();
    eventually("it is unloaded", || directory.find(hall.id).is_none()).await;
}

/// Guards: `advance` in `Live::open`, without which a delta would wait for the next change; the end of lingering.
#[tokio::test(start_paused = true)]
async fn what_is_known_of_an_event_outlives_its_last_listener_for_a_while() {
    let hall = event(10);
    let (running, live) = (start(&[&hall]).await, live());
    let mut stream = listen(&running, &live, &hall, None).await;
    snapshot(&mut stream).await;
    drop(stream);
    tokio::time::sleep(Duration::from_secs(59)).await;
    booked(&running.book(&hall, 2).await);
    booked(&running.book(&hall, 2).await);
    let mut back = listen(&running, &live, &hall, Some(0)).await;
    assert_eq!(delta(&mut back).await, (0, 2, Some(4)));
    booked(&running.book(&hall, 2).await);
    assert_eq!(delta(&mut back).await, (2, 3, Some(6)));
    drop(back);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(snapshot(&mut listen(&running, &live, &hall, Some(2)).await).await, 3);
    assert!(matches!(listen(&running, &live, &hall, Some(3)).await.next().await, Some(Signal::Beat)), "up to date");
}

/// A seat that a decision has taken is free until the ledger has it. Guards: `SeatState::in_ledger` in `changes_since`.
#[tokio::test(start_paused = true)]
async fn streams_show_the_ledger_and_not_what_is_on_its_way() {
    let arena = seated_event(10);
    let (running, live) = (start(&[&arena]).await, live());
    let mut stream = listen(&running, &live, &arena, None).await;
    snapshot(&mut stream).await;
    let book = |seat| domain::inventory::Command::Book(arena.book(arena.seats(&[seat])));
    running.ledger.hold_commits();
    let mut asking = vec![running.asking(&arena, book(0))];
    eventually("the first is on its way", || running.ledger.arrived() == 1).await;
    asking.push(running.asking(&arena, book(1)));
    running.under_way(&arena, 2).await;
    running.caught_up(&arena).await;
    running.ledger.release_commits();
    for ask in asking {
        booked(&ask.await.unwrap());
    }
    let (mut version, mut told) = (0, Vec::new());
    while version < 2 {
        let Some(Signal::Changes(changes)) = stream.next().await else { panic!("no delta") };
        version = changes.value.to;
        told.extend(changes.value.seats.iter().map(|(seat, state)| (*seat, *state)));
    }
    let sold = domain::inventory::SeatState::Sold;
    assert_eq!(told, [(arena.seat(0), sold), (arena.seat(1), sold)]);
}

/// Guards: what a shown seat counts for when memory was wrong: `shows_the_same_as` in `History::advance`.
#[tokio::test(start_paused = true)]
async fn when_memory_was_wrong_everybody_begins_anew() {
    let hall = event(10);
    let (running, live) = (start(&[&hall]).await, live());
    booked(&running.book(&hall, 2).await);
    let mut stream = listen(&running, &live, &hall, None).await;
    assert_eq!(snapshot(&mut stream).await, 1);
    // The same version with other counters: somebody has repaired the ledger by hand.
    running.ledger.rows().events.get_mut(&hall.id).unwrap().counts[0].sold = 5;
    running.engine.inventories.kill(hall.id);
    let Some(Signal::Snapshot(picture)) = stream.next().await else { panic!("no snapshot") };
    assert_eq!((picture.value.version, picture.value.ticket_types[0].sold), (1, 5));
    // Reloading alone changes nothing, and is not told.
    running.engine.inventories.kill(hall.id);
    assert!(matches!(stream.next().await, Some(Signal::Beat)));
}

/// Guards: the closed semaphore and the pulse in `Live::end`.
#[tokio::test(start_paused = true)]
async fn at_the_end_streams_take_their_leave_and_none_is_opened() {
    let hall = event(10);
    let (running, live) = (start(&[&hall]).await, live());
    let mut stream = listen(&running, &live, &hall, None).await;
    snapshot(&mut stream).await;
    booked(&running.book(&hall, 1).await);
    assert_eq!(delta(&mut stream).await, (0, 1, Some(1)));
    live.end();
    assert!(matches!(stream.next().await, Some(Signal::Farewell)));
    assert!(stream.next().await.is_none());
    let following = running.engine.inventories.follow(hall.id, Instant::now() + WINDOW).await.unwrap();
    assert_eq!(live.open(following, None).err(), Some(NoPlace.into()));
}
