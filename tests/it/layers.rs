//! Who may use whom: reads what every file of `src/` names and compares it with the table of rooms.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

const NOUNS: [&str; 11] = [
    "error", "request", "response", "attempt", "body", "event", "secret", "identity", "notice", "random",
    "reuse",
];

/// What a room may name besides the nouns and itself, and the rule in words.
fn allowance(room: &str) -> (&'static [&'static str], &'static str) {
    match room {
        noun if NOUNS.contains(&noun) => (&[], "nouns use nouns only"),
        "pipeline" | "sse" | "jsonl" | "store" | "redact" | "queue" => {
            (&[], "pipeline, sse, jsonl, store, redact and queue use nouns only")
        }
        "claude" => (&["sse"], "claude uses nouns and sse only"),
        "transport" | "credential" | "partition" => {
            (&["pipeline"], "transport, credential and partition use nouns and pipeline only")
        }
        "budget" => (&[], "budget uses nothing"),
        "place" => (&["redact"], "place uses nouns and redact only"),
        "watch" => (&["claude"], "watch uses nouns and claude only"),
        "middleware" | "session" => (
            &[
                "pipeline",
                "sse",
                "claude",
                "store",
                "redact",
                "credential",
                "partition",
                "place",
                "budget",
                "queue",
                "watch",
            ],
            "a middleware, and session, uses nouns, pipeline, sse, claude, store, redact, credential, partition, place, budget, queue and watch only",
        ),
        "client" => (
            &[
                "pipeline",
                "sse",
                "jsonl",
                "claude",
                "store",
                "redact",
                "transport",
                "credential",
                "partition",
                "budget",
                "place",
                "queue",
                "middleware",
                "session",
            ],
            "client uses all rooms but node and server",
        ),
        "node" => (
            &["client", "server", "pipeline"],
            "node uses client, the traits of pipeline, nouns and the simulator it hands out only",
        ),
        "server" => (&["client", "pipeline"], "server uses client, the traits of pipeline and nouns only"),
        _ => (&[], "a new room needs a line in tests/it/layers.rs and in src/lib.rs"),
    }
}

/// Foreign crates that only some rooms may name.
const FOREIGN: [(&[&str], &[&str], &str); 6] = [
    (&["redis"], &["store"], "only store names redis"),
    (&["moka"], &["store", "middleware"], "only store and middleware name moka"),
    (&["napi", "napi_derive"], &["node", "lib"], "only node names napi"),
    (&["reqwest"], &["transport"], "only transport names reqwest"),
    (&["jsonwebtoken"], &["middleware"], "only middleware, for its room jwt, names jsonwebtoken"),
    (&["hyper", "hyper_util"], &["transport", "server"], "only transport and server name hyper"),
];

#[derive(Debug, PartialEq, Eq)]
struct Breach {
    line: usize,
    rule: &'static str,
    named: String,
}

/// What in this file breaks the rules. `path` is below `src/`, with forward slashes.
fn breaches(path: &str, text: &str) -> Vec<Breach> {
    let room = path.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    let code = without_comments(text);
    let mut found = foreign(room, &code);
    if room != "lib" {
        found.extend(inner(room, path, &code));
    }
    found.sort_by_key(|breach| breach.line);
    found
}

fn foreign(room: &str, code: &str) -> Vec<Breach> {
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        for (crates, rooms, rule) in FOREIGN {
            for name in crates {
                let used = [format!("{name}::"), format!("use {name};"), format!("#[{name}")];
                if !rooms.contains(&room) && used.iter().any(|mark| names(line, mark)) {
                    found.push(Breach { line: index + 1, rule, named: (*name).to_owned() });
                }
            }
        }
    }
    found
}

/// The mark, and not as the end of a longer word or path.
fn names(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(start, _)| {
        let before = line[..start].trim_end_matches("::");
        let rooted =
            before.len() == start || before.is_empty() || before.ends_with([' ', '(', '<', '&', ',']);
        rooted && !before.ends_with(|last: char| last.is_alphanumeric() || last == '_')
    })
}

fn inner(room: &str, path: &str, code: &str) -> Vec<Breach> {
    let (allowed, rule) = allowance(room);
    let own = own_middleware(path);
    let mut found = Vec::new();
    for (start, steps) in rooted_paths(path, code) {
        for step in steps {
            let first = step.split("::").next().unwrap_or_default();
            let outside = first != room && !allowed.contains(&first) && !NOUNS.contains(&first);
            // What has a capital is a type of `error`, re-exported; a macro is nobody's.
            let is_room =
                first.starts_with(|letter: char| letter.is_ascii_lowercase()) && !first.contains('!');
            let line = code[..start].lines().count().max(1);
            if is_room && outside {
                found.push(Breach { line, rule, named: step.clone() });
            }
            let other =
                step.strip_prefix("middleware::").map(|rest| rest.split("::").next().unwrap_or_default());
            if let (Some(own), Some(other)) = (own, other)
                && own != other
            {
                let rule = "a middleware does not use another";
                found.push(Breach { line, rule, named: step.clone() });
            }
        }
    }
    found
}

/// The room within `middleware/`, which is closed to its neighbours.
fn own_middleware(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("middleware/")?;
    let own = rest.split('/').next()?.trim_end_matches(".rs");
    (own != "mod").then_some(own)
}

/// Where a path from the root of the crate begins, and the paths that it stands for.
fn rooted_paths(path: &str, code: &str) -> Vec<(usize, Vec<String>)> {
    let depth = path.split('/').count() - usize::from(path.ends_with("/mod.rs"));
    let climb = "super::".repeat(depth);
    let mut found = Vec::new();
    for root in ["crate::", climb.as_str()] {
        for (start, _) in code.match_indices(root) {
            let glued =
                code[..start].ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == ':');
            if !glued {
                found.push((start + 1, branches(&code[start + root.len()..])));
            }
        }
    }
    found
}

/// `a::b` is one branch; `{a, b::{c, d}}` are `a` and `b`, each with what follows it at once.
fn branches(rest: &str) -> Vec<String> {
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else {
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':' || c == '!'))
            .unwrap_or(rest.len());
        return vec![rest[..end].to_owned()];
    };
    let (mut found, mut depth, mut branch) = (Vec::new(), 0, String::new());
    for letter in group.chars() {
        match letter {
            '}' if depth == 0 => break,
            ',' if depth == 0 => found.push(std::mem::take(&mut branch)),
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth == 0 && !letter.is_whitespace() => branch.push(letter),
            _ => {}
        }
    }
    found.push(branch);
    found.retain(|branch| !branch.is_empty());
    found
}

/// Comments name whom they like. The length of each line may change, their number does not.
fn without_comments(text: &str) -> String {
    let bare = |line: &str| line.find("//").map_or(line.to_owned(), |start| line[..start].to_owned());
    text.lines().map(|line| bare(line) + "\n").collect()
}

fn visit(folder: &Path, each: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path);
        }
    }
}

#[test]
fn every_file_uses_only_the_rooms_that_the_table_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    visit(&src, &mut |file| {
        let path = file.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
        for Breach { line, rule, named } in breaches(&path, &fs::read_to_string(file).unwrap()) {
            found.push(format!("src/{path}:{line}: names `{named}`, but {rule}"));
        }
    });
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_planted_breach_is_found_with_its_line() {
    for (path, text, line) in [
        ("error.rs", "use crate::pipeline::Next;", 1),
        ("sse/stream.rs", "//! x\n\nuse crate::claude;", 3),
        (
            "transport/pool.rs",
            "use crate::{\n    Error,\n    body::{Body, ByteStream},\n    claude::Usage,\n};",
            1,
        ),
        ("transport/pool.rs", "fn f() {\n    super::super::client::Client::new()\n}", 2),
        ("middleware/retry/mod.rs", "use crate::middleware::cache::Cache;", 1),
        ("middleware/retry.rs", "use crate::transport::Transport;", 1),
        ("client/mod.rs", "use crate::{Result, node};", 1),
        ("client/mod.rs", "use napi::Env;", 1),
        ("client/mod.rs", "#[napi]\nfn f() {}", 1),
        ("client/mod.rs", "fn f(client: &reqwest::Client) {}", 1),
        ("node/mod.rs", "use crate::transport::Transport;", 1),
        ("sse/mod.rs", "use hyper_util::rt::TokioIo;", 1),
        ("secret.rs", "use crate::credential::Token;", 1),
        ("credential/guard.rs", "use crate::middleware::auth::Auth;", 1),
        ("credential/guard.rs", "use jsonwebtoken::encode;", 1),
        ("attic/mod.rs", "use crate::sse::events;", 1),
    ] {
        let found = breaches(path, text);
        assert_eq!(found.first().map(|breach| breach.line), Some(line), "{path}: {text}: {found:?}");
    }
}

#[test]
fn what_the_table_allows_is_no_breach() {
    for (path, text) in [
        ("request.rs", "use crate::body::Body;"),
        ("transport/pool.rs", "use crate::{Error, Result, body::Body, pipeline::{BoxFuture, Endpoint}};"),
        ("transport/pool.rs", "use super::{errors, client};\nuse super::reqwest::Wire;"),
        ("transport/reqwest.rs", "use reqwest::Client;\nuse hyper::Error;"),
        ("middleware/retry/mod.rs", "use crate::{middleware::retry::Policy, pipeline::Next};"),
        (
            "client/mod.rs",
            "// crate::node is further out, and so is napi::Env\nuse crate::transport::Transport;",
        ),
        ("middleware/auth/mod.rs", "use crate::{credential::Guard, secret::Secret};"),
        ("middleware/jwt/key.rs", "use jsonwebtoken::EncodingKey;"),
        ("server/mod.rs", "use hyper_util::rt::TokioIo;"),
        ("lib.rs", "#[cfg(feature = \"node\")]\npub mod node;\nuse crate::node;"),
    ] {
        assert_eq!(breaches(path, text), [], "{path}: {text}");
    }
}
