//! Tasks: bytes from anybody give a task or an error that names what is wrong, for one as for an array.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poulpe_job::wire;

fuzz_target!(|bytes: &[u8]| {
    let one = wire::parse_task(bytes);
    if let Err(bad) = &one {
        assert!(!bad.to_string().is_empty());
    }
    let mut array = b"[".to_vec();
    array.extend_from_slice(bytes);
    array.push(b']');
    let Ok((tasks, is_array)) = wire::parse_batch(&array) else {
        return;
    };
    assert!(is_array && tasks.len() <= bytes.len());
    // What is a task by itself is the same task in an array of one.
    if let (Ok(one), [Ok(same)]) = (&one, &tasks[..]) {
        assert_eq!(format!("{one:?}"), format!("{same:?}"));
    }
});
