use super::*;
use crate::Timestamp;
use proptest::prelude::*;

fn refused(json: &str) -> BadTask {
    parse_task(json.as_bytes()).expect_err(json)
}

/// A task with one more field.
fn with(field: &str) -> String {
    format!(r#"{{"method":"GET","name":"http://a/",{field}}}"#)
}

#[test]
fn a_task_of_poulpe_0_2_is_read() {
    let json = r#"{"id":"7","method":"post","delay":3,"name":"http://a/","params":"{\"x\":1}","cc":"1 3","wait":2}"#;
    let task = parse_task(json.as_bytes()).unwrap();
    assert_eq!(task.id, JobId::new("7").ok());
    assert_eq!(task.kind, Kind::POST);
    assert_eq!(task.params, Params::Text(r#"{"x":1}"#.into()));
    assert_eq!(task.lanes, LaneSet::new([1, 3]));
    assert_eq!(task.due, Due::In(Duration::from_secs(3)));
    assert_eq!(task.wait, Duration::from_secs(2));
}

#[test]
fn everything_optional_may_be_absent_or_null() {
    let bare = parse_task(br#"{"method":"GET","name":"http://a/"}"#).unwrap();
    let nulls = with(
        r#""id":null,"delay":null,"at":null,"params":null,"cc":null,"headers":null,"priority":null"#,
    );
    assert_eq!(parse_task(nulls.as_bytes()), Ok(bare));
}

#[test]
fn the_newer_fields_are_read() {
    let json = with(
        r#""at":"1970-01-01T00:00:01Z","timeout":1.5,"max_retry":0,"retry_interval":0.25,"priority":9,"headers":{"b":"2","a":"1"}"#,
    );
    let task = parse_task(json.as_bytes()).unwrap();
    assert_eq!(task.due, Due::At(Timestamp::from_millis(1_000)));
    assert_eq!(task.timeout, Some(Duration::from_millis(1_500)));
    assert_eq!(task.max_retry, Some(0));
    assert_eq!(task.retry_interval, Some(Duration::from_millis(250)));
    assert_eq!(task.priority.rank(), 9);
    assert_eq!(
        task.headers,
        [("b".into(), "2".into()), ("a".into(), "1".into())]
    );
}

#[test]
fn exact_arguments_come_as_an_array() {
    let task = parse_task(with(r#""params":["a b","c"]"#).as_bytes()).unwrap();
    assert_eq!(task.params, Params::List(vec!["a b".into(), "c".into()]));
    assert_eq!(refused(&with(r#""params":["a",1]"#)).field, "params");
}

#[test]
fn a_fraction_of_a_second_keeps_its_milliseconds() {
    for (json, millis) in [
        ("0.1", 100),
        ("2.3", 2_300),
        ("0.001", 1),
        ("1e-1", 100),
        ("1E1", 10_000),
        ("-0.0", 0),
    ] {
        let task = parse_task(with(&format!(r#""delay":{json}"#)).as_bytes()).unwrap();
        assert_eq!(
            task.due.resolve(Timestamp::default()).as_millis(),
            millis,
            "{json}"
        );
    }
}

#[test]
fn errors_name_the_field() {
    for (field, json) in [
        ("method", r#"{"name":"x"}"#.to_string()),
        ("method", r#"{"method":" ","name":"x"}"#.to_string()),
        ("method", r#"{"method":1,"name":"x"}"#.to_string()),
        ("name", r#"{"method":"GET","name":""}"#.to_string()),
        ("id", with(r#""id":5"#)),
        ("id", with(r#""id":"""#)),
        ("id", with(r#""id":"a\nb""#)),
        ("id", with(&format!(r#""id":"{}""#, "x".repeat(10_000)))),
        ("id", with(r#""id":"\ud800""#)),
        ("cc", with(r#""cc":"-1""#)),
        ("cc", with(r#""cc":1"#)),
        ("cc", with(r#""cc":[1]"#)),
        ("delay", with(r#""delay":-1"#)),
        ("delay", with(r#""delay":1e300"#)),
        ("delay", with(r#""delay":1e400"#)),
        ("delay", with(r#""delay":"1""#)),
        ("delay", with(r#""delay":true"#)),
        ("at", with(r#""at":"tomorrow""#)),
        ("at", with(r#""at":"2027-01-01T00:00:00Z","delay":1"#)),
        ("wait", with(r#""wait":3601"#)),
        ("timeout", with(r#""timeout":0"#)),
        ("max_retry", with(r#""max_retry":1.5"#)),
        ("max_retry", with(r#""max_retry":-1"#)),
        ("retry_interval", with(r#""retry_interval":[]"#)),
        ("priority", with(r#""priority":10"#)),
        ("headers", with(r#""headers":{"a":1}"#)),
        ("headers", with(r#""headers":[]"#)),
        ("params", with(r#""params":{"a":1}"#)),
        ("params", with(r#""params":5"#)),
    ] {
        assert_eq!(refused(&json).field, field, "{json}");
    }
}

#[test]
fn what_is_no_object_is_refused_with_a_reason() {
    for json in [
        "",
        " ",
        "nul",
        "5",
        "\"x\"",
        "{",
        r#"{"method":"GET","name":"a"}}"#,
        r#"{"method":NaN}"#,
        "[1]",
    ] {
        let error = refused(json);
        assert!(error.field.is_empty() && !error.reason.is_empty(), "{json}");
    }
    assert!(parse_task(b"{\"name\":\"\xff\"}").is_err());
    assert!(
        refused(r#"{"method":"GET","method":"GET","name":"a"}"#)
            .reason
            .contains("method")
    );
}

#[test]
fn deep_nesting_in_an_unknown_field_is_harmless() {
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(parse_task(deep.as_bytes()).is_err());
}

#[test]
fn each_task_of_an_array_has_its_own_verdict() {
    let (tasks, is_array) =
        parse_batch(br#" [{"method":"GET","name":"a"},{"method":"GET"},7]"#).unwrap();
    assert!(is_array);
    assert_eq!(
        tasks.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, false]
    );
    assert_eq!(parse_batch(b"[]"), Ok((vec![], true)));
    assert!(parse_batch(b"[{]").is_err());
}

#[test]
fn an_array_is_bounded() {
    let many = format!("[{}0]", "0,".repeat(MAX_BATCH_TASKS));
    assert!(
        parse_batch(many.as_bytes())
            .unwrap_err()
            .reason
            .contains("10001")
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_batch(&bytes);
    }

    #[test]
    fn any_string_survives(params in any::<String>(), name in "[^\0]{1,50}") {
        let json = serde_json::json!({"method": "POST", "name": name, "params": params}).to_string();
        let task = parse_task(json.as_bytes()).unwrap();
        prop_assert_eq!(task.params, Params::Text(params));
        prop_assert_eq!(task.name, name);
    }
}
