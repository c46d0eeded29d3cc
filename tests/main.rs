//! The whole hub, tested from outside: its HTTP function, queues, table and workers, against services that enforce
//! their rules.

mod architecture;
mod faults;
mod flows;
mod harness;
mod lambda;
mod routes;
mod services;
mod template;
