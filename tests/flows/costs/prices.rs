//! What AWS asks in us-east-1, and what counted calls come to at that.

use super::Measured;

/// A price.
pub(super) struct Price {
    /// What is paid for.
    pub(super) of: &'static str,
    /// Dollars for one `per`.
    pub(super) dollars: f64,
    /// The unit.
    pub(super) per: &'static str,
    /// Where AWS says so.
    pub(super) source: &'static str,
    /// Who said so when this was written down, and when.
    pub(super) seen: &'static str,
}

const UNSEEN: &str = "not seen: as it is commonly quoted";

pub(super) const WRITE: Price = Price {
    of: "DynamoDB, on demand, write unit",
    dollars: 0.625,
    per: "million",
    source: "https://aws.amazon.com/dynamodb/pricing/on-demand/",
    seen: "airbyte.com, 2025-07-21",
};
pub(super) const READ: Price = Price {
    of: "DynamoDB, on demand, read unit",
    dollars: 0.125,
    per: "million",
    source: "https://aws.amazon.com/dynamodb/pricing/on-demand/",
    seen: "airbyte.com, 2025-07-21",
};
pub(super) const FIFO: Price = Price {
    of: "SQS, FIFO queue, request of 64 KB",
    dollars: 0.50,
    per: "million",
    source: "https://aws.amazon.com/sqs/pricing/",
    seen: "factualminds.com, 2026-06-13",
};
pub(super) const STANDARD: Price = Price {
    of: "SQS, standard queue, request of 64 KB",
    dollars: 0.40,
    per: "million",
    source: "https://aws.amazon.com/sqs/pricing/",
    seen: "factualminds.com, 2026-06-13",
};
pub(super) const FAIR: Price = Price {
    of: "SQS, fair queue (a standard one with message groups), on top of a request",
    dollars: 0.10,
    per: "million",
    source: "https://aws.amazon.com/sqs/pricing/",
    seen: "cloudburn.io, 2026-03-14; no other source was found",
};
pub(super) const HTTP: Price = Price {
    of: "API Gateway, HTTP API, request of 512 KB",
    dollars: 1.00,
    per: "million",
    source: "https://aws.amazon.com/api-gateway/pricing/",
    seen: "go-cloud.io, 2026; awsforengineers.com, 2025-05-19",
};
pub(super) const INVOCATION: Price = Price {
    of: "Lambda, request",
    dollars: 0.20,
    per: "million",
    source: "https://aws.amazon.com/lambda/pricing/",
    seen: "cloudchipr.com, 2024",
};
pub(super) const GIGABYTE_SECOND: Price = Price {
    of: "Lambda, arm64, GB-second",
    dollars: 13.3334,
    per: "million",
    source: "https://aws.amazon.com/lambda/pricing/",
    seen: "cloudchipr.com, 2024",
};
pub(super) const LOGS: Price = Price {
    of: "CloudWatch Logs, GB taken in",
    dollars: 0.50,
    per: "GB",
    source: "https://aws.amazon.com/cloudwatch/pricing/",
    seen: "go-cloud.io, 2026",
};
pub(super) const ALARM: Price = Price {
    of: "CloudWatch, alarm on one metric, a month",
    dollars: 0.10,
    per: "metric",
    source: "https://aws.amazon.com/cloudwatch/pricing/",
    seen: UNSEEN,
};
pub(super) const SCHEDULE: Price = Price {
    of: "EventBridge Scheduler, invocation",
    dollars: 1.00,
    per: "million",
    source: "https://aws.amazon.com/eventbridge/pricing/",
    seen: UNSEEN,
};
pub(super) const SECRET: Price = Price {
    of: "Secrets Manager, secret, a month",
    dollars: 0.40,
    per: "secret",
    source: "https://aws.amazon.com/secrets-manager/pricing/",
    seen: UNSEEN,
};

/// All of them, for the document.
pub(super) const ALL: [&Price; 12] = [
    &WRITE,
    &READ,
    &FIFO,
    &STANDARD,
    &FAIR,
    &HTTP,
    &INVOCATION,
    &GIGABYTE_SECOND,
    &LOGS,
    &ALARM,
    &SCHEDULE,
    &SECRET,
];

/// The template's default, in GB.
pub(super) const MEMORY: f64 = 256.0 / 1024.0;
/// How long a call to AWS takes from within it, in seconds: an assumption.
pub(super) const AWS_CALL: f64 = 0.005;
/// How long a call to a service takes, in seconds: an assumption.
pub(super) const SERVICE_CALL: f64 = 0.2;
/// What an invocation takes besides, in seconds: an assumption.
pub(super) const INVOKED: f64 = 0.002;
/// What the logs are charged beside each line, in bytes.
pub(super) const LINE: f64 = 26.0;

/// The parts of a price, in dollars for a million of what was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Bill {
    pub(super) writes: f64,
    pub(super) reads: f64,
    pub(super) queues: f64,
    pub(super) http: f64,
    pub(super) lambda: f64,
    pub(super) logs: f64,
}

impl Bill {
    pub(super) fn total(&self) -> f64 {
        self.writes + self.reads + self.queues + self.http + self.lambda + self.logs
    }
}

/// What a million of it cost.
pub(super) fn of_a_million(measured: &Measured) -> Bill {
    let busy = measured.functions_calls * AWS_CALL
        + measured.service_calls * SERVICE_CALL
        + measured.invocations * INVOKED;
    Bill {
        writes: measured.write_units * WRITE.dollars,
        reads: measured.read_units * READ.dollars,
        queues: measured.fifo_requests * FIFO.dollars
            + measured.standard_requests * (STANDARD.dollars + FAIR.dollars),
        http: measured.http_requests * HTTP.dollars,
        lambda: measured.invocations * INVOCATION.dollars + busy * MEMORY * GIGABYTE_SECOND.dollars,
        logs: (measured.log_bytes + measured.log_lines * LINE) * 1e6 / 1e9 * LOGS.dollars,
    }
}

/// A month in which nothing happens, in dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Month {
    pub(super) polling: f64,
    pub(super) ticks: f64,
    pub(super) table: f64,
    pub(super) alarms: f64,
    pub(super) secret: f64,
}

impl Month {
    pub(super) fn total(&self) -> f64 {
        self.polling + self.ticks + self.table + self.alarms + self.secret
    }
}

/// The ticks of 30 days, one a minute.
pub(super) const TICKS: f64 = 30.0 * 24.0 * 60.0;
/// The polls of an idle queue in 30 days: five pollers, each waiting 20 seconds.
pub(super) const POLLS: f64 = 5.0 * 3.0 * TICKS;
/// The metrics under alarm: seven of the hub's, and one a service.
pub(super) const HUBS_METRICS: f64 = 7.0;

/// What the idle month of a hub with so many services costs; a tick reads so many units in so many calls.
///
/// What is always free: a million requests of SQS, a million invocations and 400,000 GB-seconds of Lambda, 14 million
/// schedules, ten alarms, 5 GB of logs. What is free for the first year only is left out.
pub(super) fn idle_month(services: f64, reads: f64, calls: f64, free: bool) -> Month {
    let left = |used: f64, free_of_charge: f64| {
        if free {
            (used - free_of_charge).max(0.0)
        } else {
            used
        }
    };
    // FIFO requests are the dearer ones, so that the free million is taken from the others.
    let fifo = POLLS * FIFO.dollars;
    let standard = left((1.0 + services) * POLLS, 1e6) * STANDARD.dollars;
    let busy = TICKS * (INVOKED + calls * AWS_CALL) * MEMORY;
    Month {
        polling: (fifo + standard) / 1e6,
        ticks: (left(TICKS, 14e6) * SCHEDULE.dollars
            + left(TICKS, 1e6) * INVOCATION.dollars
            + left(busy, 400_000.0) * GIGABYTE_SECOND.dollars)
            / 1e6,
        table: TICKS * reads * READ.dollars / 1e6,
        alarms: left(HUBS_METRICS + services, 10.0) * ALARM.dollars,
        secret: SECRET.dollars,
    }
}

#[test]
fn a_million_of_what_was_measured_costs_what_paper_says() {
    let measured = Measured {
        write_units: 10.0,
        read_units: 20.0,
        fifo_requests: 3.0,
        standard_requests: 6.0,
        http_requests: 1.0,
        invocations: 4.0,
        functions_calls: 30.0,
        service_calls: 2.0,
        log_bytes: 900.0,
        log_lines: 4.0,
        ..Measured::default()
    };
    let bill = of_a_million(&measured);
    let parts = [
        bill.writes,
        bill.reads,
        bill.queues,
        bill.http,
        bill.lambda,
        bill.logs,
    ];
    // Lambda: 0.8 for the requests, and (0.15 + 0.4 + 0.008) s × 0.25 GB × 13.3334.
    let paper = [6.25, 2.5, 4.5, 1.0, 2.660_009_3, 0.502];
    for (is, expected) in parts.iter().zip(paper) {
        assert!((is - expected).abs() < 1e-6, "{is} is not {expected}");
    }
}

#[test]
fn the_free_tier_takes_no_more_than_there_is() {
    let paid = idle_month(1.0, 40.0, 80.0, false);
    let free = idle_month(1.0, 40.0, 80.0, true);
    // Two standard queues of 648,000 polls, of which a million is free, and a FIFO one.
    assert!((paid.polling - (1.296 * 0.4 + 0.648 * 0.5)).abs() < 1e-9);
    assert!((free.polling - (0.296 * 0.4 + 0.648 * 0.5)).abs() < 1e-9);
    assert_eq!((free.ticks, free.alarms), (0.0, 0.0));
    assert_eq!(free.table, paid.table);
    assert!(free.total() < paid.total());
}
