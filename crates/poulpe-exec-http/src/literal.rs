//! Reads hosts that are addresses already, in every notation that a C library would take. Never asks a name server.
//! Used by the resolver's fast path and by the check of a task.

use std::net::{IpAddr, Ipv4Addr};

/// The address that `host` is, if it is one: an IPv6 address in brackets or not, or an IPv4 address in any notation.
pub(crate) fn parse(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    match bare.parse() {
        Ok(ip) => Some(ip),
        Err(_) => parse_odd_v4(bare).map(IpAddr::V4),
    }
}

/// `inet_aton`: one to four numbers, each decimal, octal (`0…`) or hexadecimal (`0x…`); the last fills what is left.
fn parse_odd_v4(host: &str) -> Option<Ipv4Addr> {
    // A name server may know the absolute name "1.2.3.4.", but whoever writes it means the address.
    let host = host.strip_suffix('.').unwrap_or(host);
    let parts: Vec<u32> = host.split('.').map(parse_number).collect::<Option<_>>()?;
    let (last, bytes) = parts.split_last()?;
    if bytes.len() > 3 || bytes.iter().any(|byte| *byte > 0xff) {
        return None;
    }
    let last_bits = 32 - 8 * u32::try_from(bytes.len()).ok()?;
    if u64::from(*last) >> last_bits != 0 {
        return None;
    }
    let mut address = *last;
    for (index, byte) in bytes.iter().enumerate() {
        address |= byte << (24 - 8 * index);
    }
    Some(Ipv4Addr::from(address))
}

fn parse_number(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some(hex) => (hex, 16),
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (&*lower, 10),
    };
    // from_str_radix takes a sign, which no address has.
    let digits_only = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !digits_only {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_of_an_address_is_read() {
        for (host, ip) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("127.0.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0177.0.0.01", "127.0.0.1"),
            ("0X7F.1", "127.0.0.1"),
            ("0xA9FEA9FE", "169.254.169.254"),
            ("2852039166", "169.254.169.254"),
            ("169.254.43518", "169.254.169.254"),
            ("169.254.169.254.", "169.254.169.254"),
            ("0", "0.0.0.0"),
            ("[::1]", "::1"),
            ("[::ffff:169.254.169.254]", "::ffff:169.254.169.254"),
        ] {
            assert_eq!(parse(host), Some(ip.parse().unwrap()), "{host}");
        }
    }

    #[test]
    fn names_are_no_addresses() {
        for host in [
            "localhost",
            "127.0.0.1.example",
            "1.2.3.4.5",
            "256.1.1.1",
            "1.16777216",
            "4294967296",
            "+1",
            "0x",
            "1..2",
            "",
            ".",
            "08.1.1.1",
        ] {
            assert_eq!(parse(host), None, "{host}");
        }
    }
}
