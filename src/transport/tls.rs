//! Reads certificates and keys: ours when the transport is made, the system's at the first `https` call.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use rustls_platform_verifier::Verifier;

use super::options::{Http2, TlsOptions, TlsVersion};
use crate::{Error, ErrorKind, Phase, Result};

/// Certificates and keys that were found to be readable.
#[derive(Clone)]
pub(super) struct Trust {
    ca: Vec<CertificateDer<'static>>,
    identity: Option<Arc<SingleCertAndKey>>,
    min_version: Option<TlsVersion>,
    extra_ca_file: Option<PathBuf>,
}

impl Trust {
    /// Reads what was given; an error names the option.
    pub fn read(options: &TlsOptions) -> Result<Self> {
        let mut ca = Vec::new();
        for bundle in &options.ca {
            let certificates = certificates(bundle);
            if certificates.is_empty() {
                return Err(Error::config("`tls.ca` holds no certificate in PEM form"));
            }
            for certificate in certificates {
                ca.push(valid(certificate?)?);
            }
        }
        Ok(Self {
            ca,
            identity: identity(options)?,
            min_version: options.min_version,
            extra_ca_file: options.extra_ca_file.clone(),
        })
    }

    /// What connections are made by. Reads files: may take milliseconds.
    pub fn config(&self, http2: Http2) -> Result<ClientConfig> {
        let versions = match self.min_version {
            Some(TlsVersion::Tls13) => &[&TLS13][..],
            Some(TlsVersion::Tls12) | None => &[&TLS13, &TLS12],
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = self.verifier(&provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(not_set_up)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(identity) as _),
            None => builder.with_no_client_auth(),
        };
        let protocols: &[&str] = match http2 {
            Http2::Auto => &["h2", "http/1.1"],
            Http2::Off => &["http/1.1"],
            Http2::Only => &["h2"],
        };
        config.alpn_protocols = protocols.iter().map(|&protocol| protocol.into()).collect();
        Ok(config)
    }

    /// The system's own judgement of certificates, with our authorities besides its own.
    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Verifier> {
        let roots = [self.ca.clone(), self.extra()?].concat();
        let provider = Arc::clone(provider);
        // Roots of ours, even none of them, are a second search for some systems.
        let verifier = if roots.is_empty() {
            Verifier::new(provider)
        } else {
            Verifier::new_with_extra_roots(roots, provider)
        };
        verifier.map_err(not_set_up)
    }

    /// System-wide bundles hold odd certificates; like Node we skip what cannot be used.
    fn extra(&self) -> Result<Vec<CertificateDer<'static>>> {
        let Some(path) = &self.extra_ca_file else { return Ok(Vec::new()) };
        let pem = std::fs::read(path).map_err(|err| {
            let path = path.display();
            Error::config(format!("NODE_EXTRA_CA_CERTS names {path}, which cannot be read: {err}"))
                .with_source(err)
        })?;
        Ok(certificates(&pem).into_iter().flatten().filter_map(|found| valid(found).ok()).collect())
    }
}

/// Each block by itself: read in one go, one that is cut short would take the next one with it.
fn certificates(pem: &[u8]) -> Vec<Result<CertificateDer<'static>>> {
    let begins: Vec<usize> = memchr::memmem::find_iter(pem, "-----BEGIN ").collect();
    let ends = begins.iter().skip(1).copied().chain([pem.len()]);
    let blocks = begins.iter().zip(ends).map(|(&begin, end)| &pem[begin..end]);
    blocks
        .filter_map(|block| CertificateDer::pem_slice_iter(block).next())
        .map(|found| found.map_err(|err| unreadable("tls.ca", err)))
        .collect()
}

/// PEM may hold anything: only a parser of certificates tells whether it is one.
fn valid(certificate: CertificateDer<'static>) -> Result<CertificateDer<'static>> {
    let mut store = rustls::RootCertStore::empty();
    store.add(certificate.clone()).map_err(|err| unreadable("tls.ca", err))?;
    Ok(certificate)
}

fn identity(options: &TlsOptions) -> Result<Option<Arc<SingleCertAndKey>>> {
    let (cert, key) = match (&options.cert, &options.key) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(Error::config("`tls.cert` needs `tls.key`")),
        (None, Some(_)) => return Err(Error::config("`tls.key` needs `tls.cert`")),
        (Some(cert), Some(key)) => (cert, key),
    };
    let chain = certificates(cert).into_iter().collect::<Result<Vec<_>>>();
    // The reason could quote the key.
    let unusable = "`tls.cert` and `tls.key` are not a certificate and its private key in PEM form";
    let (Ok(chain), Ok(private)) = (chain, PrivateKeyDer::from_pem_slice(key)) else {
        return Err(Error::config(unusable));
    };
    if chain.is_empty() {
        return Err(Error::config("`tls.cert` holds no certificate in PEM form"));
    }
    let pair = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider());
    let pair = pair.map_err(|err| match err {
        rustls::Error::InconsistentKeys(_) => Error::config("`tls.key` is not the private key of `tls.cert`"),
        _ => Error::config(unusable),
    })?;
    Ok(Some(Arc::new(pair.into())))
}

fn not_set_up(err: rustls::Error) -> Error {
    let message = format!("TLS could not be set up ({err}); trusted authorities go into `tls.ca`");
    Error::new(ErrorKind::Tls, Phase::Connect, message).with_source(err)
}

fn unreadable(option: &str, err: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::config(format!("`{option}` cannot be read: {err}")).with_source(err)
}
