//! What calls to AWS are billed as: DynamoDB's units and SQS's requests, counted at the doors to both.
//!
//! The embedded table works out the units of what succeeds, index entries apart, as AWS captured them; what it does not
//! report is worked out here: a write whose condition failed costs what stands there, one unit at the least. Sources:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html> (units, conditions,
//! transactions), <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
//! (sizes), <https://aws.amazon.com/sqs/pricing/> (each 64 KB of a call is one request). All read 2026-11-20.

use std::sync::Mutex;

use serde_json::{Value, json};

/// The bytes of one write unit.
const WRITE_UNIT: usize = 1024;
/// The bytes of one request of SQS.
const SQS_REQUEST: usize = 64 * 1024;

/// One call, as it is billed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The operation, as the SDK names it: `PutItem`.
    pub(crate) operation: String,
    /// What it touched: an item's kind, or a queue.
    pub(crate) what: String,
    /// Write units, of table and index together.
    pub(crate) write_units: f64,
    /// Read units.
    pub(crate) read_units: f64,
    /// Requests of a standard queue.
    pub(crate) standard_requests: usize,
    /// Requests of a FIFO queue.
    pub(crate) fifo_requests: usize,
    /// Messages sent to a worker.
    pub(crate) wakes: usize,
}

/// What some calls come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Bill {
    /// The calls, polls that found nothing left out.
    pub(crate) calls: Vec<Call>,
}

/// Counts the calls that go through its doors.
#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<Vec<Call>>);

impl Bill {
    pub(crate) fn write_units(&self) -> f64 {
        self.calls.iter().map(|call| call.write_units).sum()
    }

    pub(crate) fn read_units(&self) -> f64 {
        self.calls.iter().map(|call| call.read_units).sum()
    }

    pub(crate) fn standard_requests(&self) -> usize {
        self.calls.iter().map(|call| call.standard_requests).sum()
    }

    pub(crate) fn fifo_requests(&self) -> usize {
        self.calls.iter().map(|call| call.fifo_requests).sum()
    }

    pub(crate) fn wakes(&self) -> usize {
        self.calls.iter().map(|call| call.wakes).sum()
    }

    /// How many calls there were of an operation.
    pub(crate) fn count(&self, operation: &str) -> usize {
        let is_it = |call: &&Call| call.operation == operation;
        self.calls.iter().filter(is_it).count()
    }

    /// The write units spent on items of a kind.
    pub(crate) fn write_units_on(&self, what: &str) -> f64 {
        let on = self.calls.iter().filter(|call| call.what == what);
        on.map(|call| call.write_units).sum()
    }
}

impl std::fmt::Display for Bill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} calls: {} write units, {} read units, {} + {} (FIFO) requests, {} wake-ups",
            self.calls.len(),
            self.write_units(),
            self.read_units(),
            self.standard_requests(),
            self.fifo_requests(),
            self.wakes(),
        )?;
        for call in &self.calls {
            writeln!(
                f,
                "  {:<22} {:<22} {} w {} r",
                call.operation, call.what, call.write_units, call.read_units
            )?;
        }
        Ok(())
    }
}

impl Meter {
    /// What was called since the last time, without the polls that found nothing.
    pub(crate) fn take(&self) -> Bill {
        Bill {
            calls: std::mem::take(&mut *self.0.lock().expect("a lock")),
        }
    }

    /// The request as it has to be asked so that its answer tells the units.
    pub(crate) fn asking(operation: &str, body: &[u8]) -> Option<Vec<u8>> {
        if !operation.starts_with("DynamoDB_") {
            return None;
        }
        let mut body: Value = serde_json::from_slice(body).ok()?;
        body.as_object_mut()?
            .insert("ReturnConsumedCapacity".to_owned(), json!("INDEXES"));
        serde_json::to_vec(&body).ok()
    }

    /// Counts a call by what was asked and what was answered.
    pub(crate) fn note(&self, target: &str, asked: &[u8], answered: &[u8], is_success: bool) {
        let asked: Value = serde_json::from_slice(asked).unwrap_or(Value::Null);
        let answered: Value = serde_json::from_slice(answered).unwrap_or(Value::Null);
        let operation = target.rsplit('.').next().unwrap_or_default();
        let call = if target.starts_with("DynamoDB_") {
            of_table(operation, &asked, &answered, is_success)
        } else {
            of_queue(operation, &asked, &answered)
        };
        let is_idle = operation == "ReceiveMessage" && messages(&answered).is_empty();
        if !is_idle {
            self.0.lock().expect("a lock").push(call);
        }
    }
}

fn of_table(operation: &str, asked: &Value, answered: &Value, is_success: bool) -> Call {
    let capacity = answered.get("ConsumedCapacity");
    let reported: f64 = match capacity {
        Some(Value::Array(tables)) => tables.iter().filter_map(units_of).sum(),
        Some(one) => units_of(one).unwrap_or(0.0),
        None => 0.0,
    };
    let (write_units, read_units) = match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" if !is_success => {
            let stands = answered.get("Item").map_or(0, size_of_item);
            (units(stands), 0.0)
        }
        // Cancelled, each of its items is billed all the same, twice.
        "TransactWriteItems" if !is_success => {
            let items = asked["TransactItems"].as_array().map_or(1, Vec::len);
            (
                2.0 * f64::from(u32::try_from(items).unwrap_or(u32::MAX)),
                0.0,
            )
        }
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => {
            assert!(
                capacity.is_some(),
                "{operation} tells its units: {answered}"
            );
            (reported, 0.0)
        }
        _ => (0.0, reported),
    };
    Call {
        operation: operation.to_owned(),
        what: touched(asked),
        write_units,
        read_units,
        standard_requests: 0,
        fifo_requests: 0,
        wakes: 0,
    }
}

fn of_queue(operation: &str, asked: &Value, answered: &Value) -> Call {
    let queue = asked["QueueUrl"].as_str().unwrap_or_default();
    let queue = queue.rsplit('/').next().unwrap_or_default();
    let sent = asked["Entries"].as_array().cloned().unwrap_or_default();
    let sent: Vec<&Value> = sent
        .iter()
        .filter(|entry| entry.get("MessageBody").is_some())
        .collect();
    let body = |value: &Value, name: &str| value[name].as_str().map_or(0, str::len);
    let bytes: usize = sent.iter().map(|entry| body(entry, "MessageBody")).sum();
    let received: usize = messages(answered)
        .iter()
        .map(|message| body(message, "Body"))
        .sum();
    let requests = (bytes + received).div_ceil(SQS_REQUEST).max(1);
    let is_fifo = queue.ends_with(".fifo");
    Call {
        operation: operation.to_owned(),
        what: queue.to_owned(),
        write_units: 0.0,
        read_units: 0.0,
        standard_requests: if is_fifo { 0 } else { requests },
        fifo_requests: if is_fifo { requests } else { 0 },
        wakes: if is_fifo { 0 } else { sent.len() },
    }
}

fn messages(answered: &Value) -> Vec<Value> {
    answered["Messages"].as_array().cloned().unwrap_or_default()
}

fn units_of(capacity: &Value) -> Option<f64> {
    capacity.get("CapacityUnits")?.as_f64()
}

/// The kind of item that a request is about: the beginning of its sort key, or of its partition's.
fn touched(asked: &Value) -> String {
    let batch = asked["RequestItems"]
        .as_object()
        .and_then(|tables| tables.values().next());
    let first = batch.and_then(|table| table.get(0).or_else(|| table["Keys"].get(0)));
    let write = first.map(|first| {
        first
            .get("PutRequest")
            .or_else(|| first.get("DeleteRequest"))
            .unwrap_or(first)
    });
    let place = write.unwrap_or(asked);
    let key = place
        .get("Key")
        .or_else(|| place.get("Item"))
        .unwrap_or(place);
    let text = |name: &str| key[name]["S"].as_str().unwrap_or_default().to_owned();
    let values = &asked["ExpressionAttributeValues"];
    let (pk, sk) = match asked.get("KeyConditionExpression") {
        Some(_) => (
            String::new(),
            [":sk_prefix", ":due_shard", ":sk_first"]
                .iter()
                .find_map(|name| values[name]["S"].as_str())
                .unwrap_or_default()
                .to_owned(),
        ),
        None => (text("pk"), text("sk")),
    };
    let whole = if pk.starts_with("USER#") || pk.is_empty() {
        sk
    } else {
        pk
    };
    whole.split('#').next().unwrap_or_default().to_owned()
}

/// The write units of an item of that size.
fn units(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes.div_ceil(WRITE_UNIT).max(1)).unwrap_or(u32::MAX))
}

/// How large an item is: its attributes' names and values.
pub(crate) fn size_of_item(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    attributes
        .map(|(name, value)| name.len() + size_of_value(value))
        .sum()
}

fn size_of_value(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else {
        return 0;
    };
    match kind.as_str() {
        "S" => value.as_str().map_or(0, str::len),
        // Two digits a byte, and one.
        "N" => {
            let digits = value.as_str().unwrap_or_default();
            let significant = digits.trim_matches('0').len();
            significant.div_ceil(2) + 1
        }
        "B" => value.as_str().map_or(0, |text| text.len() * 3 / 4),
        "BOOL" | "NULL" => 1,
        "M" => {
            let fields = value.as_object().map_or(0, serde_json::Map::len);
            3 + fields + size_of_item(value)
        }
        "L" => {
            let parts = value.as_array().into_iter().flatten();
            3 + parts.map(|part| 1 + size_of_value(part)).sum::<usize>()
        }
        _ => 0,
    }
}
