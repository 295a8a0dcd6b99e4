//! Whether two outcomes are the same, and if not, whether they may differ.

use super::allowed::{ALLOWED, Kind};
use super::facts::Facts;
use super::{Case, Outcome, Reply, Seen};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Same,
    /// And which of the table's.
    Allowed(&'static str),
    Different,
}

/// One thing in which two readers differ.
pub(super) struct Difference<'a> {
    pub(super) kind: Kind,
    /// Where only one of them reads: why the other one refuses.
    pub(super) refusal: Option<&'a str>,
}

impl From<Kind> for Difference<'_> {
    fn from(kind: Kind) -> Self {
        Self { kind, refusal: None }
    }
}

/// All that differs must be allowed; what is allowed first gives its name.
pub(crate) fn compare(case: &Case, ours: &Seen, hyper: &Seen) -> Verdict {
    let differences = differences(ours, hyper);
    if differences.is_empty() {
        return Verdict::Same;
    }
    let facts = Facts::of(case);
    let rows = differences.iter().map(|difference| ALLOWED.iter().find(|row| row.allows(difference, &facts)));
    let rows: Option<Vec<_>> = rows.collect();
    rows.map_or(Verdict::Different, |rows| Verdict::Allowed(rows[0].name))
}

/// In what they differ. Who refuses what came may do so early or wait for more of it: no response comes of it either way.
fn differences<'a>(ours: &'a Seen, hyper: &'a Seen) -> Vec<Difference<'a>> {
    match (&ours.outcome, &hyper.outcome) {
        (Outcome::Read(one), Outcome::Read(other)) => {
            let reply =
                if collapsed(one) == collapsed(other) { Kind::Whitespace } else { Kind::AnotherResponse };
            let kept = match (ours.is_kept, hyper.is_kept) {
                (true, false) => Some(Kind::OnlyWeKeep),
                (false, true) => Some(Kind::OnlyHyperKeeps),
                _ => None,
            };
            (one != other).then_some(reply).into_iter().chain(kept).map(Difference::from).collect()
        }
        (Outcome::Refused(why), Outcome::Read(_)) => {
            vec![Difference { kind: Kind::OnlyHyperReads, refusal: Some(why) }]
        }
        (Outcome::Read(_), Outcome::Refused(why)) => {
            vec![Difference { kind: Kind::OnlyWeRead, refusal: Some(why) }]
        }
        (Outcome::Read(_), Outcome::Waits) | (Outcome::Waits, Outcome::Read(_)) => vec![Kind::Hang.into()],
        (Outcome::Refused(_) | Outcome::Waits, Outcome::Refused(_) | Outcome::Waits) => Vec::new(),
    }
}

/// The reply with each run of whitespace in a header's value made one space.
fn collapsed(reply: &Reply) -> Reply {
    let mut reply = reply.clone();
    for value in reply.headers.values_mut() {
        let words = value.as_bytes().split(|byte| matches!(byte, b' ' | b'\t'));
        let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
        *value = words.join(&b' ').try_into().expect("its bytes are a value's");
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::super::Compared;
    use super::*;

    fn refused(why: &str) -> Seen {
        Seen { outcome: Outcome::Refused(why.to_owned()), is_kept: false }
    }

    const WAITS: Seen = Seen { outcome: Outcome::Waits, is_kept: false };

    #[test]
    fn what_is_allowed_excuses_no_hang_and_no_other_refusal() {
        let mut one_sided = 0;
        for row in ALLOWED {
            let case = (row.example)();
            let Compared { ours, hyper, .. } = super::super::compare(&case);
            let others = [WAITS, refused("InvalidResponse: something else")];
            for other in others {
                let verdict = match (&ours.outcome, &hyper.outcome) {
                    (Outcome::Refused(_), _) => compare(&case, &other, &hyper),
                    (_, Outcome::Refused(_)) => compare(&case, &ours, &other),
                    _ => continue,
                };
                one_sided += 1;
                assert_eq!(verdict, Verdict::Different, "{}: {other:?}", row.name);
            }
        }
        assert!(one_sided > 20);
    }

    #[test]
    fn data_are_no_trailers_and_no_padding() {
        let data = "a: b\n".repeat(8 << 10);
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let case = Case::of(format!("{head}{:x}\r\n{data}\r\n0\r\n\r\n", data.len()));
        let Compared { ours, hyper, verdict } = super::super::compare(&case);
        assert_eq!(verdict, Verdict::Same);
        for why in ALLOWED.iter().flat_map(|row| row.refusals) {
            assert_eq!(compare(&case, &refused(why), &hyper), Verdict::Different, "{why}");
            assert_eq!(compare(&case, &ours, &refused(why)), Verdict::Different, "{why}");
        }
    }

    #[test]
    fn whitespace_excuses_nothing_else() {
        let case = Case::of("HTTP/1.1 200 OK\r\ncontent-length: 0\r\na: b\r\n  c\r\n\r\n");
        let Compared { ours, hyper, verdict } =
            super::super::compare(&Case { closes: false, ..case.clone() });
        assert!(verdict == Verdict::Allowed("whitespace of a fold") && ours.is_kept && hyper.is_kept);
        for is_kept in [true, false] {
            let (ours, hyper) =
                (Seen { is_kept, ..ours.clone() }, Seen { is_kept: !is_kept, ..hyper.clone() });
            assert_eq!(compare(&case, &ours, &hyper), Verdict::Different);
        }
    }
}
