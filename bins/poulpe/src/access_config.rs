//! The flags that say who may come in and how, and what they say together. Never prints a secret. Used by the
//! configuration.

use crate::access_watch::Reloads;
use crate::secret::complain_of_readers;
use clap::Args;
use poulpe_ingress_http::{HttpConfig, Tls, TokenList, Tokens};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The flags that say who may come in and how.
#[derive(Debug, Args)]
pub(crate) struct AccessFlags {
    /// A secret that requests may carry as "Authorization: Bearer ...", to do everything. Once there is any, every request
    /// but /healthz needs one. A file is safer: see --token_file.
    #[arg(long, env = "POULPE_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// A file of tokens, a line each: NAME ROLE SECRET, with submit, read or admin for a role; or just the secret of an
    /// admin. Changes are noticed within a second.
    #[arg(
        long = "token_file",
        alias = "token-file",
        env = "POULPE_TOKEN_FILE",
        value_name = "FILE"
    )]
    token_file: Option<PathBuf>,

    /// Listen beyond the loopback without a token: anybody who reaches the address can then have tasks run.
    #[arg(
        long,
        env = "POULPE_INSECURE",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    insecure: bool,

    /// Speak HTTPS with the certificate in this PEM file, those of its authorities behind it. Changes are noticed within a
    /// second; open connections stay.
    #[arg(
        long = "tls_cert",
        alias = "tls-cert",
        env = "POULPE_TLS_CERT",
        value_name = "FILE"
    )]
    tls_cert: Option<PathBuf>,

    /// The PEM file of its private key.
    #[arg(
        long = "tls_key",
        alias = "tls-key",
        env = "POULPE_TLS_KEY",
        value_name = "FILE"
    )]
    tls_key: Option<PathBuf>,

    /// A name that poulpe is reached by, such as that of a proxy before it; repeat the flag or separate by commas. Without a
    /// token poulpe on the loopback answers to no others than localhost and its address.
    #[arg(long, env = "POULPE_HOST", value_delimiter = ',', value_name = "NAME")]
    host: Vec<String>,

    /// A site whose pages may use poulpe from a browser, such as `https://app.example.com`; repeat the flag or separate by
    /// commas; * for all, which takes a token.
    #[arg(
        long = "cors_origin",
        alias = "cors-origin",
        env = "POULPE_CORS_ORIGIN",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    cors_origin: Vec<String>,
}

/// Who may come in and how.
pub(crate) struct Access {
    pub(crate) token: Option<String>,
    tokens: Option<TokenList>,
    tls: Option<Tls>,
    hosts: Vec<String>,
    cors_origins: Vec<String>,
    /// What is read again when its files change.
    pub(crate) reloads: Reloads,
    /// What the operator should hear about it.
    pub(crate) warnings: Vec<String>,
}

impl Access {
    /// Reads all files; adds everything that is wrong to the problems.
    pub(crate) fn from_flags(
        flags: &AccessFlags,
        listen: IpAddr,
        problems: &mut Vec<String>,
    ) -> Self {
        let (mut reloads, mut warnings) = (Reloads::default(), Vec::new());
        let has_token = flags.token.is_some() || flags.token_file.is_some();
        if !listen.is_loopback() && !has_token && !flags.insecure {
            problems.push(format!(
                "--listen {listen}: anybody who reaches this address could have tasks run; give a --token_file, or say --insecure"
            ));
        }
        let token = flags.token.clone();
        if let Some(Err(bad)) = token.as_deref().map(Tokens::admin) {
            problems.push(format!("--token: {bad}"));
        }
        let tokens = flags
            .token_file
            .as_deref()
            .and_then(|path| tokens(path, &mut reloads, &mut warnings, problems));
        let tls = tls(flags, &mut reloads, &mut warnings, problems);
        let access = Self {
            token,
            tokens,
            tls,
            hosts: given(&flags.host),
            cors_origins: given(&flags.cors_origin),
            reloads,
            warnings,
        };
        if problems.is_empty()
            && let Err(bad) = access.door(HttpConfig::new(listen, 0, "")).check()
        {
            problems.push(format!("--host, --cors_origin: {bad}"));
        }
        access
    }

    /// Sets up the door accordingly.
    pub(crate) fn door(&self, mut door: HttpConfig) -> HttpConfig {
        door.token.clone_from(&self.token);
        door.tokens.clone_from(&self.tokens);
        door.tls.clone_from(&self.tls);
        door.hosts.clone_from(&self.hosts);
        door.cors_origins.clone_from(&self.cors_origins);
        door
    }

    /// Whether requests need a token.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some() || self.tokens.is_some()
    }

    /// How the door's addresses begin.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// An unset variable is an empty one.
fn given(words: &[String]) -> Vec<String> {
    let words = words.iter().map(|word| word.trim());
    words
        .filter(|word| !word.is_empty())
        .map(String::from)
        .collect()
}

fn tokens(
    path: &Path,
    reloads: &mut Reloads,
    warnings: &mut Vec<String>,
    problems: &mut Vec<String>,
) -> Option<TokenList> {
    warnings.extend(complain_of_readers("token_file", path));
    let list = TokenList::new(Tokens::default());
    let same = list.clone();
    let read = reloads.add("tokens", &[path], move |texts| {
        let text = texts.first().map(Vec::as_slice).unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| vec!["isn't UTF-8".to_owned()])?;
        let tokens = Tokens::parse(text)?;
        let count = tokens.len();
        same.replace(tokens);
        Ok(format!("{count} in force"))
    });
    let bad = match read {
        Ok(_) => return Some(list),
        Err(bad) => bad,
    };
    let place = path.display();
    problems.extend(
        bad.iter()
            .map(|bad| format!("--token_file: {place}: {bad}")),
    );
    None
}

fn tls(
    flags: &AccessFlags,
    reloads: &mut Reloads,
    warnings: &mut Vec<String>,
    problems: &mut Vec<String>,
) -> Option<Tls> {
    let (cert, key) = match (&flags.tls_cert, &flags.tls_key) {
        (None, None) => return None,
        (Some(cert), Some(key)) => (cert, key),
        _ => {
            problems.push("--tls_cert and --tls_key go together; give both".into());
            return None;
        }
    };
    warnings.extend(complain_of_readers("tls_key", key));
    let files = [cert.as_path(), key.as_path()];
    let first = crate::access_watch::read_all(&files)
        .and_then(|texts| Tls::new(&texts[0], &texts[1]).map_err(|bad| vec![bad]));
    let tls = match first {
        Ok(tls) => tls,
        Err(bad) => {
            problems.extend(
                bad.iter()
                    .map(|bad| format!("--tls_cert, --tls_key: {bad}")),
            );
            return None;
        }
    };
    let same = tls.clone();
    // What was just read can be read again.
    let _ = reloads.add("certificate", &files, move |texts| {
        let [cert, key] = texts else {
            return Err(vec!["one of two files is missing".into()]);
        };
        same.replace(cert, key).map_err(|bad| vec![bad])?;
        Ok("in force for new connections".into())
    });
    Some(tls)
}
