//! The options that say which calls belong together: `per`, or a function `key`.

use std::sync::Arc;

use super::super::fields::{FUNCTION, Fields, wrong};
use crate::{
    Error, Result,
    partition::{KeyOf, Partition},
};

/// The words that `per` takes.
#[derive(Clone, Copy)]
enum Per {
    Origin,
    Endpoint,
    Credential,
    Model,
    All,
}

const WORDS: [(&str, Per); 5] = [
    ("origin", Per::Origin),
    ("endpoint", Per::Endpoint),
    ("credential", Per::Credential),
    ("model", Per::Model),
    ("all", Per::All),
];

/// `per`, or `key`; where the options say that there is such a function, somebody has to bring it.
pub(super) fn partition(fields: &mut Fields, key: Option<Arc<dyn KeyOf>>) -> Result<Option<Partition>> {
    let per = fields.choice("per", &WORDS)?;
    let given = match fields.take("key") {
        Some(function) if function.as_str() == Some(FUNCTION) => true,
        Some(other) => return Err(wrong(&fields.name("key"), "a function", &other)),
        None => false,
    };
    Ok(match (per, key) {
        (Some(_), Some(_)) => {
            let (per, key) = (fields.name("per"), fields.name("key"));
            return Err(Error::config(format!(
                "`{per}` and `{key}` both say what belongs together: give one"
            )));
        }
        (None, Some(function)) => Some(Partition::Own(function)),
        (None, None) if given => {
            let key = fields.name("key");
            return Err(Error::config(format!(
                "`{key}` is a function, which can't be reached here: use `per`"
            )));
        }
        (None, None) => None,
        (Some(Per::Origin), None) => Some(Partition::Origin),
        (Some(Per::Endpoint), None) => Some(Partition::Endpoint),
        (Some(Per::Credential), None) => Some(Partition::Credential),
        (Some(Per::Model), None) => Some(Partition::Model),
        (Some(Per::All), None) => Some(Partition::All),
    })
}

/// How it is written.
pub(super) fn word(partition: &Partition) -> &'static str {
    match partition {
        Partition::Origin => "origin",
        Partition::Endpoint => "endpoint",
        Partition::Credential => "credential",
        Partition::Model => "model",
        Partition::All => "all",
        Partition::Own(_) => "a function",
    }
}
