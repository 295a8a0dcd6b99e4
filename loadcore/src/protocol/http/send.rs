//! One request from end to end: wait for the cap, exchange hop by hop, hand out the response.

use super::count::refuse;
use super::error::SendError;
use super::head::Head;
use super::hop::{Answer, Attempt, exchange};
use super::request::RequestBuilder;
use super::response::Response;
use super::streamed::StreamedResponse;
use super::target::Target;
use super::transport::exchange::MOST;
use super::{cookies, follow};
use std::rc::Rc;
use std::time::Instant;

// An `async fn` would carry the request twice, as it came and as it is now.
#[allow(clippy::manual_async_fn)]
pub(super) fn send(mut request: RequestBuilder) -> impl Future<Output = Result<Response, SendError>> {
    async move {
        let mut target = prepare(&mut request)?;
        if let Some(cap) = &request.http.core.options.rate_cap {
            // Before the request's clock starts: this wait is in none of its timings. Boxed, since few tests ask for it.
            Box::pin(cap.wait(&request.vu.state.core.clock)).await;
        }
        let mut started = Instant::now();
        let deadline = started + request.timeout.min(MOST);
        loop {
            request.cookie = cookies::header(&request, &target);
            let answer = exchange(&request, &target, started, deadline).await?;
            #[cfg(feature = "reqwest")]
            if let Some(landed) = &answer.landed {
                target = Rc::clone(landed);
            }
            cookies::keep(&request, &target, &answer.head.headers);
            match next(&mut request, &target, &answer.head)? {
                None => return Ok(response(request, target, answer)),
                Some(next) => target = next,
            }
            started = Instant::now();
        }
    }
}

/// As [`send`], as far as to the head of the response.
pub(super) async fn send_streaming(mut request: RequestBuilder) -> Result<StreamedResponse, SendError> {
    #[cfg(feature = "reqwest")]
    if super::reqwest::carries(&request) {
        request =
            request.fail("reqwest does not stream responses: use send(), or leave out the reqwest transport");
    }
    let mut target = prepare(&mut request)?;
    if let Some(cap) = &request.http.core.options.rate_cap {
        cap.wait(&request.vu.state.core.clock).await;
    }
    let mut started = Instant::now();
    let deadline = started + request.timeout.min(MOST);
    loop {
        request.cookie = cookies::header(&request, &target);
        // The response needs it until it has ended.
        let shared = Rc::new(request);
        let mut attempt = Attempt::new(Rc::clone(&shared), Rc::clone(&target), started, deadline);
        attempt.open().await.map_err(|undone| attempt.failed(undone))?;
        let Some(head) = attempt.opened() else { unreachable!("there is an answer") };
        cookies::keep(&shared, &target, &head.headers);
        if follow::leads(&shared, head.status, &head.headers).is_none() {
            follow::note_unfollowed(&shared, &target, head.status, &head.headers);
            return StreamedResponse::new(attempt);
        }
        let body = attempt.receive(None).await.map_err(|undone| attempt.failed(undone))?;
        let head = attempt.take_head();
        attempt.finish(&head, body.slice(head.headers.buffer()));
        drop(attempt);
        let Ok(again) = Rc::try_unwrap(shared) else { unreachable!("the attempt is over") };
        request = again;
        if let Some(next) = next(&mut request, &target, &head)? {
            target = next;
        }
        started = Instant::now();
    }
}

/// Makes a request ready; where it goes.
#[inline]
fn prepare(request: &mut RequestBuilder) -> Result<Rc<Target>, SendError> {
    if request.is_to_compress() {
        request.compress_now();
    }
    let target = match &request.target {
        Ok(target) if request.query.is_empty() => Ok(Rc::clone(target)),
        Ok(target) => target
            .with_query(&request.query)
            .map(Rc::new)
            .map_err(|failure| SendError::new(failure.kind, &request.method, &target.url(), failure.detail)),
        Err(error) => Err(error.clone()),
    };
    target.inspect_err(|error| refuse(request, error))
}

/// Where the answer leads, if it shall be followed. The request becomes the next hop's.
#[inline]
fn next(
    request: &mut RequestBuilder,
    target: &Rc<Target>,
    answer: &Head,
) -> Result<Option<Rc<Target>>, SendError> {
    let next = follow::next(request, target, answer).inspect_err(|error| refuse(request, error))?;
    if next.is_some() {
        request.hops += 1;
    }
    Ok(next)
}

fn response(request: RequestBuilder, target: Rc<Target>, answer: Answer) -> Response {
    let Answer { head, body, timings, remote, tls, .. } = answer;
    let (status, version, headers) = (head.status, head.version, head.headers);
    let body = request.keeps_body().then_some(body);
    let (method, redirects) = (request.method, request.hops);
    Response { method, status, version, headers, body, timings, remote, tls, target, redirects }
}
