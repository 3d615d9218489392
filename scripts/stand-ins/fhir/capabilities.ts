import type { Behaviour } from './interactions.ts'
import type { JsonValue } from './validate.ts'

const FHIR_VERSIONS = { R4: '4.0.1', R4B: '4.3.0', R5: '5.0.0' }

/** What the server says of itself, by its switches. */
export function capabilityStatement(behaviour: Behaviour): JsonValue {
  const stated = behaviour.statedUpdateCreate
  const resource = behaviour.types.map((type) => ({
    type,
    versioning: 'versioned-update',
    conditionalCreate: true,
    ...(stated !== null && { updateCreate: stated }),
    interaction: ['read', 'create', 'update', 'delete', 'search-type'].map((code) => ({ code })),
  }))
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-01-01',
    kind: 'instance',
    software: { name: 'Concord stand-in FHIR server' },
    fhirVersion: FHIR_VERSIONS[behaviour.release],
    format: ['json'],
    rest: [{ mode: 'server', resource, interaction: [{ code: 'transaction' }] }],
  }
}
