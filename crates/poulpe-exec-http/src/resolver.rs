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
        let now = Instant::now();
        // Without a limit (never so here) the addition would overflow.
        let deadline = now.checked_add(*timeout.after).unwrap_or(now);
        match self.names.addresses(host, now, deadline) {
            Ok(ips) => self.guarded(&ips, port),
            Err(NameError::TimedOut) => Err(Error::Timeout(timeout.reason)),
            Err(NameError::Failed(why)) => Err(Error::Other(Box::new(UnknownName(why)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Refused;
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
}
