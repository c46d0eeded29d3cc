//! What users live through, from the event to what the services hold.

mod anime;
mod anime_ids;
mod budgets;
mod costs;
mod deliveries;
mod everything;
mod library;
mod live;
mod once;
mod set_aside;
mod statements;
mod thresholds;
mod undo;
