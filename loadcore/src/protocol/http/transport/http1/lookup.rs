//! Header fields, found in the buffer that they came in.

use super::buffer::Buffer;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The value of the first field of this name.
pub(crate) fn first<'a>(buffer: &'a Buffer, name: &str) -> Option<&'a [u8]> {
    let bytes = buffer.filled();
    let is_named = |field: &&super::fields::Field| field.name(bytes).eq_ignore_ascii_case(name.as_bytes());
    Some(buffer.fields.iter().find(is_named)?.value(bytes))
}

/// All fields. Each was checked when the head was read: its name is a token, and its value has no control characters.
pub(crate) fn to_map(buffer: &Buffer) -> HeaderMap {
    let bytes = buffer.filled();
    let mut map = HeaderMap::with_capacity(buffer.fields.len());
    for field in &buffer.fields {
        let name = HeaderName::from_bytes(field.name(bytes));
        let value = HeaderValue::from_bytes(field.value(bytes));
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    map
}
