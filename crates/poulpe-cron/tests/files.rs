//! Cron files: what their lines become, and that a bad one harms no other.

use poulpe_cron::{
    CronFile, Defaults, Entry, MAX_ENTRIES, MAX_FILE_BYTES, MAX_PROBLEMS, Misfire, Overlap, Reader,
    Zone,
};
use poulpe_job::{Due, Kind, LaneSet, Params, Timestamp};
use std::time::{Duration, Instant};

/// 2027-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_798_761_600_000);

fn defaults() -> Defaults {
    Defaults {
        zone: Zone::named("Europe/Berlin").unwrap(),
        now: NOW,
    }
}

fn read(text: impl AsRef<[u8]>) -> CronFile {
    CronFile::parse(text.as_ref(), &defaults())
}

fn only(text: &str) -> Entry {
    let mut file = read(text);
    assert_eq!(
        (file.problems.as_slice(), file.entries.len()),
        (&[][..], 1),
        "{text}"
    );
    file.entries.remove(0)
}

/// Line, column and words of each problem.
fn problems(file: &CronFile) -> Vec<(usize, usize, &str)> {
    file.problems
        .iter()
        .map(|problem| (problem.line, problem.column, problem.message.as_str()))
        .collect()
}

#[test]
fn a_line_is_seven_fields_a_name_a_method_and_the_rest() {
    let entry =
        only("  1   *   *    *   *     *       *     http://127.0.0.1:9000/tick get a=1&b=2\n");
    assert_eq!(
        (entry.kind, entry.name.as_str()),
        (Kind::GET, "http://127.0.0.1:9000/tick")
    );
    assert_eq!(entry.params, Params::Text("a=1&b=2".into()));
    assert_eq!(
        (entry.line, entry.schedule.fields(), entry.zone.name()),
        (1, "1 * * * * * *", "Europe/Berlin")
    );
}

#[test]
fn params_are_exact_from_their_first_character_on() {
    for (line, params) in [
        (
            "@daily /bin/x EXEC  -a  'b  c'\t# no comment  ",
            "-a  'b  c'\t# no comment  ",
        ),
        ("@daily /bin/x EXEC", ""),
        ("@daily /bin/x EXEC ", ""),
        ("@daily /bin/x EXEC [ -f ]", "[ -f ]"),
        ("@daily http://x/ POST {\"a\": \"é\"}", "{\"a\": \"é\"}"),
        ("@daily http://x/ POST [\"a\"]", "[\"a\"]"),
        ("@daily http://x/?a=b GET c=d", "c=d"),
        (
            "@daily ops MAIL_TO {\"to_addr\": \"a@b\"}",
            "{\"to_addr\": \"a@b\"}",
        ),
        ("@daily thumb resize 1 2", "1 2"),
    ] {
        assert_eq!(only(line).params, Params::Text(params.into()), "{line}");
    }
    let list = only("@daily /bin/x EXEC [\"a b\", \"c\"] ").params;
    assert_eq!(list, Params::List(vec!["a b".into(), "c".into()]));
    assert_eq!(
        read("@daily /bin/x EXEC [\"a b\", 1]").problems[0].column,
        20
    );
}

#[test]
fn line_breaks_blanks_tabs_comments_and_a_byte_order_mark_are_no_content() {
    let file =
        read("\u{feff}# comment\r\n\r\n \t \r\n\t@daily\ta\tGET\tb\r\n   # another\n@daily b GET");
    assert_eq!(problems(&file), []);
    let lines: Vec<(usize, &str, &Params)> = file
        .entries
        .iter()
        .map(|entry| (entry.line, entry.name.as_str(), &entry.params))
        .collect();
    assert_eq!(
        lines,
        [
            (4, "a", &Params::Text("b".into())),
            (6, "b", &Params::Text(String::new()))
        ]
    );
}

#[test]
fn variables_apply_to_the_entries_below() {
    let file = read(
        "@daily a GET\n\
         CRON_TZ = Asia/Shanghai\nCC=1 3\nMISFIRE=once:6h\nOVERLAP=skip\nTIMEOUT=1.5\nMAX_RETRY=0\nID=nightly\n\
         @daily b GET\n@daily c GET\n\
         CRON_TZ=\nCC=\nMISFIRE=\nOVERLAP=\nTIMEOUT=\nMAX_RETRY=\n\
         @daily d GET\n\
         MISFIRE=ALL\nCRON_TZ='utc'\n@daily e GET\nMISFIRE=Skip\n@daily f GET\n",
    );
    assert_eq!(problems(&file), []);
    let [a, b, c, d, e, f] = file.entries.as_slice() else {
        panic!("six entries")
    };
    assert_eq!(b.options.lanes, LaneSet::new([1, 3]));
    assert_eq!(
        b.options.misfire,
        Misfire::Once {
            window: Duration::from_secs(6 * 3_600)
        }
    );
    assert_eq!(
        (b.options.overlap, b.options.max_retry),
        (Overlap::Skip, Some(0))
    );
    assert_eq!(b.options.timeout, Some(Duration::from_millis(1_500)));
    assert_eq!((b.id.as_str(), b.zone.name()), ("nightly", "Asia/Shanghai"));
    assert_eq!((&c.options, &c.zone), (&b.options, &b.zone));
    assert_ne!(c.id, b.id);
    assert_eq!((&d.options, &d.zone), (&a.options, &a.zone));
    assert_eq!(
        a.options.misfire,
        Misfire::Once {
            window: Duration::from_secs(86_400)
        }
    );
    assert_eq!(
        (e.options.misfire, e.zone.name(), f.options.misfire),
        (Misfire::All, "UTC", Misfire::Skip)
    );
}

#[test]
fn entries_below_a_variable_that_can_t_be_read_are_left_out_and_the_others_go_on() {
    for bad in [
        "CRON_TZ=Asia/Shangai",
        "CC=x",
        "MISFIRE=twice",
        "MISFIRE=once:",
        "OVERLAP=no",
        "TIMEOUT=-1",
        "TIMEOUT=0",
        "MAX_RETRY=1.5",
    ] {
        let (name, _) = bad.split_once('=').unwrap();
        let file = read(format!(
            "@daily a GET\n{bad}\n@daily b GET\n{name}=\n@daily c GET\n"
        ));
        let names: Vec<&str> = file
            .entries
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(names, ["a", "c"], "{bad}");
        let [problem] = file.problems.as_slice() else {
            panic!("one problem: {bad}")
        };
        assert_eq!((problem.line, problem.column), (2, name.len() + 2), "{bad}");
        assert!(
            problem.message.contains("left out until"),
            "{}",
            problem.message
        );
    }
}

#[test]
fn unknown_variables_are_problems_with_a_hint() {
    for (line, hint) in [
        ("TZ=UTC", "did you mean CRON_TZ?"),
        ("cron_tz=UTC", "did you mean CRON_TZ?"),
        ("MAX_RETRIES=1", "did you mean MAX_RETRY?"),
        ("MAILTO=a@b", "MAIL_TO"),
        ("SHELL=/bin/sh", "no shell"),
        ("COLOUR=red", "variables are CRON_TZ, CC,"),
    ] {
        let file = read(format!("{line}\n@daily a GET"));
        assert!(
            file.problems[0].message.contains(hint),
            "{:?}",
            file.problems
        );
        assert_eq!(file.entries.len(), 1);
    }
}

#[test]
fn five_and_six_fields_are_refused_with_the_seven_that_are_meant() {
    for (line, hint) in [
        ("*/5 * * * * http://x/ GET", "`0 */5 * * * * *`"),
        (
            "30 2 * * 1-5 /bin/backup exec --all",
            "`0 30 2 * * MON-FRI *`",
        ),
        ("30 2 * * 7 thumb RESIZE 1", "`0 30 2 * * SUN *`"),
        ("0 */5 * * * * http://x/ GET a=1", "`0 */5 * * * * *`"),
        ("0 0 0 * * MON thumb RESIZE", "`0 0 0 * * MON *`"),
        ("*/5 * * * * /bin/true", "`0 */5 * * * * *`"),
    ] {
        let file = read(line);
        assert!(
            file.problems[0].message.contains(hint),
            "{line}: {:?}",
            file.problems
        );
        assert_eq!(file.problems[0].column, 1);
    }
}

#[test]
fn what_is_missing_or_misplaced_is_said() {
    for (line, column, words) in [
        ("* * * * * * *", 14, "the name is missing"),
        ("* * * * * * * a", 16, "the METHOD is missing"),
        ("@daily", 7, "the name is missing"),
        (
            "@daily GET http://x/",
            12,
            "the name stands before the METHOD",
        ),
        ("@daily a 1GET", 10, "is no METHOD"),
        ("hello", 1, "this is no entry"),
        ("0 0 0 ? * 0 * a GET", 11, "0 is no weekday"),
    ] {
        let file = read(line);
        let [problem] = file.problems.as_slice() else {
            panic!("{line}: {:?}", file.problems)
        };
        assert_eq!(problem.column, column, "{line}: {}", problem.message);
        assert!(
            problem.message.contains(words),
            "{line}: {}",
            problem.message
        );
    }
}

#[test]
fn a_problem_shows_file_line_column_and_a_caret() {
    let file = read("# x\n0 60 * * * * * a GET\n@daily b GET");
    assert_eq!(
        file.problems[0].render("/etc/poulpe.d/a.cron"),
        "/etc/poulpe.d/a.cron:2:3: 60 is no minute: minutes are 0 to 59\n    0 60 * * * * * a GET\n      ^^\n"
    );
    assert_eq!(file.entries.len(), 1);
}

#[test]
fn what_has_passed_never_fires_unless_it_can_be_made_up_for() {
    let line = "59 59 23 31 12 * 2026 a GET";
    let at = |now: i64, text: &str| {
        let defaults = Defaults {
            zone: Zone::utc(),
            now: Timestamp::from_millis(NOW.as_millis() + now * 1_000),
        };
        let file = CronFile::parse(text.as_bytes(), &defaults);
        (
            file.entries.len(),
            file.problems.first().map(|problem| problem.message.clone()),
        )
    };
    assert_eq!(at(3_600, line), (1, None));
    let (entries, problem) = at(25 * 3_600, line);
    assert!(entries == 0 && problem.is_some_and(|text| text.starts_with("never fires")));
    assert_eq!(at(3_600, &format!("MISFIRE=skip\n{line}")).0, 0);
    assert_eq!(at(30 * 86_400, &format!("MISFIRE=all\n{line}")).0, 1);
}

#[test]
fn a_line_keeps_its_id_wherever_it_stands_and_whatever_its_options() {
    let id = |text: &str| read(text).entries.last().expect("an entry").id.clone();
    let plain = id("0 0 0 * * MON * a GET x");
    for same in [
        "CC=1\nMISFIRE=skip\nTIMEOUT=5\nMAX_RETRY=1\nOVERLAP=skip\n0 0 0 * * MON * a GET x",
        "@hourly z GET\n\n00  0 0 ?\t* mon *   a get   x",
        "CRON_TZ=europe/berlin\n0 0 0 * * MON * a GET x",
    ] {
        assert_eq!(id(same), plain, "{same}");
    }
    for other in [
        "0 0 0 * * 2 * a GET x",
        "CRON_TZ=UTC\n0 0 0 * * MON * a GET x",
        "0 0 0 * * MON * a POST x",
        "0 0 0 * * MON * b GET x",
        "0 0 0 * * MON * a GET x ",
        "0 0 0 * * MON * a GET x\n0 0 0 * * MON * a GET x",
    ] {
        assert_ne!(id(other), plain, "{other}");
    }
    // Written into stores: must stay what it is.
    assert_eq!(plain.as_str(), "6f7e92c28511ab2d");
}

#[test]
fn identical_lines_of_several_files_are_told_apart() {
    let mut reader = Reader::new(defaults());
    let ids: Vec<_> = [b"@daily a GET\n@daily a GET".as_slice(), b"@daily a GET"]
        .into_iter()
        .flat_map(|bytes| reader.read(bytes).entries)
        .map(|entry| entry.id)
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    let named = |reader: &mut Reader| reader.read(b"ID=x\n@daily b GET");
    assert_eq!(named(&mut reader).problems, []);
    assert!(
        named(&mut reader).problems[0]
            .message
            .contains("another entry has the ID")
    );
}

#[test]
fn an_id_names_the_next_entry_alone() {
    let file = read(
        "ID=a\n@daily a GET\n@daily b GET\nID=a\n@daily c GET\nID=b\nID=c\n@daily d GET\nID=\n@daily e GET\nID=last",
    );
    let entries: Vec<(&str, bool)> = file
        .entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry.id.as_str().len() == 1))
        .collect();
    assert_eq!(entries, [("a", true), ("b", false), ("d", true)]);
    let lines: Vec<usize> = file.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [5, 7, 9, 0], "{:?}", problems(&file));
    // A bad entry uses up its ID: it must not go to another one.
    let file = read("ID=a\n0 60 * * * * * a GET\n@daily b GET");
    assert_ne!(file.entries[0].id.as_str(), "a");
}

#[test]
fn a_fire_time_becomes_a_task_that_is_due_at_it() {
    let entry = only("ID=n\nCC=2\nTIMEOUT=5\n0 30 2 * * * * /bin/x EXEC a b");
    // The gap of 2027-03-28.
    let fire = entry
        .next_after(poulpe_job::wire::parse_rfc3339("2027-03-27T12:00:00Z").unwrap())
        .unwrap();
    let task = entry.task(fire);
    assert_eq!(
        task.id.as_ref().map(|id| id.as_str()),
        Some("n@2027-03-28T01:00:00Z")
    );
    assert_eq!(
        (task.due, task.lanes, task.timeout),
        (
            Due::At(fire),
            LaneSet::new([2]),
            Some(Duration::from_secs(5))
        )
    );
    assert_eq!(
        (task.kind, task.name.as_str(), task.params),
        (Kind::EXEC, "/bin/x", Params::Text("a b".into()))
    );
}

#[test]
fn restricting_day_and_weekday_is_noted_not_refused() {
    let file = read("0 0 0 13 * FRI * a GET\n0 0 0 ? * FRI * b GET\n");
    assert_eq!(
        (file.entries.len(), file.problems.len(), file.notes.len()),
        (2, 0, 1)
    );
    assert_eq!((file.notes[0].line, file.notes[0].column), (1, 1));
}

#[test]
fn what_is_no_text_is_a_problem_of_its_line() {
    let file = read(b"@daily a GET \xff\xfe\n@daily b GET\n".as_slice());
    assert_eq!(problems(&file), [(1, 14, "the line is not UTF-8")]);
    assert_eq!(file.entries.len(), 1);
    assert!(
        read(b"\xff\xfe0\0".as_slice()).problems[0]
            .message
            .contains("UTF-16")
    );
}

#[test]
fn a_huge_file_is_refused_at_once_and_a_wrong_one_soon() {
    let begin = Instant::now();
    let huge = "@daily a GET\n".repeat(10 << 20 >> 3);
    let file = read(&huge);
    assert_eq!((file.entries.len(), file.problems.len()), (0, 1));
    assert!(
        file.problems[0].message.contains("larger than 4 MiB"),
        "{:?}",
        file.problems
    );
    let never = "0 0 0 30 2 * * a GET\n".repeat(MAX_FILE_BYTES / 21);
    assert_eq!(read(&never).problems.len(), MAX_PROBLEMS + 1);
    let many = "@daily a GET\n".repeat(MAX_ENTRIES + 5);
    let file = read(&many);
    assert_eq!((file.entries.len(), file.problems.len()), (MAX_ENTRIES, 1));
    let long = read(format!(
        "@daily a POST {}\n@daily b GET",
        "x".repeat(70_000)
    ));
    assert_eq!((long.problems[0].line, long.entries.len()), (1, 1));
    assert_eq!(read(vec![b'\n'; MAX_FILE_BYTES]).problems, []);
    assert_eq!(read(vec![0; MAX_FILE_BYTES]).problems.len(), 1);
    // Far more than it takes: what must not happen is minutes.
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
}
