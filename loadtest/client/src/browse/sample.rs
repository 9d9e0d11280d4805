//! One answer with all its headers, and its copy for hyper alone.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// hyper adds these itself.
const OF_HYPER: [&str; 2] = ["content-length", "date"];
/// Of one request only, in value but not in length.
const OF_ONE_REQUEST: [&str; 3] = ["date", "x-request-id", "ratelimit"];
const HEADERS_MAX: usize = 64;

/// A request for `path` with these further header lines.
pub(super) fn request(address: SocketAddr, path: &str, extra: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: */*\r\n{extra}\r\n")
}

/// Where a program is.
pub(super) fn found(program: &str) -> anyhow::Result<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file());
    found.with_context(|| format!("{program} is missing: install it, or measure with --unpinned"))
}

/// An answer.
pub(super) struct Sample {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) head_bytes: usize,
    pub(super) body: Vec<u8>,
}

/// What `baseline raw` reads.
#[derive(Serialize)]
pub(super) struct Replayed<'a> {
    status: u16,
    headers: Vec<&'a (String, String)>,
    body: &'a [u8],
}

impl Sample {
    pub(super) async fn take(address: SocketAddr, path: &str, extra: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request(address, path, extra).as_bytes()).await?;
        let mut bytes = Vec::new();
        loop {
            if stream.read_buf(&mut bytes).await? == 0 {
                bail!("the connection ended within the answer to {path}");
            }
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut response = httparse::Response::new(&mut headers);
            let httparse::Status::Complete(head_bytes) = response.parse(&bytes)? else { continue };
            let status = response.code.unwrap_or_default();
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let headers: Vec<(String, String)> =
                response.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.map_or(Ok(0), |(_, value)| value.parse::<usize>())?;
            let Some(body) = bytes.get(head_bytes..head_bytes + length) else { continue };
            return Ok(Self { status, body: body.to_vec(), headers, head_bytes });
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn replayed(&self) -> Replayed<'_> {
        let headers = self.headers.iter().filter(|(name, _)| !OF_HYPER.contains(&name.as_str()));
        Replayed { status: self.status, headers: headers.collect(), body: &self.body }
    }

    /// Fails when this is not an answer of the same status, headers and body.
    pub(super) fn check_like(&self, other: &Self) -> anyhow::Result<()> {
        let comparable = |sample: &Self| {
            let mut headers = sample.headers.clone();
            for (name, value) in &mut headers {
                if OF_ONE_REQUEST.contains(&name.as_str()) {
                    value.clear();
                }
            }
            headers.sort();
            (sample.status, headers)
        };
        if comparable(self) != comparable(other) || self.body != other.body {
            bail!("hyper alone does not answer the same: {:?} instead of {:?}", self.headers, other.headers);
        }
        Ok(())
    }
}
