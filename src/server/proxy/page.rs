//! The page: files that were built before, read once, and sent with a policy under which they can do nothing but ask
//! this proxy.

use std::{collections::HashMap, fs, path::Path};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};

use super::answer::{Answer, whole};
use crate::{Error, Result};

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Files whose name changes with what is in them.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// All files of the page by their paths.
pub(super) struct Page(HashMap<String, File>);

struct File {
    media: &'static str,
    content: Bytes,
}

impl Page {
    /// Those in this folder, and in the one of its assets.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut files = HashMap::new();
        for below in ["", "assets/"] {
            let wrong = |cause: std::io::Error| {
                Error::config(format!("`page`: {} can't be read: {cause}", folder.join(below).display()))
            };
            for entry in fs::read_dir(folder.join(below)).map_err(wrong)? {
                let path = entry.map_err(wrong)?.path();
                let (Some(name), Some(media)) =
                    (path.file_name().and_then(|name| name.to_str()), media(&path))
                else {
                    continue;
                };
                let content = fs::read(&path).map_err(wrong)?.into();
                files.insert(format!("{below}{name}"), File { media, content });
            }
        }
        Ok(Self(files))
    }

    /// The file at this path.
    pub(super) fn file(&self, path: &str) -> Option<Answer> {
        let File { media, content } = self.0.get(path)?;
        let mut answer = whole(StatusCode::OK, HeaderValue::from_static(media), content.clone());
        let is_named_by_content = path.starts_with("assets/");
        let headers = answer.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        );
        headers.insert(CACHE_CONTROL, if is_named_by_content { FOR_EVER } else { ASK_AGAIN });
        Some(answer)
    }
}

/// What a file is; what the page has no use for is not served.
fn media(path: &Path) -> Option<&'static str> {
    Some(match path.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => return None,
    })
}
