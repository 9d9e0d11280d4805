//! One answer with all its headers, and its copy for hyper alone.

use std::net::SocketAddr;

use anyhow::bail;
use serde::Serialize;

use crate::connection::{Connection, HEADERS_MAX, connect, get};

/// hyper adds these itself.
const OF_HYPER: [&str; 2] = ["content-length", "date"];
/// Of one request only, in value but not in length.
const OF_ONE_REQUEST: [&str; 3] = ["date", "x-request-id", "ratelimit"];

/// An answer that can be given again.
pub(super) struct Copied {
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

impl Copied {
    pub(super) async fn take(address: SocketAddr, path: &str, headers: &str) -> anyhow::Result<Self> {
        let mut connection = Connection::new(connect(address).await?);
        let answer = connection.ask(get(address, path, headers).as_bytes()).await?;
        let mut found = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut found);
        response.parse(answer.head)?;
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = response.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect();
        Ok(Self { status: answer.status, headers, head_bytes: answer.head.len(), body: answer.body.to_vec() })
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
