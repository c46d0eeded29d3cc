#![doc = include_str!("../README.md")]

pub mod access;
pub mod aws;
pub mod cli;
pub mod commands;
pub mod demo;
pub mod failure;
pub mod folder;
pub mod hub;
pub mod local;
pub mod mapping;
pub mod output;
pub mod plays;
pub mod queues;
pub mod serve;
pub mod users;
pub mod variables;
