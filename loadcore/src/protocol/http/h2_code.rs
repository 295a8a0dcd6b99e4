//! HTTP/2's error codes, and what they are called in the `error` tag.

/// Makes the enum and its texts, which have to be known when the program is built.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:literal,)*) => {
        /// An HTTP/2 error code (RFC 9113 section 7).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum H2Code {
            $($(#[$doc])* $variant = $number,)*
        }

        impl H2Code {
            /// How many there are.
            pub(super) const COUNT: u8 = Self::ALL.len() as u8;

            /// In the order of their numbers.
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            pub(super) fn of(reason: h2::Reason) -> Self {
                match u32::from(reason) {
                    $($number => Self::$variant,)*
                    _ => Self::Unknown,
                }
            }

            /// The name that the standard gives it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub(super) fn of_goaway(self) -> &'static str {
                match self { $(Self::$variant => concat!("http2 goaway: ", $name),)* }
            }

            pub(super) fn of_stream(self) -> &'static str {
                match self { $(Self::$variant => concat!("http2 stream error: ", $name),)* }
            }

            pub(super) fn of_connection(self) -> &'static str {
                match self { $(Self::$variant => concat!("http2 connection error: ", $name),)* }
            }
        }
    };
}

codes! {
    /// Nothing is wrong: a connection that is closed in an orderly way.
    NoError = 0 "NO_ERROR",
    /// The other side does not keep to the protocol.
    ProtocolError = 1 "PROTOCOL_ERROR",
    /// Something unexpected happened inside.
    InternalError = 2 "INTERNAL_ERROR",
    /// More was sent than flow control allowed.
    FlowControlError = 3 "FLOW_CONTROL_ERROR",
    /// The settings were not acknowledged in time.
    SettingsTimeout = 4 "SETTINGS_TIMEOUT",
    /// A frame came for a stream that was closed already.
    StreamClosed = 5 "STREAM_CLOSED",
    /// A frame has an impossible size.
    FrameSizeError = 6 "FRAME_SIZE_ERROR",
    /// The stream was refused before anything was done about it.
    RefusedStream = 7 "REFUSED_STREAM",
    /// The stream is not wanted any more.
    Cancel = 8 "CANCEL",
    /// The headers cannot be decompressed.
    CompressionError = 9 "COMPRESSION_ERROR",
    /// The connection made for a `CONNECT` request broke.
    ConnectError = 10 "CONNECT_ERROR",
    /// The other side asks for less load.
    EnhanceYourCalm = 11 "ENHANCE_YOUR_CALM",
    /// TLS is weaker than HTTP/2 allows.
    InadequateSecurity = 12 "INADEQUATE_SECURITY",
    /// The other side wants HTTP/1.1.
    Http11Required = 13 "HTTP_1_1_REQUIRED",
    /// A code that no standard knows.
    Unknown = 14 "unknown code",
}

impl H2Code {
    /// What k6 adds to the number of the group: 0 for a code that it does not know.
    pub(super) fn offset(self) -> u16 {
        (self as u16 + 1) % u16::from(Self::COUNT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_codes_have_offsets_from_one_and_all_others_have_none() {
        let offset = |reason: u32| H2Code::of(h2::Reason::from(reason)).offset();
        assert_eq!([offset(0), offset(8), offset(13), offset(14), offset(u32::MAX)], [1, 9, 14, 0, 0]);
        assert_eq!(H2Code::of(h2::Reason::ENHANCE_YOUR_CALM).of_goaway(), "http2 goaway: ENHANCE_YOUR_CALM");
    }
}
