//! Many who look at a large house and take their time.

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::support::{ChildServer, EventBuilder, PATIENCE, Settings, TestDatabase};

const READERS: usize = 200;
/// Of what all of them together may cost. Each has asked for some 12 MB.
const GROWTH_KIB_MAX: u64 = 64 << 10;

/// What the server has in memory now.
fn resident_kib(server: &ChildServer) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The guard: all who ask for one picture share its bytes.
#[tokio::test]
async fn two_hundred_slow_readers_of_a_large_house_share_its_picture() {
    let database = TestDatabase::migrated().await;
    let event = EventBuilder::seated(1000, 100).create(&database.connect().await).await;
    let settings = Settings::default().set("DATABASE_URL", database.url());
    // Of one network with the usual caps, who are not cut off while they are looked at.
    let settings = settings.set("BOXOFFICE__RATE_LIMIT__TRUSTED", "").set("BOXOFFICE__RATE_LIMIT__PUBLIC", "100000/1s");
    let settings = settings.set("BOXOFFICE__HTTP__WRITE_TIMEOUT", "300s").set("BOXOFFICE__HTTP__LEAST_RATE_BYTES", 0);
    let server = ChildServer::start(settings).await;
    server.api.get(&event.path("availability")).await.ok();
    let before = resident_kib(&server);

    let request = format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", event.path("availability?seats=true"));
    let ask = async || -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(server.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut first)).await.expect("an answer in time").unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        stream
    };
    let readers = join_all((0..READERS).map(|_| ask())).await;
    let growth = resident_kib(&server).saturating_sub(before);
    eprintln!("{READERS} readers cost {growth} KiB");
    assert!(growth < GROWTH_KIB_MAX, "{READERS} readers cost {growth} KiB");
    server.api.get(&event.path("availability")).await.ok();
    drop(readers);
}
