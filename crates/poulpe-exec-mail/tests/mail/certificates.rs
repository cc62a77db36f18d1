//! An authority of the tests' own, and servers that have its certificate.

use poulpe_exec_mail::{MailServer, Security};
use poulpe_tests::MailServer as Server;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A server with a certificate for `localhost`.
pub(crate) struct Secret {
    pub(crate) server: Server,
    home: TempDir,
}

impl Secret {
    /// Starts one with these settings beside the certificate.
    pub(crate) fn start(settings: Value) -> Self {
        let home = TempDir::new().expect("a temporary directory");
        let key = || KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new(Vec::new()).expect("params");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, key()).expect("an authority");
        let server_key = key();
        let names = CertificateParams::new(vec!["localhost".to_owned()]).expect("params");
        let certificate = names
            .signed_by(&server_key, &authority)
            .expect("a certificate");
        for (file, text) in [
            ("ca.pem", authority.pem()),
            ("cert.pem", certificate.pem()),
            ("key.pem", server_key.serialize_pem()),
        ] {
            fs::write(home.path().join(file), text).expect("a file");
        }
        let path = |file: &str| json!(home.path().join(file));
        let mut all = json!({"cert": path("cert.pem"), "key": path("key.pem")});
        let Value::Object(settings) = settings else {
            panic!("{settings} is no object")
        };
        all.as_object_mut().expect("an object").extend(settings);
        Self {
            server: Server::start(&all),
            home,
        }
    }

    /// The authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// How to reach it.
    pub(crate) fn reached(&self, security: Security) -> MailServer {
        MailServer {
            host: "localhost".into(),
            port: self.server.port,
            security,
            login: None,
            ca: Some(self.ca()),
        }
    }
}
