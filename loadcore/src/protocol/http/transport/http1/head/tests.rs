//! What a head means, and that it does not matter how it arrives.

use super::*;
use proptest::prelude::*;

const GET: Asked = Asked { is_head: false, is_connect: false };
const LIMITS: HeadLimits = HeadLimits { bytes: 512, fields: 8 };

type Fields = Vec<(String, String)>;

fn texts(bytes: &[u8], fields: &[Field]) -> Fields {
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    fields.iter().map(|field| (text(field.name(bytes)), text(field.value(bytes)))).collect()
}

/// In one piece.
fn whole(bytes: &[u8], limits: &HeadLimits) -> Result<Option<(Head, Fields)>, Refused> {
    let (mut bytes, mut fields) = (bytes.to_vec(), Vec::new());
    let head = parse(&mut bytes, 0, &mut fields, GET, limits)?;
    Ok(head.map(|head| (head, texts(&bytes, &fields))))
}

/// In pieces that end at these places, and once more at the end of the connection.
fn pieces(bytes: &[u8], ends: &[usize], limits: &HeadLimits) -> Result<Option<(Head, Fields)>, Refused> {
    let (mut fields, mut scanned) = (Vec::new(), 0);
    for end in ends.iter().copied().chain([bytes.len()]) {
        let mut seen = bytes[..end].to_vec();
        if let Some(head) = parse(&mut seen, scanned, &mut fields, GET, limits)? {
            return Ok(Some((head, texts(&seen, &fields))));
        }
        scanned = end;
    }
    whole(bytes, limits)
}

fn read(head: &str) -> Result<Option<(Head, Fields)>, Refused> {
    whole(head.as_bytes(), &LIMITS)
}

#[track_caller]
fn complete(head: &str) -> (Head, Fields) {
    read(head).expect("it is valid").expect("it is complete")
}

#[test]
fn a_usual_head_is_read_to_its_last_byte() {
    let text = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type:text/plain\r\nContent-Length:  5 \t\r\nX-Empty:\r\n\r\n";
    let (head, fields) = complete(&format!("{text}hello"));
    let expected = Head {
        status: StatusCode::OK,
        version: Version::HTTP_11,
        len: text.len(),
        body: Framing::Length(5),
        keeps_alive: true,
        marks: Marks::default(),
    };
    assert_eq!(head, expected);
    let pairs =
        [("Server", "nginx"), ("Content-Type", "text/plain"), ("Content-Length", "5"), ("X-Empty", "")];
    assert_eq!(fields, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn the_status_line_may_lack_a_reason_and_have_any_status_of_three_digits() {
    for (line, status) in [
        ("HTTP/1.1 200", 200),
        ("HTTP/1.1 200 ", 200),
        ("HTTP/1.0 404 Not Found\t\u{fc}", 404),
        ("HTTP/1.1 100 Continue", 100),
        ("HTTP/1.1 999 Odd", 999),
        ("\r\n\nHTTP/1.1 201 after empty lines", 201),
    ] {
        assert_eq!(complete(&format!("{line}\r\n\r\n")).0.status.as_u16(), status, "{line}");
    }
}

#[test]
fn whatever_breaks_the_grammar_is_refused_by_name() {
    for (head, expected) in [
        ("HTTP/2.0 200 OK\r\n\r\n", Refused::Version),
        ("HTTP/1.2 200 OK\r\n\r\n", Refused::Version),
        ("HTTP/0.9 200 OK\r\n\r\n", Refused::Version),
        ("http/1.1 200 OK\r\n\r\n", Refused::Version),
        ("HTTP/1.1\t200 OK\r\n\r\n", Refused::Version),
        ("SSH-2.0-x", Refused::Version),
        (" HTTP/1.1 200 OK\r\n\r\n", Refused::Version),
        ("HTTP/1.1  200 OK\r\n\r\n", Refused::StatusLine),
        ("HTTP/1.1 20 OK\r\n\r\n", Refused::StatusLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", Refused::StatusLine),
        ("HTTP/1.1 +20 OK\r\n\r\n", Refused::StatusLine),
        ("HTTP/1.1 099 OK\r\n\r\n", Refused::StatusLine),
        ("HTTP/1.1 000 OK\r\n\r\n", Refused::StatusLine),
        ("HTTP/1.1 200 O\0K\r\n\r\n", Refused::StatusLine),
        ("HTTP/1.1 200 O\rK\r\n\r\n", Refused::StatusLine),
        ("\rHTTP/1.1 200 OK\r\n\r\n", Refused::LineEnd),
        ("HTTP/1.1 200 OK\r\n\rx", Refused::LineEnd),
        ("HTTP/1.1 200 OK\r\na : b\r\n\r\n", Refused::FieldName),
        ("HTTP/1.1 200 OK\r\na\t: b\r\n\r\n", Refused::FieldName),
        ("HTTP/1.1 200 OK\r\n a: b\r\n\r\n", Refused::FieldName),
        ("HTTP/1.1 200 OK\r\n: b\r\n\r\n", Refused::FieldName),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Refused::FieldName),
        ("HTTP/1.1 200 OK\r\nn\u{fc}: b\r\n\r\n", Refused::FieldName),
        ("HTTP/1.1 200 OK\r\na\0: b\r\n\r\n", Refused::FieldName),
        ("HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n", Refused::FieldValue),
        ("HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n", Refused::FieldValue),
        ("HTTP/1.1 200 OK\r\na: b\r\r\n\r\n", Refused::FieldValue),
        ("HTTP/1.1 200 OK\r\na: \u{7f}\r\n\r\n", Refused::FieldValue),
    ] {
        assert_eq!(read(head), Err(expected), "{head:?}");
    }
}

#[test]
fn a_bare_line_feed_may_end_a_line_of_the_head() {
    let (head, fields) = complete("HTTP/1.1 200 OK\na: b\r\nc: d\n\r\n");
    assert_eq!((head.len, fields.len()), (29, 2));
    assert_eq!(complete("HTTP/1.1 200 OK\na: b\n\n").0.len, 22);
}

#[test]
fn a_folded_value_is_one_with_spaces_instead() {
    let (head, fields) = complete("HTTP/1.1 200 OK\r\na: b\t\r\n\tc\r\n \r\n  d e\r\nf:\r\n g\r\n\r\n");
    assert_eq!(fields[0].1, "b    c       d e");
    assert_eq!(fields[1].1, "g");
    assert_eq!(head.body, Framing::UntilClose);
    assert_eq!(complete("HTTP/1.1 200 OK\na: b\n\tc\n\n").1[0].1, "b  c");
    let (head, _) = complete("HTTP/1.1 200 OK\r\nconnection: foo,\r\n close\r\ncontent-length: 1\r\n\r\n");
    assert_eq!((head.body, head.keeps_alive), (Framing::Length(1), false));
}

#[test]
fn a_folded_field_that_frames_the_body_is_refused_where_there_is_one() {
    for field in [
        "content-length: 5,\r\n 5",
        "Content-Length:\r\n 5",
        "content-length: 5\r\n ",
        "transfer-encoding:\n\tchunked",
        "transfer-encoding: chunked\r\n\t",
    ] {
        assert_eq!(
            read(&format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n")),
            Err(Refused::FoldedFraming),
            "{field}"
        );
        let none = complete(&format!("HTTP/1.1 204 No Content\r\n{field}\r\n\r\n"));
        assert_eq!(none.0.body, Framing::Empty, "{field}");
    }
}

#[test]
fn a_connection_is_kept_as_its_version_and_its_options_say() {
    for (version, fields, keeps_alive) in [
        ("1.1", "content-length: 0\r\n", true),
        ("1.1", "content-length: 0\r\nconnection: close\r\n", false),
        ("1.1", "content-length: 0\r\nconnection: keep-alive\r\n", true),
        ("1.1", "content-length: 0\r\nconnection: keep-alive, Close\r\n", false),
        ("1.1", "content-length: 0\r\nConnection: x\r\nCONNECTION: close\r\n", false),
        ("1.1", "transfer-encoding: chunked\r\n", true),
        ("1.1", "", false),
        ("1.1", "connection: keep-alive\r\n", false),
        ("1.0", "content-length: 0\r\n", false),
        ("1.0", "content-length: 0\r\nconnection: Keep-Alive\r\n", true),
        ("1.0", "content-length: 0\r\nconnection: keep-alive, close\r\n", false),
        ("1.0", "connection: keep-alive\r\n", false),
    ] {
        let head = complete(&format!("HTTP/{version} 200 OK\r\n{fields}\r\n")).0;
        assert_eq!(head.keeps_alive, keeps_alive, "{version} {fields:?}");
    }
}

#[test]
fn nothing_is_kept_of_a_connection_that_is_no_longer_http() {
    let switched = complete("HTTP/1.1 101 Switching Protocols\r\n\r\n").0;
    assert_eq!((switched.keeps_alive, switched.body), (false, Framing::Empty));
    let asked = Asked { is_head: false, is_connect: true };
    for (status, keeps_alive) in [(200, false), (407, true)] {
        let mut bytes = format!("HTTP/1.1 {status} x\r\ncontent-length: 3\r\n\r\n").into_bytes();
        let head = parse(&mut bytes, 0, &mut Vec::new(), asked, &LIMITS).unwrap().unwrap();
        assert_eq!(head.keeps_alive, keeps_alive, "{status}");
    }
}

#[test]
fn interim_responses_are_told_from_final_ones() {
    for (status, is_interim) in [(100, true), (103, true), (199, true), (101, false), (200, false)] {
        let head = complete(&format!("HTTP/1.1 {status} x\r\n\r\n")).0;
        assert_eq!(head.is_interim(), is_interim, "{status}");
        assert_eq!(head.body == Framing::Empty, status < 200, "{status}");
    }
}

#[test]
fn a_head_is_refused_as_soon_as_it_is_too_long() {
    let start = "HTTP/1.1 200 OK\r\na: ";
    let fits = format!("{start}{}\r\n\r\n", "x".repeat(512 - start.len() - 4));
    assert_eq!(complete(&fits).0.len, 512);
    let too_long = Err(Refused::HeadTooLong { most: 512 });
    assert_eq!(read(&fits.replacen('x', "xx", 1)), too_long);
    assert_eq!(read(&format!("{start}{}", "x".repeat(512 - start.len() - 1))), Ok(None));
    assert_eq!(read(&format!("{start}{}", "x".repeat(512 - start.len()))), too_long);
}

#[test]
fn a_head_is_refused_as_soon_as_it_has_too_many_fields() {
    let fields = |number| format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(number));
    let too_many = Err(Refused::TooManyFields { most: 8 });
    assert_eq!(complete(&(fields(8) + "\r\n")).1.len(), 8);
    assert_eq!(read(&fields(8)), Ok(None));
    assert_eq!(read(&fields(9)), too_many);
    // No limit can exceed the room that there is.
    let generous = HeadLimits { bytes: 1 << 20, fields: 100_000 };
    assert_eq!(whole(fields(257).as_bytes(), &generous), Err(Refused::TooManyFields { most: 256 }));
    assert!(whole((fields(256) + "\r\n").as_bytes(), &generous).unwrap().is_some());
}

#[test]
fn a_name_that_no_header_map_can_hold_is_refused() {
    let head = |len| format!("HTTP/1.1 200 OK\r\n{}: b\r\n\r\n", "n".repeat(len));
    let limits = HeadLimits::default();
    assert!(whole(head(65_535).as_bytes(), &limits).unwrap().is_some());
    assert_eq!(whole(head(65_536).as_bytes(), &limits), Err(Refused::FieldNameTooLong));
}

/// How much of a head has come when it is refused, if it comes byte by byte.
fn refused_at(head: &[u8], limits: &HeadLimits) -> Option<usize> {
    (1..=head.len())
        .find(|end| parse(&mut head[..*end].to_vec(), end - 1, &mut Vec::new(), GET, limits).is_err())
}

#[test]
fn what_is_wrong_is_known_while_the_head_trickles_in() {
    // With its line's end.
    let start = format!("HTTP/1.1 200 OK\r\na: {}\r\nno field\r\n", "x".repeat(15));
    let head = format!("{start}b: {}", "x".repeat(400));
    assert_eq!(refused_at(head.as_bytes(), &LIMITS), Some(start.len()));
    // In a long head, when that has doubled.
    let line = format!("a: {}\r\n", "x".repeat(4995));
    let head = format!("HTTP/1.1 200 OK\r\n{line}no field\r\n{}", line.repeat(10));
    assert_eq!(refused_at(head.as_bytes(), &HeadLimits::default()), Some(8192));
    // At the limit, whatever came last.
    let limits = HeadLimits { bytes: 500, fields: 8 };
    let head = format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(900));
    assert_eq!(refused_at(head.as_bytes(), &limits), Some(500));
}

#[test]
fn the_end_of_a_long_head_is_seen_wherever_it_is_cut() {
    for end in ["\r\n\r\n", "\n\n", "\n\r\n", "\r\n\n"] {
        let head = format!("HTTP/1.1 200 OK\r\na: {}{end}", "x".repeat(5000)).into_bytes();
        for cut in head.len() - 8..head.len() {
            let read = parse(&mut head.clone(), cut, &mut Vec::new(), GET, &HeadLimits::default());
            assert_eq!(read.unwrap().map(|read| read.len), Some(head.len()), "{end:?} {cut}");
        }
    }
}

#[test]
fn a_long_head_that_trickles_in_is_seldom_read_again() {
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    while head.len() < 200_000 {
        head.extend_from_slice(b"a: ");
        head.resize(head.len() + 1000, b'x');
        head.extend_from_slice(b"\r\n");
    }
    let readings = (SHORT + 1..head.len()).filter(|end| is_worth_reading(&head[..*end], end - 1)).count();
    assert!(readings <= 6, "{readings}");
}

#[test]
fn the_vec_of_fields_holds_only_those_of_the_last_head() {
    let mut fields = Vec::new();
    for number in [5, 2] {
        let mut bytes = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(number)).into_bytes();
        assert!(parse(&mut bytes, 0, &mut fields, GET, &LIMITS).unwrap().is_some());
        assert_eq!(fields.len(), number);
    }
}

/// A valid head, with its fields as they are to be read.
fn valid() -> impl Strategy<Value = (String, u16, Fields)> {
    let field =
        ("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", "([!-~]([ -~\t]{0,20}[!-~])?)?", "[ \t]{0,3}", "[ \t]{0,3}");
    let lines = prop::collection::vec((field, any::<bool>()), 0..8);
    (100_u16..=999, "( [ -~]{0,12})?", lines, any::<bool>()).prop_map(|(status, reason, lines, lf)| {
        let end = |lf| if lf { "\n" } else { "\r\n" };
        let mut text = format!("HTTP/1.1 {status}{reason}{}", end(lf));
        let mut fields = Fields::new();
        for ((name, value, before, after), lf) in lines {
            text.extend([&name, ":", &before, &value, &after, end(lf)]);
            fields.push((name, value));
        }
        (text + end(lf), status, fields)
    })
}

/// Something like a head: the alphabet is that of heads, so that much of it goes far.
fn odd() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 304",
        "a: b\r\n",
        "content-length: 5\r\n",
        "content-length:",
        " 5",
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        "\0",
        ":",
        ",",
        "transfer-encoding: chunked\r\n",
        "x",
        "connection: close\n",
        "\u{fc}",
    ]);
    prop::collection::vec(part, 0..24).prop_map(|parts| {
        let start = if parts.len().is_multiple_of(4) { "" } else { "HTTP/1.1 200 OK\r\n" };
        (start.to_owned() + &parts.concat()).into_bytes()
    })
}

fn ends(len: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..=len, 0..12).prop_map(|mut ends| {
        ends.sort_unstable();
        ends
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_valid_head_is_read_back_exactly((text, status, fields) in valid(), body in ".{0,20}") {
        let (head, read) = whole((text.clone() + &body).as_bytes(), &LIMITS).unwrap().unwrap();
        prop_assert_eq!((head.len, head.status.as_u16(), read), (text.len(), status, fields));
    }

    #[test]
    fn it_does_not_matter_where_a_head_is_cut((bytes, ends) in odd().prop_flat_map(|bytes| {
        let len = bytes.len();
        (Just(bytes), ends(len))
    })) {
        let limits = HeadLimits { bytes: 128, fields: 4 };
        let expected = whole(&bytes, &limits);
        prop_assert_eq!(&pieces(&bytes, &ends, &limits), &expected);
        let each: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(&pieces(&bytes, &each, &limits), &expected);
    }

    #[test]
    fn no_bytes_make_it_panic_or_read_beyond_them(
        (text, _, _) in valid(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        scanned in 0_usize..200,
    ) {
        let mut bytes = text.into_bytes();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut fields = Vec::new();
        if let Ok(Some(head)) = parse(&mut bytes, scanned, &mut fields, GET, &LIMITS) {
            prop_assert!(head.len <= bytes.len());
            for field in fields {
                prop_assert!(field.name_range().end <= field.value_range().start);
                prop_assert!(field.value_range().end < head.len);
                prop_assert!(http::HeaderName::from_bytes(field.name(&bytes)).is_ok());
                prop_assert!(http::HeaderValue::from_bytes(field.value(&bytes)).is_ok());
            }
        }
    }
}
