//! TLS to an external broker: rustls with ring, and whom to trust.
//!
//! It exists because the TLS features of the MQTT library pull in outdated crates with open advisories.
//!
//! Invariant: there is no way to switch certificate checks off.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why trust could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file with the certificate authority could not be read, or holds no certificate in PEM form.
    #[error("no certificate authority could be read from {path}: {why}")]
    File {
        /// The file of the settings.
        path: PathBuf,
        /// What was wrong with it.
        why: String,
    },
    /// No file is named and this machine has no store of certificate authorities either.
    #[error("this machine has no certificate authorities; name a file with the broker's one (ca_file)")]
    NoRoots,
    /// The host in the URL cannot stand in a certificate.
    #[error("{0:?} is not a host name that a certificate can carry")]
    Host(String, #[source] InvalidDnsNameError),
    /// The TLS library refused its own settings.
    #[error("TLS could not be set up")]
    Tls(#[from] rustls::Error),
}

/// Opens TLS streams to one broker.
#[derive(Clone)]
pub(crate) struct Trust {
    connector: TlsConnector,
    host: ServerName<'static>,
}

impl Trust {
    /// Trusts the authorities in `ca_file` and nobody else, or, without a file, those of the operating system.
    pub(crate) fn new(host: &str, ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        match ca_file {
            Some(path) => {
                let file = |why: String| TrustError::File { path: path.to_owned(), why };
                for certificate in CertificateDer::pem_file_iter(path).map_err(|e| file(e.to_string()))? {
                    let certificate = certificate.map_err(|e| file(e.to_string()))?;
                    roots.add(certificate).map_err(|e| file(e.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(file("the file holds no certificate".to_owned()));
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(TrustError::NoRoots);
                }
            }
        }
        // The provider is named here: other crates bring another one along, and rustls then refuses to choose.
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let host = ServerName::try_from(host.to_owned()).map_err(|e| TrustError::Host(host.to_owned(), e))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), host })
    }

    pub(crate) async fn wrap(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.host.clone(), stream).await
    }
}
