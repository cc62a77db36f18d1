//! Where a store is, in words that may be logged.

use crate::Options;

/// Scheme, hosts and database of the URL without name and password, and the prefix.
pub(crate) fn place(options: &Options) -> String {
    let Some((scheme, rest)) = options.url.split_once("://") else {
        return "an address that can't be read".into();
    };
    // The query first: a password in it may hold an @.
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    // A password may hold an @ of its own, and what follows the last one can't be part of it.
    let address = address
        .rsplit_once('@')
        .map_or(address, |(_, address)| address);
    let is_plain =
        |part: &&str| part.starts_with("node=") || part.starts_with("sentinelServiceName=");
    let kept: Vec<&str> = query.split('&').filter(is_plain).collect();
    let mark = if kept.is_empty() { "" } else { "?" };
    format!(
        "{scheme}://{address}{mark}{}, keys {{{}}}:*",
        kept.join("&"),
        options.prefix
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_left_out() {
        let cases = [
            ("redis://h:1/2", "redis://h:1/2"),
            ("redis://u:p@h", "redis://h"),
            ("rediss://:p@ss@h:1", "rediss://h:1"),
            (
                "redis-sentinel://u:p@h:1?node=b:2&sentinelServiceName=m&sentinelPassword=se@cret",
                "redis-sentinel://h:1?node=b:2&sentinelServiceName=m",
            ),
        ];
        for (url, expected) in cases {
            let place = Options::new(url).place();
            assert_eq!(place, format!("{expected}, keys {{poulpe}}:*"));
        }
    }
}
