//! One call as a task: runs the client, writes its letters, and says something however it ends.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::{
    groups::{Caller, Passages},
    held::Kept,
    mailbox::{LONGEST_TEXT, Letter, Mailbox, Whole},
    outbox::{End, Outbox},
    text::Head,
};
use crate::{
    Error, ErrorKind, Phase, Result,
    body::{Body, ByteStream},
    client::{Call, Client, Content, EventReader, MessageSoFar, Reply},
    request::CallId,
    reuse::Reuse,
};

/// A call as JavaScript asks for it, nothing of it read yet.
pub(super) struct Job {
    pub(super) client: Arc<Client>,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) body: Body,
    pub(super) content_type: Option<String>,
    pub(super) options: Option<String>,
    pub(super) attempts: u32,
    pub(super) name: CallId,
    pub(super) outbox: Arc<Outbox>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) passages: Arc<Passages>,
    pub(super) tasks: TaskTracker,
}

/// What a call has come to: the letter that says so, and what of its answer is still to come.
pub(super) struct Outcome {
    pub(super) letter: Letter,
    pub(super) stream: Option<(Content, Instant)>,
    /// Whether it may be given again without asking.
    pub(super) reuse: Option<Reuse>,
}

/// Runs a call to its end. Dropping the future cancels it.
pub(super) async fn run(job: Job) {
    let (outbox, mailbox) = (Arc::clone(&job.outbox), Arc::clone(&job.mailbox));
    let outcome = begin(job).await;
    end(outcome, &outbox, &mailbox).await;
}

/// Says what a call has come to, and hands over its stream.
pub(super) async fn end(outcome: Outcome, outbox: &Arc<Outbox>, mailbox: &Mailbox) {
    let Outcome { letter, stream, reuse: _ } = outcome;
    mailbox.push(letter);
    if let Some((stream, started)) = stream {
        forward_stream(stream, Duty { outbox, mailbox, owed: Owed::End }, started).await;
    }
}

/// Makes a call, up to its answer.
pub(super) async fn begin(job: Job) -> Outcome {
    let Job {
        client,
        method,
        url,
        body,
        content_type,
        options,
        attempts,
        name,
        outbox,
        mailbox,
        passages,
        tasks,
    } = job;
    let mut duty = Duty { outbox: &outbox, mailbox: &mailbox, owed: Owed::Answer };
    let started = Instant::now();
    let id = outbox.id;
    let asked = async {
        let method = method.parse().map_err(|_| Error::config("that is no HTTP method"))?;
        let options = options.as_deref().map(parse).transpose()?;
        let mut extensions = http::Extensions::new();
        extensions.insert(name);
        if client.has_layers() {
            extensions.insert(Caller { id, mailbox: Arc::clone(&mailbox), passages, tasks });
        }
        client
            .execute(Call {
                method,
                url,
                body,
                content_type,
                options,
                attempts,
                extensions,
                ..Call::default()
            })
            .await
    };
    let answered = asked.await;
    duty.owed = Owed::Nothing;
    let Reply { head: mut whole, content } = match answered {
        Ok(reply) => reply,
        Err(error) => return Outcome { letter: Letter::Failed { id, error }, stream: None, reuse: None },
    };
    // The headers themselves end here: they are slices of what was read with them, 8 KiB and more.
    let (head, kept, reuse) =
        (Head::new(&whole), whole.extensions.remove::<Kept>(), whole.extensions.remove());
    match Whole::of(content) {
        Ok(content) => Outcome { letter: settled(id, head, kept, content), stream: None, reuse },
        Err(stream) => {
            let events = matches!(stream, Content::Events(_));
            Outcome { letter: Letter::Opened { id, head, events }, stream: Some((stream, started)), reuse }
        }
    }
}

/// The letter of a whole answer; a content that JavaScript has made is there already.
pub(super) fn settled(id: u32, head: Head, kept: Option<Kept>, content: Whole) -> Letter {
    if let Some(held) = kept.and_then(|kept| kept.held(content.bytes())) {
        return Letter::Settled { id, head, content: Whole::Kept(held) };
    }
    match content.too_long() {
        None => Letter::Settled { id, head, content },
        Some(bytes) => Letter::Failed { id, error: too_long(bytes) },
    }
}

/// Hands over a stream that has waited for its reader.
pub(super) async fn forward(stream: Result<Content>, outbox: &Arc<Outbox>, mailbox: &Mailbox) {
    let mut duty = Duty { outbox, mailbox, owed: Owed::End };
    match stream {
        Ok(stream) => forward_stream(stream, duty, Instant::now()).await,
        Err(error) => duty.end(End::Failed(error)),
    }
}

async fn forward_stream(stream: Content, mut duty: Duty<'_>, started: Instant) {
    match stream {
        Content::Bytes(stream) => forward_bytes(stream, duty, started).await,
        Content::Events(reader) => forward_events(*reader, duty, started).await,
        Content::Empty | Content::Json(_) | Content::Text(_) | Content::Buffer(_) => {
            duty.end(End::Complete(None));
        }
    }
}

fn too_long(bytes: usize) -> Error {
    let message = format!(
        "an answer of {bytes} bytes is more text than JavaScript can hold: `responseType: 'buffer'` or 'stream' can take it"
    );
    Error::new(ErrorKind::TooLarge, Phase::Body, message)
}

/// Options as JavaScript wrote them.
pub(super) fn parse(json: &str) -> Result<serde_json::Value> {
    serde_json::from_str(json).map_err(|cause| Error::config("options that are no JSON").with_source(cause))
}

async fn forward_events(mut reader: EventReader, mut duty: Duty<'_>, started: Instant) {
    let json = reader.is_json();
    if json {
        duty.outbox.adds_up_to(reader.message());
    }
    let mut first = Some(started);
    loop {
        duty.outbox.credit().await;
        match reader.next().await {
            Some(Ok(events)) => duty.outbox.events(&events, json, first.take().map(|at| at.elapsed())),
            Some(Err(error)) => return duty.end(End::Failed(error)),
            None => return duty.end(complete(reader.message())),
        }
        // Who only waits for the message has nothing to wait for any more.
        if duty.outbox.only_end()
            && let Some(error) = reader.message().too_large()
        {
            return duty.end(End::Failed(error));
        }
    }
}

/// The end of a stream that has come to it.
fn complete(message: &MessageSoFar) -> End {
    End::Complete(match message.whole() {
        Some(Ok(json)) if json.len() > LONGEST_TEXT => Some(Err(too_long(json.len()))),
        whole => whole,
    })
}

async fn forward_bytes(mut stream: ByteStream, mut duty: Duty<'_>, started: Instant) {
    let mut first = Some(started);
    loop {
        duty.outbox.credit().await;
        match stream.next().await {
            Some(Ok(chunk)) => duty.outbox.bytes(chunk, first.take().map(|at| at.elapsed())),
            Some(Err(error)) => return duty.end(End::Failed(error)),
            None => return duty.end(End::Complete(None)),
        }
    }
}

/// What JavaScript has still to be told. Whatever unwinds through here pays it on the way.
pub(super) struct Duty<'a> {
    pub(super) outbox: &'a Arc<Outbox>,
    pub(super) mailbox: &'a Mailbox,
    pub(super) owed: Owed,
}

#[derive(PartialEq)]
pub(super) enum Owed {
    Answer,
    End,
    Nothing,
}

impl Duty<'_> {
    fn end(&mut self, end: End) {
        self.owed = Owed::Nothing;
        self.outbox.end(end);
    }
}

impl Drop for Duty<'_> {
    fn drop(&mut self) {
        // An aborted call owes nothing: JavaScript aborted it and has forgotten its number.
        if self.owed == Owed::Nothing || !std::thread::panicking() {
            return;
        }
        let error = Error::new(
            ErrorKind::Internal,
            Phase::Total,
            "trae-native failed inside; the process and other calls are not affected. Please report this",
        );
        match self.owed {
            Owed::Answer => self.mailbox.push(Letter::Failed { id: self.outbox.id, error }),
            Owed::End | Owed::Nothing => self.outbox.end(End::Failed(error)),
        }
    }
}
