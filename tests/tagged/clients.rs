//! Users who send tagged requests in every way there is, and give many of them up.

use std::cell::Cell;
use std::time::Duration;

use loadcore::http::{Method, RequestBuilder, Response, SendError};
use loadcore::prelude::*;

use crate::answer::{LATE, SIZE, TAG, is_body_of};
use crate::server::Late;
use crate::tally::Tally;

/// One request, or two at the same time.
pub(crate) async fn journey(vu: &Vu, tally: &Tally, late: &Late) -> Result {
    let [one, other] = [0, 1].map(|nth| Ask {
        vu,
        tally,
        tag: format!("{}-{}-{nth}", vu.id(), vu.iteration()),
        is_unsettled: Cell::new(false),
    });
    match vu.pick(200) {
        0 => {
            tokio::join!(one.send(), other.send());
        }
        1 => one.until(Duration::from_micros(vu.pick(2_000) as u64)).await,
        2 => {
            tokio::select! {
                () = one.send() => {}
                () = vu.sleep(Duration::from_micros(vu.pick(3_000) as u64)) => tally.given_up(),
            }
        }
        3..13 => one.stream().await,
        _ => one.send().await,
    }
    // Nothing may interrupt this, nor another request begin before.
    one.settle(late).await;
    other.settle(late).await;
    Ok(())
}

/// A tagged request.
struct Ask<'a> {
    vu: &'a Vu,
    tally: &'a Tally,
    tag: String,
    /// Its connection may be kept, and the server will say something on it that nobody has asked for.
    is_unsettled: Cell<bool>,
}

impl Ask<'_> {
    fn request(&self) -> RequestBuilder {
        let (vu, tag) = (self.vu, &self.tag);
        // A template: other URLs would be remembered.
        let path = path!("/{tag}");
        match vu.pick(10) {
            0 => vu.request(Method::HEAD, path),
            1 => vu.post(path).body(tag.repeat(vu.pick(2_000))),
            _ => vu.get(path),
        }
    }

    async fn send(&self) {
        let discards = self.vu.pick(4) == 0;
        self.note(self.request().discard_body(discards).send().await, discards);
    }

    /// With a timeout, of the request's own or around it.
    async fn until(&self, patience: Duration) {
        let request = self.request();
        if self.vu.pick(2) == 0 {
            self.note(request.timeout(patience).send().await, false);
        } else if let Ok(outcome) = tokio::time::timeout(patience, request.send()).await {
            self.note(outcome, false);
        } else {
            self.tally.given_up();
        }
    }

    fn note(&self, outcome: Result<Response, SendError>, discards: bool) {
        match outcome {
            Err(error) => self.tally.failed(&error),
            Ok(response) => {
                let body = (!discards).then(|| response.bytes().clone());
                self.check(|name| response.header(name), body.as_deref());
                self.tally.answered(discards);
            }
        }
    }

    /// Reads a few pieces, or all.
    async fn stream(&self) {
        let mut response = match self.request().send_streaming().await {
            Err(error) => return self.tally.failed(&error),
            Ok(response) => response,
        };
        let (mut body, mut pieces) = (Vec::<u8>::new(), self.vu.pick(3));
        let is_whole = loop {
            match response.chunk().await {
                Err(error) => return self.tally.failed(&error),
                Ok(None) => break true,
                Ok(Some(_)) if pieces == 0 => break false,
                Ok(Some(piece)) => body.extend_from_slice(&piece),
            }
            pieces -= 1;
        };
        self.check(|name| response.header(name), is_whole.then_some(&body[..]));
        if is_whole {
            self.tally.answered(false);
        } else {
            self.is_part(&body);
            self.tally.left_in_mid_body();
        }
    }

    fn is_part(&self, body: &[u8]) {
        if !is_body_of(body, &self.tag) {
            self.tally.went_astray(format!("{}: a piece of another body", self.tag));
        }
    }

    /// Whether it is this request's answer, and all of it.
    fn check<'h>(&self, header: impl Fn(&'static str) -> Option<&'h str>, body: Option<&[u8]>) {
        let (tag, size) = (header(TAG), header(SIZE));
        if tag != Some(&self.tag) {
            return self.tally.went_astray(format!("{} got the answer of {tag:?}", self.tag));
        }
        self.is_unsettled.set(header(LATE).is_some());
        let Some(body) = body else { return };
        let size: usize = size.unwrap().parse().unwrap();
        if body.len() != size || !is_body_of(body, &self.tag) {
            let text = String::from_utf8_lossy(&body[..body.len().min(100)]);
            let problem = format!("{} got {} of {size} bytes, or others: {text}", self.tag, body.len());
            self.tally.went_astray(problem);
        }
    }

    /// Waits until the server has said what nobody asked for, and the system has told this core. What comes after the next
    /// request has gone is its answer, for all that any client can know.
    async fn settle(&self, late: &Late) {
        if !self.is_unsettled.get() {
            return;
        }
        while !late.take(&self.tag) {
            self.vu.sleep(Duration::from_millis(1)).await;
        }
        self.vu.sleep(Duration::from_millis(2)).await;
    }
}
