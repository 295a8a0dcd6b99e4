//! Executors: a bare number where a duration or a rate belongs is told its unit.
//!
//! The compiler would refuse it too, but with the name of a type, which is not what to write.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{Expr, ExprCall, Lit};

use crate::expand::Errors;

/// What belongs in a place.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Duration,
    Rate,
    /// Pairs in a list.
    Stages(&'static [(usize, Self)]),
}

use Wanted::{Duration, Rate, Stages};

/// The executors, and which of their arguments have a unit.
const EXECUTORS: [(&str, &[(usize, Wanted)]); 6] = [
    ("constant_vus", &[(1, Duration)]),
    ("ramping_vus", &[(0, Stages(&[(0, Duration)]))]),
    ("shared_iterations", &[]),
    ("per_vu_iterations", &[]),
    ("constant_arrival_rate", &[(0, Rate), (1, Duration)]),
    ("ramping_arrival_rate", &[(0, Stages(&[(0, Duration), (1, Rate)]))]),
];

/// The same for what is called on them.
const METHODS: [(&str, &[(usize, Wanted)]); 5] = [
    ("start_after", &[(0, Duration)]),
    ("graceful_stop", &[(0, Duration)]),
    ("graceful_ramp_down", &[(0, Duration)]),
    ("max_duration", &[(0, Duration)]),
    ("start_rate", &[(0, Rate)]),
];

/// Reports every number without a unit; `false` if there is one.
pub(crate) fn check(executor: &Expr, errors: &mut Errors) -> bool {
    match executor {
        Expr::MethodCall(call) => {
            let inner = check(&call.receiver, errors);
            // Of an executor only: other types may have a method of the same name.
            let fine =
                !is_executor(&call.receiver) || arguments(&METHODS, &call.method, call.args.iter(), errors);
            inner && fine
        }
        Expr::Call(call) => {
            name(call).is_none_or(|name| arguments(&EXECUTORS, name, call.args.iter(), errors))
        }
        Expr::Paren(paren) => check(&paren.expr, errors),
        Expr::Group(group) => check(&group.expr, errors),
        _ => true,
    }
}

fn is_executor(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(call) => is_executor(&call.receiver),
        Expr::Call(call) => {
            name(call).is_some_and(|name| EXECUTORS.iter().any(|(executor, _)| name == executor))
        }
        Expr::Paren(paren) => is_executor(&paren.expr),
        Expr::Group(group) => is_executor(&group.expr),
        _ => false,
    }
}

/// The function's name as the prelude has it: alone, or behind `plan::`. Another module may have others.
fn name(call: &ExprCall) -> Option<&Ident> {
    let Expr::Path(path) = &*call.func else { return None };
    let mut segments = path.path.segments.iter().rev();
    let name = segments.next()?;
    segments.next().is_none_or(|module| module.ident == "plan").then_some(&name.ident)
}

fn arguments<'a>(
    known: &[(&str, &[(usize, Wanted)])],
    name: &Ident,
    given: impl Iterator<Item = &'a Expr>,
    errors: &mut Errors,
) -> bool {
    let wanted = known.iter().find(|(known, _)| name == known).map_or(&[][..], |(_, wanted)| wanted);
    each(wanted, given, errors)
}

fn each<'a>(wanted: &[(usize, Wanted)], given: impl Iterator<Item = &'a Expr>, errors: &mut Errors) -> bool {
    let mut fine = true;
    for (index, expr) in given.enumerate() {
        if let Some((_, wanted)) = wanted.iter().find(|(place, _)| *place == index) {
            fine &= one(*wanted, expr, errors);
        }
    }
    fine
}

fn one(wanted: Wanted, expr: &Expr, errors: &mut Errors) -> bool {
    if let Stages(pair) = wanted {
        let Expr::Array(stages) = expr else { return true };
        let mut fine = true;
        for stage in &stages.elems {
            let Expr::Tuple(stage) = stage else { continue };
            fine &= each(pair, stage.elems.iter(), errors);
        }
        return fine;
    }
    let Some(number) = bare_number(expr) else { return true };
    let message = match wanted {
        Rate => format!("a rate of {number} in which time? Write `per_sec({number})` or `per_min({number})`"),
        Duration | Stages(_) => {
            format!("a time of {number} has no unit: write `{number}s`, `{number}m` or `{number}ms`")
        }
    };
    errors.at(expr, message);
    false
}

fn bare_number(expr: &Expr) -> Option<String> {
    let Expr::Lit(literal) = expr else { return None };
    let plain = match &literal.lit {
        Lit::Int(int) => int.suffix().is_empty(),
        Lit::Float(float) => float.suffix().is_empty(),
        _ => false,
    };
    plain.then(|| literal.to_token_stream().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(source: &str) -> Vec<String> {
        let mut errors = Errors::default();
        let fine = check(&syn::parse_str(source).unwrap(), &mut errors);
        assert_eq!(fine, errors.messages().is_empty(), "{source}");
        errors.messages()
    }

    #[test]
    fn a_number_without_a_unit_is_told_what_to_write() {
        let (second, rate) = (
            "a time of 10 has no unit: write `10s`, `10m` or `10ms`",
            "a rate of 50 in which time? Write `per_sec(50)` or `per_min(50)`",
        );
        for (source, expected) in [
            ("constant_vus(1, 10)", &[second][..]),
            ("ramping_vus([(10, 5), (d, 5), (10, 0)])", &[second, second]),
            ("constant_arrival_rate(50, 10)", &[rate, second]),
            ("loadcore::plan::ramping_arrival_rate([(d, 50), (10, r)]).max_vus(7)", &[rate, second]),
            ("(constant_vus(1, d)).graceful_stop(10)", &[second]),
            ("constant_vus(1, d).start_after(10).graceful_stop(10)", &[second, second]),
            ("shared_iterations(3).vus(2).max_duration(10)", &[second]),
            ("ramping_arrival_rate(stages()).start_rate(50)", &[rate]),
        ] {
            assert_eq!(told(source), expected, "{source}");
        }
    }

    #[test]
    fn what_is_no_bare_number_of_an_executor_is_left_to_the_compiler() {
        for source in [
            "constant_vus(10, d)",
            "constant_vus(10, LENGTH)",
            "constant_vus(1, \"10\")",
            "mine::constant_vus(1, 10)",
            "mine(3).start_after(10)",
            "ramping_vus(vec![(1, 2)])",
            "SOME",
        ] {
            assert_eq!(told(source), [""; 0], "{source}");
        }
    }
}
