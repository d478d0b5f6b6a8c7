# The definition of AlluxioCluster (as JSON) -> values.schema.json of the chart alluxio: the spec's own schema, closed, so that a
# mistyped value is told before anything is sent; and what the chart adds.
def closed:
  if type == "object" then
    (if has("properties") and (."x-kubernetes-preserve-unknown-fields" | not) and (has("additionalProperties") | not)
      then .additionalProperties = false else . end)
    | with_entries(select(.key | (startswith("x-kubernetes-") or . == "nullable") | not) | .value |= closed)
  elif type == "array" then map(closed)
  else . end;
def texts: {type: "object", additionalProperties: {type: "string"}};

.spec.versions[] | select(.storage) | .schema.openAPIV3Schema.properties.spec | closed
| {
    "$schema": "http://json-schema.org/draft-07/schema#",
    title: "Values of the chart alluxio",
    type: "object",
    additionalProperties: false,
    # The template says more clearly what is missing.
    properties: ({
      fullnameOverride: {type: "string", maxLength: 40, pattern: "^$|^[a-z]([-a-z0-9]*[a-z0-9])?$", description: "The cluster's name; the release's when empty."},
      labels: texts, annotations: texts, global: {type: "object"}
    } + .properties)
  }
