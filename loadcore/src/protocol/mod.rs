//! Protocols: each records into its core's recorder and hangs its methods on [`Vu`](crate::Vu).

pub mod http;
