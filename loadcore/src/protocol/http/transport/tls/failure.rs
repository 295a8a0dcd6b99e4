//! What TLS's errors mean.

use super::verify;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError as Certificate, Error, InvalidMessage};
use std::io;

/// What rustls has to say in an error of a socket.
fn of_rustls(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// What an error on an open connection means, if it is one of TLS. Where the client is asked for a certificate, TLS 1.3
/// servers say only then what they think of it.
pub(crate) fn kind_of(error: &io::Error) -> Option<ErrorKind> {
    match of_rustls(error) {
        Some(Error::AlertReceived(alert)) => {
            Some(of_certificate_alert(*alert).unwrap_or(ErrorKind::BrokenTls))
        }
        Some(_) => Some(ErrorKind::BrokenTls),
        None => {
            // h2 keeps of an error only what it says.
            let text = error.get_ref()?.to_string();
            let said = |alert: &&Alert| text == Error::AlertReceived(**alert).to_string();
            OF_CERTIFICATES.iter().find(said).and_then(|alert| of_certificate_alert(*alert))
        }
    }
}

/// What a failed handshake means.
pub(super) fn of_handshake(error: &io::Error) -> Failure {
    if let Some(tls) = of_rustls(error) {
        return of_tls(tls);
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset => Failure::new(ErrorKind::ConnectionReset, error),
        io::ErrorKind::UnexpectedEof => {
            Failure::new(ErrorKind::Tls, "the server closed the connection instead of answering")
        }
        _ => Failure::new(ErrorKind::Tls, error),
    }
}

pub(crate) fn of_tls(error: &Error) -> Failure {
    match error {
        Error::InvalidCertificate(_) if verify::is_of_authority(error) => Failure::new(
            ErrorKind::UnknownAuthority,
            "it is self-signed, or an authority's own; to trust it, give it to root_certificates",
        ),
        Error::InvalidCertificate(certificate) => of_certificate(certificate),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => {
            let detail = "the answer is none of TLS; if the server speaks plain http, write http:// instead of https://";
            Failure::new(ErrorKind::NotTls, detail)
        }
        Error::AlertReceived(alert) => of_alert(*alert),
        other => Failure::new(ErrorKind::Tls, other),
    }
}

fn of_certificate(error: &Certificate) -> Failure {
    match error {
        // A bad signature is that of another authority of the same name.
        Certificate::UnknownIssuer | Certificate::BadSignature => Failure::new(
            ErrorKind::UnknownAuthority,
            "nobody who is trusted has signed it; to trust its authority, give that one's certificate to root_certificates",
        ),
        Certificate::NotValidForNameContext { expected, presented } => {
            let detail = format!("it is for {}, not for {}", some_of(presented), expected.to_str());
            Failure::new(ErrorKind::WrongHost, detail)
        }
        Certificate::NotValidForName => Failure::new(ErrorKind::WrongHost, error),
        Certificate::ExpiredContext { not_after, .. } => {
            Failure::new(ErrorKind::ExpiredCertificate, format_args!("it ended at {}", date(*not_after)))
        }
        Certificate::NotValidYetContext { not_before, .. } => Failure::new(
            ErrorKind::ExpiredCertificate,
            format_args!("it begins only at {}", date(*not_before)),
        ),
        Certificate::Expired | Certificate::NotValidYet => Failure::new(ErrorKind::ExpiredCertificate, error),
        other => Failure::new(ErrorKind::Tls, format_args!("the certificate cannot be used: {other}")),
    }
}

/// The names of a certificate. Those of large sites are for hundreds.
fn some_of(names: &[String]) -> String {
    if names.is_empty() {
        return "no name at all".to_owned();
    }
    let some: Vec<_> = names.iter().take(NAMES).map(|name| bare_name(name)).collect();
    let more = names.len() - some.len();
    let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
    some.join(", ") + &and_more
}

/// How many names of a certificate an error tells.
const NAMES: usize = 5;

/// `DnsName("shop.test")` as `shop.test`, `IpAddress(10.1.2.3)` as `10.1.2.3`.
fn bare_name(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| format!("second {seconds}"), |date| date.to_string())
}

/// A server has only the client's to complain of; the first is about there being none.
const OF_CERTIFICATES: [Alert; 8] = [
    Alert::CertificateRequired,
    Alert::BadCertificate,
    Alert::UnsupportedCertificate,
    Alert::CertificateRevoked,
    Alert::CertificateExpired,
    Alert::CertificateUnknown,
    Alert::UnknownCA,
    Alert::AccessDenied,
];

fn of_certificate_alert(alert: Alert) -> Option<ErrorKind> {
    match OF_CERTIFICATES.iter().position(|known| *known == alert)? {
        0 => Some(ErrorKind::ClientCertificateRequired),
        _ => Some(ErrorKind::ClientCertificateRefused),
    }
}

fn of_alert(alert: Alert) -> Failure {
    let kind = of_certificate_alert(alert).unwrap_or(ErrorKind::Tls);
    let meaning = match alert {
        Alert::ProtocolVersion => ": it speaks none of the versions that were offered",
        Alert::HandshakeFailure => {
            ": it has no cipher suite or version in common with those offered, or wants a client certificate"
        }
        Alert::UnrecognisedName => ": it does not know the name that it was asked for",
        Alert::NoApplicationProtocol => ": it speaks none of the HTTP versions that were offered",
        _ if kind == ErrorKind::ClientCertificateRequired => ": give it one with Tls::client_certificate",
        _ => "",
    };
    Failure::new(kind, format_args!("the server ended the handshake with the alert {alert:?}{meaning}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_in_mid_connection_is_none_of_the_handshake_s() {
        let kind = |alert| kind_of(&io::Error::new(io::ErrorKind::InvalidData, Error::AlertReceived(alert)));
        assert_eq!(kind(Alert::InternalError), Some(ErrorKind::BrokenTls));
        assert_eq!(kind(Alert::UnknownCA), Some(ErrorKind::ClientCertificateRefused));
        assert_eq!(of_tls(&Error::AlertReceived(Alert::InternalError)).kind, ErrorKind::Tls);
    }

    #[test]
    fn of_many_names_some_are_told() {
        let names = |count: usize| (1..=count).map(|n| format!("DnsName(\"{n}.test\")")).collect::<Vec<_>>();
        assert_eq!(some_of(&names(2)), "1.test, 2.test");
        assert_eq!(some_of(&names(300)), "1.test, 2.test, 3.test, 4.test, 5.test and 295 more");
    }
}
