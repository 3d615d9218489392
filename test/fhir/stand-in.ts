import type { Behaviour } from '../../scripts/stand-ins/fhir/interactions.ts'
import { type FhirStandIn, startFhirStandIn as startUnchecked } from '../../scripts/stand-ins/fhir-server.ts'
import type { Resource } from '../../src/fhir/ports.ts'
import { faultsInR4, faultsInR5 } from './validators.ts'

export type { FhirStandIn } from '../../scripts/stand-ins/fhir-server.ts'

/**
 * The stand-in server, with all validators behind it: whatever was written to it over HTTP, in any test, is looked at by
 * each of them when it stops, and what one of them finds wrong fails the test.
 */
export async function startFhirStandIn(
  options: Partial<Behaviour> & { port?: number; host?: string } = {},
): Promise<FhirStandIn> {
  const written = new Map<string, () => string[]>()
  const standIn = await startUnchecked({
    ...options,
    onAccepted: (body, release) => {
      const resource = body as Resource
      const faultsIn = release === 'R5' ? faultsInR5 : faultsInR4
      written.set(JSON.stringify([release, body]), () => faultsIn(resource))
    },
  })
  return {
    ...standIn,
    async stop() {
      await standIn.stop()
      const faults = [...written].flatMap(([text, faultsOf]) =>
        faultsOf().map((fault) => `${fault} in ${text}`),
      )
      written.clear()
      if (faults.length > 0) throw new Error(`not valid: ${faults.slice(0, 3).join('\n').slice(0, 4000)}`)
    },
  }
}
