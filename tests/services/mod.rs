//! What each service is told and what becomes of its answers, from signing in on its own pages to a settled delivery.

mod compatible;
mod every;
mod feeds;
mod lastfm;
mod listenbrainz;
mod reading;
mod signing_in;
mod simkl;
mod statements;
mod trakt;
