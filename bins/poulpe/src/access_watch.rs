//! Files that say who may come in: reads them again once a second and has them taken up when they changed. What can't be
//! taken up changes nothing: half a file must not lock everybody out, or let anybody in. Started by the daemon.

use poulpe_core::{Phase, Stop};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// As often as cron files are looked at.
const PAUSE: Duration = Duration::from_secs(1);
/// The most that is read of a file: thousands of tokens, or the longest chain of certificates.
const MAX_BYTES: u64 = 1024 * 1024;

/// Takes up what the files hold; says what holds now, or what is wrong.
type TakeUp = Box<dyn Fn(&[Vec<u8>]) -> Result<String, Vec<String>> + Send>;

/// What is read again when its files change.
#[derive(Default)]
pub(crate) struct Reloads {
    list: Vec<Reload>,
    /// So that what was read is compared without being kept.
    hash: RandomState,
}

struct Reload {
    what: &'static str,
    files: Vec<PathBuf>,
    take_up: TakeUp,
    seen: u64,
}

impl Reloads {
    /// Takes up what the files hold now, and from then on whenever it changed.
    pub(crate) fn add(
        &mut self,
        what: &'static str,
        files: &[&Path],
        take_up: impl Fn(&[Vec<u8>]) -> Result<String, Vec<String>> + Send + 'static,
    ) -> Result<String, Vec<String>> {
        let read = read_all(files);
        let seen = self.hash.hash_one(&read);
        let outcome = read.and_then(|texts| take_up(&texts));
        self.list.push(Reload {
            what,
            files: files.iter().map(|file| (*file).to_owned()).collect(),
            take_up: Box::new(take_up),
            seen,
        });
        outcome
    }

    /// Looks once a second until the door is closed.
    pub(crate) async fn run(mut self, mut stop: Stop) {
        if self.list.is_empty() {
            return;
        }
        loop {
            tokio::select! {
                () = stop.reached(Phase::Stopped) => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
            // A file system may take its time.
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(back) => self = back,
                Err(error) => {
                    tracing::error!(%error, "files of tokens and certificates are no longer looked at");
                    return;
                }
            }
        }
    }

    fn look(&mut self) {
        for reload in &mut self.list {
            let files: Vec<&Path> = reload.files.iter().map(PathBuf::as_path).collect();
            let read = read_all(&files);
            let now = self.hash.hash_one(&read);
            if now == reload.seen {
                continue;
            }
            reload.seen = now;
            let what = reload.what;
            match read.and_then(|texts| (reload.take_up)(&texts)) {
                Ok(state) => tracing::info!(what, state, "changed file taken up"),
                Err(bad) => {
                    tracing::error!(what, reason = %bad.join("; "), "changed file not taken up, the old state stands");
                }
            }
        }
    }
}

/// What the files hold.
pub(crate) fn read_all(files: &[&Path]) -> Result<Vec<Vec<u8>>, Vec<String>> {
    let (mut texts, mut bad) = (Vec::new(), Vec::new());
    for file in files {
        match read(file) {
            Ok(text) => texts.push(text),
            Err(error) => bad.push(format!("{} can't be read: {error}", file.display())),
        }
    }
    if bad.is_empty() {
        return Ok(texts);
    }
    Err(bad)
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(file)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn only_what_changed_is_taken_up_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("f");
        let write = |text: &str| std::fs::write(&file, text).expect("it writes");
        write("1");
        let taken = Arc::new(Mutex::new(Vec::new()));
        let same = Arc::clone(&taken);
        let mut reloads = Reloads::default();
        let added = reloads.add("test", &[&file], move |texts| {
            same.lock().expect("no panic").push(texts[0].clone());
            Ok(String::new())
        });
        assert!(added.is_ok());
        reloads.look();
        write("2");
        reloads.look();
        reloads.look();
        std::fs::remove_file(&file).expect("it is there");
        reloads.look();
        write("2");
        reloads.look();
        let taken = taken.lock().expect("no panic");
        assert_eq!(*taken, [b"1".to_vec(), b"2".to_vec(), b"2".to_vec()]);
    }
}
