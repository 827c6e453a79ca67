//! Bytes to server-sent events, by the WHATWG standard.
