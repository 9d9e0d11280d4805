//! Logs: one JSON object a line on standard output, written by a thread of its own.

use std::{
    fmt::{self, Write as _},
    io::{self, IsTerminal, Write as _},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use metrics::{Counter, counter};
use serde::Serialize;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use super::{
    context,
    flood::{Dam, DamLayer, LeftOut},
};

/// Lines waiting for standard output. A reader that stalls for longer loses lines, never holds up a booking.
const LINES_WAITING_MAX: usize = 8192;
/// How often it is told how many lines were left out.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, for machines.
    Json,
    /// Colours, for a developer's terminal.
    Text,
}

impl Format {
    /// JSON always in production, whatever is wanted; otherwise what is, or text on a developer's terminal and JSON where nobody is
    /// looking.
    pub fn asked(wanted: Option<Self>, production: bool) -> Self {
        match wanted {
            _ if production => Self::Json,
            Some(wanted) => wanted,
            None if io::stdout().is_terminal() => Self::Text,
            None => Self::Json,
        }
    }
}

/// The log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not in the syntax of `RUST_LOG`.
    #[error("the log filter is not valid")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The writer's thread could not be started.
    #[error("cannot start the log writer")]
    Thread(#[from] io::Error),
}

/// Writes out what is still waiting when it is dropped: keep it until the end of `main`.
#[derive(Debug)]
pub struct LogGuard {
    sender: Option<SyncSender<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        // An empty line is the signal to stop: the subscriber's sender lives as long as the process.
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(Vec::new());
        }
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Installs the process's subscriber and the hook that logs panics. A second call, as in tests that start several
/// servers, changes nothing. `filter` is in the syntax of `RUST_LOG`. Install the metrics recorder first: lines that are
/// dropped are counted by a handle made here.
pub fn install(filter: &str, format: Format) -> Result<LogGuard, LogError> {
    let filter = EnvFilter::try_new(filter)?;
    if format == Format::Text {
        let _ = tracing_subscriber::fmt().with_env_filter(filter).try_init();
        install_panic_hook();
        return Ok(LogGuard { sender: None, writer: None });
    }
    let (sender, receiver) = sync_channel(LINES_WAITING_MAX);
    let lines = Lines { sender: sender.clone(), dropped: counter!("boxoffice_log_lines_dropped_total") };
    let dam = Dam::new();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .event_format(JsonLines)
        .with_writer(lines)
        .finish()
        .with(DamLayer(Arc::clone(&dam)));
    // Also takes what libraries tell the `log` crate.
    if subscriber.try_init().is_err() {
        return Ok(LogGuard { sender: None, writer: None });
    }
    install_panic_hook();
    let writer = std::thread::Builder::new().name("log".to_owned()).spawn(move || write_lines(&receiver, &dam))?;
    Ok(LogGuard { sender: Some(sender), writer: Some(writer) })
}

/// A panic is one line of the log like any other, with the id of the request it happened in.
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("a value that is not text");
        let location = info.location().map(tracing::field::display);
        tracing::error!(location, "panicked: {message}");
    }));
}

fn write_lines(receiver: &Receiver<Vec<u8>>, dam: &Dam) {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut told_at = Instant::now();
    loop {
        let mut next = match receiver.recv_timeout(TELL_EVERY) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if told_at.elapsed() >= TELL_EVERY || next.as_ref().is_some_and(Vec::is_empty) {
            told_at = Instant::now();
            for left_out in dam.take_left_out() {
                // The next write fails as well, and ends this.
                let _ = out.write_all(left_out_line(&left_out).as_bytes());
            }
        }
        // One system call for everything that is waiting.
        while let Some(line) = next {
            if line.is_empty() || out.write_all(&line).is_err() {
                let _ = out.flush();
                return;
            }
            next = receiver.try_recv().ok();
        }
        if out.flush().is_err() {
            return;
        }
    }
}

fn left_out_line(left_out: &LeftOut) -> String {
    let mut line = begin_line(left_out.metadata.level());
    push(&mut line, "message", "lines left out");
    push(&mut line, "like", &left_out.message);
    push(&mut line, "count", &left_out.count);
    end_line(&mut line, left_out.metadata.target());
    line.push('\n');
    line
}

/// Hands lines to the writer's thread.
struct Lines {
    sender: SyncSender<Vec<u8>>,
    dropped: Counter,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl io::Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(line.to_vec()) {
            self.dropped.increment(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The format of a line.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        writer.write_str(&line(event))?;
        writer.write_char('\n')
    }
}

fn line(event: &Event<'_>) -> String {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let metadata = event.metadata();
    let mut line = begin_line(metadata.level());
    push(&mut line, "message", &fields.message);
    line.push_str(&fields.rest);
    context::current(|request| {
        if !fields.names_request {
            push(&mut line, "requestId", request.request_id.to_str().unwrap_or_default());
        }
        if let Some(account) = request.account.filter(|_| !fields.names_user) {
            push(&mut line, "userId", &account);
        }
    });
    end_line(&mut line, fields.target.as_deref().unwrap_or(metadata.target()));
    line
}

fn begin_line(level: &Level) -> String {
    let mut line = String::with_capacity(512);
    // Writing to a String cannot fail.
    let _ = write!(line, r#"{{"timestamp":"{:.3}","level":"{level}""#, jiff::Timestamp::now());
    line
}

fn end_line(line: &mut String, target: &str) {
    push(line, "service", "boxoffice");
    push(line, "version", env!("CARGO_PKG_VERSION"));
    push(line, "target", target);
    line.push('}');
}

fn push(line: &mut String, name: &str, value: &(impl Serialize + ?Sized)) {
    let (Ok(name), Ok(value)) = (serde_json::to_string(name), serde_json::to_string(value)) else { return };
    line.push(',');
    line.push_str(&name);
    line.push(':');
    line.push_str(&value);
}

/// The fields of one event, as JSON members.
#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
    names_request: bool,
    names_user: bool,
    /// Of a line of the `log` crate, whose metadata are the same for all.
    target: Option<String>,
}

impl Fields {
    fn push(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        // Where in a library a line of the `log` crate comes from.
        if field.name().starts_with("log.") {
            return;
        }
        self.names_request |= field.name() == "requestId";
        self.names_user |= field.name() == "userId";
        push(&mut self.rest, field.name(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.push(field, &text);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "log.target" => self.target = Some(value.to_owned()),
            _ => self.push(field, value),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, &value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use domain::ids::AccountId;
    use http::HeaderValue;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(emit: impl FnOnce()) -> Vec<serde_json::Value> {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::fmt().event_format(JsonLines).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, emit);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_has_everything_operators_search_by() {
        let lines =
            logged(|| tracing::warn!(status = 503, cause = "a \"quoted\"\nthing", ok = false, "it {}", "failed"));
        let line = &lines[0];
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "it failed");
        assert_eq!(line["status"], 503);
        assert_eq!(line["ok"], false);
        assert_eq!(line["cause"], "a \"quoted\"\nthing");
        assert_eq!(line["service"], "boxoffice");
        assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
        assert!(line["target"].as_str().unwrap().starts_with("telemetry"));
        assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert!(line.get("requestId").is_none());
    }

    /// Watches the bridge: Redis, PostgreSQL and TLS warn by way of the `log` crate.
    #[test]
    fn what_libraries_warn_of_is_a_line_like_any_other() {
        let _guard = install("info", Format::Json).unwrap();
        let lines = logged(|| log::warn!(target: "a_library", "the connection was {}", "lost"));
        assert_eq!((&lines[0]["message"], &lines[0]["level"]), (&"the connection was lost".into(), &"WARN".into()));
        assert_eq!((&lines[0]["target"], lines[0].get("log.line")), (&"a_library".into(), None));
    }

    #[test]
    fn production_is_always_json() {
        assert_eq!(Format::asked(Some(Format::Text), true), Format::Json);
        assert_eq!(Format::asked(Some(Format::Text), false), Format::Text);
    }

    #[test]
    fn work_for_a_request_is_logged_with_its_id_and_account() {
        let account = AccountId::generate();
        let request = context::RequestContext { request_id: HeaderValue::from_static("r-1"), account: Some(account) };
        let mut request = Some(request);
        let lines = logged(|| {
            context::during(&mut request, || {
                tracing::info!("inside");
                tracing::info!(requestId = "r-2", "named");
            });
            tracing::info!("outside");
        });
        assert_eq!(lines[0]["requestId"], "r-1");
        assert_eq!(lines[0]["userId"], account.to_string());
        assert_eq!(lines[1]["requestId"], "r-2");
        assert!(lines[2].get("requestId").is_none() && request.is_some());
    }
}
