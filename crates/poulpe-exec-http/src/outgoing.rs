//! A call that is about to be made. Never sends anything. Built from a job for each attempt, turned towards another
//! target by each redirect.

use crate::guard::Guard;
use crate::headers;
use crate::literal;
use crate::target::Target;
use poulpe_core::{BadTask, Job, Kind, Params, Task};
use ureq::http::{HeaderMap, Method, Request};

/// A call that is about to be made.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) target: Target,
    method: Method,
    own: HeaderMap,
    headers: HeaderMap,
    body: Option<&'a str>,
}

/// Checks that a call can be made of a task.
pub(crate) fn check(task: &Task, guard: &Guard) -> Result<(), BadTask> {
    let call = Outgoing::new(&task.kind, &task.name, &task.params, &task.headers)?;
    // A name may lead to a refused address as well, but only looking it up, at the time, tells.
    if let Some(ip) = literal::parse(call.target.host()) {
        guard
            .check(ip)
            .map_err(|refused| BadTask::new("name", format!("can't be called: {refused}")))?;
    }
    Ok(())
}

impl<'a> Outgoing<'a> {
    /// The first call of an attempt.
    pub(crate) fn of_job(job: &'a Job, attempt: u32) -> Result<Self, BadTask> {
        let mut call = Self::new(&job.kind, &job.name, &job.params, &job.headers)?;
        headers::add_ours(&mut call.headers, &job.id, attempt, call.body.is_some())?;
        Ok(call)
    }

    fn new(
        kind: &Kind,
        name: &str,
        params: &'a Params,
        headers: &[(String, String)],
    ) -> Result<Self, BadTask> {
        let Params::Text(params) = params else {
            let fix = "must be one text, not a list: the query of a GET, the body of a POST";
            return Err(BadTask::new("params", fix));
        };
        let (method, query, body) = match kind {
            kind if *kind == Kind::GET => (Method::GET, &**params, None),
            kind if *kind == Kind::POST => (Method::POST, "", Some(&**params)),
            _ => {
                return Err(BadTask::new(
                    "method",
                    format!("{kind} is not an HTTP call"),
                ));
            }
        };
        let target = Target::with_query(name, query).map_err(|reason| {
            // It is the query's fault if the URL is good without.
            let field = match Target::parse(name) {
                Ok(_) => "params",
                Err(_) => "name",
            };
            BadTask::new(field, reason)
        })?;
        let own = headers::own(headers)?;
        Ok(Self {
            target,
            method,
            headers: own.clone(),
            own,
            body,
        })
    }

    /// Makes it the call that follows a redirect, as browsers do: 307 and 308 repeat the call, others get what is
    /// there.
    pub(crate) fn redirect(&mut self, target: Target, repeats: bool) {
        if !repeats && self.method != Method::GET {
            self.method = Method::GET;
            self.body = None;
            headers::remove_body(&mut self.headers);
        }
        if !self.target.trusts(&target) {
            headers::remove_secrets(&mut self.headers, &self.own);
        }
        self.target = target;
    }

    pub(crate) fn body(&self) -> Option<&'a str> {
        self.body
    }

    /// The request, around this body.
    pub(crate) fn request<B>(&self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.uri().clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}
