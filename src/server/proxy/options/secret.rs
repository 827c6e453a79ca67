//! Keys in options: as they are, or where they stand, so that a file of options may be shown.

use serde_json::Value;

use crate::{Error, Result, client::fields::wrong};

/// The key that this option gives: `env:NAME` stands in the environment, `file:/path` in a file, anything else is it.
pub(super) fn read(option: &str, given: &Value) -> Result<String> {
    let Value::String(text) = given else {
        return Err(wrong(option, "a key, env:NAME or file:/path", given));
    };
    let key = if let Some(name) = text.strip_prefix("env:") {
        std::env::var(name).map_err(|_| {
            Error::config(format!("`{option}` stands in the environment as {name}, which is not set"))
                .about(option)
        })?
    } else if let Some(path) = text.strip_prefix("file:") {
        std::fs::read_to_string(path).map_err(|cause| {
            Error::config(format!("`{option}` stands in {path}, which can't be read: {cause}")).about(option)
        })?
    } else {
        text.clone()
    };
    let key = key.trim();
    if key.is_empty() {
        return Err(Error::config(format!("`{option}` is empty")).about(option));
    }
    Ok(key.to_owned())
}

/// The same for every member called `apiKey` or `value`, however deep, and for texts in a list of `keys`.
pub(super) fn fill(option: &str, given: &mut Value) -> Result<()> {
    match given {
        Value::Object(members) => {
            for (name, value) in members {
                let option = format!("{option}.{name}");
                if matches!(name.as_str(), "apiKey" | "value") && value.is_string() {
                    *value = read(&option, value)?.into();
                } else {
                    fill(&option, value)?;
                }
            }
            Ok(())
        }
        Value::Array(items) => {
            let are_keys = option.rsplit('.').next() == Some("keys");
            items.iter_mut().enumerate().try_for_each(|(at, item)| {
                let option = format!("{option}[{at}]");
                if are_keys && item.is_string() {
                    *item = read(&option, item)?.into();
                    return Ok(());
                }
                fill(&option, item)
            })
        }
        _ => Ok(()),
    }
}
