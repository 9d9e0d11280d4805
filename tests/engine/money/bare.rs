//! HTTP/1.1 as a server that is written in a hurry speaks it: one can be told to break off anywhere.

use std::{collections::BTreeMap, io};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use url::form_urlencoded;

/// A request.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    target: String,
    /// By their names in small letters.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Asked {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        value(query.as_bytes(), name)
    }

    /// A field of a form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        value(&self.body, name)
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.field(name)?.parse().ok()
    }
}

fn value(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(of, _)| of == name).map(|(_, value)| value.into_owned())
}

/// See the module's page.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(BufReader::new(stream))
    }

    /// The next request; nothing when the client is done.
    pub(crate) async fn read(&mut self) -> io::Result<Option<Asked>> {
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let mut parts = line.split_whitespace();
        let (method, target) = parts.next().zip(parts.next()).ok_or_else(broken)?;
        let (method, target) = (method.to_owned(), target.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            self.0.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").map_or(Ok(0), |text| text.parse()).map_err(|_| broken())?;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok(Some(Asked { method, target, headers, body }))
    }

    pub(crate) async fn answer(&mut self, status: u16, body: &Value) -> io::Result<()> {
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} Told\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.0.get_mut().write_all(head.as_bytes()).await?;
        self.0.get_mut().write_all(body.as_bytes()).await
    }
}
