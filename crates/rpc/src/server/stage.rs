//! A listener whose services come and go: those of a master are offered while it leads.

use std::{sync::Arc, time::Duration};

use alluxio_conf::{Configuration, Role};
use parking_lot::RwLock;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    CallWatcher, Listener, Mandate, RpcServer, Served,
    accept::accepted,
    dispatch::{Access, Dispatch, Routes},
    guard::Guard,
    limits::Limits,
    open_files,
};
use crate::{RpcError, Sessions, Transport};

/// Calls that one connection may have open. A Java client keeps one stream per session open all the
/// time and sends hundreds of sessions over one connection, so the usual 100 or 200 would lock it up.
const STREAMS_PER_CONNECTION: u32 = 16_384;

/// For what was answered to reach its client, and for the client to say that it knows of the end (RFC 9113, 6.8). One
/// that sleeps, or that is cut off, never says so, and would hold up the end as long as a call may take.
const PARTING: Duration = Duration::from_secs(3);

/// Serves what is on it. Empty, every call of every kind is answered UNAVAILABLE at once, so that clients go on to
/// another master; never UNIMPLEMENTED or NOT_FOUND, by which a Java client would wait or give up. Connections
/// outlive what they are used for. Cheap to clone; clones are the same stage.
#[derive(Clone)]
pub struct Stage {
    conf: Configuration,
    limits: Limits,
    sessions: Sessions,
    act: Arc<RwLock<Act>>,
    beside: Routes,
}

/// What a stage has to offer at the moment.
#[derive(Clone)]
pub(super) enum Act {
    /// Nothing, and why.
    Empty(Arc<str>),
    Playing(Arc<Offer>),
}

pub(super) struct Offer {
    pub routes: Routes,
    pub watcher: Option<CallWatcher>,
    /// `None` where nobody but a shutdown ends it.
    pub guard: Option<Guard>,
}

impl Stage {
    /// An empty stage. A worker's limits apply for every role but the master's.
    pub fn new(conf: &Configuration, role: Role, sessions: Sessions, reason: &str) -> Self {
        let act = Act::Empty(reason.into());
        Self {
            conf: conf.clone(),
            limits: Limits::of(conf, role),
            sessions,
            act: Arc::new(RwLock::new(act)),
            beside: Routes::default(),
        }
    }

    /// Adds a service of our own that stands beside the stage: it answers whatever is on it, and callers without a
    /// session, without a mandate. Say it before serving.
    #[must_use]
    pub fn beside<S: Served>(mut self, server: S) -> Self {
        self.beside.add(S::NAME, Access::Open, server.limit_messages(self.limits.message));
        self
    }

    /// A stage for services that stay.
    pub(super) fn of(server: RpcServer) -> Self {
        let RpcServer { conf, limits, sessions, versions: _, routes, watcher } = server;
        let offer = Offer { routes, watcher, guard: None };
        let act = Arc::new(RwLock::new(Act::Playing(Arc::new(offer))));
        Self { conf, limits, sessions, act, beside: Routes::default() }
    }

    /// Offers these services. Nothing but UNAVAILABLE is sent while `mandate` does not hold.
    pub fn open(&self, services: RpcServer, mandate: Mandate) {
        let RpcServer { routes, watcher, .. } = services;
        let guard = Some(Guard::new(mandate));
        self.exchange(Act::Playing(Arc::new(Offer { routes, watcher, guard })));
    }

    /// Offers nothing any more: who waits for an answer gets UNAVAILABLE, streams and sessions end.
    pub fn shut(&self, reason: &str) {
        self.exchange(Act::Empty(reason.into()));
    }

    fn exchange(&self, act: Act) {
        let former = std::mem::replace(&mut *self.act.write(), act);
        if let Act::Playing(offer) = former {
            if let Some(guard) = &offer.guard {
                guard.end();
            }
            self.sessions.revoke_all();
        }
    }

    /// Serves until `shutdown`; see [`RpcServer::serve`].
    ///
    /// # Errors
    /// As there.
    pub async fn serve(self, listener: impl Listener, shutdown: CancellationToken) -> Result<(), RpcError> {
        let Self { conf, limits, sessions, act, beside } = self;
        // One variant today; a second one makes this a compile error and shows where TLS goes.
        let Transport::Plain = Transport::of(&conf)?;
        let cut = CancellationToken::new();
        let incoming = accepted(listener, open_files::connections()?, shutdown.clone(), cut.clone());
        let calls = TaskTracker::new();
        let beside = Arc::new(Offer { routes: beside, watcher: None, guard: None });
        let dispatch = Dispatch::new(act, beside, sessions.clone(), shutdown.clone(), calls.clone());
        let server =
            limits.apply(tonic::transport::Server::builder().max_concurrent_streams(STREAMS_PER_CONNECTION));
        let serving = server.serve_with_incoming_shutdown(dispatch, incoming, shutdown.cancelled());
        let drain: Duration = limits.drain;
        let draining = async {
            shutdown.cancelled().await;
            // The streams of sessions never end by themselves and would hold every connection open.
            sessions.revoke_all();
            calls.close();
            if tokio::time::timeout(drain, calls.wait()).await.is_ok() {
                tokio::time::sleep(PARTING).await;
            } else {
                tracing::warn!(limit = ?drain, "calls still run after the shutdown timeout: cutting their connections");
            }
            cut.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            served = serving => served.map_err(RpcError::Serve),
            () = draining => Ok(()),
            () = sessions.purge() => Ok(()),
        }
    }
}
