//! How a body begins, for messages.

/// So many bytes of a body are shown.
const MOST: usize = 100;

/// The beginning of a body in quotes, on one line: nothing in it steers a terminal, and no character is cut in two.
pub(in crate::protocol::http) fn excerpt(body: &[u8]) -> String {
    let mut shown = &body[..body.len().min(MOST)];
    if body.len() > MOST
        && let Err(error) = std::str::from_utf8(shown)
        && error.error_len().is_none()
    {
        // The last character goes on after the cut.
        shown = &shown[..error.valid_up_to()];
    }
    format!("{:?}", String::from_utf8_lossy(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_line_of_whole_characters() {
        assert_eq!(excerpt(b"{\"ok\":true}"), r#""{\"ok\":true}""#);
        assert_eq!(excerpt(b"a\r\n\x1b[2J\0\xff"), r#""a\r\n\u{1b}[2J\0�""#);
        let euros = "€".repeat(50);
        assert_eq!(excerpt(euros.as_bytes()), format!("{:?}", "€".repeat(33)));
        assert_eq!(excerpt(&euros.as_bytes()[..99]).chars().count(), 35);
        assert_eq!(excerpt(b""), "\"\"");
    }
}
