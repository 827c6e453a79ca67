//! JSON in one spelling: whatever the order of keys, the white space, the escapes and the way numbers are written.
//!
//! Invariants: two texts become one only where they are the same value to every reader of JSON, so numbers are
//! compared digit by digit and never rounded. What is not read (no JSON, or too deep) has no canonical form.

use std::ops::Range;

use memchr::memchr2;

use super::decimal;

/// What lies deeper is not read: each level lies on the stack.
const DEPTH: usize = 128;

/// A body in its one spelling.
pub(in super::super) struct Canonical {
    pub(in super::super) text: Vec<u8>,
    /// Whether the member `stream` is `true`.
    pub(in super::super) stream: bool,
}

/// Members that are left out, each as its path.
pub(in super::super) type Paths = Vec<Vec<String>>;

/// The canonical form without these members, and without `stream` where `form_apart`.
pub(in super::super) fn canonical(json: &[u8], ignored: &Paths, form_apart: bool) -> Option<Canonical> {
    std::str::from_utf8(json).ok()?;
    let mut writer =
        Writer { from: json, at: 0, out: Vec::with_capacity(json.len()), stream: false, form_apart };
    let paths: Vec<&[String]> = ignored.iter().map(Vec::as_slice).collect();
    writer.blank();
    writer.value(0, &paths)?;
    writer.blank();
    (writer.at == json.len()).then_some(Canonical { text: writer.out, stream: writer.stream })
}

struct Writer<'a> {
    from: &'a [u8],
    at: usize,
    out: Vec<u8>,
    stream: bool,
    form_apart: bool,
}

/// A member as it was written.
struct Member {
    key: Range<usize>,
    whole: Range<usize>,
}

impl Writer<'_> {
    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.from.get(self.at) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (*self.from.get(self.at)? == byte).then(|| self.at += 1)
    }

    fn peek(&self, byte: u8) -> bool {
        self.from.get(self.at) == Some(&byte)
    }

    fn value(&mut self, depth: usize, ignored: &[&[String]]) -> Option<()> {
        match self.from.get(self.at)? {
            b'{' => self.object(depth, ignored),
            b'[' => self.list(depth),
            b'"' => self.string(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.from[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            self.out.extend_from_slice(word);
        })
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        self.open(b'[', depth)?;
        if self.peek(b']') {
            return self.close(b']');
        }
        loop {
            self.value(depth + 1, &[])?;
            self.blank();
            if self.peek(b']') {
                return self.close(b']');
            }
            self.take(b',')?;
            self.out.push(b',');
            self.blank();
        }
    }

    fn open(&mut self, bracket: u8, depth: usize) -> Option<()> {
        (depth < DEPTH).then_some(())?;
        self.take(bracket)?;
        self.out.push(bracket);
        self.blank();
        Some(())
    }

    fn close(&mut self, bracket: u8) -> Option<()> {
        self.take(bracket)?;
        self.out.push(bracket);
        Some(())
    }

    fn object(&mut self, depth: usize, ignored: &[&[String]]) -> Option<()> {
        self.open(b'{', depth)?;
        let begin = self.out.len();
        let mut members: Vec<Member> = Vec::new();
        while !self.peek(b'}') {
            self.member(depth, ignored, &mut members)?;
            self.blank();
            if !self.peek(b'}') {
                self.take(b',')?;
                self.blank();
                (!self.peek(b'}')).then_some(())?;
            }
        }
        self.sort(begin, members);
        self.close(b'}')
    }

    /// Writes a member behind those before, unless it is left out; then nothing of it stays.
    fn member(&mut self, depth: usize, ignored: &[&[String]], members: &mut Vec<Member>) -> Option<()> {
        let begin = self.out.len();
        self.string()?;
        let key = begin..self.out.len();
        self.blank();
        self.take(b':')?;
        self.out.push(b':');
        self.blank();
        let value = self.out.len();
        let named = |path: &&&[String]| path.first().is_some_and(|name| quoted(&self.out[key.clone()], name));
        let inner: Vec<&[String]> = ignored.iter().filter(named).map(|path| &path[1..]).collect();
        let is_form = depth == 0 && quoted(&self.out[key.clone()], "stream");
        self.value(depth + 1, &inner)?;
        let written = &self.out[value..];
        if is_form {
            // Of two members of one name the last counts.
            self.stream = written == b"true";
        }
        let is_ignored = inner.iter().any(|path| path.is_empty());
        // One of whose members nothing is left is as good as none.
        let is_hollow = !inner.is_empty() && written == b"{}";
        if is_ignored || is_hollow || (is_form && self.form_apart) {
            self.out.truncate(begin);
        } else {
            self.out.push(b',');
            members.push(Member { key, whole: begin..self.out.len() });
        }
        Some(())
    }

    /// Brings the members written since `begin` into the order of their keys, the last of equal ones.
    fn sort(&mut self, begin: usize, mut members: Vec<Member>) {
        let sorted =
            members.windows(2).all(|two| self.out[two[0].key.clone()] < self.out[two[1].key.clone()]);
        if !sorted {
            let out = &self.out;
            members.sort_by(|a, b| out[a.key.clone()].cmp(&out[b.key.clone()]));
            let mut ordered = Vec::with_capacity(out.len() - begin);
            for (place, member) in members.iter().enumerate() {
                let next = members.get(place + 1).map(|next| &out[next.key.clone()]);
                if next != Some(&out[member.key.clone()]) {
                    ordered.extend_from_slice(&out[member.whole.clone()]);
                }
            }
            self.out.truncate(begin);
            self.out.extend_from_slice(&ordered);
        }
        if self.out.len() > begin {
            self.out.pop();
        }
    }

    fn string(&mut self) -> Option<()> {
        let begin = self.at;
        self.take(b'"')?;
        let mut escaped = false;
        loop {
            // Behind a backslash at the very end there is nothing.
            let step = memchr2(b'"', b'\\', self.from.get(self.at..)?)?;
            self.at += step + 1;
            if self.from[self.at - 1] == b'"' {
                break;
            }
            escaped = true;
            self.at += 1;
        }
        let text = &self.from[begin..self.at];
        if !escaped {
            // A raw control character is no JSON; servers differ in what they make of it.
            (!text.iter().any(|byte| *byte < 0x20)).then(|| self.out.extend_from_slice(text))
        } else if let Ok(read) = serde_json::from_slice::<String>(text) {
            serde_json::to_writer(&mut self.out, &read).ok()
        } else {
            // Half of a pair of surrogates has one spelling only, but for the case of its digits.
            serde_json::from_slice::<&serde_json::value::RawValue>(text).ok()?;
            self.out.extend_from_slice(text);
            Some(())
        }
    }

    fn number(&mut self) -> Option<()> {
        let rest = &self.from[self.at..];
        let end =
            rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
        let text = &rest[..end.unwrap_or(rest.len())];
        self.at += text.len();
        decimal::write(text, &mut self.out)
    }
}

/// Whether what is written is this name as a JSON string.
fn quoted(written: &[u8], name: &str) -> bool {
    match written.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
        Some(bare) if !bare.contains(&b'\\') => bare == name.as_bytes(),
        _ => serde_json::from_slice::<String>(written).is_ok_and(|read| read == name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn form(json: &str) -> Option<String> {
        canonical(json.as_bytes(), &vec![vec!["metadata".to_owned(), "user_id".to_owned()]], false)
            .map(|found| String::from_utf8(found.text).unwrap())
    }

    #[test]
    fn one_value_has_one_form_however_it_is_written() {
        for same in [
            &["1", "1.0", "1e0", "10e-1", "0.1E+1", " 1 "][..],
            &["0", "-0", "0.0", "0e9", "-0.00e-7"],
            &["100", "1e2", "100.0", "1E+2"],
            &["-12.5", "-125e-1", "-12.50"],
            &["12345678901234567890123", "12345678901234567890123.0"],
            &[r#""A/ä""#, r#""\u0041\/\u00e4""#],
            &[r#"{"a":1,"b":[1,{"c":2,"d":3}]}"#, "{ \"b\" : [ 1.0 , {\"d\":3,\n\"c\":2}], \"a\":1e0 }"],
            &[r#"{"a":2}"#, r#"{"a":1,"\u0061":2}"#],
            &[r#"{"m":1}"#, r#"{"metadata":{"user_id":"u"},"m":1}"#],
        ] {
            let forms: Vec<_> = same.iter().map(|text| form(text)).collect();
            assert!(
                forms[0].is_some() && forms.iter().all(|other| *other == forms[0]),
                "{same:?}: {forms:?}"
            );
        }
    }

    #[test]
    fn two_values_never_have_one_form() {
        let different = [
            "1",
            "-1",
            "10",
            "0",
            "12345678901234567890123",
            "12345678901234567890124",
            "0.1",
            "0.10000000000000001",
            "\"1\"",
            "[1]",
            "[]",
            "{}",
            "[[]]",
            "null",
            "true",
            r#"{"metadata":{"user":"u"}}"#,
            r#"{"a":{"metadata":{"user_id":1}}}"#,
            r#"{"metadata":[{"user_id":1}]}"#,
            r#""\ud800""#,
            r#""\ud801""#,
            "[1,2]",
            "[2,1]",
            r#"{"a":1}"#,
            r#"{"b":1}"#,
        ];
        let mut forms: Vec<_> = different.iter().map(|text| form(text).expect(text)).collect();
        forms.sort();
        forms.dedup();
        assert_eq!(forms.len(), different.len());
    }

    #[test]
    fn what_is_no_json_has_no_form() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "tru",
            "\"\n\"",
            "{a:1}",
            "1 2",
            &deep,
        ] {
            assert_eq!(form(text), None, "{text}");
        }
    }

    #[test]
    fn whether_a_stream_is_asked_for_may_be_told_apart_from_what_is_asked() {
        let read = |json: &str| {
            let found = canonical(json.as_bytes(), &Vec::new(), true).unwrap();
            (String::from_utf8(found.text).unwrap(), found.stream)
        };
        assert_eq!(read(r#"{"stream":true,"a":{"stream":true}}"#), (r#"{"a":{"stream":true}}"#.into(), true));
        assert_eq!(read(r#"{"a":1,"stream":false}"#), (r#"{"a":1}"#.into(), false));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            (-1e9..1e9).prop_map(|number: f64| json!(number)),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((".{0,3}", inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn reversed(value: &Value) -> Value {
        match value {
            Value::Object(members) => Value::Object(
                members.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect(),
            ),
            Value::Array(items) => items.iter().map(reversed).collect(),
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn the_form_is_the_value_and_does_not_depend_on_order_or_space(value in values()) {
            let found = canonical(value.to_string().as_bytes(), &Vec::new(), false).unwrap().text;
            let read: Value = serde_json::from_slice(&found).unwrap();
            let other = serde_json::to_string_pretty(&reversed(&value)).unwrap();
            prop_assert_eq!(&found, &canonical(other.as_bytes(), &Vec::new(), false).unwrap().text);
            prop_assert_eq!(&found, &canonical(&found, &Vec::new(), false).unwrap().text);
            prop_assert!(equal(&read, &value));
        }

        #[test]
        fn nothing_makes_it_fail(text in ".{0,40}") {
            let _ = canonical(text.as_bytes(), &Vec::new(), true);
        }
    }

    /// Numbers as floats: whole ones are written in another way.
    fn equal(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => {
                // Read again, a float may be the next one to it.
                let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
                (a - b).abs() <= a.abs() * 1e-12
            }
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(name, value)| b.get(name).is_some_and(|b| equal(value, b)))
            }
            _ => a == b,
        }
    }
}
