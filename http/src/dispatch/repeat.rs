//! Response cache, the fast path: the answer that was given to the same request a moment ago.

use std::time::Instant;

use application::limits::Client;
use http::{Method, Response};
use hyper::body::Body as _;

use super::{Arrived, Dispatcher, Record};
use crate::{
    body::Body,
    edge::syntax,
    rate_limits::Fields,
    repeats::Wanted,
    request_id::{REQUEST_ID, RequestId},
};

impl Dispatcher {
    /// Gives an answer again, and says when that was. The client is held to the same rules as on the long way, by the same
    /// pieces: what is left out is to read the address, to run the handler, and to make the head. `None`: there is no such
    /// answer, or something is the matter with the request, which the long way says. What was counted is not counted there again.
    pub(super) fn repeat(&self, arrived: &mut Arrived) -> Option<(Response<Body>, Instant)> {
        let Arrived { started, head, asked, .. } = arrived;
        if head.method != Method::GET || !arrived.body.is_end_stream() {
            return None;
        }
        let wanted = Wanted { target: head.uri.path_and_query()?.as_str(), manner: asked.manner()? };
        let found = self.repeats.find(wanted, *started)?;
        let target = self.router.row(found.row())?;
        if syntax::fault(head, asked.present()).is_some() || self.edge.check(head, asked, &target.info).is_err() {
            return None;
        }
        let mut response = found.response(&head.headers, asked.present())?;
        // Who has too much on the way already is told so on the long way.
        let address = arrived.address;
        response.body_mut().charge(|| self.payer(address, head.version)).ok()?;
        let fields = match &self.router.limits {
            None => None,
            Some(limits) => {
                let tier = target.info.tier;
                let counted = limits.count(tier, Client { address: arrived.address, account: None }, *started);
                let Some(fields) = limits.admitted(tier, &counted) else {
                    arrived.counted = Some(counted);
                    return None;
                };
                fields
            }
        };
        found.note();
        let id = RequestId::of(&head.headers, asked.present());
        let (route, measures) = (Some(&*target.info), &target.measures);
        let (path, started) = (head.uri.path(), *started);
        let record = Record { route, measures, account: None, id: &id, path, client: address, started };
        let now = record.note(response.status(), None);
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID.clone(), id.into_header());
        match fields {
            Some(fields) => fields.set(headers),
            None => Fields::clear(headers),
        }
        Some((response, now))
    }
}
