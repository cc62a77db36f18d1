use super::*;

fn get(name: &str, params: &str) -> String {
    Target::with_query(name, params).unwrap().uri().to_string()
}

#[test]
fn params_are_appended_as_they_are() {
    for (name, params, url) in [
        ("http://h/p", "", "http://h/p"),
        ("http://h/p", "a=1&b=2", "http://h/p?a=1&b=2"),
        ("http://h/p?x", "a=1", "http://h/p?x&a=1"),
        ("http://h/p?", "a=1", "http://h/p?a=1"),
        ("http://h/p?x&", "a=1", "http://h/p?x&a=1"),
        ("http://h", "a=1", "http://h/?a=1"),
        ("http://h?x", "a=1", "http://h/?x&a=1"),
        ("http://h/p#part", "a=1", "http://h/p?a=1"),
        (
            "http://h/p",
            "q=%41+%zz'()*[]:@/?",
            "http://h/p?q=%41+%zz'()*[]:@/?",
        ),
        ("http://h/p", "q=a b", "http://h/p?q=a%20b"),
        (
            "http://h/p",
            "q=ü\n#\"{}",
            "http://h/p?q=%C3%BC%0A%23%22%7B%7D",
        ),
        ("http://h/ü b", "", "http://h/%C3%BC%20b"),
        ("http://h/a/../b//c", "", "http://h/a/../b//c"),
        ("HTTPS://h:8443/", "", "https://h:8443/"),
        ("http://[::1]:81/p", "", "http://[::1]:81/p"),
        ("http://me:p@ss@h/", "", "http://me:p%40ss@h/"),
        ("http://h:/p", "", "http://h/p"),
    ] {
        assert_eq!(get(name, params), url, "{name} {params}");
    }
}

#[test]
fn bad_urls_are_refused_with_the_fix() {
    for (url, fix) in [
        ("", "whole URL"),
        ("localhost/path", "whole URL"),
        ("/path", "whole URL"),
        ("127.0.0.1:9000", "whole URL"),
        ("ftp://h/", "http:// or https://"),
        ("://h/", "http:// or https://"),
        (" http://h/", "line breaks or spaces"),
        ("http://h/\n", "line breaks or spaces"),
        ("http://h/a\r\nHost: x", "line breaks or spaces"),
        ("http://", "has no host"),
        ("http:///path", "has no host"),
        ("http://:80/", "has no host"),
        ("http://me@/", "has no host"),
        ("http://h:x/", "1 to 65535"),
        ("http://h:0/", "1 to 65535"),
        ("http://h:+1/", "1 to 65535"),
        ("http://h:65536/", "1 to 65535"),
        ("http://h:1:2/", "1 to 65535"),
        ("http://a b/", "letters, digits"),
        ("http://a%62/", "letters, digits"),
        ("http://h\\x/", "letters, digits"),
        ("http://a,b/", "letters, digits"),
        ("http://ü.de/", "xn--"),
        ("http://[::1/", "IPv6"),
        ("http://[fe80::1%25eth0]/", "IPv6"),
        ("http://[1.2.3.4]/", "IPv6"),
    ] {
        let reason = Target::parse(url).unwrap_err();
        assert!(reason.contains(fix), "{url:?}: {reason}");
    }
}

#[test]
fn what_stands_before_an_at_sign_is_never_the_host() {
    for (url, host) in [
        ("http://h\\@x/", "x"),
        ("http://a.test:80@b.test/", "b.test"),
        ("http://a.test/@b.test", "a.test"),
        ("http://a.test?@b.test", "a.test"),
        ("http://a.test#@b.test", "a.test"),
    ] {
        let target = Target::parse(url).unwrap();
        assert_eq!(target.host(), host, "{url}");
        // The library that opens the connection must see the same.
        assert_eq!(target.uri().host(), Some(host), "{url}");
    }
}

#[test]
fn long_urls_are_refused() {
    let long = "x".repeat(MAX_URL_BYTES);
    assert!(Target::parse(&format!("http://h/{long}")).is_err());
    let reason = Target::with_query("http://h/", &long);
    assert!(reason.unwrap_err().contains("POST"));
    assert!(Target::parse(&format!("http://{}/", "x".repeat(254))).is_err());
}

#[test]
fn locations_are_joined_as_rfc_3986_says() {
    let base = Target::parse("http://me@h:81/a/b/c?q=1").unwrap();
    for (location, url) in [
        ("https://x/y", "https://x/y"),
        ("//x/y", "http://x/y"),
        ("/y?z", "http://me@h:81/y?z"),
        ("?z", "http://me@h:81/a/b/c?z"),
        ("", "http://me@h:81/a/b/c?q=1"),
        ("#part", "http://me@h:81/a/b/c?q=1"),
        ("y", "http://me@h:81/a/b/y"),
        ("y#part", "http://me@h:81/a/b/y"),
        ("./y", "http://me@h:81/a/b/y"),
        ("../y?u=../v", "http://me@h:81/a/y?u=../v"),
        ("../../../../y", "http://me@h:81/y"),
        ("..", "http://me@h:81/a/"),
        (".", "http://me@h:81/a/b/"),
        ("../..", "http://me@h:81/"),
        ("y/ü", "http://me@h:81/a/b/y/%C3%BC"),
        ("y?a:b", "http://me@h:81/a/b/y?a:b"),
    ] {
        let joined = base.join(location).unwrap().uri().clone();
        // http::Uri hides nothing: the userinfo is part of its text.
        assert_eq!(joined.to_string(), url, "{location}");
    }
    for bad in ["ftp://x/", "mailto:x", "http://", "javascript:alert(1)"] {
        assert!(base.join(bad).is_err(), "{bad}");
    }
}

#[test]
fn secrets_stay_with_their_host() {
    for (from, to, trusted) in [
        ("http://h/a", "http://H/b", true),
        ("http://h/", "http://h:80/", true),
        ("http://h/", "https://h/", true),
        ("https://h/", "http://h/", false),
        ("http://h/", "http://h:81/", false),
        ("http://h:81/", "https://h/", false),
        ("http://h/", "http://x/", false),
        ("http://h/", "http://h.x/", false),
    ] {
        let parse = |url: &str| Target::parse(url).unwrap();
        assert_eq!(parse(from).trusts(&parse(to)), trusted, "{from} {to}");
    }
}

#[test]
fn a_place_has_no_secrets() {
    let target = Target::parse("https://me:secret@h/?token=secret").unwrap();
    assert_eq!(target.place(), "h:443");
}
