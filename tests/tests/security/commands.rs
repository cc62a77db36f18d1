//! Paths by which a task tries to run what isn't on the list.

use poulpe_tests::Home;
use serde_json::{Value, json};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// A command that says which one it is.
fn tool(path: &Path, says: &str) {
    std::fs::write(path, format!("#!/bin/sh\necho {says}\n")).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
}

#[test]
fn only_what_is_on_the_list_runs_whatever_path_leads_to_it() {
    let home = Home::new();
    let root = home.path().canonicalize().expect("a real path");
    for dir in ["good", "good/sub", "evil", "goodish"] {
        std::fs::create_dir(root.join(dir)).expect("a directory");
    }
    tool(&root.join("good/tool"), "good");
    tool(&root.join("evil/tool"), "evil");
    tool(&root.join("goodish/tool"), "evil");
    tool(&root.join("good/sub/deep"), "evil");
    std::fs::write(root.join("good/data"), "#!/bin/sh\necho evil\n").expect("a file");
    symlink(root.join("evil/tool"), root.join("good/escape")).expect("a link");
    symlink(root.join("evil"), root.join("good/linked")).expect("a link");
    symlink("/bin/sh", root.join("good/shell")).expect("a link");
    symlink(root.join("good"), root.join("evil/back")).expect("a link");

    let path = |tail: &str| format!("{}/{tail}", root.display());
    let daemon = home.start(&["--exec_allow", &path("good"), "--max_retry", "0"]);
    let run = |name: &str, params: Value| {
        daemon.submit(&json!({"method": "EXEC", "name": name, "params": params, "wait": 20}))
    };
    // Good ways first: the list isn't just closed.
    for name in [
        "good/tool",
        "good/../good/tool",
        "good/./tool",
        "evil/back/tool",
        "good//tool",
    ] {
        let answer = run(&path(name), json!(""));
        assert_eq!(answer.text("output"), "good\n", "{name}: {answer:?}");
    }
    let not_listed = "is not on the list";
    for (name, reason) in [
        (path("evil/tool"), not_listed),
        (path("good/escape"), not_listed),
        (path("good/shell"), not_listed),
        (path("good/linked/tool"), not_listed),
        (path("good/../evil/tool"), not_listed),
        (path("good/sub/../../evil/tool"), not_listed),
        (path("good/sub/deep"), not_listed),
        (path("goodish/tool"), not_listed),
        (path("good"), not_listed),
        (path("good/sub/.."), not_listed),
        (path("good/tool/x"), not_listed),
        ("/proc/self/root/bin/sh".into(), not_listed),
        ("/bin/sh".into(), not_listed),
        ("sh".into(), not_listed),
        ("good/tool".into(), "relative"),
        ("./good/tool".into(), "relative"),
        ("../good/tool".into(), "relative"),
        (String::new(), "is missing"),
        (path("good/tool\0"), "NUL"),
        (path(&"x".repeat(5000)), "longer than any path"),
    ] {
        let answer = run(&name, json!(""));
        assert_eq!(answer.status, 400, "{name:?}: {answer:?}");
        let said = answer.text("reason");
        assert!(
            said.contains("`name`") && said.contains(reason),
            "{name:?}: {said}"
        );
    }
    // On the list, but no command: accepted, since it may become one, and never run.
    let answer = run(&path("good/data"), json!(""));
    assert_eq!(answer.text("result"), "Fail", "{answer:?}");
    assert!(
        answer.text("reason").contains("not executable"),
        "{answer:?}"
    );
    // A shell would make two commands of it.
    let answer = run("/bin/echo", json!("; echo evil"));
    assert_eq!(answer.status, 400, "{answer:?}");
    let answer = run(
        &path("good/tool"),
        json!("; echo evil $(echo evil) `echo evil`"),
    );
    assert_eq!(answer.text("output"), "good\n", "{answer:?}");
}

#[test]
fn a_path_that_is_exchanged_after_the_task_came_in_is_looked_at_again() {
    let home = Home::new();
    let root = home.path().canonicalize().expect("a real path");
    std::fs::create_dir(root.join("good")).expect("a directory");
    tool(&root.join("good/tool"), "good");
    tool(&root.join("evil"), "evil");
    let name = root.join("good/tool").display().to_string();
    let allow = root.join("good").display().to_string();
    let daemon = home.start(&["--exec_allow", &allow, "--max_retry", "0"]);
    let answer = daemon.submit(&json!({"id": "a", "method": "EXEC", "name": name, "delay": 1}));
    assert_eq!(answer.status, 200, "{answer:?}");
    std::fs::remove_file(root.join("good/tool")).expect("it is there");
    symlink(root.join("evil"), root.join("good/tool")).expect("a link");
    let ended = daemon.result("a");
    assert_eq!(ended.text("result"), "Fail", "{ended:?}");
    assert!(
        ended.text("reason").contains("is not on the list"),
        "{ended:?}"
    );
}

#[test]
fn commands_run_in_their_directory_with_few_files_and_without_the_secrets_of_the_daemon() {
    let home = Home::new();
    let dir = home
        .path()
        .canonicalize()
        .expect("a real path")
        .join("work");
    std::fs::create_dir(&dir).expect("a directory");
    let dir = dir.display().to_string();
    let flags = [
        "--exec_allow",
        "/bin/sh",
        "--exec_dir",
        &dir,
        "--exec_files",
        "64",
        "--token",
        "s3cret",
    ];
    let daemon = home.start(&flags);
    let script = "pwd; env; while [ $(ulimit -Hn) != 64 ]; do :; done; ulimit -n";
    let task = json!({"method": "EXEC", "name": "/bin/sh", "params": ["-c", script], "wait": 20});
    let request = ureq::post(format!("{}/task_in_queue", daemon.url))
        .header("authorization", "Bearer s3cret")
        .send(task.to_string());
    let text = request
        .expect("an answer")
        .body_mut()
        .read_to_string()
        .expect("text");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let output = answer["output"].as_str().expect("text");
    assert!(
        output.starts_with(&dir) && output.ends_with("\n64\n"),
        "{output}"
    );
    assert!(!output.contains("s3cret"), "{output}");
}
