//! Against a server that does what it is told.

use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    task::{LocalSet, spawn_local},
};

use super::*;

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A server whose connections are answered with these texts, one for each request, and closed after the last; those with a
/// `None` stay open. The connections take the scripts in turn.
async fn server(scripts: &'static [&'static [Option<&'static str>]]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn_local(async move {
        for script in scripts.iter().cycle() {
            let (mut stream, _) = listener.accept().await.unwrap();
            spawn_local(async move {
                let mut request = [0; 256];
                for text in *script {
                    while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                        let Some(text) = text else { continue };
                        stream.write_all(text.as_bytes()).await.unwrap();
                        break;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn idle_connections_that_the_server_closes_are_counted() {
    let test = async {
        // Every third is closed after its first answer.
        let address =
            server(&[&[Some(ANSWER)], &[Some(ANSWER), Some(ANSWER), None], &[Some(ANSWER), Some(ANSWER), None]]);
        let idle = Idle::open(address.await, 9, REQUEST.to_owned()).await.unwrap();
        assert_eq!(idle.ask_again().await, 3);
    };
    LocalSet::new().run_until(test).await;
}

const SNAPSHOT: &str =
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20\r\nevent: snapshot\nid: 7\ndata: {}\n\n\r\n";

#[tokio::test]
async fn a_stream_that_ends_or_stays_behind_is_counted() {
    let test = async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn_local(async move {
            let mut streams = Vec::new();
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(SNAPSHOT.as_bytes()).await.unwrap();
                streams.push(stream);
            }
            streams
        });
        let listeners = Listeners::open(address, 3, REQUEST).await.unwrap();
        let mut streams = server.await.unwrap();
        assert_eq!(listeners.followed(), Followed { open: 3, events: 3, ended: BTreeMap::new() });
        assert_eq!(listeners.not_at(7, Duration::ZERO).await, 0);
        assert_eq!(listeners.not_at(8, LOOK_AGAIN).await, 3);

        streams.pop();
        while listeners.followed().ended.is_empty() {
            sleep(LOOK_AGAIN).await;
        }
        assert_eq!(listeners.followed().open, 2);
    };
    timeout(ANSWER_MAX, LocalSet::new().run_until(test)).await.unwrap();
}

#[tokio::test]
async fn a_refused_stream_fails_with_the_reason() {
    let test = async {
        let address = server(&[&[Some("HTTP/1.1 503 Service Unavailable\r\n\r\n")]]).await;
        let error = Listeners::open(address, 2, REQUEST).await.unwrap_err().to_string();
        assert!(error.contains("503"), "{error}");
    };
    LocalSet::new().run_until(test).await;
}
