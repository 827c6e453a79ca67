//! What a simulator is told when it starts.

use std::{io, net::IpAddr};

use serde::{Deserialize, de::DeserializeOwned};

/// Options of a [`Simulator`](super::Simulator). Unknown names are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SimulatorOptions {
    /// The port to listen on; 0 (the default) takes a free one.
    pub port: u16,
    /// The address to listen on. Default 127.0.0.1.
    pub host: String,
    /// Speak TLS, with a certificate for localhost, 127.0.0.1 and ::1 made at start. Default false.
    pub tls: bool,
    /// The HTTP versions spoken. Default both.
    pub http: HttpVersions,
    /// How many requests are remembered, the oldest going first. 0 remembers none. Default 1000.
    pub keep: usize,
    /// Answer 401 to API calls without `x-api-key` and `authorization`. Default false.
    pub require_key: bool,
    /// Ask for a client certificate signed by this CA (PEM); `own` means the simulator's own CA,
    /// which then also issues one: see `Simulator::client_identity`. Needs `tls`.
    pub client_ca: Option<String>,
    /// Also act as an HTTP proxy: absolute-form requests are forwarded, CONNECT opens a tunnel.
    pub proxy: bool,
    /// The `user:password` that the proxy asks for. Needs `proxy`.
    pub proxy_auth: Option<String>,
}

/// Which HTTP versions the simulator speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum HttpVersions {
    /// Both: by ALPN over TLS, by prior knowledge in the clear.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// HTTP/1.1 only.
    #[serde(rename = "1")]
    One,
    /// HTTP/2 only.
    #[serde(rename = "2")]
    Two,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            port: 0,
            host: "127.0.0.1".to_owned(),
            tls: false,
            http: HttpVersions::Auto,
            keep: 1000,
            require_key: false,
            client_ca: None,
            proxy: false,
            proxy_auth: None,
        }
    }
}

impl SimulatorOptions {
    /// Reads options from JSON; the error names the wrong field.
    pub fn parse(json: &str) -> io::Result<Self> {
        read("simulator options", json)
    }

    pub(super) fn check(&self) -> io::Result<()> {
        if self.client_ca.is_some() && !self.tls {
            return Err(invalid("simulator options: `clientCa` needs `tls: true`".to_owned()));
        }
        if self.proxy_auth.is_some() && !self.proxy {
            return Err(invalid("simulator options: `proxyAuth` needs `proxy: true`".to_owned()));
        }
        Ok(())
    }

    /// The authority that clients dial: a wildcard address is no destination, and IPv6 wears brackets.
    pub(super) fn authority(&self, port: u16) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) if ip.is_unspecified() => format!("127.0.0.1:{port}"),
            Ok(IpAddr::V6(ip)) if ip.is_unspecified() => format!("[::1]:{port}"),
            Ok(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
            _ => format!("{}:{port}", self.host),
        }
    }
}

/// Reads JSON that a person wrote; the error names what it is about and the wrong field.
pub(super) fn read<T: DeserializeOwned>(what: &str, json: &str) -> io::Result<T> {
    serde_json::from_str(json).map_err(|error| {
        let field = last_key(json, &error).map(|key| format!("`{key}`: ")).unwrap_or_default();
        invalid(format!("{what}: {field}{error}"))
    })
}

/// The key before the place of the error: serde tells the name of an unknown field, but not the name
/// of one whose value is wrong.
fn last_key<'a>(json: &'a str, error: &serde_json::Error) -> Option<&'a str> {
    let before: usize = json.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let read = json.get(..before + error.column()).unwrap_or(json);
    let key = read[..read.rfind("\":")?].rsplit('"').next()?;
    (!error.to_string().contains("field `")).then_some(key)
}

pub(super) fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
