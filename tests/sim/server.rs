//! A running simulated Octopus Server: faults and pauses first, then the answer that follows from the world.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::http::{Listener, Request, Response};
use super::routes;
use super::world::World;

/// Answers on loopback until it is dropped.
pub struct Server {
    listener: Listener,
}

/// A world, and what changes while it is served.
pub struct State {
    pub world: World,
    /// How often each task's details were asked for.
    pub polls: Mutex<HashMap<String, usize>>,
    pub artifacts: Mutex<Vec<Value>>,
    pub contents: Mutex<HashMap<String, Vec<u8>>>,
    /// How many requests each fault has seen.
    seen: Mutex<Vec<usize>>,
}

impl Server {
    pub fn start(world: World) -> Self {
        let artifacts = Mutex::new(world.all("artifacts").to_vec());
        let seen = Mutex::new(vec![0; world.settings.faults.len()]);
        let state = State { artifacts, seen, world, polls: Mutex::default(), contents: Mutex::default() };
        Self { listener: Listener::start(move |request| answer(&state, request)) }
    }

    /// The same, whose every answer passes through `spoil`: it is given the request and what makes the sound answer.
    pub fn spoilt(
        world: World,
        spoil: impl Fn(&Request, &dyn Fn() -> Response) -> Response + Send + Sync + 'static,
    ) -> Self {
        let artifacts = Mutex::new(world.all("artifacts").to_vec());
        let seen = Mutex::new(vec![0; world.settings.faults.len()]);
        let state = State { artifacts, seen, world, polls: Mutex::default(), contents: Mutex::default() };
        Self { listener: Listener::start(move |request| spoil(request, &|| answer(&state, request))) }
    }

    /// The address, without a slash at its end.
    pub fn url(&self) -> String {
        self.listener.url()
    }

    /// All requests so far, in the order in which they came in.
    pub fn requests(&self) -> Vec<Request> {
        self.listener.requests()
    }

    /// The most requests that were being answered at the same time.
    pub fn most_in_flight(&self) -> usize {
        self.requests().iter().map(|request| request.in_flight).max().unwrap_or(0)
    }

    pub fn stop(&mut self) {
        self.listener.stop();
    }
}

fn answer(state: &State, request: &Request) -> Response {
    thread::sleep(Duration::from_millis(state.world.settings.latency));
    let route = routes::Route::of(&state.world, request);
    let plain = route.plain();
    let mut struck = None;
    for (fault, seen) in state.world.settings.faults.iter().zip(state.seen.lock().unwrap().iter_mut()) {
        if fault.concerns(&plain) {
            if struck.is_none() && fault.strikes(*seen) {
                struck = Some(fault);
            }
            *seen += 1;
        }
    }
    let host = request.header("Host").unwrap_or_default();
    let port = host.rsplit(':').next().unwrap_or_default();
    match struck {
        Some(fault) => fault.spoil(&request.target(), port, || routes::answer(state, request, &route)),
        None => routes::answer(state, request, &route),
    }
}
