//! Who may ask: whoever has a token with the role that a route takes, and without tokens no page of another site. Never
//! shows a secret. Asked by the app before anything of a request is acted on.

use crate::config::HttpConfig;
use crate::respond::{self, Answered};
use crate::role::Need;
use crate::site::{BadSite, Site};
use crate::tokens::{Judged, TokenList, Tokens};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    AUTHORIZATION, HeaderMap, HeaderValue, ORIGIN, VARY, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, StatusCode};
use tracing::debug;

/// Lets requests through or not.
pub(crate) struct Guard {
    /// Empty: anybody may ask.
    lists: Vec<TokenList>,
    site: Site,
}

impl Guard {
    /// A guard that lets in whom the configuration says.
    pub(crate) fn new(config: &HttpConfig) -> Result<Self, String> {
        // The secret of the flag first: should a file give it less, it still may do all.
        let mut lists = Vec::new();
        if let Some(secret) = &config.token {
            lists.push(TokenList::new(Tokens::admin(secret)?));
        }
        lists.extend(config.tokens.clone());
        let has_token = !lists.is_empty();
        let any_site = config.cors_origins.iter().any(|origin| origin == "*");
        if any_site && !has_token {
            return Err("pages of all sites (*) may only ask where there is a token".into());
        }
        let site = Site::new(
            config.listen,
            has_token,
            &config.hosts,
            &config.cors_origins,
        )?;
        Ok(Self { lists, site })
    }

    /// Whether this request may go on; the error is its answer.
    pub(crate) fn check<B>(&self, request: &Request<B>, need: Need) -> Result<(), Box<Answered>> {
        if need == Need::Nothing {
            return Ok(());
        }
        self.check_host(request)?;
        let changes = request.method() == Method::POST || request.method() == Method::DELETE;
        if changes {
            self.check_origin(request.headers())?;
        }
        self.admit(bearer(request.headers()), need)
    }

    /// Whether the request is meant for this poulpe.
    pub(crate) fn check_host<B>(&self, request: &Request<B>) -> Result<(), Box<Answered>> {
        self.site.check_host(request).map_err(|bad| refusal(&bad))
    }

    /// Whether a page of another site sends this. A browser sends such a request for any page its user looks at; poulpe on
    /// the loopback would obey all the web. It adds no token, though: where there is one, that is enough.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), Box<Answered>> {
        if !self.lists.is_empty() {
            return Ok(());
        }
        self.site.check_origin(headers).map_err(|bad| refusal(&bad))
    }

    /// Whether whoever has this secret may do what takes that; without tokens everybody may.
    pub(crate) fn admit(&self, secret: Option<&[u8]>, need: Need) -> Result<(), Box<Answered>> {
        if self.lists.is_empty() {
            return Ok(());
        }
        for list in &self.lists {
            match list.judge(secret.unwrap_or_default(), need) {
                Judged::Allowed => return Ok(()),
                Judged::Lacks(token) => {
                    debug!(token = %token.name, roles = %token.roles, "a token lacks a role");
                    let reason = format!(
                        "the token {} has the role {}; this takes {need}",
                        token.name, token.roles
                    );
                    return Err(Box::new(respond::refuse(StatusCode::FORBIDDEN, reason)));
                }
                Judged::Unknown => {}
            }
        }
        let reason = "this poulpe wants a token; send the header `Authorization: Bearer …` with the right one";
        let mut answered = respond::refuse(StatusCode::UNAUTHORIZED, reason);
        answered
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Err(Box::new(answered))
    }

    /// The answer to a browser that asks on behalf of a page whether the page may send a request. It has no token yet.
    pub(crate) fn preflight<B>(&self, request: &Request<B>) -> Option<Answered> {
        let asks = request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || self.site.allowed(request.headers()).is_none() {
            return None;
        }
        if let Err(refusal) = self.check_host(request) {
            return Some(*refusal);
        }
        let mut answered = respond::empty();
        let headers = answered.headers_mut();
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
            (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
            // As long as the slowest of the browsers' own limits.
            (ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Some(answered)
    }

    /// What lets a page of an allowed site read the answer to its request.
    pub(crate) fn cors(&self, headers: &HeaderMap) -> Cors {
        if !self.site.has_origins() {
            return Cors::None;
        }
        match self.site.allowed(headers) {
            Some(origin) => Cors::Readable(origin.clone()),
            None => Cors::Differs,
        }
    }
}

/// How an answer depends on the page that asks.
pub(crate) enum Cors {
    /// Not at all.
    None,
    /// This page can't read it, another could.
    Differs,
    /// The page of this origin may read it.
    Readable(HeaderValue),
}

impl Cors {
    pub(crate) fn add_to(self, headers: &mut HeaderMap) {
        match self {
            Cors::None => return,
            Cors::Differs => {}
            Cors::Readable(origin) => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                let readable = HeaderValue::from_static("retry-after");
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
            }
        }
        headers.insert(VARY, HeaderValue::from(ORIGIN));
    }
}

/// The secret in the headers of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let header = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = header.split_at_checked(b"Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

fn refusal(bad: &BadSite) -> Box<Answered> {
    let (status, reason) = match bad {
        BadSite::NoHost => (
            StatusCode::BAD_REQUEST,
            "the request must have one `Host` header",
        ),
        BadSite::OtherHost => (
            StatusCode::MISDIRECTED_REQUEST,
            "this poulpe isn't known by that name; start it with --host and the name if it should be",
        ),
        BadSite::OtherSite => (
            StatusCode::FORBIDDEN,
            "a page of another site may not do this; start poulpe with --cors_origin and the site's address if it should",
        ),
    };
    Box::new(respond::refuse(status, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HOST;
    use std::net::Ipv4Addr;

    fn guard(token: Option<&str>, more: &str) -> Guard {
        let mut config = HttpConfig::new(Ipv4Addr::LOCALHOST.into(), 0, "1");
        config.token = token.map(String::from);
        if !more.is_empty() {
            config.tokens = Some(TokenList::new(Tokens::parse(more).unwrap()));
        }
        Guard::new(&config).unwrap()
    }

    fn request(method: Method, headers: &[(&'static str, &str)]) -> Request<()> {
        let mut request = Request::builder()
            .method(method)
            .header(HOST, "127.0.0.1:8000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn only_the_right_token_passes() {
        let guard = guard(Some("s3cret"), "");
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
            let request = request(Method::GET, &[("authorization", value)]);
            let passed = guard.check(&request, Need::Admin).is_ok();
            assert_eq!(passed, passes, "{value}");
        }
        assert!(guard.check(&request(Method::GET, &[]), Need::Any).is_err());
        assert!(
            guard
                .check(&request(Method::GET, &[]), Need::Nothing)
                .is_ok()
        );
    }

    #[test]
    fn a_token_without_the_role_is_told_which_one_it_takes() {
        let guard = guard(Some("root"), "ci submit s3cret");
        assert!(guard.admit(Some(b"root"), Need::Admin).is_ok());
        assert!(guard.admit(Some(b"s3cret"), Need::Submit).is_ok());
        let refused = guard.admit(Some(b"s3cret"), Need::Read).unwrap_err();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert_eq!(guard.admit(None, Need::Any).unwrap_err().status(), 401);
    }

    #[test]
    fn pages_of_other_sites_may_look_but_not_change() {
        let guard = guard(None, "");
        for (method, origin, passes) in [
            (Method::POST, "http://127.0.0.1:8000", true),
            (Method::POST, "http://127.0.0.1:8001", false),
            (Method::POST, "null", false),
            (Method::DELETE, "null", false),
            (Method::GET, "https://evil.example", true),
        ] {
            let request = request(method.clone(), &[("origin", origin)]);
            let passed = guard.check(&request, Need::Admin).is_ok();
            assert_eq!(passed, passes, "{method} {origin}");
        }
        assert!(
            guard
                .check(&request(Method::POST, &[]), Need::Submit)
                .is_ok()
        );
    }

    #[test]
    fn all_sites_may_ask_only_where_there_is_a_token() {
        let mut config = HttpConfig::new(Ipv4Addr::LOCALHOST.into(), 0, "1");
        config.cors_origins = vec!["*".into()];
        assert!(Guard::new(&config).is_err());
        config.token = Some("s3cret".into());
        assert!(Guard::new(&config).is_ok());
    }
}
