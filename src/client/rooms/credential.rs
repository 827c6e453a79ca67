//! The options that `auth` and `jwt` share: where the credential stands, and when it is replaced.

use super::super::{fields::Fields, headers};
use crate::{
    Error, Result,
    credential::{Renewal, Scheme},
};

/// `scheme`, or `header`.
pub(super) fn scheme(fields: &mut Fields) -> Result<Option<Scheme>> {
    let bearer = fields.choice("scheme", &[("x-api-key", false), ("bearer", true)])?;
    match (bearer, fields.string("header")?) {
        (None, None) => Ok(None),
        (Some(true), None) => Ok(Some(Scheme::Bearer)),
        (Some(false), None) => Ok(Some(Scheme::ApiKey)),
        (None, Some(name)) => Ok(Some(Scheme::Header(headers::own_name(&name, &fields.name("header"))?))),
        (Some(_), Some(_)) => {
            let (scheme, header) = (fields.name("scheme"), fields.name("header"));
            Err(Error::config(format!("`{scheme}` and `{header}` both say where it stands: give one")))
        }
    }
}

/// `refreshAhead`, `waitAhead` and `jitter`, over the defaults.
pub(super) fn renewal(fields: &mut Fields, default: Renewal) -> Result<Renewal> {
    Ok(Renewal {
        refresh_ahead: fields.wait("refreshAhead")?.unwrap_or(default.refresh_ahead),
        wait_ahead: fields.wait("waitAhead")?.unwrap_or(default.wait_ahead),
        jitter: fields.number("jitter", 0.0..=1.0, "from 0 to 1")?.unwrap_or(default.jitter),
        ..default
    })
}

/// How the scheme is written.
pub(super) fn word(scheme: &Scheme) -> &str {
    match scheme {
        Scheme::ApiKey => "x-api-key",
        Scheme::Bearer => "bearer",
        Scheme::Header(name) => name.as_str(),
    }
}
