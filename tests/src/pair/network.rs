//! Network between client and server: faults of requests and responses.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use quatrix_proto::{ExchangeId, Sink, Transmit, TransportError, TransportErrorKind};

use super::{Due, Pair};

/// A request that has left the client.
pub(super) struct Flight {
    pub(super) caller: usize,
    pub(super) errand: u64,
    pub(super) transmit: Transmit,
    fate: Fate,
    /// Sent once more by something on the way; the client knows nothing of it.
    pub(super) echo: bool,
}

/// How an exchange ended, as far as the client's driver knows.
pub(super) struct Report {
    caller: usize,
    exchange: ExchangeId,
    name: &'static str,
    result: Result<Response<Bytes>, TransportError>,
}

/// Fate of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nothing out of the ordinary.
    Served,
    /// No connection.
    NotSent,
    /// It is lost on its way there.
    LostThere,
    /// Its response is lost.
    LostBack,
    /// It arrives twice; its response may arrive twice, too.
    Doubled,
    /// A gateway responds instead of the server, which has or has not received the request.
    Gateway { status: u16, passed_on: bool, retry_after: Option<u16> },
    /// The response is cut, with or without an announced length.
    Truncated { announced: bool },
    /// The answer comes after the driver should have given up, and the driver does not.
    Late,
    /// The server ends all sessions just before.
    Expired,
    /// The client's clock jumps, as after a sleep.
    ClientSleeps,
    /// The server's does.
    ServerSleeps,
}

impl Pair {
    /// Takes a request of this caller's.
    pub(super) fn send(&mut self, caller: usize, errand: u64, transmit: Transmit) {
        let name = transmit.spec().name();
        let fate = self.fate();
        self.note(format_args!("caller {caller} sends {name}, {:?}: {fate:?}", transmit.exchange));
        self.ran.exchanges += 1;
        self.ran.logins += u64::from(name == "session.login");
        let there = self.latency();
        let deadline = self.patience(&transmit);
        let flight = Flight { caller, errand, transmit, fate, echo: false };
        match fate {
            Fate::NotSent => {
                self.report_later(there, &flight, Err(TransportError::unsent(TransportErrorKind::Connect)))
            }
            Fate::LostThere => {
                let wait = self.dice.up_to(deadline);
                self.report_later(wait, &flight, Err(lost(wait >= deadline)));
            }
            _ => self.later(there, Due::Arrival(Box::new(flight))),
        }
    }

    /// How long the driver waits for this exchange: as every driver, no longer than nothing moves for a while.
    fn patience(&self, transmit: &Transmit) -> Duration {
        const STALL: Duration = Duration::from_secs(10 * 60);
        self.until(transmit.deadline).min(STALL)
    }

    /// A request gets to the server.
    pub(super) fn arrive(&mut self, flight: Flight) {
        match flight.fate {
            Fate::Expired => {
                self.server.expire(None);
            }
            Fate::ClientSleeps => self.client_ahead += self.dice.up_to(Duration::from_secs(40 * 60)),
            Fate::ServerSleeps => self.server_ahead += self.dice.up_to(Duration::from_secs(40 * 60)),
            Fate::Gateway { passed_on: false, .. } => return self.travel_back(flight, Response::new(Bytes::new())),
            _ => {}
        }
        let answer = self.server.handle(self.server_time(), flight.transmit.request.clone());
        self.note(format_args!("the server answers {:?} with {}", flight.transmit.exchange, answer.status()));
        self.ran.expiries += u64::from(self.rules.served(&flight, &answer));
        if !flight.echo {
            self.travel_back(flight, answer);
        }
    }

    fn travel_back(&mut self, mut flight: Flight, mut answer: Response<Bytes>) {
        let back = self.latency();
        let deadline = self.patience(&flight.transmit);
        match flight.fate {
            Fate::Served | Fate::Expired | Fate::ClientSleeps | Fate::ServerSleeps => {}
            Fate::NotSent | Fate::LostThere => return,
            Fate::LostBack => {
                let wait = self.dice.up_to(deadline);
                return self.report_later(wait, &flight, Err(lost(wait >= deadline)));
            }
            Fate::Doubled => {
                if self.dice.chance(50) {
                    let wait = self.latency();
                    self.report_later(wait, &flight, Ok(answer.clone()));
                }
                self.report_later(back, &flight, Ok(answer));
                flight.echo = true;
                let wait = self.latency();
                return self.later(wait, Due::Arrival(Box::new(flight)));
            }
            Fate::Gateway { status, retry_after, .. } => {
                answer = Response::new(Bytes::from_static(b"<html>busy</html>"));
                *answer.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
                if let Some(seconds) = retry_after {
                    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
                }
            }
            Fate::Truncated { announced } => {
                let length = answer.body().len();
                if announced {
                    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
                } else {
                    answer.headers_mut().remove(CONTENT_LENGTH);
                }
                let left = self.dice.below(length as u64 + 1) as usize;
                answer.body_mut().truncate(left);
            }
            Fate::Late => {
                let wait = deadline + self.dice.up_to(Duration::from_secs(120));
                return self.report_later(wait, &flight, Ok(answer));
            }
        }
        match back < deadline {
            true => self.report_later(back, &flight, Ok(answer)),
            false => self.report_later(deadline, &flight, Err(lost(true))),
        }
    }

    fn report_later(&mut self, wait: Duration, flight: &Flight, answer: Result<Response<Bytes>, TransportError>) {
        let Transmit { exchange, .. } = flight.transmit;
        // The limits of the client hold, as in every driver.
        let result = answer.and_then(|answer| {
            let (head, body) = answer.into_parts();
            let mut receiver = flight.transmit.receiver(&head, Sink::Buffer)?;
            receiver.push(&body)?;
            Ok(Response::from_parts(head, receiver.finish()?))
        });
        let name = flight.transmit.spec().name();
        self.later(wait, Due::Report(Box::new(Report { caller: flight.caller, exchange, name, result })));
    }

    /// A driver reports to the session, and continues.
    pub(super) fn report(&mut self, report: Report) {
        let Report { caller, exchange, name, result } = report;
        let now = self.client_time();
        match &result {
            Ok(answer) => self.note(format_args!("{exchange:?}, {name}: {}", answer.status())),
            Err(failure) => self.note(format_args!("{exchange:?}, {name}: {:?}", failure.kind())),
        }
        match result {
            Ok(answer) => self.session.handle_response(now, exchange, answer),
            Err(failure) => self.session.handle_failure(now, exchange, failure),
        }
        self.landed(caller, exchange);
    }

    /// Mostly quick, sometimes slow, and while there is trouble slow enough that everything overtakes everything.
    fn latency(&mut self) -> Duration {
        let most = match self.dice.below(100) {
            _ if self.trouble == 0 => 200,
            0..=2 => 100_000,
            3..=20 => 5_000,
            _ => 100,
        };
        Duration::from_micros(500) + self.dice.up_to(Duration::from_millis(most))
    }

    fn fate(&mut self) -> Fate {
        if !self.dice.chance(self.trouble) {
            return Fate::Served;
        }
        match self.dice.below(12) {
            0 => Fate::NotSent,
            1 => Fate::LostThere,
            2 => Fate::LostBack,
            3 => Fate::Doubled,
            4 => Fate::Gateway { status: 429, passed_on: false, retry_after: Some(self.dice.pick(&[1, 20, 3600])) },
            5 => Fate::Gateway {
                status: self.dice.pick(&[500, 502, 503, 504]),
                passed_on: self.dice.chance(50),
                retry_after: self.dice.pick(&[None, Some(1), Some(20), Some(3600)]),
            },
            6 => Fate::Truncated { announced: self.dice.chance(50) },
            7 => Fate::Late,
            8 | 9 => Fate::Expired,
            10 => Fate::ClientSleeps,
            _ => Fate::ServerSleeps,
        }
    }
}

fn lost(timed_out: bool) -> TransportError {
    TransportError::maybe_sent(if timed_out { TransportErrorKind::TimedOut } else { TransportErrorKind::Interrupted })
}
