//! What a call is sent with: asked of whoever has it, kept, renewed ahead of its end, put on the request.
//!
//! The middlewares that authenticate may use this room; it uses the nouns and `pipeline`.
//!
//! - [`provider`]: who has credentials · [`options`]: how long they are kept, with the defaults
//! - `tier`: whether one is fresh, stale or late · `remedy`: what follows a 401; pure functions both
//! - `keeper`: the one that is kept, and the one flight that fetches the next · [`scheme`]: its header
//! - `guard`: a call goes out with it, and after a 401 once more with another
//!
//! ```
//! use trae_native::{
//!     Result,
//!     credential::{Ask, Provider, Token},
//!     pipeline::BoxFuture,
//!     secret::Secret,
//! };
//!
//! /// Reads the key that somebody keeps up to date in a file.
//! struct FromFile(std::path::PathBuf);
//!
//! impl Provider for FromFile {
//!     fn token(&self, _ask: Ask) -> BoxFuture<'_, Result<Token>> {
//!         Box::pin(async move {
//!             let text = std::fs::read_to_string(&self.0)
//!                 .map_err(|err| trae_native::Error::config(format!("no key: {err}")))?;
//!             Ok(Token { secret: Secret::new(text), lifetime: None })
//!         })
//!     }
//! }
//! ```

mod guard;
mod keeper;
pub mod options;
pub mod provider;
mod remedy;
pub mod scheme;
mod tier;

pub use guard::{Guard, Source};
pub use options::{Renewal, Terms};
pub use provider::{Ask, Provider, Reason, Token};
pub use scheme::Scheme;
