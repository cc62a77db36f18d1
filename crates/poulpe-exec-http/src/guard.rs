//! Says which addresses may be called. Knows nothing of names; those are resolved before. Asked by the resolver for
//! every connection, and by the check of a task whose URL has an address for a host.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services outside the link-local networks: AWS and Google over IPv6, Alibaba.
const METADATA: [IpAddr; 3] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
];

/// Which addresses may be called.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    deny: Vec<IpNet>,
    allow: Vec<IpNet>,
}

/// An address that must not be called, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl Guard {
    pub(crate) fn new(deny: Vec<IpNet>, allow: Vec<IpNet>) -> Self {
        Self { deny, allow }
    }

    /// Whether `ip` may be called, in whatever form it comes.
    pub(crate) fn check(&self, ip: IpAddr) -> Result<(), Refused> {
        let forms = [Some(ip), Some(ip.to_canonical()), hidden(ip)];
        for form in forms.into_iter().flatten() {
            if is_link_local(form) || METADATA.contains(&form) {
                return Err(Refused(format!(
                    "the address {ip} is link-local or a cloud's metadata service, which is never called"
                )));
            }
            if let Some(net) = self.deny.iter().find(|net| net.contains(&form)) {
                return Err(Refused(format!(
                    "the address {ip} is denied by {net} (http_deny)"
                )));
            }
        }
        // What hides inside an address counts against it, never for it.
        let allowed = |net: &IpNet| forms[..2].iter().flatten().any(|form| net.contains(form));
        if !self.allow.is_empty() && !self.allow.iter().any(allowed) {
            return Err(Refused(format!(
                "the address {ip} is in none of the allowed networks (http_allow)"
            )));
        }
        Ok(())
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// The address that is really reached: through NAT64, 6to4 and the old IPv4-compatible form, or, for the unspecified
/// address, this host.
fn hidden(ip: IpAddr) -> Option<IpAddr> {
    let v6 = match ip.to_canonical() {
        IpAddr::V4(v4) => return v4.is_unspecified().then(|| Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(v6) => v6,
    };
    if v6.is_unspecified() {
        return Some(Ipv6Addr::LOCALHOST.into());
    }
    let segments = v6.segments();
    let embedded = match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some((high, low)),
        [0x64, 0xff9b, 1, _, _, _, high, low] => Some((high, low)),
        [0x2002, high, low, ..] => Some((high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some((high, low)),
        _ => None,
    };
    embedded.map(|(high, low)| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(deny: &[&str], allow: &[&str]) -> Guard {
        let nets = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect();
        Guard::new(nets(deny), nets(allow))
    }

    fn allows(guard: &Guard, ip: &str) -> bool {
        guard.check(ip.parse().unwrap()).is_ok()
    }

    #[test]
    fn link_local_and_metadata_are_refused_in_every_form() {
        // Allowing everything by name doesn't help either.
        let guard = guard(&[], &["0.0.0.0/0", "::/0"]);
        for ip in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::ffff:100.100.100.200",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(!allows(&guard, ip), "{ip}");
        }
    }

    #[test]
    fn loopback_private_and_public_are_allowed_by_default() {
        let guard = guard(&[], &[]);
        for ip in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "192.168.1.1",
            "fd00::1",
            "100.100.100.201",
            "93.184.216.34",
            "2606:2800::1",
        ] {
            assert!(allows(&guard, ip), "{ip}");
        }
    }

    #[test]
    fn denied_networks_are_refused_in_every_form() {
        let guard = guard(&["127.0.0.0/8", "::1/128", "10.0.0.0/8"], &[]);
        for ip in [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "::",
            "::ffff:0.0.0.0",
            "64:ff9b::10.0.0.1",
            "2002:0a00:0001::",
        ] {
            assert!(!allows(&guard, ip), "{ip}");
        }
        assert!(allows(&guard, "11.0.0.1"));
    }

    #[test]
    fn allowed_networks_exclude_all_others_and_deny_wins() {
        let guard = guard(&["10.9.0.0/16"], &["10.0.0.0/8"]);
        assert!(allows(&guard, "10.1.1.1"));
        assert!(allows(&guard, "::ffff:10.1.1.1"));
        for ip in ["10.9.1.1", "11.0.0.1", "::1", "64:ff9b::10.1.1.1"] {
            assert!(!allows(&guard, ip), "{ip}");
        }
    }

    #[test]
    fn a_refusal_names_the_rule() {
        let text = |deny: &[&str], allow: &[&str]| {
            let refused = guard(deny, allow).check("10.0.0.1".parse().unwrap());
            refused.unwrap_err().to_string()
        };
        assert_eq!(
            text(&["10.0.0.0/8"], &[]),
            "the address 10.0.0.1 is denied by 10.0.0.0/8 (http_deny)"
        );
        assert!(text(&[], &["1.0.0.0/8"]).contains("http_allow"));
    }
}
