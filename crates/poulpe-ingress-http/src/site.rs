//! What a browser may be made to do: by which names poulpe is reached, and pages of which sites may use it. Never looks at
//! tokens. Asked by the guard.

use hyper::Request;
use hyper::Version;
use hyper::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use std::net::{IpAddr, SocketAddr};

/// The names and the sites.
pub(crate) struct Site {
    /// Whether a name that isn't known is refused.
    checks_host: bool,
    listen: IpAddr,
    names: Vec<String>,
    origins: Vec<String>,
}

/// Why a request isn't carried out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadSite {
    /// Its `Host` is missing, or there are several.
    NoHost,
    /// It is for another host.
    OtherHost,
    /// A page of another site sent it.
    OtherSite,
}

impl Site {
    /// `has_token`: a page that was made to reach poulpe by a name of its own still has no token, so names don't matter then.
    pub(crate) fn new(
        listen: IpAddr,
        has_token: bool,
        names: &[String],
        origins: &[String],
    ) -> Result<Self, String> {
        let name_is_bad = |name: &&String| name.is_empty() || split_port(name) != Some(*name);
        if let Some(bad) = names.iter().find(name_is_bad) {
            return Err(format!(
                "the host {bad:?} must be a name without port, such as jobs.example.com"
            ));
        }
        if let Some(bad) = origins.iter().find(|origin| !is_origin(origin)) {
            return Err(format!(
                "the origin {bad:?} must be a scheme and a host, such as https://app.example.com, and nothing behind them"
            ));
        }
        Ok(Self {
            checks_host: !names.is_empty() || (listen.is_loopback() && !has_token),
            listen,
            names: names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            origins: origins.to_vec(),
        })
    }

    /// Whether the request is meant for this poulpe. A page can have a name of its own lead to the loopback (DNS
    /// rebinding); a browser then takes poulpe for a part of that page's site, but says the name.
    pub(crate) fn check_host<B>(&self, request: &Request<B>) -> Result<(), BadSite> {
        let mut sent = request.headers().get_all(HOST).iter();
        let first = sent.next();
        // HTTP/1.0 has no Host, and no browser speaks it.
        let is_missing = first.is_none() && request.version() != Version::HTTP_10;
        if is_missing || sent.next().is_some() {
            return Err(BadSite::NoHost);
        }
        if !self.checks_host {
            return Ok(());
        }
        let of_url = request
            .uri()
            .authority()
            .map(|authority| authority.as_str());
        let of_header = first.map(|host| host.to_str().unwrap_or_default());
        let all_known = [of_url, of_header]
            .into_iter()
            .flatten()
            .all(|host| self.is_known(host));
        if all_known {
            return Ok(());
        }
        Err(BadSite::OtherHost)
    }

    fn is_known(&self, host: &str) -> bool {
        let Some(name) = split_port(host) else {
            return false;
        };
        let bare = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(name);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return ip.is_loopback() || ip == self.listen || self.listen.is_unspecified();
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        name.eq_ignore_ascii_case("localhost")
            || self
                .names
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether the page that sent this, if it was one, is of poulpe's own host or of a site that may.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), BadSite> {
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(());
        };
        if self.allowed(headers).is_some() {
            return Ok(());
        }
        let of_origin = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .map(|(_, host)| host);
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        match (of_origin, host) {
            (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
            _ => Err(BadSite::OtherSite),
        }
    }

    /// The origin of the page, if that is one of those that may read answers.
    pub(crate) fn allowed<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        if self.origins.is_empty() {
            return None;
        }
        let origin = headers.get(ORIGIN)?;
        let text = origin.to_str().ok()?;
        let is_allowed = |known: &String| known == "*" || known.eq_ignore_ascii_case(text);
        self.origins.iter().any(is_allowed).then_some(origin)
    }

    /// Whether answers differ by the page that asks.
    pub(crate) fn has_origins(&self) -> bool {
        !self.origins.is_empty()
    }
}

/// A host without its port, if it looks like one.
fn split_port(host: &str) -> Option<&str> {
    if host.parse::<SocketAddr>().is_ok() || host.starts_with('[') {
        let end = host
            .rfind(']')
            .map_or_else(|| host.find(':'), |end| Some(end + 1))?;
        let port = host[end..].strip_prefix(':').unwrap_or(&host[end..]);
        return port
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then_some(&host[..end]);
    }
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let is_name = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    (is_name && port.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let is_scheme = scheme == "http" || scheme == "https";
    is_scheme && !host.is_empty() && split_port(host).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(listen: &str, has_token: bool, names: &[&str], origins: &[&str]) -> Site {
        let owned = |list: &[&str]| list.iter().map(|&text| text.into()).collect::<Vec<_>>();
        let listen = listen.parse().unwrap();
        Site::new(listen, has_token, &owned(names), &owned(origins)).unwrap()
    }

    fn request(uri: &str, hosts: &[&str]) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn on_the_loopback_only_own_names_are_known() {
        let site = site("127.0.0.5", false, &["jobs.example"], &[]);
        for (host, result) in [
            ("localhost", Ok(())),
            ("LOCALHOST:8000", Ok(())),
            ("localhost.:8000", Ok(())),
            ("127.0.0.1:8000", Ok(())),
            ("127.0.0.5", Ok(())),
            ("[::1]:8000", Ok(())),
            ("[::1]", Ok(())),
            ("Jobs.example:1", Ok(())),
            ("evil.example", Err(BadSite::OtherHost)),
            ("evil.example:8000", Err(BadSite::OtherHost)),
            ("localhost.evil.example", Err(BadSite::OtherHost)),
            ("127.0.0.1.evil.example", Err(BadSite::OtherHost)),
            ("evil@localhost", Err(BadSite::OtherHost)),
            ("localhost:8000:1", Err(BadSite::OtherHost)),
            ("localhost:x", Err(BadSite::OtherHost)),
            ("10.0.0.1", Err(BadSite::OtherHost)),
            ("[fd00::1]", Err(BadSite::OtherHost)),
            ("[::1", Err(BadSite::OtherHost)),
            ("[::1]x", Err(BadSite::OtherHost)),
            ("", Err(BadSite::OtherHost)),
        ] {
            assert_eq!(site.check_host(&request("/", &[host])), result, "{host}");
        }
    }

    #[test]
    fn the_host_in_the_url_counts_too() {
        let site = site("127.0.0.1", false, &[], &[]);
        let of = |uri: &str, hosts: &[&str]| site.check_host(&request(uri, hosts));
        assert_eq!(of("http://localhost/", &["localhost"]), Ok(()));
        assert_eq!(
            of("http://evil.example/", &["localhost"]),
            Err(BadSite::OtherHost)
        );
        assert_eq!(of("/", &[]), Err(BadSite::NoHost));
        assert_eq!(of("/", &["localhost", "localhost"]), Err(BadSite::NoHost));
    }

    #[test]
    fn with_a_token_or_beyond_the_loopback_any_name_will_do_unless_some_are_given() {
        for (listen, has_token, names, passes) in [
            ("127.0.0.1", true, &[][..], true),
            ("0.0.0.0", false, &[], true),
            ("0.0.0.0", false, &["jobs.example"], false),
            ("127.0.0.1", true, &["jobs.example"], false),
        ] {
            let site = site(listen, has_token, names, &[]);
            let result = site.check_host(&request("/", &["poulpe:8000"]));
            assert_eq!(result.is_ok(), passes, "{listen} {has_token} {names:?}");
        }
        let open = site("0.0.0.0", false, &["jobs.example"], &[]);
        assert!(
            open.check_host(&request("/", &["192.168.1.5:8000"]))
                .is_ok()
        );
    }

    #[test]
    fn pages_of_other_sites_are_told_from_own_and_allowed_ones() {
        let site = site("127.0.0.1", false, &[], &["https://app.example"]);
        for (origin, passes) in [
            ("http://127.0.0.1:8000", true),
            ("https://app.example", true),
            ("http://127.0.0.1:8001", false),
            ("https://evil.example", false),
            ("https://app.example.evil.example", false),
            ("http://app.example", false),
            ("null", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, "127.0.0.1:8000".parse().unwrap());
            headers.insert(ORIGIN, origin.parse().unwrap());
            assert_eq!(site.check_origin(&headers).is_ok(), passes, "{origin}");
        }
    }

    #[test]
    fn names_and_origins_that_can_never_match_are_refused() {
        let listen = IpAddr::from([127, 0, 0, 1]);
        for bad in ["", "a:1", "http://a", "a/b", "a b"] {
            assert!(
                Site::new(listen, false, &[bad.into()], &[]).is_err(),
                "{bad}"
            );
        }
        for bad in [
            "",
            "a.example",
            "https://",
            "https://a/",
            "ftp://a",
            "https://a/b",
        ] {
            assert!(
                Site::new(listen, false, &[], &[bad.into()]).is_err(),
                "{bad}"
            );
        }
        for good in ["*", "http://a:1", "https://[::1]:1"] {
            assert!(
                Site::new(listen, false, &[], &[good.into()]).is_ok(),
                "{good}"
            );
        }
    }
}
