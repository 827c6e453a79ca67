//! What JavaScript wants of a stream under way: fewer events, or what they add up to.

use napi_derive::napi;

use super::{engine::Engine, mailbox::lock, outbox::Wanted};

#[napi]
impl Engine {
    /// Of a stream's events no more is wanted from now on than `text`, `steps` (no pieces of content) or `end`; any
    /// other word for all. Without a limit they are wanted as they come, read or not.
    #[napi(catch_unwind)]
    pub fn want(&self, id: u32, what: String, unlimited: bool) {
        let wanted = match what.as_str() {
            "text" => Wanted::Text,
            "steps" => Wanted::Steps,
            "end" => Wanted::End,
            _ => Wanted::Events,
        };
        if let Some(running) = lock(&self.running).get(&id) {
            running.outbox.want(wanted, unlimited);
        }
    }

    /// What has come of a stream's message, or of its usage, as JSON.
    #[napi(catch_unwind)]
    pub fn so_far(&self, id: u32, usage: bool) -> Option<String> {
        let message = lock(&self.running).get(&id).and_then(|running| running.outbox.message())?;
        if usage { message.usage() } else { message.json() }
    }
}
