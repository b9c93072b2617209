//! The requests and the responses, each a line of JSON.

use std::collections::HashMap;
use std::time::Duration;

use cotangent::{Error, Result};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::task::Timings;

/// A request, parsed as far as necessary.
pub(crate) enum Request<'a> {
    /// The session begins.
    Start,
    /// Asks whether a module is known.
    Define { module: String },
    /// Asks for a computation.
    Evaluate(Evaluate<'a>),
    /// Any other message, which is only acknowledged.
    Other,
}

/// A function to be evaluated, with its input.
pub(crate) struct Evaluate<'a> {
    pub(crate) module: String,
    pub(crate) function: String,
    /// Not parsed yet: its type depends on the function.
    pub(crate) input: &'a RawValue,
}

/// The id of a message in its response: `null` if it cannot be read.
pub(crate) type Id = Option<Box<RawValue>>;

/// The members of an object, each as unparsed text.
struct Members<'a>(HashMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    fn get(&self, name: &str) -> Result<&'a RawValue> {
        self.0.get(name).copied().ok_or_else(|| Error::value(format!("the message has no `{name}`")))
    }

    fn text(&self, name: &str) -> Result<String> {
        let raw = self.get(name)?.get();
        serde_json::from_str(raw).map_err(|_| Error::value(format!("the message's `{name}` is not a string: {raw}")))
    }
}

/// Reads a message, and its id even if the rest is invalid.
pub(crate) fn read(line: &[u8]) -> (Id, Result<Request<'_>>) {
    let members = match serde_json::from_slice(line) {
        Ok(members) => Members(members),
        Err(error) => return (None, Err(Error::value(format!("the line is not a JSON object: {error}")))),
    };
    match members.get("id") {
        Ok(id) => (Some(id.to_owned()), request(&members)),
        Err(error) => (None, Err(error)),
    }
}

fn request<'a>(members: &Members<'a>) -> Result<Request<'a>> {
    Ok(match members.text("kind")?.as_str() {
        "start" => Request::Start,
        "define" => Request::Define { module: members.text("module")? },
        "evaluate" => Request::Evaluate(Evaluate {
            module: members.text("module")?,
            function: members.text("function")?,
            input: members.get("input")?,
        }),
        _ => Request::Other,
    })
}

/// A named part of the work, and how long it took.
#[derive(Serialize)]
pub(crate) struct Timing {
    name: &'static str,
    nanoseconds: u64,
}

/// A response. Members that do not apply are omitted.
#[derive(Serialize)]
pub(crate) struct Response {
    id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<Vec<Timing>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Response {
    /// A response that only identifies the message it answers.
    pub(crate) fn acknowledgement(id: Id) -> Response {
        Response { id, tool: None, success: None, output: None, timings: None, error: None }
    }

    pub(crate) fn start(id: Id) -> Response {
        Response { tool: Some("cotangent"), ..Response::acknowledgement(id) }
    }

    pub(crate) fn success(id: Id) -> Response {
        Response { success: Some(true), ..Response::acknowledgement(id) }
    }

    pub(crate) fn failure(id: Id, reason: &Error) -> Response {
        Response { success: Some(false), error: Some(reason.to_string()), ..Response::acknowledgement(id) }
    }

    pub(crate) fn output(id: Id, output: Value, timings: Timings) -> Response {
        let timing = |(name, time): (_, Duration)| Timing {
            name,
            nanoseconds: u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
        };
        let timings = timings.into_iter().map(timing).collect();
        Response { output: Some(output), timings: Some(timings), ..Response::success(id) }
    }
}
