//! The Messages API's shapes: what an event or an error body means, as pure functions of the bytes.
//!
//! Anyone may import this room; it imports only the nouns.
//!
//! - `payload`: whether an event's data is JSON, and of which kind
//! - `delta`: the commonest event, known by its bytes
//! - `stream`: the rules of a stream of events: what is delivered, what ends it, what fails it
//! - `fold`: the message that events add up to, and the way back
//! - `usage`: how many tokens a message took
//! - `errors`: an error body or an error event as the engine's error; `retry_after`: when to come back

mod delta;
mod errors;
mod fold;
mod payload;
mod prices;
mod retry_after;
mod stream;
mod usage;

pub use delta::{Delta, DeltaKind};
pub use errors::{describe, error_from_event};
pub use fold::{Folding, events_of};
pub use payload::{Kind, NotJson, Payload, inspect};
pub use prices::{Price, Prices, fits};
pub use retry_after::retry_after;
pub use stream::{StreamRules, Verdict, not_json};
pub use usage::Usage;
