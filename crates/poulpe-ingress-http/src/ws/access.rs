//! Who may open a socket: whoever has the token, by header, query or subprotocol; without a token no page of another
//! site. Never shows the token. Asked once per socket.

use crate::auth::{Guard, bearer};
use crate::param;
use crate::respond::Answered;
use crate::role::Need;
use data_encoding::BASE64URL_NOPAD;
use hyper::Request;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};

/// The protocol that is spoken on the socket, for clients that want one named.
const PROTOCOL: &str = "poulpe";
/// What stands before the token among a browser's subprotocols.
const TOKEN: &str = "token.";

/// Whether a socket may be opened, and the subprotocol to answer with; the error is the answer.
pub(crate) fn check<B>(
    guard: &Guard,
    request: &Request<B>,
) -> Result<Option<HeaderValue>, Box<Answered>> {
    let headers = request.headers();
    guard.check_host(request)?;
    // A browser lets any page open a socket to anywhere, and says only here whose page it is.
    guard.check_origin(headers)?;
    let given = token(headers, request.uri().query());
    guard.admit(given.as_deref(), Need::Submit)?;
    let knows_us = protocols(headers).any(|one| one == PROTOCOL);
    Ok(knows_us.then(|| HeaderValue::from_static(PROTOCOL)))
}

/// The token that was given: in the header, else as a subprotocol, else in the query.
fn token(headers: &HeaderMap, query: Option<&str>) -> Option<Vec<u8>> {
    if headers.contains_key(AUTHORIZATION) {
        return bearer(headers).map(<[u8]>::to_vec);
    }
    if let Some(encoded) = protocols(headers).find_map(|one| one.strip_prefix(TOKEN)) {
        let encoded = encoded.trim_end_matches('=');
        return BASE64URL_NOPAD.decode(encoded.as_bytes()).ok();
    }
    let value = param::value(query, "token")?;
    Some(value.into_owned().into_bytes())
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
    lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn a_token_is_found_three_ways() {
        let found = |pairs: &[(&'static str, &str)], query| token(&headers(pairs), query);
        let s3cret = Some(b"s3cret".to_vec());
        assert_eq!(found(&[("authorization", "Bearer s3cret")], None), s3cret);
        assert_eq!(found(&[], Some("a=b&token=s3cre%74")), s3cret);
        for protocols in [
            "poulpe, token.czNjcmV0",
            "token.czNjcmV0",
            "poulpe,token.czNjcmV0==",
        ] {
            let pair = [("sec-websocket-protocol", protocols)];
            assert_eq!(found(&pair, None), s3cret, "{protocols}");
        }
        assert_eq!(
            found(&[("authorization", "Basic x")], Some("token=s3cret")),
            None
        );
        assert_eq!(found(&[("sec-websocket-protocol", "token.!")], None), None);
        assert_eq!(found(&[], None), None);
    }
}
