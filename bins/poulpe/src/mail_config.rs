//! From the flags of MAIL_TO to its executor, or to every reason why they can't work. Called by the configuration.

use crate::flags::{Flags, SmtpTls};
use crate::secret::secret;
use poulpe_exec_mail::{BadMailConfig, Login, MailConfig, MailExecutor, MailServer, Security};

/// The executor of MAIL_TO; one that refuses everything when no server is given. None if the flags can't work.
pub(crate) fn mail(flags: &Flags, problems: &mut Vec<String>) -> Option<MailExecutor> {
    let before = problems.len();
    let security = security(flags, problems);
    let login = login(flags, problems);
    let Some(host) = flags.smtp_server.clone().filter(|host| !host.is_empty()) else {
        for flag in orphans(flags) {
            problems.push(format!("{flag} has no use without --smtp_server"));
        }
        return MailExecutor::new(MailConfig::default()).ok();
    };
    if flags.smtp_port == Some(0) {
        problems.push("--smtp_port must be 1 to 65535".into());
    }
    if problems.len() > before {
        return None;
    }
    let config = MailConfig {
        server: Some(MailServer {
            // An IPv6 address may be written as in a URL.
            host: host.trim_matches(['[', ']']).to_owned(),
            port: flags.smtp_port.unwrap_or(security.default_port()),
            security,
            login,
            ca: flags.smtp_ca.clone(),
        }),
        workers: usize::from(flags.workers),
    };
    MailExecutor::new(config)
        .map_err(|bad| problems.push(problem(&bad)))
        .ok()
}

fn security(flags: &Flags, problems: &mut Vec<String>) -> Security {
    let security = match flags.smtp_tls {
        None if flags.starttls => return Security::StartTls,
        None | Some(SmtpTls::On) => Security::Tls,
        Some(SmtpTls::Starttls) => return Security::StartTls,
        Some(SmtpTls::None) => Security::None,
        Some(SmtpTls::NoneForce) => Security::NoneForced,
    };
    if flags.starttls {
        problems.push("--starttls and this --smtp_tls exclude each other; give one of them".into());
    }
    security
}

fn login(flags: &Flags, problems: &mut Vec<String>) -> Option<Login> {
    let password = secret(
        "smtp_pwd",
        flags.smtp_pwd.as_ref(),
        flags.smtp_pwd_file.as_ref(),
        problems,
    );
    // A password may end in a space, but the last line of a file ends in a line break.
    let password = password.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
    let has_password = flags.smtp_pwd.is_some() || flags.smtp_pwd_file.is_some();
    match (&flags.smtp_name, password) {
        (Some(name), Some(password)) => {
            return Some(Login {
                name: name.clone(),
                password,
            });
        }
        (Some(_), None) if !has_password => {
            problems.push("--smtp_name needs --smtp_pwd_file (or --smtp_pwd)".into());
        }
        (None, _) if has_password => problems.push("--smtp_pwd needs --smtp_name".into()),
        // What is wrong with the password has been said.
        _ => {}
    }
    None
}

/// The flags that were given for a server that wasn't.
fn orphans(flags: &Flags) -> Vec<&'static str> {
    [
        ("--smtp_port", flags.smtp_port.is_some()),
        ("--smtp_name", flags.smtp_name.is_some()),
        ("--smtp_pwd", flags.smtp_pwd.is_some()),
        ("--smtp_pwd_file", flags.smtp_pwd_file.is_some()),
        ("--starttls", flags.starttls),
        ("--smtp_tls", flags.smtp_tls.is_some()),
        ("--smtp_ca", flags.smtp_ca.is_some()),
    ]
    .into_iter()
    .filter_map(|(flag, is_given)| is_given.then_some(flag))
    .collect()
}

fn problem(bad: &BadMailConfig) -> String {
    let flag = match bad {
        BadMailConfig::Host(_) | BadMailConfig::Thread(_) => "--smtp_server",
        BadMailConfig::PasswordInClear => {
            return format!(
                "--smtp_tls: {bad}; leave it out, or force it by --smtp_tls none-force"
            );
        }
        BadMailConfig::Login(_) => "--smtp_name, --smtp_pwd",
        BadMailConfig::UnreadableCa { .. } => "--smtp_ca",
    };
    format!("{flag}: {bad}")
}
