//! The listeners and the limits of their clients.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use boxoffice_http::{
    edge::{EdgeSettings, Hsts},
    server::Settings,
};
use domain::network::{NETWORKS, Network, Networks};
use http::HeaderName;

use super::{Environment, hosts::Hosts, origins::Origins, sources::Section};

const ADDRESS: &str = "an address and port such as 127.0.0.1:8080";

/// The public listener.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Address and port. A public address exposes the server to anyone who can reach the machine; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Connections at once, live streams included, further ones get a 503. Too high: the process runs out of file descriptors
    /// (the start warns) and memory (20 KiB for each that has a request or a stream). Too low: buyers are turned away while the machine is idle.
    pub max_connections: usize,
    /// Handlers at once, detached ones included, further requests get a 503. Too high: a stalled database fills memory
    /// with waiting requests. Too low: a burst is refused that would have been served in milliseconds.
    pub handler_concurrency: usize,
    /// For the whole head of a request to arrive. Too high: slow clients hold connections for nothing. Too low: phones on
    /// bad networks are cut off.
    pub header_timeout: Duration,
    /// For the whole body of a request to arrive. Too high and too low: as with the head.
    pub body_timeout: Duration,
    /// For a handler to answer, then 503. Too high: clients wait for an answer they no longer want. Too low: requests are
    /// given up that would have succeeded; detached ones then succeed without telling.
    pub request_timeout: Duration,
    /// How long a connection may be idle. Too high: idle clients hold places. Too low: every click pays for a new
    /// connection. Keep it above the balancer's, or the balancer writes into connections that are just closing.
    pub idle_timeout: Duration,
    /// For a client to take something of an answer on its way, then the connection is closed. Too high: clients that went
    /// to sleep hold places. Too low: phones in a tunnel are cut off.
    pub write_timeout: Duration,
    /// Bytes a second that a client has to take of an answer that waits for it, on the average of the write timeout, then the
    /// connection is closed; 0 for any. Too high: phones on bad networks are cut off. Too low: clients that take a byte now and then
    /// hold memory.
    pub least_rate_bytes: u64,
    /// Bytes of answers that clients have asked for and not taken yet, in all; further requests get a 503. What many are sent
    /// counts once. Too high: slow readers exhaust memory. Too low: readers of seat maps are refused in a rush.
    pub unsent_max_bytes: usize,
    /// The same for one network, with a 429; trusted networks and proxies are exempt. Too high: one client uses up what is there
    /// for all. Too low: an office can't look at a large house.
    pub unsent_per_network_bytes: usize,
    /// Live streams at once, further ones get a 503. Too high: each change of a hot event is a write to each of them, and
    /// each has a connection. Too low: people reload the page instead, which costs more.
    pub max_streams: usize,
    /// Connections at once of one network, that is an address of IPv4 or a /64 of IPv6; further ones get a 429. Trusted networks
    /// and proxies are exempt. Too high: one client takes the places of all others. Too low: offices and mobile networks that
    /// share an address are turned away.
    pub connections_per_network: usize,
    /// Live streams at once of one network, as with connections; behind a proxy its clients' networks count.
    pub streams_per_network: usize,
    /// Between two deltas of an event's live stream at least. Too high: people click on seats that are gone. Too low: the
    /// stream of a hot event takes the time that its bookings need.
    pub stream_window: Duration,
    /// A live stream with nothing to tell says so after this time. Too high: proxies take it for dead. Too low: traffic for
    /// nothing.
    pub stream_heartbeat: Duration,
    /// Bytes of a JSON body. Too high: memory for the asking. Too low: large legitimate requests get a 413.
    pub body_limit_bytes: usize,
    /// Bytes of a request's head. Too high: memory for the asking. Too low: cookies and tokens get a 431.
    pub header_limit_bytes: usize,
    /// Neither limits nor the headers that protect browsers: for measuring what both cost. No source sets it.
    pub bare: bool,
    /// Origins whose pages may use the API with their users' cookies. Too many: anyone who can run a script on one of them acts
    /// for its visitors. Too few: the browser keeps the answers from a page of ours.
    pub cors_origins: Vec<String>,
    /// When clients are told to come by HTTPS only, for a year and for all hosts below the name.
    pub hsts: Hsts,
    /// Proxies that are believed what they say about their clients, in the field that `forwarded_header` names, and in
    /// `X-Forwarded-Proto`. Too wide: clients choose the address that they are limited and remembered by. Too narrow: all of a
    /// proxy's clients share one limit.
    pub trusted_proxies: Vec<Network>,
    /// The one field in which they say where their client is. It has to be one that every proxy writes or takes out: what a client
    /// has written into any other field is not looked at.
    pub forwarded_header: HeaderName,
    /// How long a server that was told to stop goes on accepting while it says that it is not ready. Too high: stopping takes
    /// longer. Too low: balancers send clients to a closed port.
    pub lame_duck: Duration,
    /// How long a shutdown waits for requests in progress. Too high: the supervisor of the process kills it first. Too
    /// low: requests are cut off.
    pub drain_timeout: Duration,
    /// How long a shutdown takes in all; what is left then is cut. At least lame duck and drain together. Too high: the supervisor of
    /// the process kills it first. Too low: mails on their way are sent twice.
    pub shutdown_timeout: Duration,
}

impl HttpConfig {
    pub(super) fn read(section: &mut Section<'_, '_>, environment: Environment) -> Self {
        let default = Settings::default();
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        // Where nobody balances, nobody has to notice.
        let lame_duck = if environment == Environment::Production { s(5) } else { s(0) };
        let drain_timeout = section.duration("drain_timeout", default.drain_timeout, ms(0)..=s(600));
        let lame_duck = section.duration("lame_duck", lame_duck, ms(0)..=s(300));
        // Some more for what follows the requests.
        let shutdown_timeout = section.duration("shutdown_timeout", lame_duck + drain_timeout + s(10), ms(0)..=s(1200));
        if shutdown_timeout < lame_duck + drain_timeout {
            let sum = (lame_duck + drain_timeout).as_millis();
            section.fault_of("shutdown_timeout", format!("is below lame_duck and drain_timeout together, {sum}ms"));
        }
        let request_timeout = section.duration("request_timeout", default.request_timeout, ms(100)..=s(600));
        Self {
            listen: section.value("listen", SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), ADDRESS),
            max_connections: section.number("max_connections", default.max_connections, 1..=1_000_000),
            handler_concurrency: section.number("handler_concurrency", default.handler_concurrency, 1..=1_000_000),
            header_timeout: section.duration("header_timeout", default.header_timeout, ms(100)..=s(300)),
            body_timeout: section.duration_within(
                "body_timeout",
                default.body_timeout,
                ms(100)..=s(300),
                (request_timeout, "request_timeout"),
            ),
            request_timeout,
            idle_timeout: section.duration("idle_timeout", default.idle_timeout, ms(100)..=s(3600)),
            write_timeout: section.duration("write_timeout", default.write_timeout, ms(100)..=s(600)),
            least_rate_bytes: section.number("least_rate_bytes", default.least_rate, 0..=(1 << 30)),
            unsent_max_bytes: section.number("unsent_max_bytes", default.unsent_max, (1 << 20)..=(1 << 40)),
            unsent_per_network_bytes: section.number(
                "unsent_per_network_bytes",
                default.unsent_per_network,
                (1 << 20)..=(1 << 40),
            ),
            max_streams: section.number("max_streams", 10_000, 0..=1_000_000),
            connections_per_network: section.number("connections_per_network", 256, 1..=1_000_000),
            streams_per_network: section.number("streams_per_network", 32, 0..=1_000_000),
            stream_window: section.duration("stream_window", ms(100), ms(1)..=s(60)),
            stream_heartbeat: section.duration("stream_heartbeat", s(15), ms(10)..=s(600)),
            body_limit_bytes: section.number("body_limit_bytes", default.body_limit, 1024..=(64 << 20)),
            header_limit_bytes: section.number("header_limit_bytes", default.header_limit, 8192..=(1 << 20)),
            cors_origins: section.value("cors_origins", Origins::default(), Origins::RIGHT).0,
            bare: false,
            hsts: section.value("hsts", default.edge.hsts, "auto, always or never"),
            trusted_proxies: section.value("trusted_proxies", Networks(Vec::new()), NETWORKS).0,
            forwarded_header: section.value(
                "forwarded_header",
                default.forwarded_header,
                "x-forwarded-for, forwarded or another name",
            ),
            lame_duck,
            drain_timeout,
            shutdown_timeout,
        }
    }
}

impl From<&HttpConfig> for Settings {
    fn from(config: &HttpConfig) -> Self {
        Self {
            max_connections: config.max_connections,
            handler_concurrency: config.handler_concurrency,
            header_timeout: config.header_timeout,
            body_timeout: config.body_timeout,
            request_timeout: config.request_timeout,
            idle_timeout: config.idle_timeout,
            dormant_after: Self::default().dormant_after,
            write_timeout: config.write_timeout,
            least_rate: config.least_rate_bytes,
            unsent_max: config.unsent_max_bytes,
            unsent_per_network: config.unsent_per_network_bytes,
            body_limit: config.body_limit_bytes,
            header_limit: config.header_limit_bytes,
            trusted_proxies: config.trusted_proxies.clone(),
            forwarded_header: config.forwarded_header.clone(),
            trusted: Vec::new(),
            connections_per_network: config.connections_per_network,
            drain_timeout: config.drain_timeout,
            edge: EdgeSettings {
                cors_origins: config.cors_origins.clone(),
                hsts: config.hsts,
                bare: config.bare,
                own_hosts: None,
            },
        }
    }
}

/// The listener for operators: metrics and detailed health.
#[derive(Clone, Debug)]
pub struct OpsConfig {
    /// Address and port. It tells about the inside of the server: keep it where only operators and Prometheus reach it.
    pub listen: SocketAddr,
    /// Names by which it is asked, beside `localhost` and the addresses of private networks. Too many: a page of a stranger whose
    /// name leads here reads it in the browser of an operator. Too few: Prometheus gets a 421.
    pub hosts: Vec<String>,
}

impl OpsConfig {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            listen: section.value("listen", SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)), ADDRESS),
            hosts: section.value("hosts", Hosts::default(), Hosts::RIGHT).0,
        }
    }
}
