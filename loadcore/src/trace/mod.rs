//! W3C trace context: one trace for each iteration, one span for each group and request.

pub use opentelemetry::trace::{SpanId, TraceId};

/// The trace of the running iteration, and the span that new requests belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The same for all requests of one iteration, and of no other.
    pub trace_id: TraceId,
    /// The innermost open group's span.
    pub span_id: SpanId,
}

impl TraceContext {
    /// The header's value, for clients other than loadcore's own: `00-<trace id>-<span id>-01`.
    pub fn traceparent(&self) -> String {
        let bytes = traceparent(self.trace_id, self.span_id);
        bytes.iter().copied().map(char::from).collect()
    }
}

/// Version 00, sampled (flags 01), in the 55 bytes that the W3C recommendation prescribes.
pub(crate) fn traceparent(trace_id: TraceId, span_id: SpanId) -> [u8; 55] {
    let mut header = *b"00-................................-................-01";
    write_hex(&mut header[3..35], &trace_id.to_bytes());
    write_hex(&mut header[36..52], &span_id.to_bytes());
    header
}

/// The two digits of each byte.
static HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

fn write_hex(out: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&HEX[usize::from(*byte)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_spelt_as_w3c_says() {
        let context = TraceContext {
            trace_id: TraceId::from_bytes(0x0af7651916cd43dd8448eb211c80319c_u128.to_be_bytes()),
            span_id: SpanId::from_bytes(0xb7ad6b7169203331_u64.to_be_bytes()),
        };
        assert_eq!(context.traceparent(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    }
}
