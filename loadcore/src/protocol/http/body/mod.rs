//! Bodies: compressed, in parts, streamed.

mod compress;
mod encoding;
mod excerpt;
mod form;
mod inflate;
mod pointer;
mod read;
mod received;
mod source;

pub use encoding::Encoding;
pub(super) use encoding::header_of;
pub(super) use excerpt::excerpt;
pub use form::Form;
pub(super) use inflate::Inflater;
use inflate::inflate;
use pointer::json_at;
pub(super) use received::Received;
pub(super) use source::More;
#[cfg(test)]
pub(super) use source::Streamed;

use super::error::Failure;
use super::follow;
use super::head::Headers;
use super::request::RequestBuilder;
use bytes::Bytes;
use http::StatusCode;

/// Whether the response's body must be inflated before the user gets it. What leads to another response is for nobody.
#[inline]
pub(super) fn is_to_inflate(
    request: &RequestBuilder,
    status: StatusCode,
    headers: &Headers,
    is_empty: bool,
) -> bool {
    !is_empty
        && headers.marks.has_content_encoding
        && request.keeps_body()
        && follow::leads(request, status, headers).is_none()
}

/// Does it.
pub(super) async fn inflate_answer(
    request: &RequestBuilder,
    headers: &Headers,
    body: Bytes,
) -> Result<Bytes, Failure> {
    inflate(headers.map(), body, request.http.core.options.http.bodies.most_inflated).await
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
