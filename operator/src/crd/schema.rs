//! Schemas of maps with their bounds, which no attribute of a field can say.

use schemars::{Schema, SchemaGenerator, json_schema};

/// `alluxio.*: value`.
pub(super) fn properties(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 512,
        "additionalProperties": { "type": "string", "maxLength": 8192 },
    })
}

/// Options of a mount.
pub(super) fn options(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": { "type": "string", "maxLength": 4096 },
    })
}

/// Labels of a node that a pod selects.
pub(super) fn node_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": { "type": "string", "maxLength": 63 },
    })
}

/// `cpu`, `memory`, `ephemeral-storage` and what a device plugin counts.
pub(super) fn amounts(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": generator.subschema_for::<super::Quantity>(),
    })
}
