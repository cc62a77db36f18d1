//! `GET /`: tells whoever finds the door in a browser what is behind it. Never shows anything of the system's state.

use crate::respond::{self, Answered};

const PAGE: &str = "\
poulpe takes tasks and runs them: now or later, with retries.

POST   /task_in_queue         a task as JSON, or an array of them
GET    /task_resp/{id}        waits for the result; ?timeout= seconds
GET    /sys_info              everything at a glance; ?limit=
GET    /v1/jobs               jobs; ?state= &after= &limit=
GET    /v1/jobs/{id}          one job
DELETE /v1/jobs/{id}          cancels it
GET    /v1/dead               dead letters; ?after= &limit=
GET    /v1/dead/{id}          one dead letter
POST   /v1/dead/{id}/revive   puts it back
DELETE /v1/dead/{id}          removes it for good
GET    /v1/schedules          schedules and their cron files; ?limit=
GET    /v1/schedules/{id}     one schedule
POST   /v1/schedules/{id}/run runs it now; also /pause, /resume, /reset
GET    /v1/stats              every figure
GET    /healthz /readyz       for supervisors and load balancers

curl -d '{\"method\":\"GET\",\"name\":\"http://127.0.0.1:9000/\",\"wait\":5}' http://127.0.0.1:8000/task_in_queue
";

/// The page.
pub(crate) fn get() -> Answered {
    respond::text(PAGE)
}
