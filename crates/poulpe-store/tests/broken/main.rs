//! The suite sees what it names: stores that break one promise each fail the case of that promise.

mod store;

use poulpe_store::conformance::{Backend, Place, cases, run, run_all};
use poulpe_store::{JobStore, Limits, ManualTime};
use std::sync::{Arc, OnceLock};
use store::{BrokenStore, Fault};

/// Stores in memory with one fault, kept while their place is.
struct Broken(Option<Fault>);

struct BrokenPlace {
    fault: Option<Fault>,
    kept: OnceLock<Arc<dyn JobStore>>,
}

impl Backend for Broken {
    fn place(&self) -> Box<dyn Place> {
        Box::new(BrokenPlace {
            fault: self.0,
            kept: OnceLock::new(),
        })
    }

    fn remembers(&self) -> bool {
        true
    }

    fn keeps_unsent(&self) -> bool {
        true
    }

    fn is_shared(&self) -> bool {
        true
    }
}

impl Place for BrokenPlace {
    fn open(&self, limits: Limits, time: Arc<ManualTime>) -> Arc<dyn JobStore> {
        let open = || BrokenStore::open(self.fault, limits, time) as Arc<dyn JobStore>;
        if self.fault == Some(Fault::ForgetsAtReopening) {
            return open();
        }
        Arc::clone(self.kept.get_or_init(open))
    }
}

const EXPECTED: &[(Fault, &str)] = &[
    (
        Fault::NoFence,
        "a_verdict_after_another_claim_changes_nothing",
    ),
    (
        Fault::EarlyClaims,
        "a_delayed_job_is_claimed_when_due_and_not_before",
    ),
    (
        Fault::LanesNotKept,
        "a_confined_job_keeps_its_lane_to_itself",
    ),
    (
        Fault::LanesForgotten,
        "a_confined_job_is_handed_out_for_a_lane_of_its_set",
    ),
    (
        Fault::ResultLost,
        "a_completed_job_is_done_and_its_result_readable",
    ),
    (
        Fault::ConflictIsDuplicate,
        "another_task_under_a_living_id_is_a_conflict",
    ),
    (
        Fault::NextDueZero,
        "next_due_is_never_zero_for_a_blocked_lane",
    ),
    (
        Fault::AcknowledgeLost,
        "an_acknowledged_item_is_gone_but_its_dead_letter_stays",
    ),
    (Fault::TakeAcknowledges, "taking_changes_nothing"),
    (
        Fault::RequestNumberIgnored,
        "the_same_request_again_gives_the_same_leases",
    ),
    (
        Fault::RepeatIsLost,
        "a_repeated_verdict_is_held_and_changes_nothing",
    ),
    (
        Fault::EveryStartCounts,
        "starting_one_lease_again_gives_the_same_number",
    ),
    (
        Fault::StartNotKept,
        "a_started_job_whose_lease_ends_counts_a_loss",
    ),
    (Fault::RenewIgnored, "renewing_moves_the_end_of_a_lease"),
    (Fault::CancelUnheard, "a_running_job_is_asked_to_stop"),
    (
        Fault::GroupTorn,
        "a_group_whose_checkpoint_moved_writes_nothing",
    ),
    (Fault::ClaimsTooMany, "no_more_is_handed_out_than_asked_for"),
    (Fault::CountsGuessed, "counts_are_exact_for_each_state"),
    (Fault::CarriesNoErrors, "everything_goes_elsewhere_and_back"),
    (Fault::LeaveIgnored, "a_daemon_that_left_is_no_longer_known"),
    (Fault::ForgetsAtReopening, "waiting_jobs_survive_in_order"),
    (
        Fault::ForgetsAtReopening,
        "a_job_accepted_by_one_is_known_to_the_other",
    ),
];

#[test]
fn each_fault_fails_the_case_of_its_promise() {
    for (fault, name) in EXPECTED {
        let case = cases().iter().find(|case| case.name == *name);
        let case = case.unwrap_or_else(|| panic!("no case is called {name}"));
        let outcome = run(case, &Broken(Some(*fault)));
        assert!(outcome.is_err(), "{fault:?} passes {name}");
    }
}

#[test]
fn without_a_fault_the_same_store_passes_everything() {
    run_all(&Broken(None));
}

#[test]
fn no_two_cases_have_one_name() {
    let mut names: Vec<_> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}
