//! A stream of events that becomes a turn: its last event is let through when the turn is kept.

use std::{mem, pin::Pin};

use futures_util::{Stream, StreamExt, stream};

use super::{Pending, turn::Answer};
use crate::{
    Error, Result,
    body::EventStream,
    claude::{Folding, StreamRules, Verdict},
    event::Event,
};

/// Follows a stream. One that breaks, fails or is left keeps nothing, and gives the session back at once.
pub(super) fn follow(events: EventStream, rules: StreamRules, pending: Pending) -> EventStream {
    let following = Box::new(Following { rules, folding: Folding::default(), pending });
    Box::pin(stream::unfold(Course { events, state: State::Following(following) }, Course::step))
}

struct Course {
    events: EventStream,
    state: State,
}

enum State {
    Following(Box<Following>),
    /// The last event has come, and waits with what came with it.
    Ending(Box<Following>, Vec<Event>),
    /// Nothing more is kept: what comes passes.
    Passing,
    Failed,
}

struct Following {
    rules: StreamRules,
    folding: Folding,
    pending: Pending,
}

/// What a batch is to the turn.
enum Seen {
    Goes,
    /// It is complete with the event at this place.
    Ends(usize),
    /// It will never be complete.
    Fails,
}

impl Course {
    async fn step(mut self) -> Option<(Result<Vec<Event>>, Self)> {
        loop {
            match mem::replace(&mut self.state, State::Passing) {
                State::Failed => return None,
                State::Ending(following, rest) => {
                    let outcome = following.kept().await;
                    if let Err(error) = outcome {
                        self.state = State::Failed;
                        return Some((Err(error), self));
                    }
                    return Some((Ok(rest), self));
                }
                State::Passing => {
                    let item = self.events.next().await?;
                    return Some((item, self));
                }
                State::Following(mut following) => match next(&mut self.events).await? {
                    Err(error) => return Some((Err(error), self)),
                    Ok(mut batch) => match following.see(&batch) {
                        Seen::Goes => {
                            self.state = State::Following(following);
                            return Some((Ok(batch), self));
                        }
                        Seen::Fails => return Some((Ok(batch), self)),
                        Seen::Ends(at) => {
                            let rest = batch.split_off(at);
                            self.state = State::Ending(following, rest);
                            if !batch.is_empty() {
                                return Some((Ok(batch), self));
                            }
                        }
                    },
                },
            }
        }
    }
}

async fn next(
    events: &mut Pin<Box<dyn Stream<Item = Result<Vec<Event>>> + Send>>,
) -> Option<Result<Vec<Event>>> {
    events.next().await
}

impl Following {
    fn see(&mut self, batch: &[Event]) -> Seen {
        for (at, event) in batch.iter().enumerate() {
            match self.rules.accept(event) {
                Verdict::Deliver => self.folding.add(event),
                Verdict::Ping | Verdict::Skip => {}
                Verdict::DeliverAndEnd => {
                    self.folding.add(event);
                    return Seen::Ends(at);
                }
                Verdict::End | Verdict::Fail(_) => return Seen::Fails,
            }
        }
        Seen::Goes
    }

    async fn kept(self) -> Result<(), Error> {
        let Some(message) = self.folding.message() else { return Ok(()) };
        if let Some(lack) = self.folding.lack() {
            return Err(lack);
        }
        self.pending.answered(&Answer::read(message.as_bytes())?).await
    }
}
