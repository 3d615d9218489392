/** WHAT MAIN OPENS FOR THE FHIR SERVER: the way there, what tells it of studies, and what looks there for corrections. */
import packageJson from '../package.json' with { type: 'json' }
import type { Archive } from './archive/archive.ts'
import type { Corrector } from './archive/correct.ts'
import { isOff } from './archive/correct-policy.ts'
import { startSync, type Sync } from './archive/sync.ts'
import { startWatch, type Watch } from './archive/watch.ts'
import { startSubscriptions, type Subscriptions } from './archive/watch-subscription.ts'
import type { Config } from './config.ts'
import { clientCredentials } from './fhir/client-credentials.ts'
import { openFhirServer } from './fhir/kit.ts'
import type { MappingSettings } from './fhir/mapping/settings.ts'
import { type FhirServer, isFhirError } from './fhir/ports.ts'
import type { TokenSource } from './fhir/transport.ts'
import { fhirNotifyRoutes, fhirWatchRoutes, NOTIFY } from './http/fhir-notify.ts'
import type { Mount } from './http/routes.ts'
import { DICOMWEB, type HttpSettings, LINEAGE } from './http/settings.ts'
import type { Log } from './log.ts'

/** The FHIR server, and how studies are told to it. */
interface FhirSide {
  readonly server: FhirServer
  readonly mapping: MappingSettings
}

/** Null where none is configured. */
export function fhirSideOf(archive: Archive, config: Config, settings: HttpSettings): FhirSide | null {
  const { fhir, siteTimezone, defaultIssuer } = config
  if (fhir === undefined) return null
  const { url, version, accessionIssuer, issuers, instanceDetail, profile } = fhir
  const token = fhirToken(fhir)
  const server = openFhirServer({ url, ...(token !== undefined && { token }) })
  return {
    server,
    mapping: {
      archiveId: archive.database.archiveId,
      release: version,
      zone: siteTimezone,
      defaultIssuer,
      accessionIssuer,
      issuers,
      instanceDetail,
      profile,
      needsToken: settings.tokens.length > 0,
      dicomwebUrl: settings.publicUrl + DICOMWEB,
      lineageUrl: settings.publicUrl + LINEAGE,
      softwareVersion: packageJson.version,
    },
  }
}

/** How loudly the log says what is no everyday event. */
const LEVELS: Readonly<Record<string, 'warn' | 'error' | undefined>> = { paused: 'warn', bug: 'error' }

/** What the log says of an event: of a FhirError its message too, which quotes no resource. */
function facts(what: string, error: unknown): object {
  return { what, ...(isFhirError(error) && { problem: error.message }), err: error }
}

/** Tells it of the studies; null where there is none. */
export function syncOf(archive: Archive, side: FhirSide | null, config: Config, log: Log): Sync | null {
  const { fhir, fhirQuietMs, corrections } = config
  if (fhir === undefined || side === null) return null
  return startSync(archive, side.server, {
    mapping: side.mapping,
    isWatched: !isOff(corrections.policy),
    mixedPatients: fhir.conflict,
    handEdits: fhir.handEdits,
    patients: fhir.patients,
    remoteDelete: fhir.onRemoteDelete,
    orphans: fhir.orphans,
    reconcileMs: fhir.reconcileMs,
    quietMs: fhirQuietMs,
    report: ({ what, error }) => log[LEVELS[what] ?? 'info'](facts(what, error), 'fhir'),
  })
}

/** Looks there for what is corrected. */
export function watchOf(
  archive: Archive,
  side: FhirSide | null,
  { corrections, fhirPollMs: pollMs }: Config,
  log: Log,
  corrector: Corrector,
): Watch | null {
  if (side === null || isOff(corrections.policy)) return null
  return startWatch(archive, side.server, {
    mapping: side.mapping,
    policy: corrections.policy,
    pollMs,
    report: ({ what, error }) => {
      log[what === 'fault' ? 'warn' : 'info'](facts(what, error), 'watch')
      if (what === 'proposed') corrector.wake()
    },
  })
}

/** Has it call when something is corrected there. */
export function subscriptionsOf(
  archive: Archive,
  side: FhirSide | null,
  { corrections, fhirSubscribe, fhirNotifySecret: secret }: Config,
  { publicUrl }: HttpSettings,
  log: Log,
): Subscriptions | null {
  if (side === null) return null
  // Without a watch nobody listens to what is called.
  const isWanted = fhirSubscribe && !isOff(corrections.policy)
  return startSubscriptions(archive, side.server, {
    mapping: side.mapping,
    hook: isWanted && secret !== undefined ? { url: publicUrl + NOTIFY, secret } : null,
    report: ({ what, error }) => log[what === 'fault' ? 'warn' : 'info'](facts(what, error), 'subscriptions'),
  })
}

export function watchMounts(watch: Watch | null, { fhirNotifySecret }: Config): Mount[] {
  if (watch === null) return []
  const admin: Mount = { at: '', router: fhirWatchRoutes(watch), access: 'admin' }
  if (fhirNotifySecret === undefined) return [admin]
  return [admin, { at: '', router: fhirNotifyRoutes(watch, fhirNotifySecret), access: 'open' }]
}

function fhirToken({ token, oauth }: NonNullable<Config['fhir']>): TokenSource | undefined {
  if (oauth !== undefined) return clientCredentials(oauth)
  return token === undefined ? undefined : () => Promise.resolve(token)
}
