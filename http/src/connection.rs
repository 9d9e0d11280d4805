//! One accepted connection, from its first bytes to its end.
//!
//! The first bytes tell whether it is HTTP/1.1 or HTTP/2. Between two requests hyper keeps some 20 KiB for a connection of
//! HTTP/1.1: what it read into, what it wrote from, and room for the answer of a handler. Most of those who are connected
//! say nothing for a long time, so after a moment the socket is taken out of hyper, and goes back with the next byte. What
//! remains of such a *dormant* connection is the socket, a timer and a small task.

pub(super) mod activity;
pub(super) mod refusal;
mod socket;

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use hyper::{
    Request, Response,
    body::Incoming,
    server::conn::{http1, http2},
    service::{Service, service_fn},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use metrics::{Gauge, counter};
use tokio::{
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::CancellationToken;

use self::{
    activity::{Activity, Patience, Verdict},
    socket::{Protocol, Socket},
};
use super::{
    body::Body,
    dispatch::{Answering, Dispatcher},
    settings::Settings,
};

/// How long an idle connection, politely ended, may take to close.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(5);

/// How each protocol is spoken.
#[derive(Debug)]
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut http1 = http1::Builder::new();
        // Head and idle deadlines are `Activity`'s. A client that closes its side has gone: without that, a read whose
        // client hung up would run to its end.
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .half_close(false)
            .max_buf_size(settings.header_limit.max(8192));
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        // One connection may hold 100 requests, not more; small windows bound what it can make the server buffer, and the
        // reset caps end "rapid reset" floods (CVE-2023-44487). A dead peer is noticed within 30 s.
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(100)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .max_header_list_size(u32::try_from(settings.header_limit).unwrap_or(u32::MAX))
            .initial_stream_window_size(64 << 10)
            .initial_connection_window_size(1 << 20)
            .max_send_buf_size(64 << 10)
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(1024);
        Self { http1, http2 }
    }
}

/// What serves a connection.
pub(super) struct Connection {
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) protocols: Arc<Protocols>,
    /// Asks it to end after the requests in progress.
    pub(super) retire: CancellationToken,
    /// Ends it at once; after `retire`.
    pub(super) cut: CancellationToken,
    /// Counts those that are dormant.
    pub(super) dormant: Gauge,
}

impl Connection {
    /// Serves it to its end.
    pub(super) async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        let activity = Activity::new();
        let settings = &self.dispatcher.settings;
        let mut deadlines = Deadlines {
            activity: &activity,
            patience: Patience {
                header: settings.header_timeout,
                idle: settings.idle_timeout,
                dormant: settings.dormant_after,
                write: settings.write_timeout,
                least_rate: settings.least_rate,
            },
            timer: pin!(sleep(settings.header_timeout)),
            retire: &self.retire,
            cut: &self.cut,
            is_retiring: false,
        };
        let mut socket = Socket::new(stream, Arc::clone(&activity));
        let Some(Ok(protocol)) = deadlines.unless_due(socket.protocol()).await else { return };
        // Boxes, so that what a request needs is not kept for as long as the connection lasts.
        if protocol == Protocol::Http2 {
            return Box::pin(self.serve_http2(socket, peer, &mut deadlines)).await;
        }
        loop {
            let Some(back) = Box::pin(self.serve_http1(socket, peer, &mut deadlines)).await else { return };
            socket = back;
            let _dormant = Dormant::enter(&self.dormant);
            let Some(Ok(())) = deadlines.unless_due(socket.readable()).await else { return };
        }
    }

    /// Serves requests until the connection has ended, or is dormant: then its socket comes back.
    async fn serve_http1(&self, socket: Socket, peer: SocketAddr, deadlines: &mut Deadlines<'_>) -> Option<Socket> {
        let service = self.service(peer, deadlines.activity);
        let mut connection = self.protocols.http1.serve_connection(TokioIo::new(socket), service);
        deadlines.look_at(Instant::now() + deadlines.patience.first_look());
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut connection => break ended,
                due = deadlines.due() => match due {
                    Due::Retire => Pin::new(&mut connection).graceful_shutdown(),
                    Due::End => return None,
                    Due::Dormant(until) => {
                        deadlines.look_at(until);
                        // Only hyper knows whether it is between two requests: a client may have been answered before all of
                        // its request's body was there. Then hyper is not done, and will end the connection with that body.
                        Pin::new(&mut connection).graceful_shutdown();
                        match poll_fn(|cx| Poll::Ready(connection.poll_without_shutdown(cx))).await {
                            Poll::Ready(Ok(())) => return Some(taken_out(connection)),
                            Poll::Ready(Err(error)) => break Err(error),
                            Poll::Pending => deadlines.is_retiring = true,
                        }
                    }
                }
            }
        };
        if let Err(error) = ended {
            self.refuse(peer, &error, connection.into_parts()).await;
        }
        None
    }

    /// The end of a connection whose client sent what hyper can't read: where hyper would have answered with a bare status,
    /// it is told why, in the form of every other refusal.
    async fn refuse<R>(&self, peer: SocketAddr, error: &hyper::Error, parts: http1::Parts<TokioIo<Socket>, R>) {
        log_end(peer, error);
        let mut socket = parts.io.into_inner();
        let Some(status) = socket.take_refused() else { return };
        let dispatcher = &self.dispatcher;
        let problem = refusal::problem(status, error, &parts.read_buf);
        dispatcher.router.unmatched.count(problem.status());
        refusal::send(socket, &refusal::encode(problem, &dispatcher.edge)).await;
    }

    async fn serve_http2(&self, socket: Socket, peer: SocketAddr, deadlines: &mut Deadlines<'_>) {
        let service = self.service(peer, deadlines.activity);
        let mut connection = pin!(self.protocols.http2.serve_connection(TokioIo::new(socket), service));
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => return ended.unwrap_or_else(|error| log_end(peer, &error)),
                due = deadlines.due() => match due {
                    Due::Retire => connection.as_mut().graceful_shutdown(),
                    Due::End => return,
                    Due::Dormant(until) => deadlines.look_at(until),
                }
            }
        }
    }

    fn service<'a>(
        &'a self,
        peer: SocketAddr,
        activity: &'a Arc<Activity>,
    ) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future = Answering> + 'a {
        service_fn(move |request| self.dispatcher.answer(peer, activity, request))
    }
}

/// The socket of a connection that is done, with what hyper has read of the next request.
fn taken_out<S>(connection: http1::Connection<TokioIo<Socket>, S>) -> Socket
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
{
    let parts = connection.into_parts();
    let mut socket = parts.io.into_inner();
    socket.put_back(&parts.read_buf);
    socket
}

/// Resets, time-outs and nonsense from the network are the client's affair, not an operator's.
fn log_end(peer: SocketAddr, error: &hyper::Error) {
    tracing::debug!(%peer, %error, "connection ended");
}

/// What is to be done about a connection.
#[derive(Debug)]
enum Due {
    /// Ask it to end after what is in progress.
    Retire,
    /// Give its buffers back; without a request it is idle then.
    Dormant(Instant),
    /// End it at once.
    End,
}

/// Looks, by one lazy timer, whether a connection does something.
struct Deadlines<'a> {
    activity: &'a Arc<Activity>,
    patience: Patience,
    timer: Pin<&'a mut Sleep>,
    retire: &'a CancellationToken,
    cut: &'a CancellationToken,
    /// It has been asked to end.
    is_retiring: bool,
}

impl Deadlines<'_> {
    fn look_at(&mut self, instant: Instant) {
        self.timer.as_mut().reset(instant);
    }

    /// Waits until something is to be done. May be dropped and asked again.
    async fn due(&mut self) -> Due {
        loop {
            tokio::select! {
                biased;
                () = self.retire.cancelled(), if !self.is_retiring => {
                    // The rest of the answer, for anyone who takes it; a drain does not wait for one who does not.
                    self.patience.write = self.patience.write.min(FAREWELL_TIMEOUT);
                    return self.say_farewell();
                }
                () = self.cut.cancelled(), if self.is_retiring => return Due::End,
                () = self.timer.as_mut() => {}
            }
            match self.activity.verdict(Instant::now(), self.patience) {
                Verdict::LookAgain(at) => self.look_at(at),
                Verdict::Dormant(until) if self.is_retiring => self.look_at(until),
                Verdict::Dormant(until) => return Due::Dormant(until),
                Verdict::Stalled => {
                    counter!("boxoffice_http_stalled_connections_total").increment(1);
                    return Due::End;
                }
                Verdict::Idle if !self.is_retiring => return self.say_farewell(),
                // A head that does not come, or asked to end before and still here.
                Verdict::Overdue | Verdict::Idle => return Due::End,
            }
        }
    }

    fn say_farewell(&mut self) -> Due {
        self.is_retiring = true;
        self.look_at(Instant::now() + FAREWELL_TIMEOUT);
        Due::Retire
    }

    /// What comes of `work` while nothing is in progress; `None` when the connection is to end first.
    async fn unless_due<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = work.as_mut() => return Some(done),
                due = self.due() => match due {
                    Due::Dormant(until) => self.look_at(until),
                    Due::Retire | Due::End => return None,
                }
            }
        }
    }
}

/// Keeps the gauge right on every way out.
struct Dormant<'a>(&'a Gauge);

impl<'a> Dormant<'a> {
    fn enter(gauge: &'a Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Dormant<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
