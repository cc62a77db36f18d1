//! The URL of a call. Never changes what is legal in a URL, only percent-encodes what isn't. Built from a task's name
//! and params, and from the `Location` of a redirect.

use std::net::Ipv6Addr;
use ureq::http::Uri;

/// The longest URL: below what the HTTP parser takes, and far above what servers do.
const MAX_URL_BYTES: usize = 60_000;

/// The longest name in the DNS.
const MAX_HOST_BYTES: usize = 253;

/// What is legal in a URL, but for `#`, which would begin a fragment.
const LEGAL: Legal = Legal::beside_letters_and_digits(b"-._~:/?[]@!$&'()*+,;=%");

/// Legal in a name and password.
const LEGAL_USERINFO: Legal = Legal::beside_letters_and_digits(b"-._~:!$&'()*+,;=%");

/// An absolute http or https URL without fragment. The reasons of its errors read after the name of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    https: bool,
    userinfo: Option<String>,
    host: String,
    port: Option<u16>,
    path_and_query: String,
    /// All of it, as the HTTP library wants it.
    uri: Uri,
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::with_query(text, "")
    }

    /// A URL to which a query is appended, with `?`, or with `&` to a query that is there.
    pub(crate) fn with_query(text: &str, query: &str) -> Result<Self, String> {
        if text.len() > MAX_URL_BYTES {
            return Err(too_long(text.len()));
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err("must be one URL without line breaks or spaces around it".into());
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err("must be a whole URL, such as http://127.0.0.1:9000/path".into());
        };
        let https = scheme.eq_ignore_ascii_case("https");
        if !https && !scheme.eq_ignore_ascii_case("http") {
            return Err(format!(
                "must begin with http:// or https://, not {:?}",
                shorten(scheme)
            ));
        }
        let (rest, _fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let path_start = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path_and_query) = rest.split_at(path_start);
        let (userinfo, host_and_port) = match authority.rsplit_once('@') {
            Some((userinfo, rest)) => (Some(encode(userinfo, &LEGAL_USERINFO)), rest),
            None => (None, authority),
        };
        let (host, port) = split_port(host_and_port)?;
        check_host(host)?;
        let mut target = Self {
            https,
            userinfo,
            host: host.to_owned(),
            port,
            path_and_query: joined(path_and_query, query),
            uri: Uri::default(),
        };
        let whole = target.whole();
        if whole.len() > MAX_URL_BYTES {
            return Err(too_long(whole.len()));
        }
        // Whatever the HTTP library would refuse is refused now.
        target.uri = whole
            .try_into()
            .map_err(|error| format!("isn't a valid URL: {error}"))?;
        Ok(target)
    }

    /// The URL that `location` means in an answer of this one.
    pub(crate) fn join(&self, location: &str) -> Result<Self, String> {
        let (location, _fragment) = location.split_once('#').unwrap_or((location, ""));
        if has_scheme(location) {
            return Self::parse(location);
        }
        if location.starts_with("//") {
            return Self::parse(&format!("{}:{location}", self.scheme()));
        }
        let (path, _query) = self
            .path_and_query
            .split_once('?')
            .unwrap_or((&self.path_and_query, ""));
        let joined = match location.chars().next() {
            None => self.path_and_query.clone(),
            Some('/') => location.to_owned(),
            Some('?') => format!("{path}{location}"),
            Some(_) => {
                let directory = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
                without_dots(&format!("{directory}{location}"))
            }
        };
        Self::parse(&format!("{}://{}{joined}", self.scheme(), self.authority()))
    }

    /// Whether secrets meant for this target may go to `other`: the same host and port, or its step up to https.
    pub(crate) fn trusts(&self, other: &Target) -> bool {
        let same_host = self.host.eq_ignore_ascii_case(&other.host);
        let same_door = self.https == other.https && self.port() == other.port();
        let step_up = !self.https && other.https && self.port() == 80 && other.port() == 443;
        same_host && (same_door || step_up)
    }

    /// Host and port, as a person is told whom was called.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port())
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    fn whole(&self) -> String {
        [
            self.scheme(),
            "://",
            &self.authority(),
            &self.path_and_query,
        ]
        .concat()
    }

    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    fn port(&self) -> u16 {
        let default = if self.https { 443 } else { 80 };
        self.port.unwrap_or(default)
    }

    fn authority(&self) -> String {
        let mut authority = String::new();
        if let Some(userinfo) = &self.userinfo {
            authority = format!("{userinfo}@");
        }
        authority.push_str(&self.host);
        if let Some(port) = self.port {
            authority.push_str(&format!(":{port}"));
        }
        authority
    }
}

/// The bytes that stay as they are when a text is percent-encoded.
pub(crate) struct Legal([bool; 256]);

impl Legal {
    pub(crate) const fn beside_letters_and_digits(more: &[u8]) -> Self {
        let mut legal = [false; 256];
        let mut byte = 0;
        while byte < 128 {
            legal[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let mut index = 0;
        while index < more.len() {
            legal[more[index] as usize] = true;
            index += 1;
        }
        Self(legal)
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }
}

/// Percent-encodes every byte that isn't legal.
pub(crate) fn encode(text: &str, legal: &Legal) -> String {
    let mut encoded = String::with_capacity(text.len());
    encode_into(&mut encoded, text, legal);
    encoded
}

fn encode_into(encoded: &mut String, text: &str, legal: &Legal) {
    if text.bytes().all(|byte| legal.has(byte)) {
        encoded.push_str(text);
        return;
    }
    for byte in text.bytes() {
        if legal.has(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Path and query of a URL with one more query behind it, encoded.
fn joined(path_and_query: &str, query: &str) -> String {
    let mut joined = String::with_capacity(path_and_query.len() + query.len() + 2);
    if !path_and_query.starts_with('/') {
        joined.push('/');
    }
    encode_into(&mut joined, path_and_query, &LEGAL);
    if query.is_empty() {
        return joined;
    }
    match path_and_query.chars().last() {
        _ if !path_and_query.contains('?') => joined.push('?'),
        Some('?' | '&') => {}
        _ => joined.push('&'),
    }
    encode_into(&mut joined, query, &LEGAL);
    joined
}

fn too_long(bytes: usize) -> String {
    format!("makes a URL of {bytes} bytes, at most {MAX_URL_BYTES} are allowed; send it by POST")
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let after_host = match text.rfind(']') {
        Some(bracket) => bracket + 1,
        None if text.starts_with('[') => text.len(),
        None => 0,
    };
    let Some(colon) = text[after_host..].find(':') else {
        return Ok((text, None));
    };
    let (host, port) = (&text[..after_host + colon], &text[after_host + colon + 1..]);
    // RFC 3986 allows an empty port; it means the default.
    if port.is_empty() {
        return Ok((host, None));
    }
    let digits_only = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(number) if digits_only && number > 0 => Ok((host, Some(number))),
        _ => Err(format!(
            "has the port {:?}; it must be a number from 1 to 65535",
            shorten(port)
        )),
    }
}

fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("has no host; write http://host/path".into());
    }
    if let Some(rest) = host.strip_prefix('[') {
        let address = rest.strip_suffix(']').map(str::parse::<Ipv6Addr>);
        return match address {
            Some(Ok(_)) => Ok(()),
            _ => Err(format!(
                "has the host {:?}, which isn't an IPv6 address without zone",
                shorten(host)
            )),
        };
    }
    if !host.is_ascii() {
        return Err("has a host that isn't ASCII; write its xn-- form".into());
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if !host.bytes().all(legal) {
        return Err(format!(
            "has the host {:?}; it must be a name of letters, digits, dots and hyphens, or an address",
            shorten(host)
        ));
    }
    if host.len() > MAX_HOST_BYTES {
        return Err(format!(
            "has a host of {} bytes, at most {MAX_HOST_BYTES} are allowed",
            host.len()
        ));
    }
    Ok(())
}

fn has_scheme(location: &str) -> bool {
    let Some((scheme, _)) = location.split_once(':') else {
        return false;
    };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(legal)
}

/// Takes `.` and `..` out of a path, as RFC 3986 (5.2.4) does; the query stays as it is.
fn without_dots(path_and_query: &str) -> String {
    let query_start = path_and_query.find('?').unwrap_or(path_and_query.len());
    let (path, query) = path_and_query.split_at(query_start);
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let is_directory = path.ends_with("/.") || path.ends_with("/..");
    let slash = if is_directory && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{slash}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests;
