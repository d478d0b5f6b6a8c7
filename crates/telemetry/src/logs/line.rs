//! One event, one line: `2026-11-22T18:27:11.123Z INFO  alluxio_master::fs: file created path=/a id=33`.
//!
//! Line breaks and other control characters are escaped, also those that a client put into a path, so that nobody
//! can forge a line; values with blanks are quoted. Fields of the spans around an event follow its own.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::sink::Sink;

/// Longer lines are cut: one event must not fill the queue.
const LONGEST: usize = 16 * 1024;

/// Formats events and gives them to the sinks.
pub(super) struct Lines {
    sinks: Vec<Sink>,
}

impl Lines {
    pub(super) fn new(sinks: Vec<Sink>) -> Self {
        Self { sinks }
    }
}

/// The fields of a span, formatted when it was made.
struct SpanFields(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields(fields.pairs));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = context.span(id)
            && let Some(SpanFields(known)) = span.extensions_mut().get_mut::<SpanFields>()
        {
            known.push_str(&fields.pairs);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let mut line =
            format!("{:.3} {:<5} {}:", jiff::Timestamp::now(), metadata.level(), metadata.target());
        if !fields.message.is_empty() {
            line.push(' ');
            line.push_str(&fields.message);
        }
        line.push_str(&fields.pairs);
        if let Some(scope) = context.event_scope(event) {
            for span in scope {
                if let Some(SpanFields(pairs)) = span.extensions().get() {
                    line.push_str(pairs);
                }
            }
        }
        cut(&mut line);
        line.push('\n');
        let line: std::sync::Arc<str> = line.into();
        for sink in &self.sinks {
            sink.push(line.clone());
        }
    }
}

fn cut(line: &mut String) {
    if line.len() > LONGEST {
        let mut end = LONGEST;
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let more = line.len() - end;
        line.truncate(end);
        line.push_str(&format!("… ({more} bytes cut)"));
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    /// ` key=value` for each field.
    pairs: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

impl Fields {
    fn add(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            escape(&mut self.message, value);
            return;
        }
        self.pairs.push(' ');
        self.pairs.push_str(field.name());
        self.pairs.push('=');
        if value.is_empty() || value.contains([' ', '"', '=']) {
            self.pairs.push('"');
            escape(&mut self.pairs, &value.replace('\\', "\\\\").replace('"', "\\\""));
            self.pairs.push('"');
        } else {
            escape(&mut self.pairs, value);
        }
    }
}

fn escape(to: &mut String, value: &str) {
    for c in value.chars() {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            to.extend(c.escape_default());
        } else {
            to.push(c);
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines")
    }
}
