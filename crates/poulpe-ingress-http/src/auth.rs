//! Who may ask: the one bearer secret, and without it no page of another site. Never shows the secret. Asked by the app
//! before anything of a request is acted on.

use crate::respond::{self, Answered};
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};
use subtle::ConstantTimeEq;

/// Lets requests through or not.
pub(crate) struct Guard {
    token: Option<Box<[u8]>>,
}

impl Guard {
    /// A guard that asks for this secret, if there is one.
    pub(crate) fn new(token: Option<&str>) -> Result<Self, String> {
        let Some(token) = token else {
            return Ok(Self { token: None });
        };
        let can_be_sent = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        if !can_be_sent {
            return Err(
                "the token must be one or more visible ASCII characters without spaces, or no client could send it"
                    .into(),
            );
        }
        Ok(Self {
            token: Some(token.as_bytes().into()),
        })
    }

    /// Whether a token is asked for.
    pub(crate) fn wants_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether this is the token; not if none is asked for.
    pub(crate) fn is_token(&self, given: &[u8]) -> bool {
        // Constant in time for a guess of the right length; the length is no secret worth hiding.
        let token = self.token.as_deref();
        token.is_some_and(|token| bool::from(given.ct_eq(token)))
    }

    /// Whether this request may go on; the error is its answer.
    pub(crate) fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Box<Answered>> {
        if !self.wants_token() {
            return refuse_other_sites(method, headers);
        }
        let given = headers.get(AUTHORIZATION).and_then(bearer);
        if given.is_some_and(|given| self.is_token(given)) {
            return Ok(());
        }
        Err(unauthorized())
    }
}

/// What a request without the right token is answered.
pub(crate) fn unauthorized() -> Box<Answered> {
    let reason =
        "this poulpe wants a token; send the header `Authorization: Bearer …` with the right one";
    let mut answered = respond::refuse(StatusCode::UNAUTHORIZED, reason);
    answered
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Box::new(answered)
}

/// The token in an `Authorization` header.
pub(crate) fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked(b"Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

/// A browser sends such a request for any page its user looks at; poulpe on the loopback would obey all the web.
fn refuse_other_sites(method: &Method, headers: &HeaderMap) -> Result<(), Box<Answered>> {
    let changes = method == Method::POST || method == Method::DELETE;
    let Some(origin) = headers.get(ORIGIN).filter(|_| changes) else {
        return Ok(());
    };
    if is_own(origin, headers) {
        return Ok(());
    }
    let reason = "a page of another site may not do this; set --token if it should";
    Err(Box::new(respond::refuse(StatusCode::FORBIDDEN, reason)))
}

/// Whether an `Origin` is the host that the request was sent to.
pub(crate) fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let origin_host = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, host)| host);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    matches!((origin_host, host), (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host))
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
    fn only_the_right_token_passes() {
        let guard = Guard::new(Some("s3cret")).unwrap();
        for (value, passes) in [
            ("Bearer s3cret", true),
            ("bearer s3cret", true),
            ("Bearer  s3cret", true),
            ("Bearer s3cre", false),
            ("Bearer s3cret2", false),
            ("Bearer ", false),
            ("Basic s3cret", false),
            ("s3cret", false),
        ] {
            let headers = headers(&[("authorization", value)]);
            assert_eq!(
                guard.check(&Method::GET, &headers).is_ok(),
                passes,
                "{value}"
            );
        }
        assert!(guard.check(&Method::GET, &HeaderMap::new()).is_err());
    }

    #[test]
    fn a_token_that_no_client_could_send_is_refused() {
        for bad in ["", " ", "a b", "a\n", "ü"] {
            assert!(Guard::new(Some(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn pages_of_other_sites_may_look_but_not_change() {
        let guard = Guard::new(None).unwrap();
        let host = ("host", "127.0.0.1:8000");
        for (method, origin, passes) in [
            (Method::POST, "http://127.0.0.1:8000", true),
            (Method::POST, "http://127.0.0.1:8001", false),
            (Method::POST, "https://evil.example", false),
            (Method::POST, "null", false),
            (Method::DELETE, "null", false),
            (Method::GET, "https://evil.example", true),
        ] {
            let headers = headers(&[host, ("origin", origin)]);
            assert_eq!(
                guard.check(&method, &headers).is_ok(),
                passes,
                "{method} {origin}"
            );
        }
        assert!(guard.check(&Method::POST, &headers(&[host])).is_ok());
    }
}
