//! What a test says about the bodies of its responses.

use super::{Http, OptionsError};
use crate::protocol::http::Encoding;
use crate::protocol::http::body::header_of;
use http::HeaderValue;

/// Each number is the user's, or the default.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    /// The `accept-encoding` header of all requests.
    pub(crate) accept: Option<HeaderValue>,
    pub(crate) most: usize,
    pub(crate) most_inflated: usize,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { accept: None, most: usize::MAX, most_inflated: 64 << 20 }
    }
}

impl Bodies {
    pub(super) fn problem(&self) -> Option<OptionsError> {
        let limits = [("max response body", self.most), ("max inflated body", self.most_inflated)];
        let (option, _) = limits.into_iter().find(|(_, most)| *most == 0)?;
        let problem =
            "no response with a body could be received; LoadTest::discard_response_bodies(true) keeps none";
        Some(OptionsError::Unusable { option, given: "0".to_owned(), problem: problem.to_owned() })
    }
}

impl Http {
    /// Asks for compressed responses: `accept-encoding: gzip, br` in each request, for those encodings. Default: nothing is
    /// asked for, as in k6.
    ///
    /// A response that is compressed is inflated, whether it was asked for or not: after its time has ended, and unless its
    /// body is discarded. It keeps its `content-encoding` header, and `data_received` counts what was on the wire. One in an
    /// encoding that is unknown is left as it came.
    ///
    /// ```
    /// # use loadcore::http::{Encoding, Http};
    /// let http = Http::new().accept_encoding(Encoding::ALL);
    /// ```
    pub fn accept_encoding(mut self, encodings: impl IntoIterator<Item = Encoding>) -> Self {
        self.bodies.accept = Some(header_of(encodings));
        self
    }

    /// How many bytes a compressed response may have when it is inflated. A larger one ends as `decompression failed`, with
    /// `error_code` 1701: few bytes may stand for very many, and fill the memory of all VUs. Default: 64 MiB.
    /// [Streamed](crate::http::RequestBuilder::send_streaming) responses have no limit, since nobody keeps them.
    pub fn max_inflated_body(mut self, bytes: usize) -> Self {
        self.bodies.most_inflated = bytes;
        self
    }

    /// How many bytes of body a response may have, as they come over the wire. A larger one ends as `response body too large`,
    /// and its connection is closed. Default: no limit, as in k6. Discarded and
    /// [streamed](crate::http::RequestBuilder::send_streaming) bodies have none, since nobody keeps them.
    pub fn max_response_body(mut self, bytes: usize) -> Self {
        self.bodies.most = bytes;
        self
    }
}
