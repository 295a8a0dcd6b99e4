//! Compressing what a request sends: before its time begins.

use super::Encoding;
use super::encoding::header_of;
use crate::protocol::http::RequestBuilder;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::header::CONTENT_ENCODING;
use std::io::{self, Write as _};

/// brotli's own default, 11, takes a hundred times as long: made for files that are compressed once.
const BROTLI_QUALITY: u32 = 5;
const BROTLI_WINDOW: u32 = 22;

impl RequestBuilder {
    /// Compresses the request's body, and says so in `content-encoding`. Said twice, the body is compressed twice.
    /// A request without a body stays without.
    ///
    /// It is done for each request anew, on this core, before the request's time begins. A body that is the same each time
    /// is better compressed once and given to [`body`](Self::body) with a `content-encoding` header.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # use loadcore::http::Encoding;
    /// # async fn journey(vu: &Vu) -> Result {
    /// vu.post("/v1/events").json(&[1, 2, 3]).compress(Encoding::Gzip).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn compress(mut self, encoding: Encoding) -> Self {
        self.extras().compress.push(encoding);
        self
    }

    #[inline]
    pub(in crate::protocol::http) fn is_to_compress(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| !extras.compress.is_empty())
    }

    /// Does it. Afterwards it is not asked for any more.
    pub(in crate::protocol::http) fn compress_now(&mut self) {
        let encodings = std::mem::take(&mut self.extras().compress);
        if self.streams_body() {
            return self
                .wrong("a body that is streamed cannot be compressed: compress what the stream gives");
        }
        if self.headers.iter().any(|(name, _)| *name == CONTENT_ENCODING) {
            return self.wrong("compress() says the content-encoding itself: leave that header out");
        }
        let mut body = self.whole_body();
        if body.is_empty() {
            return;
        }
        for encoding in &encodings {
            body = match compress(*encoding, &body) {
                Ok(compressed) => compressed.into(),
                Err(error) => return self.wrong(format_args!("{encoding}: {error}")),
            };
        }
        self.set_body(body);
        self.headers.push((CONTENT_ENCODING, header_of(encodings)));
    }
}

pub(super) fn compress(encoding: Encoding, body: &[u8]) -> io::Result<Vec<u8>> {
    let compressed = Vec::with_capacity(body.len() / 2);
    match encoding {
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(compressed, Compression::default());
            encoder.write_all(body)?;
            encoder.finish()
        }
        Encoding::Deflate => {
            let mut encoder = ZlibEncoder::new(compressed, Compression::default());
            encoder.write_all(body)?;
            encoder.finish()
        }
        Encoding::Brotli => {
            let mut encoder = brotli::CompressorWriter::new(compressed, 4096, BROTLI_QUALITY, BROTLI_WINDOW);
            encoder.write_all(body)?;
            encoder.flush()?;
            Ok(encoder.into_inner())
        }
        Encoding::Zstd => zstd::bulk::compress(body, zstd::DEFAULT_COMPRESSION_LEVEL),
    }
}
