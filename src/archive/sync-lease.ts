import type { Claim, Outbox } from '../database/ports/outbox.ts'
import type { FhirServer } from '../fhir/ports.ts'

/** Another process has the study now: this push stops where it stands, and says nothing more. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError'
}

/**
 * The FHIR server as one push may use it: the lease is renewed before each request, so that no request of a push that
 * lost it leaves the house (reliability: a stale process that wakes up must not overwrite).
 */
export function leased(server: FhirServer, renew: () => Promise<void>): FhirServer {
  const first = async <T>(request: () => Promise<T>): Promise<T> => {
    await renew()
    return request()
  }
  return {
    url: server.url,
    capabilities: () => first(() => server.capabilities()),
    read: (type, id) => first(() => server.read(type, id)),
    search: (type, parameters) => first(() => server.search(type, parameters)),
    async *pages(type, parameters) {
      await renew()
      for await (const page of server.pages(type, parameters)) {
        yield page
        await renew()
      }
    },
    create: (resource, condition) => first(() => server.create(resource, condition)),
    update: (resource, ifMatch) => first(() => server.update(resource, ifMatch)),
    remove: (type, id) => first(() => server.remove(type, id)),
  }
}

/** Prolongs the lease of a claim; rejects with LeaseLostError when it is gone. */
export function renewal(outbox: Outbox, claim: Claim, leaseMs: number): () => Promise<void> {
  return async () => {
    if (!(await outbox.renew(claim, leaseMs))) throw new LeaseLostError('the lease of the study was lost')
  }
}
