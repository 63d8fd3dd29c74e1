//! How long we wait for a request head: one alarm clock for a connection, set anew only when it rings.
//!
//! It exists because hyper asks for a new clock with every head, and taking one from the runtime and giving it back was
//! the dearest part of a small answer. *Invariant:* a connection whose head is due is polled when it is due: the alarm never
//! stands later than what is waited for.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// When what hyper waits for is due; shared by the two sides of one connection and held for a copy only.
#[derive(Debug, Default)]
struct Due(Mutex<Option<Instant>>);

impl Due {
    fn at(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, at: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

/// The timer that hyper is given for one connection. [`Patient`] keeps its promises.
#[derive(Debug, Clone, Default)]
pub(super) struct HeadTimer(Arc<Due>);

fn now() -> Instant {
    tokio::time::Instant::now().into()
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Waiting { deadline, due: Arc::clone(&self.0) })
    }

    fn now(&self) -> Instant {
        now()
    }
}

/// Waits for one head. It wakes nobody: whoever polls the connection looks at the clock.
struct Waiting {
    deadline: Instant,
    due: Arc<Due>,
}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if now() >= self.deadline {
            return Poll::Ready(());
        }
        self.due.set(Some(self.deadline));
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.due.set(None);
    }
}

impl Sleep for Waiting {}

/// A connection beside its alarm clock.
pub(super) struct Patient<'c, C> {
    connection: Pin<&'c mut C>,
    due: Arc<Due>,
    /// Present while it may ring: a stream, whose head has been read, has none.
    alarm: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<'c, C> Patient<'c, C> {
    /// Watches over a connection that was given this timer and no other.
    pub(super) fn new(connection: Pin<&'c mut C>, timer: &HeadTimer) -> Self {
        Self { connection, due: Arc::clone(&timer.0), alarm: None }
    }

    /// The connection itself.
    pub(super) fn connection(&mut self) -> Pin<&mut C> {
        self.connection.as_mut()
    }
}

impl<C: Future> Future for Patient<'_, C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(ended) = this.connection.as_mut().poll(cx) {
                return Poll::Ready(ended);
            }
            let Some(at) = this.due.at() else {
                // Whatever rings now rings for nothing, once.
                this.alarm.take_if(|alarm| alarm.is_elapsed());
                return Poll::Pending;
            };
            let alarm = match &mut this.alarm {
                // Set for an earlier head, and still to ring: soon enough to look again.
                Some(alarm) if !alarm.is_elapsed() && alarm.deadline().into_std() <= at => return Poll::Pending,
                Some(alarm) => {
                    alarm.as_mut().reset(at.into());
                    alarm
                }
                alarm => alarm.insert(Box::pin(tokio::time::sleep_until(at.into()))),
            };
            ready!(alarm.as_mut().poll(cx));
        }
    }
}
