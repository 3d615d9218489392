import express, { type RequestHandler, type Router } from 'express'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Archive } from '../archive/archive.ts'
import type { StoreOutcome } from '../archive/store-outcome.ts'

/** What operators see of the service (Prometheus): counts and times, no labels but routes, statuses and outcomes. */
export interface Metrics {
  readonly registry: Registry
  readonly requests: Histogram<'method' | 'route' | 'status'>
  readonly uploads: Gauge
  countOutcomes(outcomes: readonly StoreOutcome[]): void
}

/** Metrics of one service; those of the archive are asked for when they are read. */
export function createMetrics(archive: Archive): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const instances = new Counter({
    name: 'concord_instances_total',
    help: 'Instances that were sent, by what became of them',
    labelNames: ['outcome'] as const,
    registers,
  })
  const counts = () => archive.database.inspection.counts().catch(() => undefined)
  new Gauge({
    name: 'concord_archive_entities',
    help: 'What the archive holds, by level; what is hidden is not counted',
    labelNames: ['level'] as const,
    registers,
    async collect() {
      const now = await counts()
      for (const level of ['patients', 'studies', 'series', 'instances'] as const)
        this.set({ level }, now?.[level] ?? NaN)
    },
  })
  new Gauge({
    name: 'concord_archive_bytes',
    help: 'Length of the files of these instances',
    registers,
    async collect() {
      this.set((await counts())?.bytes ?? NaN)
    },
  })
  new Gauge({
    name: 'concord_fhir_owed_studies',
    help: 'Studies of which the FHIR server has yet to be told',
    labelNames: ['state'] as const,
    registers,
    async collect() {
      // Without the index nobody knows; the other figures are then wanted all the more.
      const owed = await archive.database.outbox.owed(0).catch(() => undefined)
      this.set({ state: 'owed' }, owed?.studies ?? NaN)
      this.set({ state: 'held' }, owed?.held ?? NaN)
      this.set({ state: 'dead' }, owed?.dead ?? NaN)
    },
  })
  new Gauge({
    name: 'concord_attention_open',
    help: 'What a person should look at, by reason',
    labelNames: ['reason'] as const,
    registers,
    async collect() {
      const open = await archive.database.attention.counts().catch(() => undefined)
      this.reset()
      for (const [reason, n] of open ?? []) this.set({ reason }, n)
    },
  })
  return {
    registry,
    requests: new Histogram({
      name: 'concord_http_request_seconds',
      help: 'Time from the head of a request to the end of its answer',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
      registers,
    }),
    uploads: new Gauge({ name: 'concord_uploads', help: 'Uploads at this moment', registers }),
    countOutcomes(outcomes) {
      for (const outcome of outcomes) instances.inc({ outcome: outcomeName(outcome) })
    },
  }
}

function outcomeName(outcome: StoreOutcome): string {
  if (outcome.kind === 'refused') return 'refused'
  return outcome.isNew ? 'stored' : 'known'
}

/** `GET /metrics`. */
export function metricsRoutes({ registry }: Metrics): Router {
  const router = express.Router()
  const answer: RequestHandler = async (_request, response) => {
    const text = await registry.metrics()
    response.setHeader('Content-Type', registry.contentType)
    response.end(text)
  }
  router.get('/metrics', answer)
  return router
}
