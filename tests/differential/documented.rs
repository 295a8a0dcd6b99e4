//! The guide of `loadcore::http` says what is refused under which error, and where hyper reads otherwise: all of it, and nothing
//! else.

use loadcore::http::ErrorKind;

use super::both::{ALLOWED, Case, Outcome, Reading, compare};

const GUIDE: &str = include_str!("../../loadcore/src/docs/http.md");

/// The two columns of the nth table of the guide's section.
fn table(nth: usize) -> Vec<(&'static str, &'static str)> {
    let (_, section) = GUIDE.split_once("\n# HTTP/1.1 as it is read\n").expect("the guide has the section");
    let (section, _) = section.split_once("\n# ").expect("another section follows");
    let mut tables = section.split("\n\n").filter(|part| part.starts_with('|'));
    let rows = tables.nth(nth).expect("the table is there").lines().skip(2);
    let cells = rows.map(|row| row.trim_matches('|').split_once(" | ").expect("a row has two cells"));
    cells.map(|(left, right)| (left.trim(), right.trim())).collect()
}

#[test]
fn the_guide_has_the_table_of_differences_word_for_word() {
    let allowed: Vec<_> = ALLOWED.iter().map(|allowed| (allowed.name, allowed.why)).collect();
    assert_eq!(table(1), allowed);
}

fn fields(fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n")
}

fn chunks(chunks: &str) -> String {
    fields("transfer-encoding: chunked") + chunks
}

/// What each row of the first table means, in its order.
fn refused() -> [(ErrorKind, Vec<String>); 11] {
    use ErrorKind::{ConnectionClosed, HeadTooLarge, InvalidResponse, SwitchedProtocols};
    let (a, e) = ("a: b\r\n".repeat(129), "e".repeat(16 << 10));
    [
        (InvalidResponse, vec!["SSH-2.0-OpenSSH\r\n".into(), "HTTP/1.2 200 OK\r\n\r\n".into()]),
        (InvalidResponse, ["a : b", "a: b\0c", "a: b\rc"].map(fields).into()),
        (InvalidResponse, vec![fields("content-length: 0\r\ntransfer-encoding: chunked") + "0\r\n\r\n"]),
        (
            InvalidResponse,
            ["content-length: +0", "content-length: 0\r\ncontent-length: 1"].map(fields).into(),
        ),
        (
            InvalidResponse,
            vec![
                fields("transfer-encoding: gzip, chunked"),
                fields("transfer-encoding: chunked, chunked"),
                chunks("0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0"),
            ],
        ),
        (InvalidResponse, ["content-length:\r\n 0", "transfer-encoding:\r\n chunked"].map(fields).into()),
        (InvalidResponse, ["x\r\n", "1\r\nxy\r\n0\r\n\r\n", "0\n\r\n"].map(chunks).into()),
        (
            InvalidResponse,
            vec![
                chunks(&format!("0;{e}e\r\n\r\n")),
                chunks(&format!("0\r\nt: {e}\r\n\r\n")),
                chunks(&format!("0\r\n{a}\r\n")),
            ],
        ),
        (HeadTooLarge, vec![fields(&format!("a: {}", e.repeat(16))), fields(&format!("{a}{a}a: b"))]),
        (ConnectionClosed, vec![fields("content-length: 1"), chunks("0\r\n"), "HTTP/1.1 200 OK\r\n".into()]),
        (SwitchedProtocols, vec!["HTTP/1.1 101 Switching Protocols\r\n\r\n".into()]),
    ]
}

#[test]
fn what_the_guide_calls_refused_is_refused_under_the_error_that_it_names() {
    let (rows, refused) = (table(0), refused());
    assert_eq!(rows.len(), refused.len());
    for ((what, error), (kind, examples)) in rows.iter().zip(refused) {
        assert_eq!(*error, kind.text(), "{what}");
        for (example, reading) in
            examples.iter().flat_map(|example| Reading::ALL.map(|reading| (example, reading)))
        {
            let ours = compare(&Case { reading, ..Case::of(example.as_str()) }).ours;
            let Outcome::Refused(why) = ours.outcome else { panic!("{what}: {example:?} is read") };
            assert!(why.starts_with(&format!("{kind:?}: ")), "{what}: {example:?}: {why}");
        }
    }
}

#[test]
fn what_the_guide_calls_read_is_read() {
    for example in [
        "HTTP/1.1 200 OK\na: b\n\n".to_owned(),
        fields("a: b\r\n c\r\ncontent-length: 0"),
        fields("content-length: 0\r\ncontent-length: 0"),
        format!("\r\n\r\n{}", fields("content-length: 0")),
        format!("HTTP/1.1 103 Early Hints\r\n\r\n{}", fields("content-length: 0")),
        chunks("0\r\na: b\r\n\r\n"),
        fields("a: b") + "until close",
    ] {
        for reading in Reading::ALL {
            let ours = compare(&Case { reading, ..Case::of(example.as_str()) }).ours;
            assert!(matches!(ours.outcome, Outcome::Read(_)), "{example:?}: {ours:?}");
        }
    }
}
