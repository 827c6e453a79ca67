//! Reads certificates and keys: ours when the transport is made, the system's at the first `https` call.

use std::{path::PathBuf, sync::Arc};

use reqwest::{Certificate, Identity};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use super::options::{TlsOptions, TlsVersion};
use crate::{Error, Result};

/// Certificates and keys that were found to be readable.
#[derive(Clone)]
pub(super) struct Trust {
    ca: Vec<CertificateDer<'static>>,
    /// Certificate and key in one PEM text, as reqwest wants them.
    identity: Option<Arc<[u8]>>,
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

    /// Adds trust and identity to a client that will speak TLS. Reads files: may take milliseconds.
    pub fn equip(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        let mut roots = Vec::new();
        for certificate in self.ca.iter().chain(&self.extra()?) {
            roots.push(Certificate::from_der(certificate).map_err(|err| unreadable("tls.ca", err))?);
        }
        let mut builder = builder.tls_certs_merge(roots);
        if let Some(pem) = &self.identity {
            let identity = Identity::from_pem(pem).map_err(|err| unreadable("tls.cert", err))?;
            builder = builder.identity(identity);
        }
        Ok(match self.min_version {
            Some(TlsVersion::Tls12) => builder.tls_version_min(reqwest::tls::Version::TLS_1_2),
            Some(TlsVersion::Tls13) => builder.tls_version_min(reqwest::tls::Version::TLS_1_3),
            None => builder,
        })
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

fn identity(options: &TlsOptions) -> Result<Option<Arc<[u8]>>> {
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
    CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider()).map_err(|err| match err {
        rustls::Error::InconsistentKeys(_) => Error::config("`tls.key` is not the private key of `tls.cert`"),
        _ => Error::config(unusable),
    })?;
    let mut pem = key.clone();
    pem.push(b'\n');
    pem.extend_from_slice(cert);
    Ok(Some(pem.into()))
}

fn unreadable(option: &str, err: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::config(format!("`{option}` cannot be read: {err}")).with_source(err)
}
