//! Certificates made at start: a CA of the simulator's own, and what it signs.

use std::{io, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    },
};

use super::super::options::{HttpVersions, SimulatorOptions, invalid};

/// The TLS side of a simulator.
pub(in super::super) struct Tls {
    pub(super) acceptor: TlsAcceptor,
    /// What clients must trust.
    pub ca_pem: String,
    /// A client certificate and its key, where the simulator's own CA is the one asked for.
    pub client_identity: Option<(String, String)>,
}

impl Tls {
    pub fn new(options: &SimulatorOptions) -> io::Result<Self> {
        let ca = authority().map_err(io::Error::other)?;
        let own = options.client_ca.as_deref() == Some("own");
        let (cert, key) =
            leaf(&ca, options.host.clone(), ExtendedKeyUsagePurpose::ServerAuth).map_err(io::Error::other)?;
        let identity = || leaf(&ca, "client".to_owned(), ExtendedKeyUsagePurpose::ClientAuth);
        let client_identity = own.then(identity).transpose().map_err(io::Error::other)?;

        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let own_pem = ca.pem();
        let builder = match options.client_ca.as_deref() {
            Some(pem) => builder.with_client_cert_verifier(verifier(if own { &own_pem } else { pem })?),
            None => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(io::Error::other)?;
        let mut config = builder.with_single_cert(certificates(&cert)?, key).map_err(io::Error::other)?;
        config.alpn_protocols = match options.http {
            HttpVersions::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            HttpVersions::One => vec![b"http/1.1".to_vec()],
            HttpVersions::Two => vec![b"h2".to_vec()],
        };
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem: own_pem, client_identity })
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Simulator CA");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn leaf(
    ca: &CertifiedIssuer<'_, KeyPair>,
    name: String,
    usage: ExtendedKeyUsagePurpose,
) -> Result<(String, String), rcgen::Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !names.contains(&name) {
        names.push(name);
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Simulator");
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, ca)?.pem(), key.serialize_pem()))
}

fn certificates(pem: &str) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(io::Error::other)
}

fn verifier(pem: &str) -> io::Result<Arc<dyn ClientCertVerifier>> {
    let wrong = |why: String| invalid(format!("simulator options: `clientCa`: {why}"));
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(|error| wrong(error.to_string()))? {
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| wrong(error.to_string()))
}
