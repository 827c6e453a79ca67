//! `metrics`: what is counted, once, whatever way a call ends; and how it is told.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::StreamExt;
use http::Method;
use tokio::time::Instant;
use trae_native::{
    Error, ErrorKind, Phase, Result,
    body::{Body, collect},
    middleware::{
        metrics::{Extra, Format, Metrics, MetricsOptions, write},
        retry::{Retry, RetryOptions},
    },
    pipeline::{BoxFuture, Middleware, Next},
    request::{Deadline, Expect, Request},
    response::{Cached, Response, Timing},
};

use super::{
    MS, Peer, SECOND, Step, after, answer, bytes, events, failure, never, now, ok, onion, post, read, status,
    with,
};

const MESSAGE: &str = r#"{"id":"msg_1","content":[{"type":"text","text":"\"input_tokens\": 9"}],"usage":{"input_tokens":12,"cache_read_input_tokens":100,"cache_creation_input_tokens":null,"output_tokens":3}}"#;
const START: &str = r#"{"type":"message_start","message":{"usage":{"input_tokens":12,"output_tokens":1}}}"#;
const DELTA: &str = r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":7}}"#;
const LATER: &str = r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":8}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;
const PING: &str = r#"{"type":"ping"}"#;

fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::new(MetricsOptions::default()))
}

fn layer(metrics: &Arc<Metrics>) -> Arc<dyn Middleware> {
    Arc::clone(metrics) as _
}

async fn run(metrics: &Arc<Metrics>, step: Step, req: Request) -> Result<Response> {
    onion(vec![layer(metrics)], &Peer::new(vec![step])).run(req).await
}

/// The figures that are not 0, without the common prefix; buckets, and decisions of caches and limits, left out.
fn figures(metrics: &Metrics) -> BTreeMap<String, String> {
    write(&metrics.read(), Format::Prometheus)
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("_bucket") && !line.ends_with(" 0"))
        .filter(|line| !line.contains("cache_answers") && !line.contains("limiter_decisions"))
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.trim_start_matches("claude_").to_owned(), value.to_owned()))
        .collect()
}

fn assert_figures(metrics: &Metrics, expected: &[(&str, &str)]) {
    let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    assert_eq!(figures(metrics), expected.collect());
}

#[tokio::test(start_paused = true)]
async fn where_answers_came_from_and_what_limits_did_is_counted() {
    let metrics = metrics();
    let from = |cached: Option<Cached>, queued| {
        let mut res = answer(200, Body::Empty);
        res.timing.queued = queued;
        res.extensions.extend(
            cached
                .map(|cached| {
                    let mut extensions = http::Extensions::new();
                    extensions.insert(cached);
                    extensions
                })
                .unwrap_or_default(),
        );
        now(Ok(res))
    };
    for step in [
        from(Some(Cached::Hit), Duration::ZERO),
        from(Some(Cached::Stale), Duration::ZERO),
        from(None, MS),
        failure(ErrorKind::QueueFull, Phase::Queue),
        failure(ErrorKind::CircuitOpen, Phase::Prepare),
    ] {
        let _ = run(&metrics, step, post()).await;
    }
    for (name, count) in [
        ("cache_answers_total{outcome=\"hit\"}", "1"),
        ("cache_answers_total{outcome=\"stale\"}", "1"),
        ("cache_answers_total{outcome=\"bypass\"}", "1"),
        ("limiter_decisions_total{limiter=\"pool\",outcome=\"passed\"}", "2"),
        ("limiter_decisions_total{limiter=\"pool\",outcome=\"waited\"}", "1"),
        ("limiter_decisions_total{limiter=\"pool\",outcome=\"refused\"}", "1"),
        ("limiter_decisions_total{limiter=\"circuit_breaker\",outcome=\"refused\"}", "1"),
    ] {
        let text = write(&metrics.read(), Format::Prometheus);
        assert!(text.contains(&format!("claude_{name} {count}\n")), "{name} {count}: {text}");
    }
}

/// A figure, 0 where there is none.
fn figure(metrics: &Metrics, name: &str) -> String {
    figures(metrics).remove(name).unwrap_or_else(|| "0".to_owned())
}

async fn read_all(res: Response) {
    let _ = collect(res.body, 1 << 20, None).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_counted_by_method_and_status_with_its_duration() {
    let metrics = metrics();
    run(&metrics, after(30 * MS, Ok(answer(200, Body::Full("ok".into())))), post()).await.unwrap();
    let get = Request { method: Method::GET, ..post() };
    run(&metrics, after(2 * SECOND, Ok(answer(404, Body::Empty))), get).await.unwrap();
    assert_figures(
        &metrics,
        &[
            ("request_duration_seconds_sum{method=\"POST\",status_code=\"200\"}", "0.03"),
            ("request_duration_seconds_count{method=\"POST\",status_code=\"200\"}", "1"),
            ("request_duration_seconds_sum{method=\"GET\",status_code=\"404\"}", "2"),
            ("request_duration_seconds_count{method=\"GET\",status_code=\"404\"}", "1"),
            ("attempts_total", "2"),
            ("queue_seconds_count", "2"),
        ],
    );
    let text = write(&metrics.read(), Format::Prometheus);
    let buckets: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("_duration_seconds_bucket") && line.contains("POST"))
        .map(|line| line.rsplit_once(' ').unwrap().1)
        .collect();
    assert_eq!(
        buckets,
        ["0", "0", "0", "1", "1", "1", "1", "1", "1", "1", "1", "1"],
        "a bound is part of its bucket"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_wanted_whole_lasts_until_its_end() {
    let metrics = metrics();
    let res = run(&metrics, now(Ok(answer(200, bytes(vec![Ok(MESSAGE), Ok("")])))), post()).await.unwrap();
    assert_eq!(figure(&metrics, "requests_in_flight"), "1");
    assert_eq!(collect(res.body, 1 << 20, None).await.unwrap(), MESSAGE);
    assert_figures(
        &metrics,
        &[
            ("request_duration_seconds_sum{method=\"POST\",status_code=\"200\"}", "2"),
            ("request_duration_seconds_count{method=\"POST\",status_code=\"200\"}", "1"),
            ("attempts_total", "1"),
            ("queue_seconds_count", "1"),
            ("tokens_total{type=\"input\"}", "12"),
            ("tokens_total{type=\"cache_read\"}", "100"),
            ("tokens_total{type=\"output\"}", "3"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_has_the_status_that_it_stands_for_or_error_and_is_counted_by_its_code() {
    let metrics = metrics();
    let _ = run(&metrics, status(529), post()).await;
    let _ = run(&metrics, failure(ErrorKind::Dns, Phase::Connect), post()).await;
    let _ = run(&metrics, failure(ErrorKind::Dns, Phase::Connect), post()).await;
    let _ = run(&metrics, now(Err(Error::config("wrong"))), post()).await;
    let broken = bytes(vec![Ok("half"), Err(Error::new(ErrorKind::Incomplete, Phase::Body, "cut"))]);
    read_all(run(&metrics, now(Ok(answer(200, broken))), post()).await.unwrap()).await;
    let large = with(post(), |options| options.max_response_bytes = 3);
    read_all(run(&metrics, now(Ok(answer(200, bytes(vec![Ok("large")])))), large).await.unwrap()).await;
    assert_figures(
        &metrics,
        &[
            ("request_duration_seconds_count{method=\"POST\",status_code=\"529\"}", "1"),
            ("request_duration_seconds_sum{method=\"POST\",status_code=\"error\"}", "3"),
            ("request_duration_seconds_count{method=\"POST\",status_code=\"error\"}", "5"),
            ("request_errors_total{method=\"POST\",code=\"OVERLOADED\"}", "1"),
            ("request_errors_total{method=\"POST\",code=\"DNS\"}", "2"),
            ("request_errors_total{method=\"POST\",code=\"CONFIG\"}", "1"),
            ("request_errors_total{method=\"POST\",code=\"INCOMPLETE\"}", "1"),
            ("request_errors_total{method=\"POST\",code=\"TOO_LARGE\"}", "1"),
            ("attempts_total", "5"),
            ("queue_seconds_count", "2"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_is_counted_as_aborted_or_as_late_where_its_limit_has_passed() {
    let late = |in_streams| {
        let mut req = post();
        let at = (Instant::now() + SECOND).into_std();
        req.extensions.insert(Deadline { at, in_streams });
        req
    };
    let given_up = async |metrics: &Arc<Metrics>, step, req| {
        let _ = tokio::time::timeout(SECOND, async {
            let res = run(metrics, step, req).await.unwrap();
            read_all(res).await;
        })
        .await;
    };
    for (req, code) in [(post(), "ABORTED"), (late(false), "TIMEOUT"), (late(true), "TIMEOUT")] {
        let metrics = metrics();
        given_up(&metrics, never(), req).await;
        assert_figures(
            &metrics,
            &[
                ("request_duration_seconds_sum{method=\"POST\",status_code=\"error\"}", "1"),
                ("request_duration_seconds_count{method=\"POST\",status_code=\"error\"}", "1"),
                (&format!("request_errors_total{{method=\"POST\",code=\"{code}\"}}"), "1"),
            ],
        );
    }
    let metrics = metrics();
    given_up(&metrics, now(Ok(answer(200, bytes(vec![Ok("never"), Ok("whole")])))), post()).await;
    assert_eq!(
        figure(&metrics, "request_errors_total{method=\"POST\",code=\"ABORTED\"}"),
        "1",
        "in the body too"
    );
    assert_eq!(figure(&metrics, "requests_in_flight"), "0");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_answered_when_it_begins_and_tells_its_first_event_its_gaps_its_end_and_its_tokens() {
    let metrics = metrics();
    let batches = vec![
        Ok(vec![PING]),
        Ok(vec![START, "{}"]),
        Ok(vec![PING]),
        Ok(vec![DELTA]),
        Ok(vec![LATER, STOP]),
        Ok(vec!["{}"]),
    ];
    let res = run(&metrics, after(SECOND / 2, Ok(answer(200, events(batches)))), post()).await.unwrap();
    assert_eq!(figure(&metrics, "requests_in_flight"), "1");
    let (all, error) = read(res).await;
    assert!(all.len() == 8 && error.is_none(), "all of it passes, also what comes after the end");
    assert_figures(
        &metrics,
        &[
            ("request_duration_seconds_sum{method=\"POST\",status_code=\"200\"}", "0.5"),
            ("request_duration_seconds_count{method=\"POST\",status_code=\"200\"}", "1"),
            ("attempts_total", "1"),
            ("queue_seconds_count", "1"),
            ("time_to_first_event_seconds_sum", "2.5"),
            ("time_to_first_event_seconds_count", "1"),
            ("event_gap_seconds_sum", "3"),
            ("event_gap_seconds_count", "2"),
            ("stream_duration_seconds_sum{method=\"POST\",end=\"complete\"}", "5.5"),
            ("stream_duration_seconds_count{method=\"POST\",end=\"complete\"}", "1"),
            ("tokens_total{type=\"input\"}", "12"),
            ("tokens_total{type=\"output\"}", "8"),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_ends_with_the_code_of_its_error_and_counts_as_one() {
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#;
    let reset = || Err(Error::new(ErrorKind::Reset, Phase::Body, "it broke"));
    for (batches, code) in [
        (vec![Ok(vec![START]), reset()], "CONNECTION_RESET"),
        (vec![Ok(vec![START, overloaded])], "OVERLOADED"),
        (vec![Ok(vec![START, "{no JSON"])], "PARSE"),
        (vec![Ok(vec![START])], "INCOMPLETE_STREAM"),
        (vec![], "INCOMPLETE_STREAM"),
    ] {
        let metrics = metrics();
        read(run(&metrics, now(Ok(answer(200, events(batches)))), post()).await.unwrap()).await;
        let count = |name: &str| figure(&metrics, name);
        assert_eq!(count(&format!("stream_duration_seconds_count{{method=\"POST\",end=\"{code}\"}}")), "1");
        assert_eq!(count(&format!("request_errors_total{{method=\"POST\",code=\"{code}\"}}")), "1");
        assert_eq!(count("request_duration_seconds_count{method=\"POST\",status_code=\"200\"}"), "1");
        assert_eq!(count("requests_in_flight"), "0");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_left_is_dropped_and_no_error_and_its_tokens_so_far_count() {
    let metrics = metrics();
    let begun = || vec![Ok(vec![START]), Ok(vec![STOP])];
    let res = run(&metrics, now(Ok(answer(200, events(begun())))), post()).await.unwrap();
    let Body::Events(mut stream) = res.body else { unreachable!("it is a stream of events") };
    stream.next().await.unwrap().unwrap();
    drop(stream);
    drop(run(&metrics, now(Ok(answer(200, events(begun())))), post()).await.unwrap());
    assert_eq!(figure(&metrics, "stream_duration_seconds_count{method=\"POST\",end=\"dropped\"}"), "2");
    assert_eq!(figure(&metrics, "tokens_total{type=\"input\"}"), "12");
    assert_eq!(figure(&metrics, "requests_in_flight"), "0");
    assert!(figures(&metrics).keys().all(|name| !name.starts_with("request_errors")));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_its_call_limits_is_late_and_one_that_is_free_of_the_limit_is_dropped() {
    for (in_streams, end) in [(true, "TIMEOUT"), (false, "dropped")] {
        let metrics = metrics();
        let mut req = post();
        req.extensions.insert(Deadline { at: (Instant::now() + SECOND).into_std(), in_streams });
        let res = run(&metrics, now(Ok(answer(200, events(vec![])))), req).await.unwrap();
        tokio::time::advance(2 * SECOND).await;
        drop(res);
        assert_eq!(
            figure(&metrics, &format!("stream_duration_seconds_count{{method=\"POST\",end=\"{end}\"}}")),
            "1"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_first_event_does_not_come_in_time_is_late() {
    let impatient = || with(post(), |options| options.timeouts.first_event = Some(SECOND));
    for (wait, end) in [(SECOND / 2, "dropped"), (SECOND, "TIMEOUT")] {
        let metrics = metrics();
        let res = run(&metrics, now(Ok(answer(200, events(vec![])))), impatient()).await.unwrap();
        tokio::time::advance(wait).await;
        drop(res);
        let ended = format!("stream_duration_seconds_count{{method=\"POST\",end=\"{end}\"}}");
        assert_eq!(figure(&metrics, &ended), "1");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_of_bytes_and_of_text_know_no_protocol_and_end_with_their_body() {
    let metrics = metrics();
    let raw = with(post(), |options| options.expect = Expect::Bytes);
    let res = run(&metrics, now(Ok(answer(200, bytes(vec![Ok("a"), Ok("b")])))), raw).await.unwrap();
    assert_eq!(collect(res.body, 9, None).await.unwrap(), "ab");
    let text = || with(post(), |options| options.expect = Expect::TextEvents);
    let odd = vec![Ok(vec!["no JSON", STOP, PING])];
    read(run(&metrics, now(Ok(answer(200, events(odd)))), text()).await.unwrap()).await;
    assert_eq!(figure(&metrics, "stream_duration_seconds_count{method=\"POST\",end=\"complete\"}"), "2");
    assert_eq!(figure(&metrics, "stream_duration_seconds_sum{method=\"POST\",end=\"complete\"}"), "3");
    assert_eq!(figure(&metrics, "time_to_first_event_seconds_count"), "1");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_read_on_after_its_error_ends_once() {
    let broken = || Err(Error::new(ErrorKind::Reset, Phase::Body, "it broke"));
    for expect in [Expect::Bytes, Expect::Auto] {
        let metrics = metrics();
        let req = with(post(), |options| options.expect = expect);
        let body = match expect {
            Expect::Bytes => bytes(vec![Ok("a"), broken(), broken()]),
            _ => events(vec![Ok(vec![START]), Err(Error::new(ErrorKind::Reset, Phase::Body, "it broke"))]),
        };
        match run(&metrics, now(Ok(answer(200, body))), req).await.unwrap().body {
            Body::Stream(mut stream) => while stream.next().await.is_some() {},
            Body::Events(mut stream) => while stream.next().await.is_some() {},
            Body::Empty | Body::Full(_) => unreachable!("it is a stream"),
        }
        let ended = "stream_duration_seconds_count{method=\"POST\",end=\"CONNECTION_RESET\"}";
        assert_eq!(
            (figure(&metrics, ended), figure(&metrics, "requests_in_flight")),
            ("1".into(), "0".into())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn outside_of_retry_it_sees_a_call_with_its_attempts_and_inside_each_attempt() {
    let retry = || Arc::new(Retry::new(RetryOptions { max_retries: 2, ..RetryOptions::default() }));
    // As the transport says it: its answer is to the third.
    let third = now(Ok(Response { attempts: 3, ..answer(200, Body::Empty) }));
    let steps = vec![failure(ErrorKind::Reset, Phase::Connect), status(529), third];
    let (outer, inner) = (metrics(), metrics());
    let layers: Vec<Arc<dyn Middleware>> = vec![layer(&outer), retry(), layer(&inner)];
    onion(layers, &Peer::new(steps)).run(post()).await.unwrap();
    let count =
        |status| format!("request_duration_seconds_count{{method=\"POST\",status_code=\"{status}\"}}");
    for (metrics, status, expected) in [
        (&outer, "200", "1"),
        (&outer, "529", "0"),
        (&inner, "200", "1"),
        (&inner, "529", "1"),
        (&inner, "error", "1"),
    ] {
        assert_eq!(figure(metrics, &count(status)), expected, "{status}");
    }
    assert_eq!(
        (figure(&outer, "attempts_total"), figure(&inner, "attempts_total")),
        ("3".into(), "3".into())
    );
}

/// A layer that takes its time before it goes on, as one that fetches a token does.
struct Slow(Duration);

impl Middleware for Slow {
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            tokio::time::sleep(self.0).await;
            next.run(req).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn overhead_is_the_way_to_the_transport_and_queue_the_wait_in_it() {
    let metrics = metrics();
    let step: Step = Box::pin(async {
        let timing =
            Timing { sent: Some(Instant::now().into_std()), queued: 2 * SECOND, ..Timing::default() };
        tokio::time::sleep(5 * SECOND).await;
        Ok(Response { timing, ..answer(200, Body::Empty) })
    });
    let layers: Vec<Arc<dyn Middleware>> = vec![layer(&metrics), Arc::new(Slow(3 * MS))];
    onion(layers, &Peer::new(vec![step])).run(post()).await.unwrap();
    assert_eq!(
        (figure(&metrics, "overhead_seconds_sum"), figure(&metrics, "queue_seconds_sum")),
        ("0.003".into(), "2".into())
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_made_up_cost_no_attempt_and_no_tokens() {
    let metrics = metrics();
    let made = Response { attempts: 0, ..answer(200, Body::Full(MESSAGE.into())) };
    run(&metrics, now(Ok(made)), post()).await.unwrap();
    assert_figures(&metrics, &[("request_duration_seconds_count{method=\"POST\",status_code=\"200\"}", "1")]);
}

#[tokio::test]
async fn a_panic_further_in_leaves_nothing_in_flight() {
    let metrics = metrics();
    let layer = layer(&metrics);
    let step: Step = Box::pin(async { unreachable!("a bug") });
    let call = tokio::spawn(async move { onion(vec![layer], &Peer::new(vec![step])).run(post()).await });
    assert!(call.await.unwrap_err().is_panic());
    assert_eq!(figure(&metrics, "requests_in_flight"), "0");
    assert_eq!(figure(&metrics, "request_errors_total{method=\"POST\",code=\"INTERNAL\"}"), "1");
}

#[tokio::test]
async fn labels_of_the_request_have_so_many_values_and_series_so_many_in_all() {
    let labels = vec![Extra::Host, Extra::Model];
    let metrics =
        Arc::new(Metrics::new(MetricsOptions { labels, max_values: 2, ..MetricsOptions::default() }));
    let asking =
        |model: &str| Request { body: Body::Full(format!(r#"{{"model":"{model}"}}"#).into()), ..post() };
    for model in ["a", "b", "c", "d", "a"] {
        run(&metrics, ok(), asking(model)).await.unwrap();
    }
    let count = |model| {
        let name = format!("attempts_total{{host=\"api.test\",model=\"{model}\"}}");
        figure(&metrics, &name)
    };
    assert_eq!([count("a"), count("b"), count("c"), count("other")], ["2", "1", "0", "2"]);
    for status in 100..1000 {
        run(&metrics, now(Ok(answer(status, Body::Empty))), asking("a")).await.unwrap();
    }
    let series =
        figures(&metrics).keys().filter(|name| name.starts_with("request_duration_seconds_count")).count();
    assert_eq!(series, 257, "what is beyond the bound is one more");
    let beyond =
        r#"request_duration_seconds_count{method="other",status_code="other",host="other",model="other"}"#;
    assert_eq!(figure(&metrics, beyond), (905 - 256 - 3).to_string());
}

#[tokio::test(start_paused = true)]
async fn the_formats_differ_in_the_names_of_counters_in_bounds_and_in_their_end() {
    let options =
        MetricsOptions { prefix: "my_".to_owned(), buckets: vec![SECOND], ..MetricsOptions::default() };
    let metrics = Arc::new(Metrics::new(options));
    let _ = run(&metrics, after(SECOND, Err(Error::new(ErrorKind::Dns, Phase::Connect, "x"))), post()).await;
    let lines = |format| {
        let text = write(&metrics.read(), format);
        let lines = text.lines().filter(|line| line.contains("my_request_") || line.starts_with("# EOF"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let common = "method=\"POST\",status_code=\"error\"";
    let both = |total: &str, bound: &str| {
        [
            "# HELP my_request_duration_seconds Duration of Claude API requests".to_owned(),
            "# TYPE my_request_duration_seconds histogram".to_owned(),
            format!("my_request_duration_seconds_bucket{{le=\"{bound}\",{common}}} 1"),
            format!("my_request_duration_seconds_bucket{{le=\"+Inf\",{common}}} 1"),
            format!("my_request_duration_seconds_sum{{{common}}} 1"),
            format!("my_request_duration_seconds_count{{{common}}} 1"),
            format!(
                "# HELP my_request_errors{total} Requests and streams that failed, by the code of their error"
            ),
            format!("# TYPE my_request_errors{total} counter"),
            "my_request_errors_total{method=\"POST\",code=\"DNS\"} 1".to_owned(),
        ]
    };
    assert_eq!(lines(Format::Prometheus), both("_total", "1"));
    let mut open = both("", "1.0").to_vec();
    open.push("# EOF".to_owned());
    assert_eq!(lines(Format::OpenMetrics), open);
    assert!(write(&metrics.read(), Format::OpenMetrics).ends_with("# EOF\n"));
}
