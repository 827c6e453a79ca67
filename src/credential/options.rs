//! How long credentials are kept and how long they are waited for, with the defaults.

use std::time::Duration;

/// When a credential that expires is replaced. Of one that lives shorter than four times `refresh_ahead`
/// the two are a quarter and an eighth of its lifetime at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Renewal {
    /// With less than this left it is used and, meanwhile, replaced in the background.
    pub refresh_ahead: Duration,
    /// With less than this left calls wait for the next one: on the way it might expire.
    pub wait_ahead: Duration,
    /// From 0 to 1: `refresh_ahead` is lengthened by up to this share of it, at random, so that replicas
    /// which started together do not refresh together.
    pub jitter: f64,
    /// The source is left alone for this long after it failed while there was still a credential, and
    /// after what it gave in place of a refused one was refused too.
    pub pause: Duration,
}

impl Default for Renewal {
    fn default() -> Self {
        Self {
            refresh_ahead: Duration::from_secs(120),
            wait_ahead: Duration::from_secs(30),
            jitter: 0.5,
            pause: Duration::from_secs(5),
        }
    }
}

/// What holds for a provider and for what it gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// The middleware's name, for errors.
    pub room: &'static str,
    /// How long the provider may take; `None` where it sees to that itself.
    pub timeout: Option<Duration>,
    /// How long a credential is kept that says nothing of it; `None`: until told otherwise.
    pub ttl: Option<Duration>,
    /// When one is replaced.
    pub renewal: Renewal,
}
