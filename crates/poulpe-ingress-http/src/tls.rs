//! The door's encryption: its certificate, which can be exchanged while it is open, and the handshake. Never reads files;
//! that is the binary's. Used by connections.

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tracing::debug;

/// A client's connection, plain or secret. What TLS needs is boxed, so that plain ones needn't have room for it.
pub(crate) type Wire = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A certificate with its key. A clone is the same: an exchange holds for both, from the next handshake on.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    provider: Arc<CryptoProvider>,
}

/// The pair that the next handshake uses.
struct Current(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// From the PEM texts of a certificate, with those between it and its authority behind it, and of its private key.
    pub fn new(certificates: &[u8], key: &[u8]) -> Result<Self, String> {
        // Named, so that no other provider that a program has compiled in can take its place.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pair = read_pair(certificates, key, &provider)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(pair))));
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            current,
            provider,
        })
    }

    /// From now on this is the pair. Connections that are open stay so. After an error the old pair stands.
    pub fn replace(&self, certificates: &[u8], key: &[u8]) -> Result<(), String> {
        let pair = Arc::new(read_pair(certificates, key, &self.provider)?);
        *self
            .current
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }

    /// Makes a connection secret; none if the client can't, or takes longer than that.
    pub(crate) async fn accept(&self, tcp: TcpStream, limit: Duration) -> Option<Wire> {
        match tokio::time::timeout(limit, self.acceptor.accept(tcp)).await {
            Ok(Ok(stream)) => return Some(Either::Right(Box::new(stream))),
            Ok(Err(error)) => debug!(%error, "no TLS with this client"),
            Err(_) => debug!("a client takes too long for its TLS handshake"),
        }
        None
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let pair = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&pair))
    }
}

fn read_pair(
    certificates: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let chain = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("the certificate can't be read: {error}"))?;
    if chain.is_empty() {
        return Err(
            "the file of the certificate holds none; it must be PEM (-----BEGIN CERTIFICATE-----)"
                .into(),
        );
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        "the file of the key holds no private key that can be read; it must be PEM, without a password"
    })?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            "the key isn't that of the certificate; give the two that were made together".into()
        }
        error => format!("certificate and key can't be used: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::CertifiedKey as Made;

    fn pair() -> (String, String) {
        let Made { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn a_pair_that_cannot_work_is_refused_with_the_reason() {
        let (cert, key) = pair();
        let (_, other_key) = pair();
        assert!(Tls::new(cert.as_bytes(), key.as_bytes()).is_ok());
        for (cert, key, hint) in [
            (cert.as_str(), other_key.as_str(), "isn't that of"),
            (&key, &key, "holds none"),
            (&cert, &cert, "no private key"),
            ("", &key, "holds none"),
            (&cert, "", "no private key"),
            (
                "-----BEGIN CERTIFICATE-----\nüü\n-----END CERTIFICATE-----",
                &key,
                "can't be read",
            ),
        ] {
            let reason = Tls::new(cert.as_bytes(), key.as_bytes()).unwrap_err();
            assert!(reason.contains(hint), "{reason}");
        }
    }

    #[test]
    fn a_bad_exchange_leaves_the_pair_as_it_was() {
        let (cert, key) = pair();
        let tls = Tls::new(cert.as_bytes(), key.as_bytes()).unwrap();
        let shown = |tls: &Tls| tls.current.0.read().unwrap().cert.clone();
        let before = shown(&tls);
        let (new_cert, new_key) = pair();
        assert!(tls.replace(new_cert.as_bytes(), key.as_bytes()).is_err());
        assert_eq!(shown(&tls), before);
        tls.replace(new_cert.as_bytes(), new_key.as_bytes())
            .unwrap();
        assert_ne!(shown(&tls), before);
    }
}
