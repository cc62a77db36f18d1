//! The arguments of a command, from the `params` of a task. Nothing is expanded or unquoted: there is no shell. Used
//! by the executor, to check a task and to run it.

use poulpe_core::Params;

/// The longest single argument that Linux takes (`MAX_ARG_STRLEN`), without the closing NUL.
const MAX_ARGUMENT_BYTES: usize = 128 * 1024 - 1;

/// A text is cut at ASCII white space, as a shell would (a no-break space is part of a file name); a list is taken as
/// it is.
pub(crate) fn arguments(params: &Params) -> Vec<&str> {
    match params {
        Params::Text(text) => text.split_ascii_whitespace().collect(),
        Params::List(list) => list.iter().map(String::as_str).collect(),
    }
}

/// Whether a process can be given these arguments; the error says what is wrong with which.
pub(crate) fn check_arguments(params: &Params) -> Result<(), String> {
    for (index, argument) in arguments(params).into_iter().enumerate() {
        let number = index + 1;
        if argument.contains('\0') {
            return Err(format!(
                "argument {number} contains a NUL byte, which no argument can; pass such data in a file"
            ));
        }
        if argument.len() > MAX_ARGUMENT_BYTES {
            return Err(format!(
                "argument {number} is {} bytes long, at most {MAX_ARGUMENT_BYTES} are possible; pass such data in a file",
                argument.len()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_white_space_a_list_is_not() {
        let text = Params::Text(" a  'b c'\t$HOME\n*;\u{a0}d ".into());
        assert_eq!(arguments(&text), ["a", "'b", "c'", "$HOME", "*;\u{a0}d"]);
        let list = Params::List(vec!["a b".into(), String::new()]);
        assert_eq!(arguments(&list), ["a b", ""]);
    }

    #[test]
    fn an_argument_that_no_process_can_get_is_named() {
        let longest = "a".repeat(MAX_ARGUMENT_BYTES);
        let good = Params::List(vec![longest.clone()]);
        assert_eq!(check_arguments(&good), Ok(()));
        for (bad, hint) in [
            (Params::Text("a b\0c".into()), "argument 2 contains a NUL"),
            (Params::List(vec!["\0".into()]), "argument 1 contains a NUL"),
            (Params::List(vec![longest + "a"]), "argument 1 is 131072"),
        ] {
            let reason = check_arguments(&bad).expect_err(hint);
            assert!(reason.contains(hint), "{reason}");
        }
    }
}
