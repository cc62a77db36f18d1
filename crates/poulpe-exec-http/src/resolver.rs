//! Turns the host of a URL into addresses that may be called. Never lets a refused address through, and never starts
//! a thread for a host that is an address or was looked up a moment ago. Called by ureq before each connection, and so
//! for each redirect.

use crate::guard::Guard;
use crate::literal;
use crate::names::{NameError, Names};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// As many as fit into ureq's list.
const MAX_ADDRESSES: usize = 16;

/// Resolves and guards.
#[derive(Debug)]
pub(crate) struct GuardedResolver {
    guard: Guard,
    names: Names,
}

/// A name that can't be resolved; carried through ureq to the reason of the failure.
#[derive(Debug)]
pub(crate) struct UnknownName(pub(crate) String);

impl std::fmt::Display for UnknownName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownName {}

impl GuardedResolver {
    pub(crate) fn new(guard: Guard, names: Names) -> Self {
        Self { guard, names }
    }

    /// Looks a name up at most once: what was checked is what is called, whatever the name leads to a moment later.
    fn resolve_name(
        &self,
        name: &str,
        port: u16,
        now: Instant,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        // Without a limit (never so here) the addition would overflow.
        let deadline = now.checked_add(*timeout.after).unwrap_or(now);
        match self.names.addresses(name, now, deadline) {
            Ok(ips) => self.guarded(&ips, port),
            Err(NameError::TimedOut) => Err(Error::Timeout(timeout.reason)),
            Err(NameError::Failed(why)) => Err(Error::Other(Box::new(UnknownName(why)))),
        }
    }

    fn guarded(&self, ips: &[IpAddr], port: u16) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        let mut refused = None;
        for ip in ips {
            match self.guard.check(*ip) {
                Ok(()) if addresses.len() < MAX_ADDRESSES => {
                    addresses.push(SocketAddr::new(*ip, port));
                }
                Ok(()) => break,
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        if !addresses.is_empty() {
            return Ok(addresses);
        }
        match refused {
            Some(why) => Err(Error::Other(Box::new(why))),
            None => Err(Error::HostNotFound),
        }
    }
}

impl Resolver for GuardedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let Some(host) = uri.host() else {
            return Err(Error::HostNotFound);
        };
        let default_port = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let port = uri.port_u16().unwrap_or(default_port);
        if let Some(ip) = literal::parse(host) {
            return self.guarded(&[ip], port);
        }
        self.resolve_name(host, port, Instant::now(), timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Refused;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::time::Duration;

    fn resolve(names: Names, host: &str) -> Result<Vec<SocketAddr>, Error> {
        let resolver = GuardedResolver::new(Guard::new(vec![], vec![]), names);
        let timeout = NextTimeout {
            after: Duration::from_secs(30).into(),
            ..NextTimeout::default()
        };
        let uri: Uri = format!("http://{host}/").parse().unwrap();
        let found = resolver.resolve(&uri, &Config::default(), timeout)?;
        Ok(found.iter().copied().collect())
    }

    fn never(name: &str) -> std::io::Result<Vec<IpAddr>> {
        panic!("{name} was looked up");
    }

    #[test]
    fn addresses_are_not_looked_up() {
        for host in ["127.0.0.1:81", "0x7f000001:81", "127.1:81"] {
            let expected = "127.0.0.1:81".parse().unwrap();
            assert_eq!(resolve(Names::new(never), host).unwrap(), [expected]);
        }
        let v6 = resolve(Names::new(never), "[::1]").unwrap();
        assert_eq!(v6, ["[::1]:80".parse().unwrap()]);
    }

    #[test]
    fn a_name_that_leads_to_a_refused_address_is_refused() {
        let names = Names::new(|_| Ok(vec!["169.254.169.254".parse().unwrap()]));
        let Err(Error::Other(error)) = resolve(names, "metadata.test") else {
            panic!("not refused");
        };
        assert!(error.is::<Refused>());
    }

    #[test]
    fn only_the_allowed_addresses_of_a_name_are_called() {
        let names = Names::new(|_| {
            let texts = ["fe80::1", "10.0.0.1", "169.254.169.254"];
            Ok(texts.iter().map(|ip| ip.parse().unwrap()).collect())
        });
        let expected = "10.0.0.1:80".parse().unwrap();
        assert_eq!(resolve(names, "mixed.test").unwrap(), [expected]);
    }

    /// Where names lead that turn against their callers. None of these may be called.
    const HOSTILE: [&str; 34] = [
        "169.254.169.254",
        "169.254.0.0",
        "169.254.255.255",
        "169.254.170.2",
        "100.100.100.200",
        "fe80::1",
        "fe80::a9fe:a9fe",
        "febf:ffff::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "::ffff:100.100.100.200",
        "::169.254.169.254",
        "::100.100.100.200",
        "64:ff9b::169.254.169.254",
        "64:ff9b::100.100.100.200",
        "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:ffff:ffff:ffff:a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "2002:a9fe:a9fe::1",
        "2002:a9fe:0001:1:2:3:4:5",
        "2002:6464:64c8::1",
        // Denied here, by --http_deny.
        "127.0.0.1",
        "127.255.255.254",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::127.0.0.1",
        "2002:7f00:1::",
        "0.0.0.0",
        "::",
        "::ffff:0.0.0.0",
        "10.255.0.1",
        "2002:0a00:1::",
    ];
    const GOOD: &str = "93.184.216.34";
    static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

    /// A server of names that says something good first and something else from then on.
    fn turncoat(name: &str) -> std::io::Result<Vec<IpAddr>> {
        let is_first = LOOKUPS.fetch_add(1, Relaxed).is_multiple_of(2);
        let place: usize = name.trim_start_matches('n').parse().unwrap();
        let answer = if is_first { GOOD } else { HOSTILE[place] };
        Ok(vec![answer.parse().unwrap()])
    }

    #[test]
    fn a_name_that_changes_its_mind_is_checked_at_each_call_and_called_where_it_was_checked() {
        let deny = ["127.0.0.0/8", "::1/128", "10.0.0.0/8"].map(|net| net.parse().unwrap());
        // Allowing everything by name doesn't help what is never called.
        let allow = ["0.0.0.0/0", "::/0"].map(|net| net.parse().unwrap());
        let guard = Guard::new(deny.into(), allow.into());
        let resolver = GuardedResolver::new(guard, Names::new(turncoat));
        let resolve = |name: &str, now| {
            let timeout = NextTimeout {
                after: Duration::from_secs(30).into(),
                ..NextTimeout::default()
            };
            let found = resolver.resolve_name(name, 80, now, timeout)?;
            Ok::<_, Error>(found.iter().copied().collect::<Vec<_>>())
        };
        let (now, expired) = (Instant::now(), Instant::now() + Duration::from_secs(600));
        for (place, hostile) in HOSTILE.iter().enumerate() {
            let name = format!("n{place}");
            let before = LOOKUPS.load(Relaxed);
            let good = SocketAddr::new(GOOD.parse().unwrap(), 80);
            assert_eq!(resolve(&name, now).unwrap(), [good], "{hostile}");
            assert_eq!(
                LOOKUPS.load(Relaxed),
                before + 1,
                "checked one answer, called another"
            );
            let refused = resolve(&name, expired);
            assert_eq!(LOOKUPS.load(Relaxed), before + 2, "{hostile}");
            let Err(Error::Other(error)) = refused else {
                panic!("{hostile} would be called: {refused:?}");
            };
            assert!(error.is::<Refused>(), "{hostile}: {error}");
        }
    }
}
