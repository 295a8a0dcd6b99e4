//! Bodies: compressed, in parts, streamed.

mod compress;
mod encoding;
mod excerpt;
mod form;
mod inflate;
mod pointer;
mod read;
mod source;

pub use encoding::Encoding;
pub(super) use encoding::header_of;
pub(super) use excerpt::excerpt;
pub use form::Form;
pub(super) use inflate::Inflater;
use inflate::inflate;
use pointer::json_at;
pub(super) use source::More;

use super::error::Failure;
use super::follow;
use super::request::RequestBuilder;
use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};

/// Whether the response's body must be inflated before the user gets it. What leads to another response is for nobody.
#[inline]
pub(super) fn is_to_inflate(
    request: &RequestBuilder,
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
) -> bool {
    !body.is_empty()
        && headers.contains_key(CONTENT_ENCODING)
        && request.keeps_body()
        && follow::leads(request, status, headers).is_none()
}

/// Does it.
pub(super) async fn inflate_answer(
    request: &RequestBuilder,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Bytes, Failure> {
    inflate(headers, body, request.http.core.options.http.bodies.most_inflated).await
}

impl RequestBuilder {
    /// Throws the response's body away as it comes in, or keeps it, whatever
    /// [`LoadTest::discard_response_bodies`](crate::LoadTest::discard_response_bodies) says for the whole test.
    pub fn discard_body(mut self, discard: bool) -> Self {
        self.extras().discards_body = Some(discard);
        self
    }

    #[inline]
    pub(super) fn keeps_body(&self) -> bool {
        let own = self.extras.as_ref().and_then(|extras| extras.discards_body);
        !own.unwrap_or(self.http.core.options.discard_bodies)
    }
}
