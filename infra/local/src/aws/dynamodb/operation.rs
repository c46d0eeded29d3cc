//! Requests in DynamoDB's JSON protocol, read into dynoxide's own, and its answers written.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html>

use dynoxide::DynoxideError;
use dynoxide::actions::{
    batch_get_item, batch_write_item, create_table, delete_item, delete_table, describe_table,
    describe_time_to_live, get_item, list_tables, put_item, query, scan, transact_get_items,
    transact_write_items, update_item, update_time_to_live,
};
use futures_util::FutureExt as _;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::super::loopback::Reply;
use super::engine::Engine;

/// A request that was read.
pub(super) struct Operation {
    /// Whether it may change anything.
    pub(super) writes: bool,
    pub(super) work: Work,
}

/// What is done on the storage's thread.
type Work = Box<dyn FnOnce(&Engine) -> Result<Written, DynoxideError> + Send>;

/// An answer, still to be written as JSON.
pub(super) type Written = Box<dyn FnOnce() -> Reply + Send>;

/// How an answer is made of what is no answer.
pub(super) trait FromRefusal {
    /// The refusal, in DynamoDB's words.
    fn from_refusal(refusal: DynoxideError) -> Self;
}

impl Operation {
    /// Reads the request of the operation of that name.
    ///
    /// # Errors
    ///
    /// There is no such operation here, or the request is not understood.
    pub(super) fn read(name: &str, body: &[u8]) -> Result<Self, Reply> {
        macro_rules! operation {
            ($writes:literal, $module:ident $(, $more:ident)?) => {{
                let request = request(body)?;
                let work = work(move |engine: &Engine| {
                    at_once($module::execute(&engine.storage, request $(, &engine.$more)?))
                });
                Ok(Self { writes: $writes, work })
            }};
        }
        match name {
            "GetItem" => operation!(false, get_item),
            "Query" => operation!(false, query),
            "BatchGetItem" => operation!(false, batch_get_item),
            "Scan" => operation!(false, scan),
            "TransactGetItems" => operation!(false, transact_get_items),
            "PutItem" => operation!(true, put_item),
            "UpdateItem" => operation!(true, update_item),
            "DeleteItem" => operation!(true, delete_item),
            "BatchWriteItem" => operation!(true, batch_write_item),
            "TransactWriteItems" => operation!(true, transact_write_items),
            "CreateTable" => operation!(true, create_table),
            "DeleteTable" => operation!(true, delete_table, lifecycle),
            "DescribeTable" => operation!(false, describe_table, lifecycle),
            "ListTables" => operation!(false, list_tables),
            "UpdateTimeToLive" => operation!(true, update_time_to_live),
            "DescribeTimeToLive" => operation!(false, describe_time_to_live),
            unknown => {
                let message = format!("The embedded DynamoDB has no operation {unknown:?}.");
                let body = json!({ "__type": "com.amazon.coral.service#UnknownOperationException", "message": message });
                Err(Reply::json(StatusCode::BAD_REQUEST, &body))
            }
        }
    }
}

impl FromRefusal for Written {
    fn from_refusal(refusal: DynoxideError) -> Self {
        Box::new(move || refused(&refusal))
    }
}

fn request<T: DeserializeOwned>(body: &[u8]) -> Result<T, Reply> {
    serde_json::from_slice(body).map_err(|error| {
        let message = error.to_string();
        // dynoxide says in front which kind of refusal it would be.
        let message = message
            .split_once(':')
            .filter(|(kind, _)| {
                kind.bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            })
            .map_or(message.as_str(), |(_, message)| message);
        refused(&DynoxideError::ValidationException(message.to_owned()))
    })
}

fn work<T: Serialize + Send + 'static>(
    carry_out: impl FnOnce(&Engine) -> Result<T, DynoxideError> + Send + 'static,
) -> Work {
    Box::new(|engine| {
        let answer = carry_out(engine)?;
        let written: Written = Box::new(move || Reply::json(StatusCode::OK, &answer));
        Ok(written)
    })
}

/// dynoxide's futures over SQLite never wait, says its `storage_backend`.
fn at_once<T>(
    carried_out: impl Future<Output = Result<T, DynoxideError>>,
) -> Result<T, DynoxideError> {
    let waits = || DynoxideError::InternalServerError("the storage waits".to_owned());
    carried_out.now_or_never().ok_or_else(waits)?
}

fn refused(refusal: &DynoxideError) -> Reply {
    let status = StatusCode::from_u16(refusal.status_code());
    Reply {
        status: status.unwrap_or(StatusCode::BAD_REQUEST),
        body: refusal.to_json().into_bytes(),
        query_error: None,
    }
}
