//! Events as they are kept: all of one read in one piece of memory, in place of several for each. Many calls are kept and
//! few are given again, so it is the keeping that has to be cheap.

use std::time::Duration;

use crate::event::Event;

/// Events that came together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    /// The name, the data and the id of each, without anything between them.
    text: Box<str>,
    parts: Box<[Part]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    event: usize,
    data: usize,
    id: usize,
    retry: Option<Duration>,
}

impl Packed {
    pub(super) fn of<'a>(events: impl Iterator<Item = &'a Event> + Clone) -> Self {
        let part = |event: &Event| Part {
            event: event.event.len(),
            data: event.data.len(),
            id: event.id.len(),
            retry: event.retry,
        };
        let parts: Box<[Part]> = events.clone().map(part).collect();
        let mut text = String::with_capacity(parts.iter().map(Part::size).sum());
        for event in events {
            text.push_str(&event.event);
            text.push_str(&event.data);
            text.push_str(&event.id);
        }
        Self { text: text.into_boxed_str(), parts }
    }

    /// The events, as they were.
    pub(super) fn events(&self) -> impl Iterator<Item = Event> + '_ {
        let mut rest = &*self.text;
        let mut cut = move |size: usize| {
            let (part, after) = rest.split_at_checked(size).unwrap_or_default();
            rest = after;
            part.to_owned()
        };
        self.parts.iter().map(move |part| Event {
            event: cut(part.event),
            data: cut(part.data),
            id: cut(part.id),
            retry: part.retry,
        })
    }

    /// What they take in memory, about.
    pub(super) fn size(&self) -> usize {
        self.text.len() + self.parts.len() * FRAME
    }
}

impl Part {
    fn size(&self) -> usize {
        self.event + self.data + self.id
    }
}

/// What an event takes besides its text, about, as long as it is not packed.
const FRAME: usize = 96;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn events_come_out_as_they_went_in(
            events in prop::collection::vec(
                (".{0,9}", ".{0,40}", ".{0,3}", prop::option::of(0..9_u64)).prop_map(|(event, data, id, retry)| {
                    Event { event, data, id, retry: retry.map(Duration::from_secs) }
                }),
                0..9,
            ),
        ) {
            let packed = Packed::of(events.iter());
            let texts = events.iter().map(|event| event.event.len() + event.data.len() + event.id.len() + FRAME);
            prop_assert_eq!(packed.size(), texts.sum::<usize>());
            prop_assert_eq!(packed.events().collect::<Vec<_>>(), events);
        }
    }
}
