//! The proxy role: forwards absolute-form requests, opens tunnels for CONNECT.

use std::{convert::Infallible, io};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, header::PROXY_AUTHORIZATION, request::Parts};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::super::options::SimulatorOptions;

/// Whether the request asks for the proxy. HTTP/2 always names an authority, so only HTTP/1 can tell.
pub(in super::super) fn is_proxied(options: &SimulatorOptions, head: &Parts) -> bool {
    let named = head.method == Method::CONNECT || head.uri.authority().is_some();
    options.proxy && named && head.version < http::Version::HTTP_2
}

/// Whether the request lacks the credentials that the proxy asks for.
pub(in super::super) fn unauthorized(options: &SimulatorOptions, headers: &HeaderMap) -> bool {
    let Some(wanted) = &options.proxy_auth else { return false };
    let wanted = format!("Basic {}", STANDARD.encode(wanted));
    headers.get(PROXY_AUTHORIZATION).is_none_or(|given| given.as_bytes() != wanted.as_bytes())
}

/// Connects to the target of a request.
pub(in super::super) async fn tunnel(target: &Uri) -> io::Result<TcpStream> {
    let host = target.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, target.port_u16().unwrap_or(80))).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends the request on to its target, in origin form, and returns the answer as it comes.
pub(in super::super) async fn forward(head: &Parts, body: Bytes) -> io::Result<Response<Incoming>> {
    let stream = tunnel(&head.uri).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder().method(&head.method).uri(path);
    if let Some(headers) = request.headers_mut() {
        headers.extend(head.headers.clone());
        for hop in ["proxy-authorization", "proxy-connection", "connection", "transfer-encoding"] {
            headers.remove(hop);
        }
    }
    let body = http_body_util::BodyExt::map_err(Full::new(body), |never: Infallible| match never {});
    let body: http_body_util::combinators::BoxBody<Bytes, io::Error> = http_body_util::BodyExt::boxed(body);
    let request = request.body(body).map_err(io::Error::other)?;
    sender.send_request(request).await.map_err(io::Error::other)
}
