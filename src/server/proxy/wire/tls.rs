//! The certificate that the proxy shows.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use super::super::options::Tls;
use crate::{Error, Result};

/// Accepts TLS with this certificate; HTTP/2 where the client knows it.
pub(in super::super) fn acceptor(tls: &Tls) -> Result<TlsAcceptor> {
    let wrong = |option: &'static str, path: &std::path::Path, cause: &dyn std::fmt::Display| {
        Error::config(format!("`{option}`: {} can't be used: {cause}", path.display())).about(option)
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&tls.cert)
        .and_then(Iterator::collect)
        .map_err(|cause| wrong("tls.cert", &tls.cert, &cause))?;
    if chain.is_empty() {
        return Err(wrong("tls.cert", &tls.cert, &"there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|cause| wrong("tls.key", &tls.key, &cause))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| wrong("tls", &tls.cert, &cause))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|cause| wrong("tls.key", &tls.key, &cause))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
