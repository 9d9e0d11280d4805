//! The listeners and the limits of their clients.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use actors::live::LiveSettings;
use boxoffice_http::{
    edge::{EdgeSettings, Hsts},
    server::Settings as ServerSettings,
};
use domain::network::{NETWORKS, Network};
use http::HeaderName;

use super::{
    Environment,
    declare::{hours, minutes, ms, s},
    hosts::{HOSTS, ORIGINS, host, origin},
    sources::{Layers, Section},
};

const ADDRESS: &str = "an address and port such as 127.0.0.1:8080";

settings! {
    /// The public listener
    "http" HttpConfig(environment: Environment) {
        [server: ServerSettings = server]
        [live: LiveSettings = live]
        /// Address and port. A public address exposes the server to anyone who can reach the machine; port 0 takes any free one.
        listen: SocketAddr = value(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), ADDRESS);
        /// How long a server that was told to stop goes on accepting while it says that it is not ready; 5s in production. Too high:
        /// stopping takes longer. Too low: balancers send clients to a closed port.
        // Where nobody balances, nobody has to notice.
        lame_duck: Duration =
            duration(if environment == Environment::Production { s(5) } else { s(0) }, s(0)..=minutes(5));
        /// How long a shutdown takes in all; what is left then is cut. At least lame duck and drain together, by default 10s more, for
        /// what follows the requests. Too high: the supervisor of the process kills it first. Too low: mails on their way are sent twice.
        shutdown_timeout: Duration = duration(lame_duck + server.drain_timeout + s(10), s(0)..=minutes(20));
    }
}

settings! {
    server -> ServerSettings or default {
        [edge = edge]
        /// Connections at once, live streams included, further ones get a 503. Too high: the process runs out of file descriptors (the
        /// start warns) and memory (20 KiB for each that has a request or a stream). Too low: buyers are turned away while the machine is
        /// idle.
        max_connections: usize = number(default.max_connections, 1..=1_000_000);
        /// Handlers at once, detached ones included, further requests get a 503. Too high: a stalled database fills memory with waiting
        /// requests. Too low: a burst is refused that would have been served in milliseconds.
        handler_concurrency: usize = number(default.handler_concurrency, 1..=1_000_000);
        /// For the whole head of a request to arrive. Too high: slow clients hold connections for nothing. Too low: phones on bad networks
        /// are cut off.
        header_timeout: Duration = duration(default.header_timeout, ms(100)..=minutes(5));
        /// For a handler to answer, then 503. Too high: clients wait for an answer they no longer want. Too low: requests are given up
        /// that would have succeeded; detached ones then succeed without telling.
        request_timeout: Duration = duration(default.request_timeout, ms(100)..=minutes(10));
        /// For the whole body of a request to arrive. Too high and too low: as with the head.
        body_timeout: Duration =
            duration_within(default.body_timeout, ms(100)..=minutes(5), (request_timeout, "request_timeout"));
        /// How long a connection may be idle. Too high: idle clients hold places. Too low: every click pays for a new connection. Keep it
        /// above the balancer's, or the balancer writes into connections that are just closing.
        idle_timeout: Duration = duration(default.idle_timeout, ms(100)..=hours(1));
        /// For a client to take something of an answer on its way, then the connection is closed. Too high: clients that went to sleep
        /// hold places. Too low: phones in a tunnel are cut off.
        write_timeout: Duration = duration(default.write_timeout, ms(100)..=minutes(10));
        /// Bytes a second that a client has to take of an answer that waits for it, on the average of the write timeout, then the
        /// connection is closed; 0 for any. Too high: phones on bad networks are cut off. Too low: clients that take a byte now and then
        /// hold memory.
        least_rate "least_rate_bytes": u64 = number(default.least_rate, 0..=1 << 30);
        /// Bytes of answers that clients have asked for and not taken yet, in all; further requests get a 503. What many are sent counts
        /// once. Too high: slow readers exhaust memory. Too low: readers of seat maps are refused in a rush.
        unsent_max "unsent_max_bytes": usize = number(default.unsent_max, 1 << 20..=1 << 40);
        /// The same for one network, with a 429; trusted networks and proxies are exempt. Too high: one client uses up what is there for
        /// all. Too low: an office can't look at a large house.
        unsent_per_network "unsent_per_network_bytes": usize = number(default.unsent_per_network, 1 << 20..=1 << 40);
        /// Connections at once of one network, that is an address of IPv4 or a /64 of IPv6; further ones get a 429. Trusted networks and
        /// proxies are exempt. Too high: one client takes the places of all others. Too low: offices and mobile networks that share an
        /// address are turned away.
        connections_per_network: usize = number(256, 1..=1_000_000);
        /// Bytes of a JSON body. Too high: memory for the asking. Too low: large legitimate requests get a 413.
        body_limit "body_limit_bytes": usize = number(default.body_limit, 1024..=64 << 20);
        /// Bytes of a request's head. Too high: memory for the asking. Too low: cookies and tokens get a 431.
        header_limit "header_limit_bytes": usize = number(default.header_limit, 8192..=1 << 20);
        /// Proxies that are believed what they say about their clients, in the field that FORWARDED_HEADER names, and in
        /// X-Forwarded-Proto; networks separated by commas. Too wide: clients choose the address that they are limited and remembered by.
        /// Too narrow: all of a proxy's clients share one limit.
        trusted_proxies: Vec<Network> = list(|text| text.parse().ok(), NETWORKS);
        /// The one field in which they say where their client is: every proxy has to write it or to take it out. forwarded is read as
        /// RFC 7239 says, any other as a list of addresses.
        forwarded_header: HeaderName =
            value(default.forwarded_header.clone(), "x-forwarded-for, forwarded or another name");
        /// How long a shutdown waits for requests in progress. Too high: the supervisor of the process kills it first. Too low: requests
        /// are cut off.
        drain_timeout: Duration = duration(default.drain_timeout, ms(0)..=minutes(10));
    }
}

settings! {
    edge -> EdgeSettings or default {
        /// Origins whose pages may use the API with their users' cookies, separated by commas, such as https://shop.example. Too many:
        /// anyone who can run a script on one of them acts for its visitors. Too few: the browser keeps the answers from a page of ours.
        cors_origins: Vec<String> = list(origin, ORIGINS);
        /// When clients are told to come by HTTPS only, for a year and for all hosts below the name: auto (those who did, or whose proxy
        /// says so), always, never.
        hsts: Hsts = value(default.hsts, "auto, always or never");
    }
}

settings! {
    live -> LiveSettings or default {
        /// Live streams at once, further ones get a 503. Too high: each change of a hot event is a write to each of them, and each has a
        /// connection. Too low: people reload the page instead, which costs more.
        streams_max "max_streams": usize = number(default.streams_max, 0..=1_000_000);
        /// Live streams at once of one network, as with connections; behind a proxy its clients' networks count.
        streams_per_network: usize = number(32, 0..=1_000_000);
        /// Between two deltas of an event's live stream at least. Too high: people click on seats that are gone. Too low: the stream of a
        /// hot event takes the time that its bookings need.
        window "stream_window": Duration = duration(default.window, ms(1)..=minutes(1));
        /// A live stream with nothing to tell says so after this time. Too high: proxies take it for dead. Too low: traffic for nothing.
        heartbeat "stream_heartbeat": Duration = duration(default.heartbeat, ms(10)..=minutes(10));
    }
}

settings! {
    /// The listener for operators: metrics and detailed health
    "ops" OpsConfig() {
        /// Address and port. It tells about the inside of the server: keep it where only operators and Prometheus reach it.
        listen: SocketAddr = value(SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)), ADDRESS);
        /// Names by which it is asked, separated by commas, beside localhost and the addresses of private networks; others get a 421. Too
        /// many: a page of a stranger whose name leads here reads it in the browser of an operator. Too few: Prometheus gets a 421.
        hosts: Vec<String> = list(host, HOSTS);
    }
}
