//! Every case of the suite, in the order in which they run. The only place that lists them: a case that isn't here is
//! dead code, which doesn't compile.

use super::{Case, Needs};
use super::{
    cancel, checkpoint, dead, due, identity, inspect, lane, lease, loss, member, order, outbox,
    reopen, result, settle, share, start, transfer, watch,
};

macro_rules! list {
    ($($needs:ident: $($file:ident { $($case:ident)* })*;)*) => {
        &[$($($(Case {
            name: stringify!($case),
            needs: Needs::$needs,
            check: $file::$case,
        },)*)*)*]
    };
}

/// Every case, in the order in which they run.
pub fn cases() -> &'static [Case] {
    CASES
}

const CASES: &[Case] = list! {
    Nothing:
    member {
        a_daemon_that_told_of_itself_is_known
        a_daemon_that_tells_again_replaces_what_it_told
        a_daemon_that_left_is_no_longer_known
        a_daemon_that_fell_silent_is_forgotten_in_time
        no_more_daemons_are_listed_than_asked_for
    }
    transfer {
        everything_goes_elsewhere_and_back
        an_import_that_is_repeated_changes_nothing
        an_attempt_that_was_running_is_carried_as_lost
        a_guarded_id_is_carried_without_a_result
    }
    identity {
        an_accepted_job_is_found_whole
        an_unknown_job_is_not_found
        the_same_task_again_is_a_duplicate
        another_task_under_a_living_id_is_a_conflict
        duplicates_and_conflicts_are_seen_within_one_call
        a_chosen_id_is_guarded_for_the_result_ttl
        a_chosen_id_is_free_after_the_result_ttl
        a_generated_id_is_a_duplicate_while_it_is_known
        ids_of_every_form_are_told_apart
        an_empty_call_is_answered_empty
        the_state_of_a_duplicate_is_the_current_one
    }
    order {
        lower_rank_goes_first
        earlier_due_goes_first_among_equals
        earlier_accepted_goes_first_among_equals
        order_holds_across_lane_sets
        no_more_is_handed_out_than_asked_for
        idle_lanes_get_work_before_anything_is_prefetched
        a_claim_of_nothing_hands_out_nothing
        a_job_is_handed_out_once
        every_lease_is_another
        overdue_jobs_are_moved_in_bounded_steps
    }
    due {
        a_delayed_job_is_claimed_when_due_and_not_before
        a_delay_is_not_cut_short_by_rounding
        a_job_due_at_a_time_waits_for_it
        a_job_due_in_the_past_is_ready
        a_job_without_delay_is_ready_within_the_same_millisecond
        a_distant_due_time_is_kept
        next_due_is_none_when_nothing_waits
        next_due_is_the_time_until_the_next_job
        next_due_is_the_end_of_a_lease_if_that_comes_first
        waiting_until_next_due_is_enough
        next_due_is_never_zero_for_a_blocked_lane
        next_due_does_not_make_a_busy_dispatcher_spin
    }
    lane {
        a_confined_job_is_handed_out_for_a_lane_of_its_set
        a_confined_job_keeps_its_lane_to_itself
        two_confined_jobs_share_no_lane_within_one_claim
        a_lane_is_free_again_after_each_verdict
        a_lane_is_free_again_when_the_lease_ends
        a_renewed_lease_keeps_its_lane
        delayed_and_retried_jobs_stay_on_their_lanes
        a_confined_job_is_never_prefetched
        wanted_names_the_lanes_that_confined_jobs_wait_for
        an_unconfined_job_leaves_a_wanted_lane_free_if_it_can
        a_blocked_lane_holds_up_nobody_else
        a_prefetched_job_takes_no_lane
    }
    lease {
        a_leased_job_is_running_until_its_lease_ends
        a_job_is_ready_again_when_its_lease_ends
        an_unstarted_job_whose_lease_ends_is_not_counted
        renewing_moves_the_end_of_a_lease
        an_ended_lease_cannot_be_renewed
        a_settled_lease_cannot_be_renewed
        a_lease_is_compared_as_a_whole
        the_same_request_again_gives_the_same_leases
        the_same_request_again_leaves_out_what_has_ended
        equal_requests_of_two_incarnations_are_two_requests
    }
    start {
        starts_number_the_attempts_from_one
        starting_one_lease_again_gives_the_same_number
        a_job_released_unstarted_keeps_no_trace_of_it
        a_start_without_a_run_is_neither_failure_nor_loss
        an_interrupted_attempt_is_neither_failure_nor_loss
    }
    loss {
        a_started_job_whose_lease_ends_counts_a_loss
        a_job_lost_once_runs_again_at_once
        a_job_lost_twice_waits
        a_job_lost_twice_is_not_prefetched
        a_job_lost_four_times_still_lives
        the_fifth_loss_buries
        failures_and_losses_are_counted_apart
    }
    settle {
        a_completed_job_is_done_and_its_result_readable
        a_retry_is_due_after_its_time
        a_retry_counts_a_failure_and_keeps_its_error
        a_release_is_due_after_its_time
        a_wait_is_not_cut_short_by_rounding
        a_buried_job_is_a_dead_letter_with_result_and_outbox_item
        a_verdict_after_the_end_of_the_lease_changes_nothing
        a_verdict_after_another_claim_changes_nothing
        a_settled_lease_cannot_be_settled_by_another
        a_repeated_verdict_is_held_and_changes_nothing
        a_verdict_repeated_within_one_call_is_held
        verdicts_of_one_call_are_answered_in_order
    }
    outbox {
        taking_gives_the_oldest_first_and_at_most_max
        taking_changes_nothing
        an_acknowledged_item_is_gone_but_its_dead_letter_stays
        acknowledging_again_or_an_unknown_token_is_ignored
        a_job_dead_from_the_start_is_a_dead_letter
    }
    dead {
        a_revived_job_is_ready_with_fresh_retries
        attempts_and_claims_go_on_after_a_revive
        a_revived_job_may_be_lost_afresh
        a_revived_job_can_end_again
        a_revived_jobs_result_is_kept_from_its_latest_end
        reviving_again_is_unknown
        a_dead_letters_id_is_free_when_its_result_expires
        a_dead_letter_is_known_as_long_as_it_lies_there
        a_dead_letter_whose_id_is_taken_is_not_revived
        a_new_job_of_a_dead_letters_id_ends_as_itself
        of_two_dead_letters_with_one_id_the_newest_counts
        a_purged_dead_letter_is_gone_for_good
        only_dead_letters_can_be_purged
    }
    cancel {
        a_waiting_job_is_cancelled_at_once
        a_retrying_job_is_cancelled_at_once
        a_running_job_is_asked_to_stop
        a_claimed_job_does_not_start_after_a_cancel
        a_renewed_lease_holds_also_after_a_cancel
        a_completion_stands_after_a_cancel
        any_other_verdict_after_a_cancel_ends_the_job_as_cancelled
        a_cancelled_job_whose_lease_ends_is_done
        an_ended_job_cannot_be_cancelled
        an_unknown_job_cannot_be_cancelled
    }
    result {
        results_are_answered_in_the_order_asked
        a_result_is_kept_for_the_result_ttl
        no_more_results_are_kept_than_result_max
        no_more_bytes_of_results_are_kept_than_result_bytes
        an_evicted_result_leaves_its_chosen_id_guarded
        an_evicted_result_of_a_generated_id_is_forgotten
        no_more_ids_are_guarded_than_id_max
        a_later_job_of_the_same_id_has_its_own_result
    }
    checkpoint {
        a_checkpoint_moves_from_the_expected_value
        a_checkpoint_stays_if_the_value_is_another
        a_repeated_move_is_true
        a_group_moves_its_checkpoint
        a_group_whose_checkpoint_moved_writes_nothing
        a_repeated_group_is_answered_with_duplicates
        a_repeated_group_runs_nothing_again_after_its_ids_are_free
        a_group_of_duplicates_moves_its_checkpoint_too
        an_empty_group_moves_its_checkpoint_too
    }
    inspect {
        counts_are_exact_for_each_state
        counts_follow_the_clock
        an_empty_store_counts_nothing
        waiting_jobs_are_counted_by_lane_set
        each_state_lists_its_jobs
        pages_follow_each_other_without_gap_or_repeat
        the_store_says_what_it_is_and_that_it_is_well
    }
    watch {
        watchers_are_told_of_new_work
        watchers_are_told_of_an_earlier_due_time
        watchers_are_told_when_a_job_comes_back
        watchers_are_told_when_a_lane_that_others_wait_for_is_free
        watchers_are_told_of_each_end
        watchers_are_told_of_a_cancel_request
    }
    outbox {
        a_conflict_leaves_the_dead_letter_meant_for_it
    };
    Sending:
    outbox {
        a_result_is_kept_for_sending_only_if_its_door_replies
        a_sent_result_is_gone_from_the_outbox_but_known_to_waiters
        an_unsent_result_outlives_what_waiters_are_kept
        every_end_of_a_replying_job_is_to_be_sent
        a_removed_dead_letter_still_sends_its_result
        a_revived_dead_letter_sends_its_next_end
    };
    SendingLater:
    outbox {
        unsent_results_are_there_after_a_restart
    };
    Memory:
    transfer {
        what_was_carried_survives_in_order
    }
    reopen {
        waiting_jobs_survive_in_order
        delayed_jobs_survive_and_are_not_early
        jobs_that_fell_due_meanwhile_are_ready
        a_claimed_job_is_ready_again_and_not_counted
        a_started_job_counts_a_loss_and_its_number_is_not_used_again
        a_loss_is_counted_once
        a_job_that_kills_the_process_is_buried
        retries_survive_with_counts_and_errors
        released_jobs_survive_without_a_trace
        results_and_guards_survive
        limits_hold_after_reopening
        dead_letters_and_the_outbox_survive
        what_people_did_survives
        a_job_cancelled_while_it_ran_does_not_run_again
        checkpoints_survive
        new_jobs_come_after_old_ones
        counts_survive
    };
    Sharing:
    share {
        daemons_know_each_other
        a_job_accepted_by_one_is_known_to_the_other
        a_job_is_handed_to_one_of_two_daemons
        two_daemons_share_no_lane
        a_lease_of_one_is_not_settled_by_the_other
        a_result_of_one_is_told_and_readable_to_the_other
        work_accepted_by_one_is_told_to_the_other
        a_cancel_of_one_reaches_the_job_of_the_other
        of_two_moves_of_a_checkpoint_one_wins
    };
};
