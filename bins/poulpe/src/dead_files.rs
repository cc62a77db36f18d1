//! Copies of dead letters: `DIR/YYYY-MM-DD/{id}.{claims}.json`, by the UTC day of the burial. The store is the truth;
//! these are for people, `grep` and backups.

use crate::job_json::dead_letter;
use poulpe_core::wire::rfc3339;
use poulpe_core::{DeadLetterFiles, JobId, JobView};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The longest part of a file's name that comes from the id: with claims, ending and temporary mark it stays below the
/// 255 bytes that file systems allow.
const MAX_NAME: usize = 200;

/// Writes dead letters into a directory.
pub(crate) struct DeadFiles {
    dir: PathBuf,
}

impl DeadFiles {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    fn path(&self, dead: &JobView) -> PathBuf {
        let buried = dead
            .result
            .as_ref()
            .map(|result| rfc3339(result.finished_at))
            .unwrap_or_default();
        let day = buried.get(..10).unwrap_or("unknown");
        self.dir.join(day).join(format!(
            "{}.{}.json",
            file_name(&dead.id),
            dead.progress.claims
        ))
    }
}

impl DeadLetterFiles for DeadFiles {
    fn write(&self, dead: &JobView) -> Result<(), String> {
        let path = self.path(dead);
        write(&path, &dead_letter(dead))
            .map_err(|error| format!("{} can't be written: {error}", path.display()))
    }

    fn remove(&self, dead: &JobView) -> Result<(), String> {
        let path = self.path(dead);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("{}: {error}", path.display()))
            }
            _ => Ok(()),
        }
    }
}

fn write(path: &Path, dead: &serde_json::Value) -> std::io::Result<()> {
    let day = path.parent().unwrap_or(Path::new("."));
    if !day.is_dir() {
        // Tasks may hold secrets of their owners.
        DirBuilder::new().recursive(true).mode(0o700).create(day)?;
        if let Some(dir) = day.parent() {
            File::open(dir)?.sync_all()?;
        }
    }
    let temporary = path.with_extension("json.tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    let mut text = serde_json::to_vec_pretty(dead)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(day)?.sync_all()
}

/// The id as a file's name: `/`, `%` and a leading `.` as %XX, a long one cut and told apart by a hash of the whole.
fn file_name(id: &JobId) -> String {
    let mut name = String::with_capacity(id.as_str().len());
    for (place, c) in id.as_str().char_indices() {
        let leads_astray = matches!(c, '/' | '\\' | '%') || (c == '.' && place == 0);
        if leads_astray {
            name.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            name.push(c);
        }
    }
    if name.len() <= MAX_NAME {
        return name;
    }
    let mut end = MAX_NAME - 17;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}~{:016x}", &name[..end], fnv1a(id.as_str()))
}

/// FNV-1a, 64 bits: tells long names apart; the same in every version, so that a file is found again.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str) -> String {
        file_name(&JobId::new(id).unwrap())
    }

    #[test]
    fn no_id_leaves_its_directory() {
        assert_eq!(name("../../etc/passwd"), "%2E.%2F..%2Fetc%2Fpasswd");
        assert_eq!(name("."), "%2E");
        assert_eq!(name("a b 🐙"), "a b 🐙");
    }

    #[test]
    fn different_ids_have_different_names() {
        assert_ne!(name("a/b"), name("a%2Fb"));
        let (long, other) = ("/".repeat(199), format!("{}x", "/".repeat(198)));
        assert_ne!(name(&long), name(&other));
        assert!(name(&long).len() <= MAX_NAME && name(&"🐙".repeat(50)).len() <= MAX_NAME);
    }
}
