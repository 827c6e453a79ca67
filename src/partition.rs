//! Which calls belong together: by what they are counted, limited, kept apart.
//!
//! Middlewares and session may use this room; it uses the nouns and `pipeline`.

use std::{borrow::Cow, fmt, future::Future, sync::Arc};

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::{
    Result,
    body::Body,
    identity::identity_of,
    pipeline::BoxFuture,
    request::{Request, display_url},
};

/// A function of the caller's that says what a call belongs to.
pub trait KeyOf: Send + Sync {
    /// Its key; `None` where the function does not want to say.
    fn key(&self, req: &Request) -> BoxFuture<'static, Result<Option<String>>>;
}

/// What has a count, a limit or a state of its own.
#[derive(Clone, Default)]
pub enum Partition {
    /// Nothing: there is one for all calls.
    All,
    /// Each origin that is called.
    #[default]
    Origin,
    /// Each origin and path: one endpoint of an API may fail alone.
    Endpoint,
    /// Each credential.
    Credential,
    /// Each credential and model, as the API's own limits are.
    Model,
    /// What a function of the caller's says; without a key of its own a call belongs to those without one.
    Own(Arc<dyn KeyOf>),
}

impl Partition {
    /// The key of this request. No part of it is a credential. The request is only looked at now: a function of the
    /// caller's is told what it was.
    pub fn key(&self, req: &Request) -> impl Future<Output = Result<String>> + Send + use<> {
        let ready = match self {
            Self::All => Ok(String::new()),
            Self::Origin => Ok(req.url.origin().ascii_serialization()),
            Self::Endpoint => Ok(display_url(&req.url)),
            Self::Credential => Ok(identity_of(req).short()),
            Self::Model => {
                let model = model_of(&req.body).unwrap_or_default();
                Ok(format!("{}:{model}", identity_of(req).short()))
            }
            Self::Own(function) => Err(function.key(req)),
        };
        async {
            match ready {
                Ok(key) => Ok(key),
                Err(asked) => asked.await.map(Option::unwrap_or_default),
            }
        }
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "All",
            Self::Origin => "Origin",
            Self::Endpoint => "Endpoint",
            Self::Credential => "Credential",
            Self::Model => "Model",
            Self::Own(_) => "Own",
        })
    }
}

/// The member `model` of a JSON object; what follows it is not read.
pub fn model_of(body: &Body) -> Option<String> {
    let Body::Full(json) = body else { return None };
    let mut found = None;
    // Ends with an error where it is found, since nothing else stops a parser.
    let _stopped = serde_json::Deserializer::from_slice(json).deserialize_map(ModelMember(&mut found));
    found
}

struct ModelMember<'a>(&'a mut Option<String>);

impl<'de> Visitor<'de> for ModelMember<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if name == "model" {
                *self.0 = members.next_value::<Option<String>>()?;
                return Ok(());
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
